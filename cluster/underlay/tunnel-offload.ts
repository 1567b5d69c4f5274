/**
 * A card that fills in the wrong checksum inside tunnels, as virtual cards did that know VXLAN by its
 * port (vmxnet3 on some hypervisors): the inner TCP or UDP checksum stays what the stack had left for the
 * card, the sum of the pseudo header, while the outer one is right. ICMP is summed by the stack, and
 * what IPsec has sealed no card looks into.
 */
import { writeU16 } from '../../wire/bytes.ts';
import { foldChecksum, pseudoHeaderSum } from '../../wire/checksum.ts';
import { ETHERNET_HEADER_BYTES, EtherType, etherTypeOf } from '../../wire/ethernet.ts';
import {
  destinationOf,
  fragmentOffsetBytesOf,
  headerBytesOf,
  IPV4_HEADER_BYTES,
  IpProtocol,
  protocolOf,
  sourceOf,
} from '../../wire/ipv4.ts';
import {
  destinationPortOf,
  finishUdpChecksum,
  lengthOf,
  UDP_HEADER_BYTES,
} from '../../wire/udp.ts';
import { VXLAN_HEADER_BYTES, VXLAN_PORT } from '../../wire/vxlan.ts';

/** The ports that such a card takes for VXLAN: IANA's, and Linux' before it. */
const TUNNEL_PORTS: readonly number[] = [VXLAN_PORT, 8472];

/** Spoils the inner checksum of the VXLAN frame from `start` on; leaves everything else alone. */
export function spoilTunnelChecksum(bytes: Uint8Array, start: number, end: number): void {
  const outer = ipv4At(bytes, start, end);
  if (outer === undefined || protocolOf(bytes, outer) !== IpProtocol.udp) return;
  if (fragmentOffsetBytesOf(bytes, outer) !== 0) return;
  const udp = outer + headerBytesOf(bytes, outer);
  if (end - udp < UDP_HEADER_BYTES || !TUNNEL_PORTS.includes(destinationPortOf(bytes, udp))) return;
  const inner = ipv4At(bytes, udp + UDP_HEADER_BYTES + VXLAN_HEADER_BYTES, end);
  if (inner === undefined || fragmentOffsetBytesOf(bytes, inner) !== 0) return;
  const protocol = protocolOf(bytes, inner);
  const isTcp = protocol === IpProtocol.tcp;
  if (!isTcp && protocol !== IpProtocol.udp) return;
  const transport = inner + headerBytesOf(bytes, inner);
  const checksumAt = transport + (isTcp ? 16 : 6);
  if (checksumAt + 2 > end) return;
  const source = sourceOf(bytes, inner);
  const sum = pseudoHeaderSum(source, destinationOf(bytes, inner), protocol, end - transport);
  writeU16(bytes, checksumAt, ~foldChecksum(sum));
  const lengthBytes = lengthOf(bytes, udp);
  if (lengthBytes > end - udp) return;
  finishUdpChecksum(bytes, udp, lengthBytes, sourceOf(bytes, outer), destinationOf(bytes, outer));
}

/** Where the IPv4 header of the Ethernet frame at `at` begins. */
function ipv4At(bytes: Uint8Array, at: number, end: number): number | undefined {
  if (end - at < ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES) return undefined;
  return etherTypeOf(bytes, at) === EtherType.ipv4 ? at + ETHERNET_HEADER_BYTES : undefined;
}
