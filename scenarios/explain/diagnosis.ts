/**
 * The first place where a request went wrong, and what had happened there: taken from the fates of
 * its packets and from the timeline of the whole run.
 */
import type { TimelineLine } from '../result.ts';
import type { Diagnosis, PacketWalk } from './explanation.ts';
import { hostOfNamespace, placeOfNamespace } from './namespace-names.ts';
import { remedyOf } from './remedies.ts';

/** As many lines of history as a reader wants to see. */
const HISTORY_LINES_MAX = 8;

/** Drops that change nothing: a balancer would tell its neighbour of a shorter way, and may not. */
const HARMLESS_REASONS: readonly string[] = ['nat: redirect of a rewritten flow'];

/** Reasons that are told to the sender. */
const RESET_REASONS: readonly string[] = ['TCP port is closed', 'no connection for the segment'];

/** What is known of a request when it is judged. */
export interface Evidence {
  readonly sentAtNs: number;
  readonly endedAtNs: number;
  readonly outcome: string;
  readonly packets: readonly PacketWalk[];
  readonly namespaceNames: Readonly<Record<string, string>>;
  /** The timeline of the whole run. */
  readonly timeline: readonly TimelineLine[];
}

/** Judges; `undefined` when nothing went wrong. */
export function diagnose(evidence: Evidence): Diagnosis | undefined {
  const { packets, outcome } = evidence;
  const isAnswered = outcome === 'ok';
  const dropped = packets.findIndex(
    ({ fate, reason }) => fate === 'dropped' && !HARMLESS_REASONS.includes(reason),
  );
  if (dropped >= 0) {
    const { title, place, reason, steps } = packets[dropped]!;
    if (RESET_REASONS.includes(reason)) {
      const sender = placeOfNamespace(steps.at(-1)!.namespace, evidence.namespaceNames);
      return diagnosisOf(evidence, dropped, `${sender} answered with a RST: ${reason}`);
    }
    const mended = isAnswered ? '; it was sent again' : '';
    return diagnosisOf(evidence, dropped, `${title} was dropped at ${place}: ${reason}${mended}`);
  }
  if (isAnswered) return undefined;
  const error = packets.findIndex(({ title }) => title.includes('RST') || title === 'ICMP');
  if (error >= 0) {
    const { title, steps } = packets[error]!;
    const sender = placeOfNamespace(steps[0]!.namespace, evidence.namespaceNames);
    const what = title === 'ICMP' ? 'an ICMP message' : 'a RST';
    return diagnosisOf(evidence, error, `${sender} answered with ${what}`);
  }
  const unfinished = packets.findIndex((packet) => packet.fate === 'unfinished');
  if (unfinished >= 0) {
    const { title, place } = packets[unfinished]!;
    return diagnosisOf(evidence, unfinished, `${title} was still at ${place} when the watch ended`);
  }
  if (packets.length === 0) return withoutPacket(evidence);
  const last = packets.findLastIndex((packet) => packet.place !== packets.at(-1)!.place);
  const silent = packets[last < 0 ? packets.length - 1 : last]!;
  const text = `every packet arrived, but ${silent.place} did not answer in time`;
  return diagnosisOf(evidence, packets.indexOf(silent), text);
}

function withoutPacket({ sentAtNs, outcome }: Evidence): Diagnosis {
  const reasons: Readonly<Record<string, string>> = {
    unresolved: 'the name of the target did not resolve',
    unreachable: 'no packet was sent: no such client runs, or it has no route to the target',
  };
  const text = reasons[outcome] ?? 'no packet was sent';
  const remedies: Readonly<Record<string, string>> = {
    unresolved: 'ask for a name that the sender knows: a service or alias on one of its networks',
    unreachable: 'let the client run, and give it a route to the target',
  };
  const remedy = remedies[outcome] ?? '';
  return { atNs: sentAtNs, packet: undefined, text, remedy, choice: '', history: [] };
}

function diagnosisOf(evidence: Evidence, index: number, text: string): Diagnosis {
  const packet = evidence.packets[index]!;
  const atNs = packet.endedAtNs;
  return {
    atNs,
    packet: index,
    text,
    remedy: remedyOf(packet),
    choice: choiceOf(evidence, index),
    history: historyOf(evidence.timeline, nodesOf(packet), atNs),
  };
}

/** Where ipvs had chosen the destination of this packet's connection. */
function choiceOf({ packets, namespaceNames }: Evidence, index: number): string {
  for (let i = index; i >= 0; i--) {
    const step = packets[i]!.steps.find((s) => s.event === 'schedule');
    if (step === undefined) continue;
    return `ipvs in ${placeOfNamespace(step.namespace, namespaceNames)} had chosen: ${step.detail}`;
  }
  return '';
}

/** The node where it ended; between two nodes, both. */
function nodesOf(packet: PacketWalk): string[] {
  const last = packet.steps.at(-1)!;
  if (packet.fate === 'dropped' && !last.detail.startsWith('underlay')) {
    return [hostOfNamespace(last.namespace)];
  }
  return [...new Set(packet.hosts)];
}

/** The last fault before `atNs` that concerns the nodes, and what followed for those it hit. */
function historyOf(
  timeline: readonly TimelineLine[],
  nodes: readonly string[],
  atNs: number,
): TimelineLine[] {
  const concerns = (line: TimelineLine, names: readonly string[]) =>
    names.some((name) => line.node === name || line.text.split(/[\s,]+/).includes(name));
  const isCause = (line: TimelineLine) =>
    (line.topic === 'fault' || line.topic === 'operation') && line.atNs <= atNs;
  let start = timeline.findLastIndex((line) => isCause(line) && concerns(line, nodes));
  if (start < 0) start = timeline.findLastIndex((line) => isCause(line) && line.node === '');
  const fault = timeline[start];
  if (fault === undefined) return [];
  const hit = fault.node === '' ? nodes : [fault.node];
  const lines: TimelineLine[] = [fault];
  for (const line of timeline.slice(start + 1)) {
    if (!concerns(line, hit)) continue;
    if (line.topic === 'fault' || line.topic === 'operation') break;
    lines.push(line);
  }
  return lines.slice(0, HISTORY_LINES_MAX);
}
