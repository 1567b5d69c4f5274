/**
 * `ss` of iproute2 6.1: the sockets of a namespace, by protocol and state.
 */
import { formatSockets } from '../../../net/socket/show.ts';
import { parseOptions } from '../options.ts';
import type { Process } from '../process.ts';
import { parseSsFilter } from './ss-filter.ts';

const LONGS = {
  tcp: 'flag',
  udp: 'flag',
  sctp: 'flag',
  listening: 'flag',
  all: 'flag',
  numeric: 'flag',
  processes: 'flag',
  ipv4: 'flag',
  'no-header': 'flag',
} as const;

/** `ss [-t] [-u] [-S] [-l] [-a] [-n] [-p] [-4] [-H] [filter]`; without -t, -u and -S, all. */
export function ss(process: Process, argv: readonly string[]): void {
  const options = parseOptions('ss', argv, 'tuSlanp4Hieo', LONGS);
  if (typeof options === 'string') {
    const usage = 'Usage: ss [ OPTIONS ]\n       ss [ OPTIONS ] [ FILTER ]\n';
    process.fail(255, `${options}\n${usage}`);
    return;
  }
  const filter = parseSsFilter(options.operands);
  if (typeof filter === 'string') {
    process.fail(filter.startsWith('ss:') ? 255 : 1, `${filter}\n`);
    return;
  }
  const isTcp = options.has('t', 'tcp');
  const isUdp = options.has('u', 'udp');
  const isSctp = options.has('S', 'sctp');
  const isAny = !isTcp && !isUdp && !isSctp;
  const text = formatSockets(process.place.namespace.sockets, {
    tcp: isTcp || isAny,
    udp: isUdp || isAny,
    sctp: isSctp || isAny,
    listening: options.has('l', 'listening') && !options.has('a', 'all'),
    all: options.has('a', 'all') || filter.includesAll,
    filter: filter.test,
    hidesState: filter.onlyState !== undefined,
  });
  const hasHeader = !options.has('H', 'no-header');
  process.print(hasHeader ? text : text.slice(text.indexOf('\n') + 1));
  process.exit(0);
}
