/**
 * Probes that must succeed. When both ends run, are healthy and have nothing to spread, and no
 * packet between them can be lost or late, then a ping and its ack change nothing but counters:
 * those are counted at once, and neither packet nor timer becomes an event. That is one event per
 * member and second instead of ten (`performance` of the literal form: 2.3 to 3.1 µs a
 * member-second with a million members).
 *
 * What is certain when the ping leaves can change before the ack is back: one of the two gets
 * something to spread, pauses, ends, or the network changes. Whoever is about to change such a thing
 * calls {@link revealProbes} first, and what is under way becomes what it would have been: a packet
 * in flight and a prober that waits.
 */
import { NO_EVENT } from '../../sim/event-queue.ts';
import { Counter } from '../counters.ts';
import { grown } from '../members/grown.ts';
import { MemberState } from '../members/views.ts';
import { ackBytes, makeAck, makePing, pingBytes } from '../message.ts';
import type { State } from '../state.ts';
import { packetContentBytes } from '../transport/compression.ts';
import { framedBytesOf, launch, PacketPurpose, packetDraw } from '../transport/packet.ts';
import { openProbe } from './probes.ts';

const INITIAL_CAPACITY = 64;

/** Certain probes that may be under way, oldest first. */
export class CertainProbes {
  #probers = new Int32Array(INITIAL_CAPACITY);
  #targets = new Int32Array(INITIAL_CAPACITY);
  #seqNos = new Float64Array(INITIAL_CAPACITY);
  #sentAtNs = new Float64Array(INITIAL_CAPACITY);
  #untilNs = new Float64Array(INITIAL_CAPACITY);
  #first = 0;
  #end = 0;
  /** When the last certain probe of or to a member is surely over, ns. */
  #busyUntilNs = new Float64Array(0);

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.#busyUntilNs = grown(this.#busyUntilNs, capacity);
  }

  /** Notes a probe that leaves now and is over at `untilNs`. */
  add(prober: number, target: number, seqNo: number, nowNs: number, untilNs: number): void {
    while (this.#first < this.#end && this.#untilNs[this.#first]! <= nowNs) this.#first++;
    if (this.#end === this.#probers.length) this.#makeRoom();
    const at = this.#end++;
    this.#probers[at] = prober;
    this.#targets[at] = target;
    this.#seqNos[at] = seqNo;
    this.#sentAtNs[at] = nowNs;
    this.#untilNs[at] = untilNs;
    this.#busyUntilNs[prober] = Math.max(this.#busyUntilNs[prober]!, untilNs);
    this.#busyUntilNs[target] = Math.max(this.#busyUntilNs[target]!, untilNs);
  }

  /** True when a probe of or to the member may be under way. */
  isBusy(member: number, nowNs: number): boolean {
    return this.#busyUntilNs[member]! > nowNs;
  }

  /** Takes the probes out that may be under way, of one member or of all (-1), oldest first. */
  take(
    member: number,
    nowNs: number,
    each: (prober: number, target: number, seqNo: number, sentAtNs: number) => void,
  ): void {
    for (let at = this.#first; at < this.#end; at++) {
      if (this.#untilNs[at]! <= nowNs) continue;
      const prober = this.#probers[at]!;
      const target = this.#targets[at]!;
      if (member >= 0 && prober !== member && target !== member) continue;
      this.#untilNs[at] = 0;
      each(prober, target, this.#seqNos[at]!, this.#sentAtNs[at]!);
    }
  }

  #makeRoom(): void {
    const count = this.#end - this.#first;
    const capacity = Math.max(this.#probers.length, count * 2);
    for (const column of [
      this.#probers,
      this.#targets,
      this.#seqNos,
      this.#sentAtNs,
      this.#untilNs,
    ]) {
      column.copyWithin(0, this.#first, this.#end);
    }
    this.#first = 0;
    this.#end = count;
    this.#probers = grown(this.#probers, capacity);
    this.#targets = grown(this.#targets, capacity);
    this.#seqNos = grown(this.#seqNos, capacity);
    this.#sentAtNs = grown(this.#sentAtNs, capacity);
    this.#untilNs = grown(this.#untilNs, capacity);
  }
}

/** Probes at once if the probe must succeed; false when it has to be executed. */
export function probeIfCertain(
  state: State,
  member: number,
  target: number,
  nowNs: number,
): boolean {
  if (!state.shortcuts || state.onDatagram !== undefined || state.hasPingDelegate) return false;
  const { members, views } = state;
  if (!members.isRunning(member) || !members.isRunning(target)) return false;
  if (state.awareness.scoreOf(member) !== 0) return false;
  if (state.hasBroadcasts(member) || state.hasBroadcasts(target)) return false;
  if (views.stateOf(member, target) !== MemberState.alive) return false;
  if (members.residentOf(views.factOf(member, target)) !== target) return false;
  if (members.successorOf(member) !== member) return false;
  const delayNs = state.underlay.plainDelayNsMax(member, target);
  const { probeTimeoutNs, probeIntervalNs } = state.configOf(member);
  if (delayNs < 0 || 2 * delayNs >= Math.min(probeTimeoutNs, probeIntervalNs)) return false;
  const seqNo = ++state.seqNos[member]!;
  state.counters.add(member, Counter.probes);
  state.counters.addPacket(member, framedPingBytes(state, member, target, seqNo));
  state.counters.addPacket(target, framedBytesOf(state, target, ackBytes(seqNo)));
  state.certain.add(member, target, seqNo, nowNs, nowNs + 2 * delayNs + 1);
  return true;
}

/** Makes events of the certain probes of and to a member that are under way; -1 for all. */
export function revealProbes(state: State, member: number): void {
  const { certain, nowNs } = state;
  if (member >= 0 && !certain.isBusy(member, nowNs)) return;
  certain.take(member, nowNs, (prober, target, seqNo, sentAtNs) => {
    reveal(state, prober, target, seqNo, sentAtNs);
  });
}

function reveal(
  state: State,
  prober: number,
  target: number,
  seqNo: number,
  sentAtNs: number,
): void {
  const { members, underlay, nowNs } = state;
  const ping = makePing(members, prober, target, seqNo);
  const sizeBytes = framedPingBytes(state, prober, target, seqNo);
  const pingDraw = packetDraw(state, prober, PacketPurpose.ping, seqNo);
  const arrivalNs = underlay.datagramArrivalNs(prober, target, sizeBytes, sentAtNs, pingDraw);
  const ack = makeAck(seqNo);
  const ackSizeBytes = framedBytesOf(state, target, ack.sizeBytes);
  if (arrivalNs > nowNs) {
    state.counters.addPacket(target, -ackSizeBytes, -1);
    launch(state, prober, target, [ping], sizeBytes, arrivalNs);
  } else {
    const draw = packetDraw(state, target, PacketPurpose.ack, ackNumberOf(prober, seqNo));
    const backNs = underlay.datagramArrivalNs(target, prober, ackSizeBytes, arrivalNs, draw);
    if (backNs <= nowNs) return;
    launch(state, target, prober, [ack], ackSizeBytes, backNs);
  }
  state.world.queue.cancel(state.probeTickHandles[prober]!);
  state.probeTickHandles[prober] = NO_EVENT;
  openProbe(state, prober, target, seqNo, sentAtNs);
}

function framedPingBytes(state: State, member: number, target: number, seqNo: number): number {
  const { members } = state;
  let bytes = pingBytes(members, member, target, seqNo);
  if (state.hasCompressibleNames) {
    bytes = packetContentBytes(state, member, [makePing(members, member, target, seqNo)], bytes);
  }
  return framedBytesOf(state, member, bytes);
}

/** Numbers an answer: two askers may use one sequence number. */
export function ackNumberOf(asker: number, seqNo: number): number {
  return (Math.imul(asker, 0x9e3779b1) ^ seqNo) >>> 0;
}
