/**
 * `/proc/net/tcp`, `udp`, their IPv6 twins and `sockstat` as Linux 6.1 writes them
 * (net/ipv4/tcp_ipv4.c `tcp4_seq_show`, net/ipv4/udp.c `udp4_seq_show`, net/ipv4/proc.c).
 *
 * All programs are root's. A socket's inode number is made of its ends; a kernel pointer is told to
 * nobody.
 */
import { hashText } from '../../sim/chance.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { ANY_ADDRESS } from '../../wire/addresses.ts';
import { ANY_IPV6, type IpAddress, isIpv6Address } from '../../wire/ip-address.ts';
import type { Namespace } from '../namespace.ts';
import { TcpConnection } from '../socket/tcp/connection.ts';
import type { TcpEndpoint } from '../socket/tcp/endpoint-map.ts';
import type { SocketFamily, TcpListener } from '../socket/tcp/listener.ts';
import { TcpState } from '../socket/tcp/state.ts';
import { TimeWait } from '../socket/tcp/time-wait.ts';
import { addressHex, hex } from './words.ts';

const TCP_COLUMNS = 149;
const UDP_COLUMNS = 127;
/** `USER_HZ`: what the files count time in, per second. */
const CLOCK_TICKS = 100;
const NO_POINTER = '0000000000000000';
const TCP_HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const TCP6_HEAD =
  '  sl  local_address                         remote_address                        ' +
  'st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const UDP_HEAD =
  '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   ' +
  'uid  timeout inode ref pointer drops';
const UDP6_HEAD =
  '  sl  local_address                         remote_address                        ' +
  'st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops';

/** A family's part of sockets; one that hears both is IPv6's. */
export type ProcFamily = 'ipv4' | 'ipv6';

/** The timer of a connection that fires next: its number in the kernel, and when, in ns. */
export interface RunningTimer {
  readonly kind: 'none' | 'on' | 'keepalive' | 'timewait' | 'persist';
  readonly atNs: number;
}

const TIMER_NUMBERS = { none: 0, on: 1, keepalive: 2, timewait: 3, persist: 4 } as const;

/** The timer that a socket's owner sees (`ss -o`, `netstat -o`, `/proc/net/tcp`). */
export function timerOf(endpoint: TcpEndpoint): RunningTimer {
  if (endpoint instanceof TimeWait) return { kind: 'timewait', atNs: endpoint.endsAtNs };
  if (!(endpoint instanceof TcpConnection)) return { kind: 'none', atNs: 0 };
  const { retransmitAtNs, lifeAtNs, isProbing } = endpoint;
  if (Number.isFinite(retransmitAtNs)) {
    return { kind: isProbing ? 'persist' : 'on', atNs: retransmitAtNs };
  }
  if (Number.isFinite(lifeAtNs)) return { kind: 'keepalive', atNs: lifeAtNs };
  return { kind: 'none', atNs: 0 };
}

/** The inode number of a socket, which nothing but its ends decides. */
export function inodeOf(...ends: readonly (number | string)[]): number {
  return 10_000 + (hashText(ends.join(' ')) % 90_000);
}

/** `/proc/net/tcp` or `tcp6`: those that listen first, then connections, each in its order. */
export function tcpFile({ sockets, world }: Namespace, family: ProcFamily): string {
  const listeners = sockets.listeners().filter((one) => isOf(one.family, family));
  const endpoints = sockets.endpoints
    .list()
    .filter(({ remoteAddress }) => isIpv6Address(remoteAddress) === (family === 'ipv6'));
  const lines = [
    ...listeners.map((listener) => listenerCells(listener, family)),
    ...endpoints.map((endpoint) => endpointCells(endpoint, world.nowNs)),
  ].map((cells, index) => `${String(index).padStart(4)}: ${cells}`);
  if (family === 'ipv6') return fileOf(TCP6_HEAD, lines, 0);
  return fileOf(TCP_HEAD, lines, TCP_COLUMNS);
}

function listenerCells(listener: TcpListener, family: ProcFamily): string {
  const { address, port, waitingCount } = listener;
  const inode = inodeOf('tcp', address, port);
  return (
    `${endHex(address, port, family)} ${endHex(ANY_ADDRESS, 0, family)} ` +
    `${hex(TcpState.listen, 2)} 00000000:${hex(waitingCount, 8)} 00:00000000 00000000 ` +
    `    0        0 ${inode} 1 ${NO_POINTER} 100 0 0 10 0`
  );
}

function endpointCells(endpoint: TcpEndpoint, nowNs: number): string {
  const { localAddress, localPort, remoteAddress, remotePort, state } = endpoint;
  const family = isIpv6Address(remoteAddress) ? 'ipv6' : 'ipv4';
  const ends = `${endHex(localAddress, localPort, family)} ${endHex(remoteAddress, remotePort, family)}`;
  const timer = timerOf(endpoint);
  const ticks = timer.kind === 'none' ? 0 : Math.max(0, ticksOf(timer.atNs - nowNs));
  const timerText = `${hex(TIMER_NUMBERS[timer.kind], 2)}:${hex(ticks, 8)}`;
  if (!(endpoint instanceof TcpConnection)) {
    const queues = '00000000:00000000';
    return `${ends} ${hex(state, 2)} ${queues} ${timerText} 00000000     0        0 0 3 ${NO_POINTER}`;
  }
  const { sndMax, sndUna, receiveQueueBytes, retransmitCount, timeout, congestion } = endpoint;
  const queues = `${hex((sndMax - sndUna) | 0, 8)}:${hex(receiveQueueBytes, 8)}`;
  const inode = inodeOf('tcp', localAddress, localPort, remoteAddress, remotePort);
  const { isInteractive, quickAckCount, ackTimeoutNs, mssBytes } = endpoint;
  const acks = `${ticksOf(ackTimeoutNs)} ${(quickAckCount << 1) | (isInteractive ? 1 : 0)}`;
  const window = Math.max(1, Math.floor(congestion.windowBytes / mssBytes));
  const threshold = thresholdSegmentsOf(endpoint) ?? -1;
  return (
    `${ends} ${hex(state, 2)} ${queues} ${timerText} ${hex(retransmitCount, 8)} ` +
    `    0        ${endpoint.keepAliveProbeCount} ${inode} 2 ${NO_POINTER} ` +
    `${ticksOf(timeout.timeoutNs)} ${acks} ${window} ${threshold}`
  );
}

/** The slow start threshold in segments; undefined before the first loss. */
export function thresholdSegmentsOf({ congestion, mssBytes }: TcpConnection): number | undefined {
  const { thresholdBytes } = congestion;
  return thresholdBytes >= 0x3fff_ffff ? undefined : Math.floor(thresholdBytes / mssBytes);
}

/** `/proc/net/udp` or `udp6`; a line's number is that of its bucket, of which there are 1024. */
export function udpFile({ sockets }: Namespace, family: ProcFamily): string {
  const lines = sockets
    .udpSockets()
    .filter((socket) => isOf(socket.family, family))
    .map(({ localAddress, localPort, remoteAddress, remotePort }) => {
      const isConnected = remotePort !== 0;
      const ends = `${endHex(localAddress, localPort, family)} ${endHex(remoteAddress, remotePort, family)}`;
      const state = isConnected ? TcpState.established : TcpState.closed;
      const inode = inodeOf('udp', localAddress, localPort, remoteAddress, remotePort);
      return (
        `${String(localPort % 1024).padStart(5)}: ${ends} ${hex(state, 2)} 00000000:00000000 ` +
        `00:00000000 00000000     0        0 ${inode} 2 ${NO_POINTER} 0`
      );
    });
  if (family === 'ipv6') return fileOf(UDP6_HEAD, lines, 0);
  return fileOf(UDP_HEAD, lines, UDP_COLUMNS);
}

/** `/proc/net/sockstat` or `sockstat6`; memory is not measured. */
export function socketStatisticsFile(namespace: Namespace, family: ProcFamily): string {
  const { tcp, udp } = socketCounts(namespace, family);
  if (family === 'ipv6') {
    return (
      `TCP6: inuse ${tcp.inUse}\nUDP6: inuse ${udp}\nUDPLITE6: inuse 0\nRAW6: inuse 0\n` +
      'FRAG6: inuse 0 memory 0\n'
    );
  }
  const other = socketCounts(namespace, 'ipv6');
  const used = tcp.inUse + udp + other.tcp.inUse + other.udp;
  const allocated = tcp.inUse + tcp.orphans + other.tcp.inUse;
  return (
    `sockets: used ${used}\n` +
    `TCP: inuse ${tcp.inUse} orphan ${tcp.orphans} tw ${tcp.timeWaits} alloc ${allocated} mem 0\n` +
    `UDP: inuse ${udp} mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse ` +
    `${namespace.reassembly.count} memory 0\n`
  );
}

/** How many sockets of a family there are; TIME-WAIT and orphans are no longer a program's. */
export function socketCounts({ sockets }: Namespace, family: ProcFamily) {
  const listeners = sockets.listeners().filter((one) => isOf(one.family, family)).length;
  const endpoints = sockets.endpoints
    .list()
    .filter(({ remoteAddress }) => isIpv6Address(remoteAddress) === (family === 'ipv6'));
  const connections = endpoints.filter((one) => one instanceof TcpConnection);
  const orphans = connections.filter(({ isOrphan }) => isOrphan).length;
  const established = connections.filter(
    ({ state }) => state === TcpState.established || state === TcpState.closeWait,
  ).length;
  return {
    tcp: {
      inUse: listeners + connections.length,
      orphans,
      timeWaits: endpoints.length - connections.length,
      established,
      closed: endpoints.length - connections.length,
    },
    udp: sockets.udpSockets().filter((socket) => isOf(socket.family, family)).length,
  };
}

function isOf(family: SocketFamily, wanted: ProcFamily): boolean {
  return wanted === 'ipv4' ? family === 'ipv4' : family !== 'ipv4';
}

function endHex(address: IpAddress, port: number, family: ProcFamily): string {
  const isWild = address === ANY_ADDRESS && family === 'ipv6';
  return `${addressHex(isWild ? ANY_IPV6 : address)}:${hex(port, 4)}`;
}

function ticksOf(spanNs: number): number {
  return Math.round((spanNs * CLOCK_TICKS) / SECOND_NS);
}

function fileOf(head: string, lines: readonly string[], columns: number): string {
  return [head, ...lines].map((line) => `${line.padEnd(columns)}\n`).join('');
}
