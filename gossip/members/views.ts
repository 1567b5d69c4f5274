/**
 * What every member holds of every other (memberlist `state.go` `nodeState`): state, incarnation,
 * when the state changed, and which of the subject's facts it believes.
 *
 * One row per observer, made when its process starts.
 */
import { NodeState } from '../../wire/memberlist/message.ts';
import { grown } from './grown.ts';

/** What an observer holds of a subject: memberlist's states, and unknown. */
export const MemberState = { ...NodeState, unknown: 4 } as const;
/** See {@link MemberState}. */
export type MemberState = (typeof MemberState)[keyof typeof MemberState];

interface Row {
  state: Uint8Array;
  incarnation: Uint32Array;
  changedAtNs: Float64Array;
  fact: Int32Array;
  knownCount: number;
  aliveCount: number;
}

/** The views of all observers. */
export class Views {
  #capacity = 0;
  readonly #rows: (Row | undefined)[] = [];

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.#capacity = capacity;
    for (const row of this.#rows) {
      if (row === undefined) continue;
      row.state = grown(row.state, capacity, MemberState.unknown);
      row.incarnation = grown(row.incarnation, capacity);
      row.changedAtNs = grown(row.changedAtNs, capacity);
      row.fact = grown(row.fact, capacity);
    }
  }

  /** A new process knows nobody, not even itself. */
  reset(observer: number): void {
    this.#rows[observer] = {
      state: new Uint8Array(this.#capacity).fill(MemberState.unknown),
      incarnation: new Uint32Array(this.#capacity),
      changedAtNs: new Float64Array(this.#capacity),
      fact: new Int32Array(this.#capacity),
      knownCount: 0,
      aliveCount: 0,
    };
  }

  /** What the observer holds of the subject. */
  stateOf(observer: number, subject: number): MemberState {
    return (this.#rows[observer]?.state[subject] ?? MemberState.unknown) as MemberState;
  }

  /** The incarnation that the observer knows; 0 for the unknown. */
  incarnationOf(observer: number, subject: number): number {
    return this.#rows[observer]?.incarnation[subject] ?? 0;
  }

  /** When the observer's state of the subject last changed, ns. */
  changedAtNsOf(observer: number, subject: number): number {
    return this.#rows[observer]?.changedAtNs[subject] ?? 0;
  }

  /** The fact that the observer believes. */
  factOf(observer: number, subject: number): number {
    return this.#rows[observer]!.fact[subject]!;
  }

  /** Length of the observer's node list: alive, suspect, dead and left (`estNumNodes`). */
  knownCountOf(observer: number): number {
    return this.#rows[observer]?.knownCount ?? 0;
  }

  /** How many the observer holds alive, itself included. */
  aliveCountOf(observer: number): number {
    return this.#rows[observer]?.aliveCount ?? 0;
  }

  /** A new entry of the list: dead, with incarnation 0, until its alive message has been heard. */
  insert(observer: number, subject: number, fact: number): void {
    const row = this.#rows[observer]!;
    row.state[subject] = MemberState.dead;
    row.incarnation[subject] = 0;
    row.changedAtNs[subject] = Number.NEGATIVE_INFINITY;
    row.fact[subject] = fact;
    row.knownCount++;
  }

  /** Sets the state of an entry. */
  become(
    observer: number,
    subject: number,
    state: MemberState,
    incarnation: number,
    atNs: number,
  ): void {
    const row = this.#rows[observer]!;
    if (row.state[subject] === MemberState.alive) row.aliveCount--;
    if (state === MemberState.alive) row.aliveCount++;
    row.state[subject] = state;
    row.incarnation[subject] = incarnation;
    row.changedAtNs[subject] = atNs;
  }

  /** Sets incarnation and fact of an entry whose state stays. */
  update(observer: number, subject: number, incarnation: number, fact: number): void {
    const row = this.#rows[observer]!;
    row.incarnation[subject] = incarnation;
    row.fact[subject] = fact;
  }

  /** Takes an entry out of the list. */
  remove(observer: number, subject: number): void {
    const row = this.#rows[observer]!;
    row.state[subject] = MemberState.unknown;
    row.incarnation[subject] = 0;
    row.knownCount--;
  }

  /** Dead and left entries whose state changed before `beforeNs`. */
  expired(observer: number, beforeNs: number): number[] {
    const row = this.#rows[observer]!;
    if (row.knownCount === row.aliveCount) return [];
    const subjects: number[] = [];
    for (let subject = 0; subject < row.state.length; subject++) {
      const state = row.state[subject]!;
      if (state !== MemberState.dead && state !== MemberState.left) continue;
      if (row.changedAtNs[subject]! < beforeNs) subjects.push(subject);
    }
    return subjects;
  }
}
