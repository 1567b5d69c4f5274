/**
 * One manager node's control plane (swarmkit `manager/manager.go`).
 *
 * The store outlives the process (upstream: raft's log on disk), everything else is the leader's
 * and ends with it. A lone manager leads from the moment it starts; with several, raft will say
 * who leads and stand behind the same `Proposer`. The owner carries the messages, and tells the
 * machine when its process starts, crashes, or is paused.
 */
import { assert } from '../sim/assert.ts';
import type { World } from '../sim/world.ts';
import type { AgentMessage, DispatcherMessage } from './api/dispatcher-messages.ts';
import { Control } from './control/control.ts';
import { newNode } from './control/node-admission.ts';
import type { Refusal } from './control/result.ts';
import { Leadership } from './leadership.ts';
import { observeCommit } from './manager-observer.ts';
import type { NodeDirectory } from './node-directory.ts';
import { type ClusterSpec, DEFAULT_CLUSTER_SPEC } from './objects/cluster.ts';
import { IdSource } from './objects/ids.ts';
import { NO_META } from './objects/meta.ts';
import { NodeAvailability, NodeRole } from './objects/node.ts';
import type { Proposer } from './store/proposer.ts';
import { LoneProposer } from './store/proposer.ts';
import { Store } from './store/store.ts';
import type { Transaction } from './store/transaction.ts';
import { TimerGroup } from './timer-group.ts';

/** What a manager needs. */
export interface ManagerParts {
  readonly world: World;
  readonly nodeIndex: number;
  /** The manager's own node id, from `directory`. */
  readonly nodeId: string;
  readonly directory: NodeDirectory;
  /** Carries a message to the agent of a host; the manager's own agent included. */
  readonly send: (toNodeIndex: number, message: DispatcherMessage) => void;
  /** Settings of a new cluster; defaults are Docker's. */
  readonly clusterSpec?: ClusterSpec | undefined;
  /** Where changes become final; a lone manager's when absent. */
  readonly proposer?: Proposer | undefined;
}

interface Delivery {
  readonly from: number;
  readonly message: AgentMessage;
}

/** The control plane of one manager node. */
export class Manager {
  readonly nodeIndex: number;
  readonly nodeId: string;
  readonly store: Store;
  /** What operators can do. */
  readonly control: Control;
  readonly #parts: ManagerParts;
  readonly #ids: IdSource;
  #leadership: Leadership | undefined;
  #timers: TimerGroup | undefined;
  #isPaused = false;
  /** Set while operators' commands are answered by their deadline only. */
  #refuses = false;
  #inbox: Delivery[] = [];

  constructor(parts: ManagerParts) {
    const { directory, nodeIndex, nodeId, world } = parts;
    this.#parts = parts;
    this.nodeIndex = nodeIndex;
    this.nodeId = nodeId;
    this.#ids = new IdSource(world.chance, nodeIndex);
    this.store = new Store(world, parts.proposer ?? new LoneProposer());
    this.store.watch((events) => observeCommit(world, directory, events));
    this.control = new Control({
      world,
      store: this.store,
      ids: this.#ids,
      unavailable: () => this.#refusal(),
    });
  }

  /** True while this manager runs and leads. */
  get isLeader(): boolean {
    return this.#leadership !== undefined;
  }

  /** The process starts (the cluster's first start, or after a crash); it leads at once. */
  onStart(): void {
    assert(this.#leadership === undefined, 'manager started twice');
    const { directory, send, world } = this.#parts;
    this.#isPaused = false;
    this.store.update((tx) => this.#bootstrap(tx));
    this.#timers = new TimerGroup(world);
    this.#leadership = new Leadership({
      world,
      store: this.store,
      timers: this.#timers,
      directory,
      ids: this.#ids,
      managerId: this.nodeId,
      send: (to, message) => send(to, message),
    });
    this.#leadership.onStart();
  }

  /** Takes a message from an agent; lost when the process does not run. */
  onAgentMessage(fromNodeIndex: number, message: AgentMessage): void {
    if (this.#leadership === undefined) return;
    if (this.#isPaused) this.#inbox.push({ from: fromNodeIndex, message });
    else this.#leadership.onAgentMessage(fromNodeIndex, message);
  }

  /** The process dies: nobody is told, the store stays. */
  crash(): void {
    this.#end(false);
  }

  /** The process ends in good order: agents hear that their sessions are over. */
  stop(): void {
    this.#end(true);
  }

  /** The process starts again after {@link crash} or {@link stop}. */
  restart(): void {
    this.onStart();
  }

  /** The process stands still (SIGSTOP); its connections stay open. */
  pause(): void {
    this.wait();
    this.#refuses = true;
  }

  /** The process has to wait for a CPU: as {@link pause}, but operators' commands are still taken. */
  wait(): void {
    this.#isPaused = true;
    this.#timers?.pause();
  }

  /** The process goes on: first with the timers that fell due, then with what arrived. */
  resume(): void {
    this.#isPaused = false;
    this.#refuses = false;
    this.#timers?.resume();
    const inbox = this.#inbox;
    this.#inbox = [];
    for (const { from, message } of inbox) this.onAgentMessage(from, message);
  }

  #refusal(): Refusal | undefined {
    if (this.#leadership === undefined) {
      const message =
        "The swarm does not have a leader. It's possible that too few managers are online. " +
        'Make sure more than half of the managers are online.';
      return { code: 'Unknown', message };
    }
    if (!this.#refuses) return undefined;
    return { code: 'DeadlineExceeded', message: 'context deadline exceeded' };
  }

  #end(isOrderly: boolean): void {
    this.#leadership?.stop(isOrderly);
    this.#leadership = undefined;
    this.#timers = undefined;
    this.#inbox = [];
    this.#isPaused = false;
    this.#refuses = false;
    this.store.abandonWrites();
  }

  /** Makes what the first leader of a cluster makes: cluster, own node, predefined networks. */
  #bootstrap(tx: Transaction): void {
    if (tx.cluster() !== undefined) return;
    tx.create('cluster', {
      id: this.#ids.next(),
      meta: NO_META,
      spec: this.#parts.clusterSpec ?? DEFAULT_CLUSTER_SPEC,
      networkBootstrapKeys: [],
      encryptionKeyLamportClock: 0,
    });
    const { active } = NodeAvailability;
    tx.create('node', newNode(this.nodeId, NodeRole.manager, active, {}));
    tx.create('network', {
      id: this.#ids.next(),
      meta: NO_META,
      spec: { annotations: { name: 'ingress', labels: {} }, ingress: true },
      driverState: undefined,
      ipam: undefined,
      isNodeLocal: false,
    });
    for (const name of ['bridge', 'host']) {
      const driver = { name, options: {} };
      tx.create('network', {
        id: this.#ids.next(),
        meta: NO_META,
        spec: {
          annotations: { name, labels: { 'com.docker.swarm.predefined': 'true' } },
          driverConfig: driver,
        },
        driverState: driver,
        ipam: undefined,
        isNodeLocal: true,
      });
    }
  }
}
