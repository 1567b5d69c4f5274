/**
 * The faults and operations of one run as they happened, with the nodes that they hit and a name
 * that measures and expectations refer to.
 */

/** One thing that the timeline did. */
export interface TimelineEvent {
  /** The entry's own name, or its verb. */
  readonly name: string;
  readonly verb: string;
  readonly atNs: number;
  /** Indexes of the nodes that it is about; empty for operations on services. */
  readonly nodes: readonly number[];
  /** True when it broke something; a restart of a node without power breaks nothing. */
  readonly breaks: boolean;
  /** True when it brought something back. */
  readonly mends: boolean;
  /** `crash worker-2`. */
  readonly text: string;
}

/** Verbs after which something should be noticed and mended. */
export const FAULT_VERBS: ReadonlySet<string> = new Set([
  'crash',
  'restart',
  'pause',
  'partition',
  'drop',
  'delay',
  'starve',
]);

/** Faults that leave every node where it was: nobody has to be missed. */
const SUBTLE_VERBS: ReadonlySet<string> = new Set(['drop', 'delay', 'starve']);

/** Verbs after which members should come back. */
export const RETURN_VERBS: ReadonlySet<string> = new Set(['restart', 'resume', 'heal']);

/** True for what breaks something. */
export function isFault(event: TimelineEvent): boolean {
  return event.breaks;
}

/** True for a fault that leaves every node where it was, though all may suffer from it. */
export function isSubtle(event: TimelineEvent): boolean {
  return SUBTLE_VERBS.has(event.verb);
}

/** True for what mends something. */
export function isReturn(event: TimelineEvent): boolean {
  return event.mends;
}

/** A name for each event that no other has: `crash`, `restart`, `restart-2`. */
export function uniqueNames(events: readonly TimelineEvent[]): Map<TimelineEvent, string> {
  const counts = new Map<string, number>();
  const names = new Map<TimelineEvent, string>();
  for (const event of events) {
    const count = (counts.get(event.name) ?? 0) + 1;
    counts.set(event.name, count);
    names.set(event, count === 1 ? event.name : `${event.name}-${count}`);
  }
  return names;
}
