/**
 * A link that is cut for 15 s, over the real membership engine, against three live nodes of each
 * generation (moby v24.0.9, 29.x of August 2026, master of August 2026; 4 to 10 rounds each).
 */
import { expect, test } from 'vitest';
import { drawBelow } from '../../sim/chance.ts';
import { MICROSECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { Swim } from '../swim.ts';
import { PlainUnderlay } from '../testing/plain-underlay.ts';
import type { ExchangeHandlers, GossipExchange } from '../underlay.ts';
import { NetworkDb } from './network-db.ts';
import { opaqueValue } from './testing/opaque-value.ts';

const NET = 'net';
const TABLE = 'overlay_peer_table';
const ROUNDS = 12;

/**
 * Hosts on one Ethernet segment. Whoever connects to a host that is cut off asks for its MAC address
 * once a second and gives up after three (EHOSTUNREACH); when the link is back, the next such request
 * is answered and the connection goes on.
 */
class Segment extends PlainUnderlay {
  readonly #world: World;

  constructor(world: World) {
    super(world, { latencyMinNs: 30_000, latencyMaxNs: 90_000, lossRatio: 0 });
    this.#world = world;
  }

  override exchange(exchange: GossipExchange, handlers: ExchangeHandlers): void {
    const { queue } = this.#world;
    const givesUpNs = Math.min(queue.nowNs + 3 * SECOND_NS, exchange.deadlineNs);
    const resolve = (): void => {
      if (!this.isCut(exchange.from, exchange.to, 'tcp')) super.exchange(exchange, handlers);
      else if (queue.nowNs === givesUpNs) handlers.onFailure(givesUpNs, 'timeout');
      else queue.scheduleCallback(Math.min(queue.nowNs + SECOND_NS, givesUpNs), resolve);
    };
    resolve();
  }
}

/** Seconds from the cut to the survivors' deletes, and from the link's return to their creates. */
function cutOnce(seed: string, generation: 1 | 2 | 3): { failed: number[]; restored: number[] } {
  const world = new World(seed);
  const underlay = new Segment(world);
  const swim = new Swim({ world, underlay });
  const db = new NetworkDb({ world, carrier: swim });
  swim.setDelegate(db);
  const key = world.chance.key('test.start');
  const run = (seconds: number) => world.queue.runUntil(world.nowNs + seconds * SECOND_NS);
  for (let node = 0; node < 3; node++) {
    const name = `node${String(node).padStart(8, '0')}`;
    const address = 0x0a00_0001 + node;
    db.addNode({ node, name, hostname: name, address, generation });
    swim.addMember({ name, address });
    if (node > 0) db.join(node, [{ address: 0x0a00_0001, port: 0 }]);
    world.queue.runUntil(world.nowNs + MICROSECOND_NS + drawBelow(key, SECOND_NS, node));
  }
  run(2);
  for (let node = 0; node < 3; node++) db.joinNetwork(node, NET);
  run(3);
  db.createEntry(2, TABLE, NET, 'a', opaqueValue(40));
  db.createEntry(2, TABLE, NET, 'b', opaqueValue(40));
  run(40 + drawBelow(key, 30, 9));
  const cutAtNs = world.nowNs;
  const failed: number[] = [];
  const restored: number[] = [];
  for (const survivor of [0, 1]) {
    db.watch(survivor, { table: TABLE }, ({ kind, key: entry }, nowNs) => {
      if (entry !== 'a' || nowNs === cutAtNs) return;
      if (kind === 'delete') failed.push((nowNs - cutAtNs) / SECOND_NS);
      if (kind === 'create') restored.push((nowNs - cutAtNs) / SECOND_NS - 15);
    });
    underlay.cut(survivor, 2);
    underlay.cut(2, survivor);
  }
  run(15);
  for (const survivor of [0, 1]) {
    underlay.heal(survivor, 2);
    underlay.heal(2, survivor);
  }
  run(180);
  return { failed, restored };
}

test.each([
  { generation: 1 as const, isHidden: false },
  { generation: 2 as const, isHidden: false },
  { generation: 3 as const, isHidden: true },
])('generation $generation: what the survivors see', ({ generation, isHidden }) => {
  const failed: number[] = [];
  const restored: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const result = cutOnce(`cut-${round}`, generation);
    failed.push(...result.failed);
    restored.push(...result.restored);
  }
  // measured: 5.04 to 6.88 s, medians 5.5 to 5.84 s
  expect(failed).toHaveLength(2 * ROUNDS);
  expect(Math.min(...failed)).toBeGreaterThan(4.9);
  expect(Math.max(...failed)).toBeLessThan(7.5);
  // all come back in the end; measured: complete at +30, +60 or +90 s
  expect(restored).toHaveLength(2 * ROUNDS);
  expect(Math.max(...restored)).toBeLessThan(95);
  // measured: generation 3 with the join, after 0.25 to 0.82 s, all 12 views; of the others 21 of 28
  // after 0.59 to 5.26 s, when a second node's join finds the first's work done, and the rest later
  const soon = restored.filter((seconds) => seconds < (isHidden ? 1 : 5.3));
  if (isHidden) expect(soon).toEqual(restored);
  else {
    expect(soon.length).toBeGreaterThan(1.4 * ROUNDS);
    expect(soon.length).toBeLessThan(restored.length);
    expect(Math.min(...soon)).toBeGreaterThan(0.3);
  }
});
