/**
 * memberlist for all simulated members: the face of this folder.
 *
 * A member is one process; a process that starts again is a new member (Docker draws a new name at
 * every start). The engine carries NetworkDB: it implements its {@link Carrier} and calls it as its
 * delegate. Target: memberlist v0.4.0, which Docker 20.10.24 to 28.5 carry.
 */
import { assert } from '../../sim/assert.ts';
import type { World } from '../../sim/world.ts';
import { NodeState } from '../../wire/memberlist/message.ts';
import type { Carrier, Delegate, OnResult, UserMessage } from '../networkdb/carrier.ts';
import { BroadcastQueue } from './broadcast-queue.ts';
import { DOCKER_CONFIG, type MemberlistConfig } from './config.ts';
import { type DatagramTap, Engine } from './engine.ts';
import { armGossip } from './gossip-tick.ts';
import { isLive, type Member, type MemberCounters } from './member.ts';
import { onIndirectPing, onPing, onProbeTick } from './probe.ts';
import { pushPull, startPushPull } from './push-pull.ts';
import type { SimMessage } from './sim-message.ts';
import { aliveNode, deadNode, suspectNode } from './state-rules.ts';
import type { GossipUnderlay } from './underlay.ts';

/** Bytes of a stream that carries a user message, beside the message. */
const STREAM_HEADER_BYTES = 24;
const STREAM_DONE_BYTES = 1;

/** What a new member is made from. */
export interface MemberInit {
  readonly name: string;
  readonly host: number;
  readonly address: number;
  readonly port?: number;
  readonly config?: MemberlistConfig;
}

/** All simulated members. */
export class Swim implements Carrier {
  readonly #engine: Engine;
  readonly #hostByAddress = new Map<number, number>();

  constructor(world: World, underlay: GossipUnderlay) {
    this.#engine = new Engine(world, underlay);
    this.#engine.onPacket = (member, from, messages) => this.#onPacket(member, from, messages);
  }

  /** NetworkDB, or whoever rides on the gossip. */
  set delegate(delegate: Delegate) {
    this.#engine.delegate = delegate;
  }

  /** Hears of every datagram. */
  set tap(tap: DatagramTap | undefined) {
    this.#engine.tap = tap;
  }

  /** All members that ever were, by index. */
  get members(): readonly Member[] {
    return this.#engine.members;
  }

  /** The index that the next member gets. */
  get nextIndex(): number {
    return this.#engine.members.length;
  }

  /** Starts a member's process now; its ticks count from this instant. */
  addMember(init: MemberInit): number {
    const engine = this.#engine;
    const config = init.config ?? DOCKER_CONFIG;
    const member: Member = {
      index: engine.members.length,
      name: init.name,
      host: init.host,
      address: init.address,
      port: init.port ?? 7946,
      config,
      startedAtNs: engine.nowNs,
      process: 'running',
      incarnation: 0,
      sequence: 0,
      score: 0,
      isLeaving: false,
      nodes: [],
      bySubject: new Map(),
      probeIndex: 0,
      isProbing: false,
      hasPendingTick: false,
      queue: new BroadcastQueue(config.retransmitMult),
      ackHandlers: new Map(),
      isGossipArmed: false,
      deferred: [],
      draws: 0,
      sentCount: 0,
      counters: newCounters(),
    };
    engine.members.push(member);
    engine.atHost.set(init.host, member);
    this.#hostByAddress.set(init.address, init.host);
    aliveNode(engine, member, member.index, ++member.incarnation, true);
    this.#tickProbe(member, 1);
    startPushPull(engine, member);
    return member.index;
  }

  /** The process dies without a word. */
  crash(index: number): void {
    const member = this.#engine.members[index]!;
    member.process = 'gone';
    member.deferred = [];
    if (this.#engine.atHost.get(member.host) === member) this.#engine.atHost.delete(member.host);
  }

  /** The process is stopped (SIGSTOP): what falls due waits. */
  pause(index: number): void {
    const member = this.#engine.members[index]!;
    if (member.process === 'running') member.process = 'paused';
  }

  /** The process goes on: what fell due happens now, in order. */
  resume(index: number): void {
    const member = this.#engine.members[index]!;
    if (member.process !== 'paused') return;
    member.process = 'running';
    const deferred = member.deferred;
    member.deferred = [];
    for (const action of deferred) this.#engine.run(member, action);
  }

  /** What one member holds of another; `undefined` when it does not know it. */
  stateOf(observer: number, subject: number): NodeState | undefined {
    return this.#engine.members[observer]!.bySubject.get(subject)?.state;
  }

  /** The members that one holds alive or suspect, itself included, in the order of its list. */
  membersOf(observer: number): number[] {
    const { nodes } = this.#engine.members[observer]!;
    return nodes.filter((record) => isLive(record.state)).map((record) => record.subject);
  }

  /** What a member has sent and found. */
  countersOf(index: number): Readonly<MemberCounters> {
    return this.#engine.members[index]!.counters;
  }

  sendBestEffort(from: number, to: number, message: UserMessage): void {
    const engine = this.#engine;
    const target = engine.members[to]!;
    engine.sendPacket(engine.members[from]!, target, [{ type: 'user', message }], engine.crcBytes);
  }

  sendReliable(from: number, to: number, message: UserMessage, onResult: OnResult): void {
    const engine = this.#engine;
    const sender = engine.members[from]!;
    const target = engine.members[to]!;
    const sizeBytes = STREAM_HEADER_BYTES + message.sizeBytes + sender.config.encryptOverheadBytes;
    const deadlineNs = engine.nowNs + sender.config.tcpTimeoutNs;
    sender.counters.streams++;
    sender.counters.streamBytes += sizeBytes;
    const settle = (isOk: boolean) =>
      engine.run(sender, () => onResult(isOk, engine.nowNs));
    engine.underlay.exchange(
      sender.host,
      target.host,
      sizeBytes,
      deadlineNs,
      engine.nextDraw(sender),
      {
        onRequest: () => {
          const receiver = engine.atHost.get(target.host);
          if (receiver !== undefined) {
            engine.run(receiver, () =>
              engine.delegate?.notifyMessage(receiver.index, from, message),
            );
          }
          return STREAM_DONE_BYTES;
        },
        onReply: () => settle(true),
        onFailure: () => settle(false),
      },
    );
  }

  joinAddress(member: number, address: number, _port: number, onResult: OnResult): void {
    const host = this.#hostByAddress.get(address);
    assert(host !== undefined, 'nobody ever had this address');
    pushPull(this.#engine, this.#engine.members[member]!, host, true, onResult);
  }

  leave(index: number, timeoutNs: number, onDone: (nowNs: number) => void): void {
    const engine = this.#engine;
    const member = engine.members[index]!;
    let isDone = false;
    const finish = () => {
      if (isDone) return;
      isDone = true;
      this.crash(index);
      onDone(engine.nowNs);
    };
    member.isLeaving = true;
    deadNode(engine, member, index, member.incarnation, index, finish);
    const hasOthers = member.nodes.some((r) => r.subject !== index && r.state === NodeState.alive);
    if (hasOthers) engine.at(member, engine.nowNs + timeoutNs, finish);
    else finish();
  }

  wakeGossip(index: number): void {
    armGossip(this.#engine, this.#engine.members[index]!);
  }

  #tickProbe(member: Member, tick: number): void {
    const atNs = member.startedAtNs + tick * member.config.probeIntervalNs;
    this.#engine.world.queue.scheduleCallback(atNs, () => {
      if (member.process === 'gone') return;
      this.#tickProbe(member, tick + 1);
      if (member.process === 'running') onProbeTick(this.#engine, member);
      else if (!member.hasPendingTick) {
        member.hasPendingTick = true;
        member.deferred.push(() => {
          member.hasPendingTick = false;
          onProbeTick(this.#engine, member);
        });
      }
    });
  }

  /** Probes are handled at once; then the newest alive, then the newest of the rest first. */
  #onPacket(member: Member, from: Member, messages: readonly SimMessage[]): void {
    const engine = this.#engine;
    for (const message of messages) {
      if (message.type === 'ping') onPing(engine, member, message.seqNo, message.to, message.from);
      else if (message.type === 'indirectPing') {
        onIndirectPing(engine, member, message.seqNo, message.target, message.from);
      } else if (message.type === 'ack') member.ackHandlers.get(message.seqNo)?.onAck();
      else if (message.type === 'nack') member.ackHandlers.get(message.seqNo)?.onNack?.();
    }
    for (let i = messages.length - 1; i >= 0; i--) {
      const message = messages[i]!;
      if (message.type === 'alive') {
        aliveNode(engine, member, message.node, message.incarnation, false);
      }
    }
    for (let i = messages.length - 1; i >= 0; i--) {
      const message = messages[i]!;
      if (message.type === 'suspect') {
        suspectNode(engine, member, message.node, message.incarnation, message.from);
      } else if (message.type === 'dead') {
        deadNode(engine, member, message.node, message.incarnation, message.from);
      } else if (message.type === 'user') {
        engine.delegate?.notifyMessage(member.index, from.index, message.message);
      }
    }
  }
}

function newCounters(): MemberCounters {
  return {
    packets: 0,
    bytes: 0,
    streams: 0,
    streamBytes: 0,
    probes: 0,
    failedProbes: 0,
    refutations: 0,
  };
}
