/**
 * A network whose entries have outgrown what memberlist takes (moby issue 52661): its bulk syncs are
 * refused by who receives them, which who sends them does not notice, and what a node has missed it
 * never gets. The values do not compress, and are long, so that few entries make 20 MiB.
 */
import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { DOCKER } from '../constants.ts';
import { Observed as MembershipObserved } from '../observed.ts';
import { Swim } from '../swim.ts';
import { PlainUnderlay } from '../testing/plain-underlay.ts';
import { NetworkDb } from './network-db.ts';
import { Observed } from './state.ts';
import type { TableValue } from './store/entries.ts';

const NET = 'net';
const TABLE = 'endpoint_table';
const VALUE_BYTES = 60_000;

/** A value whose bytes no compression shortens. */
function noise(seed: number): TableValue {
  return {
    sizeBytes: VALUE_BYTES,
    encode: () => {
      const bytes = new Uint8Array(VALUE_BYTES);
      let state = seed + 1;
      for (let i = 0; i < bytes.length; i++) {
        state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
        bytes[i] = state >>> 24;
      }
      return bytes;
    },
  };
}

/** Node 0 has so many entries, and node 1 joins their network. */
function joinWith(entryCount: number) {
  const world = new World('state-size');
  const conditions = { latencyMinNs: 30_000, latencyMaxNs: 90_000, lossRatio: 0 };
  const underlay = new PlainUnderlay(world, conditions);
  const swim = new Swim({ world, underlay, config: { ...DOCKER, hasKeyring: true } });
  const db = new NetworkDb({ world, carrier: swim });
  swim.setDelegate(db);
  const count = { refused: 0, timedOut: 0 };
  world.observations.subscribe(MembershipObserved.streamRefused, () => count.refused++);
  world.observations.subscribe(Observed.bulkSyncTimeout, () => count.timedOut++);
  const run = (seconds: number) => world.queue.runUntil(world.nowNs + seconds * SECOND_NS);
  for (let node = 0; node < 2; node++) {
    const name = `node${String(node).padStart(8, '0')}`;
    const address = 0x0a00_0001 + node;
    db.addNode({ node, name, hostname: name, address });
    swim.addMember({ name, address });
    if (node > 0) db.join(node, [{ address: 0x0a00_0001, port: 0 }]);
    run(1);
  }
  db.joinNetwork(0, NET);
  run(2);
  for (let i = 0; i < entryCount; i++) db.createEntry(0, TABLE, NET, `key-${i}`, noise(i));
  let syncedAfterSeconds = -1;
  const joinedAtNs = world.nowNs;
  db.joinNetwork(1, NET, (nowNs) => {
    syncedAfterSeconds = (nowNs - joinedAtNs) / SECOND_NS;
  });
  run(100);
  return { held: db.entriesOf(1, TABLE, NET).length, syncedAfterSeconds, ...count };
}

test('below 20 MiB a joining node has everything at once', () => {
  const { held, syncedAfterSeconds, refused, timedOut } = joinWith(200);
  expect([held, refused, timedOut]).toEqual([200, 0, 0]);
  expect(syncedAfterSeconds).toBeLessThan(1);
});

test('above it waits 30 s, believes to be in sync, and never has anything', () => {
  const { held, syncedAfterSeconds, refused, timedOut } = joinWith(400);
  expect(held).toBe(0);
  expect(syncedAfterSeconds).toBeGreaterThan(29);
  expect(syncedAfterSeconds).toBeLessThan(31);
  expect(refused).toBeGreaterThan(2);
  expect(timedOut).toBeGreaterThan(2);
});
