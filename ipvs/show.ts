/**
 * What `ipvsadm` prints: `-Ln` (services and destinations), `-Lnc` (connections) and
 * `-Ln --timeout`. Column widths are those of ipvsadm 1.31.
 */

import { SECOND_NS } from '../sim/time.ts';
import { formatIpv4Address } from '../wire/addresses.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { IpvsConnection } from './connection.ts';
import { IPVS_TCP_STATE_NAMES } from './constants.ts';
import type { Ipvs } from './ipvs.ts';
import type { Destination, ForwardMethod, Service } from './service.ts';

const HEADER = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
`;

const METHOD_NAMES: Readonly<Record<ForwardMethod, string>> = {
  masq: 'Masq',
  route: 'Route',
  tunnel: 'Tunnel',
};

/** `ipvsadm -Ln`. */
export function formatServices(ipvs: Ipvs): string {
  return HEADER + ipvs.services.map(formatService).join('');
}

/** `ipvsadm -Lnc`. */
export function formatConnections(ipvs: Ipvs): string {
  const nowNs = ipvs.namespace.world.nowNs;
  const header =
    'IPVS connection entries\npro expire state       source             virtual            destination\n';
  return header + [...ipvs.connections.all()].map((c) => formatConnection(c, nowNs)).join('');
}

function formatService(service: Service): string {
  const key = service.key;
  const name =
    'fwmark' in key
      ? `FWM  ${key.fwmark}`
      : `${protocolName(key.protocol).padEnd(4)} ${formatIpv4Address(key.address)}:${key.port}`;
  const rows = service.destinations.map(formatDestination).join('');
  return `${name} ${service.scheduler.name}\n${rows}`;
}

function formatDestination(destination: Destination): string {
  const end = `${formatIpv4Address(destination.address)}:${destination.port}`;
  const method = METHOD_NAMES[destination.method].padEnd(7);
  const weight = String(destination.weight).padEnd(6);
  const active = String(destination.activeCount).padEnd(10);
  const inactive = String(destination.inactiveCount).padEnd(10);
  return `  -> ${end.padEnd(28)} ${method} ${weight} ${active} ${inactive}\n`;
}

function formatConnection(connection: IpvsConnection, nowNs: number): string {
  const seconds = Math.max(0, Math.ceil((connection.expiresAtNs - nowNs) / SECOND_NS));
  const minutes = String(Math.floor(seconds / 60)).padStart(2, '0');
  const rest = String(seconds % 60).padStart(2, '0');
  const isTcp = connection.protocol === IpProtocol.tcp;
  const state = isTcp ? IPVS_TCP_STATE_NAMES[connection.state] : 'UDP';
  const end = (address: number, port: number) => `${formatIpv4Address(address)}:${port}`.padEnd(18);
  const client = end(connection.clientAddress, connection.clientPort);
  const virtual = end(connection.virtualAddress, connection.virtualPort);
  const target = end(connection.destinationAddress, connection.destinationPort).trimEnd();
  const protocol = protocolName(connection.protocol);
  return `${protocol} ${minutes}:${rest}  ${state.padEnd(11)} ${client} ${virtual} ${target}\n`;
}

function protocolName(protocol: number): string {
  return protocol === IpProtocol.tcp ? 'TCP' : protocol === IpProtocol.udp ? 'UDP' : 'SCTP';
}
