/**
 * Rewriting an address and a port of an IPv4 packet, with every checksum that covers them: the
 * header's, and TCP's, UDP's or SCTP's with the pseudo header. What NAT and ipvs both do
 * (`nf_nat_manip_pkt`, `tcp_dnat_handler`).
 *
 * A later fragment has no ports; only its header is rewritten.
 */
import type { Ipv4Address } from './addresses.ts';
import { readU16, readU32, writeU16 } from './bytes.ts';
import { adjustChecksum16, adjustChecksum32 } from './checksum.ts';
import {
  fragmentOffsetBytesOf,
  headerBytesOf,
  IpProtocol,
  protocolOf,
  setDestination,
  setSource,
} from './ipv4.ts';

const SOURCE_OFFSET = 12;
const DESTINATION_OFFSET = 16;

/** Sets the source address and port (`port` -1 keeps the port) of the packet at `at`. */
export function rewriteSource(
  bytes: Uint8Array,
  at: number,
  address: Ipv4Address,
  port: number,
): void {
  adjustTransport(bytes, at, SOURCE_OFFSET, 0, address, port);
  setSource(bytes, at, address);
}

/** Sets the destination address and port (`port` -1 keeps the port) of the packet at `at`. */
export function rewriteDestination(
  bytes: Uint8Array,
  at: number,
  address: Ipv4Address,
  port: number,
): void {
  adjustTransport(bytes, at, DESTINATION_OFFSET, 2, address, port);
  setDestination(bytes, at, address);
}

/** Where the checksum stands in the transport header; -1 when it covers no address. */
function checksumOffsetOf(protocol: number): number {
  if (protocol === IpProtocol.tcp) return 16;
  if (protocol === IpProtocol.udp) return 6;
  return -1;
}

function adjustTransport(
  bytes: Uint8Array,
  at: number,
  addressOffset: number,
  portOffset: number,
  address: Ipv4Address,
  port: number,
): void {
  if (fragmentOffsetBytesOf(bytes, at) !== 0) return;
  const protocol = protocolOf(bytes, at);
  const transport = at + headerBytesOf(bytes, at);
  const checksumOffset = checksumOffsetOf(protocol);
  const hasPorts = checksumOffset >= 0 || protocol === IpProtocol.sctp;
  if (!hasPorts) return;
  const oldPort = readU16(bytes, transport + portOffset);
  if (checksumOffset >= 0) {
    const old = readU16(bytes, transport + checksumOffset);
    const isAbsent = protocol === IpProtocol.udp && old === 0;
    if (!isAbsent) {
      let checksum = adjustChecksum32(old, readU32(bytes, at + addressOffset), address);
      if (port >= 0) checksum = adjustChecksum16(checksum, oldPort, port);
      if (protocol === IpProtocol.udp && checksum === 0) checksum = 0xffff;
      writeU16(bytes, transport + checksumOffset, checksum);
    }
  }
  if (port >= 0) writeU16(bytes, transport + portOffset, port);
}
