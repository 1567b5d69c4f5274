/**
 * The state behind NetworkDB's rules: every node's record, the networks with their shared stores,
 * and the way to time, chance, the carrier and the observations.
 *
 * The fields of {@link NodeState} are those of moby's `NetworkDB` struct (`networkdb.go`); what the
 * nodes agree on (entries, attachments) is in `store/`, once for all nodes.
 */
import { assert } from '../../sim/assert.ts';
import type { DrawKey } from '../../sim/chance.ts';
import { observationKind } from '../../sim/observations.ts';
import type { World } from '../../sim/world.ts';
import type { Carrier } from './carrier.ts';
import { Counters } from './counters.ts';
import type { Generation, GenerationName } from './generation.ts';
import {
  type NetworkEvent,
  type NodeEvent,
  networkEntryBytes,
  simpleMessageBytes,
  type TableEvent,
  tableMessageBytes,
} from './message.ts';
import type { Peers } from './peers.ts';
import type { TransmitLimitedQueue } from './queue/transmit-limited-queue.ts';
import { Attachments } from './store/attachments.ts';
import { Entries } from './store/entries.ts';
import { Fact } from './store/fact-table.ts';
import { networkReapTick, Population, ReapTicks } from './store/population.ts';
import { Watches } from './watch.ts';

/** Observations of NetworkDB; `node` is the node that sees it. */
export const Observed = {
  /** An entry was stored: a = entry id, b = ltime; text says the kind. */
  event: observationKind('networkdb.event'),
  /** An entry was dropped with its owner or network: a = entry id, b = ltime. */
  dropped: observationKind('networkdb.dropped'),
  /** All nodes of the network (node -1) hold the same: a = entry id, b = ltime, 0 for nothing. */
  agreed: observationKind('networkdb.agreed'),
  /** A bulk sync was sent: a = peer, b = bytes; text is "unsolicited" or "reply". */
  bulkSync: observationKind('networkdb.bulkSync'),
  /** A daemon's warning, which text is. */
  warning: observationKind('networkdb.warning'),
  /** No answer to a bulk sync within 30 s: a = peer. */
  bulkSyncTimeout: observationKind('networkdb.bulkSyncTimeout'),
  /** A peer is active: a = peer. */
  nodeActive: observationKind('networkdb.nodeActive'),
  /** A peer has failed: a = peer. */
  nodeFailed: observationKind('networkdb.nodeFailed'),
  /** A peer has left: a = peer. */
  nodeLeft: observationKind('networkdb.nodeLeft'),
  /** A peer is attached to a network: a = peer, b = network index. */
  networkJoin: observationKind('networkdb.networkJoin'),
  /** A peer has left a network: a = peer, b = network index. */
  networkLeave: observationKind('networkdb.networkLeave'),
  /** The node's own join of a network has ended its bulk syncs: b = network index. */
  inSync: observationKind('networkdb.inSync'),
} as const;

/** A network, for all nodes. */
export interface Network {
  readonly index: number;
  readonly id: string;
  readonly entries: Entries;
  readonly attachments: Attachments;
}

/** A node's own attachment (moby's `network` of the node itself). */
export interface LocalNetwork {
  readonly network: Network;
  ltime: number;
  leaving: boolean;
  /** Countdown of the left record, see `store/population.ts`. */
  reapBudget: number;
  /** True after the bulk syncs of the join. */
  inSync: boolean;
  /** Queue of own events; in generation 1 also of relayed ones. */
  tableBroadcasts: TransmitLimitedQueue<TableEvent>;
  /** Queue of relayed events; the same object in generation 1. */
  tableRebroadcasts: TransmitLimitedQueue<TableEvent>;
  /** Messages pulled in the present and in the previous statistics period. */
  pulledCount: number;
  pulledBefore: number;
  statsPeriod: number;
}

/** Waits for the answer of a peer to a bulk sync. */
export interface BulkSyncAck {
  readonly ltime: number;
  isClosed: boolean;
  onClosed: (() => void) | undefined;
}

/** An address at which a cluster can be joined; port 0 when none was given. */
export interface BootstrapAddress {
  readonly address: number;
  readonly port: number;
}

/** How a node is set up. */
export interface NodeInit {
  /** The member index; nodes are added in ascending order. */
  readonly node: number;
  /** memberlist's name: 12 hex digits, new at every daemon start. */
  readonly name: string;
  readonly hostname: string;
  /** IPv4 address as an unsigned integer. */
  readonly address: number;
  readonly port?: number;
  readonly generation?: GenerationName;
  readonly packetBufferBytes?: number;
}

/** What one node knows and does. */
export interface NodeState {
  readonly index: number;
  readonly name: string;
  readonly hostname: string;
  readonly address: number;
  readonly port: number;
  readonly rules: Generation;
  readonly packetBufferBytes: number;
  readonly startedAtNs: number;
  isRunning: boolean;
  isPaused: boolean;
  networkClock: number;
  tableClock: number;
  readonly peers: Peers;
  readonly networks: Map<number, LocalNetwork>;
  readonly networkBroadcasts: TransmitLimitedQueue<NetworkEvent>;
  readonly nodeBroadcasts: TransmitLimitedQueue<NodeEvent>;
  readonly bulkSyncAcks: Map<number, BulkSyncAck[]>;
  bootstrap: readonly BootstrapAddress[];
  isGossipArmed: boolean;
  isReconnectArmed: boolean;
  /** Periodic tasks (see `network-db.ts`) that run, and that have a tick waiting, as bits. */
  busyTasks: number;
  waitingTasks: number;
  /** Draws made so far, by purpose: coordinates of keyed chance. */
  bulkSyncDraws: number;
  reconnectDraws: number;
  /** What has to happen as soon as the paused process runs again. */
  deferred: ((nowNs: number) => void)[];
}

/** What NetworkDB is made of. */
export interface NetworkDbParts {
  readonly world: World;
  readonly carrier: Carrier;
  /**
   * False runs everything literally: idle gossip ticks are events, and a sync looks at every entry.
   * The results are the same.
   */
  readonly shortcuts?: boolean;
}

/** The value of a Lamport clock after it has seen `ltime` (serf `LamportClock.Witness`). */
export function witness(clock: number, ltime: number): number {
  return ltime < clock ? clock : ltime + 1;
}

/** All nodes and networks. */
export class State {
  readonly world: World;
  readonly carrier: Carrier;
  readonly shortcuts: boolean;
  readonly watches = new Watches();
  readonly counters = new Counters();
  readonly gossipKey: DrawKey;
  readonly bulkSyncKey: DrawKey;
  readonly reconnectKey: DrawKey;
  /** Kinds of the typed timer events; registered by `NetworkDb`. */
  readonly timerKinds = { gossip: 0, reconnect: 0, periodic: 0 };
  readonly networks: Network[] = [];
  readonly #networksById = new Map<string, Network>();
  readonly #nodes: (NodeState | undefined)[] = [];
  readonly #nodesByName = new Map<string, number>();
  readonly #nodesByAddress = new Map<number, number[]>();
  readonly #nodesBySocket = new Map<number, number[]>();
  readonly #population = new Population();
  readonly #ticks = new ReapTicks();
  readonly #entrySubjects: { networkId: string; table: string; key: string }[] = [];
  #attachmentCount = 0;

  constructor(parts: NetworkDbParts) {
    this.world = parts.world;
    this.carrier = parts.carrier;
    this.shortcuts = parts.shortcuts ?? true;
    this.gossipKey = parts.world.chance.key('networkdb.gossip');
    this.bulkSyncKey = parts.world.chance.key('networkdb.bulkSync');
    this.reconnectKey = parts.world.chance.key('networkdb.reconnect');
  }

  /** The virtual instant, in ns. */
  get nowNs(): number {
    return this.world.queue.nowNs;
  }

  /** The node's record; it must have been added. */
  node(index: number): NodeState {
    const node = this.#nodes[index];
    assert(node !== undefined, `networkdb: node ${index} is unknown`);
    return node;
  }

  /** The node's record when it has one. */
  nodeIfKnown(index: number): NodeState | undefined {
    return this.#nodes[index];
  }

  /** All nodes that run. */
  *nodes(): Generator<NodeState> {
    for (const node of this.#nodes) if (node?.isRunning === true) yield node;
  }

  /** The node of that memberlist name. */
  nodeNamed(name: string): number | undefined {
    return this.#nodesByName.get(name);
  }

  /** All nodes ever added at an address and port, oldest first. */
  nodesAt(address: number, port: number): readonly number[] {
    return this.#nodesBySocket.get(address * 0x1_0000 + port) ?? [];
  }

  /** All nodes ever added at an address, oldest first. */
  nodesOfAddress(address: number): readonly number[] {
    return this.#nodesByAddress.get(address) ?? [];
  }

  /** Registers a node whose daemon starts now. */
  addNode(node: NodeState): void {
    assert(this.#nodes[node.index] === undefined, `networkdb: node ${node.index} added twice`);
    this.#nodes[node.index] = node;
    this.#nodesByName.set(node.name, node.index);
    this.#ticks.start(node.index, node.startedAtNs);
    append(this.#nodesByAddress, node.address, node.index);
    append(this.#nodesBySocket, node.address * 0x1_0000 + node.port, node.index);
    this.#population.add(node.index);
    for (const network of this.networks) network.attachments.admit(node.index);
  }

  /** Forgets all that a stopped node holds. */
  removeNode(node: NodeState): void {
    for (const network of this.networks) {
      network.entries.leave(node.index);
      network.attachments.release(node.index);
    }
    this.#population.remove(node.index);
    node.networks.clear();
  }

  /** The network of that id; made when nobody has named it before. */
  network(id: string): Network {
    let network = this.#networksById.get(id);
    if (network === undefined) {
      network = this.#createNetwork(id);
      this.#networksById.set(id, network);
      this.networks.push(network);
    }
    return network;
  }

  /** The network of that id when somebody has named it. */
  networkIfKnown(id: string): Network | undefined {
    return this.#networksById.get(id);
  }

  /** The node's own attachment, unless its left record has been reaped. */
  localNetwork(node: NodeState, networkIndex: number): LocalNetwork | undefined {
    const local = node.networks.get(networkIndex);
    if (local === undefined || !local.leaving) return local;
    const tick = this.#ticks.tickAt(node.index, this.nowNs);
    if (tick < networkReapTick(local.reapBudget)) return local;
    node.networks.delete(networkIndex);
    return undefined;
  }

  /** The budget of a countdown that begins now at the node. */
  budgetOf(node: NodeState, residualSeconds: number): number {
    return this.#ticks.budgetOf(node.index, residualSeconds, this.nowNs);
  }

  /** What an entry id in an observation means. */
  entrySubject(entryId: number): { networkId: string; table: string; key: string } | undefined {
    return this.#entrySubjects[entryId];
  }

  #createNetwork(id: string): Network {
    const index = this.networks.length;
    const ticks = this.#ticks;
    const entries = new Entries({
      ticks,
      frameBytesOf: (version, residualSeconds) =>
        simpleMessageBytes(tableMessageBytes(version.eventBytes, residualSeconds)),
      createFact: (table, key) => {
        const entryId = this.#entrySubjects.length;
        this.#entrySubjects.push({ networkId: id, table, key });
        return new Fact({ entryId, networkIndex: index, table, key }, `${table}/${key}`);
      },
      onAgreed: (fact, version) => {
        this.world.observe(Observed.agreed, -1, fact.subject.entryId, version?.ltime ?? 0);
      },
    });
    const attachments = new Attachments({
      ticks,
      population: this.#population,
      frameBytesOf: (attachment) =>
        networkEntryBytes(attachment, this.node(attachment.owner).name.length, id.length),
      createFact: (owner) => {
        const order = this.#attachmentCount++;
        return new Fact({ owner, networkIndex: index, order }, String(order).padStart(10, '0'));
      },
      onAgreed: () => {},
    });
    return { index, id, entries, attachments };
  }
}

function append(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
