/**
 * The order in which each member probes the others (memberlist `state.go` `m.nodes`, `probeIndex`,
 * `resetNodes`): its node list, shuffled at the start of every round.
 *
 * The list is not stored. It is a keyed permutation of the members that existed when the round
 * began; positions of members that the observer did not know then are holes. A member that is
 * learned during a round takes a random position and sends the one that stood there to the end, as
 * upstream does: such displacements are stored until the round ends. Nobody leaves the list within a
 * round, because only its end prunes.
 */
import { type DrawKey, drawBelow, keyOf } from '../../sim/chance.ts';
import { MemberState } from './entries.ts';
import { grown } from './grown.ts';
import { permuted, positionOf } from './permutation.ts';
import type { Views } from './views.ts';

/** What was learned since the round began. */
interface Learned {
  /** Who stands at a position of the permutation instead. */
  readonly replaced: Map<number, number>;
  /** Who stands behind the permutation, in order. */
  readonly tail: number[];
  /** Everybody whose own position in the permutation is a hole. */
  readonly members: Set<number>;
  count: number;
}

const NOBODY = -1;

/** The rings of all members. */
export class Rings {
  readonly #views: Views;
  readonly #shuffleKey: DrawKey;
  readonly #insertKey: DrawKey;
  #round = new Uint32Array(0);
  #cursor = new Uint32Array(0);
  /** The key of the round's permutation. */
  #roundKey = new Uint32Array(0);
  /** How many members existed when the round began. */
  #size = new Uint32Array(0);
  readonly #learned: (Learned | undefined)[] = [];

  constructor(views: Views, shuffleKey: DrawKey, insertKey: DrawKey) {
    this.#views = views;
    this.#shuffleKey = shuffleKey;
    this.#insertKey = insertKey;
  }

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    while (this.#learned.length < capacity) this.#learned.push(undefined);
    this.#round = grown(this.#round, capacity);
    this.#cursor = grown(this.#cursor, capacity);
    this.#roundKey = grown(this.#roundKey, capacity);
    this.#size = grown(this.#size, capacity);
  }

  /** A new process has an empty list. Rounds go on counting, so that it shuffles anew. */
  reset(member: number): void {
    this.#beginRound(member);
    this.#size[member] = 0;
    this.#learned[member] = undefined;
  }

  /** Puts a newly known subject into the list; its view must have been inserted already. */
  insert(member: number, subject: number): void {
    const learned: Learned = (this.#learned[member] ??= nothingLearned());
    learned.members.add(subject);
    learned.count++;
    if (this.#views.knownCountOf(member) === 1) {
      learned.tail.push(subject);
      return;
    }
    const key = keyOf(this.#insertKey, member);
    const bound = this.#lengthOf(member);
    for (let draw = 0; ; draw++) {
      const position = drawBelow(key, bound, this.#round[member]!, learned.count, draw);
      const displaced = this.#at(member, position);
      if (displaced === NOBODY) continue;
      const size = this.#size[member]!;
      if (position < size) learned.replaced.set(position, subject);
      else learned.tail[position - size] = subject;
      learned.tail.push(displaced);
      return;
    }
  }

  /**
   * The next entry of the list if all that the round began with are still in it and nobody else;
   * otherwise, and at its end, -1.
   */
  peek(member: number): number {
    const size = this.#size[member]!;
    const cursor = this.#cursor[member]!;
    if (cursor >= size || this.#learned[member] !== undefined) return NOBODY;
    return permuted(this.#roundKey[member]!, size, cursor);
  }

  /** Takes what {@link peek} returned, or as many entries as that. */
  advance(member: number, count = 1): void {
    this.#cursor[member]! += count;
  }

  /**
   * How many entries {@link peek} and {@link advance} will come to before the member itself, one of
   * `subjects`, or the end.
   */
  countBefore(member: number, subjects: readonly number[]): number {
    if (this.#learned[member] !== undefined) return 0;
    const size = this.#size[member]!;
    const cursor = this.#cursor[member]!;
    const key = this.#roundKey[member]!;
    let end = Math.max(cursor, size);
    const stopAt = (subject: number): void => {
      if (subject >= size) return;
      const position = positionOf(key, size, subject);
      if (position >= cursor && position < end) end = position;
    };
    stopAt(member);
    for (const subject of subjects) stopAt(subject);
    return end - cursor;
  }

  /** The key, the size and the next position of the permutation that is the member's round. */
  roundOf(member: number): { key: DrawKey; size: number; cursor: number } {
    const key = this.#roundKey[member]!;
    return { key, size: this.#size[member]!, cursor: this.#cursor[member]! };
  }

  /** Takes the next entry of the list, or -1 at its end. */
  take(member: number): number {
    const length = this.#lengthOf(member);
    while (this.#cursor[member]! < length) {
      const subject = this.#at(member, this.#cursor[member]!++);
      if (subject !== NOBODY) return subject;
    }
    return NOBODY;
  }

  /** Begins a new round over the `memberCount` members that exist. */
  shuffle(member: number, memberCount: number): void {
    this.#beginRound(member);
    this.#size[member] = memberCount;
    this.#learned[member] = undefined;
  }

  /** The whole list in its order. */
  listOf(member: number): number[] {
    const list: number[] = [];
    const length = this.#lengthOf(member);
    for (let position = 0; position < length; position++) {
      const subject = this.#at(member, position);
      if (subject !== NOBODY) list.push(subject);
    }
    return list;
  }

  /** Some entries of the list in the order of the list. */
  sorted(member: number, subjects: readonly number[]): number[] {
    const size = this.#size[member]!;
    const learned = this.#learned[member];
    const key = this.#roundKey[member]!;
    const positions = new Map<number, number>();
    for (const subject of subjects) {
      const isLearned = learned?.members.has(subject) === true;
      if (!isLearned && size > 0) positions.set(subject, positionOf(key, size, subject));
    }
    for (const [position, subject] of learned?.replaced ?? []) positions.set(subject, position);
    learned?.tail.forEach((subject, i) => positions.set(subject, size + i));
    return [...subjects].sort((a, b) => positions.get(a)! - positions.get(b)!);
  }

  /** Whether the member's list is still the one of its joining. */
  isInFirstRound(member: number): boolean {
    return this.#size[member] === 0;
  }

  /** The list of a member in its first round, which has no holes; otherwise undefined. */
  firstListOf(member: number): readonly number[] | undefined {
    return this.#size[member] === 0 ? this.#learned[member]?.tail : undefined;
  }

  #beginRound(member: number): void {
    const round = ++this.#round[member]!;
    this.#cursor[member] = 0;
    this.#roundKey[member] = keyOf(keyOf(this.#shuffleKey, member), round);
  }

  #lengthOf(member: number): number {
    return this.#size[member]! + (this.#learned[member]?.tail.length ?? 0);
  }

  #at(member: number, position: number): number {
    const size = this.#size[member]!;
    const learned = this.#learned[member];
    if (position >= size) return learned!.tail[position - size]!;
    const replacement = learned?.replaced.get(position);
    if (replacement !== undefined) return replacement;
    const key = this.#roundKey[member]!;
    const subject = permuted(key, size, position);
    if (this.#views.stateOf(member, subject) === MemberState.unknown) return NOBODY;
    return learned?.members.has(subject) === true ? NOBODY : subject;
  }
}

function nothingLearned(): Learned {
  return { replaced: new Map(), tail: [], members: new Set(), count: 0 };
}
