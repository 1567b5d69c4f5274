/**
 * The probes under way that must succeed, oldest first (see certain-probe.ts).
 *
 * An entry has an index that stays its own, a 32-bit integer: they are counted anew after 2^32. It is
 * gone when its probe is surely over.
 */
import { grown } from '../members/grown.ts';

const INITIAL_CAPACITY = 64;
/**
 * Members share marks by the low bits of their index; a power of two. Of a million members thousands
 * have a probe under way, and a mark in vain is a walk over all of them.
 */
const MARK_COUNT = 1 << 19;

/** How far a certain probe is. */
export const CertainPhase = {
  /** It is not certain any more, or over. */
  over: 0,
  /** Neither ping nor ack fly: they say nothing new, and are counted already. */
  silent: 1,
  /** The ping flies, with news, or to somebody who has news. */
  pinging: 2,
  /** The ack has left and is counted, and does not fly: it says nothing new. */
  acked: 3,
  /** The ack flies, with news. */
  answering: 4,
  /** The ping does not fly, because it says nothing new; what the target has to tell rides on its ack. */
  asking: 5,
  /** As silent; what the target spreads rides on its ack, is counted as sent, and says nothing new. */
  riding: 6,
} as const;
/** See {@link CertainPhase}. */
export type CertainPhase = (typeof CertainPhase)[keyof typeof CertainPhase];

/** One entry, for reading. */
export interface CertainProbe {
  readonly index: number;
  readonly phase: CertainPhase;
  readonly prober: number;
  readonly target: number;
  readonly seqNo: number;
  readonly sentAtNs: number;
  readonly pingSizeBytes: number;
  readonly ackedAtNs: number;
  readonly ackSizeBytes: number;
}

/** See the module comment. */
export class CertainProbes {
  #phase = new Uint8Array(INITIAL_CAPACITY);
  #probers = new Int32Array(INITIAL_CAPACITY);
  #targets = new Int32Array(INITIAL_CAPACITY);
  #seqNos = new Uint32Array(INITIAL_CAPACITY);
  #sentAtNs = new Float64Array(INITIAL_CAPACITY);
  #untilNs = new Float64Array(INITIAL_CAPACITY);
  #pingSizeBytes = new Int32Array(INITIAL_CAPACITY);
  #ackedAtNs = new Float64Array(INITIAL_CAPACITY);
  #ackSizeBytes = new Int32Array(INITIAL_CAPACITY);
  /** How many entries name a member with that mark. */
  readonly #marks = new Uint16Array(MARK_COUNT);
  /** Index of the first entry of the columns. */
  #base = 0;
  #first = 0;
  #end = 0;

  /** Adds a probe whose ping leaves at `atNs`, and which is over at `untilNs`; returns its index. */
  add(
    phase: CertainPhase,
    prober: number,
    target: number,
    seqNo: number,
    atNs: number,
    untilNs: number,
    pingSizeBytes: number,
    ackSizeBytes: number,
  ): number {
    this.#expire(atNs);
    if (this.#end === this.#probers.length) this.#makeRoom();
    const at = this.#end++;
    this.#phase[at] = phase;
    this.#probers[at] = prober;
    this.#targets[at] = target;
    this.#seqNos[at] = seqNo;
    this.#sentAtNs[at] = atNs;
    this.#untilNs[at] = untilNs;
    this.#pingSizeBytes[at] = pingSizeBytes;
    this.#ackSizeBytes[at] = ackSizeBytes;
    this.#marks[prober & (MARK_COUNT - 1)]!++;
    this.#marks[target & (MARK_COUNT - 1)]!++;
    return (this.#base + at) >>> 0;
  }

  /** False when no probe of or to the member is under way; usually right when it says true. */
  mayConcern(member: number): boolean {
    return this.#marks[member & (MARK_COUNT - 1)] !== 0;
  }

  /** The probes under way of or to a member, or all of them (-1), oldest first. */
  of(member: number, nowNs: number): CertainProbe[] {
    this.#expire(nowNs);
    const found: CertainProbe[] = [];
    for (let at = this.#first; at < this.#end; at++) {
      const isOfMember = this.#probers[at] === member || this.#targets[at] === member;
      if (member >= 0 && !isOfMember) continue;
      if (this.#phase[at] !== CertainPhase.over && this.#untilNs[at]! > nowNs) {
        found.push(this.#entry(at));
      }
    }
    return found;
  }

  /** How far the probe is. */
  phaseOf(index: number): CertainPhase {
    const at = (index - this.#base) | 0;
    return at < this.#first ? CertainPhase.over : (this.#phase[at]! as CertainPhase);
  }

  /** Who probes. */
  proberOf(index: number): number {
    return this.#probers[(index - this.#base) | 0]!;
  }

  /** Who is probed. */
  targetOf(index: number): number {
    return this.#targets[(index - this.#base) | 0]!;
  }

  /** The number of the ping. */
  seqNoOf(index: number): number {
    return this.#seqNos[(index - this.#base) | 0]!;
  }

  /** The probe is so far now. */
  become(index: number, phase: CertainPhase): void {
    this.#phase[(index - this.#base) | 0] = phase;
  }

  /** The ack leaves; it flies or does not. */
  answer(index: number, flies: boolean, nowNs: number, sizeBytes: number): void {
    const at = (index - this.#base) | 0;
    this.#phase[at] = flies ? CertainPhase.answering : CertainPhase.acked;
    this.#ackedAtNs[at] = nowNs;
    this.#ackSizeBytes[at] = sizeBytes;
  }

  #entry(at: number): CertainProbe {
    return {
      index: (this.#base + at) >>> 0,
      phase: this.#phase[at]! as CertainPhase,
      prober: this.#probers[at]!,
      target: this.#targets[at]!,
      seqNo: this.#seqNos[at]!,
      sentAtNs: this.#sentAtNs[at]!,
      pingSizeBytes: this.#pingSizeBytes[at]!,
      ackedAtNs: this.#ackedAtNs[at]!,
      ackSizeBytes: this.#ackSizeBytes[at]!,
    };
  }

  #expire(nowNs: number): void {
    while (this.#first < this.#end && this.#untilNs[this.#first]! <= nowNs) {
      const at = this.#first++;
      this.#marks[this.#probers[at]! & (MARK_COUNT - 1)]!--;
      this.#marks[this.#targets[at]! & (MARK_COUNT - 1)]!--;
    }
  }

  #makeRoom(): void {
    const first = this.#first;
    const count = this.#end - first;
    const capacity = count * 2 > this.#probers.length ? count * 2 : this.#probers.length;
    const moved = <T extends Uint8Array | Int32Array | Uint32Array | Float64Array>(
      column: T,
    ): T => {
      column.copyWithin(0, first, first + count);
      return grown(column, capacity);
    };
    this.#phase = moved(this.#phase);
    this.#probers = moved(this.#probers);
    this.#targets = moved(this.#targets);
    this.#seqNos = moved(this.#seqNos);
    this.#sentAtNs = moved(this.#sentAtNs);
    this.#untilNs = moved(this.#untilNs);
    this.#pingSizeBytes = moved(this.#pingSizeBytes);
    this.#ackedAtNs = moved(this.#ackedAtNs);
    this.#ackSizeBytes = moved(this.#ackSizeBytes);
    this.#base = (this.#base + first) >>> 0;
    this.#first = 0;
    this.#end = count;
  }
}
