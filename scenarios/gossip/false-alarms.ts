/**
 * Suspicions and deaths of members that run and can be reached, from an instant on.
 *
 * An accusation spreads to all others, so it is counted in two ways: once for each member that
 * believed it, as memberlist's own statistics would add up, and once for each member accused, from
 * the first that believes it to the last that no longer does, as an operator counts.
 */
import { Observed } from '../../gossip/observed.ts';
import type { ObservationKind } from '../../sim/observations.ts';
import type { World } from '../../sim/world.ts';

/** What was counted. */
export interface AlarmCounts {
  /** Suspicions, summed over the members that held them. */
  readonly suspicions: number;
  /** Deaths, summed over the members that held them. */
  readonly deaths: number;
  /** Times that a member was dead to anybody, however many that were. */
  readonly deadMembers: number;
  readonly refutations: number;
}

/** Counts from its construction on. */
export class FalseAlarms {
  #suspicions = 0;
  #deaths = 0;
  #deadMembers = 0;
  #refutations = 0;
  /** How many members hold each dead. */
  readonly #deadTo: Int32Array;

  /** `isFalse` says whether it is wrong of the observer to accuse the subject now. */
  constructor(
    world: World,
    memberCount: number,
    isFalse: (observer: number, subject: number) => boolean,
  ) {
    this.#deadTo = new Int32Array(memberCount);
    const hear = (kind: ObservationKind, handle: (observer: number, subject: number) => void) => {
      world.observations.subscribe(kind, ({ node, a }) => handle(node, a));
    };
    hear(Observed.suspect, (observer, subject) => {
      if (isFalse(observer, subject)) this.#suspicions++;
    });
    hear(Observed.dead, (observer, subject) => {
      if (!isFalse(observer, subject)) return;
      this.#deaths++;
      if (this.#deadTo[subject]!++ === 0) this.#deadMembers++;
    });
    hear(Observed.alive, (_observer, subject) => {
      if (this.#deadTo[subject]! > 0) this.#deadTo[subject]!--;
    });
    hear(Observed.refute, () => {
      this.#refutations++;
    });
  }

  /** What was counted so far. */
  counts(): AlarmCounts {
    return {
      suspicions: this.#suspicions,
      deaths: this.#deaths,
      deadMembers: this.#deadMembers,
      refutations: this.#refutations,
    };
  }
}
