/**
 * What a namespace does with ICMP messages for it: answers echo requests, learns path MTUs and
 * redirects, and hands errors and echo replies to the sockets.
 * Mirrors `icmp_rcv` (net/ipv4/icmp.c) and `__ip_do_redirect` (net/ipv4/route.c).
 */
import { isMulticastAddress } from '../../wire/addresses.ts';
import {
  finishIcmpChecksum,
  ICMP_HEADER_BYTES,
  IcmpType,
  isIcmpChecksumRight,
  isIcmpError,
  nextHopMtuOf,
  restOf,
  UnreachableCode,
} from '../../wire/icmp.ts';
import {
  destinationOf,
  headerBytesOf,
  IPV4_HEADER_BYTES,
  IpProtocol,
  sourceOf,
  tosOf,
  totalLengthOf,
  writeIpv4Header,
} from '../../wire/ipv4.ts';
import type { Namespace } from '../namespace.ts';
import { Packet } from '../packet.ts';

/** Takes an ICMP message in; `packet.start` is the IPv4 header. */
export function receiveIcmp(namespace: Namespace, packet: Packet): void {
  const { bytes, start, end } = packet;
  const at = start + headerBytesOf(bytes, start);
  if (end - at < ICMP_HEADER_BYTES || !isIcmpChecksumRight(bytes, at, end - at)) {
    namespace.drop(packet, packet.inDevice!.name, 'malformed ICMP message');
    return;
  }
  const type = bytes[at]!;
  const { ipCounters } = namespace;
  ipCounters.noteIcmp(ipCounters.icmpReceived, type);
  if (packet.way !== undefined) {
    const { world, name } = namespace;
    packet.way.add(world.nowNs, name, 'deliver', 'icmp', '', `type ${type} code ${bytes[at + 1]}`);
  }
  if (type === IcmpType.echoRequest) {
    answerEcho(namespace, packet, at);
    return;
  }
  if (type === IcmpType.echoReply) {
    namespace.sockets.deliver(packet);
    return;
  }
  if (!isIcmpError(type)) return;
  const inner = at + ICMP_HEADER_BYTES;
  if (end - inner < IPV4_HEADER_BYTES || bytes[inner]! >> 4 !== 4) return;
  if (headerBytesOf(bytes, inner) < IPV4_HEADER_BYTES) return;
  if (type === IcmpType.redirect) {
    learnRedirect(namespace, packet, at, inner);
    return;
  }
  const { fragmentationNeeded } = UnreachableCode;
  if (type === IcmpType.destinationUnreachable && bytes[at + 1] === fragmentationNeeded) {
    const mtuBytes = nextHopMtuOf(bytes, at);
    namespace.pathMtus.learn(destinationOf(bytes, inner), mtuBytes, totalLengthOf(bytes, inner));
  }
  namespace.sockets.deliverIcmpError(packet);
}

function answerEcho(namespace: Namespace, packet: Packet, at: number): void {
  const { sysctls } = namespace;
  const { bytes, start, end } = packet;
  const target = destinationOf(bytes, start);
  const source = sourceOf(bytes, start);
  if (sysctls.number('net.ipv4.icmp_echo_ignore_all') !== 0) return;
  const isGroup = isMulticastAddress(target) || !namespace.isLocalAddress(target);
  if (isGroup && sysctls.number('net.ipv4.icmp_echo_ignore_broadcasts') !== 0) return;
  const answer = Packet.allocate(IPV4_HEADER_BYTES + end - at);
  writeIpv4Header(answer.bytes, answer.start, {
    totalLengthBytes: IPV4_HEADER_BYTES + end - at,
    identification: namespace.nextIdentification(),
    dontFragment: false,
    ttl: sysctls.number('net.ipv4.ip_default_ttl'),
    protocol: IpProtocol.icmp,
    source: isGroup ? 0 : target,
    destination: source,
    tos: tosOf(bytes, start),
  });
  const answerAt = answer.start + IPV4_HEADER_BYTES;
  answer.bytes.set(bytes.subarray(at, end), answerAt);
  answer.bytes[answerAt] = IcmpType.echoReply;
  finishIcmpChecksum(answer.bytes, answerAt, end - at);
  if (sysctls.number('net.ipv4.fwmark_reflect') !== 0) answer.mark = packet.mark;
  answer.way = packet.way;
  namespace.sendIpv4(answer);
}

/** A router on our link knows a shorter way. */
function learnRedirect(namespace: Namespace, packet: Packet, at: number, inner: number): void {
  const device = packet.inDevice!;
  const { all } = namespace.sysctls;
  const accepts =
    device.ipv4.forwarding !== 0
      ? device.ipv4.accept_redirects !== 0 && all.accept_redirects !== 0
      : device.ipv4.accept_redirects !== 0 || all.accept_redirects !== 0;
  const gateway = restOf(packet.bytes, at);
  const destination = destinationOf(packet.bytes, inner);
  const route = namespace.routes.find(destination, 0, 0, undefined);
  if (!accepts || route?.type !== 'unicast' || route.device !== device) return;
  if (route.gateway !== sourceOf(packet.bytes, packet.start)) return;
  if (namespace.isLocalAddress(gateway) || isMulticastAddress(gateway)) return;
  if (!namespace.addresses.isOnLink(device, gateway)) return;
  namespace.routes.redirect(destination, gateway);
}
