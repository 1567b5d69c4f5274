/**
 * A subject on which the observers that share a view differ: an entry per observer, a byte per observer
 * that tells what is no news to it, and counts that tell when they agree again.
 */
import { Entries, MemberState } from './entries.ts';
import { grown } from './grown.ts';

/**
 * What is no news to an observer, as bits: death, any accusation, and below those one bit for each of
 * the first accusers of the dispute.
 */
const Settled = { dead: 128, accused: 64 } as const;
/** So many accusers have a bit. */
const ACCUSERS_MAX = 6;

/** What all agreed on when the dispute began: alive, or that nobody knows the subject. */
export interface Agreement {
  readonly isAlive: boolean;
  readonly incarnation: number;
  readonly fact: number;
}

/** See the module comment. */
export class Dispute {
  entries: Entries;
  /** By observer: what is no news at {@link baseIncarnation} or below, see {@link maskOf}. */
  settled: Uint8Array;
  /** The incarnation at which the dispute began. */
  readonly baseIncarnation: number;
  /** Who has the bits. */
  readonly #accusers: number[] = [];
  /** Sharing observers that do not know the subject. */
  #unknownCount: number;
  /** The largest incarnation that anybody holds alive, with its fact, and how many do. */
  #topIncarnation: number;
  #topFact: number;
  #topCount: number;

  /** Begins with what `sharerCount` observers, of `capacity` places, agreed on. */
  constructor(capacity: number, agreement: Agreement, sharerCount: number) {
    const { isAlive, incarnation, fact } = agreement;
    const state = isAlive ? MemberState.alive : MemberState.unknown;
    this.entries = new Entries(capacity, state, isAlive ? incarnation : 0, fact);
    this.settled = new Uint8Array(capacity);
    this.baseIncarnation = isAlive ? incarnation : 0;
    this.#unknownCount = isAlive ? 0 : sharerCount;
    this.#topIncarnation = isAlive ? incarnation : -1;
    this.#topFact = fact;
    this.#topCount = isAlive ? sharerCount : 0;
  }

  /** Makes room for observers up to `capacity`. */
  grow(capacity: number): void {
    this.entries = this.entries.grown(capacity);
    this.settled = grown(this.settled, capacity);
  }

  /** Sets an observer's entry. */
  write(
    observer: number,
    state: MemberState,
    incarnation: number,
    atNs: number,
    fact: number,
  ): void {
    this.leave(observer);
    this.entries.set(observer, state, incarnation, atNs, fact);
    const isDead = state === MemberState.dead && incarnation >= this.baseIncarnation;
    this.settled[observer] = isDead ? Settled.dead : 0;
    this.#enter(observer);
  }

  /** An observer shares from now on, with the entry that stands at `from` in others. */
  join(observer: number, others: Entries, from: number): void {
    this.entries.copy(observer, others, from);
    this.settled[observer] = 0;
    this.#enter(observer);
  }

  /** The observer does not share any more, or has another entry in a moment. */
  leave(observer: number): void {
    if (this.entries.stateAt(observer) === MemberState.unknown) this.#unknownCount--;
    else if (this.#isTop(observer)) this.#topCount--;
  }

  /** The observer, which suspects the subject, has counted an accuser, and perhaps the last. */
  settleAccuser(observer: number, accuser: number, isLast: boolean): void {
    if (this.entries.incarnationAt(observer) < this.baseIncarnation) return;
    const accusers = this.#accusers;
    let bit = accusers.indexOf(accuser);
    if (bit < 0 && accusers.length < ACCUSERS_MAX) bit = accusers.push(accuser) - 1;
    if (bit >= 0) this.settled[observer]! |= 1 << bit;
    if (isLast) this.settled[observer]! |= Settled.accused;
  }

  /** The bits of {@link settled} of which any tells that a message is no news. */
  maskOf(accuser: number, isDeath: boolean): number {
    if (isDeath) return Settled.dead;
    const bit = this.#accusers.indexOf(accuser);
    return Settled.dead | Settled.accused | (bit < 0 ? 0 : 1 << bit);
  }

  /** Whether the accuser has a bit. */
  tellsApart(accuser: number): boolean {
    return this.#accusers.includes(accuser);
  }

  /** What `sharerCount` observers agree on now; undefined while they differ. */
  agreementOf(sharerCount: number): Agreement | undefined {
    const isAlive = this.#topCount === sharerCount;
    if (!isAlive && this.#unknownCount !== sharerCount) return undefined;
    return { isAlive, incarnation: this.#topIncarnation, fact: this.#topFact };
  }

  #enter(observer: number): void {
    const { entries } = this;
    const state = entries.stateAt(observer);
    const incarnation = entries.incarnationAt(observer);
    if (state === MemberState.unknown) this.#unknownCount++;
    else if (this.#isTop(observer)) this.#topCount++;
    else if (state === MemberState.alive && incarnation > this.#topIncarnation) {
      this.#topIncarnation = incarnation;
      this.#topFact = entries.factAt(observer);
      this.#topCount = 1;
    }
  }

  #isTop(observer: number): boolean {
    const { entries } = this;
    return (
      entries.stateAt(observer) === MemberState.alive &&
      entries.incarnationAt(observer) === this.#topIncarnation &&
      entries.factAt(observer) === this.#topFact
    );
  }
}
