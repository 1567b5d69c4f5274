/**
 * `ss` of iproute2 6.1: the sockets of a namespace, by protocol and state. Mirrors misc/ss.c.
 */
import type { Namespace } from '../../../net/namespace.ts';
import { socketCounts } from '../../../net/proc/sockets.ts';
import { serviceOfPort } from '../../../net/services.ts';
import { formatSockets } from '../../../net/socket/show.ts';
import { type Options, parseOptions } from '../options.ts';
import type { Process } from '../process.ts';
import { parseSsFilter } from './ss-filter.ts';

const LONGS = {
  tcp: 'flag',
  udp: 'flag',
  sctp: 'flag',
  raw: 'flag',
  unix: 'flag',
  listening: 'flag',
  all: 'flag',
  numeric: 'flag',
  options: 'flag',
  extended: 'flag',
  memory: 'flag',
  processes: 'flag',
  info: 'flag',
  summary: 'flag',
  ipv4: 'flag',
  ipv6: 'flag',
  'no-header': 'flag',
  oneline: 'flag',
  family: 'value',
  help: 'flag',
  version: 'flag',
} as const;

const USAGE = `Usage: ss [ OPTIONS ]
       ss [ OPTIONS ] [ FILTER ]
   -h, --help          this message
   -V, --version       output version information
   -n, --numeric       don't resolve service names
   -r, --resolve       resolve host names
   -a, --all           display all sockets
   -l, --listening     display listening sockets
   -o, --options       show timer information
   -e, --extended      show detailed socket information
   -m, --memory        show socket memory usage
   -p, --processes     show process using socket
   -T, --threads       show thread using socket
   -i, --info          show internal TCP information
       --tipcinfo      show internal tipc socket information
   -s, --summary       show socket usage summary
       --tos           show tos and priority information
       --cgroup        show cgroup information
   -b, --bpf           show bpf filter socket information
   -E, --events        continually display sockets as they are destroyed
   -Z, --context       display task SELinux security contexts
   -z, --contexts      display task and socket SELinux security contexts
   -N, --net           switch to the specified network namespace name

   -4, --ipv4          display only IP version 4 sockets
   -6, --ipv6          display only IP version 6 sockets
   -0, --packet        display PACKET sockets
   -t, --tcp           display only TCP sockets
   -M, --mptcp         display only MPTCP sockets
   -S, --sctp          display only SCTP sockets
   -u, --udp           display only UDP sockets
   -d, --dccp          display only DCCP sockets
   -w, --raw           display only RAW sockets
   -x, --unix          display only Unix domain sockets
       --tipc          display only TIPC sockets
       --vsock         display only vsock sockets
       --xdp           display only XDP sockets
   -f, --family=FAMILY display sockets of type FAMILY
       FAMILY := {inet|inet6|link|unix|netlink|vsock|tipc|xdp|help}

   -K, --kill          forcibly close sockets, display what was closed
   -H, --no-header     Suppress header line
   -O, --oneline       socket's data printed on a single line
       --inet-sockopt  show various inet socket options

   -A, --query=QUERY, --socket=QUERY
       QUERY := {all|inet|tcp|mptcp|udp|raw|unix|unix_dgram|unix_stream|unix_seqpacket|packet|\
packet_raw|packet_dgram|netlink|dccp|sctp|vsock_stream|vsock_dgram|tipc|xdp}[,QUERY]

   -D, --diag=FILE     Dump raw information about TCP sockets to FILE
   -F, --filter=FILE   read filter information from FILE
       FILTER := [ state STATE-FILTER ] [ EXPRESSION ]
       STATE-FILTER := {all|connected|synchronized|bucket|big|TCP-STATES}
         TCP-STATES := {established|syn-sent|syn-recv|fin-wait-{1,2}|time-wait|closed|close-wait|\
last-ack|listening|closing}
          connected := {established|syn-sent|syn-recv|fin-wait-{1,2}|time-wait|close-wait|\
last-ack|closing}
       synchronized := {established|syn-recv|fin-wait-{1,2}|time-wait|close-wait|last-ack|closing}
             bucket := {syn-recv|time-wait}
                big := {established|syn-sent|fin-wait-{1,2}|closed|close-wait|last-ack|listening|\
closing}
`;

/** Exit status where iproute2 exits with -1. */
const WRONG = 255;

/** `ss [-tuSwx] [-la] [-4 -6] [-n -p -o -e -m -i -s] [-H -O] [filter]`; of no kind, all. */
export function ss(process: Process, argv: readonly string[]): void {
  const options = parseOptions('ss', argv, 'tuSwxlanp46HieomOshVf:', LONGS);
  if (typeof options === 'string') {
    process.fail(WRONG, `${options}\n${USAGE}`);
    return;
  }
  if (options.has('h', 'help')) {
    process.print(USAGE);
    process.exit(0);
  } else if (options.has('V', 'version')) {
    process.print('ss utility, iproute2-6.1.0\n');
    process.exit(0);
  } else if (options.has('s', 'summary')) {
    process.print(summaryOf(process.place.namespace));
    process.exit(0);
  } else list(process, options);
}

function list(process: Process, options: Options): void {
  const filter = parseSsFilter(options.operands);
  if (typeof filter === 'string') {
    const isSyntax = filter.startsWith('ss: bison');
    process.fail(filter.startsWith('ss:') ? WRONG : 1, `${filter}\n${isSyntax ? USAGE : ''}`);
    return;
  }
  const isTcp = options.has('t', 'tcp');
  const isUdp = options.has('u', 'udp');
  const isSctp = options.has('S', 'sctp');
  const isOther = options.has('w', 'raw', 'x', 'unix');
  const isAny = !isTcp && !isUdp && !isSctp && !isOther;
  const text = formatSockets(process.place.namespace.sockets, {
    tcp: isTcp || isAny,
    udp: isUdp || isAny,
    sctp: isSctp || isAny,
    listening: options.has('l', 'listening') && !options.has('a', 'all'),
    all: options.has('a', 'all') || filter.includesAll,
    filter: filter.test,
    hidesState: filter.onlyState !== undefined,
    ...(options.has('n', 'numeric') ? {} : { portName: serviceOfPort }),
    hasHeader: !options.has('H', 'no-header'),
    family: familyOf(options),
    details: {
      program: options.has('p', 'processes'),
      timer: options.has('o', 'options', 'e', 'extended'),
      numbers: options.has('e', 'extended'),
      memory: options.has('m', 'memory'),
      information: options.has('i', 'info'),
      isOneLine: options.has('O', 'oneline'),
    },
  });
  process.print(text);
  process.exit(0);
}

function familyOf(options: Options): 'ipv4' | 'ipv6' | undefined {
  const named = options.value('f', 'family');
  if (options.has('4', 'ipv4') || named === 'inet') return 'ipv4';
  return options.has('6', 'ipv6') || named === 'inet6' ? 'ipv6' : undefined;
}

/** `ss -s`. */
function summaryOf(namespace: Namespace): string {
  const [own, other] = [socketCounts(namespace, 'ipv4'), socketCounts(namespace, 'ipv6')];
  const sum = (pick: (counts: typeof own) => number) => pick(own) + pick(other);
  const inUse = sum(({ tcp }) => tcp.inUse);
  const timeWaits = sum(({ tcp }) => tcp.timeWaits);
  const established = sum(({ tcp }) => tcp.established);
  const orphaned = sum(({ tcp }) => tcp.orphans);
  const row = (name: string, four: number, six: number) =>
    `${name}\t  ${[four + six, four, six].map((count) => String(count).padEnd(9)).join(' ')}\n`;
  return (
    `Total: ${inUse + sum(({ udp }) => udp)}\n` +
    `TCP:   ${inUse + timeWaits} (estab ${established}, closed ${timeWaits}, ` +
    `orphaned ${orphaned}, timewait ${timeWaits})\n\n` +
    'Transport Total     IP        IPv6\n' +
    row('RAW', 0, 0) +
    row('UDP', own.udp, other.udp) +
    row('TCP', own.tcp.inUse, other.tcp.inUse) +
    row('INET', own.tcp.inUse + own.udp, other.tcp.inUse + other.udp) +
    `${row('FRAG', namespace.reassembly.count, namespace.ipv6.reassembly.count)}\n`
  );
}
