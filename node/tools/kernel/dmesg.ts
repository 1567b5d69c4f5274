/**
 * `dmesg` of util-linux: the kernel's log. Containers may not read it.
 */
import { SECOND_NS } from '../../../sim/time.ts';
import { parseOptions } from '../options.ts';
import type { Process } from '../process.ts';
import { wallClockText } from '../wall-clock.ts';

const LONGS = { ctime: 'flag', clear: 'flag', 'read-clear': 'flag', notime: 'flag' } as const;

/** `dmesg [-T|-t] [-c|-C]` */
export function dmesg(process: Process, argv: readonly string[]): void {
  const options = parseOptions('dmesg', argv, 'TtcCHk', LONGS);
  if (typeof options === 'string') {
    process.fail(1, `${options}\nTry 'dmesg --help' for more information.\n`);
    return;
  }
  const { namespace, daemon } = process.place;
  if (!namespace.isInitial && daemon === undefined) {
    process.fail(1, 'dmesg: read kernel buffer failed: Operation not permitted\n');
    return;
  }
  const { log } = namespace.host;
  const timeOf = (atNs: number): string => {
    if (options.has('t', 'notime')) return '';
    if (!options.has('T', 'ctime')) return `[${(atNs / SECOND_NS).toFixed(6).padStart(12)}] `;
    return `[${wallClockText(atNs)
      .replace(' UTC', '')
      .replace(/ 0(\d) /, '  $1 ')}] `;
  };
  if (!options.has('C', 'clear')) {
    process.print(log.lines.map(({ atNs, text }) => `${timeOf(atNs)}${text}\n`).join(''));
  }
  if (options.has('C', 'c', 'clear', 'read-clear')) log.clear();
  process.exit(0);
}
