/**
 * What observers hold of subjects, 16 bytes an entry. An entry's fields stand side by side, because they
 * are looked at together, mostly of an observer that nothing was looked at for long.
 */
import { NodeState } from '../../wire/memberlist/message.ts';

/** What an observer holds of a subject: memberlist's states, and unknown. */
export const MemberState = { ...NodeState, unknown: 4 } as const;
/** See {@link MemberState}. */
export type MemberState = (typeof MemberState)[keyof typeof MemberState];

/** An entry: changedAtNs as a double, then incarnation, and fact with state, as words. */
const DOUBLES = 2;
const WORDS = 4;
const INCARNATION = 2;
const FACT_AND_STATE = 3;
const STATE_BITS = 3;
const STATE_MASK = (1 << STATE_BITS) - 1;

/** A list of entries; outside of it all are unknown. */
export class Entries {
  #doubles: Float64Array;
  #words: Int32Array;

  /** All entries are alike at first, and have never changed. */
  constructor(length: number, state: MemberState, incarnation: number, fact: number) {
    this.#doubles = new Float64Array(DOUBLES * length);
    this.#words = new Int32Array(this.#doubles.buffer);
    for (let at = 0; at < length; at++) this.set(at, state, incarnation, 0, fact);
  }

  /** How many there are. */
  get length(): number {
    return this.#doubles.length / DOUBLES;
  }

  /** The state of an entry. */
  stateAt(at: number): MemberState {
    const word = this.#words[WORDS * at + FACT_AND_STATE] ?? MemberState.unknown;
    return (word & STATE_MASK) as MemberState;
  }

  /** The index of the fact that is believed. */
  factAt(at: number): number {
    return (this.#words[WORDS * at + FACT_AND_STATE] ?? 0) >> STATE_BITS;
  }

  /** The incarnation that is known. */
  incarnationAt(at: number): number {
    return (this.#words[WORDS * at + INCARNATION] ?? 0) >>> 0;
  }

  /** When the state changed, ns. */
  changedAtNsAt(at: number): number {
    return this.#doubles[DOUBLES * at] ?? 0;
  }

  /** Writes an entry. */
  set(at: number, state: MemberState, incarnation: number, atNs: number, fact: number): void {
    this.#doubles[DOUBLES * at] = atNs;
    this.#words[WORDS * at + INCARNATION] = incarnation;
    this.#words[WORDS * at + FACT_AND_STATE] = (fact << STATE_BITS) | state;
  }

  /** Writes the entry that stands at `from` in others. */
  copy(at: number, others: Entries, from: number): void {
    const atNs = others.changedAtNsAt(from);
    this.set(at, others.stateAt(from), others.incarnationAt(from), atNs, others.factAt(from));
  }

  /** The same with room for `length` entries; the new ones are unknown. */
  grown(length: number): Entries {
    if (length <= this.length) return this;
    const next = new Entries(length, MemberState.unknown, 0, 0);
    next.#doubles.set(this.#doubles);
    return next;
  }
}
