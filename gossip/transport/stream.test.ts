/** A stream of the delegate that is longer than memberlist takes, after compression. */
import { expect, test } from 'vitest';
import { World } from '../../sim/world.ts';
import { LAN } from '../constants.ts';
import type { SwimDelegate } from '../delegate.ts';
import { Observed } from '../observed.ts';
import { Swim } from '../swim.ts';
import { PlainUnderlay } from '../testing/plain-underlay.ts';

const SIZE_BYTES = 21 * 1024 * 1024;

/** Bytes that do not compress, or that do. */
function bytesOf(isRandom: boolean): Uint8Array {
  const bytes = new Uint8Array(SIZE_BYTES);
  if (!isRandom) return bytes;
  let state = 1;
  for (let i = 0; i < bytes.length; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

test.each([
  { hasKeyring: true, isRandom: true, arrives: false },
  { hasKeyring: true, isRandom: false, arrives: true },
  { hasKeyring: false, isRandom: true, arrives: true },
])('keys $hasKeyring, random $isRandom: arrives $arrives', ({ hasKeyring, isRandom, arrives }) => {
  const world = new World('1');
  const underlay = new PlainUnderlay(world, {
    latencyMinNs: 1000,
    latencyMaxNs: 2000,
    lossRatio: 0,
  });
  const swim = new Swim({ world, underlay, config: { ...LAN, hasKeyring } });
  const heard: number[] = [];
  const refused: string[] = [];
  world.observations.subscribe(Observed.streamRefused, ({ text }) => refused.push(text));
  const delegate: SwimDelegate = {
    notifyJoin: () => {},
    notifyLeave: () => {},
    notifyUpdate: () => {},
    getBroadcasts: () => [],
    notifyMessage: (member) => heard.push(member),
    localState: () => undefined,
    mergeRemoteState: () => {},
    encode: () => bytesOf(isRandom),
  };
  swim.setDelegate(delegate);
  for (const name of ['a', 'b']) swim.addMember({ name, address: name.charCodeAt(0) });
  const results: boolean[] = [];
  swim.sendReliable(0, 1, { sizeBytes: SIZE_BYTES }, (ok) => results.push(ok));
  world.queue.runUntil(1e9);
  expect(results).toEqual([true]);
  expect(heard).toEqual(arrives ? [1] : []);
  if (arrives) expect(refused).toEqual([]);
  else expect(refused[0]).toMatch(/^Remote node state is larger than limit \(\d{8}\)$/);
});

test.each([
  { maxPushStateBytes: 2000, joins: true, seen: [] },
  { maxPushStateBytes: 1000, joins: true, seen: ['1 <- 0: Remote node state size is'] },
  {
    maxPushStateBytes: 500,
    joins: false,
    seen: ['1 <- 0: Remote node state is larger than limit'],
  },
])('a join whose answer is long, of at most $maxPushStateBytes bytes: $seen', (given) => {
  const world = new World('1');
  const conditions = { latencyMinNs: 1000, latencyMaxNs: 2000, lossRatio: 0 };
  const underlay = new PlainUnderlay(world, conditions);
  const config = { ...LAN, hasKeyring: true, maxPushStateBytes: given.maxPushStateBytes };
  const swim = new Swim({ world, underlay, config });
  const seen: string[] = [];
  for (const kind of [Observed.streamRefused, Observed.streamLarge]) {
    world.observations.subscribe(kind, ({ node, a, text }) => {
      seen.push(`${node} <- ${a}: ${text.split(' (')[0]}`);
    });
  }
  swim.addMember({ name: 'a', address: 1, meta: bytesOf(true).subarray(0, 512) });
  swim.addMember({ name: 'b', address: 2 });
  let joinedCount = -1;
  swim.join(1, [0], (_ok, _nowNs, count) => {
    joinedCount = count;
  });
  world.queue.runUntil(1e8);
  expect(seen).toEqual(given.seen);
  expect(joinedCount).toBe(given.joins ? 1 : 0);
});
