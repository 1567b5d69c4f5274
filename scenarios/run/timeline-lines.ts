/**
 * The timeline that people read: what was done, and what came of it, in the order of virtual time.
 * Of the gossip only the turning points are told: the first suspicion, the first and the last who
 * declares a death, the last who holds somebody alive again.
 */
import { SECOND_NS } from '../../sim/time.ts';
import type { TimelineLine } from '../result.ts';
import { survivorsOf, witnessesOf } from './measures.ts';
import type { RunRecord } from './run-record.ts';
import { isHealthy } from './service-health.ts';
import { isFault, isReturn, isSubtle } from './timeline-events.ts';

/** A line that was noted while the run went on (stack deployed, traffic started). */
export type NotedLine = TimelineLine;

/** All lines of a run, in order. */
export function timelineLines(record: RunRecord, noted: readonly NotedLine[]): TimelineLine[] {
  const lines = [
    ...noted,
    ...eventLines(record),
    ...commandLines(record),
    ...membershipLines(record),
    ...managerLines(record),
    ...serviceLines(record),
    ...checkerLines(record),
  ];
  return lines
    .map((line, i) => ({ line, i }))
    .sort((a, b) => a.line.atNs - b.line.atNs || a.i - b.i)
    .map(({ line }) => line);
}

function eventLines(record: RunRecord): TimelineLine[] {
  return record.events.map((event) => ({
    atNs: event.atNs,
    topic: isFault(event) ? 'fault' : 'operation',
    node: event.nodes.length === 1 ? record.nodes.names[event.nodes[0]!]! : '',
    text: event.text,
  }));
}

function commandLines(record: RunRecord): TimelineLine[] {
  return record.commands.map(({ atSeconds, place, command, status }) => ({
    atNs: Math.round(atSeconds * SECOND_NS),
    topic: 'exec',
    node: place.split(' ')[0]!,
    text: `${command} (exit status ${status})`,
  }));
}

function membershipLines(record: RunRecord): TimelineLine[] {
  const { names } = record.nodes;
  const lines: TimelineLine[] = [];
  const add = (atNs: number | undefined, node: number, text: string) => {
    if (atNs !== undefined) lines.push({ atNs, topic: 'membership', node: names[node]!, text });
  };
  for (const event of record.events) {
    const observers = survivorsOf(record, event);
    const { changes } = record.membership;
    for (const subject of event.nodes) {
      const first = (opinion: string) =>
        changes.find(
          (c) =>
            c.subject === subject &&
            c.opinion === opinion &&
            c.atNs >= event.atNs &&
            observers.has(c.observer),
        );
      if (isFault(event) && !isSubtle(event)) {
        const suspicion = first('suspect');
        if (suspicion !== undefined) {
          add(suspicion.atNs, subject, `first suspected, by ${names[suspicion.observer]}`);
        }
        const death = first('dead');
        if (death !== undefined) {
          add(death.atNs, subject, `first declared dead, by ${names[death.observer]}`);
        }
        const last = record.membership.last(subject, 'dead', event.atNs, observers);
        add(last, subject, `dead for all ${observers.size} survivors`);
      }
      if (isReturn(event)) {
        const witnesses = witnessesOf(record, event, subject);
        if (witnesses.size === 0) continue;
        const last = record.membership.last(subject, 'alive', event.atNs, witnesses);
        add(last, subject, `alive again for all ${witnesses.size} that doubted`);
      }
    }
  }
  return lines;
}

function managerLines(record: RunRecord): TimelineLine[] {
  const firstEventNs = record.events[0]?.atNs ?? Number.POSITIVE_INFINITY;
  return record.nodeStatuses
    .filter((change) => change.atNs >= firstEventNs)
    .map((change) => ({
      atNs: change.atNs,
      topic: 'manager',
      node: record.nodes.names[change.node]!,
      text: `node is ${change.state}`,
    }));
}

function serviceLines(record: RunRecord): TimelineLine[] {
  return record.services.services.flatMap((service) => {
    const lines: TimelineLine[] = [];
    let wasHealthy = false;
    let wasEverHealthy = false;
    for (const change of record.services.changesOf(service)) {
      const healthy = isHealthy(change);
      const { atNs, running, wanted } = change;
      if (healthy !== wasHealthy && (healthy || wasEverHealthy)) {
        const state = healthy ? 'healthy' : 'degraded';
        const text = `${service} is ${state}, ${running} of ${wanted} tasks run`;
        lines.push({ atNs, topic: 'service', node: '', text });
      }
      wasHealthy = healthy;
      wasEverHealthy ||= healthy;
    }
    return lines;
  });
}

function checkerLines(record: RunRecord): TimelineLine[] {
  return record.checkers.flatMap(({ name, violations }) =>
    violations.slice(0, 3).map((violation) => ({
      atNs: record.endNs,
      topic: 'checker',
      node: '',
      text: `${name}: ${violation}`,
    })),
  );
}
