/**
 * What a namespace does with ICMPv6 messages for it: answers echo requests, learns path MTUs, hands
 * neighbour discovery to its machine, and errors and echo replies to the sockets.
 * Mirrors `icmpv6_rcv` (net/ipv6/icmp.c).
 */
import { headerBytesOf, totalLengthOf } from '../../wire/ip.ts';
import {
  hopLimitOf,
  IPV6_HEADER_BYTES,
  ipv6DestinationOf,
  ipv6SourceOf,
  NextHeader,
  trafficClassOf,
  writeIpv6Header,
} from '../../wire/ipv6/header.ts';
import {
  finishIcmpv6Checksum,
  ICMPV6_HEADER_BYTES,
  Icmpv6Type,
  isIcmpv6ChecksumRight,
  isIcmpv6Error,
  mtuOf,
} from '../../wire/ipv6/icmpv6.ts';
import { isIpv6Multicast, needsLink } from '../../wire/ipv6/scope.ts';
import type { Namespace } from '../namespace.ts';
import { receiveNdisc } from '../neighbour/ndisc.ts';
import { Packet } from '../packet.ts';

/** Takes an ICMPv6 message in; `packet.start` is the IPv6 header. */
export function receiveIcmpv6(namespace: Namespace, packet: Packet): void {
  const { bytes, start, end } = packet;
  const at = start + headerBytesOf(bytes, start);
  const source = ipv6SourceOf(bytes, start);
  const destination = ipv6DestinationOf(bytes, start);
  const isWhole = end - at >= ICMPV6_HEADER_BYTES;
  if (!isWhole || !isIcmpv6ChecksumRight(bytes, at, end - at, source, destination)) {
    namespace.drop(packet, packet.inDevice!.name, 'malformed ICMPv6 message');
    return;
  }
  const type = bytes[at]!;
  const { counters } = namespace.ipv6;
  counters.noteIcmp(counters.icmpReceived, type);
  if (packet.way !== undefined) {
    const { world, name } = namespace;
    packet.way.add(
      world.nowNs,
      name,
      'deliver',
      'icmpv6',
      '',
      `type ${type} code ${bytes[at + 1]}`,
    );
  }
  switch (type) {
    case Icmpv6Type.echoRequest:
      answerEcho(namespace, packet, at);
      break;
    case Icmpv6Type.echoReply:
      namespace.sockets.deliver(packet);
      break;
    case Icmpv6Type.neighbourSolicitation:
    case Icmpv6Type.neighbourAdvertisement:
    case Icmpv6Type.redirect:
      if (hopLimitOf(bytes, start) === 255) receiveNdisc(namespace, packet, at);
      else namespace.drop(packet, packet.inDevice!.name, 'neighbour discovery from afar');
      break;
    default:
      if (isIcmpv6Error(type)) takeError(namespace, packet, at, type);
  }
}

function takeError(namespace: Namespace, packet: Packet, at: number, type: number): void {
  const { bytes, end } = packet;
  const inner = at + ICMPV6_HEADER_BYTES;
  if (end - inner < IPV6_HEADER_BYTES || bytes[inner]! >> 4 !== 6) return;
  if (type === Icmpv6Type.packetTooBig) {
    const refusedBytes = totalLengthOf(bytes, inner);
    namespace.ipv6.pathMtus.learn(ipv6DestinationOf(bytes, inner), mtuOf(bytes, at), refusedBytes);
  }
  namespace.sockets.deliverIcmpError(packet);
}

function answerEcho(namespace: Namespace, packet: Packet, at: number): void {
  const { sysctls, ipv6 } = namespace;
  const { bytes, start, end, inDevice } = packet;
  const target = ipv6DestinationOf(bytes, start);
  const sender = ipv6SourceOf(bytes, start);
  if (sysctls.number('net.ipv6.icmp.echo_ignore_all') !== 0) return;
  const isGroup = isIpv6Multicast(target);
  if (isGroup && sysctls.number('net.ipv6.icmp.echo_ignore_multicast') !== 0) return;
  const outDevice = needsLink(sender) ? inDevice : undefined;
  let own = target;
  if (isGroup) own = ipv6.addresses.selectSource(inDevice!, sender) ?? 0;
  if (own === 0) return;
  const answer = Packet.allocate(IPV6_HEADER_BYTES + end - at);
  writeIpv6Header(answer.bytes, answer.start, {
    payloadBytes: end - at,
    nextHeader: NextHeader.icmpv6,
    hopLimit: 64,
    source: own,
    destination: sender,
    trafficClass: trafficClassOf(bytes, start),
  });
  const answerAt = answer.start + IPV6_HEADER_BYTES;
  answer.bytes.set(bytes.subarray(at, end), answerAt);
  answer.bytes[answerAt] = Icmpv6Type.echoReply;
  finishIcmpv6Checksum(answer.bytes, answerAt, end - at, own, sender);
  if (sysctls.number('net.ipv6.fwmark_reflect') !== 0) answer.mark = packet.mark;
  answer.way = packet.way;
  ipv6.send(answer, outDevice);
}
