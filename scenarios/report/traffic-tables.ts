/**
 * When requests failed and how, and who answered the others: two tables under the measures, of all
 * traffics together.
 */
import { formatDuration } from '../../sim/time.ts';
import type { TrafficResult } from '../result.ts';
import { type Paint, table } from './style.ts';

/** More windows than this are counted instead of listed. */
const SHOWN_WINDOWS = 12;

/** The tables, with an empty line between them; empty where there is nothing to say. */
export function trafficTables(traffic: readonly TrafficResult[], paint: Paint): string {
  return [lossTable(traffic, paint), serverTable(traffic, paint)]
    .filter((text) => text !== '')
    .join('\n\n');
}

function lossTable(traffic: readonly TrafficResult[], paint: Paint): string {
  const rows = traffic.flatMap(({ name, lossWindows }) => {
    const shown = lossWindows
      .slice(0, SHOWN_WINDOWS)
      .map((window) => [
        name,
        secondsText(window.fromSeconds),
        secondsText(window.untilSeconds),
        String(window.failed),
        window.kinds.map(({ kind, count }) => `${count} ${kind}`).join(', '),
      ]);
    const rest = lossWindows.slice(SHOWN_WINDOWS);
    const failed = rest.reduce((sum, window) => sum + window.failed, 0);
    if (rest.length > 0) shown.push([name, '', '', String(failed), `in ${rest.length} more`]);
    return shown;
  });
  if (rows.length === 0) return '';
  const head = ['traffic', 'failed from', 'until', 'requests', 'how'];
  return table([quiet(head, paint), ...rows], ['left', 'right', 'right', 'right', 'left']);
}

function serverTable(traffic: readonly TrafficResult[], paint: Paint): string {
  const rows = traffic.flatMap(({ name, servers }) =>
    servers.map(({ server, answered, share }) => [
      name,
      server,
      String(answered),
      `${(share * 100).toFixed(1)}%`,
    ]),
  );
  if (rows.length === 0) return '';
  const head = ['traffic', 'answered by', 'requests', 'share'];
  return table([quiet(head, paint), ...rows], ['left', 'left', 'right', 'right']);
}

function quiet(words: readonly string[], paint: Paint): string[] {
  return words.map((word) => paint('quiet', word));
}

function secondsText(seconds: number): string {
  return formatDuration(Math.round(seconds * 1e9));
}
