/**
 * Quantities as people write them.
 */
import { expect, test } from 'vitest';
import type { z } from 'zod';
import {
  bandwidth,
  drift,
  rate,
  ratio,
  size,
  span,
  spanDistribution,
  spanRange,
} from './quantities.ts';

const range = (minNs: number, maxNs: number) => ({ minNs, maxNs });

test.each<[string, z.ZodType, string | number, unknown]>([
  ['span', span, '30s', 30e9],
  ['span', span, '1m30s', 90e9],
  ['span', span, '200us', 200e3],
  ['span', span, 0, 0],
  ['range', spanRange, '200us..800us', range(200e3, 800e3)],
  ['range', spanRange, ' 1ms .. 2ms ', range(1e6, 2e6)],
  ['range', spanRange, '5ms', range(5e6, 5e6)],
  ['distribution', spanDistribution, '1s..2s', { kind: 'uniform', ...range(1e9, 2e9) }],
  ['distribution', spanDistribution, 'exponential(300ms)', { kind: 'exponential', meanNs: 300e6 }],
  [
    'distribution',
    spanDistribution,
    'lognormal(1s, 1.5)',
    { kind: 'lognormal', medianNs: 1e9, sigma: 1.5 },
  ],
  ['distribution', spanDistribution, 'pareto(1s,2)', { kind: 'pareto', minNs: 1e9, alpha: 2 }],
  ['drift', drift, '200ppm', 0.0002],
  ['drift', drift, '-5%', -0.05],
  ['ratio', ratio, '20%', 0.2],
  ['ratio', ratio, 0.2, 0.2],
  ['ratio', ratio, 1, 1],
  ['rate', rate, '50/s', 50],
  ['rate', rate, '300 / m', 5],
  ['rate', rate, '36/h', 0.01],
  ['bandwidth', bandwidth, '10Gbit', 10e9],
  ['bandwidth', bandwidth, '100 Mbps', 100e6],
  ['size', size, 512, 512],
  ['size', size, '2kB', 2000],
  ['size', size, '64KiB', 65_536],
  ['size', size, '1.5M', 1_500_000],
])('%s %#: %s', (_name, schema, input, expected) => {
  expect(schema.parse(input)).toEqual(expected);
});

test.each<[string, z.ZodType, string | number, string]>([
  ['span', span, '30', "'30' is not a duration"],
  ['span', span, '-1s', 'the duration -1s is negative'],
  ['range', spanRange, '1s..2s..3s', "'1s..2s..3s' is not a range"],
  ['range', spanRange, '2s..1s', 'the range 2s..1s ends before it begins'],
  ['distribution', spanDistribution, '2s..1s', 'the range 2s..1s ends before it begins'],
  ['distribution', spanDistribution, 'normal(1s, 2)', "there is no distribution 'normal'"],
  [
    'distribution',
    spanDistribution,
    'exponential(1s, 2)',
    "'exponential(1s, 2)' has the wrong parameters",
  ],
  ['distribution', spanDistribution, 'pareto(1, 2)', "'1' is not a duration"],
  ['drift', drift, '80%', 'the drift 80% is more than 50%'],
  ['drift', drift, '1s', "'1s' is not a drift"],
  ['ratio', ratio, '101%', 'the ratio 101% is not between 0 and 100%'],
  ['ratio', ratio, 'half', "'half' is not a ratio"],
  ['rate', rate, '0/s', 'a rate of zero sends nothing'],
  ['bandwidth', bandwidth, '0bit', 'a bandwidth of zero lets nothing through'],
  ['bandwidth', bandwidth, '10GB', "'10GB' is not a bandwidth"],
  ['size', size, '2 mice', "'2 mice' is not a size"],
])('%s %#: %s is refused', (_name, schema, input, message) => {
  expect(schema.safeParse(input).error?.issues.map((issue) => issue.message)).toEqual([message]);
});
