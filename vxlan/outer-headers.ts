/**
 * What stands before a frame in a VXLAN packet: the header of the underlay's IP, UDP, and VXLAN.
 *
 * Over IPv4 the outer packet may be fragmented unless the device says otherwise, and has a checksum
 * unless it says otherwise; over IPv6 it is never fragmented, and its checksum is left out only where
 * both ends agree. Mirrors `vxlan_build_skb`, `udp_tunnel_xmit_skb` (net/ipv4/udp_tunnel_core.c) and
 * `udp_tunnel6_xmit_skb` (net/ipv6/ip6_udp_tunnel.c).
 */
import type { Packet } from '../net/packet.ts';
import { ETHERNET_HEADER_BYTES } from '../wire/ethernet.ts';
import { type IpAddress, isIpv6Address } from '../wire/ip-address.ts';
import { IPV4_HEADER_BYTES, IpProtocol, writeIpv4Header } from '../wire/ipv4.ts';
import { IPV6_HEADER_BYTES, writeIpv6Header } from '../wire/ipv6/header.ts';
import { finishUdpChecksum, UDP_HEADER_BYTES, writeUdpHeader } from '../wire/udp.ts';
import { VXLAN_HEADER_BYTES, writeVxlanHeader } from '../wire/vxlan.ts';

/** What VXLAN puts around an inner packet over IPv4, inner Ethernet header included. */
export const VXLAN_OVERHEAD_BYTES =
  IPV4_HEADER_BYTES + UDP_HEADER_BYTES + VXLAN_HEADER_BYTES + ETHERNET_HEADER_BYTES;

/** As {@link VXLAN_OVERHEAD_BYTES}, over IPv6. */
export const VXLAN6_OVERHEAD_BYTES = VXLAN_OVERHEAD_BYTES + IPV6_HEADER_BYTES - IPV4_HEADER_BYTES;

/** What the headers say. */
export interface OuterHeaders {
  readonly vni: number;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly sourcePort: number;
  readonly port: number;
  readonly ttl: number;
  readonly tos: number;
  readonly hasChecksum: boolean;
  /** IPv4's. */
  readonly dontFragment: boolean;
  /** IPv4's. */
  readonly identification: number;
  /** IPv6's. */
  readonly flowLabel: number;
}

/** Puts the headers before a frame; `packet.start` is then the outer IP header. */
export function pushOuterHeaders(packet: Packet, headers: OuterHeaders): void {
  const { source, destination } = headers;
  const isVersion6 = isIpv6Address(destination);
  const ipBytes = isVersion6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES;
  packet.push(ipBytes + UDP_HEADER_BYTES + VXLAN_HEADER_BYTES);
  const { bytes, start, end } = packet;
  const udp = start + ipBytes;
  writeVxlanHeader(bytes, udp + UDP_HEADER_BYTES, headers.vni);
  writeUdpHeader(bytes, udp, headers.sourcePort, headers.port, end - udp, 0);
  if (isVersion6) {
    writeIpv6Header(bytes, start, {
      payloadBytes: end - udp,
      nextHeader: IpProtocol.udp,
      hopLimit: headers.ttl,
      source,
      destination,
      trafficClass: headers.tos,
      flowLabel: headers.flowLabel,
    });
  } else {
    writeIpv4Header(bytes, start, {
      totalLengthBytes: end - start,
      identification: headers.identification,
      dontFragment: headers.dontFragment,
      ttl: headers.ttl,
      protocol: IpProtocol.udp,
      source,
      destination,
      tos: headers.tos,
    });
  }
  if (headers.hasChecksum) finishUdpChecksum(bytes, udp, end - udp, source, destination);
}
