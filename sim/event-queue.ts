/**
 * The event queue: what happens next, in a total order of (time, then order of scheduling; late
 * events after the others of their instant).
 *
 * An event is a slot with a record (queue/slots.ts); nothing is allocated per event. Typed events
 * carry a kind and three integers and go to the handler that registered the kind: for what happens
 * millions of times. Callback events carry a function: for what is rare. A handle names a slot and
 * its generation, so cancelling an event that has fired or was cancelled is harmless.
 *
 * Four structures hold the events, nearest first: a heap for the present tick of 131 µs, a wheel
 * for the 2.1 s of ticks that follow, a wheel of coarse ticks of 2.1 s for the 36 minutes that
 * follow, and a heap for the rest. Only the first is in order; a tick's events move into it when
 * the clock gets there. Against one 4-ary heap, an event costs 0.4 times as much, with 10,000
 * waiting as with 500,000, where what is left is cache misses (bench/event-queue.ts).
 */
import { assert, InvariantError } from './assert.ts';
import { EventHeap } from './queue/heap.ts';
import {
  A,
  B,
  C,
  DEAD,
  DOUBLE_SHIFT,
  EventSlots,
  GENERATION,
  KIND,
  NEXT,
  SEQUENCE,
  TIME,
  WORD_SHIFT,
} from './queue/slots.ts';
import { BothSources, type EventSource, NO_SOURCE } from './queue/source.ts';
import { EventWheel } from './queue/wheel.ts';

/** Names a scheduled event; an integer, never 0. */
export type EventHandle = number;

/** The handle that names no event. */
export const NO_EVENT: EventHandle = 0;

/** Handles a typed event; `a`, `b`, `c` are the integers that were scheduled (32-bit signed). */
export type EventHandler = (a: number, b: number, c: number, nowNs: number) => void;

const CALLBACK_KIND = 0;
/** A handle is generation * 2^31 + slot. */
const SLOT_LIMIT = 0x8000_0000;
const SLOT_MASK = 0x7fff_ffff;

/** Added to the sequence of late events. */
const LATE = 2 ** 52;

const TICK_NS = 2 ** 17;
const TICKS_PER_NS = 1 / TICK_NS;
const TICK_COUNT = 2 ** 14;
/** A coarse tick is a whole turn of the wheel. */
const COARSE_PER_TICK = 1 / TICK_COUNT;
const COARSE_COUNT = 2 ** 10;

/** Dead events are swept out when there are so many of them, and more than live ones. */
const SWEEP_COUNT = 8192;

/** A priority queue of events and the virtual clock that it drives. */
export class EventQueue {
  #nowNs = 0;
  #sequence = 0;
  #firedCount = 0;
  #runCount = 0;
  #pendingCount = 0;
  readonly #slots = new EventSlots();
  readonly #near = new EventHeap(this.#slots);
  readonly #wheel = new EventWheel(this.#slots, TICK_COUNT);
  readonly #coarse = new EventWheel(this.#slots, COARSE_COUNT);
  readonly #far = new EventHeap(this.#slots);
  /** Every event up to the end of this tick is in the near heap, and no other is. */
  #tick = 0;
  #nearEndNs = TICK_NS;
  /** No event of the coarse wheel or the far heap is before this tick. */
  #beyondTick = Number.POSITIVE_INFINITY;
  readonly #callbacks: (((nowNs: number) => void) | undefined)[] = [];
  readonly #freeCallbacks: number[] = [];
  readonly #handlers: (EventHandler | undefined)[] = [undefined];
  #source: EventSource = NO_SOURCE;

  /** The virtual instant, in ns. */
  get nowNs(): number {
    return this.#nowNs;
  }

  /** How many events wait. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  /** How many events have fired. */
  get firedCount(): number {
    return this.#firedCount;
  }

  /**
   * Changes whenever something may have happened since: an event has fired, or whoever drives the queue
   * had the word. Events that a source has passed do not change it.
   */
  get epoch(): number {
    return this.#firedCount + this.#runCount;
  }

  /** The instant of the next event, or Infinity. */
  get nextAtNs(): number {
    releaseDeadTop(this.#near, this.#slots);
    const atNs = this.#near.size > 0 ? this.#near.topTime : this.#earliestBeyondNear();
    return Math.min(atNs, this.#source.nextAtNs);
  }

  /** Registers the handler of a new kind of typed event and returns the kind. */
  registerKind(handler: EventHandler): number {
    this.#handlers.push(handler);
    return this.#handlers.length - 1;
  }

  /** Adds a source of further events; at equal instants it comes after those before it. */
  addSource(source: EventSource): void {
    this.#source = this.#source === NO_SOURCE ? source : new BothSources(this.#source, source);
  }

  /** Schedules a typed event; `atNs` is an integer that is not in the past. */
  schedule(atNs: number, kind: number, a = 0, b = 0, c = 0): EventHandle {
    return this.#insert(atNs, kind, a, b, c, this.#sequence++);
  }

  /** Schedules a typed event that comes after all others of its instant. */
  scheduleLate(atNs: number, kind: number, a = 0, b = 0, c = 0): EventHandle {
    return this.#insert(atNs, kind, a, b, c, LATE + this.#sequence++);
  }

  #insert(
    atNs: number,
    kind: number,
    a: number,
    b: number,
    c: number,
    sequence: number,
  ): EventHandle {
    if (!(atNs >= this.#nowNs)) this.#refuse(atNs);
    const slot = this.#slots.take();
    const { words, doubles } = this.#slots;
    const at = slot << WORD_SHIFT;
    words[at + KIND] = kind;
    words[at + A] = a;
    words[at + B] = b;
    words[at + C] = c;
    doubles[(slot << DOUBLE_SHIFT) + TIME] = atNs;
    doubles[(slot << DOUBLE_SHIFT) + SEQUENCE] = sequence;
    this.#pendingCount++;
    const tick = Math.floor(atNs * TICKS_PER_NS);
    if (atNs < this.#nearEndNs) this.#near.insert(slot);
    else if (tick - this.#tick < TICK_COUNT) this.#wheel.insert(slot, tick);
    else this.#insertBeyond(slot, tick);
    return words[at + GENERATION]! * SLOT_LIMIT + slot;
  }

  /** Schedules a callback; `atNs` is an integer that is not in the past. */
  scheduleCallback(atNs: number, callback: (nowNs: number) => void): EventHandle {
    const index = this.#freeCallbacks.pop() ?? this.#callbacks.length;
    this.#callbacks[index] = callback;
    return this.schedule(atNs, CALLBACK_KIND, index);
  }

  /** Takes an event out; false when it has already fired or been cancelled. */
  cancel(handle: EventHandle): boolean {
    if (!this.isPending(handle)) return false;
    const slot = handle & SLOT_MASK;
    const at = slot << WORD_SHIFT;
    const { words } = this.#slots;
    if (words[at + KIND] === CALLBACK_KIND) this.#takeCallback(words[at + A]!);
    this.#slots.becomeDead(slot);
    this.#pendingCount--;
    const { deadCount } = this.#slots;
    if (deadCount > SWEEP_COUNT && deadCount > this.#pendingCount) this.#sweep();
    return true;
  }

  /** True while the event waits. */
  isPending(handle: EventHandle): boolean {
    if (handle === NO_EVENT) return false;
    const slot = handle & SLOT_MASK;
    const generation = (handle - slot) / SLOT_LIMIT;
    return this.#slots.words[(slot << WORD_SHIFT) + GENERATION] === generation;
  }

  /** Fires the next event; false when none waits. */
  step(): boolean {
    this.#runCount++;
    return this.#fireUntil(Number.POSITIVE_INFINITY);
  }

  /** Fires every event up to and including `untilNs`; the clock then stands there. */
  runUntil(untilNs: number): void {
    this.#runCount++;
    while (this.#fireUntil(untilNs));
    if (untilNs > this.#nowNs) this.#nowNs = untilNs;
    this.#source.standAt(untilNs);
  }

  /** Fires the next event unless it is later than `untilNs`. */
  #fireUntil(untilNs: number): boolean {
    const near = this.#near;
    const slots = this.#slots;
    const source = this.#source;
    for (;;) {
      if (near.size === 0) {
        const beforeNs = Math.min(untilNs, source.nextAtNs);
        if (this.#pendingCount > 0 && this.#advance(beforeNs)) continue;
        return source.nextAtNs <= untilNs && this.#fireSource(untilNs);
      }
      const nowNs = near.topTime;
      if (source.nextAtNs < nowNs && source.nextAtNs <= untilNs) return this.#fireSource(untilNs);
      if (nowNs > untilNs) return false;
      const slot = near.topSlot;
      near.removeTop();
      const at = slot << WORD_SHIFT;
      const { words } = slots;
      const kind = words[at + KIND]!;
      if (kind === DEAD) {
        slots.releaseDead(slot);
        continue;
      }
      const a = words[at + A]!;
      const b = words[at + B]!;
      const c = words[at + C]!;
      slots.release(slot);
      this.#nowNs = nowNs;
      this.#pendingCount--;
      this.#firedCount++;
      if (kind === CALLBACK_KIND) this.#takeCallback(a)(nowNs);
      else this.#handlers[kind]!(a, b, c, nowNs);
      return true;
    }
  }

  /** Lets the source go first if its next event is due before the queue's; false when it is not. */
  #fireSource(untilNs: number): boolean {
    const source = this.#source;
    const boundNs = Math.min(untilNs, this.#notBeforeNs() - 1);
    if (source.nextAtNs > boundNs || source.nextAtNs === Number.POSITIVE_INFINITY) return false;
    source.passUntil(boundNs);
    if (source.nextAtNs <= boundNs) {
      this.#nowNs = source.nextAtNs;
      this.#firedCount++;
      source.fire();
    }
    return true;
  }

  /** An instant before which the queue has no event: in the near heap the very first's. */
  #notBeforeNs(): number {
    if (this.#near.size > 0) return this.#near.topTime;
    if (this.#pendingCount === 0) return Number.POSITIVE_INFINITY;
    const tick = Math.min(this.#wheel.nextTickAfter(this.#tick), this.#beyondTick);
    return tick * TICK_NS;
  }

  #insertBeyond(slot: number, tick: number): void {
    const coarse = Math.floor(tick * COARSE_PER_TICK);
    if (coarse - Math.floor(this.#tick * COARSE_PER_TICK) < COARSE_COUNT) {
      this.#coarse.insert(slot, coarse);
      this.#beyondTick = Math.min(this.#beyondTick, coarse * TICK_COUNT);
    } else {
      this.#far.insert(slot);
      this.#beyondTick = Math.min(this.#beyondTick, tick);
    }
  }

  /**
   * Moves the events of the next tick that has any into the near heap, or those of the next coarse
   * tick into the wheel; false when they are later than `untilNs`, or there are none.
   *
   * It never goes beyond what fires next: were the near heap's end far ahead of the clock, all that
   * is scheduled until then would land in that heap.
   */
  #advance(untilNs: number): boolean {
    const tick = this.#wheel.nextTickAfter(this.#tick);
    if (tick >= this.#beyondTick) return this.#advanceBeyond(tick, untilNs);
    if (tick * TICK_NS > untilNs) return false;
    this.#goTo(tick);
    this.#gather(tick);
    return true;
  }

  /** The same when the coarse wheel or the far heap may have events at `wheelTick` or before. */
  #advanceBeyond(wheelTick: number, untilNs: number): boolean {
    const coarse = this.#coarse.nextTickAfter(Math.floor(this.#tick * COARSE_PER_TICK));
    const coarseTick = coarse * TICK_COUNT;
    const farTick = Math.floor(this.#far.topTime * TICKS_PER_NS);
    const next = Math.min(wheelTick, coarseTick, farTick);
    this.#beyondTick = Math.min(coarseTick, farTick);
    if (next === Number.POSITIVE_INFINITY || next * TICK_NS > untilNs) return false;
    if (coarseTick === next) {
      this.#goTo(coarseTick - 1);
      this.#spread(coarse);
      return true;
    }
    this.#goTo(next);
    this.#gather(next);
    while (this.#far.topTime < this.#nearEndNs) {
      const slot = this.#far.topSlot;
      this.#far.removeTop();
      this.#near.insert(slot);
    }
    return true;
  }

  #goTo(tick: number): void {
    this.#tick = tick;
    this.#nearEndNs = (tick + 1) * TICK_NS;
  }

  /** Moves a tick's events from the wheel to the near heap. */
  #gather(tick: number): void {
    const { words } = this.#slots;
    let slot = this.#wheel.takeAll(tick);
    while (slot >= 0) {
      const next = words[(slot << WORD_SHIFT) + NEXT]!;
      if (words[(slot << WORD_SHIFT) + KIND] === DEAD) this.#slots.releaseDead(slot);
      else this.#near.insert(slot);
      slot = next;
    }
  }

  /** Moves a coarse tick's events to the wheel; the present tick is the last before it. */
  #spread(coarse: number): void {
    const { words, doubles } = this.#slots;
    let slot = this.#coarse.takeAll(coarse);
    while (slot >= 0) {
      const next = words[(slot << WORD_SHIFT) + NEXT]!;
      const atNs = doubles[(slot << DOUBLE_SHIFT) + TIME]!;
      if (words[(slot << WORD_SHIFT) + KIND] === DEAD) this.#slots.releaseDead(slot);
      else this.#wheel.insert(slot, Math.floor(atNs * TICKS_PER_NS));
      slot = next;
    }
  }

  /** The earliest instant of a live event outside the near heap, or Infinity. */
  #earliestBeyondNear(): number {
    releaseDeadTop(this.#far, this.#slots);
    const coarseNow = Math.floor(this.#tick * COARSE_PER_TICK);
    return Math.min(
      this.#far.topTime,
      this.#earliestIn(this.#wheel, this.#tick),
      this.#earliestIn(this.#coarse, coarseNow),
    );
  }

  /** The earliest instant in the first bucket after `tick` that has a live event, or Infinity. */
  #earliestIn(wheel: EventWheel, tick: number): number {
    const { words, doubles } = this.#slots;
    for (;;) {
      const next = wheel.nextTickAfter(tick);
      if (next === Number.POSITIVE_INFINITY) return next;
      wheel.releaseDeadOf(next);
      let earliest = Number.POSITIVE_INFINITY;
      for (let slot = wheel.headOf(next); slot >= 0; slot = words[(slot << WORD_SHIFT) + NEXT]!) {
        earliest = Math.min(earliest, doubles[(slot << DOUBLE_SHIFT) + TIME]!);
      }
      if (earliest < Number.POSITIVE_INFINITY) return earliest;
    }
  }

  #sweep(): void {
    this.#near.releaseDead();
    this.#wheel.releaseDead();
    this.#coarse.releaseDead();
    this.#far.releaseDead();
  }

  #takeCallback(index: number): (nowNs: number) => void {
    const callback = this.#callbacks[index];
    assert(callback !== undefined, 'a callback event has its callback');
    this.#callbacks[index] = undefined;
    this.#freeCallbacks.push(index);
    return callback;
  }

  #refuse(atNs: number): never {
    throw new InvariantError(`event scheduled ${this.#nowNs - atNs} ns in the past`);
  }
}

function releaseDeadTop(heap: EventHeap, slots: EventSlots): void {
  while (heap.size > 0 && slots.isDead(heap.topSlot)) {
    const slot = heap.topSlot;
    heap.removeTop();
    slots.releaseDead(slot);
  }
}
