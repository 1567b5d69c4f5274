/**
 * Sentences and what they mean.
 */
import { expect, test } from 'vitest';
import { parseExpectation } from './expectation.ts';

const SECOND = 1_000_000_000;

test.each([
  [
    'membership of worker-2 is dead everywhere within 15s of crash',
    {
      kind: 'membership',
      node: 'worker-2',
      state: 'dead',
      everywhere: true,
      withinNs: 15 * SECOND,
      of: 'crash',
    },
  ],
  [
    'membership of worker-2 is suspect somewhere within 2s of crash',
    {
      kind: 'membership',
      node: 'worker-2',
      state: 'suspect',
      everywhere: false,
      withinNs: 2 * SECOND,
      of: 'crash',
    },
  ],
  [
    'membership of worker-2 is alive within 1m of heal',
    {
      kind: 'membership',
      node: 'worker-2',
      state: 'alive',
      everywhere: true,
      withinNs: 60 * SECOND,
      of: 'heal',
    },
  ],
  [
    'node worker-2 is down within 17s of crash',
    { kind: 'node', node: 'worker-2', state: 'down', withinNs: 17 * SECOND, of: 'crash' },
  ],
  [
    '  service  vote is healthy   within 30s of crash ',
    { kind: 'service', service: 'vote', withinNs: 30 * SECOND, of: 'crash' },
  ],
  ['networkdb converges within 15s of heal', { kind: 'networkdb', withinNs: 15e9, of: 'heal' }],
  [
    'traffic votes recovers within 30s of crash',
    { kind: 'trafficRecovery', traffic: 'votes', withinNs: 30e9, of: 'crash' },
  ],
  [
    'traffic votes loses at most 5%',
    { kind: 'trafficLoss', traffic: 'votes', bound: 'most', ratio: 0.05 },
  ],
  [
    'traffic votes loses at least 0.6',
    { kind: 'trafficLoss', traffic: 'votes', bound: 'least', ratio: 0.6 },
  ],
  [
    'traffic votes fails only by timeout',
    { kind: 'trafficFailure', traffic: 'votes', outcome: 'timeout' },
  ],
  [
    'traffic votes does not recover within 3s of crash',
    { kind: 'trafficRecovery', traffic: 'votes', withinNs: 3e9, of: 'crash', isDenied: true },
  ],
  [
    'membership of w is not dead somewhere within 4s of crash',
    {
      kind: 'membership',
      node: 'w',
      state: 'dead',
      everywhere: false,
      withinNs: 4 * SECOND,
      of: 'crash',
      isDenied: true,
    },
  ],
  ['membership of w is never dead', { kind: 'neverHeld', node: 'w', state: 'dead' }],
  ['node w is never down', { kind: 'neverSaid', node: 'w', state: 'down' }],
  [
    'traffic votes p99.9 is at most 200ms',
    { kind: 'trafficLatency', traffic: 'votes', quantile: 0.999, atMostNs: 200e6 },
  ],
  ['no false positives', { kind: 'falsePositives' }],
  [
    'measure manager.nodeDown is at most 17s',
    { kind: 'measure', measure: 'manager.nodeDown', bound: 'most', value: 17e9 },
  ],
  [
    'measure traffic.votes.ok is at least 1000',
    { kind: 'measure', measure: 'traffic.votes.ok', bound: 'least', value: 1000 },
  ],
  ['checkers hold at end', { kind: 'checkers' }],
  [
    'checker members-agree fails at end',
    { kind: 'checker', checker: 'members-agree', holds: false },
  ],
  ['checker tables-agree holds at end', { kind: 'checker', checker: 'tables-agree', holds: true }],
])('%s', (sentence, meaning) => {
  expect(parseExpectation(sentence)).toEqual(meaning);
});

test.each([
  ['membership of w is ded everywhere within 1s of crash', "a member is never 'ded'", 'dead'],
  ['membership of w is dead evrywhere within 1s of crash', 'does not say where', 'everywhere'],
  ['node w is dwon within 1s of crash', "a node is never 'dwon'", 'down'],
  ['node w is down within -1s of crash', 'the duration -1s is negative', 'forward'],
  ['traffic votes loses at most 5%%', "'5%%' is not a ratio", '5%'],
  ['traffic votes loses at most 5x', "'5x' is not a ratio", '5%'],
  ['traffic votes q99 is at most 1s', "'q99' is not a percentile", 'p99'],
  ['measure x is at mist 3', "'at mist' is no bound", 'most'],
  ['measure x is at most lots', "'lots' is no value", '17s'],
  ['traffic votes loses at mist 5%', "'at mist' is no bound", 'most'],
  ['traffic votes fails only by timeot', "do not fail by 'timeot'", 'timeout'],
  ['membership of w is never ded', "a member is never 'ded'", 'dead'],
  ['membership of w is not ded within 1s of crash', "a member is never 'ded'", 'dead'],
  ['traffic votes does not loses at most 5%', 'cannot read', 'expected'],
  ['traffic votes does not lose at most 5%', 'cannot read', 'deadline'],
  ['checker members-agre fails at end', "no checker 'members-agre'", 'members-agree'],
  ['checker members-agree fail at end', "does not 'fail'", 'fails'],
  ['servce vote is healthy within 3s of crash', 'cannot read', 'service'],
  ['', 'cannot read', 'membership'],
])('%s is refused', (sentence, error, hint) => {
  const refusal = parseExpectation(sentence);
  expect(refusal).toMatchObject({ error: expect.stringContaining(error) });
  expect(refusal).toMatchObject({ hint: expect.stringContaining(hint) });
});
