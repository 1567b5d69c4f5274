/**
 * A conntrack tuple: one direction of a flow, as the hash of connections knows it.
 *
 * For TCP, UDP and SCTP the ports are the ports. For ICMP queries `sourcePort` is the identifier
 * and `destinationPort` is `type << 8 | code`, the layout of Linux' `nf_conntrack_tuple`, where a
 * source manipulation changes the identifier. Other protocols have zero ports.
 * Mirrors `include/net/netfilter/nf_conntrack_tuple.h` and `nf_conntrack_proto_icmp.c`.
 */
import { readU16 } from '../../wire/bytes.ts';
import {
  destinationOf,
  fragmentOffsetBytesOf,
  headerBytesOf,
  protocolOf,
  sourceOf,
} from '../../wire/ip.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import { NextHeader } from '../../wire/ipv6/header.ts';
import { Icmpv6Type } from '../../wire/ipv6/icmpv6.ts';
import type { Connection } from './connection.ts';

const TWO_32 = 0x1_0000_0000;

/** The five numbers that name one direction of a flow. */
export interface TupleFields {
  source: number;
  destination: number;
  sourcePort: number;
  destinationPort: number;
  protocol: number;
}

/**
 * A tuple that belongs to a connection, and its place in a hash chain. It keeps its addresses as
 * signed integers, two of them for what is above 32 bits (0 for IPv4), which V8 does not box: half of
 * what a run of two minutes leaves are connections.
 */
export class Tuple implements TupleFields {
  #source = 0;
  #destination = 0;
  #sourceHigh = 0;
  #destinationHigh = 0;
  sourcePort = 0;
  destinationPort = 0;
  protocol = 0;
  readonly connection: Connection;
  /** True for the direction of replies. */
  readonly isReply: boolean;
  /** Its {@link hashTuple} while it stands in a table. */
  hash = 0;
  /** The next tuple in the same hash bucket. */
  next: Tuple | undefined = undefined;

  constructor(connection: Connection, isReply: boolean) {
    this.connection = connection;
    this.isReply = isReply;
  }

  get source(): number {
    const low = this.#source >>> 0;
    return this.#sourceHigh === 0 ? low : this.#sourceHigh * TWO_32 + low;
  }

  set source(address: number) {
    this.#source = address | 0;
    this.#sourceHigh = address < TWO_32 ? 0 : Math.floor(address / TWO_32);
  }

  get destination(): number {
    const low = this.#destination >>> 0;
    return this.#destinationHigh === 0 ? low : this.#destinationHigh * TWO_32 + low;
  }

  set destination(address: number) {
    this.#destination = address | 0;
    this.#destinationHigh = address < TWO_32 ? 0 : Math.floor(address / TWO_32);
  }
}

/** A tuple of zeros, for use as a place to write to. */
export function emptyTuple(): TupleFields {
  return { source: 0, destination: 0, sourcePort: 0, destinationPort: 0, protocol: 0 };
}

/** Copies the five fields. */
export function copyTuple(to: TupleFields, from: TupleFields): void {
  to.source = from.source;
  to.destination = from.destination;
  to.sourcePort = from.sourcePort;
  to.destinationPort = from.destinationPort;
  to.protocol = from.protocol;
}

/** True when all five fields agree. */
export function tuplesEqual(a: TupleFields, b: TupleFields): boolean {
  return (
    a.source === b.source &&
    a.destination === b.destination &&
    a.sourcePort === b.sourcePort &&
    a.destinationPort === b.destinationPort &&
    a.protocol === b.protocol
  );
}

/** ICMP query types and their answers (`invmap` of nf_conntrack_proto_icmp.c), 255 for none. */
const INVERSE_ICMP_TYPE = new Uint8Array(256).fill(255);
for (const [query, answer] of [
  [8, 0],
  [13, 14],
  [15, 16],
  [17, 18],
] as const) {
  INVERSE_ICMP_TYPE[query] = answer;
  INVERSE_ICMP_TYPE[answer] = query;
}

/** The same for ICMPv6, of whose queries only the echo is tracked. */
const INVERSE_ICMPV6_TYPE = new Uint8Array(256).fill(255);
INVERSE_ICMPV6_TYPE[Icmpv6Type.echoRequest] = Icmpv6Type.echoReply;
INVERSE_ICMPV6_TYPE[Icmpv6Type.echoReply] = Icmpv6Type.echoRequest;

/** The ICMP type that answers (or asked for) `type`, or 255 when it is not a query. */
function inverseIcmpType(type: number, protocol: number): number {
  const inverse = protocol === IpProtocol.icmp ? INVERSE_ICMP_TYPE : INVERSE_ICMPV6_TYPE;
  return inverse[type & 255]!;
}

/** True for the ICMP types that may open a connection: echo, timestamp, information, mask. */
export function opensIcmpConnection(type: number, protocol: number): boolean {
  if (protocol !== IpProtocol.icmp) return type === Icmpv6Type.echoRequest;
  return type === 8 || type === 13 || type === 15 || type === 17;
}

/** True for the protocols whose tuples have an identifier and a type instead of ports. */
export function isIcmpProtocol(protocol: number): boolean {
  return protocol === IpProtocol.icmp || protocol === NextHeader.icmpv6;
}

/** Writes the other direction of `from` to `to`; both may be the same object. */
export function invertTuple(to: TupleFields, from: TupleFields): void {
  const { source, destination, sourcePort, destinationPort, protocol } = from;
  to.source = destination;
  to.destination = source;
  to.protocol = protocol;
  if (isIcmpProtocol(protocol)) {
    const answer = inverseIcmpType(destinationPort >> 8, protocol);
    to.sourcePort = sourcePort;
    to.destinationPort = (answer << 8) | (destinationPort & 255);
  } else {
    to.sourcePort = destinationPort;
    to.destinationPort = sourcePort;
  }
}

/**
 * Reads the tuple of the packet whose IP header is at `at`. False when it has none: a later
 * fragment, a truncated transport header, an ICMP type that is no query.
 */
export function readTuple(to: TupleFields, bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < 20 || fragmentOffsetBytesOf(bytes, at) !== 0) return false;
  const transportAt = at + headerBytesOf(bytes, at);
  const protocol = protocolOf(bytes, at);
  to.source = sourceOf(bytes, at);
  to.destination = destinationOf(bytes, at);
  to.protocol = protocol;
  switch (protocol) {
    case IpProtocol.tcp:
    case IpProtocol.udp:
    case IpProtocol.sctp:
      if (end - transportAt < 4) return false;
      to.sourcePort = readU16(bytes, transportAt);
      to.destinationPort = readU16(bytes, transportAt + 2);
      return true;
    case NextHeader.icmpv6:
    case IpProtocol.icmp: {
      if (end - transportAt < 8) return false;
      if (inverseIcmpType(bytes[transportAt]!, protocol) === 255) return false;
      to.sourcePort = readU16(bytes, transportAt + 4);
      to.destinationPort = readU16(bytes, transportAt);
      return true;
    }
    default:
      to.sourcePort = 0;
      to.destinationPort = 0;
      return true;
  }
}

/** A 32-bit hash of the five fields. */
export function hashTuple(tuple: TupleFields): number {
  let h = Math.imul(tuple.source ^ (tuple.sourcePort << 16), 0x9e3779b1);
  h ^= h >>> 15;
  h = Math.imul(h ^ tuple.destination, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h ^ ((tuple.destinationPort << 8) | tuple.protocol), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
