import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { answerOf } from '../control/result.ts';
import type { Node, NodeSpec } from '../objects/node.ts';
import { NodeAvailability, NodeState } from '../objects/node.ts';
import type { Service, ServiceSpec } from '../objects/service.ts';
import type { Task } from '../objects/task.ts';
import { RestartCondition, type RestartPolicy } from '../objects/task-spec.ts';
import { TaskState } from '../objects/task-state.ts';
import { FakeSwarm, replicated } from '../testing/fake-swarm.ts';
import { orderForScaleDown } from './replicated.ts';

function updateNode(swarm: FakeSwarm, index: number, change: Partial<NodeSpec>): void {
  const id = swarm.nodeId(index);
  answerOf<Node>((reply) => swarm.manager.control.updateNode(id, undefined, change, reply));
}

function scale(swarm: FakeSwarm, name: string, replicas: number): void {
  answerOf<Service>((reply) => swarm.manager.control.scaleService(name, replicas, reply));
}

function withRestart(name: string, replicas: number, restart: RestartPolicy): ServiceSpec {
  const spec = replicated(name, replicas);
  return { ...spec, task: { ...spec.task, restart } };
}

function tasksOf(swarm: FakeSwarm, service: Service): readonly Task[] {
  return swarm.manager.store.view.tasksOfService(service.id);
}

function exit(swarm: FakeSwarm, task: Task, exitCode: number): void {
  swarm.hosts[swarm.directory.indexOf(task.nodeId)]!.running.get(task.id)!(exitCode);
}

test('an ended task is replaced after the restart delay, in the same slot', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const web = swarm.createService(replicated('web', 2));
  swarm.run(3);
  const victim = swarm.runningTasks(web.id).find((task) => task.slot === 2)!;
  exit(swarm, victim, 3);
  swarm.run(4.9);
  const failed = swarm.manager.store.view.task(victim.id)!;
  expect(failed.status.state).toBe(TaskState.failed);
  expect(failed.status.err).toBe('task: non-zero exit (3)');
  expect(failed.status.message).toBe('started');
  expect(failed.desiredState).toBe(TaskState.shutdown);
  const successor = tasksOf(swarm, web).find((task) => task.slot === 2 && task.id !== victim.id)!;
  expect(successor.desiredState).toBe(TaskState.ready);
  expect(successor.status.state).toBe(TaskState.ready);
  swarm.run(0.6);
  expect(swarm.runningTasks(web.id).map((task) => task.slot)).toEqual([1, 2]);
});

test.each([
  ['none', { condition: RestartCondition.none }, 1, 0],
  ['on failure, after success', { condition: RestartCondition.onFailure }, 0, 0],
  ['on failure, after failure', { condition: RestartCondition.onFailure }, 1, 1],
  ['any, after success', { condition: RestartCondition.any }, 0, 1],
])('restart condition %s', (_name, restart, exitCode, running) => {
  const swarm = new FakeSwarm(1);
  swarm.run(1);
  const job = swarm.createService(withRestart('job', 1, restart));
  swarm.run(3);
  exit(swarm, swarm.runningTasks(job.id)[0]!, exitCode);
  swarm.run(8);
  expect(swarm.runningTasks(job.id)).toHaveLength(running);
});

test('max attempts limit the restarts of a slot', () => {
  const swarm = new FakeSwarm(1);
  swarm.run(1);
  for (const host of swarm.hosts) host.exitCodeOf = () => 1;
  const restart = { delayNs: SECOND_NS, maxAttempts: 2 };
  const job = swarm.createService(withRestart('job', 1, restart));
  swarm.run(60);
  expect(tasksOf(swarm, job).map((task) => task.status.state)).toEqual([
    TaskState.failed,
    TaskState.failed,
    TaskState.failed,
  ]);
});

test('the history keeps five tasks per slot', () => {
  const swarm = new FakeSwarm(1);
  swarm.run(1);
  for (const host of swarm.hosts) host.exitCodeOf = () => 1;
  const job = swarm.createService(withRestart('job', 1, { delayNs: SECOND_NS }));
  swarm.run(60);
  expect(tasksOf(swarm, job).length).toBeLessThanOrEqual(6);
  expect(tasksOf(swarm, job).length).toBeGreaterThanOrEqual(5);
});

test('scaling down takes from the most loaded nodes, high slots first', () => {
  const task = (slot: number, nodeId: string, state: TaskState = TaskState.running) =>
    ({ slot, nodeId, status: { state } }) as Task;
  const slots = [
    [task(1, 'a')],
    [task(2, 'a')],
    [task(3, 'b')],
    [task(4, 'a')],
    [task(5, 'c', TaskState.ready)],
    [task(6, 'b'), task(6, 'c')],
  ];
  const kept = orderForScaleDown(slots).map((slot) => slot[0]!.slot);
  expect(kept).toEqual([1, 3, 5, 2, 4, 6]);
});

test('scaling down stops and then deletes tasks', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const web = swarm.createService(replicated('web', 6));
  swarm.run(3);
  scale(swarm, 'web', 3);
  swarm.run(0.5);
  expect(swarm.placement(web.id)).toEqual([0, 1, 2]);
  expect(tasksOf(swarm, web)).toHaveLength(6);
  swarm.run(4);
  expect(tasksOf(swarm, web)).toHaveLength(3);
});

test('a drained node loses its tasks without delay; a paused one keeps them', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const web = swarm.createService(replicated('web', 3));
  swarm.run(3);
  updateNode(swarm, 1, { availability: NodeAvailability.pause });
  swarm.run(3);
  expect(swarm.placement(web.id)).toEqual([0, 1, 2]);
  updateNode(swarm, 1, { availability: NodeAvailability.drain });
  // 1 s until the agent retries the cancelled wait, 2 s to stop, then the successor starts.
  swarm.run(2.9);
  expect(swarm.placement(web.id)).toEqual([0, 2]);
  swarm.run(1);
  expect(swarm.placement(web.id)).toHaveLength(3);
  expect(swarm.placement(web.id)).not.toContain(1);
  updateNode(swarm, 1, { availability: NodeAvailability.active });
  swarm.run(30);
  expect(swarm.placement(web.id)).not.toContain(1);
});

test('a global service has one task per node, none on a dead one, and one again on return', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const agentService = swarm.createService({
    ...replicated('agent', 0),
    mode: { kind: 'global' },
  });
  swarm.run(3);
  expect(swarm.placement(agentService.id)).toEqual([0, 1, 2]);
  swarm.kill(2);
  swarm.run(30);
  expect(swarm.node(2).status.state).toBe(NodeState.down);
  expect(swarm.placement(agentService.id)).toEqual([0, 1]);
  swarm.revive(2);
  swarm.run(20);
  expect(swarm.node(2).status.state).toBe(NodeState.ready);
  expect(swarm.placement(agentService.id)).toEqual([0, 1, 2]);
});

test('a global service follows its constraints', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const spec = replicated('agent', 0);
  const placement = { constraints: ['node.labels.zone!=far'] };
  const service = swarm.createService({
    ...spec,
    task: { ...spec.task, placement },
    mode: { kind: 'global' },
  });
  swarm.run(3);
  updateNode(swarm, 1, { labels: { zone: 'far' } });
  swarm.run(10);
  expect(swarm.placement(service.id)).toEqual([0, 2]);
  updateNode(swarm, 1, { labels: {} });
  swarm.run(10);
  expect(swarm.placement(service.id)).toEqual([0, 1, 2]);
});

test('a replicated task whose node no longer matches is rejected and moves', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  for (const index of [1, 2]) updateNode(swarm, index, { labels: { disk: 'ssd' } });
  const spec = replicated('db', 1);
  const placement = { constraints: ['node.labels.disk==ssd'] };
  const db = swarm.createService({ ...spec, task: { ...spec.task, placement } });
  swarm.run(3);
  const [from] = swarm.placement(db.id);
  updateNode(swarm, from!, { labels: {} });
  swarm.run(1);
  const [old] = tasksOf(swarm, db);
  expect(old!.status.err).toBe('assigned node no longer meets constraints');
  swarm.run(8);
  expect(swarm.placement(db.id)).toEqual([3 - from!]);
});

test('a removed service leaves nothing behind', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const web = swarm.createService(replicated('web', 3));
  swarm.run(3);
  answerOf<Service>((reply) => swarm.manager.control.removeService(web.id, reply));
  expect(tasksOf(swarm, web)).toHaveLength(3);
  swarm.run(5);
  expect(tasksOf(swarm, web)).toHaveLength(0);
  expect(swarm.hosts.map((host) => host.running.size)).toEqual([0, 0, 0]);
});
