/**
 * The probe that each member has under way, if any (the locals of memberlist `state.go`
 * `probeNode`). A member probes one other at a time.
 */
import type { EventHandle } from '../../sim/event-queue.ts';
import { MICROSECOND_NS } from '../../sim/time.ts';
import { grown } from '../members/grown.ts';
import type { State } from '../state.ts';

/** How far a probe is. */
export const ProbePhase = { idle: 0, direct: 1, indirect: 2, awaitingTcp: 3 } as const;
/** See {@link ProbePhase}. */
export type ProbePhase = (typeof ProbePhase)[keyof typeof ProbePhase];

/** What became of the TCP ping of a probe. */
export const TcpPing = { none: 0, pending: 1, succeeded: 2, failed: 3 } as const;
/** See {@link TcpPing}. */
export type TcpPing = (typeof TcpPing)[keyof typeof TcpPing];

/** What a probe starts with. */
export interface ProbeStart {
  readonly target: number;
  readonly fact: number;
  readonly seqNo: number;
  /** The target's incarnation when the probe began. */
  readonly incarnation: number;
  readonly startedAtNs: number;
  readonly deadlineNs: number;
  readonly timeoutHandle: EventHandle;
  readonly deadlineHandle: EventHandle;
}

/** One probe per member, in columns. */
export class Probes {
  #phase = new Uint8Array(0);
  #tcp = new Uint8Array(0);
  #expectedNacks = new Uint8Array(0);
  #nacks = new Uint8Array(0);
  #target = new Int32Array(0);
  #fact = new Int32Array(0);
  #seqNo = new Uint32Array(0);
  #incarnation = new Uint32Array(0);
  #startedAtNs = new Float64Array(0);
  #deadlineNs = new Float64Array(0);
  #timeoutHandle = new Float64Array(0);
  #deadlineHandle = new Float64Array(0);

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.#phase = grown(this.#phase, capacity);
    this.#tcp = grown(this.#tcp, capacity);
    this.#expectedNacks = grown(this.#expectedNacks, capacity);
    this.#nacks = grown(this.#nacks, capacity);
    this.#target = grown(this.#target, capacity);
    this.#fact = grown(this.#fact, capacity);
    this.#seqNo = grown(this.#seqNo, capacity);
    this.#incarnation = grown(this.#incarnation, capacity);
    this.#startedAtNs = grown(this.#startedAtNs, capacity);
    this.#deadlineNs = grown(this.#deadlineNs, capacity);
    this.#timeoutHandle = grown(this.#timeoutHandle, capacity);
    this.#deadlineHandle = grown(this.#deadlineHandle, capacity);
  }

  /** A probe begins. */
  start(member: number, probe: ProbeStart): void {
    this.#phase[member] = ProbePhase.direct;
    this.#tcp[member] = TcpPing.none;
    this.#expectedNacks[member] = 0;
    this.#nacks[member] = 0;
    this.#target[member] = probe.target;
    this.#fact[member] = probe.fact;
    this.#seqNo[member] = probe.seqNo;
    this.#incarnation[member] = probe.incarnation;
    this.#startedAtNs[member] = probe.startedAtNs;
    this.#deadlineNs[member] = probe.deadlineNs;
    this.#timeoutHandle[member] = probe.timeoutHandle;
    this.#deadlineHandle[member] = probe.deadlineHandle;
  }

  /** The probe has ended. */
  becomeIdle(member: number): void {
    this.#phase[member] = ProbePhase.idle;
  }

  /** The direct ping has had no answer in time. */
  becomeIndirect(member: number, expectedNacks: number): void {
    this.#phase[member] = ProbePhase.indirect;
    this.#expectedNacks[member] = expectedNacks;
  }

  /** Only the TCP ping's outcome is still missing. */
  becomeAwaitingTcp(member: number): void {
    this.#phase[member] = ProbePhase.awaitingTcp;
  }

  /** How far the member's probe is. */
  phaseOf(member: number): ProbePhase {
    return this.#phase[member] as ProbePhase;
  }

  /** True when the member waits for an ack or nack with that number. */
  awaits(member: number, seqNo: number): boolean {
    const phase = this.#phase[member];
    const isOpen = phase === ProbePhase.direct || phase === ProbePhase.indirect;
    return isOpen && this.#seqNo[member] === seqNo;
  }

  /** True when the probe with that number has not ended. */
  isCurrent(member: number, seqNo: number): boolean {
    return this.#phase[member] !== ProbePhase.idle && this.#seqNo[member] === seqNo;
  }

  /** Counts a nack. */
  addNack(member: number): void {
    this.#nacks[member]!++;
  }

  /** Helpers that were asked for a nack. */
  expectedNacksOf(member: number): number {
    return this.#expectedNacks[member]!;
  }

  /** Nacks that have come. */
  nacksOf(member: number): number {
    return this.#nacks[member]!;
  }

  /** Who is probed. */
  targetOf(member: number): number {
    return this.#target[member]!;
  }

  /** Where the target was said to be when the probe began. */
  factOf(member: number): number {
    return this.#fact[member]!;
  }

  /** The probe's sequence number. */
  seqNoOf(member: number): number {
    return this.#seqNo[member]!;
  }

  /** The target's incarnation when the probe began. */
  incarnationOf(member: number): number {
    return this.#incarnation[member]!;
  }

  /** When the probe began, ns. */
  startedAtNsOf(member: number): number {
    return this.#startedAtNs[member]!;
  }

  /** When the probe fails, ns. */
  deadlineNsOf(member: number): number {
    return this.#deadlineNs[member]!;
  }

  /** The event at the end of the direct phase. */
  timeoutHandleOf(member: number): EventHandle {
    return this.#timeoutHandle[member]!;
  }

  /** The event at the end of the probe. */
  deadlineHandleOf(member: number): EventHandle {
    return this.#deadlineHandle[member]!;
  }

  /** What became of the TCP ping. */
  tcpOf(member: number): TcpPing {
    return this.#tcp[member] as TcpPing;
  }

  /** Notes what became of the TCP ping. */
  setTcp(member: number, tcp: TcpPing): void {
    this.#tcp[member] = tcp;
  }
}

/**
 * A probe finds out that its deadline has passed a moment later, when its goroutine has been woken. So
 * the tick at the deadline comes first: a suspicion begins after it, and ends after the tick at its
 * own end, which may well probe the suspect once more.
 */
const PROBE_WAKE_NS = 20 * MICROSECOND_NS;

/** Begins a probe whose ping left, or leaves, at `sentAtNs`: sets its two timers. */
export function openProbe(
  state: State,
  member: number,
  target: number,
  seqNo: number,
  sentAtNs: number,
): void {
  const { views, kinds } = state;
  const { queue } = state.world;
  const config = state.configOf(member);
  const scale = state.awareness.scoreOf(member) + 1;
  const deadlineNs = sentAtNs + config.probeIntervalNs * scale;
  const timeoutAtNs = sentAtNs + config.probeTimeoutNs;
  state.probes.start(member, {
    target,
    fact: views.factOf(member, target),
    seqNo,
    incarnation: views.incarnationOf(member, target),
    startedAtNs: sentAtNs,
    deadlineNs,
    timeoutHandle: queue.schedule(timeoutAtNs, kinds.probeTimeout, member, seqNo),
    deadlineHandle: queue.schedule(deadlineNs + PROBE_WAKE_NS, kinds.probeDeadline, member, seqNo),
  });
}
