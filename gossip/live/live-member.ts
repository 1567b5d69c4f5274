/**
 * What one live member holds: a memberlist v0.4.0 node that talks to real programs.
 *
 * The simulator numbers its members and stores what they agree on once; a live member meets peers
 * that nobody numbered and hears of them only what they send, so it keeps upstream's own shape: a
 * map and a list of nodes (memberlist `memberlist.go` `Memberlist`, `state.go` `nodeState`). The
 * formulas, the queue and the messages are the simulator's. Time is the event queue's, the network
 * is a transport that is handed in: no I/O here.
 */
import { type DrawKey, drawBelow } from '../../sim/chance.ts';
import type { EventHandle } from '../../sim/event-queue.ts';
import type { World } from '../../sim/world.ts';
import { type HostAddress, hostAddressBytes, hostAddressOf } from '../../wire/host-address.ts';
import type { Keyring } from '../../wire/memberlist/encrypt.ts';
import type {
  Alive,
  Dead,
  NodeState,
  PacketMessage,
  StreamMessage,
  Suspect,
  WireAddress,
} from '../../wire/memberlist/message.ts';
import type { SerfStatus } from '../../wire/serf/message.ts';
import type { SwimConfig } from '../constants.ts';
import { BroadcastQueue } from '../dissemination/broadcast-queue.ts';
import type { LiveName, NameTable } from './name-table.ts';
import type { EventPool } from './serf/event-pool.ts';
import { createSerfState, type SerfState } from './serf/serf-state.ts';

/** Where a member listens, UDP and TCP alike. */
export interface LiveAddress {
  readonly address: HostAddress;
  readonly port: number;
  /** Who is there, where that is known; empty is unknown. */
  readonly name?: string;
}

/** The network under live members; what it cannot send is lost, as with UDP. */
export interface LiveTransport {
  /** Sends a packet from the member's own socket; `crc` for a target that speaks protocol 5. */
  sendPacket(
    from: LiveMember,
    to: LiveAddress,
    messages: readonly PacketMessage[],
    crc: boolean,
  ): void;
  /**
   * Connects, sends a request, and hands over the reply, or the text of what went wrong, once; at
   * `deadlineNs` at the latest.
   */
  exchange(
    from: LiveMember,
    to: LiveAddress,
    request: StreamMessage,
    deadlineNs: number,
    onReply: (reply: StreamMessage | string) => void,
  ): void;
}

/** A running suspicion of one node (memberlist `suspicion.go`). */
export interface LiveSuspicion {
  /** Confirmations that count. */
  readonly k: number;
  readonly minNs: number;
  readonly maxNs: number;
  readonly startedAtNs: number;
  /** Names, the first accuser included. */
  readonly accusers: Set<string>;
  handle: EventHandle;
}

/** What a member holds of a node, itself included. */
export interface LiveNode {
  readonly name: string;
  /** The name in the table, to be let go when the node is forgotten. */
  readonly held: LiveName;
  address: HostAddress;
  port: number;
  meta: Uint8Array | undefined;
  vsn: Uint8Array;
  incarnation: number;
  state: NodeState;
  changedAtNs: number;
  suspicion: LiveSuspicion | undefined;
  /** What serf makes of it. */
  serfStatus: SerfStatus;
  /** The Lamport time of the node's last intent to join or leave. */
  statusTime: number;
}

/** A message about a node that waits to be spread. */
export interface LiveRumor {
  readonly message: Alive | Suspect | Dead;
  readonly sizeBytes: number;
}

/** Who waits for an ack or nack of a sequence number. */
export interface AckHandler {
  onAck(payload: Uint8Array | undefined): void;
  onNack(): void;
}

/** A member's settings. */
export interface LiveMemberInit extends LiveAddress {
  readonly name: string;
  readonly config: SwimConfig;
  /** The member's own, so that keys can be installed in it; the process's end does not lose it. */
  readonly keyring: Keyring | undefined;
  readonly meta: Uint8Array;
  /** Six bytes: minimum, maximum and current protocol version, then the delegate's. */
  readonly vsn: Uint8Array;
}

/** See the module comment. */
export interface LiveMember extends LiveMemberInit {
  /** Among the members of this process. */
  readonly index: number;
  meta: Uint8Array;
  vsn: Uint8Array;
  readonly nodes: Map<string, LiveNode>;
  /** The probe ring: the same nodes, shuffled after each round. */
  readonly list: LiveNode[];
  /** Who failed or left and was forgotten by memberlist, but not by serf. */
  readonly gone: Map<string, LiveNode>;
  probeIndex: number;
  incarnation: number;
  seqNo: number;
  /** Health score, 0 for healthy. */
  score: number;
  isProbing: boolean;
  /** A probe tick came while a probe was running; Go's ticker keeps one. */
  hasPendingTick: boolean;
  hasLeft: boolean;
  isUp: boolean;
  /** What became due while the member was paused; `undefined` when it is not. */
  heldTimers: ((nowNs: number) => void)[] | undefined;
  readonly queue: BroadcastQueue<LiveRumor>;
  readonly ackHandlers: Map<number, AckHandler>;
  readonly serf: SerfState;
}

/**
 * What the programs are that members share a cluster with: serf agents take nobody who is not one,
 * nor do other programs take serf agents. `auto` becomes what the first that joins is.
 */
export type PeerKind = 'auto' | 'serf' | 'memberlist';

/** What was refused or dropped for want of room. */
export interface LiveCounters {
  /** Messages beyond the depth of the handoff queues. */
  handoffDropped: number;
  /** Nodes that were not taken in. */
  nodesRefused: number;
  /** Serf's messages that could not be read. */
  badUserMessages: number;
  /** Serf's messages that were not passed on because too much waits already. */
  userMessagesDropped: number;
}

/** What the transitions of all live members share. */
export interface LiveContext {
  readonly world: World;
  readonly transport: LiveTransport;
  readonly drawKey: DrawKey;
  readonly names: NameTable;
  /** By index. */
  readonly members: LiveMember[];
  readonly counters: LiveCounters;
  /** What members answer to queries of serf's, by the query's name. */
  readonly answers: Map<string, Uint8Array>;
  readonly events: EventPool;
  /** A member ends itself. */
  readonly onShutdown: (member: LiveMember) => void;
  peers: PeerKind;
  drawCount: number;
}

/** A member that is not running yet. */
export function createLiveMember(index: number, init: LiveMemberInit): LiveMember {
  return {
    name: init.name,
    address: init.address,
    port: init.port,
    config: init.config,
    keyring: init.keyring,
    meta: init.meta,
    vsn: init.vsn,
    index,
    nodes: new Map(),
    list: [],
    gone: new Map(),
    probeIndex: 0,
    incarnation: 0,
    seqNo: 0,
    score: 0,
    isProbing: false,
    hasPendingTick: false,
    hasLeft: false,
    isUp: false,
    heldTimers: undefined,
    queue: new BroadcastQueue<LiveRumor>(),
    ackHandlers: new Map(),
    serf: createSerfState(),
  };
}

/** A uniform integer in [0, bound); what peers do makes a live run unrepeatable anyway. */
export function drawLive(context: LiveContext, bound: number): number {
  return drawBelow(context.drawKey, bound, context.drawCount++);
}

/** Calls at an instant, unless the member has stopped by then; a paused one when it goes on. */
export function later(
  context: LiveContext,
  member: LiveMember,
  atNs: number,
  callback: (nowNs: number) => void,
): EventHandle {
  return context.world.queue.scheduleCallback(atNs, (nowNs) => {
    if (!member.isUp) return;
    if (member.heldTimers === undefined) callback(nowNs);
    else member.heldTimers.push(callback);
  });
}

/** An address as memberlist's messages carry it. */
export function wireAddressOf(address: HostAddress): WireAddress {
  return typeof address === 'number' ? address : hostAddressBytes(address);
}

/** The address that a message carries; `undefined` when it is none. */
export function addressOfWire(address: WireAddress): HostAddress | undefined {
  return typeof address === 'number' ? address : hostAddressOf(address);
}

/** The port of what was said of a node: the member's own where none was told, or protocol 1 is spoken. */
export function portOf({ config, port: ownPort }: LiveMember, port: number): number {
  return config.protocolVersion < 2 || port === 0 ? ownPort : port;
}

/** Whether a member that requires names may send there (`RequireNodeNames`). */
export function maySendTo({ config }: LiveMember, { name = '' }: LiveAddress): boolean {
  return !config.requireNodeNames || name !== '';
}

/** The next tick of a Go ticker that ticked at an instant: what was missed since is left out. */
export function nextTickAtNs(atNs: number, intervalNs: number, nowNs: number): number {
  return atNs + (Math.floor((nowNs - atNs) / intervalNs) + 1) * intervalNs;
}

/** Adds to the health score within its limits (memberlist `awareness.go`). */
export function addToScore(member: LiveMember, delta: number): void {
  const max = member.config.awarenessMaxMultiplier - 1;
  member.score = Math.min(max, Math.max(0, member.score + delta));
}

/** Fisher and Yates. */
export function shuffleLive<T>(context: LiveContext, list: T[]): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = drawLive(context, i + 1);
    const other = list[j]!;
    list[j] = list[i]!;
    list[i] = other;
  }
}

/**
 * Up to `count` nodes that are not excluded (`kRandomNodes`): by 3n draws, or all of a small list in
 * a drawn order from 0.6.0 on.
 */
export function randomNodes(
  context: LiveContext,
  member: LiveMember,
  count: number,
  isExcluded: (node: LiveNode) => boolean,
): LiveNode[] {
  const { list, config } = member;
  const chosen: LiveNode[] = [];
  if (config.memberlist.choosesExhaustively && list.length < 3 * count) {
    const shuffled = [...list];
    shuffleLive(context, shuffled);
    return shuffled.filter((node) => !isExcluded(node)).slice(0, count);
  }
  for (let i = 0; i < 3 * list.length && chosen.length < count; i++) {
    const node = list[drawLive(context, list.length)]!;
    if (!isExcluded(node) && !chosen.includes(node)) chosen.push(node);
  }
  return chosen;
}
