/**
 * What every member holds of every other (memberlist `state.go` `nodeState`): state, incarnation,
 * when the state changed, and which of the subject's facts it believes.
 *
 * Agreement is stored once. Observers that *share* hold a subject alive as all the others do, or not
 * at all; a subject on which they differ has a dispute with an entry per observer, which goes when
 * they agree again: 17 bytes an observer while the dispute lasts. An observer that knows little yet
 * has a row of its own until it knows what the others know. A cluster that grew by joins has rows
 * only; one that was established shares.
 */
import { Dispute } from './dispute.ts';
import { Entries, MemberState } from './entries.ts';
import { grown } from './grown.ts';
import { Reason, type Unrest } from './unrest.ts';

/** What one observer holds, by subject. */
interface Row {
  entries: Entries;
  /** The subject of the first entry: a process that knows only itself has a row of one entry. */
  first: number;
  knownCount: number;
}

/** What the sharing observers hold of a subject together; bits. */
const Standing = { agreed: 1, disputed: 2 } as const;

/** Where an observer's entries are. */
const Storage = { none: 0, row: 1, shared: 2 } as const;

/** An observer's row is given up when it differs from the others in no more subjects than this. */
const FOLD_DIFFERENCES_MAX = 16;

/** The views of all observers. */
export class Views {
  readonly #unrest: Unrest;
  #capacity = 0;
  #storage = new Uint8Array(0);
  readonly #rows: (Row | undefined)[] = [];
  readonly #disputes: (Dispute | undefined)[] = [];
  readonly #disputed: number[] = [];
  /** A byte per subject: the disputes themselves are looked at for the disputed only. */
  #standing = new Uint8Array(0);
  #agreedIncarnation = new Uint32Array(0);
  #agreedFact = new Int32Array(0);
  #agreedCount = 0;
  #agreedVersion = 0;
  /** How many more subjects a sharing observer knows than are agreed on, and for how many that is not 0. */
  #knownDelta = new Int32Array(0);
  #deltaCount = 0;
  #sharerCount = 0;

  constructor(unrest: Unrest) {
    this.#unrest = unrest;
  }

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.#capacity = capacity;
    while (this.#disputes.length < capacity) this.#disputes.push(undefined);
    while (this.#rows.length < capacity) this.#rows.push(undefined);
    this.#storage = grown(this.#storage, capacity);
    this.#standing = grown(this.#standing, capacity);
    this.#agreedIncarnation = grown(this.#agreedIncarnation, capacity);
    this.#agreedFact = grown(this.#agreedFact, capacity);
    this.#knownDelta = grown(this.#knownDelta, capacity);
    for (const row of this.#rows) {
      if (row !== undefined && row.entries.length > 1) row.entries = row.entries.grown(capacity);
    }
    for (const subject of this.#disputed) {
      this.#disputes[subject]!.grow(capacity);
    }
  }

  /** A new process knows nobody, not even itself. */
  reset(observer: number): void {
    this.forget(observer);
    this.#storage[observer] = Storage.row;
    this.#rows[observer] = {
      entries: new Entries(1, MemberState.unknown, 0, 0),
      first: observer,
      knownCount: 0,
    };
  }

  /** A process ends, and what it held with it. */
  forget(observer: number): void {
    this.unsettle(observer);
    if (this.#storage[observer] === Storage.shared) {
      this.#sharerCount--;
      for (const subject of [...this.#disputed]) {
        const dispute = this.#disputes[subject]!;
        dispute.leave(observer);
        this.#maybeAgree(subject, dispute);
      }
    }
    this.#storage[observer] = Storage.none;
    this.#unrest.set(observer, Reason.ownView);
    this.#rows[observer] = undefined;
    this.#addToDelta(observer, -this.#knownDelta[observer]!);
  }

  /** All of them know each other alive, at incarnation 1; stored once, or in rows. */
  establish(
    observers: readonly number[],
    factOf: (member: number) => number,
    sharing: boolean,
  ): void {
    for (const subject of observers) {
      if (!sharing) break;
      this.#standing[subject] = Standing.agreed;
      this.#agreedIncarnation[subject] = 1;
      this.#agreedFact[subject] = factOf(subject);
      this.#storage[subject] = Storage.shared;
      this.#unrest.clear(subject, Reason.ownView);
      this.#unrest.clear(subject, Reason.disputed);
      this.#rows[subject] = undefined;
    }
    if (sharing) {
      this.#agreedCount = observers.length;
      this.#sharerCount = observers.length;
      this.#agreedVersion++;
      return;
    }
    for (const observer of observers) {
      this.reset(observer);
      for (const subject of observers) {
        this.insert(observer, subject, factOf(subject));
        this.become(observer, subject, MemberState.alive, 1, 0);
      }
    }
  }

  /** True when the observer's view is stored with the others'. */
  isShared(observer: number): boolean {
    return this.#storage[observer] === Storage.shared;
  }

  /** The subjects on which sharing observers differ. */
  get disputed(): readonly number[] {
    return this.#disputed;
  }

  /** Changes whenever the subjects or incarnations that are agreed on change. */
  get agreedVersion(): number {
    return this.#agreedVersion;
  }

  /** True when the subject counts as agreed on; a dispute does not end that. */
  isAgreed(subject: number): boolean {
    return (this.#standing[subject]! & Standing.agreed) !== 0;
  }

  /** The incarnation and fact that were agreed on last. */
  agreedOf(subject: number): { readonly incarnation: number; readonly fact: number } {
    return {
      incarnation: this.#agreedIncarnation[subject]!,
      fact: this.#agreedFact[subject]!,
    };
  }

  /** What the observer holds of the subject. */
  stateOf(observer: number, subject: number): MemberState {
    const storage = this.#storage[observer];
    if (storage === Storage.shared) {
      const standing = this.#standing[subject]!;
      if (standing === Standing.agreed) return MemberState.alive;
      if (standing === 0) return MemberState.unknown;
      return this.#disputes[subject]!.entries.stateAt(observer);
    }
    if (storage !== Storage.row) return MemberState.unknown;
    const row = this.#rows[observer]!;
    return row.entries.stateAt(subject - row.first);
  }

  /** The incarnation that the observer knows; 0 for the unknown. */
  incarnationOf(observer: number, subject: number): number {
    const entries = this.#entriesOf(observer, subject);
    if (entries !== undefined) return entries.incarnationAt(this.#at(observer, subject));
    const isKnown = this.#storage[observer] === Storage.shared && this.isAgreed(subject);
    return isKnown ? this.#agreedIncarnation[subject]! : 0;
  }

  /** When the observer's state of the subject last changed, ns; 0 where all agree. */
  changedAtNsOf(observer: number, subject: number): number {
    const entries = this.#entriesOf(observer, subject);
    return entries === undefined ? 0 : entries.changedAtNsAt(this.#at(observer, subject));
  }

  /** The fact that the observer believes. */
  factOf(observer: number, subject: number): number {
    const entries = this.#entriesOf(observer, subject);
    if (entries === undefined) return this.#agreedFact[subject]!;
    return entries.factAt(this.#at(observer, subject));
  }

  /**
   * Whether an accusation, or a message of death, is certainly no news to an observer whose view is
   * stored with the others'. One byte tells for most of all gossip.
   */
  isSettled(
    observer: number,
    subject: number,
    incarnation: number,
    accuser: number,
    isDeath: boolean,
  ): boolean {
    const settled = this.settledColumnOf(subject, incarnation)?.[observer] ?? 0;
    return settled !== 0 && (settled & this.settledMaskOf(subject, accuser, isDeath)) !== 0;
  }

  /** The observer, which suspects the subject, has counted an accuser, and perhaps the last. */
  settleAccuser(observer: number, subject: number, accuser: number, isLast: boolean): void {
    if (this.#storage[observer] !== Storage.shared) return;
    this.#disputes[subject]!.settleAccuser(observer, accuser, isLast);
  }

  /**
   * The subject that alone is disputed among `count` members that are all known to all whose views are
   * stored together; -1 where it is not so simple.
   */
  loneDisputeAmong(count: number): number {
    const disputed = this.#disputed;
    return this.#agreedCount === count && disputed.length === 1 ? disputed[0]! : -1;
  }

  /** Whether all observers whose views are stored together hold the subject alive alike. */
  isUndisputed(subject: number): boolean {
    return this.#standing[subject] === Standing.agreed;
  }

  /**
   * By observer, what is no news about the subject at that incarnation, as bits; `undefined` where
   * anything may be. A member that does not run, or has a view of its own, has none.
   */
  settledColumnOf(subject: number, incarnation: number): Uint8Array | undefined {
    if ((this.#standing[subject]! & Standing.disputed) === 0) return undefined;
    const dispute = this.#disputes[subject]!;
    return incarnation > dispute.baseIncarnation ? undefined : dispute.settled;
  }

  /** The bits of {@link settledColumnOf} of which any tells that the message is no news. */
  settledMaskOf(subject: number, accuser: number, isDeath: boolean): number {
    return this.#disputes[subject]?.maskOf(accuser, isDeath) ?? 0;
  }

  /**
   * Whether what is not settled is news to nearly all: the accuser is among those that are told apart.
   */
  isSettledExact(subject: number, accuser: number, isDeath: boolean): boolean {
    return isDeath || this.#disputes[subject]?.tellsApart(accuser) === true;
  }

  /** The observer does not run: from now on anything may be news to it. */
  unsettle(observer: number): void {
    for (const subject of this.#disputed) this.#disputes[subject]!.settled[observer] = 0;
  }

  /** Length of the observer's node list: alive, suspect, dead and left (`estNumNodes`). */
  knownCountOf(observer: number): number {
    if (this.#storage[observer] === Storage.shared) {
      return this.#agreedCount + (this.#deltaCount === 0 ? 0 : this.#knownDelta[observer]!);
    }
    return this.#rows[observer]?.knownCount ?? 0;
  }

  /** A new entry of the list: dead, with incarnation 0, until its alive message has been heard. */
  insert(observer: number, subject: number, fact: number): void {
    const row = this.#rows[observer];
    if (row !== undefined) row.knownCount++;
    else this.#addToDelta(observer, 1);
    this.#write(observer, subject, MemberState.dead, 0, Number.NEGATIVE_INFINITY, fact);
  }

  /** Sets the state of an entry. */
  become(
    observer: number,
    subject: number,
    state: MemberState,
    incarnation: number,
    atNs: number,
  ): void {
    const fact = this.factOf(observer, subject);
    this.#write(observer, subject, state, incarnation, atNs, fact);
  }

  /** Sets incarnation and fact of an entry whose state stays. */
  update(observer: number, subject: number, incarnation: number, fact: number): void {
    const isKnown =
      this.incarnationOf(observer, subject) === incarnation &&
      this.factOf(observer, subject) === fact;
    if (isKnown) return;
    const state = this.stateOf(observer, subject);
    const atNs = this.changedAtNsOf(observer, subject);
    this.#write(observer, subject, state, incarnation, atNs, fact);
  }

  /** Takes an entry out of the list. */
  remove(observer: number, subject: number): void {
    const row = this.#rows[observer];
    if (row !== undefined) row.knownCount--;
    else this.#addToDelta(observer, -1);
    const fact = this.factOf(observer, subject);
    this.#write(observer, subject, MemberState.unknown, 0, 0, fact);
  }

  /** Dead and left entries whose state changed before `beforeNs`. */
  expired(observer: number, beforeNs: number): number[] {
    const subjects: number[] = [];
    const isExpired = (subject: number): boolean => {
      const state = this.stateOf(observer, subject);
      const isOver = state === MemberState.dead || state === MemberState.left;
      return isOver && this.changedAtNsOf(observer, subject) < beforeNs;
    };
    if (this.isShared(observer)) {
      for (const subject of this.#disputed) if (isExpired(subject)) subjects.push(subject);
      return subjects.sort((a, b) => a - b);
    }
    for (let subject = 0; subject < this.#capacity; subject++) {
      if (isExpired(subject)) subjects.push(subject);
    }
    return subjects;
  }

  /** Stores an observer's view with the others' if it differs in few subjects. */
  maybeShare(observer: number): void {
    const row = this.#rows[observer];
    if (row === undefined || this.#sharerCount === 0) return;
    if (row.entries.length === 1) this.#widen(row);
    const differing: number[] = [];
    for (let subject = 0; subject < this.#capacity; subject++) {
      if (this.#disputes[subject] !== undefined || this.#agrees(row, subject)) continue;
      differing.push(subject);
      if (differing.length > FOLD_DIFFERENCES_MAX) return;
    }
    for (const subject of differing) this.#dispute(subject);
    this.#rows[observer] = undefined;
    this.#storage[observer] = Storage.shared;
    this.#unrest.clear(observer, Reason.ownView);
    this.#sharerCount++;
    this.#addToDelta(observer, row.knownCount - this.#agreedCount);
    for (const subject of [...this.#disputed]) {
      const dispute = this.#disputes[subject]!;
      dispute.join(observer, row.entries, subject);
      this.#maybeAgree(subject, dispute);
    }
  }

  #agrees({ entries }: Row, subject: number): boolean {
    if (!this.isAgreed(subject)) return entries.stateAt(subject) === MemberState.unknown;
    return (
      entries.stateAt(subject) === MemberState.alive &&
      entries.incarnationAt(subject) === this.#agreedIncarnation[subject] &&
      entries.factAt(subject) === this.#agreedFact[subject]
    );
  }

  #entriesOf(observer: number, subject: number): Entries | undefined {
    if (this.#storage[observer] !== Storage.shared) return this.#rows[observer]?.entries;
    const isDisputed = (this.#standing[subject]! & Standing.disputed) !== 0;
    return isDisputed ? this.#disputes[subject]!.entries : undefined;
  }

  #at(observer: number, subject: number): number {
    if (this.#storage[observer] === Storage.shared) return observer;
    return subject - (this.#rows[observer]?.first ?? 0);
  }

  #addToDelta(observer: number, count: number): void {
    const before = this.#knownDelta[observer]!;
    this.#knownDelta[observer] = before + count;
    if (before === 0 && count !== 0) this.#deltaCount++;
    if (before !== 0 && before + count === 0) this.#deltaCount--;
  }

  #write(
    observer: number,
    subject: number,
    state: MemberState,
    incarnation: number,
    atNs: number,
    fact: number,
  ): void {
    if (this.#storage[observer] !== Storage.row) {
      const dispute = this.#dispute(subject);
      dispute.write(observer, state, incarnation, atNs, fact);
      this.#maybeAgree(subject, dispute);
      return;
    }
    const row = this.#rows[observer]!;
    if (row.entries.length === 1 && subject !== row.first) this.#widen(row);
    row.entries.set(subject - row.first, state, incarnation, atNs, fact);
  }

  /** Gives a row of one entry room for all. */
  #widen(row: Row): void {
    const wide = new Entries(this.#capacity, MemberState.unknown, 0, 0);
    wide.copy(row.first, row.entries, 0);
    row.entries = wide;
    row.first = 0;
  }

  /** The dispute about the subject; a new one begins with what was agreed on. */
  #dispute(subject: number): Dispute {
    const known = this.#disputes[subject];
    if (known !== undefined) return known;
    const agreement = { isAlive: this.isAgreed(subject), ...this.agreedOf(subject) };
    const dispute = new Dispute(this.#capacity, agreement, this.#sharerCount);
    this.#disputes[subject] = dispute;
    this.#standing[subject]! |= Standing.disputed;
    this.#unrest.set(subject, Reason.disputed);
    this.#disputed.push(subject);
    return dispute;
  }

  /** Ends the dispute when all sharing observers hold the subject alive alike, or none knows it. */
  #maybeAgree(subject: number, dispute: Dispute): void {
    const agreement = dispute.agreementOf(this.#sharerCount);
    if (agreement === undefined) return;
    const { isAlive, incarnation, fact } = agreement;
    this.#disputes[subject] = undefined;
    const wasAgreed = this.isAgreed(subject);
    this.#standing[subject] = isAlive ? Standing.agreed : 0;
    if (isAlive) this.#unrest.clear(subject, Reason.disputed);
    this.#disputed.splice(this.#disputed.indexOf(subject), 1);
    this.#agreedVersion++;
    if (isAlive) {
      this.#agreedIncarnation[subject] = incarnation;
      this.#agreedFact[subject] = fact;
    }
    if (wasAgreed === isAlive) return;
    this.#agreedCount += isAlive ? 1 : -1;
    for (let observer = 0; observer < this.#capacity; observer++) {
      if (this.#storage[observer] === Storage.shared) {
        this.#addToDelta(observer, isAlive ? -1 : 1);
      }
    }
  }
}
