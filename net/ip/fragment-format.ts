/**
 * What reassembly must know of a version's fragments: which belong together, where each goes, and how
 * the whole is written.
 */
import { IcmpType, TimeExceededCode } from '../../wire/icmp.ts';
import {
  destinationOf,
  finishIpv4Checksum,
  fragmentOffsetBytesOf,
  hasDontFragment,
  hasMoreFragments,
  headerBytesOf,
  identificationOf,
  protocolOf,
  setFragment,
  setTotalLength,
  sourceOf,
} from '../../wire/ipv4.ts';
import type { Namespace } from '../namespace.ts';
import { HEADROOM_BYTES, type Packet } from '../packet.ts';

/** A fragment and where its payload belongs, in bytes. */
export interface Fragment {
  readonly packet: Packet;
  readonly offset: number;
}

/** One version's fragments. */
export interface FragmentFormat {
  /** The sysctl with the seconds that fragments wait. */
  readonly timeoutName: string;
  /** Equal for the fragments of one packet. */
  keyOf(bytes: Uint8Array, at: number): string;
  /** What stands in front of the fragment's payload, in bytes. */
  headerBytesOf(bytes: Uint8Array, at: number): number;
  offsetBytesOf(bytes: Uint8Array, at: number): number;
  hasMore(bytes: Uint8Array, at: number): boolean;
  /** Makes `packet` the whole of the pieces, which are in order and have `totalBytes` of payload. */
  join(packet: Packet, pieces: readonly Fragment[], totalBytes: number): void;
  /** Tells the sender of a first fragment that the others did not come in time. */
  reportExpiry(namespace: Namespace, packet: Packet): void;
}

/** Writes the payloads of all pieces behind `at`; `headerBytesOf` tells where each begins. */
export function copyPayloads(
  whole: Uint8Array,
  at: number,
  pieces: readonly Fragment[],
  headerBytesOf: (bytes: Uint8Array, at: number) => number,
): void {
  for (const { packet, offset } of pieces) {
    const from = packet.start + headerBytesOf(packet.bytes, packet.start);
    whole.set(packet.bytes.subarray(from, packet.end), at + offset);
  }
}

/** Fragments share source, destination, identification and protocol. */
export const IPV4_FRAGMENTS: FragmentFormat = {
  timeoutName: 'net.ipv4.ipfrag_time',
  keyOf(bytes, at) {
    const addresses = `${sourceOf(bytes, at)} ${destinationOf(bytes, at)}`;
    return `${addresses} ${identificationOf(bytes, at)} ${protocolOf(bytes, at)}`;
  },
  headerBytesOf,
  offsetBytesOf: fragmentOffsetBytesOf,
  hasMore: hasMoreFragments,
  join(packet, pieces, totalBytes) {
    const first = pieces[0]!.packet;
    const headerBytes = headerBytesOf(first.bytes, first.start);
    const whole = new Uint8Array(HEADROOM_BYTES + headerBytes + totalBytes);
    whole.set(first.bytes.subarray(first.start, first.start + headerBytes), HEADROOM_BYTES);
    copyPayloads(whole, HEADROOM_BYTES + headerBytes, pieces, headerBytesOf);
    packet.bytes = whole;
    packet.start = HEADROOM_BYTES;
    packet.end = whole.length;
    const dontFragment = hasDontFragment(first.bytes, first.start);
    setFragment(whole, HEADROOM_BYTES, dontFragment, false, 0);
    setTotalLength(whole, HEADROOM_BYTES, headerBytes + totalBytes);
    finishIpv4Checksum(whole, HEADROOM_BYTES);
  },
  reportExpiry(namespace, packet) {
    namespace.sendIcmpError(packet, IcmpType.timeExceeded, TimeExceededCode.reassembly);
  },
};
