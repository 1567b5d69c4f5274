/**
 * What `ipvsadm` prints: `-Ln` (services and destinations), with `--stats`, `--rate`, `--thresholds`,
 * `--persistent-conn` or `--tun-info`, `-Lnc` (connections), `-Sn` (the rules that make them) and
 * `-Ln --timeout`. Columns and words are those of ipvsadm 1.31.
 */

import { serviceOfPort } from '../net/services.ts';
import { SECOND_NS } from '../sim/time.ts';
import { formatIpv4Address, type Ipv4Address } from '../wire/addresses.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { IpvsConnection } from './connection.ts';
import type { Ipvs } from './ipvs.ts';
import type { Destination, ForwardMethod, Service, Traffic } from './service.ts';
import { IPVS_TCP_STATE_NAMES, IpvsTcpState } from './states/constants.ts';
import { IPVS_SCTP_STATE_NAMES } from './states/sctp-states.ts';
import { IpvsTimeouts } from './states/timeouts.ts';

const TITLE = 'IP Virtual Server version 1.2.1 (size=4096)\n';

const DESTINATION_HEADER = `Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
`;

const TUNNEL_HEADER = `Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn
`;

const STATISTICS_HEADER = `Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
`;

const RATE_HEADER = `Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS
  -> RemoteAddress:Port
`;

const THRESHOLD_HEADER =
  'Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n' +
  '  -> RemoteAddress:Port\n';

const PERSISTENCE_HEADER =
  'Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n' +
  '  -> RemoteAddress:Port\n';

/** How packets reach a destination, as lists call it. */
export const SERVICE_METHODS: Readonly<Record<ForwardMethod, string>> = {
  masq: 'Masq',
  route: 'Route',
  tunnel: 'Tunnel',
};

/** How a list is wanted; by default all of it, sorted, with short numbers. */
export interface Listing {
  /** `-n`: ports as numbers; names otherwise, where they have one. Addresses are never looked up. */
  readonly isNumeric?: boolean;
  /** `--exact`: large numbers with all of their digits. */
  readonly isExact?: boolean;
  /** `--nosort`: in the kernel's order. */
  readonly isUnsorted?: boolean;
  /** One service, without the title. */
  readonly only?: Service;
}

const NUMERIC: Listing = { isNumeric: true };

/** `ipvsadm -Ln`: services with an address first, then by mark; destinations by address. */
export function formatServices(ipvs: Ipvs | undefined, listing = NUMERIC): string {
  return formatTable(ipvs, listing, DESTINATION_HEADER, scheduling, load);
}

/** `ipvsadm -Ln --tun-info`. */
export function formatTunnels(ipvs: Ipvs | undefined, listing = NUMERIC): string {
  const tunnel = (destination: Destination, name: string) => {
    const { method, weight } = destination;
    const info = method === 'tunnel' ? 'ipip' : 'n/a';
    const cells: Column[] = [
      [SERVICE_METHODS[method], 7],
      [info, 13],
      [weight, 6],
    ];
    return columns(name, ...cells, ...loads(destination));
  };
  return formatTable(ipvs, listing, TUNNEL_HEADER, scheduling, tunnel);
}

/** `ipvsadm -Ln --stats`. */
export function formatStatistics(ipvs: Ipvs | undefined, listing = NUMERIC): string {
  const traffic = (of: Traffic, name: string) => {
    const numbers = [of.connectionCount, of.inPackets, of.outPackets, of.inBytes, of.outBytes];
    return name.padEnd(33) + numbers.map((number) => largeNumber(number, listing)).join('');
  };
  return formatTable(ipvs, listing, STATISTICS_HEADER, traffic, traffic);
}

/** `ipvsadm -Ln --rate`. */
export function formatRates(ipvs: Ipvs | undefined, listing = NUMERIC): string {
  const rates = ipvs?.rates;
  rates?.catchUp(ipvs!.namespace.world.nowNs);
  const columnsOf = (of: Traffic, name: string) =>
    name.padEnd(33) +
    rates!
      .ratesOf(of)
      .map((rate) => largeNumber(rate, listing))
      .join('');
  return formatTable(ipvs, listing, RATE_HEADER, columnsOf, columnsOf);
}

/** `ipvsadm -Ln --thresholds`. */
export function formatThresholds(ipvs: Ipvs | undefined, listing = NUMERIC): string {
  return formatTable(ipvs, listing, THRESHOLD_HEADER, scheduling, thresholds);
}

/** `ipvsadm -Ln --persistent-conn`. */
export function formatPersistence(ipvs: Ipvs | undefined, listing = NUMERIC): string {
  const templates = [...(ipvs?.connections.all() ?? [])].filter(
    ({ templateNs }) => templateNs !== undefined,
  );
  const persistence = (destination: Destination, name: string) => {
    const count = templates.filter((template) => template.destination === destination).length;
    return columns(name, [destination.weight, 9], [count, 11], ...loads(destination));
  };
  return formatTable(ipvs, listing, PERSISTENCE_HEADER, scheduling, persistence);
}

/** `ipvsadm -Ln --timeout`; those of a namespace where nobody has set any are the kernel's. */
export function formatTimeouts({ tcpNs, udpNs } = new IpvsTimeouts()): string {
  const { established, finWait } = IpvsTcpState;
  const seconds = [tcpNs[established]!, tcpNs[finWait]!, udpNs].map((ns) => ns / SECOND_NS);
  return `Timeout (tcp tcpfin udp): ${seconds.join(' ')}\n`;
}

/** `ipvsadm -Lnc`, oldest connection first; with the columns of persistence engines if `hasEngines`. */
export function formatConnections(
  ipvs: Ipvs | undefined,
  listing = NUMERIC,
  hasEngines = false,
): string {
  const ends = 'source             virtual            destination';
  const engines = hasEngines ? '        pe name          pe_data' : '';
  const header = `IPVS connection entries\npro expire state       ${ends}${engines}\n`;
  if (ipvs === undefined) return header;
  const { nowNs } = ipvs.namespace.world;
  const lines = [...ipvs.connections.all()].map((c) => formatConnection(c, nowNs, listing));
  return header + lines.join('');
}

/** `ipvsadm -Sn`: the commands that make these services. */
export function formatRules(ipvs: Ipvs | undefined, listing = NUMERIC): string {
  const switches = { masq: '-m', route: '-g', tunnel: '-i' } as const;
  let text = '';
  for (const service of sortedServices(ipvs)) {
    const { key } = service;
    const protocol = 'fwmark' in key ? IpProtocol.tcp : key.protocol;
    const end = (address: Ipv4Address, port: number) => endText(address, port, protocol, listing);
    const name =
      'fwmark' in key
        ? `-f ${key.fwmark}`
        : `${PROTOCOL_OPTIONS[key.protocol]} ${end(key.address, key.port)}`;
    text += `-A ${name} -s ${service.scheduler.name}${persistenceFlags(service)}`;
    text += `${service.isOnePacket ? ' -o' : ''}`;
    text += `${service.schedulerFlags === 0 ? '' : ` -b ${schedulerFlagsText(service)}`}\n`;
    for (const { address, port, method, weight } of sortedDestinations(service)) {
      const tunnel = method === 'tunnel' ? ' --tun-type ipip' : '';
      text += `-a ${name} -r ${end(address, port)} ${switches[method]} -w ${weight}${tunnel}\n`;
    }
  }
  return text;
}

/** `sh-fallback,sh-port`; schedulers that know no flags have numbered ones. */
function schedulerFlagsText({ scheduler: { name }, schedulerFlags }: Service): string {
  const isHashing = name === 'sh' || name === 'mh';
  const names = isHashing ? [`${name}-fallback`, `${name}-port`] : ['flag-1', 'flag-2', 'flag-3'];
  return names.filter((_, bit) => (schedulerFlags & (1 << bit)) !== 0).join(',');
}

function persistenceFlags({ persistence }: Service): string {
  if (persistence === undefined) return '';
  const mask = persistence.maskBits === 32 ? '' : ` -M ${maskText(persistence.maskBits)}`;
  return ` -p ${persistence.timeoutNs / SECOND_NS}${mask}`;
}

function formatTable(
  ipvs: Ipvs | undefined,
  listing: Listing,
  header: string,
  serviceColumns: (service: Service, name: string) => string,
  destinationColumns: (destination: Destination, name: string) => string,
): string {
  const { only, isUnsorted } = listing;
  let text = (only === undefined ? TITLE : '') + header;
  const all = isUnsorted === true ? (ipvs?.services ?? []) : sortedServices(ipvs);
  for (const service of only === undefined ? all : [only]) {
    text += `${serviceColumns(service, serviceName(service, listing))}\n`;
    const { destinations, key } = service;
    const protocol = 'fwmark' in key ? IpProtocol.tcp : key.protocol;
    for (const destination of isUnsorted === true ? destinations : sortedDestinations(service)) {
      const { address, port } = destination;
      const name = `  -> ${endText(address, port, protocol, listing).slice(0, 28)}`;
      text += `${destinationColumns(destination, name)}\n`;
    }
  }
  return text;
}

function scheduling(service: Service, name: string): string {
  const flags = service.schedulerFlags === 0 ? '' : ` (${schedulerFlagsText(service)})`;
  const persistence = persistenceText(service);
  return `${name} ${service.scheduler.name}${flags}${persistence}${service.isOnePacket ? ' ops' : ''}`;
}

/** ` persistent 300 mask 255.255.255.0`; a mask of all bits is not told. */
function persistenceText({ persistence }: Service): string {
  if (persistence === undefined) return '';
  const { timeoutNs, maskBits } = persistence;
  const seconds = ` persistent ${timeoutNs / SECOND_NS}`;
  return maskBits === 32 ? seconds : `${seconds} mask ${maskText(maskBits)}`;
}

function maskText(maskBits: number): string {
  return formatIpv4Address((0xffff_ffff << (32 - maskBits)) >>> 0);
}

function load(destination: Destination, name: string): string {
  const method = SERVICE_METHODS[destination.method];
  return columns(name, [method, 7], [destination.weight, 6], ...loads(destination));
}

function thresholds(destination: Destination, name: string): string {
  const { upperThreshold, lowerThreshold } = destination;
  return columns(name, [upperThreshold, 10], [lowerThreshold, 10], ...loads(destination));
}

type Column = readonly [value: number | string, width: number];

function loads({ activeCount, inactiveCount }: Destination): [Column, Column] {
  return [
    [activeCount, 10],
    [inactiveCount, 10],
  ];
}

function columns(name: string, ...rest: readonly Column[]): string {
  const cells = rest.map(([value, width]) => String(value).padEnd(width));
  return [name.padEnd(33), ...cells].join(' ');
}

/** Nine columns, in thousands, millions … when it would need more and need not be exact. */
function largeNumber(value: number, { isExact }: Listing): string {
  if (isExact === true) return ` ${String(value).padStart(8)}`;
  if (value < 1e8) return String(value).padStart(9);
  if (value < 1e9) return `${Math.floor(value / 1e3)}K`.padStart(9);
  if (value < 1e11) return `${Math.floor(value / 1e6)}M`.padStart(9);
  if (value < 1e14) return `${Math.floor(value / 1e9)}G`.padStart(9);
  return `${Math.floor(value / 1e12)}T`.padStart(9);
}

/** Services in the order of lists: by protocol and address, then by mark. */
export function sortedServices(ipvs: Ipvs | undefined): Service[] {
  return (ipvs?.services ?? []).sort(({ key: a }, { key: b }) => {
    if ('fwmark' in a || 'fwmark' in b) {
      return ('fwmark' in a ? a.fwmark : 0) - ('fwmark' in b ? b.fwmark : 0);
    }
    return a.protocol - b.protocol || a.address - b.address || a.port - b.port;
  });
}

/** Destinations in the order of lists. */
export function sortedDestinations(service: Service): Destination[] {
  return [...service.destinations].sort((a, b) => a.address - b.address || a.port - b.port);
}

function serviceName({ key }: Service, listing: Listing): string {
  if ('fwmark' in key) return `FWM  ${key.fwmark}`;
  const end = endText(key.address, key.port, key.protocol, listing);
  return `${protocolName(key.protocol).padEnd(4)} ${end}`.slice(0, 33);
}

function formatConnection(connection: IpvsConnection, nowNs: number, listing: Listing): string {
  const seconds = Math.max(0, Math.floor((connection.expiresAtNs - nowNs) / SECOND_NS));
  const minutes = String(Math.floor(seconds / 60)).padStart(2, '0');
  const rest = String(seconds % 60).padStart(2, '0');
  const { protocol, isInvalid } = connection;
  const end = (address: Ipv4Address, port: number) => endText(address, port, protocol, listing);
  const client = end(connection.clientAddress, connection.clientPort);
  const virtual = end(connection.virtualAddress, isInvalid ? 0xffff : connection.virtualPort);
  const { destinationAddress, destinationPort } = connection;
  const target = end(destinationAddress, isInvalid ? 0xffff : destinationPort);
  const ends = `${client.padEnd(18)} ${virtual.padEnd(18)} ${target}`;
  const state = stateName(connection).padEnd(11);
  return `${protocolName(protocol).padEnd(3)} ${minutes}:${rest}  ${state} ${ends}\n`;
}

/** Templates have no state but whether anything of theirs was answered (`ip_vs_state_name`). */
export function stateName({ protocol, state, templateNs, isAssured }: IpvsConnection): string {
  if (templateNs !== undefined) return isAssured ? 'ASSURED' : 'NONE';
  if (protocol === IpProtocol.udp) return 'UDP';
  return (protocol === IpProtocol.sctp ? IPVS_SCTP_STATE_NAMES : IPVS_TCP_STATE_NAMES)[state]!;
}

function endText(
  address: Ipv4Address,
  port: number,
  protocol: number,
  { isNumeric }: Listing,
): string {
  const name =
    isNumeric === true ? undefined : serviceOfPort(port, protocolName(protocol).toLowerCase());
  return `${formatIpv4Address(address)}:${name ?? port}`;
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  0: 'IP',
  [IpProtocol.tcp]: 'TCP',
  [IpProtocol.udp]: 'UDP',
  [IpProtocol.sctp]: 'SCTP',
};

const PROTOCOL_OPTIONS: Readonly<Record<number, string>> = {
  [IpProtocol.tcp]: '-t',
  [IpProtocol.udp]: '-u',
  [IpProtocol.sctp]: '--sctp-service',
};

/** `TCP`, `UDP`, `SCTP`; `IP` for a template of any. */
export function protocolName(protocol: number): string {
  return PROTOCOL_NAMES[protocol]!;
}
