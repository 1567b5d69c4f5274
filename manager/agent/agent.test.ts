import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import type { ControllerDone, TaskController } from '../api/executor.ts';
import { NO_META } from '../objects/meta.ts';
import { NodeState } from '../objects/node.ts';
import { type Task, taskStatusOf } from '../objects/task.ts';
import { formatTaskState, TaskState } from '../objects/task-state.ts';
import { FakeSwarm, replicated } from '../testing/fake-swarm.ts';
import { TimerGroup } from '../timer-group.ts';
import { nextBackoffNs } from './constants.ts';
import { Remotes } from './remotes.ts';
import { TaskManager } from './task-manager.ts';

function task(state: TaskState, desiredState: TaskState): Task {
  return {
    id: 'a'.repeat(25),
    meta: NO_META,
    spec: { container: { image: 'idle' } },
    specVersion: 0,
    serviceId: 's',
    slot: 1,
    nodeId: 'n',
    serviceAnnotations: { name: 'web', labels: {} },
    status: taskStatusOf(state, '', 0),
    desiredState,
    networks: [],
    endpoint: undefined,
  };
}

/** A task manager whose controller's operations end when the test says so. */
class Rig {
  readonly world = new World('rig');
  readonly calls: string[] = [];
  readonly states: string[] = [];
  readonly manager: TaskManager;
  done: ControllerDone = () => {};

  constructor(state: TaskState, desiredState: TaskState) {
    const operation = (name: string) => (done: ControllerDone) => {
      this.calls.push(name);
      this.done = done;
    };
    const controller: TaskController = {
      update: () => this.calls.push('update'),
      prepare: operation('prepare'),
      start: operation('start'),
      wait: operation('wait'),
      shutdown: operation('shutdown'),
      remove: operation('remove'),
      cancel: () => this.calls.push('cancel'),
      containerStatus: () => undefined,
    };
    const timers = new TimerGroup(this.world);
    const initial = task(state, desiredState);
    this.manager = new TaskManager(this.world, timers, controller, initial, (changed) => {
      const { err, message, state: reached } = changed.status;
      this.states.push([formatTaskState(reached), message, err].filter(Boolean).join('|'));
    });
    this.manager.start();
  }

  want(desiredState: TaskState): void {
    this.manager.update({ ...this.manager.task, desiredState });
  }

  fail(message: string, isTemporary = false): void {
    this.done({ message, isTemporary });
  }

  run(seconds: number): void {
    this.world.queue.runUntil(this.world.nowNs + seconds * SECOND_NS);
  }
}

test('a task goes through its states and waits in READY until it is wanted to run', () => {
  const rig = new Rig(TaskState.assigned, TaskState.ready);
  rig.done(undefined);
  expect(rig.states).toEqual(['accepted|accepted', 'preparing|preparing', 'ready|prepared']);
  rig.run(60);
  rig.want(TaskState.running);
  rig.done(undefined);
  rig.done(undefined);
  expect(rig.states.slice(3)).toEqual([
    'starting|starting',
    'running|started',
    'complete|finished',
  ]);
  expect(rig.calls).toEqual(['prepare', 'update', 'start', 'wait']);
});

test.each([
  [TaskState.assigned, 'rejected|preparing|no such image'],
  [TaskState.ready, 'failed|starting|no such image'],
  [TaskState.running, 'failed|no such image'],
] as const)('an error of a task that was in state %s', (state, expected) => {
  const rig = new Rig(state, TaskState.running);
  rig.fail('no such image');
  expect(rig.states.at(-1)).toBe(expected);
});

test('a temporary error is tried again after 1 s', () => {
  const rig = new Rig(TaskState.preparing, TaskState.running);
  rig.fail('network not there yet', true);
  expect(rig.states).toEqual([]);
  rig.run(0.999);
  expect(rig.calls).toEqual(['prepare']);
  rig.run(0.001);
  expect(rig.calls).toEqual(['prepare', 'prepare']);
});

test('the shutdown of a running task begins 1 s after its wait was cancelled', () => {
  const rig = new Rig(TaskState.running, TaskState.running);
  rig.want(TaskState.shutdown);
  expect(rig.calls).toEqual(['wait', 'cancel']);
  rig.run(1);
  expect(rig.calls).toEqual(['wait', 'cancel', 'update', 'shutdown']);
  rig.done(undefined);
  expect(rig.states).toEqual(['shutdown|shutdown']);
});

test('a desired state never goes back, and a task that has ended is left alone', () => {
  const rig = new Rig(TaskState.ready, TaskState.shutdown);
  rig.want(TaskState.running);
  expect(rig.calls).toEqual(['shutdown']);
  rig.done(undefined);
  rig.want(TaskState.remove);
  expect(rig.calls).toEqual(['shutdown', 'update']);
});

test('a callback of a cancelled operation is ignored', () => {
  const rig = new Rig(TaskState.starting, TaskState.running);
  const stale = rig.done;
  rig.want(TaskState.shutdown);
  stale(undefined);
  expect(rig.states).toEqual([]);
});

test('back-off: 100 ms, 300 ms, 700 ms ... 8 s', () => {
  const seen: number[] = [];
  for (let b = 0; seen.length < 9; seen.push(b / SECOND_NS)) b = nextBackoffNs(b);
  expect(seen).toEqual([0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 8, 8, 8]);
});

test('weights of managers move half of the way', () => {
  const remotes = new Remotes([0, 1], 10);
  for (let i = 0; i < 5; i++) remotes.observe(0, 10);
  remotes.observe(1, -10);
  expect(remotes.select(0.5)).toBe(0);
  expect(remotes.select(0.9999999)).toBe(1);
});

test('a partitioned worker comes back, stops what was replaced and is not rebalanced', () => {
  const swarm = new FakeSwarm(3);
  swarm.run(1);
  const web = swarm.createService(replicated('web', 4));
  swarm.run(20);
  swarm.cutOff(2);
  swarm.run(30);
  expect(swarm.node(2).status.state).toBe(NodeState.down);
  expect(swarm.hosts[2]!.running.size).toBe(1);
  expect(swarm.placement(web.id)).not.toContain(2);
  expect(swarm.placement(web.id)).toHaveLength(4);
  swarm.reconnect(2);
  swarm.run(13.2);
  expect(swarm.node(2).status.state).toBe(NodeState.ready);
  swarm.run(4);
  expect(swarm.hosts[2]!.running.size).toBe(0);
  swarm.run(30);
  expect(swarm.placement(web.id)).not.toContain(2);
});

test('a short partition changes nothing', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const web = swarm.createService(replicated('web', 3));
  swarm.run(20);
  const before = swarm.runningTasks(web.id).map((t) => t.id);
  swarm.cutOff(1);
  swarm.run(4);
  swarm.reconnect(1);
  swarm.run(40);
  expect(swarm.node(1).status.state).toBe(NodeState.ready);
  expect(swarm.runningTasks(web.id).map((t) => t.id)).toEqual(before);
});

test('a restarted manager finds its workers again, and a lost one is down after 27 to 33 s', () => {
  const swarm = new FakeSwarm(3);
  swarm.run(1);
  const web = swarm.createService(replicated('web', 4));
  swarm.run(20);
  const before = swarm.runningTasks(web.id).map((t) => t.id);
  swarm.manager.crash();
  swarm.kill(3);
  swarm.run(10);
  swarm.manager.restart();
  swarm.run(0.01);
  const states = [0, 1, 2, 3].map((index) => swarm.node(index).status.state);
  expect(states).toEqual([0, 0, 0, 0]);
  // A dial that hangs (5 s) and a back-off of 8 s.
  swarm.run(13.5);
  expect([0, 1, 2].map((index) => swarm.node(index).status.state)).toEqual([2, 2, 2]);
  expect(swarm.runningTasks(web.id).map((t) => t.id)).toEqual(before);
  swarm.run(13.2);
  expect(swarm.node(3).status.state).toBe(NodeState.unknown);
  swarm.run(6.6);
  expect(swarm.node(3).status.state).toBe(NodeState.down);
  expect(swarm.node(3).status.message).toBe('heartbeat failure for node in "unknown" state');
});

test('a paused worker is down, and ready again soon after it goes on', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const web = swarm.createService(replicated('web', 3));
  swarm.run(20);
  swarm.agents[1]!.pause();
  swarm.run(25);
  expect(swarm.node(1).status.state).toBe(NodeState.down);
  swarm.agents[1]!.resume();
  swarm.run(5);
  expect(swarm.node(1).status.state).toBe(NodeState.ready);
  swarm.run(10);
  expect(swarm.hosts[1]!.running.size).toBe(0);
  expect(swarm.placement(web.id)).toHaveLength(3);
});

test('a paused manager declares nobody dead when it goes on', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(20);
  swarm.manager.pause();
  swarm.run(10);
  swarm.manager.resume();
  swarm.run(30);
  expect([0, 1, 2].map((index) => swarm.node(index).status.state)).toEqual([2, 2, 2]);
});

test('the same seed gives the same digest, another one another', () => {
  const digest = (seed: string) => {
    const swarm = new FakeSwarm(3, seed);
    swarm.run(1);
    swarm.createService(replicated('web', 5));
    swarm.run(10);
    swarm.kill(1);
    swarm.run(40);
    swarm.revive(1);
    swarm.run(30);
    return swarm.world.observations.digest.text;
  };
  expect(digest('one')).toBe(digest('one'));
  expect(digest('one')).not.toBe(digest('two'));
});
