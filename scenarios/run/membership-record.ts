/**
 * Who held whom for what, and when: the membership observations of a run, by node, and the
 * questions that measures ask of them.
 */
import { type Observations, observationKind } from '../../sim/observations.ts';

/** What an observer came to hold of a subject. */
export type MemberOpinion = 'alive' | 'suspect' | 'dead' | 'left';

/** One change of mind. */
export interface MembershipChange {
  readonly atNs: number;
  readonly observer: number;
  readonly subject: number;
  readonly opinion: MemberOpinion;
  /** A death that was declared of a member whose process ran. */
  readonly isWrong: boolean;
}

/** What the record asks about members. */
export interface MemberFacts {
  /** The node on which a member runs or ran. */
  nodeOf(member: number): number;
  /** True while the member's process runs; a node that boots again has a new member. */
  isRunning(member: number): boolean;
}

const OPINIONS: readonly MemberOpinion[] = ['alive', 'suspect', 'dead', 'left'];

/** Records membership observations; members are translated to the nodes that they run on. */
export class MembershipRecord {
  readonly changes: MembershipChange[] = [];
  refutationCount = 0;

  constructor(observations: Observations, members: MemberFacts) {
    for (const opinion of OPINIONS) {
      observations.subscribe(observationKind(`membership.${opinion}`), ({ atNs, node, a }) => {
        const observer = members.nodeOf(node);
        const subject = members.nodeOf(a);
        if (observer === subject) return;
        const isWrong = opinion === 'dead' && members.isRunning(a) && members.isRunning(node);
        this.changes.push({ atNs, observer, subject, opinion, isWrong });
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
      if (change.subject !== subject || change.opinion !== opinion || change.atNs < fromNs)
        continue;
      waiting.delete(change.observer);
      if (waiting.size === 0) return change.atNs;
    }
    return undefined;
  }

  /** What each node held of a subject just before an instant, as far as it had met it. */
  opinionsBefore(subject: number, atNs: number): Map<number, MemberOpinion> {
    const opinions = new Map<number, MemberOpinion>();
    for (const change of this.changes) {
      if (change.atNs >= atNs) break;
      if (change.subject === subject) opinions.set(change.observer, change.opinion);
    }
    return opinions;
  }

  /** Deaths that were declared of running members that the observer could have reached. */
  falsePositives(
    isReachable: (observer: number, subject: number, atNs: number) => boolean,
  ): MembershipChange[] {
    return this.changes.filter(
      (change) => change.isWrong && isReachable(change.observer, change.subject, change.atNs),
    );
  }
}
