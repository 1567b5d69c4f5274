import { expect, test } from 'vitest';
import { HOUR_NS, SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import type { DispatcherMessage, RpcError } from '../api/dispatcher-messages.ts';
import { sizeBytesOf } from '../api/message-size.ts';
import { Manager } from '../manager.ts';
import { NodeDirectory } from '../node-directory.ts';
import { KeySubsystem } from '../objects/cluster.ts';
import { NodeRole, NodeState } from '../objects/node.ts';
import { taskStatusOf } from '../objects/task.ts';
import { TaskState } from '../objects/task-state.ts';
import { replicated } from '../testing/fake-swarm.ts';

/** A manager and one worker whose agent is the test. */
class Rig {
  readonly world = new World('dispatcher');
  readonly received: DispatcherMessage[] = [];
  readonly nodeId: string;
  readonly manager: Manager;
  sessionId = '';
  #callId = 0;

  constructor() {
    const directory = new NodeDirectory(this.world.chance);
    this.manager = new Manager({
      world: this.world,
      nodeIndex: 0,
      nodeId: directory.admit(0),
      directory,
      send: (to, message) => {
        if (to === 1) this.received.push(message);
      },
    });
    this.manager.onStart();
    this.nodeId = directory.admit(1);
    this.manager.control.admitNode({ nodeId: this.nodeId, role: NodeRole.worker }, () => {});
  }

  run(seconds: number): void {
    this.world.queue.runUntil(this.world.nowNs + Math.round(seconds * SECOND_NS));
  }

  register(): void {
    this.manager.onAgentMessage(1, {
      kind: 'sessionRequest',
      callId: ++this.#callId,
      nodeId: this.nodeId,
      sessionId: this.sessionId,
      description: {
        hostname: 'worker-1',
        platform: { os: 'linux', architecture: 'x86_64' },
        resources: { nanoCpus: 4e9, memoryBytes: 2 ** 33 },
        engineVersion: '28.5.0',
        engineLabels: {},
        plugins: [],
      },
      address: '192.168.0.11',
    });
    this.run(0.1);
    const last = this.last();
    if (last?.kind === 'sessionMessage') this.sessionId = last.sessionId;
  }

  call(kind: 'heartbeatRequest' | 'assignmentsRequest', sessionId = this.sessionId): void {
    const callId = ++this.#callId;
    this.manager.onAgentMessage(1, { kind, callId, nodeId: this.nodeId, sessionId });
  }

  report(taskId: string, state: TaskState): void {
    this.manager.onAgentMessage(1, {
      kind: 'updateTaskStatusRequest',
      callId: ++this.#callId,
      nodeId: this.nodeId,
      sessionId: this.sessionId,
      updates: [{ taskId, status: taskStatusOf(state, 'reported', this.world.nowNs) }],
    });
  }

  last(): DispatcherMessage | undefined {
    return this.received.at(-1);
  }

  get state(): NodeState {
    return this.manager.store.view.node(this.nodeId)!.status.state;
  }
}

test('a node registers at the next batch and is told its attachments, managers and keys', () => {
  const rig = new Rig();
  rig.run(0.53);
  rig.register();
  expect(rig.state).toBe(NodeState.ready);
  const message = rig.received[0]!;
  if (message.kind !== 'sessionMessage') throw new Error(message.kind);
  expect(message.sessionId).toMatch(/^[0-9a-z]{25}$/);
  expect(message.managers.map((peer) => [peer.nodeIndex, peer.weight])).toEqual([[0, 10]]);
  expect(message.node.attachments).toHaveLength(1);
  const gossip = message.networkBootstrapKeys.filter((k) => k.subsystem === KeySubsystem.gossip);
  expect(gossip.map((key) => key.key.length)).toEqual([32, 32, 32]);
  expect(sizeBytesOf(message)).toBeGreaterThan(1000);
});

test('periods are 5 s ± 500 ms, and the node is down after three of them', () => {
  const rig = new Rig();
  rig.register();
  const periods: number[] = [];
  for (let i = 0; i < 200; i++) {
    rig.call('heartbeatRequest');
    const answer = rig.last()!;
    if (answer.kind === 'heartbeatResponse') periods.push(answer.periodNs / SECOND_NS);
  }
  expect(Math.min(...periods)).toBeGreaterThanOrEqual(4.5);
  expect(Math.min(...periods)).toBeLessThan(4.55);
  expect(Math.max(...periods)).toBeLessThan(5.5);
  expect(Math.max(...periods)).toBeGreaterThan(5.45);
  const lastPeriod = periods.at(-1)!;
  rig.run(3 * lastPeriod - 0.001);
  expect(rig.state).toBe(NodeState.ready);
  rig.run(0.101);
  expect(rig.state).toBe(NodeState.down);
});

test('calls without a session are refused with the texts of swarmkit', () => {
  const rig = new Rig();
  rig.call('heartbeatRequest');
  // The dispatcher does not know a node that was admitted after it started.
  expect((rig.last() as RpcError).message).toBe('node not registered');
  rig.register();
  rig.call('heartbeatRequest', 'x'.repeat(25));
  expect((rig.last() as RpcError).message).toBe('session invalid');
});

test('a session is taken up again; the fourth registration within 8 s is refused', () => {
  const rig = new Rig();
  rig.register();
  const first = rig.sessionId;
  rig.register();
  expect(rig.sessionId).toBe(first);
  for (let i = 0; i < 3; i++) {
    rig.sessionId = '';
    rig.register();
    expect(rig.sessionId).not.toBe('');
  }
  rig.sessionId = '';
  rig.register();
  expect((rig.last() as RpcError).message).toBe(
    `node ${rig.nodeId} exceeded rate limit count of registrations`,
  );
  rig.run(8.2);
  rig.register();
  expect(rig.sessionId).not.toBe('');
});

test('assignments: complete, then incremental; states of others and lower states are dropped', () => {
  const rig = new Rig();
  rig.register();
  rig.call('assignmentsRequest');
  const complete = rig.last()!;
  expect(complete).toMatchObject({ type: 'complete', resultsIn: '1', changes: [] });
  rig.manager.control.createService(replicated('web', 1), () => {});
  rig.run(0.3);
  const message = rig.last()!;
  if (message.kind !== 'assignmentsMessage') throw new Error(message.kind);
  expect(message).toMatchObject({ type: 'incremental', appliesTo: '1', resultsIn: '2' });
  const [change] = message.changes;
  if (change?.action !== 'update') throw new Error('no task');
  const { id } = change.task;
  const stateOf = () => rig.manager.store.view.task(id)!.status.state;
  rig.report(id, TaskState.running);
  rig.run(0.1);
  expect(stateOf()).toBe(TaskState.running);
  rig.report(id, TaskState.starting);
  rig.run(0.1);
  expect(stateOf()).toBe(TaskState.running);
  rig.report('nobody', TaskState.running);
  expect(rig.last()!.kind).toBe('updateTaskStatusResponse');
});

test('the tasks of a node that is down for 24 h are orphaned', () => {
  const rig = new Rig();
  rig.register();
  rig.call('assignmentsRequest');
  rig.manager.control.createService(replicated('web', 1), () => {});
  rig.run(0.3);
  const [task] = rig.manager.store.view.tasksOfNode(rig.nodeId);
  rig.report(task!.id, TaskState.running);
  rig.run(20);
  const stateOf = () => rig.manager.store.view.task(task!.id)!.status.state;
  rig.run((24 * HOUR_NS) / SECOND_NS - 10);
  expect(stateOf()).toBe(TaskState.running);
  rig.run(10);
  expect(stateOf()).toBe(TaskState.orphaned);
});

test('keys rotate every 12 hours, the oldest goes', () => {
  const rig = new Rig();
  const times = () =>
    rig.manager.store.view
      .cluster()!
      .networkBootstrapKeys.filter((key) => key.subsystem === KeySubsystem.gossip)
      .map((key) => key.lamportTime);
  const before = times();
  rig.run(12 * 3600 + 1);
  const after = times();
  expect(after.slice(0, 2)).toEqual(before.slice(1));
  expect(after[2]).toBeGreaterThan(before[2]!);
});
