/**
 * What `ipvsadm` prints: `-Ln` (services and destinations), with `--stats`, `--rate`, `--thresholds` or
 * `--persistent-conn`, `-Lnc` (connections),
 * `-Sn` (the rules that make them) and `-Ln --timeout`. Column widths are those of ipvsadm 1.31.
 */

import { SECOND_NS } from '../sim/time.ts';
import { formatIpv4Address, type Ipv4Address } from '../wire/addresses.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { IpvsConnection } from './connection.ts';
import { IPVS_TCP_STATE_NAMES, IpvsTcpState } from './constants.ts';
import type { Ipvs } from './ipvs.ts';
import { IPVS_SCTP_STATE_NAMES } from './sctp-states.ts';
import type { Destination, ForwardMethod, Service, Traffic } from './service.ts';
import { IpvsTimeouts } from './timeouts.ts';

const TITLE = 'IP Virtual Server version 1.2.1 (size=4096)\n';

const DESTINATION_HEADER = `Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
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

/** `ipvsadm -Ln`: services with an address first, then by mark; destinations by address. */
export function formatServices(ipvs: Ipvs | undefined): string {
  return TITLE + DESTINATION_HEADER + formatTable(ipvs, scheduling, load);
}

/** `ipvsadm -Ln --stats`. */
export function formatStatistics(ipvs: Ipvs | undefined): string {
  return TITLE + STATISTICS_HEADER + formatTable(ipvs, traffic, traffic);
}

/** `ipvsadm -Ln --rate`. */
export function formatRates(ipvs: Ipvs | undefined): string {
  if (ipvs === undefined) return TITLE + RATE_HEADER;
  ipvs.rates.catchUp(ipvs.namespace.world.nowNs);
  const columns = (of: Traffic, name: string) =>
    name.padEnd(33) + ipvs.rates.ratesOf(of).map(largeNumber).join('');
  return TITLE + RATE_HEADER + formatTable(ipvs, columns, columns);
}

/** `ipvsadm -Ln --thresholds`. */
export function formatThresholds(ipvs: Ipvs | undefined): string {
  return TITLE + THRESHOLD_HEADER + formatTable(ipvs, scheduling, thresholds);
}

/** `ipvsadm -Ln --persistent-conn`. */
export function formatPersistence(ipvs: Ipvs | undefined): string {
  const templates = [...(ipvs?.connections.all() ?? [])].filter(
    ({ templateNs }) => templateNs !== undefined,
  );
  const persistence = (destination: Destination, name: string) => {
    const count = templates.filter((template) => template.destination === destination).length;
    return columns(name, [destination.weight, 9], [count, 11], ...loads(destination));
  };
  return TITLE + PERSISTENCE_HEADER + formatTable(ipvs, scheduling, persistence);
}

/** `ipvsadm -Ln --timeout`; those of a namespace where nobody has set any are the kernel's. */
export function formatTimeouts({ tcpNs, udpNs } = new IpvsTimeouts()): string {
  const { established, finWait } = IpvsTcpState;
  const seconds = [tcpNs[established]!, tcpNs[finWait]!, udpNs].map((ns) => ns / SECOND_NS);
  return `Timeout (tcp tcpfin udp): ${seconds.join(' ')}\n`;
}

/** `ipvsadm -Lnc`, oldest connection first. */
export function formatConnections(ipvs: Ipvs | undefined): string {
  const header =
    'IPVS connection entries\npro expire state       source             virtual            destination\n';
  if (ipvs === undefined) return header;
  const { nowNs } = ipvs.namespace.world;
  return header + [...ipvs.connections.all()].map((c) => formatConnection(c, nowNs)).join('');
}

/** `ipvsadm -Sn`: the commands that make these services. */
export function formatRules(ipvs: Ipvs | undefined): string {
  const flags = { masq: '-m', route: '-g', tunnel: '-i' } as const;
  let text = '';
  for (const service of sortedServices(ipvs)) {
    const { key } = service;
    const name =
      'fwmark' in key
        ? `-f ${key.fwmark}`
        : `-${protocolName(key.protocol).charAt(0).toLowerCase()} ${endText(key.address, key.port)}`;
    text += `-A ${name} -s ${service.scheduler.name}${persistenceFlags(service)}\n`;
    for (const { address, port, method, weight } of sortedDestinations(service)) {
      text += `-a ${name} -r ${endText(address, port)} ${flags[method]} -w ${weight}\n`;
    }
  }
  return text;
}

function persistenceFlags({ persistence }: Service): string {
  if (persistence === undefined) return '';
  const mask = persistence.maskBits === 32 ? '' : ` -M ${maskText(persistence.maskBits)}`;
  return ` -p ${persistence.timeoutNs / SECOND_NS}${mask}`;
}

function formatTable(
  ipvs: Ipvs | undefined,
  serviceColumns: (service: Service, name: string) => string,
  destinationColumns: (destination: Destination, name: string) => string,
): string {
  let text = '';
  for (const service of sortedServices(ipvs)) {
    text += `${serviceColumns(service, serviceName(service))}\n`;
    for (const destination of sortedDestinations(service)) {
      const name = `  -> ${endText(destination.address, destination.port)}`;
      text += `${destinationColumns(destination, name)}\n`;
    }
  }
  return text;
}

function scheduling(service: Service, name: string): string {
  return `${name} ${service.scheduler.name}${persistenceText(service)}`;
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

function traffic(of: Traffic, name: string): string {
  const numbers = [of.connectionCount, of.inPackets, of.outPackets, of.inBytes, of.outBytes];
  return name.padEnd(33) + numbers.map(largeNumber).join('');
}

/** Nine columns, in thousands, millions … when it would need more. */
function largeNumber(value: number): string {
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

function serviceName({ key }: Service): string {
  if ('fwmark' in key) return `FWM  ${key.fwmark}`;
  return `${protocolName(key.protocol).padEnd(4)} ${endText(key.address, key.port)}`;
}

function formatConnection(connection: IpvsConnection, nowNs: number): string {
  const seconds = Math.max(0, Math.floor((connection.expiresAtNs - nowNs) / SECOND_NS));
  const minutes = String(Math.floor(seconds / 60)).padStart(2, '0');
  const rest = String(seconds % 60).padStart(2, '0');
  const state = stateName(connection);
  const client = endText(connection.clientAddress, connection.clientPort).padEnd(18);
  const virtual = endText(connection.virtualAddress, connection.virtualPort).padEnd(18);
  const target = endText(connection.destinationAddress, connection.destinationPort);
  const protocol = protocolName(connection.protocol);
  return `${protocol} ${minutes}:${rest}  ${state.padEnd(11)} ${client} ${virtual} ${target}\n`;
}

/** Templates have no state; `ipvsadm` prints NONE. */
export function stateName({ protocol, state, templateNs }: IpvsConnection): string {
  if (protocol === IpProtocol.udp && templateNs === undefined) return 'UDP';
  return (protocol === IpProtocol.sctp ? IPVS_SCTP_STATE_NAMES : IPVS_TCP_STATE_NAMES)[state]!;
}

function endText(address: Ipv4Address, port: number): string {
  return `${formatIpv4Address(address)}:${port}`;
}

/** `TCP`, `UDP`, `SCTP`; `IP ` for a template of any. */
export function protocolName(protocol: number): string {
  if (protocol === 0) return 'IP ';
  return protocol === IpProtocol.tcp ? 'TCP' : protocol === IpProtocol.udp ? 'UDP' : 'SCTP';
}
