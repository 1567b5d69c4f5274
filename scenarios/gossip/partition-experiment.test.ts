/**
 * Two parts that declare each other dead, and what it takes for them to be one again.
 */
import { expect, test } from 'vitest';
import { LAN } from '../../gossip/constants.ts';
import { MICROSECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { type PartitionInit, simulatePartition } from './partition-experiment.ts';
import { formatPartitionJson, formatPartitionReport } from './report/partition-report.ts';

const HALVES: PartitionInit = {
  seed: '1',
  memberCount: 24,
  config: LAN,
  latencyNsMin: 200 * MICROSECOND_NS,
  latencyNsMax: 800 * MICROSECOND_NS,
  lossRatio: 0,
  cutNs: 60 * SECOND_NS,
  partRatio: 0.5,
  reconnectNs: 0,
};

const OPTIONS = {
  hasColour: false,
  isAscii: false,
  widthColumns: 60,
  profile: 'lan',
  replay: 'r',
};

test('after a minute apart memberlist alone does not find together again', () => {
  const result = simulatePartition({ ...HALVES, untilNs: 60 * SECOND_NS });
  expect(result.partCounts).toEqual([12, 12]);
  expect(result.allDeadNs).toBeLessThan(HALVES.cutNs);
  expect([result.deadRatioHealed, result.deadRatioEnd]).toEqual([1, 1]);
  expect(result.reunitedNs).toBeUndefined();
  expect(result.alarms).toEqual({ suspicions: 0, deaths: 0, deadMembers: 0, refutations: 0 });
  const report = formatPartitionReport(HALVES, result, OPTIONS);
  expect(report).toContain('12 and 12 members apart for 60.000s');
  expect(report).toContain('The parts stay apart');
});

test('with reconnections it does, and shortcuts change nothing', () => {
  const init = { ...HALVES, partRatio: 0.25, reconnectNs: 60 * SECOND_NS };
  const result = simulatePartition(init);
  expect(result.partCounts).toEqual([6, 18]);
  expect(result.reunitedNs).toBeGreaterThan(init.cutNs);
  expect(result.reunitedNs).toBeLessThan(init.cutNs + init.reconnectNs);
  expect(result.deadRatioEnd).toBe(0);
  // a push/pull tells a part that its own members were dead to the other
  expect(result.alarms.refutations).toBeGreaterThanOrEqual(6);
  expect(simulatePartition({ ...init, shortcuts: false })).toEqual(result);
  expect(JSON.parse(formatPartitionJson(init, result, 'lan'))).toMatchObject({
    experiment: 'partition',
    settings: { cutSeconds: 60, partRatio: 0.25, reconnectSeconds: 60 },
    deadRatioEnd: 0,
  });
});

test('a cut shorter than a suspicion kills nobody', () => {
  const init = { ...HALVES, cutNs: 3 * SECOND_NS, untilNs: 30 * SECOND_NS };
  const result = simulatePartition(init);
  expect([result.firstDeadNs, result.deadRatioEnd]).toEqual([undefined, 0]);
  expect(result.endedNs).toBe(33 * SECOND_NS);
  expect(formatPartitionReport(init, result, OPTIONS)).toContain('too short');
});
