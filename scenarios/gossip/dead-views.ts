/**
 * How many of the views that an experiment looks at say dead, over time. A view is what one member
 * holds of another; the experiment says which ones count (all survivors' of the killed, all across
 * a cut).
 */
import { Observed } from '../../gossip/observed.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';

/** Points of a curve at most, but for its last. */
const CURVE_POINTS_MAX = 200;

/** The share of the views that say dead from an instant on. */
export interface CurvePoint {
  /** Since the counting began. */
  readonly atNs: number;
  /** In [0, 1]. */
  readonly deadRatio: number;
}

/** Counts from its construction on, when none of the views says dead. */
export class DeadViews {
  readonly #sinceNs: number;
  readonly #viewCount: number;
  #deadCount = 0;
  #firstNs: number | undefined = undefined;
  #halfNs: number | undefined = undefined;
  #allNs: number | undefined = undefined;
  #noneNs: number | undefined = undefined;
  /** By how many there were more at the end of each ms; a key for each ms with a change. */
  readonly #changes = new Map<number, number>();

  /** `counts` says whether a view is among the `viewCount` that are looked at. */
  constructor(
    world: World,
    viewCount: number,
    counts: (observer: number, subject: number) => boolean,
  ) {
    this.#sinceNs = world.nowNs;
    this.#viewCount = viewCount;
    world.observations.subscribe(Observed.dead, ({ atNs, node, a }) => {
      if (counts(node, a)) this.#change(atNs - this.#sinceNs, 1);
    });
    world.observations.subscribe(Observed.alive, ({ atNs, node, a }) => {
      if (counts(node, a)) this.#change(atNs - this.#sinceNs, -1);
    });
  }

  /** The share that says dead now, in [0, 1]; 1 when there is no view to look at. */
  get deadRatio(): number {
    return this.#viewCount === 0 ? 1 : this.#deadCount / this.#viewCount;
  }

  /** When the first said dead, since the beginning. */
  get firstNs(): number | undefined {
    return this.#firstNs;
  }

  /** When half of them said dead for the first time. */
  get halfNs(): number | undefined {
    return this.#halfNs;
  }

  /** When all of them said dead for the first time. */
  get allNs(): number | undefined {
    return this.#allNs;
  }

  /** When the last that said dead no longer did; `undefined` while one does or none ever did. */
  get noneNs(): number | undefined {
    return this.#noneNs;
  }

  /** The first and last instants, in ms, and of those between as many as the limit allows. */
  curve(): CurvePoint[] {
    const points: CurvePoint[] = [];
    let deadCount = 0;
    for (const [millisecond, change] of this.#changes) {
      deadCount += change;
      const atNs = millisecond * MILLISECOND_NS;
      points.push({ atNs, deadRatio: deadCount / this.#viewCount });
    }
    const step = Math.max(1, Math.ceil(points.length / CURVE_POINTS_MAX));
    return points.filter((_, i) => i === 0 || i === points.length - 1 || i % step === 0);
  }

  #change(atNs: number, change: 1 | -1): void {
    this.#deadCount += change;
    this.#firstNs ??= atNs;
    if (this.#deadCount * 2 >= this.#viewCount) this.#halfNs ??= atNs;
    if (this.#deadCount === this.#viewCount) this.#allNs ??= atNs;
    this.#noneNs = this.#deadCount === 0 ? atNs : undefined;
    const millisecond = Math.ceil(atNs / MILLISECOND_NS);
    this.#changes.set(millisecond, (this.#changes.get(millisecond) ?? 0) + change);
  }
}
