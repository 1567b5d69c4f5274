/**
 * `netstat` of net-tools 2.10: sockets, routes, interfaces, counters. Mirrors netstat.c.
 */
import type { Namespace } from '../../../net/namespace.ts';
import { inodeOf, type ProcFamily, timerOf } from '../../../net/proc/sockets.ts';
import { serviceOfPort } from '../../../net/services.ts';
import { TcpConnection } from '../../../net/socket/tcp/connection.ts';
import { TcpState } from '../../../net/socket/tcp/state.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import { ANY_ADDRESS, LOOPBACK_ADDRESS } from '../../../wire/addresses.ts';
import { formatIp, type IpAddress, isIpv6Address } from '../../../wire/ip-address.ts';
import { type Options, parseOptions } from '../options.ts';
import type { Process } from '../process.ts';
import { interfaceTable, interfaceText } from './interfaces.ts';
import { ipv6RoutingTable, routingTable } from './route.ts';
import { statisticsText } from './statistics.ts';

const USAGE = `usage: netstat [-vWeenNcCF] [<Af>] -r         netstat {-V|--version|-h|--help}
       netstat [-vWnNcaeol] [<Socket> ...]
       netstat { [-vWeenNac] -i | [-cnNe] -M | -s [-6tuw] }

        -r, --route              display routing table
        -i, --interfaces         display interface table
        -g, --groups             display multicast group memberships
        -s, --statistics         display networking statistics (like SNMP)
        -M, --masquerade         display masqueraded connections

        -v, --verbose            be verbose
        -W, --wide               don't truncate IP addresses
        -n, --numeric            don't resolve names
        --numeric-hosts          don't resolve host names
        --numeric-ports          don't resolve port names
        --numeric-users          don't resolve user names
        -N, --symbolic           resolve hardware names
        -e, --extend             display other/more information
        -p, --programs           display PID/Program name for sockets
        -o, --timers             display timers
        -c, --continuous         continuous listing

        -l, --listening          display listening server sockets
        -a, --all                display all sockets (default: connected)
        -F, --fib                display Forwarding Information Base (default)
        -C, --cache              display routing cache instead of FIB
        -Z, --context            display SELinux security context for sockets

  <Socket>={-t|--tcp} {-u|--udp} {-U|--udplite} {-S|--sctp} {-w|--raw}
           {-x|--unix} --ax25 --ipx --netrom
  <AF>=Use '-6|-4' or '-A <af>' or '--<af>'; default: inet
  List of possible address families (which support routing):
    inet (DARPA Internet) inet6 (IPv6) ax25 (AMPR AX.25)${' '}
    netrom (AMPR NET/ROM) rose (AMPR ROSE) ipx (Novell IPX)${' '}
    ddp (Appletalk DDP) x25 (CCITT X.25)${' '}
`;

const LONGS = {
  route: 'flag',
  interfaces: 'flag',
  statistics: 'flag',
  tcp: 'flag',
  udp: 'flag',
  listening: 'flag',
  all: 'flag',
  numeric: 'flag',
  programs: 'flag',
  extend: 'flag',
  timers: 'flag',
  wide: 'flag',
} as const;

const USAGE_STATUS = 3;
/** Columns of an address. */
const END_COLUMNS = 23;

/** What `/proc/net/tcp`'s states are called. */
const STATE_NAMES: Readonly<Record<number, string>> = {
  [TcpState.established]: 'ESTABLISHED',
  [TcpState.synSent]: 'SYN_SENT',
  [TcpState.synReceived]: 'SYN_RECV',
  [TcpState.finWait1]: 'FIN_WAIT1',
  [TcpState.finWait2]: 'FIN_WAIT2',
  [TcpState.timeWait]: 'TIME_WAIT',
  [TcpState.closed]: 'CLOSE',
  [TcpState.closeWait]: 'CLOSE_WAIT',
  [TcpState.lastAck]: 'LAST_ACK',
  [TcpState.listen]: 'LISTEN',
  [TcpState.closing]: 'CLOSING',
};

/** `netstat [-t -u -l -a -n -p -e -o -4 -6]`, `netstat -r`, `netstat -i`, `netstat -s`. */
export function netstat(process: Process, argv: readonly string[]): void {
  const options = parseOptions('netstat', argv, 'rinsatulpeovWwx46FCN', LONGS);
  if (typeof options === 'string') {
    process.fail(USAGE_STATUS, `${options}\n${USAGE}`);
    return;
  }
  const { namespace } = process.place;
  const isNumeric = options.has('n', 'numeric');
  if (options.has('r', 'route')) {
    const format = { isNumeric, isLikeNetstat: true };
    process.print(options.has('6') ? ipv6RoutingTable(namespace) : routingTable(namespace, format));
  } else if (options.has('i', 'interfaces')) process.print(interfacesText(namespace, options));
  else if (options.has('s', 'statistics')) {
    const protocols = { tcp: options.has('t', 'tcp'), udp: options.has('u', 'udp') };
    process.print(statisticsText(namespace, protocols));
  } else process.print(socketsText(namespace, options));
  process.exit(0);
}

function interfacesText(namespace: Namespace, options: Options): string {
  const isAll = options.has('a', 'all');
  if (!options.has('e', 'extend')) return interfaceTable(namespace, isAll);
  const devices = namespace.devices.list().filter(({ isUp }) => isAll || isUp);
  const texts = devices.map((device) => interfaceText(namespace, device));
  return `Kernel Interface table\n${texts.join('')}`;
}

interface SocketLine {
  readonly protocol: string;
  readonly receive: number;
  readonly send: number;
  readonly local: string;
  readonly remote: string;
  readonly state: string;
  readonly inode: number;
  readonly program: string;
  readonly timer: string;
}

function socketsText(namespace: Namespace, options: Options): string {
  const isListening = options.has('l', 'listening');
  const isAll = options.has('a', 'all');
  const title = isAll
    ? '(servers and established)'
    : isListening
      ? '(only servers)'
      : '(w/o servers)';
  const columns = [
    ['User'.padEnd(10), 'Inode'.padEnd(10)],
    ['PID/Program name'.padEnd(20)],
    ['Timer'],
  ];
  const isShown = [
    options.has('e', 'extend'),
    options.has('p', 'programs'),
    options.has('o', 'timers'),
  ];
  const more = columns.flatMap((cells, i) => (isShown[i] === true ? cells : []));
  const head =
    `Active Internet connections ${title}\nProto Recv-Q Send-Q Local Address           ` +
    `Foreign Address         State      ${more.map((cell) => ` ${cell}`).join('')}\n`;
  const lines = linesOf(namespace, options).map((line) => {
    const { protocol, receive, send, local, remote, state, inode, program, timer } = line;
    const queues = `${String(receive).padStart(6)} ${String(send).padStart(6)}`;
    const ends = `${local.padEnd(END_COLUMNS)} ${remote.padEnd(END_COLUMNS)}`;
    const rest = [['0'.padEnd(10), String(inode).padEnd(10)], [program.padEnd(20)], [timer]]
      .flatMap((cells, i) => (isShown[i] === true ? cells : []))
      .map((cell) => ` ${cell}`);
    return `${protocol.padEnd(4)}  ${queues} ${ends} ${state.padEnd(11)}${rest.join('')}\n`;
  });
  const isPlain = !options.has('t', 'tcp', 'u', 'udp', 'w', '4', '6');
  const unix = `Active UNIX domain sockets ${title}\nProto RefCnt Flags       Type       State         I-Node   Path\n`;
  return `${head}${lines.join('')}${isPlain ? unix : ''}`;
}

function linesOf(namespace: Namespace, options: Options): SocketLine[] {
  const isTcp = options.has('t', 'tcp');
  const isUdp = options.has('u', 'udp');
  const isAny = !isTcp && !isUdp;
  const families: ProcFamily[] = [];
  if (!options.has('6')) families.push('ipv4');
  if (!options.has('4')) families.push('ipv6');
  return [
    ...(isTcp || isAny ? families.flatMap((family) => tcpLines(namespace, family, options)) : []),
    ...(isUdp || isAny ? families.flatMap((family) => udpLines(namespace, family, options)) : []),
  ];
}

function tcpLines(
  { sockets, world }: Namespace,
  family: ProcFamily,
  options: Options,
): SocketLine[] {
  const protocol = family === 'ipv6' ? 'tcp6' : 'tcp';
  const isAll = options.has('a', 'all');
  const isListening = options.has('l', 'listening');
  const end = (address: IpAddress, port: number) => endText(address, port, 'tcp', family, options);
  const listeners = sockets
    .listeners()
    .filter((one) => (isAll || isListening) && (one.family === 'ipv4') === (family === 'ipv4'))
    .map((one) => ({
      protocol,
      receive: one.waitingCount,
      send: 0,
      local: end(one.address, one.port),
      remote: end(ANY_ADDRESS, 0),
      state: 'LISTEN',
      inode: inodeOf('tcp', one.address, one.port),
      program: processText(one.program),
      timer: 'off (0.00/0/0)',
    }));
  const endpoints = sockets.endpoints.list().filter((one) => {
    const isMine = isIpv6Address(one.remoteAddress) === (family === 'ipv6');
    return isMine && (isAll || !isListening);
  });
  const connected = endpoints.map((one) => {
    const connection = one instanceof TcpConnection ? one : undefined;
    const { localAddress, localPort, remoteAddress, remotePort } = one;
    const { kind, atNs } = timerOf(one);
    const seconds = kind === 'none' ? 0 : Math.max(0, atNs - world.nowNs) / SECOND_NS;
    const name = kind === 'none' ? 'off' : kind === 'persist' ? 'probe' : kind;
    return {
      protocol,
      receive: connection?.receiveQueueBytes ?? 0,
      send: connection === undefined ? 0 : (connection.sndMax - connection.sndUna) | 0,
      local: end(localAddress, localPort),
      remote: end(remoteAddress, remotePort),
      state: STATE_NAMES[one.state] ?? '',
      inode:
        connection === undefined
          ? 0
          : inodeOf('tcp', localAddress, localPort, remoteAddress, remotePort),
      program: processText(connection?.program ?? ''),
      timer: `${name} (${seconds.toFixed(2)}/${connection?.retransmitCount ?? 0}/0)`,
    };
  });
  return [...listeners, ...connected];
}

function udpLines({ sockets }: Namespace, family: ProcFamily, options: Options): SocketLine[] {
  const isAll = options.has('a', 'all');
  const isListening = options.has('l', 'listening');
  const end = (address: IpAddress, port: number) => endText(address, port, 'udp', family, options);
  return sockets
    .udpSockets()
    .filter((one) => (one.family === 'ipv4') === (family === 'ipv4'))
    .filter(({ remotePort }) => isAll || (remotePort === 0) === isListening)
    .map(({ localAddress, localPort, remoteAddress, remotePort, program }) => ({
      protocol: family === 'ipv6' ? 'udp6' : 'udp',
      receive: 0,
      send: 0,
      local: end(localAddress, localPort),
      remote: end(remoteAddress, remotePort),
      state: remotePort === 0 ? '' : 'ESTABLISHED',
      inode: inodeOf('udp', localAddress, localPort, remoteAddress, remotePort),
      program: processText(program),
      timer: 'off (0.00/0/0)',
    }));
}

/** `0.0.0.0:8080`, `:::443`, `localhost:http-alt`, `[::]:*`. */
function endText(
  address: IpAddress,
  port: number,
  protocol: string,
  family: ProcFamily,
  options: Options,
): string {
  const isNumeric = options.has('n', 'numeric');
  const name = isNumeric ? undefined : serviceOfPort(port, protocol);
  const portText = port === 0 ? '*' : (name ?? String(port));
  if (family === 'ipv6') {
    const text = address === ANY_ADDRESS ? '::' : formatIp(address);
    return isNumeric ? `${text}:${portText}` : `[${text}]:${portText}`;
  }
  const host = !isNumeric && address === LOOPBACK_ADDRESS ? 'localhost' : formatIp(address);
  return `${host}:${portText}`;
}

/** `"nginx",pid=7,fd=6` as `7/nginx`. */
function processText(program: string): string {
  const match = /^"([^"]+)",pid=(\d+)/.exec(program);
  return match === null ? '-' : `${match[2]}/${match[1]}`.slice(0, 20);
}
