import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MILLISECOND_NS, SECOND_NS } from '../sim/time.ts';
import { LAN, LOCAL, WAN } from './constants.ts';
import {
  expectedConfirmations,
  nextTickAfter,
  pushPullScaleNs,
  remainingSuspicionTimeNs,
  retransmitLimit,
  suspicionTimeoutNs,
} from './formulas.ts';

interface Row {
  readonly n: number;
  readonly suspicionMinLanMs: number;
  readonly suspicionMinWanMs: number;
  readonly suspicionMinLocalMs: number;
  readonly lanTimeoutMsByConfirmationsK2: readonly number[];
  readonly wanTimeoutMsByConfirmationsK4: readonly number[];
  readonly retransmitLimitMult4: number;
  readonly retransmitLimitMult2: number;
  readonly pushPullIntervalLanSeconds: number;
}

const url = new URL('../test/fixtures/memberlist-measured/formulas.json', import.meta.url);
const { rows } = JSON.parse(readFileSync(url, 'utf8')) as { rows: readonly Row[] };

test.each(rows)('the formulas give what the real functions gave for $n nodes', (row) => {
  const { n } = row;
  const minMs = (mult: number, intervalNs: number) =>
    suspicionTimeoutNs(mult, n, intervalNs) / MILLISECOND_NS;
  expect(minMs(LAN.suspicionMult, LAN.probeIntervalNs)).toBe(row.suspicionMinLanMs);
  expect(minMs(WAN.suspicionMult, WAN.probeIntervalNs)).toBe(row.suspicionMinWanMs);
  expect(minMs(LOCAL.suspicionMult, LOCAL.probeIntervalNs)).toBe(row.suspicionMinLocalMs);
  const timeouts = (k: number, minimumMs: number) =>
    Array.from({ length: k + 1 }, (_, c) => {
      const minNs = minimumMs * MILLISECOND_NS;
      return remainingSuspicionTimeNs(c, k, 0, minNs, 6 * minNs) / MILLISECOND_NS;
    });
  expect(timeouts(2, row.suspicionMinLanMs)).toEqual(row.lanTimeoutMsByConfirmationsK2);
  expect(timeouts(4, row.suspicionMinWanMs)).toEqual(row.wanTimeoutMsByConfirmationsK4);
  expect(retransmitLimit(4, n)).toBe(row.retransmitLimitMult4);
  expect(retransmitLimit(2, n)).toBe(row.retransmitLimitMult2);
  expect(pushPullScaleNs(LAN.pushPullIntervalNs, n) / SECOND_NS).toBe(
    row.pushPullIntervalLanSeconds,
  );
});

test('too few nodes to confirm make a suspicion flat', () => {
  const k = [2, 3, 4, 5].map((n) => expectedConfirmations(LAN.suspicionMult, n));
  expect(k).toEqual([0, 0, 2, 2]);
  expect(expectedConfirmations(LOCAL.suspicionMult, 3)).toBe(1);
});

test('a ticker ticks at its start plus whole intervals, never at its start', () => {
  expect([0, 9, 10, 11, 25].map((nowNs) => nextTickAfter(0, 10, nowNs))).toEqual([
    10, 10, 20, 20, 30,
  ]);
  expect(nextTickAfter(7, 10, 3)).toBe(7);
});
