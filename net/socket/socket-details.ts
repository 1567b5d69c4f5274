/**
 * What `ss` prints of a socket behind its addresses: its program (`-p`), timer (`-o`), numbers (`-e`),
 * memory (`-m`) and what TCP knows of the connection (`-i`), in iproute2's order (misc/ss.c
 * `inet_show_sock`, `tcp_show_info`).
 *
 * What is not counted here (segments each way, pacing, delivery rates) is left out as ss leaves out
 * what is 0; congestion control is NewReno's, so it is called reno.
 */
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { isIpv6Address } from '../../wire/ip-address.ts';
import { inodeOf, thresholdSegmentsOf, timerOf } from '../proc/sockets.ts';
import { TcpConnection } from './tcp/connection.ts';
import type { TcpEndpoint } from './tcp/endpoint-map.ts';
import type { TcpListener } from './tcp/listener.ts';
import type { UdpSocket } from './udp-socket.ts';

/** What is asked for beside the addresses. */
export interface SocketDetails {
  readonly program?: boolean;
  readonly timer?: boolean;
  readonly numbers?: boolean;
  readonly memory?: boolean;
  readonly information?: boolean;
  /** `-O`: no line of its own for what follows. */
  readonly isOneLine?: boolean;
}

const RECEIVE_BUFFER_BYTES = 131_072;
const SEND_BUFFER_BYTES = 2_626_560;
const UDP_BUFFER_BYTES = 212_992;

/** ` users:(("nginx",pid=7,fd=6))`; nothing where no program is known. */
export function programText(program: string): string {
  return program === '' ? '' : ` users:((${program}))`;
}

/** The details of a TCP connection, or of what is left of one. */
export function connectionDetails(
  endpoint: TcpEndpoint,
  nowNs: number,
  details: SocketDetails,
): string {
  const connection = endpoint instanceof TcpConnection ? endpoint : undefined;
  let text = details.program === true ? programText(connection?.program ?? '') : '';
  if (details.timer === true) text += timerText(endpoint, nowNs);
  if (connection === undefined) return text;
  const { localAddress, localPort, remoteAddress, remotePort } = connection;
  if (details.numbers === true) {
    text += numbersText(inodeOf('tcp', localAddress, localPort, remoteAddress, remotePort));
  }
  let second = '';
  if (details.memory === true) {
    const { receiveQueueBytes, unacknowledgedBytes } = connection;
    second += memoryText(receiveQueueBytes, unacknowledgedBytes, [
      RECEIVE_BUFFER_BYTES,
      SEND_BUFFER_BYTES,
    ]);
  }
  if (details.information === true) second += informationText(connection, nowNs);
  return text + secondLine(second, details);
}

/** The details of a listening TCP socket. */
export function listenerDetails(listener: TcpListener, details: SocketDetails): string {
  let text = details.program === true ? programText(listener.program) : '';
  if (details.numbers === true) {
    text += numbersText(inodeOf('tcp', listener.address, listener.port), listener.family);
  }
  let second = '';
  if (details.memory === true) second += memoryText(0, 0, [RECEIVE_BUFFER_BYTES, 16_384]);
  if (details.information === true) second += ' reno cwnd:10';
  return text + secondLine(second, details);
}

/** The details of a UDP socket. */
export function udpDetails(socket: UdpSocket, details: SocketDetails): string {
  const { localAddress, localPort, remoteAddress, remotePort, family } = socket;
  let text = details.program === true ? programText(socket.program) : '';
  if (details.numbers === true) {
    text += numbersText(inodeOf('udp', localAddress, localPort, remoteAddress, remotePort), family);
  }
  const buffers = [UDP_BUFFER_BYTES, UDP_BUFFER_BYTES] as const;
  return text + secondLine(details.memory === true ? memoryText(0, 0, buffers) : '', details);
}

function secondLine(text: string, { isOneLine = false }: SocketDetails): string {
  if (text === '') return '';
  return isOneLine ? text : `\n\t${text}`;
}

function numbersText(inode: number, family: 'ipv4' | 'ipv6' | 'dual' = 'ipv4'): string {
  const only = family === 'ipv4' ? '' : ` v6only:${family === 'ipv6' ? 1 : 0}`;
  return ` ino:${inode} sk:${(inode - 10_000).toString(16)} cgroup:/${only} <->`;
}

function memoryText(received: number, sent: number, buffers: readonly [number, number]): string {
  const [receiveBytes, sendBytes] = buffers;
  return ` skmem:(r${received},rb${receiveBytes},t0,tb${sendBytes},f0,w${sent},o0,bl0,d0)`;
}

function timerText(endpoint: TcpEndpoint, nowNs: number): string {
  const { kind, atNs } = timerOf(endpoint);
  if (kind === 'none') return '';
  const count = endpoint instanceof TcpConnection ? endpoint.retransmitCount : 0;
  return ` timer:(${kind},${spanText(atNs - nowNs)},${count})`;
}

/** `119min`, `1min4sec`, `2.500ms`, `204ms` (`print_ms_timer`). */
function spanText(spanNs: number): string {
  const whole = Math.max(0, Math.floor(spanNs / MILLISECOND_NS));
  const minutes = Math.floor(whole / 60_000);
  let seconds = Math.floor(whole / 1000) % 60;
  let milliseconds = whole % 1000;
  let text = '';
  if (minutes > 0) {
    milliseconds = 0;
    text = `${minutes}min`;
    if (minutes > 9) seconds = 0;
  }
  if (seconds > 0) {
    if (seconds > 9) milliseconds = 0;
    text += `${seconds}${milliseconds > 0 ? '.' : 'sec'}`;
  }
  return milliseconds > 0 ? `${text}${String(milliseconds).padStart(3, '0')}ms` : text;
}

function informationText(connection: TcpConnection, nowNs: number): string {
  const { timeout, mssBytes, congestion, sndUna, sndMax, initialSequence } = connection;
  const { sndWindowScale, rcvWindowScale, ackTimeoutNs, remoteAddress } = connection;
  const overheadBytes = isIpv6Address(remoteAddress) ? 60 : 40;
  const window = Math.max(1, Math.floor(congestion.windowBytes / mssBytes));
  const threshold = thresholdSegmentsOf(connection);
  const roundTripMs = timeout.smoothedNs / MILLISECOND_NS;
  const sentBytes = Math.max(0, ((sndMax - initialSequence) | 0) - 1);
  const acknowledgedBytes = Math.max(0, (sndUna - initialSequence) | 0);
  const inFlight = Math.ceil(((sndMax - sndUna) | 0) / mssBytes);
  const words = [
    'reno',
    sndWindowScale + rcvWindowScale > 0 ? `wscale:${sndWindowScale},${rcvWindowScale}` : '',
    `rto:${short(timeout.timeoutNs / MILLISECOND_NS)}`,
    timeout.backoffCount > 0 ? `backoff:${timeout.backoffCount}` : '',
    roundTripMs > 0
      ? `rtt:${short(roundTripMs)}/${short(timeout.variationNs / MILLISECOND_NS)}`
      : '',
    ackTimeoutNs > 0 ? `ato:${short(ackTimeoutNs / MILLISECOND_NS)}` : '',
    `mss:${mssBytes}`,
    `pmtu:${connection.advertisedMssBytes + overheadBytes}`,
    `rcvmss:${connection.rcvMssBytes}`,
    `advmss:${connection.advertisedMssBytes}`,
    `cwnd:${window}`,
    threshold === undefined ? '' : `ssthresh:${threshold}`,
    sentBytes > 0 ? `bytes_sent:${sentBytes}` : '',
    acknowledgedBytes > 0 ? `bytes_acked:${acknowledgedBytes}` : '',
    roundTripMs > 0
      ? `send ${Math.floor((window * mssBytes * 8 * SECOND_NS) / timeout.smoothedNs)}bps`
      : '',
    sinceText('lastsnd', connection.lastSentAtNs, nowNs),
    sinceText('lastrcv', connection.lastReceivedAtNs, nowNs),
    sinceText('lastack', connection.lastHeardAtNs, nowNs),
    inFlight > 0 ? `unacked:${inFlight}` : '',
    connection.retransmitCount > 0 ? `retrans:${connection.retransmitCount}` : '',
    `rcv_space:${connection.receiveBufferBytes}`,
    connection.sndWnd > 0 ? `snd_wnd:${connection.sndWnd}` : '',
  ];
  return ` ${words.filter((word) => word !== '').join(' ')}`;
}

function sinceText(name: string, atNs: number, nowNs: number): string {
  const milliseconds = Math.floor((nowNs - atNs) / MILLISECOND_NS);
  return milliseconds > 0 ? `${name}:${milliseconds}` : '';
}

/** `%g` of C: six digits that count. */
function short(value: number): string {
  return String(Number(value.toPrecision(6))).replace(/e([+-])(\d)$/, 'e$10$2');
}
