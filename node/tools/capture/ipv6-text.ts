/**
 * An IPv6 packet as tcpdump 4.99 prints it with `-n`: its ends, and what is in it.
 * Mirrors print-ip6.c and print-icmp6.c.
 */
import { readU16, readU32 } from '../../../wire/bytes.ts';
import { formatIp, readIpv6 } from '../../../wire/ip-address.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import {
  fragmentHeaderAtOf,
  hopLimitOf,
  IPV6_HEADER_BYTES,
  ipv6DestinationOf,
  ipv6FragmentOffsetBytesOf,
  ipv6HeaderBytesOf,
  ipv6ProtocolOf,
  ipv6SourceOf,
  isValidIpv6Header,
  NextHeader,
  payloadBytesOf,
} from '../../../wire/ipv6/header.ts';
import { Icmpv6Type, mtuOf, Unreachable6Code } from '../../../wire/ipv6/icmpv6.ts';
import type { FrameFormat } from './frame-text.ts';
import { tcpText, udpText } from './transport-text.ts';

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  [IpProtocol.tcp]: 'TCP',
  [IpProtocol.udp]: 'UDP',
  [IpProtocol.sctp]: 'SCTP',
  [NextHeader.icmpv6]: 'ICMPv6',
};

/** The text behind `IP6 `. */
export function ipv6Text(bytes: Uint8Array, at: number, end: number, format: FrameFormat): string {
  if (!isValidIpv6Header(bytes, at, end)) return '[|ip6]';
  const packetEnd = at + IPV6_HEADER_BYTES + payloadBytesOf(bytes, at);
  const source = formatIp(ipv6SourceOf(bytes, at));
  const destination = formatIp(ipv6DestinationOf(bytes, at));
  const protocol = ipv6ProtocolOf(bytes, at);
  const payload = at + ipv6HeaderBytesOf(bytes, at);
  const head = format.isVerbose ? headText(bytes, at, protocol) : '';
  const ends = `${source} > ${destination}: `;
  const fragmentAt = fragmentHeaderAtOf(bytes, at);
  const offset = ipv6FragmentOffsetBytesOf(bytes, at);
  const length = packetEnd - payload;
  const fragment = fragmentAt < 0 ? '' : `frag (${offset}|${length}) `;
  if (offset > 0) return `${head}${ends}${fragment.trimEnd()}`;
  const packet = { bytes, at: payload, end: packetEnd, ip: at };
  switch (protocol) {
    case IpProtocol.tcp:
      return head + fragment + tcpText(packet, source, destination, format);
    case IpProtocol.udp:
      return head + fragment + udpText(packet, source, destination, format, () => '');
    case NextHeader.icmpv6:
      return `${head}${ends}${fragment}ICMP6, ${icmpv6Text(bytes, payload)}, length ${length}`;
    default:
      return `${head}${ends}${fragment}ip-proto-${protocol} ${length}`;
  }
}

/** `(hlim 64, next-header ICMPv6 (58) payload length: 64) ` */
function headText(bytes: Uint8Array, at: number, protocol: number): string {
  const name = PROTOCOL_NAMES[protocol] ?? 'unknown';
  const next = `next-header ${name} (${protocol}) payload length: ${payloadBytesOf(bytes, at)}`;
  return `(hlim ${hopLimitOf(bytes, at)}, ${next}) `;
}

function icmpv6Text(bytes: Uint8Array, at: number): string {
  const addressAt = (offset: number) => formatIp(readIpv6(bytes, at + offset));
  const quoted = at + 8;
  switch (bytes[at]) {
    case Icmpv6Type.echoRequest:
    case Icmpv6Type.echoReply: {
      const name = bytes[at] === Icmpv6Type.echoRequest ? 'request' : 'reply';
      return `echo ${name}, id ${readU16(bytes, at + 4)}, seq ${readU16(bytes, at + 6)}`;
    }
    case Icmpv6Type.neighbourSolicitation:
      return `neighbor solicitation, who has ${addressAt(8)}`;
    case Icmpv6Type.neighbourAdvertisement:
      return `neighbor advertisement, tgt is ${addressAt(8)}`;
    case Icmpv6Type.redirect:
      return `redirect, ${addressAt(24)} to ${addressAt(8)}`;
    case Icmpv6Type.packetTooBig:
      return `packet too big, mtu ${mtuOf(bytes, at)}`;
    case Icmpv6Type.timeExceeded:
      return bytes[at + 1] === 0
        ? `time exceeded in-transit for ${formatIp(ipv6DestinationOf(bytes, quoted))}`
        : 'ip6 reassembly time exceeded';
    case Icmpv6Type.destinationUnreachable:
      return `destination unreachable, ${unreachableText(bytes, at + 1, quoted)}`;
    case Icmpv6Type.parameterProblem:
      return `parameter problem, next header - octet ${readU32(bytes, at + 4)}`;
    default:
      return `unknown icmp6 type (${bytes[at]})`;
  }
}

function unreachableText(bytes: Uint8Array, codeAt: number, quoted: number): string {
  const target = formatIp(ipv6DestinationOf(bytes, quoted));
  switch (bytes[codeAt]) {
    case Unreachable6Code.noRoute:
      return `unreachable route ${target}`;
    case Unreachable6Code.prohibited:
      return `unreachable prohibited ${target}`;
    case Unreachable6Code.beyondScope: {
      const source = formatIp(ipv6SourceOf(bytes, quoted));
      return `beyond scope ${target}, source address ${source}`;
    }
    case Unreachable6Code.address:
      return `unreachable address ${target}`;
    case Unreachable6Code.port: {
      const port = readU16(bytes, quoted + ipv6HeaderBytesOf(bytes, quoted) + 2);
      const name = ipv6ProtocolOf(bytes, quoted) === IpProtocol.tcp ? 'tcp' : 'udp';
      return `unreachable port, ${target} ${name} port ${port}`;
    }
    default:
      return `unknown unreach code (${bytes[codeAt]})`;
  }
}
