/**
 * The agent: a node's side of the dispatcher protocol (swarmkit `agent/agent.go`, `session.go`).
 *
 * It opens a session with one of the managers it knows, sends heartbeats, takes assignments and
 * reports statuses. When a call fails or takes longer than 5 s the session is given up and a new
 * one is opened after a back-off of at most 8 s; the tasks of the node go on meanwhile.
 */
import { assert } from '../../sim/assert.ts';
import { type DrawKey, drawUnit } from '../../sim/chance.ts';
import type { World } from '../../sim/world.ts';
import type {
  AgentMessage,
  AssignmentsMessage,
  DispatcherMessage,
  SessionMessage,
} from '../api/dispatcher-messages.ts';
import type { Executor } from '../api/executor.ts';
import type { Task } from '../objects/task.ts';
import { type Timer, TimerGroup } from '../timer-group.ts';
import {
  DEFAULT_OBSERVATION_WEIGHT,
  DISPATCHER_RPC_TIMEOUT_NS,
  nextBackoffNs,
} from './constants.ts';
import { Remotes } from './remotes.ts';
import { StatusReporter } from './status-reporter.ts';
import { type StoredTasks, Worker } from './worker.ts';

/** What an agent needs. */
export interface AgentParts {
  readonly world: World;
  readonly nodeIndex: number;
  readonly nodeId: string;
  /** The address from which the node talks to managers. */
  readonly address: string;
  readonly executor: Executor;
  /** Carries a message to the manager on a host. */
  readonly send: (toNodeIndex: number, message: AgentMessage) => void;
  /** The managers known from joining, by node index. */
  readonly managers: readonly number[];
  /** True on a manager node: its agent talks to the manager beside it and to no other. */
  readonly isManager: boolean;
}

/** One attempt to talk to a manager. */
interface Session {
  readonly managerIndex: number;
  readonly callId: number;
  sessionId: string;
  isRegistered: boolean;
  assignmentsCallId: number;
  /** The counter of the last assignments message; empty before the first. */
  assignmentsAt: string;
  heartbeatCallId: number;
  statusCallId: number;
  registerTimer: Timer | undefined;
  heartbeatTimer: Timer | undefined;
  heartbeatTimeout: Timer | undefined;
  statusTimeout: Timer | undefined;
}

interface Delivery {
  readonly from: number;
  readonly message: DispatcherMessage;
}

/** The agent of one node. */
export class Agent {
  readonly #parts: AgentParts;
  readonly #chance: DrawKey;
  readonly #storedTasks: StoredTasks = new Map();
  #remotes: Remotes;
  #timers: TimerGroup | undefined;
  #worker: Worker | undefined;
  #reporter = new StatusReporter();
  #session: Session | undefined;
  #lastSessionId = '';
  #backoffNs = 0;
  #callCounter = 0;
  #drawCounter = 0;
  #isPaused = false;
  #inbox: Delivery[] = [];

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#chance = parts.world.chance.key('agent.session');
    this.#remotes = new Remotes(parts.managers, DEFAULT_OBSERVATION_WEIGHT);
  }

  /** True while a session is registered. */
  get isRegistered(): boolean {
    return this.#session?.isRegistered ?? false;
  }

  /** The tasks that this node knows, with their newest statuses. */
  tasks(): Task[] {
    return [...this.#storedTasks.values()];
  }

  /** The process starts: tasks that the node remembers are taken up, a session is opened. */
  onStart(): void {
    assert(this.#timers === undefined, 'agent started twice');
    const { executor, world } = this.#parts;
    this.#isPaused = false;
    this.#timers = new TimerGroup(world);
    this.#reporter = new StatusReporter();
    this.#worker = new Worker(world, this.#timers, executor, this.#storedTasks, (task) =>
      this.#onStatus(task),
    );
    this.#backoffNs = 0;
    this.#lastSessionId = '';
    this.#worker.onStart();
    this.#openSession();
  }

  /** Takes a message from a manager; lost when the process does not run. */
  onMessage(fromNodeIndex: number, message: DispatcherMessage): void {
    if (this.#timers === undefined) return;
    if (this.#isPaused) {
      this.#inbox.push({ from: fromNodeIndex, message });
      return;
    }
    const session = this.#session;
    if (session === undefined || session.managerIndex !== fromNodeIndex) return;
    switch (message.kind) {
      case 'sessionMessage':
        if (message.callId === session.callId) this.#onSessionMessage(session, message);
        break;
      case 'heartbeatResponse':
        if (message.callId === session.heartbeatCallId) {
          this.#onHeartbeatResponse(session, message.periodNs);
        }
        break;
      case 'assignmentsMessage':
        if (message.callId === session.assignmentsCallId) this.#onAssignments(session, message);
        break;
      case 'updateTaskStatusResponse':
        if (message.callId === session.statusCallId) this.#onStatusResponse(session);
        break;
      case 'rpcError':
        if (isCallOf(session, message.callId)) this.#failSession();
        break;
    }
  }

  /** The connection to a manager was refused or reset. */
  onDisconnected(managerIndex: number): void {
    if (this.#timers === undefined || this.#session?.managerIndex !== managerIndex) return;
    this.#failSession();
  }

  /** The process dies: nobody is told; what the node remembers of its tasks stays. */
  crash(): void {
    this.#timers?.stop();
    this.#timers = undefined;
    this.#worker = undefined;
    this.#session = undefined;
    this.#inbox = [];
    this.#isPaused = false;
  }

  /** The process starts again after {@link crash}. */
  restart(): void {
    this.onStart();
  }

  /** The process stands still (SIGSTOP); its connections stay open. */
  pause(): void {
    this.#isPaused = true;
    this.#timers?.pause();
  }

  /** The process goes on: first with the timers that fell due, then with what arrived. */
  resume(): void {
    this.#isPaused = false;
    this.#timers?.resume();
    const inbox = this.#inbox;
    this.#inbox = [];
    for (const { from, message } of inbox) this.onMessage(from, message);
  }

  #draw(): number {
    return drawUnit(this.#chance, this.#parts.nodeIndex, this.#drawCounter++);
  }

  #openSession(): void {
    const { address, executor, isManager, nodeId, nodeIndex } = this.#parts;
    const managerIndex = isManager ? nodeIndex : this.#remotes.select(this.#draw());
    if (managerIndex === undefined) {
      this.#retryLater();
      return;
    }
    const callId = ++this.#callCounter;
    const session: Session = {
      managerIndex,
      callId,
      sessionId: '',
      isRegistered: false,
      assignmentsCallId: 0,
      assignmentsAt: '',
      heartbeatCallId: 0,
      statusCallId: 0,
      registerTimer: undefined,
      heartbeatTimer: undefined,
      heartbeatTimeout: undefined,
      statusTimeout: undefined,
    };
    this.#session = session;
    session.registerTimer = this.#timeout(DISPATCHER_RPC_TIMEOUT_NS, session);
    this.#send(session, {
      kind: 'sessionRequest',
      callId,
      nodeId,
      sessionId: this.#lastSessionId,
      description: executor.describe(),
      address,
    });
  }

  /** A timer after which the session is given up. */
  #timeout(spanNs: number, session: Session): Timer {
    return this.#timers!.after(spanNs, () => {
      if (this.#session === session) this.#failSession();
    });
  }

  #send(session: Session, message: AgentMessage): void {
    this.#parts.send(session.managerIndex, message);
  }

  #failSession(): void {
    const session = this.#session;
    const timers = this.#timers;
    if (session === undefined || timers === undefined) return;
    this.#session = undefined;
    timers.cancel(session.registerTimer);
    timers.cancel(session.heartbeatTimer);
    timers.cancel(session.heartbeatTimeout);
    timers.cancel(session.statusTimeout);
    this.#reporter.fail();
    this.#remotes.observeIfListed(session.managerIndex, -DEFAULT_OBSERVATION_WEIGHT);
    const { nodeId } = this.#parts;
    this.#send(session, { kind: 'sessionClose', nodeId, sessionId: session.sessionId });
    this.#retryLater();
  }

  #retryLater(): void {
    this.#backoffNs = nextBackoffNs(this.#backoffNs);
    const delayNs = Math.floor(this.#draw() * this.#backoffNs);
    this.#timers!.after(delayNs, () => this.#openSession());
  }

  #onSessionMessage(session: Session, message: SessionMessage): void {
    const { executor } = this.#parts;
    const isFirst = !session.isRegistered;
    if (isFirst) {
      this.#timers!.cancel(session.registerTimer);
      session.isRegistered = true;
      session.sessionId = message.sessionId;
      this.#lastSessionId = message.sessionId;
      this.#backoffNs = 0;
    }
    this.#remotes.replace(message.managers);
    executor.setManagers(message.managers);
    executor.setNetworkBootstrapKeys(message.networkBootstrapKeys);
    executor.configure(message.node);
    if (!isFirst || this.#session !== session) return;
    this.#sendHeartbeat(session);
    this.#openAssignments(session);
    this.#reporter.clear();
    for (const task of this.#worker!.tasks()) this.#reporter.add(task);
    this.#maybeReport();
  }

  #sendHeartbeat(session: Session): void {
    const callId = ++this.#callCounter;
    session.heartbeatCallId = callId;
    session.heartbeatTimeout = this.#timeout(DISPATCHER_RPC_TIMEOUT_NS, session);
    const { nodeId } = this.#parts;
    const { sessionId } = session;
    this.#send(session, { kind: 'heartbeatRequest', callId, nodeId, sessionId });
  }

  #onHeartbeatResponse(session: Session, periodNs: number): void {
    const timers = this.#timers!;
    timers.cancel(session.heartbeatTimeout);
    session.heartbeatCallId = 0;
    session.heartbeatTimer = timers.after(periodNs, () => {
      if (this.#session === session) this.#sendHeartbeat(session);
    });
  }

  #openAssignments(session: Session): void {
    const callId = ++this.#callCounter;
    session.assignmentsCallId = callId;
    session.assignmentsAt = '';
    const { nodeId } = this.#parts;
    const { sessionId } = session;
    this.#send(session, { kind: 'assignmentsRequest', callId, nodeId, sessionId });
  }

  #onAssignments(session: Session, message: AssignmentsMessage): void {
    const isComplete = message.type === 'complete';
    if (!isComplete && message.appliesTo !== session.assignmentsAt) {
      this.#openAssignments(session);
      return;
    }
    session.assignmentsAt = message.resultsIn;
    this.#worker!.assign(message.changes, isComplete);
  }

  #onStatus(task: Task): void {
    this.#reporter.add(task);
    this.#maybeReport();
  }

  #maybeReport(): void {
    const session = this.#session;
    if (session === undefined || !session.isRegistered) return;
    const update = this.#reporter.take();
    if (update === undefined) return;
    const callId = ++this.#callCounter;
    session.statusCallId = callId;
    session.statusTimeout = this.#timeout(DISPATCHER_RPC_TIMEOUT_NS, session);
    this.#send(session, {
      kind: 'updateTaskStatusRequest',
      callId,
      nodeId: this.#parts.nodeId,
      sessionId: session.sessionId,
      updates: [update],
    });
  }

  #onStatusResponse(session: Session): void {
    this.#timers!.cancel(session.statusTimeout);
    session.statusCallId = 0;
    this.#reporter.succeed();
    this.#maybeReport();
  }
}

function isCallOf(session: Session, callId: number): boolean {
  return (
    callId === session.callId ||
    callId === session.assignmentsCallId ||
    callId === session.heartbeatCallId ||
    callId === session.statusCallId
  );
}
