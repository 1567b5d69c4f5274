/**
 * The ICMP error that a tunnel makes itself when a frame does not fit the way to the VTEP: it seems
 * to come from the packet's destination, and is received by the tunnel device as if the far end had
 * sent it, so that a bridge carries it to the sender.
 *
 * Mirrors `skb_tunnel_check_pmtu` and `iptunnel_pmtud_build_icmp` (net/ipv4/ip_tunnel_core.c, since
 * Linux 5.9).
 */
import { Packet } from '../net/packet.ts';
import { isLoopbackAddress, isMulticastAddress } from '../wire/addresses.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  sourceMacOf,
  writeEthernetHeader,
} from '../wire/ethernet.ts';
import {
  ICMP_HEADER_BYTES,
  IcmpType,
  isIcmpError,
  quotedBytesOf,
  UnreachableCode,
  writeIcmpError,
} from '../wire/icmp.ts';
import {
  destinationOf,
  hasDontFragment,
  headerBytesOf,
  IPV4_HEADER_BYTES,
  IpProtocol,
  isFragment,
  protocolOf,
  sourceOf,
  ttlOf,
  writeIpv4Header,
} from '../wire/ipv4.ts';

/** Below this a tunnel says nothing (`iptunnel_pmtud_check_icmp`). */
const MTU_BYTES_MIN = 576;
const LIMITED_BROADCAST = 0xffff_ffff;

/**
 * The frame with the error for an inner frame whose packet may have `mtuBytes`; undefined when it
 * fits, or when nobody is to be told, so that the outer packet gets fragmented.
 */
export function pathMtuReplyTo(frame: Packet, mtuBytes: number): Packet | undefined {
  const { bytes, start, end } = frame;
  const ip = start + ETHERNET_HEADER_BYTES;
  if (end - ip <= mtuBytes || mtuBytes < MTU_BYTES_MIN) return undefined;
  if (etherTypeOf(bytes, start) !== EtherType.ipv4) return undefined;
  if (!hasDontFragment(bytes, ip) || isFragment(bytes, ip)) return undefined;
  const source = sourceOf(bytes, ip);
  const destination = destinationOf(bytes, ip);
  if (destination === LIMITED_BROADCAST || isMulticastAddress(destination)) return undefined;
  if (source >>> 24 === 0 || isLoopbackAddress(source) || isMulticastAddress(source)) {
    return undefined;
  }
  const transport = ip + headerBytesOf(bytes, ip);
  if (protocolOf(bytes, ip) === IpProtocol.icmp && isIcmpError(bytes[transport]!)) {
    return undefined;
  }
  const icmpBytes = ICMP_HEADER_BYTES + quotedBytesOf(end - ip);
  const totalLengthBytes = IPV4_HEADER_BYTES + icmpBytes;
  const reply = Packet.allocate(ETHERNET_HEADER_BYTES + totalLengthBytes);
  const at = reply.start + ETHERNET_HEADER_BYTES;
  const sender = sourceMacOf(bytes, start);
  const receiver = destinationMacOf(bytes, start);
  writeEthernetHeader(reply.bytes, reply.start, sender, receiver, EtherType.ipv4);
  writeIpv4Header(reply.bytes, at, {
    totalLengthBytes,
    identification: 0,
    dontFragment: true,
    ttl: ttlOf(bytes, ip),
    protocol: IpProtocol.icmp,
    source: destination,
    destination: source,
  });
  const { destinationUnreachable: type } = IcmpType;
  const { fragmentationNeeded: code } = UnreachableCode;
  writeIcmpError(reply.bytes, at + IPV4_HEADER_BYTES, type, code, mtuBytes, bytes, ip, end);
  reply.way = frame.way?.fork();
  return reply;
}
