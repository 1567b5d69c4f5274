/**
 * `/proc/net/ip_vs`, `ip_vs_conn` and `ip_vs_stats` of a namespace, addresses and ports in hexadecimal
 * (net/netfilter/ipvs/ip_vs_ctl.c `ip_vs_info_seq_show`, ip_vs_conn.c `ip_vs_conn_seq_show`).
 */
import type { Namespace } from '../net/namespace.ts';
import { SECOND_NS } from '../sim/time.ts';
import type { Ipv4Address } from '../wire/addresses.ts';
import type { IpvsConnection } from './connection.ts';
import { Ipvs } from './ipvs.ts';
import type { Service, Traffic } from './service.ts';
import {
  protocolName,
  SERVICE_METHODS,
  sortedDestinations,
  sortedServices,
  stateName,
} from './show.ts';

/** Jiffies per second of Debian's kernel (`CONFIG_HZ`). */
const JIFFIES = 250;

const FILES: Readonly<Record<string, (ipvs: Ipvs | undefined) => string>> = {
  ip_vs: servicesFile,
  ip_vs_conn: connectionsFile,
  ip_vs_stats: statisticsFile,
};

/** The text of a file of `/proc/net` about ipvs; undefined for others, and where ipvs is not used. */
export function ipvsProcFile(namespace: Namespace, path: string): string | undefined {
  const name = /^\/proc\/(?:self\/|1\/)?net\/(\w+)$/.exec(path)?.[1] ?? '';
  const ipvs = Ipvs.of(namespace);
  return ipvs !== undefined && Object.hasOwn(FILES, name) ? FILES[name]!(ipvs) : undefined;
}

function servicesFile(ipvs: Ipvs | undefined): string {
  const lines = sortedServices(ipvs).flatMap((service) => [
    serviceLine(service),
    ...sortedDestinations(service).map((destination) => {
      const { address, port, method, weight, activeCount, inactiveCount } = destination;
      const cells = [
        SERVICE_METHODS[method].padEnd(7),
        ...[weight, activeCount, inactiveCount].map((value, i) => String(value).padEnd(i ? 10 : 6)),
      ];
      return `  -> ${endHex(address, port)}      ${cells.join(' ')}`;
    }),
  ]);
  const head =
    'IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n' +
    '  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n';
  return head + lines.map((line) => `${line}\n`).join('');
}

function serviceLine({ key, scheduler, persistence }: Service): string {
  const name =
    'fwmark' in key
      ? `FWM  ${hex(key.fwmark, 8)}`
      : `${protocolName(key.protocol)}  ${endHex(key.address, key.port)}`;
  if (persistence === undefined) return `${name} ${scheduler.name} `;
  const mask = (0xffff_ffff << (32 - persistence.maskBits)) >>> 0;
  const jiffies = (persistence.timeoutNs / SECOND_NS) * JIFFIES;
  return `${name} ${scheduler.name} persistent ${jiffies} ${hex(mask, 8)}`;
}

function connectionsFile(ipvs: Ipvs | undefined): string {
  const head = 'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n';
  const nowNs = ipvs?.namespace.world.nowNs ?? 0;
  return head + [...(ipvs?.connections.all() ?? [])].map((one) => lineOf(one, nowNs)).join('');
}

function lineOf(connection: IpvsConnection, nowNs: number): string {
  const { clientAddress, clientPort, virtualAddress, virtualPort } = connection;
  const ends = [
    endHex(clientAddress, clientPort),
    endHex(virtualAddress, virtualPort),
    endHex(connection.destinationAddress, connection.destinationPort),
  ].map((end) => end.replace(':', ' '));
  const seconds = Math.max(0, Math.floor((connection.expiresAtNs - nowNs) / SECOND_NS));
  const protocol = protocolName(connection.protocol).padEnd(3);
  return `${protocol} ${ends.join(' ')} ${stateName(connection).padEnd(11)} ${String(seconds).padStart(7)}\n`;
}

function statisticsFile(ipvs: Ipvs | undefined): string {
  const services = ipvs?.services ?? [];
  if (ipvs !== undefined) ipvs.rates.catchUp(ipvs.namespace.world.nowNs);
  const totals = COUNTERS.map((name) => services.reduce((sum, service) => sum + service[name], 0));
  const rates = COUNTERS.map((_, i) =>
    services.reduce((sum, service) => sum + (ipvs!.rates.ratesOf(service)[i] ?? 0), 0),
  );
  const row = (values: readonly number[]) =>
    `${values.map((value, i) => hex(value, 1).padStart(i < 3 ? 8 : 16)).join(' ')}\n`;
  return (
    '   Total Incoming Outgoing         Incoming         Outgoing\n' +
    '   Conns  Packets  Packets            Bytes            Bytes\n' +
    `${row(totals)}\n` +
    ' Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n' +
    row(rates)
  );
}

const COUNTERS = [
  'connectionCount',
  'inPackets',
  'outPackets',
  'inBytes',
  'outBytes',
] as const satisfies readonly (keyof Traffic)[];

function endHex(address: Ipv4Address, port: number): string {
  return `${hex(address, 8)}:${hex(port, 4)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
