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
import type {
  Alive,
  Dead,
  NodeState,
  PacketMessage,
  StreamMessage,
  Suspect,
  User,
} from '../../wire/memberlist/message.ts';
import { BroadcastQueue } from '../broadcast-queue.ts';
import type { SwimConfig } from '../constants.ts';

/** Where a member listens, UDP and TCP alike. */
export interface LiveAddress {
  /** IPv4. */
  readonly address: number;
  readonly port: number;
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
  address: number;
  port: number;
  meta: Uint8Array | undefined;
  vsn: Uint8Array;
  incarnation: number;
  state: NodeState;
  changedAtNs: number;
  suspicion: LiveSuspicion | undefined;
}

/** A message that waits to be spread. */
export interface LiveRumor {
  readonly message: Alive | Suspect | Dead | User;
  readonly sizeBytes: number;
}

/** Who waits for an ack or nack of a sequence number. */
export interface AckHandler {
  onAck(): void;
  onNack(): void;
}

/** A member's settings. */
export interface LiveMemberInit extends LiveAddress {
  readonly name: string;
  readonly config: SwimConfig;
  readonly meta: Uint8Array;
  /** Six bytes: minimum, maximum and current protocol version, then the delegate's. */
  readonly vsn: Uint8Array;
}

/** See the module comment. */
export interface LiveMember extends LiveMemberInit {
  /** Among the members of this process. */
  readonly index: number;
  readonly nodes: Map<string, LiveNode>;
  /** The probe ring: the same nodes, shuffled after each round. */
  readonly list: LiveNode[];
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
  readonly queue: BroadcastQueue<LiveRumor>;
  readonly userQueue: BroadcastQueue<LiveRumor>;
  readonly ackHandlers: Map<number, AckHandler>;
  /** Intents of serf agents that were passed on, the latest last. */
  readonly seenIntents: Set<string>;
}

/** What the transitions of all live members share. */
export interface LiveContext {
  readonly world: World;
  readonly transport: LiveTransport;
  readonly drawKey: DrawKey;
  /** Numbers for the names of nodes, which queues and observations use. */
  readonly nameNumbers: Map<string, number>;
  drawCount: number;
}

/** A member that is not running yet. */
export function createLiveMember(index: number, init: LiveMemberInit): LiveMember {
  return {
    name: init.name,
    address: init.address,
    port: init.port,
    config: init.config,
    meta: init.meta,
    vsn: init.vsn,
    index,
    nodes: new Map(),
    list: [],
    probeIndex: 0,
    incarnation: 0,
    seqNo: 0,
    score: 0,
    isProbing: false,
    hasPendingTick: false,
    hasLeft: false,
    isUp: false,
    queue: new BroadcastQueue<LiveRumor>(),
    userQueue: new BroadcastQueue<LiveRumor>(),
    ackHandlers: new Map(),
    seenIntents: new Set(),
  };
}

/** A uniform integer in [0, bound); what peers do makes a live run unrepeatable anyway. */
export function drawLive(context: LiveContext, bound: number): number {
  return drawBelow(context.drawKey, bound, context.drawCount++);
}

/** The number of a name. */
export function nameNumberOf(context: LiveContext, name: string): number {
  const known = context.nameNumbers.get(name);
  if (known !== undefined) return known;
  const number = context.nameNumbers.size;
  context.nameNumbers.set(name, number);
  return number;
}

/** Calls at an instant, unless the member has stopped by then. */
export function later(
  context: LiveContext,
  member: LiveMember,
  atNs: number,
  callback: (nowNs: number) => void,
): EventHandle {
  return context.world.queue.scheduleCallback(atNs, (nowNs) => {
    if (member.isUp) callback(nowNs);
  });
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

/** Up to `count` nodes that are not excluded, by 3n draws (`kRandomNodes`). */
export function randomNodes(
  context: LiveContext,
  member: LiveMember,
  count: number,
  isExcluded: (node: LiveNode) => boolean,
): LiveNode[] {
  const { list } = member;
  const chosen: LiveNode[] = [];
  for (let i = 0; i < 3 * list.length && chosen.length < count; i++) {
    const node = list[drawLive(context, list.length)]!;
    if (!isExcluded(node) && !chosen.includes(node)) chosen.push(node);
  }
  return chosen;
}
