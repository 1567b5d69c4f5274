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

/** Renders an explanation, a final newline included. */
export function formatExplanation(explanation: Explanation, options: ExplanationOptions): string {
  const paint = painter(options.hasColour);
  const sections = [heading(explanation, paint)];
  explanation.packets.forEach((packet, index) => {
    sections.push(packetSection(explanation, packet, index, options, paint));
  });
  sections.push(...diagnosisSections(explanation, paint));
  return `${sections.join('\n\n')}\n`;
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

function packetSection(
  explanation: Explanation,
  packet: PacketWalk,
  index: number,
  options: ExplanationOptions,
  paint: Paint,
): string {
  const { title, hosts, fate, place, reason, sameAs } = packet;
  const offset = offsetText(packet.sentAtNs - explanation.sentAtNs);
  const end =
    fate === 'unfinished' ? 'last seen at' : fate === 'dropped' ? 'dropped at' : 'delivered to';
  const fateText = paint(FATE_TONES[fate], `${end} ${place}${reason === '' ? '' : `: ${reason}`}`);
  const line = [
    paint('strong', `${index + 1}. ${title}`),
    `at ${offset}`,
    hosts.join(' → '),
    fateText,
  ].join('  ');
  if (!options.isWhole && sameAs !== undefined) {
    return `${line}\n${paint('quiet', `   went as packet ${sameAs + 1}`)}`;
  }
  return `${line}\n${walkTable(explanation, packet, options, paint)}`;
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
  if (diagnosis.history.length === 0) return [lines.join('\n')];
  const rows = diagnosis.history.map((line) => [
    paint('quiet', formatInstant(line.atNs)),
    line.topic,
    line.node,
    line.text,
  ]);
  const history = table(rows, ['right', 'left', 'left', 'left']);
  const indented = history.split('\n').map((line) => `  ${line}`);
  return [lines.join('\n'), `${paint('strong', 'Why')}\n${indented.join('\n')}`];
}

/** `+1.203 ms`. */
function offsetText(spanNs: number): string {
  return `+${(spanNs / 1e6).toFixed(3)} ms`;
}
