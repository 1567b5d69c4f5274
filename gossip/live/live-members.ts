/**
 * The members of one process that real programs can join: their lifecycles, and the way of what
 * arrives to them (memberlist `memberlist.go` `Create`, `Join`, `Leave`, `Shutdown`; `net.go`
 * `handleCommand`, `packetHandler`).
 */
import { MICROSECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import {
  MessageType,
  NodeState,
  type PacketMessage,
  type StreamMessage,
  type User,
} from '../../wire/memberlist/message.ts';
import {
  createLiveMember,
  drawLive,
  type LiveAddress,
  type LiveContext,
  type LiveMember,
  type LiveMemberInit,
  type LiveNode,
  type LiveTransport,
  later,
  shuffleLive,
} from './live-member.ts';
import { armGossip, spread } from './live-packet.ts';
import { armProbe, onIndirectPing, onPing } from './live-probe.ts';
import { answerStream, armPushPull, type OnExchanged, pushPullNode } from './live-push-pull.ts';
import { aliveNode, aliveOf, deadNode, suspectNode } from './live-state-table.ts';
import { encodeLeaveIntent, isIntent } from './serf-intent.ts';

/** How long a leaving member waits for the others to be told (serf's `BroadcastTimeout`). */
const LEAVE_TIMEOUT_NS = 5 * SECOND_NS;
/** How long it then goes on, so that the news travels (serf's `LeavePropagateDelay`). */
const LEAVE_PROPAGATE_NS = SECOND_NS;

/** Intents that a member remembers, and how many bytes of each: names are shorter. */
const INTENTS_MAX = 512;
const INTENT_BYTES_MAX = 512;

/**
 * A ping leaves a little after its tick, so a probe that fails at a later tick fails just after the
 * gossip of that tick.
 */
const PROBE_DELAY_NS = 50 * MICROSECOND_NS;

/** See the module comment. */
export class LiveMembers {
  readonly #context: LiveContext;
  readonly #members: LiveMember[] = [];
  /** Whether leaving members say so to serf agents too. */
  readonly #isSerf: boolean;
  #lamportTime = 0;

  constructor(world: World, transport: LiveTransport, isSerf: boolean) {
    const drawKey = world.chance.key('live-members');
    this.#context = { world, transport, drawKey, nameNumbers: new Map(), drawCount: 0 };
    this.#isSerf = isSerf;
  }

  /** All members, stopped ones too. */
  get members(): readonly LiveMember[] {
    return this.#members;
  }

  /** The member of that name. */
  memberOf(name: string): LiveMember | undefined {
    return this.#members.find((member) => member.name === name);
  }

  /** Adds a member that does not run yet. */
  add(init: LiveMemberInit): LiveMember {
    const member = createLiveMember(this.#members.length, init);
    this.#members.push(member);
    return member;
  }

  /** The member's process begins, or begins again with incarnation 1. */
  start(member: LiveMember): LiveMember {
    const context = this.#context;
    const fresh = createLiveMember(member.index, member);
    this.#members[member.index] = fresh;
    fresh.isUp = true;
    fresh.incarnation = 1;
    aliveNode(context, fresh, aliveOf(fresh, 1), true);
    const { probeIntervalNs, gossipIntervalNs, pushPullIntervalNs } = fresh.config;
    const startedAtNs = context.world.nowNs + drawLive(context, probeIntervalNs);
    armProbe(context, fresh, startedAtNs + probeIntervalNs + PROBE_DELAY_NS);
    armGossip(context, fresh, startedAtNs + gossipIntervalNs);
    armPushPull(context, fresh, drawLive(context, pushPullIntervalNs));
    return fresh;
  }

  /** All running members know each other, as if they had joined long ago. */
  establish(): void {
    const running = this.#members.filter((member) => member.isUp);
    for (const member of running) {
      for (const other of running) aliveNode(this.#context, member, aliveOf(other, 1), true);
      shuffleLive(this.#context, member.list);
      member.queue.clear();
    }
  }

  /** Joins through whoever listens there. */
  join(member: LiveMember, to: LiveAddress, onExchanged: OnExchanged): void {
    pushPullNode(this.#context, member, to, true, onExchanged);
  }

  /** The process ends without a word. */
  crash(member: LiveMember): void {
    member.isUp = false;
    for (const { suspicion } of member.list) {
      if (suspicion !== undefined) this.#context.world.queue.cancel(suspicion.handle);
    }
  }

  /** Leaves gracefully; `onDone` when the process has ended. */
  leave(member: LiveMember, onDone: () => void): void {
    const context = this.#context;
    const leaveMemberlist = (): void => {
      member.hasLeft = true;
      const { name, incarnation } = member;
      const stop = (): void => {
        later(context, member, context.world.nowNs + LEAVE_PROPAGATE_NS, () => {
          this.crash(member);
          onDone();
        });
      };
      const finish = once(stop);
      const dead = { type: MessageType.dead, node: name, from: name, incarnation };
      deadNode(context, member, dead, finish);
      this.#soonerOrLater(member, finish);
    };
    if (!this.#isSerf) {
      leaveMemberlist();
      return;
    }
    const payload = encodeLeaveIntent(member.name, ++this.#lamportTime);
    member.seenIntents.add(String.fromCharCode(...payload));
    const next = once(leaveMemberlist);
    spread(context, member, { type: MessageType.user, payload }, next);
    this.#soonerOrLater(member, next);
  }

  /** A packet has arrived at a member: probes are answered at once, then alive before the others. */
  receivePacket(member: LiveMember, messages: readonly PacketMessage[], from: LiveAddress): void {
    if (!member.isUp) return;
    const context = this.#context;
    const isAlive = (message: PacketMessage): boolean => message.type === MessageType.alive;
    for (const message of messages) this.#receiveControl(member, message, from);
    const newestFirst = [...messages].reverse();
    for (const message of newestFirst) {
      if (message.type === MessageType.alive) aliveNode(context, member, message);
    }
    for (const message of newestFirst) {
      if (isAlive(message)) continue;
      if (message.type === MessageType.suspect) suspectNode(context, member, message);
      else if (message.type === MessageType.dead) deadNode(context, member, message);
      else if (message.type === MessageType.user) this.#receiveUser(member, message);
    }
  }

  /** A stream has arrived at a member. */
  receiveStream(
    member: LiveMember,
    request: StreamMessage,
    reply: (message: StreamMessage) => void,
  ): void {
    if (member.isUp) answerStream(this.#context, member, request, reply);
  }

  /** Passes an intent on at first sight; one agent's own transmissions reach few of many. */
  #receiveUser(member: LiveMember, message: User): void {
    if (!this.#isSerf || !isIntent(message.payload)) return;
    const { seenIntents } = member;
    const text = String.fromCharCode(...message.payload.subarray(0, INTENT_BYTES_MAX));
    if (seenIntents.has(text)) return;
    seenIntents.add(text);
    if (seenIntents.size > INTENTS_MAX) {
      for (const oldest of seenIntents) {
        seenIntents.delete(oldest);
        break;
      }
    }
    spread(this.#context, member, message);
  }

  #receiveControl(member: LiveMember, message: PacketMessage, from: LiveAddress): void {
    switch (message.type) {
      case MessageType.ping:
        onPing(this.#context, member, message, from);
        break;
      case MessageType.indirectPing:
        onIndirectPing(this.#context, member, message, from);
        break;
      case MessageType.ack:
        member.ackHandlers.get(message.seqNo)?.onAck();
        break;
      case MessageType.nack:
        member.ackHandlers.get(message.seqNo)?.onNack();
        break;
    }
  }

  /** At once when nobody listens, after the timeout when what was said is not spread by then. */
  #soonerOrLater(member: LiveMember, finish: () => void): void {
    const isCompany = (node: LiveNode): boolean =>
      node.name !== member.name && node.state !== NodeState.dead && node.state !== NodeState.left;
    if (!member.list.some(isCompany)) finish();
    else later(this.#context, member, this.#context.world.nowNs + LEAVE_TIMEOUT_NS, finish);
  }
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    action();
  };
}
