/**
 * The probes under way that must succeed, oldest first (see certain-probe.ts).
 *
 * An entry has an index that stays its own, a 32-bit integer: they are counted anew after 2^32. It is
 * gone when its probe is surely over.
 */
import { grown } from '../members/grown.ts';

const INITIAL_CAPACITY = 64;
/**
 * Members share chains by the low bits of their index; a power of two, so that of a million members,
 * thousands of which have a probe under way, hardly any two share one.
 */
const CHAIN_COUNT = 1 << 18;
/** Ends a chain. */
const NONE = -1;

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
  /**
   * By chain: the youngest link, which is twice the index of an entry that names a member of the chain,
   * and one more where that is the target. Links are 32-bit integers: one that was left long ago may
   * seem to be of an entry that is not over, but never of one that names the member.
   */
  readonly #youngest = new Int32Array(CHAIN_COUNT).fill(NONE);
  /** By place, two for each entry: the next older link of its prober's chain, and of its target's. */
  #older = new Int32Array(2 * INITIAL_CAPACITY);
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
    this.#link(2 * at, prober);
    this.#link(2 * at + 1, target);
    return (this.#base + at) >>> 0;
  }

  /** False when no probe of or to the member is under way; usually right when it says true. */
  mayConcern(member: number): boolean {
    return this.#placeAt(this.#youngest[member & (CHAIN_COUNT - 1)]!) !== NONE;
  }

  /** The probes under way of or to a member, or all of them (-1), oldest first. */
  of(member: number, nowNs: number): CertainProbe[] {
    this.#expire(nowNs);
    const found: CertainProbe[] = [];
    const find = (at: number): void => {
      const isUnderWay = this.#phase[at] !== CertainPhase.over && this.#untilNs[at]! > nowNs;
      if (isUnderWay) found.push(this.#entry(at));
    };
    if (member < 0) {
      for (let at = this.#first; at < this.#end; at++) find(at);
      return found;
    }
    let place = this.#placeAt(this.#youngest[member & (CHAIN_COUNT - 1)]!);
    while (place !== NONE) {
      const at = place >> 1;
      if (((place & 1) === 0 ? this.#probers : this.#targets)[at] === member) find(at);
      const older = this.#placeAt(this.#older[place]!);
      place = older < place ? older : NONE;
    }
    return found.reverse();
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

  /** Puts a place of the columns at the head of a member's chain. */
  #link(place: number, member: number): void {
    const chain = member & (CHAIN_COUNT - 1);
    this.#older[place] = this.#youngest[chain]!;
    this.#youngest[chain] = 2 * this.#base + place;
  }

  /** A link of a chain as a place in the columns, or {@link NONE} where what it names is over. */
  #placeAt(link: number): number {
    const place = (link - 2 * this.#base) | 0;
    return place >= 2 * this.#first && place < 2 * this.#end ? place : NONE;
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
    while (this.#first < this.#end && this.#untilNs[this.#first]! <= nowNs) this.#first++;
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
    this.#older.copyWithin(0, 2 * first, 2 * (first + count));
    this.#older = grown(this.#older, 2 * capacity);
    this.#base = (this.#base + first) >>> 0;
    this.#first = 0;
    this.#end = count;
  }
}
