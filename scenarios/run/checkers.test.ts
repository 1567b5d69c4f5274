/** What a checker says: which node lacks whose entry, by name. */
import { expect, test } from 'vitest';
import { Cluster } from '../../cluster/cluster.ts';
import { engineVersionOf } from '../../node/engine-version.ts';
import { PeerValue, TableNames } from '../../node/network/table-values.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { runCheckers } from './checkers.ts';

test('tables that differ: who lacks what of whom', () => {
  const engine = engineVersionOf('28')!;
  const names = ['manager-1', 'worker-1', 'worker-2'];
  const nodes = names.map((name) => ({ name, engine, isManager: name === 'manager-1' }));
  const cluster = new Cluster({ world: new World('1'), nodes });
  const { db, machines, world } = cluster;
  world.queue.runUntil(20 * SECOND_NS);
  const said = () => runCheckers(cluster).find(({ name }) => name === 'tables-agree')!.violations;
  expect(said()).toEqual([]);
  const { id } = [...machines[2]!.executor!.networks.networks][0]!;
  const value = new PeerValue(0x0a00_0009, 24, 0x0242_0a00_0009, 0xc0a8_3867);
  for (const key of ['0123456789abcdef', 'fedcba9876543210']) {
    db.createEntry(machines[2]!.member!, TableNames.peers, id, key, value);
  }
  expect(said()).toEqual([
    'manager-1 lacks what worker-2 has: overlay_peer_table 0123456789ab of worker-2 and 1 more, on ingress',
  ]);
  world.queue.runUntil(25 * SECOND_NS);
  expect(said()).toEqual([]);
  db.updateEntry(machines[2]!.member!, TableNames.peers, id, '0123456789abcdef', value);
  expect(said()).toEqual([
    'worker-2 and manager-1 hold different versions of overlay_peer_table 0123456789ab of worker-2, on ingress',
  ]);
});
