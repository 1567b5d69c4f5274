/**
 * Who held whom for what, and when: the membership observations of a run, by node, and the
 * questions that measures ask of them.
 */
import { observationKind, type Observations } from '../../sim/observations.ts';

/** What an observer came to hold of a subject. */
export type MemberOpinion = 'alive' | 'suspect' | 'dead' | 'left';

/** One change of mind. */
export interface MembershipChange {
  readonly atNs: number;
  readonly observer: number;
  readonly subject: number;
  readonly opinion: MemberOpinion;
}

const OPINIONS: readonly MemberOpinion[] = ['alive', 'suspect', 'dead', 'left'];

/** Records membership observations; members are translated to the nodes that they run on. */
export class MembershipRecord {
  readonly changes: MembershipChange[] = [];
  refutationCount = 0;

  constructor(observations: Observations, nodeOfMember: (member: number) => number) {
    for (const opinion of OPINIONS) {
      observations.subscribe(observationKind(`membership.${opinion}`), ({ atNs, node, a }) => {
        const observer = nodeOfMember(node);
        const subject = nodeOfMember(a);
        if (observer !== subject) this.changes.push({ atNs, observer, subject, opinion });
      });
    }
    observations.subscribe(observationKind('membership.refute'), () => this.refutationCount++);
  }

  /** When any of `observers` first held `subject` for this, from `fromNs` on. */
  first(
    subject: number,
    opinion: MemberOpinion,
    fromNs: number,
    observers: ReadonlySet<number>,
  ): number | undefined {
    return this.changes.find(
      (change) =>
        change.subject === subject &&
        change.opinion === opinion &&
        change.atNs >= fromNs &&
        observers.has(change.observer),
    )?.atNs;
  }

  /** When the last of `observers` came to hold `subject` for this; `undefined` while one has not. */
  last(
    subject: number,
    opinion: MemberOpinion,
    fromNs: number,
    observers: ReadonlySet<number>,
  ): number | undefined {
    const waiting = new Set(observers);
    for (const change of this.changes) {
      if (change.subject !== subject || change.opinion !== opinion || change.atNs < fromNs) continue;
      waiting.delete(change.observer);
      if (waiting.size === 0) return change.atNs;
    }
    return undefined;
  }

  /** Deaths that were declared although `isUp` says that the subject was up and reachable. */
  falsePositives(isUp: (subject: number, observer: number, atNs: number) => boolean): MembershipChange[] {
    return this.changes.filter(
      (change) =>
        change.opinion === 'dead' && isUp(change.subject, change.observer, change.atNs),
    );
  }
}
