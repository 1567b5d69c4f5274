/**
 * What `ss` prints about a namespace: `ss -tan`, `ss -uan`, `ss -tuln`, `ss -San`.
 *
 * The columns are those of iproute2 6.1 that writes to a file: each as wide as its longest cell,
 * addresses right-aligned up to the colon. `users:` is printed where a program is known.
 */
import { ANY_ADDRESS } from '../../wire/addresses.ts';
import { formatIp, type IpAddress, isIpv6Address } from '../../wire/ip-address.ts';
import { SCTP_STATE_NAMES, SctpState } from './sctp/state.ts';
import {
  connectionDetails,
  listenerDetails,
  programText,
  type SocketDetails,
  udpDetails,
} from './socket-details.ts';
import type { SocketTable } from './table.ts';
import { TcpConnection } from './tcp/connection.ts';
import type { SocketFamily } from './tcp/listener.ts';
import { TCP_STATE_NAMES, TcpState } from './tcp/state.ts';

/** Which sockets `ss` is asked for. */
export interface SsOptions {
  readonly tcp?: boolean;
  readonly udp?: boolean;
  readonly sctp?: boolean;
  /** `-l`: only those that listen. */
  readonly listening?: boolean;
  /** `-a`: those, too. */
  readonly all?: boolean;
  /** Only those that this chooses. */
  readonly filter?: (socket: SocketRow) => boolean;
  /** The column of states is left out, as where one state was asked for. */
  readonly hidesState?: boolean;
  /** Only those of one family of addresses (`-4`, `-6`). */
  readonly family?: 'ipv4' | 'ipv6' | undefined;
  /** Names for ports (unless `-n`), by protocol. */
  readonly portName?: (port: number, netid: string) => string | undefined;
  /** `-H` leaves the names of the columns out. */
  readonly hasHeader?: boolean;
  /** What is told behind the addresses; programs, unless it is said otherwise. */
  readonly details?: SocketDetails;
}

/** One socket in the words of `ss`. */
export interface SocketRow {
  readonly netid: string;
  readonly state: string;
  readonly receive: string;
  readonly send: string;
  readonly local: string;
  readonly localPort: string;
  readonly peer: string;
  readonly peerPort: string;
  /** What is told behind the addresses, with a blank in front. */
  readonly details: string;
}

/** How `ss` writes every address of a family. */
const WILDCARDS: Readonly<Record<SocketFamily, string>> = {
  ipv4: '0.0.0.0',
  ipv6: '[::]',
  dual: '*',
};

/** Associations that may wait at an SCTP listener (`sk_max_ack_backlog`, `listen(fd, 128)`). */
const SCTP_BACKLOG = 128;

function formatAddress(address: IpAddress, family: SocketFamily = 'ipv4'): string {
  if (address === ANY_ADDRESS) return WILDCARDS[family];
  return isIpv6Address(address) ? `[${formatIp(address)}]` : formatIp(address);
}

/** The text of `ss` with these options (default `-tan`), without name resolution. */
export function formatSockets(table: SocketTable, options: SsOptions = {}): string {
  const { udp = false, sctp = false } = options;
  const { tcp = !udp && !sctp } = options;
  const { listening = false, all = !listening } = options;
  const { details = PROGRAM_ONLY, family, hasHeader = true } = options;
  const rows: SocketRow[] = [];
  const wanted = { listening, all, family, details };
  if (udp) addUdpRows(rows, table, wanted);
  if (tcp) addTcpRows(rows, table, wanted);
  if (sctp) addSctpRows(rows, table, wanted);
  const { filter, hidesState = false } = options;
  const chosen = (filter === undefined ? rows : rows.filter(filter)).map((row) =>
    named(row, options),
  );
  const protocolCount = [tcp, udp, sctp].filter(Boolean).length;
  return formatRows(chosen, protocolCount > 1, hidesState, hasHeader);
}

function named(row: SocketRow, { portName }: SsOptions): SocketRow {
  if (portName === undefined) return row;
  const nameOf = (port: string) => portName(Number(port), row.netid) ?? port;
  return { ...row, localPort: nameOf(row.localPort), peerPort: nameOf(row.peerPort) };
}

const PROGRAM_ONLY: SocketDetails = { program: true };

/** Which rows are made, and with what behind them. */
interface WantedRows {
  readonly listening: boolean;
  readonly all: boolean;
  readonly family: 'ipv4' | 'ipv6' | undefined;
  readonly details: SocketDetails;
}

function isWantedFamily({ family }: WantedRows, own: SocketFamily): boolean {
  return family === undefined || (family === 'ipv4') === (own === 'ipv4');
}

function addUdpRows(rows: SocketRow[], table: SocketTable, wanted: WantedRows): void {
  const { listening, all, details } = wanted;
  for (const socket of table.udpSockets()) {
    if (!isWantedFamily(wanted, socket.family)) continue;
    const isConnected = socket.remotePort !== 0;
    if (isConnected ? listening : !all && !listening) continue;
    rows.push({
      netid: 'udp',
      state: isConnected ? 'ESTAB' : 'UNCONN',
      receive: '0',
      send: '0',
      local: formatAddress(socket.localAddress, socket.family),
      localPort: String(socket.localPort),
      peer: formatAddress(socket.remoteAddress, socket.family),
      peerPort: isConnected ? String(socket.remotePort) : '*',
      details: udpDetails(socket, details),
    });
  }
}

function addTcpRows(rows: SocketRow[], table: SocketTable, wanted: WantedRows): void {
  const { listening, all, details } = wanted;
  if (listening || all) {
    for (const listener of table.listeners()) {
      if (!isWantedFamily(wanted, listener.family)) continue;
      rows.push({
        netid: 'tcp',
        state: 'LISTEN',
        receive: String(listener.waitingCount),
        send: String(listener.backlog),
        local: formatAddress(listener.address, listener.family),
        localPort: String(listener.port),
        peer: WILDCARDS[listener.family],
        peerPort: '*',
        details: listenerDetails(listener, details),
      });
    }
  }
  if (listening) return;
  for (const endpoint of table.endpoints.list()) {
    const connection = endpoint instanceof TcpConnection ? endpoint : undefined;
    if (!all && isHiddenByDefault(endpoint.state)) continue;
    if (!isWantedFamily(wanted, isIpv6Address(endpoint.remoteAddress) ? 'ipv6' : 'ipv4')) continue;
    rows.push({
      netid: 'tcp',
      state: TCP_STATE_NAMES[endpoint.state],
      receive: String(connection?.receiveQueueBytes ?? 0),
      send: String(connection === undefined ? 0 : (connection.sndMax - connection.sndUna) | 0),
      local: formatAddress(endpoint.localAddress),
      localPort: String(endpoint.localPort),
      peer: formatAddress(endpoint.remoteAddress),
      peerPort: String(endpoint.remotePort),
      details: connectionDetails(endpoint, table.namespace.world.nowNs, details),
    });
  }
}

/** A socket with one association has two rows: itself, and below it the association. */
function addSctpRows(
  rows: SocketRow[],
  table: SocketTable,
  { listening, all, family }: WantedRows,
): void {
  const isWanted = (address: IpAddress) =>
    family === undefined || isIpv6Address(address) === (family === 'ipv6');
  if (listening || all) {
    for (const { address, port, program, waiting } of table.sctp.listeners()) {
      if (!isWanted(address)) continue;
      rows.push({
        netid: 'sctp',
        state: 'LISTEN',
        receive: String(waiting.length),
        send: String(SCTP_BACKLOG),
        local: formatAddress(address),
        localPort: String(port),
        peer: WILDCARDS.ipv4,
        peerPort: '*',
        details: programText(program),
      });
    }
  }
  if (listening) return;
  for (const association of table.sctp.associations()) {
    if (!isWanted(association.remoteAddress)) continue;
    const row = {
      netid: 'sctp',
      state: association.state <= SctpState.cookieEchoed ? 'CLOSED' : 'ESTAB',
      receive: '0',
      send: String(association.outbound?.queuedBytes ?? 0),
      local: formatAddress(association.localAddress),
      localPort: String(association.localPort),
      peer: formatAddress(association.remoteAddress),
      peerPort: String(association.remotePort),
      details: '',
    };
    rows.push(row, { ...row, netid: '', state: `\`- ${SCTP_STATE_NAMES[association.state]}` });
  }
}

/** Without `-a`, `ss` leaves out what is no connection yet or any more. */
function isHiddenByDefault(state: TcpState): boolean {
  return state === TcpState.timeWait || state === TcpState.synReceived;
}

const HEADER: SocketRow = {
  netid: 'Netid',
  state: 'State',
  receive: 'Recv-Q',
  send: 'Send-Q',
  local: 'Local Address',
  localPort: 'Port',
  peer: 'Peer Address',
  peerPort: 'Port',
  details: 'Process',
};

/** The least width of a queue's column. */
const QUEUE_COLUMNS = 6;

function formatRows(
  rows: readonly SocketRow[],
  hasNetid: boolean,
  hidesState: boolean,
  hasHeader: boolean,
): string {
  const all = hasHeader ? [HEADER, ...rows] : rows;
  const width = (column: keyof SocketRow, least = 0) =>
    Math.max(least, ...all.map((row) => row[column].length));
  const widths: Record<keyof SocketRow, number> = {
    netid: width('netid'),
    state: width('state'),
    receive: width('receive', QUEUE_COLUMNS),
    send: width('send', QUEUE_COLUMNS),
    local: width('local'),
    localPort: width('localPort'),
    peer: width('peer'),
    peerPort: width('peerPort'),
    details: width('details'),
  };
  const lines = all.map((row) => {
    const left = (column: keyof SocketRow) => row[column].padEnd(widths[column]);
    const right = (column: keyof SocketRow) => row[column].padStart(widths[column]);
    const head = hasNetid ? `${left('netid')} ` : '';
    const ends = `${right('local')}:${left('localPort')} ${right('peer')}:${left('peerPort')}`;
    const state = hidesState ? '' : `${left('state')} `;
    return `${head}${state}${left('receive')} ${left('send')} ${ends}${left('details')}`;
  });
  return lines.map((line) => `${line}\n`).join('');
}
