/**
 * The line that the kernel logs of a packet: interfaces, frame, IP header, transport header, mark.
 * Mirrors `nf_log_ip_packet`, `dump_ipv4_packet` and `dump_ipv6_packet` (net/netfilter/nf_log_syslog.c).
 */
import { formatIpv4Address } from '../../../../wire/addresses.ts';
import { readU16, readU32 } from '../../../../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES } from '../../../../wire/ethernet.ts';
import { IcmpType, isIcmpError, UnreachableCode } from '../../../../wire/icmp.ts';
import * as ip from '../../../../wire/ip.ts';
import { isIpv6 } from '../../../../wire/ip.ts';
import {
  destinationOf,
  fragmentOffsetBytesOf,
  hasDontFragment,
  hasMoreFragments,
  headerBytesOf,
  IPV4_HEADER_BYTES,
  IpProtocol,
  identificationOf,
  protocolOf,
  sourceOf,
  tosOf,
  totalLengthOf,
  ttlOf,
} from '../../../../wire/ipv4.ts';
import {
  hopLimitOf,
  IPV6_HEADER_BYTES,
  ipv6FragmentOffsetBytesOf,
  ipv6HeaderBytesOf,
  ipv6ProtocolOf,
  NextHeader,
  trafficClassOf,
} from '../../../../wire/ipv6/header.ts';
import { Icmpv6Type, isIcmpv6Error, mtuOf } from '../../../../wire/ipv6/icmpv6.ts';
import { TcpFlag } from '../../../../wire/tcp.ts';
import type { Inspection } from '../../inspection.ts';

/** Bits of the LOG target's flags. */
export const LogFlag = {
  tcpSequence: 1,
  tcpOptions: 2,
  ipOptions: 4,
  uid: 8,
  macDecode: 32,
} as const;

/** What the kernel itself logs with, where no rule says otherwise (`NF_LOG_DEFAULT_MASK`). */
export const DEFAULT_LOG_FLAGS =
  LogFlag.tcpSequence | LogFlag.tcpOptions | LogFlag.ipOptions | LogFlag.uid;

/** Writes to the kernel's log, which namespaces other than the first may not, unless they are let. */
export function logPacket({ namespace }: Inspection, text: string): boolean {
  const { host, sysctls, isInitial } = namespace;
  if (!isInitial && sysctls.number('net.netfilter.nf_log_all_netns') === 0) return false;
  host.log.write(text.trimEnd());
  return true;
}

/** The flags in the order in which they are logged. */
const TCP_FLAGS: readonly (readonly [string, number])[] = [
  ['CWR', 0x80],
  ['ECE', 0x40],
  ['URG', 0x20],
  ['ACK', TcpFlag.ack],
  ['PSH', TcpFlag.psh],
  ['RST', TcpFlag.rst],
  ['SYN', TcpFlag.syn],
  ['FIN', TcpFlag.fin],
];

/** The line behind the rule's prefix, its last blank included. */
export function logLine(inspection: Inspection, flags: number): string {
  const { packet, inName, outName, bytes, at, end } = inspection;
  let text = `IN=${inName} OUT=${outName} `;
  if (packet.inPort !== undefined) text += `PHYSIN=${packet.inPort.name} `;
  if (packet.outPort !== undefined) text += `PHYSOUT=${packet.outPort.name} `;
  if (inspection.inDevice !== undefined) text += `MAC=${frameText(bytes, at)} `;
  text += packetText(bytes, at, end, flags, true);
  return packet.mark === 0 ? text : `${text}MARK=0x${packet.mark.toString(16)} `;
}

/** Destination, source and EtherType of the frame, octet by octet. */
function frameText(bytes: Uint8Array, at: number): string {
  const frame = bytes.subarray(at - ETHERNET_HEADER_BYTES, at);
  return Array.from(frame, (octet) => octet.toString(16).padStart(2, '0')).join(':');
}

function packetText(
  bytes: Uint8Array,
  at: number,
  end: number,
  flags: number,
  isOuter: boolean,
): string {
  if (end - at < IPV4_HEADER_BYTES) return 'TRUNCATED';
  if (isIpv6(bytes, at)) return ipv6Text(bytes, at, end, flags, isOuter);
  const tos = tosOf(bytes, at);
  let text = `SRC=${formatIpv4Address(sourceOf(bytes, at))} `;
  text += `DST=${formatIpv4Address(destinationOf(bytes, at))} LEN=${totalLengthOf(bytes, at)} `;
  text += `TOS=0x${hexByte(tos & 0x1e)} PREC=0x${hexByte(tos & 0xe0)} `;
  text += `TTL=${ttlOf(bytes, at)} ID=${identificationOf(bytes, at)} `;
  if (hasDontFragment(bytes, at)) text += 'DF ';
  if (hasMoreFragments(bytes, at)) text += 'MF ';
  const fragmentOffsetBytes = fragmentOffsetBytesOf(bytes, at);
  if (fragmentOffsetBytes !== 0) text += `FRAG:${fragmentOffsetBytes / 8} `;
  const transportAt = at + headerBytesOf(bytes, at);
  const protocol = protocolOf(bytes, at);
  const isWhole = fragmentOffsetBytes === 0;
  switch (protocol) {
    case IpProtocol.tcp:
      return `${text}PROTO=TCP ${isWhole ? tcpText(bytes, transportAt, end, flags) : ''}`;
    case IpProtocol.udp:
      return `${text}PROTO=UDP ${isWhole ? udpText(bytes, transportAt, end) : ''}`;
    case IpProtocol.icmp:
      if (!isWhole) return `${text}PROTO=ICMP `;
      return `${text}PROTO=ICMP ${icmpText(bytes, transportAt, end, flags, isOuter)}`;
    default:
      return `${text}PROTO=${protocol} `;
  }
}

/** `dump_ipv6_packet`; addresses are spelt out in full. */
function ipv6Text(
  bytes: Uint8Array,
  at: number,
  end: number,
  flags: number,
  isOuter: boolean,
): string {
  if (end - at < IPV6_HEADER_BYTES) return 'TRUNCATED';
  let text = `SRC=${fullText(bytes, at + 8)} DST=${fullText(bytes, at + 24)} `;
  text += `LEN=${ip.totalLengthOf(bytes, at)} TC=${trafficClassOf(bytes, at)} `;
  text += `HOPLIMIT=${hopLimitOf(bytes, at)} FLOWLBL=${readU32(bytes, at) & 0xf_ffff} `;
  const offsetBytes = ipv6FragmentOffsetBytesOf(bytes, at);
  if (offsetBytes !== 0) text += `FRAG:${offsetBytes} `;
  const transportAt = at + ipv6HeaderBytesOf(bytes, at);
  const protocol = ipv6ProtocolOf(bytes, at);
  const isWhole = offsetBytes === 0;
  if (protocol === IpProtocol.tcp) {
    return `${text}PROTO=TCP ${isWhole ? tcpText(bytes, transportAt, end, flags) : ''}`;
  }
  if (protocol === IpProtocol.udp) {
    return `${text}PROTO=UDP ${isWhole ? udpText(bytes, transportAt, end) : ''}`;
  }
  if (protocol !== NextHeader.icmpv6) return `${text}PROTO=${protocol} `;
  const [type, code] = [bytes[transportAt]!, bytes[transportAt + 1]!];
  text += `PROTO=ICMPv6 TYPE=${type} CODE=${code} `;
  if (type === Icmpv6Type.echoRequest || type === Icmpv6Type.echoReply) {
    return `${text}ID=${readU16(bytes, transportAt + 4)} SEQ=${readU16(bytes, transportAt + 6)} `;
  }
  if (!isIcmpv6Error(type) || !isOuter) return text;
  text += `[${packetText(bytes, transportAt + 8, end, flags, false)}] `;
  return type === Icmpv6Type.packetTooBig ? `${text}MTU=${mtuOf(bytes, transportAt)} ` : text;
}

/** An address with all its digits. */
function fullText(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => readU16(bytes, at + 2 * i));
  return groups.map((group) => group.toString(16).padStart(4, '0')).join(':');
}

function tcpText(bytes: Uint8Array, at: number, end: number, flags: number): string {
  if (end - at < 20) return `INCOMPLETE [${end - at} bytes] `;
  let text = `SPT=${readU16(bytes, at)} DPT=${readU16(bytes, at + 2)} `;
  if ((flags & LogFlag.tcpSequence) !== 0) {
    text += `SEQ=${readU32(bytes, at + 4) >>> 0} ACK=${readU32(bytes, at + 8) >>> 0} `;
  }
  text += `WINDOW=${readU16(bytes, at + 14)} RES=0x${hexByte((bytes[at + 12]! & 0xf) << 2)} `;
  for (const [name, bit] of TCP_FLAGS) if ((bytes[at + 13]! & bit) !== 0) text += `${name} `;
  text += `URGP=${readU16(bytes, at + 18)} `;
  const optionsEnd = Math.min(end, at + (bytes[at + 12]! >> 4) * 4);
  if ((flags & LogFlag.tcpOptions) === 0 || optionsEnd <= at + 20) return text;
  const options = Array.from(bytes.subarray(at + 20, optionsEnd), (octet) => hexByte(octet));
  return `${text}OPT (${options.join('')}) `;
}

function udpText(bytes: Uint8Array, at: number, end: number): string {
  if (end - at < 8) return `INCOMPLETE [${end - at} bytes] `;
  const ports = `SPT=${readU16(bytes, at)} DPT=${readU16(bytes, at + 2)}`;
  return `${ports} LEN=${readU16(bytes, at + 4)} `;
}

/** An error quotes the packet that it is about, in brackets, one deep. */
function icmpText(
  bytes: Uint8Array,
  at: number,
  end: number,
  flags: number,
  isOuter: boolean,
): string {
  if (end - at < 8) return `INCOMPLETE [${end - at} bytes] `;
  const [type, code] = [bytes[at]!, bytes[at + 1]!];
  let text = `TYPE=${type} CODE=${code} `;
  if (type === IcmpType.echoRequest || type === IcmpType.echoReply) {
    return `${text}ID=${readU16(bytes, at + 4)} SEQ=${readU16(bytes, at + 6)} `;
  }
  if (type === IcmpType.redirect) {
    text += `GATEWAY=${formatIpv4Address(readU32(bytes, at + 4) >>> 0)} `;
  }
  if (isIcmpError(type) && isOuter) {
    text += `[${packetText(bytes, at + 8, end, flags, false)}] `;
    const isTooBig = code === UnreachableCode.fragmentationNeeded;
    if (type === IcmpType.destinationUnreachable && isTooBig) {
      text += `MTU=${readU16(bytes, at + 6)} `;
    }
  }
  return text;
}

function hexByte(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0');
}
