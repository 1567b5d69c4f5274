import { expect, test } from 'vitest';
import { probeTargetOf } from './probe-target.ts';

test.each([
  ['manager-1:5000', 'manager-1', 5000],
  ['worker-1/web:80', 'worker-1/web', 80],
  ['10.0.1.5', '10.0.1.5', undefined],
  ['[fd00:1::2]:80', 'fd00:1::2', 80],
  ['[fd00:1::2]', 'fd00:1::2', undefined],
  ['fd00:1::2', 'fd00:1::2', undefined],
  ['::1', '::1', undefined],
])('%s', (text, host, port) => {
  expect(probeTargetOf(text)).toEqual({ host, port });
});

test.each(['', ':80', 'web:0', 'web:65536', 'web:http', '[fd00::1', '[fd00::1]80'])(
  '%s is none',
  (text) => {
    expect(probeTargetOf(text)).toBeUndefined();
  },
);
