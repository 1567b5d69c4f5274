/**
 * An explanation as people read it: a line per packet, under it the table of its way, and at the end
 * what went wrong first and why.
 */
import { formatDuration, formatInstant } from '../../sim/time.ts';
import type { Explanation, PacketWalk } from '../explain/explanation.ts';
import { rowsOf } from '../explain/rows.ts';
import { type Paint, painter, type Tone, table } from './style.ts';

/** Options of {@link formatExplanation}. */
export interface ExplanationOptions {
  readonly hasColour: boolean;
  /** Every step gets a row, and every packet its table. */
  readonly isWhole: boolean;
}

const FATE_TONES = { delivered: 'good', dropped: 'bad', unfinished: 'fault' } as const;
const FATE_WORDS = {
  delivered: 'delivered to',
  dropped: 'dropped at',
  unfinished: 'last seen at',
} as const;

/** Renders an explanation, a final newline included. */
export function formatExplanation(explanation: Explanation, options: ExplanationOptions): string {
  const paint = painter(options.hasColour);
  const sections = [heading(explanation, paint)];
  let wasLine = false;
  explanation.packets.forEach((packet, index) => {
    const line = packetLine(explanation, packet, index, paint);
    const isFolded = !options.isWhole && packet.sameAs !== undefined;
    if (isFolded) {
      const text = `${line}${paint('quiet', `  (as packet ${packet.sameAs! + 1})`)}`;
      if (wasLine) sections.push(`${sections.pop()}\n${text}`);
      else sections.push(text);
    } else sections.push(`${line}\n${walkTable(explanation, packet, options, paint)}`);
    wasLine = isFolded;
  });
  sections.push(...diagnosisSections(explanation, paint));
  return `${sections.join('\n\n')}\n`;
}

/**
 * The short answer of `--why-not`: where it first went wrong, why, and what would mend it; a final
 * newline included.
 */
export function formatWhyNot(explanation: Explanation, hasColour: boolean): string {
  const paint = painter(hasColour);
  const { diagnosis, packets, planes } = explanation;
  const head = heading(explanation, paint);
  if (diagnosis === undefined) return `${head}\n${paint('good', 'Nothing went wrong.')}\n`;
  const walk = diagnosis.packet === undefined ? undefined : packets[diagnosis.packet];
  const rows = [
    ['where', walk === undefined ? '' : walk.place],
    ['what', paint('bad', diagnosis.text)],
    ['by', diagnosis.choice],
    ['to blame', planes === undefined ? '' : planes.verdict],
    ['to mend', diagnosis.remedy],
  ].filter(([, text]) => text !== '');
  const lines = table(rows, ['left', 'left']).split('\n');
  return `${head}\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}

function heading(explanation: Explanation, paint: Paint): string {
  const { subject, sentAtNs, endedAtNs, outcome, server, scenario, seed } = explanation;
  const by = server === '' ? '' : ` by ${server}`;
  const span = formatDuration(endedAtNs - sentAtNs);
  const isGood = outcome === 'ok';
  const end = paint(isGood ? 'good' : 'bad', isGood ? `answered${by}` : outcome);
  const when = `sent at ${formatInstant(sentAtNs)}, ${end} after ${span}`;
  return `${paint('strong', subject)}: ${when}\n${paint('quiet', `${scenario}, seed ${seed}`)}`;
}

/** `1. SYN  at +0.000 ms  outside → manager-1  delivered to …`. */
function packetLine(
  explanation: Explanation,
  packet: PacketWalk,
  index: number,
  paint: Paint,
): string {
  const { title, hosts, fate, place, reason } = packet;
  const because = reason === '' ? '' : `: ${reason}`;
  return [
    paint('strong', `${index + 1}. ${title}`),
    `at ${offsetText(packet.sentAtNs - explanation.sentAtNs)}`,
    hosts.join(' → '),
    paint(FATE_TONES[fate], `${FATE_WORDS[fate]} ${place}${because}`),
  ].join('  ');
}

function walkTable(
  explanation: Explanation,
  packet: PacketWalk,
  options: ExplanationOptions,
  paint: Paint,
): string {
  let namespace = '';
  let atNs = -1;
  const rows = rowsOf(packet.steps, options.isWhole).map((row) => {
    const isSameTime = row.atNs === atNs;
    const isSamePlace = row.namespace === namespace && isSameTime;
    atNs = row.atNs;
    namespace = row.namespace;
    const tone: Tone | undefined = row.isDrop ? 'bad' : row.isRewrite ? 'fault' : undefined;
    return [
      isSameTime ? '' : paint('quiet', offsetText(row.atNs - explanation.sentAtNs)),
      isSamePlace ? '' : (explanation.namespaceNames[row.namespace] ?? row.namespace),
      row.place,
      row.chain,
      tone === undefined ? row.text : paint(tone, row.text),
    ];
  });
  const text = table(rows, ['right', 'left', 'left', 'left', 'left']);
  return text
    .split('\n')
    .map((line) => `   ${line}`)
    .join('\n');
}

function diagnosisSections(explanation: Explanation, paint: Paint): string[] {
  const { diagnosis } = explanation;
  if (diagnosis === undefined) return [paint('good', 'Nothing went wrong.')];
  const which = diagnosis.packet === undefined ? '' : `packet ${diagnosis.packet + 1}, `;
  const lines = [
    `${paint('strong', 'Where it went wrong')}`,
    `  ${which}at ${formatInstant(diagnosis.atNs)}: ${paint('bad', diagnosis.text)}`,
  ];
  if (diagnosis.choice !== '') lines.push(`  ${diagnosis.choice}`);
  if (diagnosis.remedy !== '') lines.push(`  to mend it: ${diagnosis.remedy}`);
  const sections = [lines.join('\n'), ...planesSection(explanation, paint)];
  if (diagnosis.history.length === 0) return sections;
  const rows = diagnosis.history.map((line) => [
    paint('quiet', formatInstant(line.atNs)),
    line.topic,
    line.node,
    line.text,
  ]);
  const history = table(rows, ['right', 'left', 'left', 'left']);
  const indented = history.split('\n').map((line) => `  ${line}`);
  return [...sections, `${paint('strong', 'Why')}\n${indented.join('\n')}`];
}

/** Which plane failed, and what the others said at that instant. */
function planesSection({ planes }: Explanation, paint: Paint): string[] {
  if (planes === undefined) return [];
  const rows = [
    ['to blame', paint('fault', planes.verdict)],
    ['data plane', planes.dataPlane],
    ['gossip', planes.gossip],
    ['manager', planes.management],
  ].filter(([, text]) => text !== '');
  const lines = table(rows, ['left', 'left']).split('\n');
  return [`${paint('strong', 'Which plane')}\n${lines.map((line) => `  ${line}`).join('\n')}`];
}

/** `+1.203 ms`. */
function offsetText(spanNs: number): string {
  return `+${(spanNs / 1e6).toFixed(3)} ms`;
}
