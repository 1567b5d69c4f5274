/**
 * What a router between hosts does with a packet that the next link does not take: it cuts it, or tells
 * its sender (RFC 1191, RFC 8201).
 */
import { HEADROOM_BYTES, Packet } from '../../net/packet.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  sourceMacOf,
  writeEthernetHeader,
} from '../../wire/ethernet.ts';
import {
  ICMP_HEADER_BYTES,
  IcmpType,
  isIcmpError,
  quotedBytesOf,
  UnreachableCode,
  writeIcmpError,
} from '../../wire/icmp.ts';
import type { IpAddress } from '../../wire/ip-address.ts';
import {
  fragmentIpv4,
  hasDontFragment,
  headerBytesOf,
  IPV4_HEADER_BYTES,
  IpProtocol,
  protocolOf,
  sourceOf,
  writeIpv4Header,
} from '../../wire/ipv4.ts';
import {
  IPV6_HEADER_BYTES,
  ipv6SourceOf,
  NextHeader,
  writeIpv6Header,
} from '../../wire/ipv6/header.ts';
import {
  finishIcmpv6Checksum,
  ICMPV6_HEADER_BYTES,
  Icmpv6Type,
  quoted6BytesOf,
  writeIcmpv6Error,
} from '../../wire/ipv6/icmpv6.ts';

/** The frames with the pieces of the packet in a frame; undefined when it may not be cut. */
export function piecesOf(frame: Packet, mtuBytes: number): Packet[] | undefined {
  const { bytes, start, end } = frame;
  const at = start + ETHERNET_HEADER_BYTES;
  if (etherTypeOf(bytes, start) !== EtherType.ipv4 || hasDontFragment(bytes, at)) return undefined;
  return fragmentIpv4(bytes, at, end, mtuBytes, HEADROOM_BYTES).map((piece) => {
    const fragment = frame.fragment(piece);
    fragment.push(ETHERNET_HEADER_BYTES);
    fragment.bytes.set(bytes.subarray(start, at), fragment.start);
    return fragment;
  });
}

/** The frame that tells the sender what the link takes; undefined when nobody is to be told. */
export function tooBigReplyTo(
  frame: Packet,
  mtuBytes: number,
  router: { readonly ipv4: IpAddress; readonly ipv6: IpAddress },
): Packet | undefined {
  switch (etherTypeOf(frame.bytes, frame.start)) {
    case EtherType.ipv4:
      return ipv4Reply(frame, mtuBytes, router.ipv4);
    case EtherType.ipv6:
      return ipv6Reply(frame, mtuBytes, router.ipv6);
    default:
      return undefined;
  }
}

function ipv4Reply(frame: Packet, mtuBytes: number, source: IpAddress): Packet | undefined {
  const { bytes, end } = frame;
  const at = frame.start + ETHERNET_HEADER_BYTES;
  const isIcmp = protocolOf(bytes, at) === IpProtocol.icmp;
  if (isIcmp && isIcmpError(bytes[at + headerBytesOf(bytes, at)]!)) return undefined;
  const totalLengthBytes = IPV4_HEADER_BYTES + ICMP_HEADER_BYTES + quotedBytesOf(end - at);
  const reply = emptyReply(frame, totalLengthBytes, EtherType.ipv4);
  const header = reply.start + ETHERNET_HEADER_BYTES;
  writeIpv4Header(reply.bytes, header, {
    totalLengthBytes,
    identification: 0,
    dontFragment: false,
    ttl: 64,
    protocol: IpProtocol.icmp,
    source,
    destination: sourceOf(bytes, at),
  });
  const { destinationUnreachable: type } = IcmpType;
  const { fragmentationNeeded: code } = UnreachableCode;
  writeIcmpError(reply.bytes, header + IPV4_HEADER_BYTES, type, code, mtuBytes, bytes, at, end);
  return reply;
}

function ipv6Reply(frame: Packet, mtuBytes: number, source: IpAddress): Packet {
  const { bytes, end } = frame;
  const at = frame.start + ETHERNET_HEADER_BYTES;
  const icmpBytes = ICMPV6_HEADER_BYTES + quoted6BytesOf(end - at);
  const destination = ipv6SourceOf(bytes, at);
  const reply = emptyReply(frame, IPV6_HEADER_BYTES + icmpBytes, EtherType.ipv6);
  const header = reply.start + ETHERNET_HEADER_BYTES;
  const nextHeader = NextHeader.icmpv6;
  const ends = { source, destination };
  writeIpv6Header(reply.bytes, header, {
    payloadBytes: icmpBytes,
    nextHeader,
    hopLimit: 64,
    ...ends,
  });
  const icmp = header + IPV6_HEADER_BYTES;
  const { packetTooBig } = Icmpv6Type;
  writeIcmpv6Error(reply.bytes, icmp, packetTooBig, 0, mtuBytes, bytes, at, end);
  finishIcmpv6Checksum(reply.bytes, icmp, icmpBytes, source, destination);
  return reply;
}

/** A frame back to the sender of another one, its packet not written yet. */
function emptyReply({ bytes, start, way }: Packet, ipBytes: number, type: EtherType): Packet {
  const reply = Packet.allocate(ETHERNET_HEADER_BYTES + ipBytes);
  const [to, from] = [sourceMacOf(bytes, start), destinationMacOf(bytes, start)];
  writeEthernetHeader(reply.bytes, reply.start, to, from, type);
  reply.way = way?.fork();
  return reply;
}
