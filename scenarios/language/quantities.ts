/**
 * The quantities that people write in scenarios, as zod types that turn text into numbers: spans
 * (`200ms`), ranges (`200us..800us`) and distributions (`exponential(300ms)`) of spans, ratios (`5%`,
 * `0.05`), drifts (`200ppm`), rates (`50/s`), bandwidths (`10Gbit`) and sizes (`2kB`). Each says what
 * it wants when it gets something else.
 */

import { z } from 'zod';
import type { SpanDistribution } from '../../sim/span-distribution.ts';
import { HOUR_NS, MINUTE_NS, parseDuration, SECOND_NS } from '../../sim/time.ts';
import { parseIpv4Address } from '../../wire/addresses.ts';
import { didYouMean } from './issue.ts';

/** A clock that is worse is broken and not fast. */
const DRIFT_RATIO_MAX = 0.5;

/** An inclusive range of spans, in ns. */
export interface SpanRange {
  readonly minNs: number;
  readonly maxNs: number;
}

/** Why a text is not a quantity. */
export interface Refusal {
  readonly error: string;
  /** What would mend it; without one, the description of the quantity is the hint. */
  readonly hint?: string | undefined;
}

function isRefusal(result: unknown): result is Refusal {
  return typeof result === 'object' && result !== null && 'error' in result;
}

/** A quantity of its own kind: what it is called, how it is read, and an example. */
export function quantity<T>(
  parse: (text: string) => T | Refusal,
  description: string,
  example: string,
): z.ZodType<T> {
  return z
    .union([z.string(), z.number()], { error: `expected ${description}, such as ${example}` })
    .transform((input, context) => {
      const result = parse(String(input).trim());
      if (!isRefusal(result)) return result;
      const params = result.hint === undefined ? {} : { hint: result.hint };
      context.addIssue({ code: 'custom', message: result.error, params });
      return z.NEVER;
    })
    .meta({ description: `${description}, such as ${example}`, examples: [example] }) as never;
}

/** Parses a span, in ns. */
export function parseSpan(text: string): number | Refusal {
  const spanNs = parseDuration(text);
  if (spanNs !== undefined && spanNs >= 0) return spanNs;
  if (spanNs !== undefined) {
    return { error: `the duration ${text} is negative`, hint: 'time only goes forward, from 0s' };
  }
  const error = `'${text}' is not a duration`;
  const lacksUnit = /^[+-]?\d+(\.\d+)?$/.test(text);
  return lacksUnit ? { error, hint: `it lacks a unit: did you mean ${text}s?` } : { error };
}

/** A span or an instant, in ns: `30s`, `1m30s`, `200us`. */
export const span = quantity<number>(parseSpan, 'a duration', '30s');

/** A range of spans: `200us..800us`, or one span for both ends. */
export const spanRange = quantity<SpanRange>(
  parseSpanRange,
  'a duration or a range of durations',
  '200us..800us',
);

function parseSpanRange(text: string): SpanRange | Refusal {
  const [low, high, more] = text.split('..');
  const minNs = parseSpan((low ?? '').trim());
  const maxNs = high === undefined ? minNs : parseSpan(high.trim());
  if (typeof minNs !== 'number') return minNs;
  if (typeof maxNs !== 'number') return maxNs;
  if (more !== undefined) return { error: `'${text}' is not a range` };
  if (maxNs < minNs) {
    const hint = `did you mean ${high!.trim()}..${low!.trim()}?`;
    return { error: `the range ${text} ends before it begins`, hint };
  }
  return { minNs, maxNs };
}

/** The distributions with a name: their parameters, as they are written. */
const DISTRIBUTIONS: Readonly<Record<string, (spanNs: number, shape: number) => SpanDistribution>> =
  {
    exponential: (meanNs) => ({ kind: 'exponential', meanNs }),
    lognormal: (medianNs, sigma) => ({ kind: 'lognormal', medianNs, sigma }),
    pareto: (minNs, alpha) => ({ kind: 'pareto', minNs, alpha }),
  };

/**
 * How spans are distributed: `200ms..2s` is uniform, `exponential(300ms)` by its mean,
 * `lognormal(100ms, 1.5)` by its median and sigma, `pareto(50ms, 1.2)` by its minimum and alpha.
 */
export const spanDistribution = quantity<SpanDistribution>(
  (text) => {
    const match = /^([a-z]+)\(([^,()]*)(?:,\s*(\d+(?:\.\d+)?))?\)$/.exec(text);
    if (match === null) {
      const range = parseSpanRange(text);
      return isRefusal(range) ? range : { kind: 'uniform', ...range };
    }
    const [, name, spanText, shapeText] = match;
    const make = Object.hasOwn(DISTRIBUTIONS, name!) ? DISTRIBUTIONS[name!] : undefined;
    if (make === undefined) {
      const hint = didYouMean(name!, Object.keys(DISTRIBUTIONS));
      return { error: `there is no distribution '${name}'`, hint };
    }
    const spanNs = parseSpan(spanText!.trim());
    if (typeof spanNs !== 'number') return spanNs;
    const shape = Number(shapeText);
    if ((name === 'exponential') !== Number.isNaN(shape) || shape === 0) {
      const hint = name === 'exponential' ? `${name}(${spanText})` : `${name}(${spanText}, 1.5)`;
      return { error: `'${text}' has the wrong parameters`, hint: `did you mean ${hint}?` };
    }
    return make(spanNs, shape);
  },
  'a duration, a range or a distribution of durations',
  'exponential(300ms)',
);

/** By how much a clock is fast, or slow when it is negative, as a ratio: `200ppm`, `-5%`. */
export const drift = quantity<number>(
  (text) => {
    const match = /^([+-]?\d+(?:\.\d+)?)(ppm|%)$/.exec(text);
    if (match === null)
      return { error: `'${text}' is not a drift`, hint: 'ppm and % are units of it' };
    const ratio = Number(match[1]) / (match[2] === 'ppm' ? 1e6 : 100);
    if (Math.abs(ratio) <= DRIFT_RATIO_MAX) return ratio;
    return { error: `the drift ${text} is more than 50%` };
  },
  'a drift',
  '200ppm',
);

/** A ratio in [0, 1]: `20%` or `0.2`. */
export const ratio = quantity<number>(parseRatio, 'a ratio', '20%');

/** Parses a ratio. */
export function parseRatio(text: string): number | Refusal {
  const match = /^([+-]?\d+(?:\.\d+)?)(%?)$/.exec(text);
  if (match === null) return { error: `'${text}' is not a ratio` };
  const value = Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (value >= 0 && value <= 1) return value;
  return { error: `the ratio ${text} is not between 0 and 100%` };
}

const RATE_UNITS: Readonly<Record<string, number>> = { s: SECOND_NS, m: MINUTE_NS, h: HOUR_NS };

/** A rate in events per second: `50/s`, `300/m`. */
export const rate = quantity<number>(
  (text) => {
    const match = /^(\d+(?:\.\d+)?)\s*\/\s*(s|m|h)$/.exec(text);
    if (match === null) {
      const error = `'${text}' is not a rate`;
      const lacksUnit = /^\d+(\.\d+)?$/.test(text);
      return lacksUnit ? { error, hint: `did you mean ${text}/s?` } : { error };
    }
    const perSecond = (Number(match[1]) * SECOND_NS) / RATE_UNITS[match[2]!]!;
    if (perSecond > 0) return perSecond;
    return { error: 'a rate of zero sends nothing', hint: 'leave the entry out' };
  },
  'a rate',
  '50/s',
);

const SCALES: Readonly<Record<string, number>> = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** A bandwidth in bits per second: `10Gbit`, `100Mbit`. */
export const bandwidth = quantity<number>(
  (text) => {
    const match = /^(\d+(?:\.\d+)?)\s*([kKMGT]?)(?:bit|bps|bit\/s)$/.exec(text);
    if (match === null) return { error: `'${text}' is not a bandwidth` };
    const bits = Number(match[1]) * SCALES[match[2]!]!;
    if (bits > 0) return bits;
    return { error: 'a bandwidth of zero lets nothing through', hint: 'use drop instead' };
  },
  'a bandwidth',
  '10Gbit',
);

/** A size in bytes: `512`, `2kB`, `64KiB`. */
export const size = quantity<number>(
  (text) => {
    const match = /^(\d+(?:\.\d+)?)\s*(k|K|M|G)?(i)?B?$/.exec(text);
    if (match === null) return { error: `'${text}' is not a size` };
    const power = match[2] === undefined ? 0 : ' kMG'.indexOf(match[2].replace('K', 'k'));
    return Math.round(Number(match[1]) * (match[3] === undefined ? 1000 : 1024) ** power);
  },
  'a size',
  '2kB',
);

/** An IPv4 address as an unsigned integer: `198.51.100.53`. */
export const ipv4 = quantity<number>(
  (text) => parseIpv4Address(text) ?? { error: `'${text}' is not an IPv4 address` },
  'an IPv4 address',
  '198.51.100.53',
);
