/**
 * IPv6's fragments for reassembly: told apart by source, destination and identification, each behind a
 * fragment header that the whole has not. Mirrors net/ipv6/reassembly.c.
 */
import { readU16, readU32, writeU16 } from '../../wire/bytes.ts';
import {
  FRAGMENT_HEADER_BYTES,
  fragmentHeaderAtOf,
  IPV6_HEADER_BYTES,
  ipv6DestinationOf,
  ipv6FragmentOffsetBytesOf,
  ipv6SourceOf,
} from '../../wire/ipv6/header.ts';
import { Icmpv6Type, TimeExceeded6Code } from '../../wire/ipv6/icmpv6.ts';
import { copyPayloads, type FragmentFormat } from '../ip/fragment-format.ts';
import { HEADROOM_BYTES } from '../packet.ts';

function payloadAfter(bytes: Uint8Array, at: number): number {
  return fragmentHeaderAtOf(bytes, at) + FRAGMENT_HEADER_BYTES - at;
}

/** See {@link FragmentFormat}. */
export const IPV6_FRAGMENTS: FragmentFormat = {
  timeoutName: 'net.ipv6.ip6frag_time',
  keyOf(bytes, at) {
    const identification = readU32(bytes, fragmentHeaderAtOf(bytes, at) + 4);
    return `${ipv6SourceOf(bytes, at)} ${ipv6DestinationOf(bytes, at)} ${identification}`;
  },
  headerBytesOf: payloadAfter,
  offsetBytesOf: ipv6FragmentOffsetBytesOf,
  hasMore: (bytes, at) => (readU16(bytes, fragmentHeaderAtOf(bytes, at) + 2) & 1) !== 0,
  join(packet, pieces, totalBytes) {
    const { bytes: from, start } = pieces[0]!.packet;
    const headerBytes = payloadAfter(from, start) - FRAGMENT_HEADER_BYTES;
    const whole = new Uint8Array(HEADROOM_BYTES + headerBytes + totalBytes);
    whole.set(from.subarray(start, start + headerBytes), HEADROOM_BYTES);
    copyPayloads(whole, HEADROOM_BYTES + headerBytes, pieces, payloadAfter);
    writeU16(whole, HEADROOM_BYTES + 4, headerBytes - IPV6_HEADER_BYTES + totalBytes);
    whole[nextHeaderAt(from, start) - start + HEADROOM_BYTES] = from[start + headerBytes]!;
    packet.bytes = whole;
    packet.start = HEADROOM_BYTES;
    packet.end = whole.length;
  },
  reportExpiry(namespace, packet) {
    const { timeExceeded } = Icmpv6Type;
    namespace.ipv6.sendIcmpError(packet, timeExceeded, TimeExceeded6Code.reassembly, 0);
  },
};

/** Where it stands that a fragment header follows. */
function nextHeaderAt(bytes: Uint8Array, at: number): number {
  const fragmentAt = fragmentHeaderAtOf(bytes, at);
  let field = at + 6;
  let here = at + IPV6_HEADER_BYTES;
  while (here < fragmentAt) {
    field = here;
    here += (bytes[here + 1]! + 1) << 3;
  }
  return field;
}
