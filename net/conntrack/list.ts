/**
 * The text of `conntrack -L`.
 *
 * Lines are those of conntrack-tools 1.4.7 (libnetfilter_conntrack, `snprintf_default.c`), without the
 * count that it prints on stderr. Connections come in the order of confirmation; the real one prints
 * them in the order of its randomly keyed hash.
 */
import { SECOND_NS } from '../../sim/time.ts';
import { formatIp, isIpv6Address } from '../../wire/ip-address.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import { NextHeader } from '../../wire/ipv6/header.ts';
import type { Connection, Traffic } from './connection.ts';
import { SCTP_STATE_NAMES } from './sctp-tracking.ts';
import { TCP_STATE_NAMES } from './tcp-states.ts';
import type { TupleFields } from './tuple.ts';

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  [IpProtocol.icmp]: 'icmp',
  [IpProtocol.tcp]: 'tcp',
  [IpProtocol.udp]: 'udp',
  [IpProtocol.gre]: 'gre',
  [IpProtocol.sctp]: 'sctp',
  [NextHeader.icmpv6]: 'icmpv6',
};

/** One line per connection, each with its newline; empty for none. */
export function formatConnections(connections: readonly Connection[], nowNs: number): string {
  let text = '';
  for (const connection of connections) text += `${formatConnection(connection, nowNs)}\n`;
  return text;
}

/** `/proc/net/nf_conntrack`: the same with the family in front and the zone behind. */
export function formatKernelConnections(connections: readonly Connection[], nowNs: number): string {
  return connections
    .map((connection) => {
      const isVersion6 = isIpv6Address(connection.original.source);
      const family = isVersion6 ? 'ipv6     10 ' : 'ipv4     2 ';
      const text = formatConnection(connection, nowNs).replace(/use=1$/, 'zone=0 use=2');
      return `${family}${text}\n`;
    })
    .join('');
}

/** A line of `conntrack -E`: what happened, and the connection without mark and use. */
export function formatEvent(kind: string, connection: Connection, nowNs: number): string {
  const text = formatConnection(connection, nowNs).replace(/ ?mark=\d+ use=1$/, '');
  // what has ended has no time left
  const told = kind === 'DESTROY' ? text.replace(/^(\S+ +\d+) \d+/, '$1') : text;
  return `${`[${kind}]`.padStart(9)} ${told}\n`;
}

/** One connection as `conntrack -L` prints it. */
function formatConnection(connection: Connection, nowNs: number): string {
  const { protocol, original, reply } = connection;
  const name = PROTOCOL_NAMES[protocol] ?? 'unknown';
  const seconds = Math.max(0, Math.floor((connection.expiresAtNs - nowNs) / SECOND_NS));
  let text = `${name.padEnd(8)} ${protocol} ${seconds} `;
  if (connection.tcp !== undefined) text += `${TCP_STATE_NAMES[connection.tcp.state]} `;
  if (connection.sctp !== undefined) text += `${SCTP_STATE_NAMES[connection.sctp.state]} `;
  text += formatTuple(original) + trafficText(connection.traffic?.original);
  if (!connection.isSeenReply) text += '[UNREPLIED] ';
  text += formatTuple(reply) + trafficText(connection.traffic?.reply);
  if (connection.isAssured) text += '[ASSURED] ';
  return `${text}mark=${connection.mark} use=1`;
}

/** `packets=3 bytes=180 ` where packets are counted. */
function trafficText(traffic: Traffic | undefined): string {
  return traffic === undefined ? '' : `packets=${traffic.packets} bytes=${traffic.bytes} `;
}

function formatTuple(tuple: TupleFields): string {
  const { protocol, sourcePort, destinationPort } = tuple;
  const source = formatIp(tuple.source);
  const destination = formatIp(tuple.destination);
  const addresses = `src=${source} dst=${destination} `;
  switch (protocol) {
    case IpProtocol.icmp:
    case NextHeader.icmpv6:
      return `${addresses}type=${destinationPort >> 8} code=${destinationPort & 255} id=${sourcePort} `;
    case IpProtocol.tcp:
    case IpProtocol.udp:
    case IpProtocol.sctp:
      return `${addresses}sport=${sourcePort} dport=${destinationPort} `;
    case IpProtocol.gre:
      return `${addresses}srckey=0x${sourcePort.toString(16)} dstkey=0x${destinationPort.toString(16)} `;
    default:
      return addresses;
  }
}
