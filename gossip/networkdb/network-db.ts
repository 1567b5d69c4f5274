/**
 * NetworkDB for all simulated nodes: the face of this folder.
 *
 * One object carries every node's instance of moby's NetworkDB (`libnetwork/networkdb`), over a
 * membership engine ({@link Carrier}). The rules are in the files beside this one; here are the
 * entry points: those of the daemon (networks, entries, watches, views), those of memberlist's
 * delegate, and the tickers. Every entry point hands over the watch events that it caused when it
 * ends.
 */

import { assert } from '../../sim/assert.ts';
import { encodeGossipMessage } from '../../wire/networkdb/encode.ts';
import { type GossipMessage, GossipMessageType } from '../../wire/networkdb/message.ts';
import type { Carrier, Delegate, UserMessage } from './carrier.ts';
import {
  BULK_SYNC_INTERVAL_NS,
  LEAVE_TIMEOUT_NS,
  NODE_REAP_PERIOD_NS,
  PACKET_BUFFER_BYTES,
  REAP_NETWORK_INTERVAL_SECONDS,
  REJOIN_CLUSTER_INTERVAL_NS,
  STATS_PRINT_PERIOD_NS,
  TICKER_START_NS,
} from './constants.ts';
import { CountedKind, type Counters } from './counters.ts';
import { generationRules } from './generation.ts';
import { localNetworkOf } from './local-network.ts';
import type { Message, PushPull } from './message.ts';
import { PeerState, Peers } from './peers.ts';
import { retransmitLimit, TransmitLimitedQueue } from './queue/transmit-limited-queue.ts';
import { armGossip } from './rules/arming.ts';
import { bulkSyncAll, bulkSyncTables, handleBulkSync } from './rules/bulk-sync.ts';
import { deleteLocalNetworkEntries } from './rules/entry-removal.ts';
import { type EstablishedNetwork, establishNetwork } from './rules/establish.ts';
import { gossip, rollStats } from './rules/gossip-tick.ts';
import { isKnown } from './rules/known.ts';
import { memberCountOf, membersOf } from './rules/members.ts';
import {
  handleNodeMessage,
  handleNotifyJoin,
  handleNotifyLeave,
  reapDeadNodes,
  sendNodeEvent,
} from './rules/membership.ts';
import {
  handleNetworkMessage,
  localState,
  mergeRemoteState,
  sendNetworkEvent,
  storeOwnAttachment,
} from './rules/network-events.ts';
import { receiveBytes } from './rules/receive-bytes.ts';
import { joinAll, reconnectNode, rejoinClusterBootStrap } from './rules/reconnect.ts';
import { createEntry, deleteEntry, handleTableMessage, updateEntry } from './rules/table-events.ts';
import { atInstant, runOrDefer } from './rules/timers.ts';
import {
  type BootstrapAddress,
  type Network,
  type NetworkDbParts,
  type NodeInit,
  type NodeState,
  Observed,
  State,
} from './state.ts';
import type { TableValue } from './store/entries.ts';
import {
  type NodeWatchHandler,
  type Watch,
  type WatchFilter,
  type WatchHandler,
  watchEventOf,
} from './watch.ts';
import { wireFormOf } from './wire-form.ts';

/** A live entry as a node sees it. */
export interface EntryView {
  readonly table: string;
  readonly networkId: string;
  readonly key: string;
  readonly value: TableValue;
  readonly owner: number;
  readonly ltime: number;
  readonly entryId: number;
}

/** The periodic tasks of a node, as bits. */
const Task = { bulkSync: 1, reapDeadNodes: 2, rejoin: 4 } as const;
const TASK_PERIODS: readonly [task: number, periodNs: number, startNs: number][] = [
  [Task.bulkSync, BULK_SYNC_INTERVAL_NS, TICKER_START_NS.bulkSync],
  [Task.reapDeadNodes, NODE_REAP_PERIOD_NS, TICKER_START_NS.reapDeadNodes],
  [Task.rejoin, REJOIN_CLUSTER_INTERVAL_NS, TICKER_START_NS.rejoin],
];
const DEFAULT_PORT = 7946;

/** All nodes' NetworkDB. */
export class NetworkDb implements Delegate {
  readonly #state: State;
  readonly #carrier: Carrier;

  constructor(parts: NetworkDbParts) {
    const state = new State(parts);
    this.#state = state;
    this.#carrier = parts.carrier;
    const queue = parts.world.queue;
    state.timerKinds.gossip = queue.registerKind((index, _b, _c, nowNs) => {
      this.#onTick(index, nowNs, (node) => {
        node.isGossipArmed = false;
        gossip(state, node, state.nowNs);
      });
    });
    state.timerKinds.reconnect = queue.registerKind((index, _b, _c, nowNs) => {
      this.#onTick(index, nowNs, (node) => reconnectNode(state, node, state.nowNs));
    });
    state.timerKinds.periodic = queue.registerKind((index, task, _c, nowNs) => {
      this.#onPeriodic(index, task, nowNs);
    });
  }

  /** Messages and bytes sent, per node and kind. */
  get counters(): Counters {
    return this.#state.counters;
  }

  /** How many entries some members of their networks see and others do not, or see otherwise. */
  get disputedCount(): number {
    return this.#state.networks.reduce((count, { entries }) => count + entries.disputedCount, 0);
  }

  /** Starts a node's daemon now; its tickers count from this instant. */
  addNode(init: NodeInit): void {
    const state = this.#state;
    const node: NodeState = {
      index: init.node,
      name: init.name,
      hostname: init.hostname,
      address: init.address,
      port: init.port ?? DEFAULT_PORT,
      rules: generationRules(init.generation ?? 1),
      packetBufferBytes: init.packetBufferBytes ?? PACKET_BUFFER_BYTES,
      startedAtNs: state.nowNs,
      isRunning: true,
      isPaused: false,
      networkClock: 0,
      tableClock: 0,
      peers: new Peers(),
      networks: new Map(),
      networkBroadcasts: new TransmitLimitedQueue(),
      nodeBroadcasts: new TransmitLimitedQueue(),
      bulkSyncAcks: new Map(),
      bootstrap: [],
      isGossipArmed: false,
      isReconnectArmed: false,
      busyTasks: 0,
      waitingTasks: 0,
      bulkSyncDraws: 0,
      reconnectDraws: 0,
      deferred: [],
    };
    state.addNode(node);
    node.peers.move(node.index, PeerState.active);
    if (!state.shortcuts) armGossip(state, node);
    for (const [task, periodNs, startNs] of TASK_PERIODS) {
      const atNs = state.nowNs + startNs + periodNs;
      state.world.queue.schedule(atNs, state.timerKinds.periodic, node.index, task);
    }
  }

  /**
   * Joins the cluster at these addresses (moby `Join`): `onDone(true)` when at least one push/pull
   * succeeded. A failed join is retried by rejoinClusterBootStrap only.
   */
  join(
    index: number,
    bootstrap: readonly BootstrapAddress[],
    onDone?: (ok: boolean, nowNs: number) => void,
  ): void {
    const node = this.#state.node(index);
    node.bootstrap = bootstrap;
    this.#rule(() => {
      joinAll(this.#state, node, bootstrap, (ok) => {
        if (!ok) onDone?.(false, this.#state.nowNs);
        else sendNodeEvent(this.#state, node, false, () => onDone?.(true, this.#state.nowNs));
      });
    });
  }

  /** A network on which its members have been for long; see `rules/establish.ts`. */
  establish(network: EstablishedNetwork): void {
    establishNetwork(this.#state, network);
  }

  /** The process ends without a word (kill, power off): all that it held is gone. */
  stop(index: number): void {
    const node = this.#state.node(index);
    if (!node.isRunning) return;
    node.isRunning = false;
    node.deferred = [];
    this.#state.watches.cancelAll(index);
    this.#state.removeNode(node);
  }

  /** Leaves gracefully (moby `Close`), then stops the node and calls `onDone`. */
  close(index: number, onDone?: (nowNs: number) => void): void {
    const node = this.#state.node(index);
    this.#rule(() => {
      sendNodeEvent(this.#state, node, true, () => {
        this.#carrier.leave(index, LEAVE_TIMEOUT_NS, (nowNs) => {
          this.stop(index);
          onDone?.(nowNs);
        });
      });
    });
  }

  /** Stops the node's process as SIGSTOP does. */
  pause(index: number): void {
    this.#state.node(index).isPaused = true;
  }

  /** Continues the node's process: what fell due meanwhile happens now. */
  resume(index: number): void {
    const node = this.#state.node(index);
    node.isPaused = false;
    const deferred = node.deferred;
    node.deferred = [];
    this.#rule(() => {
      for (const action of deferred) if (node.isRunning) action(this.#state.nowNs);
    });
  }

  /**
   * Attaches the node to a network and syncs with every known member, one after another;
   * `onSynced` when that has ended (the caller is blocked until then upstream). Returns moby's error
   * when a later generation refuses a second join.
   */
  joinNetwork(
    index: number,
    networkId: string,
    onSynced?: (nowNs: number) => void,
  ): string | undefined {
    const state = this.#state;
    const node = state.node(index);
    const network = state.network(networkId);
    const ltime = ++node.networkClock;
    const known = state.localNetwork(node, network.index);
    if (known !== undefined && !known.leaving && node.rules.refusesSecondJoin) {
      return `networkdb: network ${networkId} is already joined`;
    }
    this.#rule(() => {
      const local = localNetworkOf(node, network, ltime, known);
      node.networks.set(network.index, local);
      network.entries.join(index);
      sendNetworkEvent(state, node, storeOwnAttachment(state, node, local));
      bulkSyncAll(state, node, network, () => {
        local.inSync = true;
        state.world.observe(Observed.inSync, index, 0, network.index);
        onSynced?.(state.nowNs);
      });
    });
    return undefined;
  }

  /** Detaches the node from a network; moby's error when it had not joined. */
  leaveNetwork(index: number, networkId: string): string | undefined {
    const state = this.#state;
    const node = state.node(index);
    const network = state.network(networkId);
    const ltime = ++node.networkClock;
    const attachment = { owner: index, networkIndex: network.index, ltime, leaving: true };
    return this.#rule(() => {
      sendNetworkEvent(state, node, attachment);
      deleteLocalNetworkEntries(state, node, network);
      const local = state.localNetwork(node, network.index);
      if (local === undefined) return `could not find network ${networkId} while trying to leave`;
      local.ltime = ltime;
      local.leaving = true;
      local.reapBudget = state.budgetOf(node, REAP_NETWORK_INTERVAL_SECONDS);
      storeOwnAttachment(state, node, local);
      return undefined;
    });
  }

  /** Creates an entry; moby's error when a live one exists. */
  createEntry(
    index: number,
    table: string,
    networkId: string,
    key: string,
    value: TableValue,
  ): string | undefined {
    const state = this.#state;
    return createEntry(state, state.node(index), table, state.network(networkId), key, value);
  }

  /** Updates a live entry, also one of another node; moby's error when there is none. */
  updateEntry(
    index: number,
    table: string,
    networkId: string,
    key: string,
    value: TableValue,
  ): string | undefined {
    const state = this.#state;
    return updateEntry(state, state.node(index), table, state.network(networkId), key, value);
  }

  /** Deletes a live entry, also one of another node; moby's error when there is none. */
  deleteEntry(index: number, table: string, networkId: string, key: string): string | undefined {
    const state = this.#state;
    return deleteEntry(state, state.node(index), table, state.network(networkId), key);
  }

  /**
   * Hears what changes at the node, its own writes excepted. From generation 2 on the watch begins
   * with creates for the live entries of others; before, callers walk the tables themselves.
   */
  watch(index: number, filter: WatchFilter, handler: WatchHandler): Watch {
    const state = this.#state;
    const node = state.node(index);
    return this.#rule(() => {
      const watch = state.watches.add(index, filter, handler);
      if (!node.rules.watchStartsWithEntries) return watch;
      for (const network of state.networks) {
        for (const fact of network.entries.heldBy(index, state.nowNs)) {
          const version = this.#visible(node, network, fact);
          if (version === undefined || version.owner === index) continue;
          const { owner, value } = version;
          const event = watchEventOf('create', fact, network.id, owner, value, undefined);
          state.watches.write(index, event, watch);
        }
      }
      return watch;
    });
  }

  /** Hears of every node that joins or leaves the gossip cluster (moby's NodeTable). */
  watchNodes(index: number, handler: NodeWatchHandler): void {
    this.#state.watches.addNodes(index, handler);
  }

  /** Ends a watch. */
  unwatch(watch: Watch): void {
    this.#state.watches.cancel(watch);
  }

  /** The members of a network in the node's eyes, itself included (`/networkpeers`). */
  peersOf(index: number, networkId: string): number[] {
    const network = this.#state.networkIfKnown(networkId);
    if (network === undefined) return [];
    return membersOf(this.#state, this.#state.node(index), network);
  }

  /** The active nodes of the gossip cluster in the node's eyes (`/clusterpeers`). */
  clusterPeersOf(index: number): number[] {
    const peers = this.#state.node(index).peers;
    const active: number[] = [];
    for (let peer = 0; this.#state.nodeIfKnown(peer) !== undefined; peer++) {
      if (peers.isActive(peer)) active.push(peer);
    }
    return active;
  }

  /** The failed nodes that the node still remembers and tries to reach. */
  failedPeersOf(index: number): number[] {
    return [...this.#state.node(index).peers.failed];
  }

  /** The live entries of a table at the node, by key (`/gettable`). */
  entriesOf(index: number, table: string, networkId: string): EntryView[] {
    const network = this.#state.networkIfKnown(networkId);
    if (network === undefined) return [];
    const node = this.#state.node(index);
    const views: EntryView[] = [];
    for (const fact of network.entries.heldBy(index, this.#state.nowNs)) {
      if (fact.subject.table !== table) continue;
      const version = this.#visible(node, network, fact);
      if (version === undefined) continue;
      const { owner, ltime, value } = version;
      const { key, entryId } = fact.subject;
      views.push({ table, networkId, key, value, owner, ltime, entryId });
    }
    return views;
  }

  /** The value of a live entry at the node (`/getentry`). */
  entryOf(index: number, table: string, networkId: string, key: string): TableValue | undefined {
    const network = this.#state.networkIfKnown(networkId);
    if (network === undefined) return undefined;
    const node = this.#state.node(index);
    return this.#visible(node, network, network.entries.factOf(table, key))?.value;
  }

  /** True when the node holds a tombstone of that key. */
  isDeleted(index: number, table: string, networkId: string, key: string): boolean {
    const entries = this.#state.networkIfKnown(networkId)?.entries;
    const fact = entries?.factIfKnown(table, key);
    if (entries === undefined || fact === undefined) return false;
    return entries.get(fact, index, this.#state.nowNs)?.deleting === true;
  }

  /** Entries and own queued messages of a network; -1 and -1 when not joined (`/networkstats`). */
  statsOf(index: number, networkId: string): { entries: number; queueLength: number } {
    const network = this.#state.networkIfKnown(networkId);
    const node = this.#state.node(index);
    const local = network && this.#state.localNetwork(node, network.index);
    if (network === undefined || local === undefined) return { entries: -1, queueLength: -1 };
    const entries = network.entries.countOf(index, this.#state.nowNs);
    return { entries, queueLength: local.tableBroadcasts.count };
  }

  /** The line that the daemon logs every 5 minutes; `undefined` when not joined. */
  statsLine(index: number, networkId: string): string | undefined {
    const state = this.#state;
    const node = state.node(index);
    const network = state.networkIfKnown(networkId);
    const local = network && state.localNetwork(node, network.index);
    if (network === undefined || local === undefined) return undefined;
    rollStats(node, local, state.nowNs);
    const relays = node.rules.queuesRelaysApart ? `+${local.tableRebroadcasts.count}` : '';
    const perSecond = Math.floor(local.pulledBefore / (STATS_PRINT_PERIOD_NS / 1e9));
    return (
      `NetworkDB stats ${node.hostname}(${node.name}) - netID:${networkId} ` +
      `leaving:${local.leaving} netPeers:${memberCountOf(state, node, network)} ` +
      `entries:${network.entries.countOf(index, state.nowNs)} ` +
      `Queue qLen:${local.tableBroadcasts.count}${relays} netMsg/s:${perSecond}`
    );
  }

  /** What the `a` of an entry's observation means. */
  entrySubject(entryId: number): { networkId: string; table: string; key: string } | undefined {
    return this.#state.entrySubject(entryId);
  }

  /** The id of a network's index in an observation. */
  networkIdOf(networkIndex: number): string | undefined {
    return this.#state.networks[networkIndex]?.id;
  }

  notifyJoin(observer: number, subject: number): void {
    this.#atNode(observer, (node) => handleNotifyJoin(this.#state, node, subject));
  }

  notifyLeave(observer: number, subject: number): void {
    this.#atNode(observer, (node) => handleNotifyLeave(this.#state, node, subject));
  }

  notifyUpdate(_observer: number, _subject: number): void {}

  getBroadcasts(member: number, overheadBytes: number, limitBytes: number): UserMessage[] {
    const node = this.#state.nodeIfKnown(member);
    if (node === undefined || !node.isRunning) return [];
    if (node.networkBroadcasts.count === 0 && node.nodeBroadcasts.count === 0) return [];
    const limit = retransmitLimit(node.peers.activeCount);
    const out: Message[] = [];
    const queues = node.networkBroadcasts;
    const usedBytes = queues.pull(overheadBytes, limitBytes, limit, out as never[]);
    const networkCount = out.length;
    const restBytes = node.rules.sharesBroadcastLimit ? limitBytes - usedBytes : limitBytes;
    node.nodeBroadcasts.pull(overheadBytes, restBytes, limit, out as never[]);
    for (let i = 0; i < out.length; i++) {
      const kind = i < networkCount ? CountedKind.networkEvent : CountedKind.nodeEvent;
      this.#state.counters.add(member, kind, out[i]!.sizeBytes);
    }
    return out;
  }

  isKnown(member: number, message: UserMessage): boolean {
    const node = this.#state.nodeIfKnown(member);
    if (node === undefined || !node.isRunning || node.isPaused) return false;
    return isKnown(this.#state, node, message as Message);
  }

  notifyMessage(member: number, _from: number, message: UserMessage): void {
    const node = this.#state.nodeIfKnown(member);
    if (node === undefined || !node.isRunning) return;
    const { watches } = this.#state;
    watches.enter();
    this.#receive(node, message as Message);
    watches.leave(this.#state.nowNs);
  }

  localState(member: number, join: boolean): UserMessage {
    return localState(this.#state, this.#state.node(member), join);
  }

  mergeRemoteState(member: number, _from: number, remote: UserMessage, _join: boolean): void {
    this.#atNode(member, (node) => mergeRemoteState(this.#state, node, remote as PushPull));
  }

  encode(message: UserMessage): Uint8Array {
    return encodeGossipMessage(this.wireFormOf(message));
  }

  /** A message in moby's form; see `wire-form.ts`. */
  wireFormOf(message: UserMessage): GossipMessage {
    return wireFormOf(this.#state, message as Message);
  }

  /** A user message that was not made here, as {@link notifyMessage}; see `receive-bytes.ts`. */
  notifyBytes(member: number, bytes: Uint8Array): void {
    this.#atNode(member, (node) => receiveBytes(this.#state, node, bytes));
  }

  /** The node's Lamport clocks. */
  clocksOf(index: number): { network: number; table: number } {
    const node = this.#state.node(index);
    return { network: node.networkClock, table: node.tableClock };
  }

  #receive(node: NodeState, message: Message): void {
    const state = this.#state;
    switch (message.type) {
      case GossipMessageType.compound:
        for (const event of message.events) handleTableMessage(state, node, event, false);
        break;
      case GossipMessageType.tableEvent:
        handleTableMessage(state, node, message, false);
        break;
      case GossipMessageType.networkEvent:
        handleNetworkMessage(state, node, message);
        break;
      case GossipMessageType.nodeEvent:
        handleNodeMessage(state, node, message);
        break;
      case GossipMessageType.bulkSync:
        handleBulkSync(state, node, message);
        break;
      case GossipMessageType.pushPull:
        assert(false, 'networkdb: push/pull state as a user message');
    }
  }

  #visible(node: NodeState, network: Network, fact: Parameters<Network['entries']['get']>[0]) {
    const version = network.entries.get(fact, node.index, this.#state.nowNs);
    if (version === undefined || version.deleting) return undefined;
    const isHidden = node.rules.keepsFailedNodes && node.peers.isFailed(version.owner);
    return isHidden ? undefined : version;
  }

  #onTick(index: number, nowNs: number, action: (node: NodeState) => void): void {
    const node = this.#state.node(index);
    if (!node.isRunning) return;
    this.#rule(() => runOrDefer(node, () => action(node), nowNs));
  }

  #onPeriodic(index: number, task: number, nowNs: number): void {
    const node = this.#state.node(index);
    if (!node.isRunning) return;
    const periodNs = TASK_PERIODS.find(([other]) => other === task)![1];
    const kind = this.#state.timerKinds.periodic;
    this.#state.world.queue.schedule(nowNs + periodNs, kind, index, task);
    if ((node.busyTasks & task) !== 0 || node.isPaused) node.waitingTasks |= task;
    else this.#rule(() => this.#runTask(node, task));
    if (node.isPaused && (node.busyTasks & task) === 0) {
      node.busyTasks |= task;
      node.deferred.push(() => this.#endTask(node, task));
    }
  }

  #runTask(node: NodeState, task: number): void {
    node.busyTasks |= task;
    const onDone = (): void => this.#endTask(node, task);
    if (task === Task.bulkSync) {
      bulkSyncTables(this.#state, node, onDone);
    } else if (task === Task.rejoin) {
      rejoinClusterBootStrap(this.#state, node, this.#state.nowNs, onDone);
    } else {
      reapDeadNodes(this.#state, node);
      onDone();
    }
  }

  /** A ticker's channel holds one tick: what came while the task was busy runs at once. */
  #endTask(node: NodeState, task: number): void {
    node.busyTasks &= ~task;
    if ((node.waitingTasks & task) === 0) return;
    node.waitingTasks &= ~task;
    node.busyTasks |= task;
    atInstant(this.#state, node, this.#state.nowNs, () => this.#runTask(node, task));
  }

  #atNode(index: number, action: (node: NodeState) => void): void {
    const node = this.#state.nodeIfKnown(index);
    if (node === undefined || !node.isRunning) return;
    this.#rule(() => action(node));
  }

  #rule<T>(action: () => T): T {
    this.#state.watches.enter();
    const result = action();
    this.#state.watches.leave(this.#state.nowNs);
    return result;
  }
}
