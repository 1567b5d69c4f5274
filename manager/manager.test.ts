import { expect, test } from 'vitest';
import { SECOND_NS } from '../sim/time.ts';
import { formatPrefix } from '../wire/addresses.ts';
import { NODE_STATUS, TASK_STATE } from './manager-observer.ts';
import { vnisOf } from './objects/network.ts';
import { NodeState } from './objects/node.ts';
import { formatTaskState, TaskState } from './objects/task-state.ts';
import type { ComposeModel } from './stack/compose-model.ts';
import { deployStack } from './stack/deploy.ts';
import { FakeSwarm, replicated } from './testing/fake-swarm.ts';

const VOTING_APP: ComposeModel = {
  services: {
    redis: { image: 'redis:alpine', networks: { frontend: {} } },
    vote: {
      image: 'vote',
      ports: [{ target: 80, published: 5000 }],
      networks: { frontend: {} },
      deploy: { replicas: 2 },
    },
    worker: { image: 'worker', networks: { frontend: {}, backend: {} } },
  },
  networks: { frontend: {}, backend: {} },
};

test('a stack is deployed and all its tasks run', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const result = deployStack(swarm.manager.control, 'voting', VOTING_APP);
  expect(result.ok).toBe(true);
  swarm.run(3);
  const states = swarm.manager.control
    .tasks()
    .map((task) => [task.serviceAnnotations.name, formatTaskState(task.status.state)]);
  expect(states.sort()).toEqual([
    ['voting_redis', 'running'],
    ['voting_vote', 'running'],
    ['voting_vote', 'running'],
    ['voting_worker', 'running'],
  ]);
  const networks = [...swarm.manager.store.view.networks()].filter((n) => !n.isNodeLocal);
  expect(
    networks.map((n) => [
      n.spec.annotations.name,
      formatPrefix(n.ipam!.configs[0]!.subnet),
      vnisOf(n)[0],
    ]),
  ).toEqual([
    ['ingress', '10.0.0.0/24', 4096],
    ['voting_frontend', '10.0.1.0/24', 4097],
    ['voting_backend', '10.0.2.0/24', 4098],
  ]);
});

test('the states of a task that a batch catches are observed, in order', () => {
  const swarm = new FakeSwarm(1);
  swarm.run(1);
  const states: string[] = [];
  swarm.world.observations.subscribe(TASK_STATE, ({ b, text }) => {
    states.push(`${text.split(' ')[0]} ${formatTaskState(b as TaskState)}`);
  });
  swarm.createService(replicated('web', 1));
  swarm.run(3);
  expect(states).toEqual([
    'web.1 new',
    'web.1 pending',
    'web.1 assigned',
    'web.1 preparing',
    'web.1 starting',
    'web.1 running',
  ]);
});

test('a dead worker is down after three periods and its tasks run elsewhere 5 s later', () => {
  for (let seed = 0; seed < 20; seed++) {
    const swarm = new FakeSwarm(3, `death ${seed}`);
    swarm.run(2);
    const web = swarm.createService(replicated('web', 4));
    swarm.run(20 + seed * 0.37);
    expect(swarm.placement(web.id)).toEqual([0, 1, 2, 3]);
    let downAtNs = 0;
    swarm.world.observations.subscribe(NODE_STATUS, ({ atNs, b }) => {
      if (b === NodeState.down) downAtNs = atNs;
    });
    let replacedAtNs = 0;
    swarm.world.observations.subscribe(TASK_STATE, ({ atNs, b }) => {
      if (b === TaskState.running) replacedAtNs = atNs;
    });
    const diedAtNs = swarm.world.nowNs;
    swarm.kill(2);
    swarm.run(40);
    const downS = (downAtNs - diedAtNs) / SECOND_NS;
    expect(downS).toBeGreaterThan(8);
    expect(downS).toBeLessThan(16.6);
    const replacedS = (replacedAtNs - downAtNs) / SECOND_NS;
    expect(replacedS).toBeGreaterThan(5);
    expect(replacedS).toBeLessThan(5.6);
    expect(swarm.placement(web.id)).toHaveLength(4);
    expect(swarm.placement(web.id)).not.toContain(2);
    expect(swarm.node(2).status.message).toBe('heartbeat failure');
  }
});

test('who moves a task where, and with which words', () => {
  const swarm = new FakeSwarm(1);
  swarm.run(1);
  const words: string[] = [];
  swarm.manager.store.watch((events) => {
    for (const event of events) {
      if (event.table !== 'task') continue;
      const { desiredState, status } = event.object;
      const wanted = formatTaskState(desiredState);
      words.push(`${formatTaskState(status.state)} (${wanted}): ${status.message}`);
    }
  });
  const web = swarm.createService(replicated('web', 1));
  const every = swarm.createService({ ...replicated('every', 0), mode: { kind: 'global' } });
  swarm.run(3);
  swarm.manager.control.removeService(web.id, () => {});
  swarm.manager.control.removeService(every.id, () => {});
  swarm.run(10);
  const once = [...new Set(words)];
  expect(once).toEqual([
    'new (running): created',
    'pending (running): pending task scheduling',
    'assigned (running): scheduler confirmed task can run on preassigned node',
    'assigned (running): scheduler assigned task to node',
    'preparing (running): preparing',
    'starting (running): starting',
    'running (running): started',
    'running (remove): started',
    'shutdown (remove): shutdown',
  ]);
});

test('a refused connection is tried again after a short back-off', () => {
  const swarm = new FakeSwarm(1);
  swarm.run(10);
  swarm.manager.crash();
  swarm.agents[1]!.onDisconnected(0);
  expect(swarm.agents[1]!.isRegistered).toBe(false);
  swarm.manager.restart();
  swarm.run(0.3);
  expect(swarm.agents[1]!.isRegistered).toBe(true);
  expect(swarm.node(1).status.state).toBe(NodeState.ready);
});
