/**
 * The members of one process that real programs can join, and their lifecycles (memberlist
 * `memberlist.go` `Create`, `Join`, `Leave`, `UpdateNode`, `Shutdown`; serf `serf.go` `Join`,
 * `Leave`).
 */
import { MICROSECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import {
  MessageType,
  NodeState,
  type PacketMessage,
  type StreamMessage,
} from '../../wire/memberlist/message.ts';
import { META_MAX_SIZE } from '../constants.ts';
import {
  createLiveMember,
  drawLive,
  type LiveAddress,
  type LiveContext,
  type LiveCounters,
  type LiveMember,
  type LiveMemberInit,
  type LiveNode,
  type LiveTransport,
  later,
  type PeerKind,
  shuffleLive,
} from './live-member.ts';
import { armGossip } from './live-packet.ts';
import { armProbe } from './live-probe.ts';
import { answerStream, type OnExchanged, pushPullNode, startPushPull } from './live-push-pull.ts';
import { receiveMessages } from './live-receive.ts';
import { aliveNode, aliveOf, deadNode, heardOf } from './live-state-table.ts';
import { NameTable } from './name-table.ts';
import { originalOf } from './peer-kind.ts';
import { type Answers, ask, type Question } from './serf/asking.ts';
import { EventPool } from './serf/event-pool.ts';
import { broadcastJoin, broadcastLeave } from './serf/intents.ts';
import { isAnswer, QUERY_RESPONSE_BYTES_MAX } from './serf/queries.ts';
import { startReconnect } from './serf/reconnect.ts';
import { sendUserEvent } from './serf/user-events.ts';

/** How long a leaving member waits for the others to be told (serf's `BroadcastTimeout`). */
const LEAVE_TIMEOUT_NS = 5 * SECOND_NS;
/** How long it then goes on, so that the news travels (serf's `LeavePropagateDelay`). */
const LEAVE_PROPAGATE_NS = SECOND_NS;

/**
 * A ping leaves a little after its tick, so a probe that fails at a later tick fails just after the
 * gossip of that tick.
 */
const PROBE_DELAY_NS = 50 * MICROSECOND_NS;

/** A member to add; what is the same for all of a kind is added to it. */
export type NewMember = Omit<LiveMemberInit, 'meta' | 'vsn'>;

/** See the module comment. */
export class LiveMembers {
  readonly #context: LiveContext;
  readonly #byName = new Map<string, number>();

  /** `onShutdown` hears of members that end themselves, because their name is somebody else's. */
  constructor(
    world: World,
    transport: LiveTransport,
    peers: PeerKind,
    onShutdown: (member: LiveMember) => void = () => {},
  ) {
    this.#context = {
      world,
      transport,
      drawKey: world.chance.key('live-members'),
      names: new NameTable(),
      members: [],
      counters: {
        handoffDropped: 0,
        nodesRefused: 0,
        badUserMessages: 0,
        userMessagesDropped: 0,
      },
      answers: new Map(),
      events: new EventPool(),
      onShutdown: (member) => {
        this.crash(member);
        onShutdown(member);
      },
      peers,
      drawCount: 0,
    };
  }

  /** All members, stopped ones too. */
  get members(): readonly LiveMember[] {
    return this.#context.members;
  }

  /** What was dropped. */
  get counters(): Readonly<LiveCounters> {
    return this.#context.counters;
  }

  /** What the other programs are, so far. */
  get peers(): PeerKind {
    return this.#context.peers;
  }

  /** The member of that name. */
  memberOf(name: string): LiveMember | undefined {
    const index = this.#byName.get(name);
    return index === undefined ? undefined : this.members[index];
  }

  /** Adds a member that does not run yet; its name is nobody else's. */
  add(init: NewMember): LiveMember {
    const { members, names, peers } = this.#context;
    const member = createLiveMember(members.length, { ...init, ...originalOf(peers === 'serf') });
    this.#byName.set(member.name, member.index);
    names.addOwn(member.name);
    members.push(member);
    return member;
  }

  /** The member's process begins, or begins again with incarnation 1. */
  start(member: LiveMember): LiveMember {
    const context = this.#context;
    const fresh = createLiveMember(member.index, member);
    context.members[member.index] = fresh;
    fresh.isUp = true;
    fresh.incarnation = 1;
    aliveNode(context, fresh, aliveOf(fresh, 1), true);
    const { probeIntervalNs, gossipIntervalNs, pushPullIntervalNs } = fresh.config;
    const startedAtNs = context.world.nowNs + drawLive(context, probeIntervalNs);
    if (probeIntervalNs > 0) {
      armProbe(context, fresh, startedAtNs + probeIntervalNs + PROBE_DELAY_NS);
    }
    if (gossipIntervalNs > 0) armGossip(context, fresh, startedAtNs + gossipIntervalNs);
    if (pushPullIntervalNs > 0) {
      startPushPull(context, fresh, drawLive(context, pushPullIntervalNs));
    }
    startReconnect(context, fresh);
    return fresh;
  }

  /** All running members know each other, as if they had joined long ago. */
  establish(): void {
    const running = this.members.filter((member) => member.isUp);
    for (const member of running) {
      for (const other of running) aliveNode(this.#context, member, heardOf(member, other), true);
      shuffleLive(this.#context, member.list);
      member.queue.clear();
    }
  }

  /** Joins through whoever listens there. */
  join(member: LiveMember, to: LiveAddress, onExchanged: OnExchanged): void {
    const context = this.#context;
    const { peers } = context;
    pushPullNode(context, member, to, true, (error) => {
      if (context.peers !== peers) {
        this.join(member, to, onExchanged); // the other side has refused what the member was before
        return;
      }
      if (error === undefined && peers === 'serf') broadcastJoin(context, member);
      onExchanged(error);
    });
  }

  /** The process ends without a word. */
  crash(member: LiveMember): void {
    member.isUp = false;
    for (const { suspicion, held } of member.list) {
      if (suspicion !== undefined) this.#context.world.queue.cancel(suspicion.handle);
      this.#context.names.release(held);
    }
    for (const { held } of member.gone.values()) this.#context.names.release(held);
    member.nodes.clear();
    member.gone.clear();
    member.list.length = 0;
  }

  /** The process stands still: it is the transport's to keep what arrives. */
  pause(member: LiveMember): void {
    member.heldTimers ??= [];
  }

  /** The process goes on, with what has become due in between. */
  resume(member: LiveMember): void {
    const timers = member.heldTimers ?? [];
    member.heldTimers = undefined;
    for (const timer of timers) {
      if (member.isUp) timer(this.#context.world.nowNs);
    }
  }

  /** Tells the others a new meta (serf's tags); the text of what forbids it. */
  update(member: LiveMember, meta: Uint8Array): string | undefined {
    if (meta.length > META_MAX_SIZE) return `meta has at most ${META_MAX_SIZE} bytes`;
    member.meta = meta;
    member.incarnation++;
    aliveNode(this.#context, member, aliveOf(member, member.incarnation), true);
    return undefined;
  }

  /** Makes a user event of serf's; the text of what forbids it. */
  sendUserEvent(member: LiveMember, name: string, payload: Uint8Array): string | undefined {
    if (this.peers !== 'serf') return 'user events are serf agents’, and none has come yet';
    return sendUserEvent(this.#context, member, name, payload);
  }

  /** Makes a query of serf's; the text of what forbids it. */
  ask(
    member: LiveMember,
    question: Question,
    onAnswers: (answers: Answers) => void,
  ): string | undefined {
    if (this.peers !== 'serf') return 'queries are serf agents’, and none has come yet';
    if (question.name.startsWith('_serf_')) return `Queries cannot contain the '_serf_' prefix`;
    return ask(this.#context, member, question, onAnswers);
  }

  /**
   * What all members answer from now on to queries of that name, or that they do not any more; the
   * text of what forbids it.
   */
  setAnswer(query: string, payload: Uint8Array | undefined): string | undefined {
    const { answers } = this.#context;
    if (payload === undefined) {
      answers.delete(query);
      return undefined;
    }
    if (query.startsWith('_serf_')) return "serf's own queries are answered as agents answer them";
    const isTooLong = this.members.some((member) => !isAnswer(member, payload));
    if (isTooLong)
      return `an answer has at most ${QUERY_RESPONSE_BYTES_MAX} bytes, its frame included`;
    answers.set(query, payload);
    return undefined;
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
    if (this.peers !== 'serf') {
      leaveMemberlist();
      return;
    }
    const next = once(leaveMemberlist);
    broadcastLeave(context, member, next);
    this.#soonerOrLater(member, next);
  }

  /** A packet has arrived at a member. */
  receivePacket(member: LiveMember, messages: readonly PacketMessage[], from: LiveAddress): void {
    if (member.isUp) receiveMessages(this.#context, member, messages, from);
  }

  /** A stream has arrived at a member. */
  receiveStream(
    member: LiveMember,
    request: StreamMessage,
    reply: (message: StreamMessage) => void,
  ): void {
    if (member.isUp) answerStream(this.#context, member, request, reply);
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
