/**
 * A conversation that was watched, as the tables that `swarmlab explain packet` draws: its first
 * packet and the answer, with a remedy where one was dropped.
 */
import type { Watch } from '../../net/watch.ts';
import { packetWalksOf } from '../../scenarios/explain/packet-walks.ts';
import { remedyOf } from '../../scenarios/explain/remedies.ts';
import { rowsOf } from '../../scenarios/explain/rows.ts';
import { table } from '../../scenarios/report/style.ts';

/** The lines of both tables; `names` are namespaces' names for people. */
export function walkLines(watch: Watch, names: Readonly<Record<string, string>> = {}): string[] {
  const lines: string[] = [];
  const walks = packetWalksOf(watch.ways, names).filter(({ title }) => !title.includes(', sent'));
  for (const walk of walks.slice(0, 2)) {
    const rows = rowsOf(walk.steps, false).map((row) => [
      names[row.namespace] ?? row.namespace,
      row.place,
      row.chain,
      row.text,
    ]);
    lines.push(`-- ${walk.title}`, table(rows, ['left', 'left', 'left', 'left']));
    const remedy = remedyOf(walk);
    if (remedy !== '') lines.push(`   to mend it: ${remedy}`);
  }
  return lines;
}
