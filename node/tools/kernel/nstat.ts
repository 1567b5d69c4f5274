/**
 * `nstat` of iproute2 6.1: the counters of a namespace, and by how much they have grown since it was
 * last asked. Mirrors misc/nstat.c.
 *
 * What it remembers is the file `/tmp/.nstat.u0`, which lives as long as the command line.
 */
import type { Namespace } from '../../../net/namespace.ts';
import { netstatOf, snmp6Of, snmpOf } from '../../../net/proc/mib.ts';
import { parseOptions } from '../options.ts';
import type { Process } from '../process.ts';

const USAGE = `Usage: nstat [OPTION] [ PATTERN [ PATTERN ] ]
   -h, --help          this message
   -a, --ignore        ignore history
   -d, --scan=SECS     sample every statistics every SECS
   -j, --json          format output in JSON
   -n, --nooutput      do history only
   -p, --pretty        pretty print
   -r, --reset         reset history
   -s, --noupdate      don't update history
   -t, --interval=SECS report average over the last SECS
   -V, --version       output version information
   -z, --zeros         show entries with zero activity
`;

const LONGS = {
  help: 'flag',
  ignore: 'flag',
  json: 'flag',
  nooutput: 'flag',
  pretty: 'flag',
  reset: 'flag',
  noupdate: 'flag',
  version: 'flag',
  zeros: 'flag',
} as const;

const HISTORY_PATH = '/tmp/.nstat.u0';
/** No counters, but facts. */
const FACTS: readonly string[] = [
  'IpForwarding',
  'IpDefaultTTL',
  'TcpRtoAlgorithm',
  'TcpRtoMin',
  'TcpRtoMax',
  'TcpMaxConn',
  'TcpCurrEstab',
];

/** `nstat [-a] [-z] [-n] [-r] [-s] [-j] [PATTERN …]`. */
export function nstat(process: Process, argv: readonly string[]): void {
  const options = parseOptions('nstat', argv, 'hajnprsVz', LONGS);
  if (typeof options === 'string') {
    process.fail(255, `${options}\n${USAGE}`);
    return;
  }
  if (options.has('h', 'help') || options.has('V', 'version')) {
    process.print(options.has('V', 'version') ? 'nstat utility, iproute2-6.1.0\n' : USAGE);
    process.exit(0);
    return;
  }
  const { place, files } = process;
  const now = countersOf(place.namespace);
  const ignoresHistory = options.has('a', 'ignore', 'r', 'reset');
  const history = ignoresHistory ? new Map() : historyOf(files.text(HISTORY_PATH, place) ?? '');
  const isWanted = patternOf(options.operands);
  const shown = now
    .map(([name, value]) => [name, value - (history.get(name) ?? 0)] as const)
    .filter(([name, value]) => isWanted(name) && (value !== 0 || options.has('z', 'zeros')));
  if (!options.has('n', 'nooutput')) {
    process.print(options.has('j', 'json') ? jsonText(shown) : plainText(shown));
  }
  if (!options.has('s', 'noupdate')) {
    files.write(HISTORY_PATH, new TextEncoder().encode(plainText(now)));
  }
  process.exit(0);
}

function plainText(counters: readonly (readonly [string, number])[]): string {
  const lines = counters.map(
    ([name, value]) => `${name.padEnd(32)}${String(value).padEnd(16)}   0.0\n`,
  );
  return `#kernel\n${lines.join('')}`;
}

function jsonText(counters: readonly (readonly [string, number])[]): string {
  return `${JSON.stringify({ kernel: Object.fromEntries(counters) })}\n`;
}

function historyOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [name = '', value = '0'] = line.split(/\s+/);
      return [name, Number(value)] as const;
    }),
  );
}

/** The counters in the order of the files: snmp, snmp6, netstat. */
function countersOf(namespace: Namespace): (readonly [string, number])[] {
  const grouped = (groups: ReturnType<typeof snmpOf>) =>
    groups.flatMap(({ name, values }) =>
      values.map(([key, value]) => [name + key, value] as const),
    );
  const plain = grouped(snmpOf(namespace)).filter(([name]) => !name.startsWith('IcmpMsg'));
  const messages = grouped(snmpOf(namespace)).filter(([name]) => name.startsWith('IcmpMsg'));
  const all = [...plain, ...messages, ...snmp6Of(namespace), ...grouped(netstatOf(namespace))];
  return all.filter(([name]) => !FACTS.includes(name));
}

/** Patterns of a shell, any of which may fit. */
function patternOf(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.length === 0) return () => true;
  const expressions = patterns.map((pattern) => {
    const escaped = pattern.replaceAll(/[.+^${}()|\\]/g, '\\$&');
    return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i');
  });
  return (name) => expressions.some((expression) => expression.test(name));
}
