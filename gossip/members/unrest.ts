/**
 * Why a member cannot be passed over: one byte per member, zero for one that runs in health, has
 * nothing to spread, and is held alive by everybody alike. What happens between two such members
 * changes nothing but counters, and a look at two bytes tells. Each reason is set and cleared by the
 * module that knows it.
 */
import { grown } from './grown.ts';

/** The reasons, as bits. */
export const Reason = {
  /** Its process is stopped or paused. */
  notRunning: 1,
  /** It has broadcasts of its own. */
  broadcasts: 2,
  /** Its delegate may have broadcasts. */
  delegate: 4,
  /** Its health score is not 0. */
  unhealthy: 8,
  /** Not everybody holds it alive alike. */
  disputed: 16,
  /** Its view is not stored with the others'. */
  ownView: 32,
  /** Its configuration is not the cluster's. */
  ownConfig: 64,
} as const;
/** See {@link Reason}. */
export type Reason = (typeof Reason)[keyof typeof Reason];

const AT_FIRST = Reason.notRunning | Reason.disputed | Reason.ownView;

/** The reasons of all members. */
export class Unrest {
  #bits = new Uint8Array(0);

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.#bits = grown(this.#bits, capacity, AT_FIRST);
  }

  /** The member's reasons. */
  of(member: number): number {
    return this.#bits[member]!;
  }

  /** Whether the member has one of these reasons. */
  has(member: number, reasons: number): boolean {
    return (this.#bits[member]! & reasons) !== 0;
  }

  /** Who of the first `memberCount` has one of these reasons, unless they are more than `countMax`. */
  listWith(reasons: number, memberCount: number, countMax: number): number[] | undefined {
    const found: number[] = [];
    for (let member = 0; member < memberCount; member++) {
      if ((this.#bits[member]! & reasons) === 0) continue;
      if (found.length === countMax) return undefined;
      found.push(member);
    }
    return found;
  }

  /** Adds a reason. */
  set(member: number, reason: Reason): void {
    this.#bits[member]! |= reason;
  }

  /** Takes a reason away. */
  clear(member: number, reason: Reason): void {
    this.#bits[member]! &= ~reason;
  }
}
