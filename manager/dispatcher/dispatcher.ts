/**
 * The dispatcher: what agents talk to (swarmkit `manager/dispatcher/dispatcher.go`, `nodes.go`).
 *
 * It keeps a session per node, hears heartbeats, hands out assignments and collects task states. A
 * node is down when its heartbeats stop for three periods; a broken stream alone means nothing.
 * What agents report is written in batches every 100 ms, counted from the dispatcher's start.
 */
import { type DrawKey, drawBelow, keyOf } from '../../sim/chance.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import type {
  AgentMessage,
  AssignmentsRequest,
  DispatcherMessage,
  HeartbeatRequest,
  RpcCode,
  SessionRequest,
  UpdateTaskStatusRequest,
  WeightedPeer,
} from '../api/dispatcher-messages.ts';
import type { NodeDirectory } from '../node-directory.ts';
import type { IdSource } from '../objects/ids.ts';
import { type Node, NodeRole, NodeState } from '../objects/node.ts';
import { TaskState } from '../objects/task-state.ts';
import type { StoreEvent } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { Timer, TimerGroup } from '../timer-group.ts';
import { AssignmentSet } from './assignment-set.ts';
import {
  BATCHING_WAIT_TIME_NS,
  GRACE_PERIOD_MULTIPLIER,
  GRACE_PERIOD_MULTIPLIER_UNKNOWN,
  HEARTBEAT_EPSILON_NS,
  MAX_BATCH_INTERVAL_NS,
  MAX_BATCH_ITEMS,
  MODIFICATION_BATCH_LIMIT,
  NODE_DOWN_PERIOD_NS,
  RATE_LIMIT_COUNT,
  RATE_LIMIT_PERIOD_NS,
} from './constants.ts';
import { UpdateBatch } from './update-batch.ts';

const DEFAULT_HEARTBEAT_PERIOD_NS = 5_000_000_000;
const WEIGHT = 10;

interface AssignmentStream {
  readonly callId: number;
  readonly set: AssignmentSet;
  sequence: number;
  modificationCount: number;
  timer: Timer | undefined;
}

/** A node that the dispatcher knows: registered, or expected to register (no session id). */
interface RegisteredNode {
  readonly nodeId: string;
  readonly nodeIndex: number;
  readonly sessionId: string;
  attempts: number;
  registeredAtNs: number;
  heartbeatTimer: Timer | undefined;
  /** The call whose stream session messages go to; -1 when there is none. */
  sessionCallId: number;
  assignments: AssignmentStream | undefined;
}

/** What the dispatcher needs. */
export interface DispatcherParts {
  readonly world: World;
  readonly store: Store;
  readonly timers: TimerGroup;
  readonly directory: NodeDirectory;
  readonly ids: IdSource;
  /** The node id of the manager that this dispatcher runs on. */
  readonly managerId: string;
  readonly send: (toNodeIndex: number, message: DispatcherMessage) => void;
}

/** Talks to agents; lives as long as one leadership. */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #periodKey: DrawKey;
  readonly #startedAtNs: number;
  readonly #nodes = new Map<string, RegisteredNode>();
  readonly #downTimers = new Map<string, Timer>();
  readonly #updates = new UpdateBatch();
  #registrations: SessionRequest[] = [];
  #batchTimer: Timer | undefined;
  readonly #periodCounters = new Map<number, number>();

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#periodKey = parts.world.chance.key('manager.dispatcher.period');
    this.#startedAtNs = parts.world.nowNs;
  }

  /** Every node that is not down becomes unknown until it registers. */
  onStart(): void {
    const { store } = this.#parts;
    store.update((tx) => {
      for (const node of [...tx.nodes()]) {
        if (node.status.state === NodeState.down) {
          this.#armDown(node.id);
          continue;
        }
        this.#addUnknown(node);
        const message = 'Node moved to "unknown" state due to leadership change in cluster';
        const status = { ...node.status, state: NodeState.unknown, message };
        tx.update('node', { ...node, status });
      }
    });
  }

  /** Takes a message from an agent. */
  onMessage(fromNodeIndex: number, message: AgentMessage): void {
    switch (message.kind) {
      case 'sessionRequest':
        this.#onSessionRequest(fromNodeIndex, message);
        break;
      case 'heartbeatRequest':
        this.#onHeartbeat(fromNodeIndex, message);
        break;
      case 'assignmentsRequest':
        this.#onAssignmentsRequest(fromNodeIndex, message);
        break;
      case 'updateTaskStatusRequest':
        this.#onUpdateTaskStatus(fromNodeIndex, message);
        break;
      case 'sessionClose': {
        const node = this.#nodes.get(message.nodeId);
        if (node?.sessionId === message.sessionId) this.#closeStreams(node);
        break;
      }
    }
  }

  /** Reacts to a commit: session and assignment streams. */
  onCommit(events: readonly StoreEvent[]): void {
    let isClusterChanged = false;
    for (const event of events) {
      if (event.table === 'task') this.#onTaskEvent(event);
      else if (event.table === 'cluster') isClusterChanged = true;
      else if (event.table === 'node') {
        const { object, old } = event;
        if (event.action === 'remove') {
          this.#forget(object.id);
          isClusterChanged ||= object.role === NodeRole.manager;
        } else {
          isClusterChanged ||= object.role !== old?.role;
          const node = this.#nodes.get(object.id);
          if (node !== undefined && !isClusterChanged) this.#sendSession(node);
        }
      }
    }
    if (isClusterChanged) for (const node of this.#nodes.values()) this.#sendSession(node);
  }

  /** Ends every session, as a leader does that steps down in good order. */
  onStop(): void {
    for (const node of this.#nodes.values()) {
      if (node.sessionCallId >= 0) {
        this.#refuse(node.nodeIndex, node.sessionCallId, 'Aborted', 'dispatcher is stopped');
      }
    }
  }

  #onSessionRequest(from: number, request: SessionRequest): void {
    const known = this.#nodes.get(request.nodeId);
    if (known !== undefined && known.sessionId !== '' && known.sessionId === request.sessionId) {
      this.#closeStreams(known);
      known.sessionCallId = request.callId;
      this.#sendSession(known);
      return;
    }
    if (known !== undefined && !this.#isWithinRateLimit(known)) {
      const message = `node ${request.nodeId} exceeded rate limit count of registrations`;
      this.#refuse(from, request.callId, 'Unavailable', message);
      return;
    }
    if (this.#parts.store.view.node(request.nodeId) === undefined) {
      this.#refuse(from, request.callId, 'NotFound', 'node not found');
      return;
    }
    const status = { state: NodeState.ready, message: '', address: request.address };
    this.#updates.addNode(request.nodeId, status, request.description);
    this.#registrations.push(request);
    this.#armBatch();
  }

  #isWithinRateLimit(node: RegisteredNode): boolean {
    const { nowNs } = this.#parts.world;
    if (nowNs - node.registeredAtNs > RATE_LIMIT_PERIOD_NS) node.attempts = 0;
    node.attempts++;
    if (node.attempts > RATE_LIMIT_COUNT) return false;
    node.registeredAtNs = nowNs;
    return true;
  }

  #register(request: SessionRequest): void {
    const { directory, ids, timers, world } = this.#parts;
    timers.cancel(this.#downTimers.get(request.nodeId));
    this.#downTimers.delete(request.nodeId);
    const before = this.#nodes.get(request.nodeId);
    if (before !== undefined) this.#stopNode(before);
    const node: RegisteredNode = {
      nodeId: request.nodeId,
      nodeIndex: directory.indexOf(request.nodeId),
      sessionId: ids.next(),
      attempts: before?.attempts ?? 0,
      registeredAtNs: before?.registeredAtNs ?? world.nowNs,
      heartbeatTimer: undefined,
      sessionCallId: request.callId,
      assignments: undefined,
    };
    this.#nodes.set(node.nodeId, node);
    const graceNs = this.#drawPeriodNs(node.nodeIndex) * GRACE_PERIOD_MULTIPLIER;
    this.#armHeartbeat(node, graceNs, 'heartbeat failure');
    this.#sendSession(node);
  }

  #addUnknown(node: Node): void {
    const { directory, world } = this.#parts;
    const unknown: RegisteredNode = {
      nodeId: node.id,
      nodeIndex: directory.indexOf(node.id),
      sessionId: '',
      attempts: 0,
      registeredAtNs: world.nowNs,
      heartbeatTimer: undefined,
      sessionCallId: -1,
      assignments: undefined,
    };
    this.#nodes.set(node.id, unknown);
    const graceNs = this.#drawPeriodNs(unknown.nodeIndex) * GRACE_PERIOD_MULTIPLIER_UNKNOWN;
    this.#armHeartbeat(unknown, graceNs, 'heartbeat failure for node in "unknown" state');
  }

  #onHeartbeat(from: number, request: HeartbeatRequest): void {
    const node = this.#sessionOf(from, request);
    if (node === undefined) return;
    const periodNs = this.#drawPeriodNs(node.nodeIndex);
    this.#armHeartbeat(node, periodNs * GRACE_PERIOD_MULTIPLIER, 'heartbeat failure');
    this.#parts.send(from, { kind: 'heartbeatResponse', callId: request.callId, periodNs });
  }

  /** The period with its jitter, drawn anew for every heartbeat (`period.go`). */
  #drawPeriodNs(nodeIndex: number): number {
    const cluster = this.#parts.store.view.cluster();
    const periodNs = cluster?.spec.heartbeatPeriodNs ?? DEFAULT_HEARTBEAT_PERIOD_NS;
    const counter = this.#periodCounters.get(nodeIndex) ?? 0;
    this.#periodCounters.set(nodeIndex, counter + 1);
    const leadership = Math.floor(this.#startedAtNs / MILLISECOND_NS);
    const key = keyOf(this.#periodKey, leadership);
    const jitterNs = drawBelow(key, 2 * HEARTBEAT_EPSILON_NS, nodeIndex, counter);
    return periodNs - HEARTBEAT_EPSILON_NS + jitterNs;
  }

  #armHeartbeat(node: RegisteredNode, graceNs: number, message: string): void {
    this.#parts.timers.cancel(node.heartbeatTimer);
    node.heartbeatTimer = this.#parts.timers.after(graceNs, () =>
      this.#onHeartbeatTimer(node, message),
    );
  }

  #onHeartbeatTimer(node: RegisteredNode, message: string): void {
    this.#stopNode(node);
    this.#nodes.delete(node.nodeId);
    this.#armDown(node.nodeId);
    this.#updates.addNode(node.nodeId, { state: NodeState.down, message, address: '' });
    this.#armBatch();
  }

  #armDown(nodeId: string): void {
    const { timers } = this.#parts;
    timers.cancel(this.#downTimers.get(nodeId));
    const timer = timers.after(NODE_DOWN_PERIOD_NS, () => this.#onDownTimer(nodeId));
    this.#downTimers.set(nodeId, timer);
  }

  /** Nobody knows what became of the tasks of a node that is gone for a day. */
  #onDownTimer(nodeId: string): void {
    const { store, world } = this.#parts;
    this.#downTimers.delete(nodeId);
    store.update((tx) => {
      for (const task of tx.tasksOfNode(nodeId)) {
        const { state } = task.status;
        if (state < TaskState.assigned || state > TaskState.running) continue;
        const status = { ...task.status, state: TaskState.orphaned, timestampNs: world.nowNs };
        tx.update('task', { ...task, status });
      }
    });
  }

  #onAssignmentsRequest(from: number, request: AssignmentsRequest): void {
    const node = this.#sessionOf(from, request);
    if (node === undefined) return;
    this.#parts.timers.cancel(node.assignments?.timer);
    const set = new AssignmentSet();
    for (const task of this.#parts.store.view.tasksOfNode(node.nodeId)) set.addOrUpdate(task);
    node.assignments = {
      callId: request.callId,
      set,
      sequence: 0,
      modificationCount: 0,
      timer: undefined,
    };
    this.#sendAssignments(node, node.assignments, 'complete');
  }

  #onTaskEvent(event: StoreEvent & { table: 'task' }): void {
    const node = this.#nodes.get(event.object.nodeId);
    const stream = node?.assignments;
    if (node === undefined || stream === undefined) return;
    const isModified =
      event.action === 'remove'
        ? stream.set.remove(event.object.id)
        : stream.set.addOrUpdate(event.object);
    if (!isModified) return;
    const { timers } = this.#parts;
    stream.modificationCount++;
    timers.cancel(stream.timer);
    if (stream.modificationCount >= MODIFICATION_BATCH_LIMIT) {
      this.#sendAssignments(node, stream, 'incremental');
      return;
    }
    stream.timer = timers.after(BATCHING_WAIT_TIME_NS, () =>
      this.#sendAssignments(node, stream, 'incremental'),
    );
  }

  #sendAssignments(
    node: RegisteredNode,
    stream: AssignmentStream,
    type: 'complete' | 'incremental',
  ): void {
    const appliesTo = String(stream.sequence++);
    stream.timer = undefined;
    stream.modificationCount = 0;
    this.#parts.send(node.nodeIndex, {
      kind: 'assignmentsMessage',
      callId: stream.callId,
      type,
      appliesTo: type === 'complete' ? '' : appliesTo,
      resultsIn: String(stream.sequence),
      changes: stream.set.takeChanges(),
    });
  }

  #onUpdateTaskStatus(from: number, request: UpdateTaskStatusRequest): void {
    const node = this.#sessionOf(from, request);
    if (node === undefined) return;
    const { view } = this.#parts.store;
    for (const { taskId } of request.updates) {
      const task = view.task(taskId);
      if (task === undefined || task.nodeId === node.nodeId) continue;
      const message = 'cannot update a task not assigned this node';
      this.#refuse(from, request.callId, 'PermissionDenied', message);
      return;
    }
    for (const update of request.updates) {
      if (view.task(update.taskId) !== undefined) this.#updates.addTask(update);
    }
    this.#armBatch();
    this.#parts.send(from, { kind: 'updateTaskStatusResponse', callId: request.callId });
  }

  /** The session that a call belongs to; refuses the call when there is none. */
  #sessionOf(
    from: number,
    request: HeartbeatRequest | AssignmentsRequest | UpdateTaskStatusRequest,
  ): RegisteredNode | undefined {
    const node = this.#nodes.get(request.nodeId);
    if (node === undefined) {
      this.#refuse(from, request.callId, 'NotFound', 'node not registered');
      return undefined;
    }
    if (node.sessionId === '' || node.sessionId !== request.sessionId) {
      this.#refuse(from, request.callId, 'InvalidArgument', 'session invalid');
      return undefined;
    }
    return node;
  }

  #refuse(to: number, callId: number, code: RpcCode, message: string): void {
    this.#parts.send(to, { kind: 'rpcError', callId, code, message });
  }

  #armBatch(): void {
    if (this.#updates.size >= MAX_BATCH_ITEMS) this.#processUpdates();
    if (this.#batchTimer !== undefined || this.#updates.size === 0) return;
    const { timers, world } = this.#parts;
    const elapsedNs = world.nowNs - this.#startedAtNs;
    const next = Math.floor(elapsedNs / MAX_BATCH_INTERVAL_NS) + 1;
    const atNs = this.#startedAtNs + next * MAX_BATCH_INTERVAL_NS;
    this.#batchTimer = timers.at(atNs, () => this.#onBatchTimer());
  }

  #onBatchTimer(): void {
    this.#batchTimer = undefined;
    this.#processUpdates();
  }

  #processUpdates(): void {
    const { managerId, store, world } = this.#parts;
    const registrations = this.#registrations;
    this.#registrations = [];
    store.update(
      (tx) => this.#updates.write(tx, managerId, world.nowNs),
      (failure) => {
        if (failure !== undefined) return;
        for (const request of registrations) this.#register(request);
      },
    );
  }

  #sendSession(node: RegisteredNode): void {
    const { send, store } = this.#parts;
    const object = store.view.node(node.nodeId);
    if (node.sessionCallId < 0 || object === undefined) return;
    send(node.nodeIndex, {
      kind: 'sessionMessage',
      callId: node.sessionCallId,
      sessionId: node.sessionId,
      node: object,
      managers: this.#managers(),
      networkBootstrapKeys: store.view.cluster()?.networkBootstrapKeys ?? [],
    });
  }

  #managers(): WeightedPeer[] {
    const { directory, store } = this.#parts;
    const peers: WeightedPeer[] = [];
    for (const node of store.view.nodes()) {
      if (node.role !== NodeRole.manager) continue;
      const nodeIndex = directory.indexOf(node.id);
      peers.push({ nodeId: node.id, nodeIndex, address: node.status.address, weight: WEIGHT });
    }
    return peers;
  }

  #forget(nodeId: string): void {
    const node = this.#nodes.get(nodeId);
    if (node !== undefined) {
      if (node.sessionCallId >= 0) {
        this.#refuse(node.nodeIndex, node.sessionCallId, 'NotFound', 'node not found');
      }
      this.#stopNode(node);
      this.#nodes.delete(nodeId);
    }
    this.#parts.timers.cancel(this.#downTimers.get(nodeId));
    this.#downTimers.delete(nodeId);
  }

  #stopNode(node: RegisteredNode): void {
    this.#parts.timers.cancel(node.heartbeatTimer);
    this.#closeStreams(node);
  }

  #closeStreams(node: RegisteredNode): void {
    this.#parts.timers.cancel(node.assignments?.timer);
    node.sessionCallId = -1;
    node.assignments = undefined;
  }
}
