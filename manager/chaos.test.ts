import { expect, test } from 'vitest';
import { drawBelow } from '../sim/chance.ts';
import { answerOf } from './control/result.ts';
import { NodeAvailability, NodeState } from './objects/node.ts';
import type { Service } from './objects/service.ts';
import { isTerminalState, TaskState } from './objects/task-state.ts';
import { deployStack } from './stack/deploy.ts';
import { FakeSwarm } from './testing/fake-swarm.ts';

const WORKERS = 5;
const SERVICES = ['app_a', 'app_b', 'app_every'];

function deploy(swarm: FakeSwarm, image: string): void {
  const result = deployStack(swarm.manager.control, 'app', {
    services: {
      a: { image, networks: { x: {} }, ports: [{ target: 80 }], deploy: { replicas: 4 } },
      b: { image, networks: { x: {}, y: {} }, deploy: { replicas: 3 } },
      every: { image, networks: { y: {} }, deploy: { mode: 'global' } },
    },
    networks: { x: {}, y: {} },
  });
  if (!result.ok) throw new Error(result.refusal.message);
}

/** One random fault or operation; what it breaks, `heal` mends. */
function disturb(swarm: FakeSwarm, draw: (bound: number) => number, dead: Set<number>): void {
  const index = 1 + draw(WORKERS);
  const { control } = swarm.manager;
  const setAvailability = (availability: NodeAvailability) =>
    control.updateNode(swarm.nodeId(index), undefined, { availability }, () => {});
  switch (draw(8)) {
    case 0:
      if (dead.has(index)) break;
      swarm.kill(index);
      dead.add(index);
      break;
    case 1:
      swarm.cutOff(index);
      break;
    case 2:
      if (!dead.has(index)) swarm.reconnect(index);
      break;
    case 3:
      setAvailability(NodeAvailability.drain);
      break;
    case 4:
      setAvailability(NodeAvailability.active);
      break;
    case 5:
      swarm.manager.crash();
      swarm.run(1 + draw(20));
      swarm.manager.restart();
      break;
    case 6: {
      const [end] = swarm.hosts[index]!.running.values();
      end?.(draw(2));
      break;
    }
    case 7:
      answerOf<Service>((reply) => control.scaleService('app_a', 1 + draw(8), reply));
      break;
  }
}

function heal(swarm: FakeSwarm, dead: Set<number>): void {
  const { control } = swarm.manager;
  for (let index = 1; index <= WORKERS; index++) {
    if (dead.has(index)) swarm.revive(index);
    swarm.reconnect(index);
    const availability = NodeAvailability.active;
    control.updateNode(swarm.nodeId(index), undefined, { availability }, () => {});
  }
  deploy(swarm, 'app:2');
}

/** No two of the addresses that are in use on a network are equal. */
function expectDistinctAddresses(swarm: FakeSwarm): void {
  const { view } = swarm.manager.store;
  const used: string[] = [];
  const attachments = [...view.nodes()].flatMap((node) => node.attachments);
  for (const task of view.tasks()) {
    const isDead = isTerminalState(task.status.state) && task.desiredState > TaskState.running;
    if (!isDead) attachments.push(...task.networks);
  }
  for (const { network, addresses } of attachments) {
    for (const { address } of addresses) used.push(`${network.id} ${address}`);
  }
  for (const service of view.services()) {
    for (const vip of service.endpoint!.virtualIps) {
      used.push(`${vip.networkId} ${vip.address.address}`);
    }
  }
  expect(new Set(used).size).toBe(used.length);
}

test.each(Array.from({ length: 12 }, (_, seed) => seed))('chaos, then healing: seed %i', (seed) => {
  const swarm = new FakeSwarm(WORKERS, `chaos ${seed}`);
  const key = swarm.world.chance.key('test.chaos');
  let counter = 0;
  const draw = (bound: number) => drawBelow(key, bound, counter++);
  swarm.run(1);
  deploy(swarm, 'app:1');
  const dead = new Set<number>();
  for (let i = 0; i < 25; i++) {
    swarm.run(draw(120) / 10);
    disturb(swarm, draw, dead);
    expectDistinctAddresses(swarm);
  }
  heal(swarm, dead);
  swarm.run(240);
  const { view } = swarm.manager.store;
  expect([...view.nodes()].map((node) => node.status.state)).toEqual(
    new Array(WORKERS + 1).fill(NodeState.ready),
  );
  const wanted = [4, 3, WORKERS + 1];
  SERVICES.forEach((name, i) => {
    const { id } = view.serviceByName(name)!;
    const running = swarm.runningTasks(id);
    expect([name, running.length]).toEqual([name, wanted[i]]);
    expect(new Set(running.map((task) => task.spec.container.image))).toEqual(new Set(['app:2']));
    const slots = running.map((task) => `${task.slot} ${i === 2 ? task.nodeId : ''}`);
    expect(new Set(slots).size).toBe(slots.length);
  });
  // What hosts run is what the manager thinks they run.
  const onHosts = swarm.hosts.reduce((sum, host) => sum + host.running.size, 0);
  expect(onHosts).toBe(4 + 3 + WORKERS + 1);
  expectDistinctAddresses(swarm);
});
