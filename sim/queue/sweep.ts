/**
 * Periodic events of very many subjects, most of which have no effect: a walk in the order of their
 * phases in the place of an event each. Walking past a tick reads a few columns in order, about a
 * fifth of what queueing it takes, and of what a cache miss costs.
 *
 * A subject is *armed* from an instant on, and fires at every instant of its phase from then on until
 * something has happened at one: then it is disarmed until it is armed again. While nobody is armed,
 * nothing is walked. Where it can be told how many ticks of most subjects will be passed, the sweep
 * *rests*, and makes up for them later (rest.ts).
 */
import { Rest, type Resting } from './rest.ts';
import type { EventSource } from './source.ts';
import { Turns } from './turns.ts';

/** What a sweep does with its subjects. */
export interface SweepHandlers {
  /** Does what is due at `atNs` if that schedules and observes nothing; false when it would. */
  pass(subject: number, atNs: number): boolean;
  /** Does what {@link pass} would not; the clock stands at the instant. */
  fire(subject: number): void;
  /** Does what {@link pass} would have done at the subject's next `count` ticks of a rest. */
  skip?(subject: number, count: number): void;
  /** Nothing of the next turn is passed yet: the time for {@link Sweep.rest}. */
  onTurn?(): void;
}

const NEVER = Number.POSITIVE_INFINITY;

/** See the module comment. */
export class Sweep implements EventSource {
  nextAtNs = NEVER;
  readonly #handlers: SweepHandlers;
  readonly #resting: Resting;
  /** Subjects in the order of their phases. */
  #subjects = new Int32Array(0);
  #turns: Turns;
  /** By place: no tick before this instant counts, ns. */
  #fromNs = new Float64Array(0);
  /** Places by subject, or -1. */
  #placeOf = new Int32Array(0);
  #armedCount = 0;
  /** The next tick, by its turn and its place: all before it are passed. */
  #turn = 0;
  #turnAtNs = 0;
  #cursor = 0;
  #rest: Rest | undefined = undefined;

  constructor(intervalNs: number, handlers: SweepHandlers) {
    this.#turns = new Turns(intervalNs, new Float64Array(0));
    this.#handlers = handlers;
    this.#resting = {
      pass: (place, atNs) => handlers.pass(this.#subjects[place]!, atNs),
      skip: (place, count) => handlers.skip?.(this.#subjects[place]!, count),
    };
  }

  /** How many subjects have a place. */
  get size(): number {
    return this.#subjects.length;
  }

  /**
   * Takes these subjects and no others; who was armed stays so. `instantNs` is any instant of each
   * one's phase, by subject. Nobody may be resting.
   */
  reset(subjects: readonly number[], instantNs: Float64Array, nowNs: number): void {
    const { intervalNs } = this.#turns;
    const count = subjects.length;
    const phaseNs = new Float64Array(count);
    for (let i = 0; i < count; i++) phaseNs[i] = instantNs[subjects[i]!]! % intervalNs;
    const order = orderOf(phaseNs, intervalNs);
    const placed = new Int32Array(count);
    const fromNs = new Float64Array(count);
    this.#armedCount = 0;
    for (let place = 0; place < count; place++) {
      const subject = subjects[order[place]!]!;
      placed[place] = subject;
      fromNs[place] = this.#armedFromNs(subject);
      if (fromNs[place] !== NEVER) this.#armedCount++;
    }
    const passed = this.#next - 1;
    const passedAtNs = passed < 0 ? -1 : this.#turns.instantOf(passed);
    this.#subjects = placed;
    this.#fromNs = fromNs;
    this.#turns = new Turns(intervalNs, phaseNs.sort());
    this.#goToTick(this.#turns.firstFrom(passedAtNs + 1));
    this.#placeOf = new Int32Array(instantNs.length).fill(-1);
    for (let place = 0; place < count; place++) this.#placeOf[placed[place]!] = place;
    this.#goTo(nowNs);
  }

  /**
   * Arms the subject from `atNs` on, an instant of its phase; false when it has no place, or that is not
   * to come.
   */
  arm(subject: number, atNs: number, nowNs: number): boolean {
    const place = this.#placeOf[subject] ?? -1;
    if (place < 0 || atNs <= nowNs) return false;
    const wasArmed = this.#fromNs[place] !== NEVER;
    this.#fromNs[place] = atNs;
    this.#rest?.await(this.#turns.firstAt(place, this.#turns.firstFrom(atNs)));
    if (!wasArmed && this.#armedCount++ === 0) this.#goTo(nowNs);
    else if (this.#rest !== undefined) this.#look();
    return true;
  }

  /** Whether the subject is armed, from now or later on. */
  isArmed(subject: number): boolean {
    return this.#armedFromNs(subject) !== NEVER;
  }

  /** Disarms the subject, which may not be resting; no harm when it is not armed or has no place. */
  disarm(subject: number): void {
    const place = this.#placeOf[subject] ?? -1;
    if (place < 0 || this.#fromNs[place] === NEVER) return;
    this.#fromNs[place] = NEVER;
    this.#armedCount--;
    this.#look();
  }

  /** Takes the place of a subject whose phase is another from now on. */
  leave(subject: number): void {
    this.disarm(subject);
    if (subject < this.#placeOf.length) this.#placeOf[subject] = -1;
  }

  /**
   * Rests from the next tick on, for no more than so many turns. `skipsOf` says how many of its next
   * ticks an armed subject can skip, 0 for none; those of the last `walkNs` before the end of the rest
   * are passed, not skipped.
   */
  rest(turnCount: number, walkNs: number, skipsOf: (subject: number) => number): void {
    const turns = this.#turns;
    const begin = this.#next;
    const rest = new Rest(turns, this.#resting, begin, turnCount, walkNs);
    for (let place = 0; place < turns.size; place++) {
      const fromNs = this.#fromNs[place]!;
      if (fromNs === NEVER) continue;
      const first = turns.firstAt(place, begin);
      const isDue = fromNs <= turns.instantOf(first);
      const skips = isDue ? skipsOf(this.#subjects[place]!) : 0;
      if (skips > 0) rest.lay(place, skips);
      else rest.await(isDue ? first : turns.firstAt(place, turns.firstFrom(fromNs)));
    }
    this.#rest = rest;
    this.#look();
  }

  /** Walks again, if it rests: all ticks before now are made up for. */
  endRest(nowNs: number): void {
    const rest = this.#rest;
    if (rest === undefined) return;
    this.#rest = undefined;
    rest.rouseAll(nowNs, this.#nextFrom(nowNs));
    this.#goTo(nowNs);
  }

  /** Ends the rest of one subject. */
  rouse(subject: number, nowNs: number): void {
    const place = this.#placeOf[subject] ?? -1;
    if (this.#rest === undefined || place < 0) return;
    const next = this.#nextFrom(nowNs);
    if (!this.#rest.rouse(place, nowNs, next)) return;
    this.#rest.await(this.#turns.firstAt(place, next));
    this.#look();
  }

  passUntil(untilNs: number): void {
    const handlers = this.#handlers;
    while (this.nextAtNs <= untilNs) {
      if (this.#rest !== undefined) {
        if (!this.#passAwaited(this.#rest) || untilNs === NEVER) return;
        continue;
      }
      const place = this.#cursor;
      const atNs = this.nextAtNs;
      const isArmed = this.#fromNs[place]! <= atNs;
      if (isArmed && !handlers.pass(this.#subjects[place]!, atNs)) return;
      const isTurn = this.#step();
      this.#look();
      if (!isTurn) continue;
      handlers.onTurn?.();
      // a turn without effect is progress enough where no end is given
      if (untilNs === NEVER) return;
    }
  }

  fire(): void {
    let place = this.#cursor;
    if (this.#rest === undefined) this.#step();
    else place = this.#takeAwaited(this.#rest);
    this.#fromNs[place] = NEVER;
    this.#armedCount--;
    this.#look();
    this.#handlers.fire(this.#subjects[place]!);
  }

  standAt(atNs: number): void {
    if (this.#rest !== undefined) this.#goToTick(this.#nextFrom(atNs + 1));
  }

  #armedFromNs(subject: number): number {
    const place = this.#placeOf[subject] ?? -1;
    return place < 0 ? NEVER : this.#fromNs[place]!;
  }

  /** Passes the next tick that is awaited in a rest, or its end; false when that tick has to fire. */
  #passAwaited(rest: Rest): boolean {
    const atNs = this.nextAtNs;
    if (rest.next === rest.end) {
      this.endRest(atNs);
      this.#handlers.onTurn?.();
      return true;
    }
    const place = rest.next % this.#turns.size;
    const isArmed = this.#fromNs[place]! <= atNs;
    if (isArmed) {
      rest.wake(place);
      if (!this.#handlers.pass(this.#subjects[place]!, atNs)) return false;
      const again = rest.next + this.#turns.size;
      this.#fromNs[place] = this.#turns.instantOf(again);
      rest.await(again);
    }
    this.#takeAwaited(rest);
    this.#look();
    return true;
  }

  /** Goes past the next tick that is awaited, and returns its place. */
  #takeAwaited(rest: Rest): number {
    const tick = rest.next;
    rest.drop();
    this.#goToTick(tick + 1);
    return tick % this.#turns.size;
  }

  /** The number of the next tick. */
  get #next(): number {
    return this.#turn * this.#turns.size + this.#cursor;
  }

  /** The first tick whose instant is not before `nowNs` and that is not passed. */
  #nextFrom(nowNs: number): number {
    return Math.max(this.#turns.firstFrom(nowNs), this.#next);
  }

  #goTo(nowNs: number): void {
    this.#goToTick(this.#nextFrom(nowNs));
    this.#look();
  }

  #goToTick(tick: number): void {
    const { size, intervalNs } = this.#turns;
    if (size === 0) return;
    this.#turn = Math.floor(tick / size);
    this.#turnAtNs = this.#turn * intervalNs;
    this.#cursor = tick - this.#turn * size;
  }

  /** Past the next tick; true when the one after it is the first of another turn. */
  #step(): boolean {
    this.#cursor++;
    if (this.#cursor < this.#subjects.length) return false;
    this.#cursor = 0;
    this.#turn++;
    this.#turnAtNs += this.#turns.intervalNs;
    return true;
  }

  #look(): void {
    if (this.#armedCount === 0) this.nextAtNs = NEVER;
    else if (this.#rest !== undefined) this.nextAtNs = this.#turns.instantOf(this.#rest.next);
    else this.nextAtNs = this.#turnAtNs + this.#turns.phaseNs[this.#cursor]!;
  }
}

/**
 * The indexes of values in [0, end) in ascending order of their values, and of equal ones in their own:
 * they are dealt to as many equal parts of the range, and what is left is between neighbours.
 */
function orderOf(values: Float64Array, end: number): Int32Array {
  const { length } = values;
  const starts = new Int32Array(length + 1);
  const partOf = (i: number): number => Math.floor((values[i]! / end) * length);
  for (let i = 0; i < length; i++) starts[partOf(i) + 1]!++;
  for (let part = 0; part < length; part++) starts[part + 1]! += starts[part]!;
  const order = new Int32Array(length);
  for (let i = 0; i < length; i++) order[starts[partOf(i)]!++] = i;
  for (let i = 1; i < length; i++) {
    const index = order[i]!;
    let at = i;
    while (at > 0 && values[order[at - 1]!]! > values[index]!) order[at] = order[--at]!;
    order[at] = index;
  }
  return order;
}
