/**
 * The UDP source port of a tunnelled frame: a hash of the inner flow folded into the local port
 * range, so that the underlay can spread flows and keeps one flow in order (`udp_flow_src_port`).
 *
 * The hash is symmetric in the two ends, as the kernel's flow dissector makes it.
 */
import type { PortRange } from '../net/socket/ports.ts';
import { readU16, readU32 } from '../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES, EtherType, etherTypeOf } from '../wire/ethernet.ts';
import {
  destinationOf,
  headerBytesOf,
  IpProtocol,
  isFragment,
  protocolOf,
  sourceOf,
} from '../wire/ipv4.ts';

/**
 * The source port for the frame at `at`, from the first port of a range up to the one before its last
 * (`hash * (max - min) >> 32`).
 */
export function sourcePortOfFlow(
  bytes: Uint8Array,
  at: number,
  { first, last }: PortRange,
): number {
  let hash = flowHash(bytes, at);
  hash = (hash ^ (hash << 16)) >>> 0;
  return first + Math.floor((hash / 0x1_0000_0000) * (last - first));
}

function flowHash(bytes: Uint8Array, at: number): number {
  const ip = at + ETHERNET_HEADER_BYTES;
  if (etherTypeOf(bytes, at) !== EtherType.ipv4) {
    return mix(mix(readU32(bytes, at + 2), readU32(bytes, at + 8)), readU16(bytes, at + 12));
  }
  const protocol = protocolOf(bytes, ip);
  const hasPorts =
    (protocol === IpProtocol.tcp || protocol === IpProtocol.udp) && !isFragment(bytes, ip);
  let ports = 0;
  if (hasPorts) {
    const transport = ip + headerBytesOf(bytes, ip);
    const source = readU16(bytes, transport);
    const destination = readU16(bytes, transport + 2);
    ports = Math.min(source, destination) * 65_536 + Math.max(source, destination);
  }
  const source = sourceOf(bytes, ip);
  const destination = destinationOf(bytes, ip);
  const low = Math.min(source, destination);
  const high = Math.max(source, destination);
  return mix(mix(mix(low, high), ports), protocol);
}

function mix(hash: number, word: number): number {
  let h = Math.imul(hash ^ word, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
