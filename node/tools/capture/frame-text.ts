/**
 * A frame as tcpdump 4.99 prints it with `-n`: Ethernet (with `-e`), ARP, IPv4, and what is in it.
 * Mirrors print-ether.c, print-arp.c, print-ip.c and print-icmp.c.
 */
import { formatIpv4Address, formatMac } from '../../../wire/addresses.ts';
import { ArpOperation, parseArp } from '../../../wire/arp.ts';
import { readU32 } from '../../../wire/bytes.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  sourceMacOf,
  VLAN_TAG_BYTES,
  vlanEtherTypeOf,
  vlanIdOf,
} from '../../../wire/ethernet.ts';
import {
  codeOf,
  ICMP_HEADER_BYTES,
  IcmpType,
  identifierOf,
  nextHopMtuOf,
  restOf,
  sequenceNumberOf,
  typeOf,
  UnreachableCode,
} from '../../../wire/icmp.ts';
import {
  destinationOf,
  fragmentOffsetBytesOf,
  hasDontFragment,
  hasMoreFragments,
  headerBytesOf,
  IpProtocol,
  identificationOf,
  isValidIpv4Header,
  protocolOf,
  sourceOf,
  tosOf,
  totalLengthOf,
  ttlOf,
} from '../../../wire/ipv4.ts';
import { ipv6Text } from './ipv6-text.ts';
import { type TcpSequences, tcpText, udpText } from './transport-text.ts';

/** How to print. */
export interface FrameFormat {
  /** `-e` */
  readonly hasLink: boolean;
  /** `-v` */
  readonly isVerbose: boolean;
  /** First sequence numbers of the conversations so far; undefined with `-S`. */
  readonly sequences: TcpSequences | undefined;
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  [IpProtocol.icmp]: 'ICMP',
  [IpProtocol.tcp]: 'TCP',
  [IpProtocol.udp]: 'UDP',
  [IpProtocol.esp]: 'ESP',
  [IpProtocol.gre]: 'GRE',
  [IpProtocol.sctp]: 'SCTP',
};

const ETHER_TYPE_NAMES: Readonly<Record<number, string>> = {
  [EtherType.ipv4]: 'IPv4',
  [EtherType.arp]: 'ARP',
  [EtherType.ipv6]: 'IPv6',
  [EtherType.vlan]: '802.1Q',
};

/** The line of a frame in [start, end), without its time; with `-v` two lines. */
export function frameText(
  bytes: Uint8Array,
  start: number,
  end: number,
  format: FrameFormat,
): string {
  let at = start + ETHERNET_HEADER_BYTES;
  let type = etherTypeOf(bytes, start);
  let head = format.hasLink ? linkText(bytes, start, end, type) : '';
  if (type === EtherType.vlan) {
    type = vlanEtherTypeOf(bytes, start);
    const tag = `vlan ${vlanIdOf(bytes, start)}, p 0`;
    if (format.hasLink) head += `${tag}, ethertype ${etherTypeText(type)}, `;
    at += VLAN_TAG_BYTES;
  }
  const says = (name: string) => (format.hasLink ? '' : name);
  switch (type) {
    case EtherType.ipv4:
      return `${head}${says('IP ')}${ipv4Text(bytes, at, end, format)}`;
    case EtherType.arp:
      return `${head}${says('ARP, ')}${arpText(bytes, at, end)}`;
    case EtherType.ipv6:
      return `${head}${says('IP6 ')}${ipv6Text(bytes, at, end, format)}`;
    default:
      return `${head}ethertype ${etherTypeText(type)}, length ${end - start}:`;
  }
}

/** `02:42:… > 02:42:…, ethertype IPv4 (0x0800), length 98: ` */
function linkText(bytes: Uint8Array, start: number, end: number, type: number): string {
  const from = formatMac(sourceMacOf(bytes, start));
  const to = destinationMacOf(bytes, start);
  const target = to === 0xffff_ffff_ffff ? 'ff:ff:ff:ff:ff:ff' : formatMac(to);
  return `${from} > ${target}, ethertype ${etherTypeText(type)}, length ${end - start}: `;
}

function etherTypeText(type: number): string {
  const number = `0x${type.toString(16).padStart(4, '0')}`;
  return `${ETHER_TYPE_NAMES[type] ?? 'Unknown'} (${number})`;
}

function arpText(bytes: Uint8Array, at: number, end: number): string {
  const arp = parseArp(bytes, at, end);
  if (arp === undefined) return `[|arp], length ${end - at}`;
  const sender = formatIpv4Address(arp.senderAddress);
  const target = formatIpv4Address(arp.targetAddress);
  const length = `length ${end - at}`;
  if (arp.operation === ArpOperation.reply) {
    return `Reply ${sender} is-at ${formatMac(arp.senderMac)}, ${length}`;
  }
  const isDirected = arp.targetMac !== 0 && arp.targetMac !== 0xffff_ffff_ffff;
  const mac = isDirected ? ` (${formatMac(arp.targetMac)})` : '';
  return `Request who-has ${target}${mac} tell ${sender}, ${length}`;
}

/** An IPv4 packet in [at, end). */
function ipv4Text(bytes: Uint8Array, at: number, end: number, format: FrameFormat): string {
  if (!isValidIpv4Header(bytes, at, end)) return 'truncated-ip';
  const source = formatIpv4Address(sourceOf(bytes, at));
  const destination = formatIpv4Address(destinationOf(bytes, at));
  const protocol = protocolOf(bytes, at);
  const payload = at + headerBytesOf(bytes, at);
  const payloadEnd = at + totalLengthOf(bytes, at);
  const head = format.isVerbose ? `${ipv4HeaderText(bytes, at)}\n    ` : '';
  const ends = `${source} > ${destination}: `;
  if (fragmentOffsetBytesOf(bytes, at) !== 0) {
    return `${head}${ends}${(PROTOCOL_NAMES[protocol] ?? `ip-proto-${protocol}`).toLowerCase()}`;
  }
  const packet = { bytes, at: payload, end: payloadEnd, ip: at };
  switch (protocol) {
    case IpProtocol.tcp:
      return head + tcpText(packet, source, destination, format);
    case IpProtocol.udp:
      return (
        head +
        udpText(packet, source, destination, format, (from, to) =>
          frameText(bytes, from, to, format),
        )
      );
    case IpProtocol.icmp:
      return `${head}${ends}${icmpText(bytes, payload, payloadEnd)}`;
    case IpProtocol.esp: {
      const spi = readU32(bytes, payload).toString(16).padStart(8, '0');
      const sequence = readU32(bytes, payload + 4).toString(16);
      const length = payloadEnd - payload;
      return `${head}${ends}ESP(spi=0x${spi},seq=0x${sequence}), length ${length}`;
    }
    default: {
      const name = PROTOCOL_NAMES[protocol] ?? ` ip-proto-${protocol}`;
      return `${head}${ends}${name}, length ${payloadEnd - payload}`;
    }
  }
}

/** `(tos 0x0, ttl 64, id 4, offset 0, flags [DF], proto ICMP (1), length 84)` */
function ipv4HeaderText(bytes: Uint8Array, at: number): string {
  const flags = hasDontFragment(bytes, at) ? 'DF' : hasMoreFragments(bytes, at) ? '+' : 'none';
  const protocol = protocolOf(bytes, at);
  const name = PROTOCOL_NAMES[protocol] ?? 'unknown';
  const parts = [
    `tos 0x${tosOf(bytes, at).toString(16)}`,
    `ttl ${ttlOf(bytes, at)}`,
    `id ${identificationOf(bytes, at)}`,
    `offset ${fragmentOffsetBytesOf(bytes, at)}`,
    `flags [${flags}]`,
    `proto ${name} (${protocol})`,
    `length ${totalLengthOf(bytes, at)}`,
  ];
  return `(${parts.join(', ')})`;
}

function icmpText(bytes: Uint8Array, at: number, end: number): string {
  const length = `length ${end - at}`;
  const type = typeOf(bytes, at);
  switch (type) {
    case IcmpType.echoRequest:
    case IcmpType.echoReply: {
      const name = type === IcmpType.echoRequest ? 'request' : 'reply';
      const id = identifierOf(bytes, at);
      return `ICMP echo ${name}, id ${id}, seq ${sequenceNumberOf(bytes, at)}, ${length}`;
    }
    case IcmpType.destinationUnreachable:
      return `ICMP ${unreachableText(bytes, at)}, ${length}`;
    case IcmpType.timeExceeded: {
      const what = codeOf(bytes, at) === 0 ? 'in-transit' : 'reassembly';
      return `ICMP ${what === 'in-transit' ? '' : 'ip '}${TIME_EXCEEDED[what]}, ${length}`;
    }
    case IcmpType.redirect: {
      const target = formatIpv4Address(destinationOf(bytes, at + ICMP_HEADER_BYTES));
      const what = codeOf(bytes, at) === 0 ? 'net' : 'host';
      return `ICMP redirect ${target} to ${what} ${formatIpv4Address(restOf(bytes, at))}, ${length}`;
    }
    default:
      return `ICMP type-#${type}, ${length}`;
  }
}

const TIME_EXCEEDED = {
  'in-transit': 'time exceeded in-transit',
  reassembly: 'reassembly time exceeded',
} as const;

function unreachableText(bytes: Uint8Array, at: number): string {
  const quoted = at + ICMP_HEADER_BYTES;
  const target = formatIpv4Address(destinationOf(bytes, quoted));
  switch (codeOf(bytes, at)) {
    case UnreachableCode.network:
      return `net ${target} unreachable`;
    case UnreachableCode.host:
      return `host ${target} unreachable`;
    case UnreachableCode.protocol:
      return `${target} protocol ${protocolOf(bytes, quoted)} unreachable`;
    case UnreachableCode.port: {
      const transport = quoted + headerBytesOf(bytes, quoted);
      const port = bytes[transport + 2]! * 256 + bytes[transport + 3]!;
      const name = (PROTOCOL_NAMES[protocolOf(bytes, quoted)] ?? 'protocol').toLowerCase();
      return `${target} ${name} port ${port} unreachable`;
    }
    case UnreachableCode.fragmentationNeeded:
      return `${target} unreachable - need to frag (mtu ${nextHopMtuOf(bytes, at)})`;
    case UnreachableCode.networkProhibited:
      return `net ${target} unreachable - admin prohibited`;
    case UnreachableCode.hostProhibited:
      return `host ${target} unreachable - admin prohibited`;
    case UnreachableCode.administrativelyProhibited:
      return `host ${target} unreachable - admin prohibited filter`;
    default:
      return `${target} unreachable - #${codeOf(bytes, at)}`;
  }
}
