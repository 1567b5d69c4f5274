/**
 * One tracked connection: two tuples, status, timeout, what NAT does to it.
 *
 * The original tuple is what the first packet was; the reply tuple is what answers look like when
 * they arrive, so NAT is nothing but a reply tuple that is not the inverse of the original one.
 * Mirrors `struct nf_conn` and `enum ip_conntrack_status`.
 */
import type { Device } from '../device/device.ts';
import type { SctpTracking } from './sctp-tracking.ts';
import type { TcpTracking } from './tcp-tracking.ts';
import { copyTuple, invertTuple, Tuple, type TupleFields } from './tuple.ts';

/** Bits of `Connection.status`, with Linux' numbers. */
export const ConnectionStatus = {
  expected: 1 << 0,
  seenReply: 1 << 1,
  assured: 1 << 2,
  confirmed: 1 << 3,
  sourceNat: 1 << 4,
  destinationNat: 1 << 5,
  sourceNatDone: 1 << 7,
  destinationNatDone: 1 << 8,
  dying: 1 << 9,
} as const;

const { assured, confirmed, dying, seenReply } = ConnectionStatus;
const NAT_BITS = ConnectionStatus.sourceNat | ConnectionStatus.destinationNat;

/** What went in one direction of a connection. */
export interface Traffic {
  packets: number;
  /** From the IP header on. */
  bytes: number;
}

/** One tracked connection. */
export class Connection {
  /** What the first packet of the flow was. */
  readonly original: Tuple;
  /** What answers look like on arrival; differs from the inverse of `original` under NAT. */
  readonly reply: Tuple;
  /** Bits of {@link ConnectionStatus}. */
  status = 0;
  /** The timeout that was last set, in ns. */
  timeoutNs = 0;
  /** When it ends unless a packet refreshes it. */
  expiresAtNs = 0;
  /** TCP's state and windows; undefined for other protocols. */
  tcp: TcpTracking | undefined = undefined;
  /** SCTP's state and tags; undefined for other protocols. */
  sctp: SctpTracking | undefined = undefined;
  /** UDP: from when on traffic both ways makes it a stream. */
  streamAtNs = 0;
  /** CONNMARK. */
  mark = 0;
  /** What has passed; undefined unless it began while `nf_conntrack_acct` was set. */
  traffic: { readonly original: Traffic; readonly reply: Traffic } | undefined = undefined;
  /** The device whose address MASQUERADE chose. */
  masqueradeDevice: Device | undefined = undefined;
  /** Neighbours in the order of confirmation. */
  previous: Connection | undefined = undefined;
  following: Connection | undefined = undefined;
  /** The next connection in the same bucket of the by-source hash. */
  nextBySource: Connection | undefined = undefined;

  constructor(tuple: TupleFields) {
    this.original = new Tuple(this, false);
    this.reply = new Tuple(this, true);
    copyTuple(this.original, tuple);
    invertTuple(this.reply, tuple);
  }

  /** Counts a packet; `traffic` is there. */
  count(lengthBytes: number, isReply: boolean): void {
    const direction = isReply ? this.traffic!.reply : this.traffic!.original;
    direction.packets++;
    direction.bytes += lengthBytes;
  }

  /** IP protocol number. */
  get protocol(): number {
    return this.original.protocol;
  }

  /** True once a packet went the other way. */
  get isSeenReply(): boolean {
    return (this.status & seenReply) !== 0;
  }

  /** True when it is worth keeping under pressure. */
  get isAssured(): boolean {
    return (this.status & assured) !== 0;
  }

  /** True while it stands in the table. */
  get isConfirmed(): boolean {
    return (this.status & confirmed) !== 0;
  }

  /** True once it was taken out. */
  get isDying(): boolean {
    return (this.status & dying) !== 0;
  }

  /** True when an address or a port is rewritten. */
  get isNat(): boolean {
    return (this.status & NAT_BITS) !== 0;
  }

  /** The tuple of a direction. */
  tupleOf(isReply: boolean): Tuple {
    return isReply ? this.reply : this.original;
  }
}
