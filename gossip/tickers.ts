/**
 * When each member's ticker ticks next (memberlist `state.go` `schedule`, `triggerFunc`). Timers of a
 * member often elapse with its ticks, because they began at one; the tick comes last.
 *
 * Tickers never stop, and most ticks find nothing, or nothing that could change anything: they are
 * swept, not queued. A member has its place in the sweep while its ticker has the cluster's interval;
 * places are dealt anew when as many members have none, so that growing costs each member a
 * constant.
 */
import { NO_EVENT } from '../sim/event-queue.ts';
import { Sweep, type SweepHandlers } from '../sim/queue/sweep.ts';
import type { World } from '../sim/world.ts';
import { nextTickAfter } from './formulas.ts';
import { grown } from './members/grown.ts';

/** So many members without a place, and as many as have one, are dealt places. */
const DEAL_MIN = 8;

/** The tickers of one kind, of all members. */
export class Tickers {
  readonly #world: World;
  readonly #kind: number;
  readonly #sweep: Sweep | undefined;
  readonly #intervalNs: number;
  /** When the ticker of the process was made, ns. */
  #madeAtNs = new Float64Array(0);
  /** The next tick of a member that is not swept, and when it is, ns. */
  #handles = new Float64Array(0);
  #atNs = new Float64Array(0);
  #placelessCount = 0;

  /** `kind` is the typed event of a queued tick; without `handlers` nothing is swept. */
  constructor(world: World, intervalNs: number, kind: number, handlers?: SweepHandlers) {
    this.#world = world;
    this.#intervalNs = intervalNs;
    this.#kind = kind;
    if (handlers === undefined || intervalNs <= 0) return;
    this.#sweep = new Sweep(intervalNs, handlers);
    world.queue.addSource(this.#sweep);
  }

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.#madeAtNs = grown(this.#madeAtNs, capacity);
    this.#handles = grown(this.#handles, capacity);
    this.#atNs = grown(this.#atNs, capacity);
  }

  /** A process makes its ticker at that instant. */
  make(member: number, madeAtNs: number): void {
    this.#madeAtNs[member] = madeAtNs;
    this.#sweep?.leave(member);
  }

  /** How many intervals the ticker has seen at an instant; `intervalNs` is the member's own. */
  numberAt(member: number, intervalNs: number, atNs: number): number {
    return Math.floor((atNs - this.#madeAtNs[member]!) / intervalNs);
  }

  /** Whether a tick falls in a span, both ends included; `intervalNs` is the member's own. */
  ticksIn(member: number, intervalNs: number, fromNs: number, toNs: number): boolean {
    return (
      this.numberAt(member, intervalNs, toNs) !== this.numberAt(member, intervalNs, fromNs - 1)
    );
  }

  /**
   * Waits for the first tick after `sinceNs`: one that has passed since then is waiting. `intervalNs`
   * is the member's own.
   */
  arm(member: number, intervalNs: number, sinceNs: number): void {
    const { queue } = this.#world;
    const { nowNs } = queue;
    const tickNs = nextTickAfter(this.#madeAtNs[member]!, intervalNs, sinceNs);
    const atNs = Math.max(tickNs, nowNs);
    if (intervalNs === this.#intervalNs && this.#sweep?.arm(member, atNs, nowNs) === true) return;
    this.#handles[member] = queue.scheduleLate(atNs, this.#kind, member);
    this.#atNs[member] = atNs;
    if (intervalNs === this.#intervalNs) this.#placelessCount++;
  }

  /** See {@link Sweep.rest}. */
  rest(turnCount: number, walkNs: number, skipsOf: (member: number) => number): void {
    this.#sweep?.rest(turnCount, walkNs, skipsOf);
  }

  /** See {@link Sweep.endRest}. */
  endRest(): void {
    this.#sweep?.endRest(this.#world.nowNs);
  }

  /** See {@link Sweep.rouse}. */
  rouse(member: number): void {
    this.#sweep?.rouse(member, this.#world.nowNs);
  }

  /** Whether the member waits for a tick. */
  isArmed(member: number): boolean {
    return this.#handles[member] !== NO_EVENT || this.#sweep?.isArmed(member) === true;
  }

  /** Stops waiting. */
  disarm(member: number): void {
    this.#sweep?.disarm(member);
    if (this.#handles[member] === NO_EVENT) return;
    this.#world.queue.cancel(this.#handles[member]!);
    this.#handles[member] = NO_EVENT;
  }

  /** A queued tick has come. */
  onQueued(member: number): void {
    this.#handles[member] = NO_EVENT;
  }

  /** Whether so many members have no place in the sweep that it is time to {@link deal}. */
  get wantsDeal(): boolean {
    return this.#sweep !== undefined && this.#placelessCount > this.#sweep.size + DEAL_MIN;
  }

  /**
   * Deals places in the sweep to these members, of whom each has the cluster's interval.
   */
  deal(members: readonly number[]): void {
    const sweep = this.#sweep;
    if (sweep === undefined) return;
    const { queue } = this.#world;
    const { nowNs } = queue;
    sweep.endRest(nowNs);
    sweep.reset(members, this.#madeAtNs, nowNs);
    this.#placelessCount = 0;
    for (const member of members) {
      const handle = this.#handles[member]!;
      if (!queue.isPending(handle) || !sweep.arm(member, this.#atNs[member]!, nowNs)) continue;
      queue.cancel(handle);
      this.#handles[member] = NO_EVENT;
    }
  }
}
