/**
 * A packet: one buffer with headroom, and the metadata that Linux keeps in an sk_buff.
 *
 * ```
 * bytes   |  headroom  |  Ethernet  |  IPv4  |  TCP  |  payload  |  tailroom |
 *                      ^ start (frame)                           ^ end
 * ```
 * At layer 2 `start` is the first byte of the Ethernet header; a namespace that takes the packet in
 * pulls the header, and from then on `start` is the first byte of the IPv4 header. Headers are
 * pushed into the headroom without copying; tunnels push all of theirs.
 */
import type { Mac } from '../wire/addresses.ts';
import type { Connection } from './conntrack/connection.ts';
import type { Device } from './device/device.ts';
import { copyBytes, takeBytes } from './packet-bytes.ts';
import type { Way } from './way.ts';

/** Room for the outer Ethernet, IPv4, UDP and VXLAN headers and an ESP header. */
export const HEADROOM_BYTES = 128;

/** How conntrack sees a packet; Linux' `ip_conntrack_info`, flattened. */
export const ConnectionState = {
  /** conntrack has not looked at it yet */
  none: 0,
  new: 1,
  established: 2,
  related: 3,
  invalid: 4,
  untracked: 5,
} as const;
/** See {@link ConnectionState}. */
export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];

/** Whom the frame that carried a packet was addressed to; Linux' `skb->pkt_type`, its numbers. */
export const LinkTarget = { host: 0, broadcast: 1, multicast: 2, otherHost: 3 } as const;
/** See {@link LinkTarget}. */
export type LinkTarget = (typeof LinkTarget)[keyof typeof LinkTarget];

/** One packet on its way; mutable, owned by whoever handles it now. */
export class Packet {
  bytes: Uint8Array;
  start: number;
  end: number;
  /** The fwmark (`skb->mark`). */
  mark = 0;
  /** The device that it came in by, in the namespace where it is now. */
  inDevice: Device | undefined = undefined;
  /** The bridge port under `inDevice`, for physdev matches and br_netfilter. */
  inPort: Device | undefined = undefined;
  /** The bridge port that it leaves by, at FORWARD and POSTROUTING of a bridged packet. */
  outPort: Device | undefined = undefined;
  /** Whom its last frame was addressed to. */
  linkTarget: LinkTarget = LinkTarget.host;
  /** Its conntrack entry in the namespace where it is now, and how it relates to it. */
  connection: Connection | undefined = undefined;
  connectionState: ConnectionState = ConnectionState.none;
  /** True in the entry's reply direction. */
  isReply = false;
  /** `skb->ipvs_property`: ipvs has handled it. */
  ipvsProperty = false;
  /** True after it came out of IPsec (`secpath`). */
  isSecured = false;
  /** A bridge has run PREROUTING on it, so that IP must not again (`ip_sabotage_in`). */
  isBridgePrerouted = false;
  /** Whom a bridged packet came from whose new destination is asked for (`nf_bridge->neigh_header`). */
  bridgedSource: Mac | undefined = undefined;
  /** Rules that it matches are logged (`skb->nf_trace`). */
  isTraced = false;
  /** It proves that its neighbour answers (TCP's acknowledgement; `skb->dst_pending_confirm`). */
  confirmsNeighbour = false;
  /** Length of its largest fragment when it was reassembled, in bytes (`frag_max_size`). */
  fragmentBytesMax = 0;
  /** A tunnel's packet, which IPv6 does not fragment (`!skb->ignore_df`). */
  isTunnelled = false;
  /** Set while somebody watches. */
  way: Way | undefined = undefined;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** A packet with `lengthBytes` of zeroed room from `start` on, and headroom before it. */
  static allocate(lengthBytes: number): Packet {
    const bytes = takeBytes(HEADROOM_BYTES + lengthBytes);
    return new Packet(bytes, HEADROOM_BYTES, HEADROOM_BYTES + lengthBytes);
  }

  /** Bytes from `start` to `end`. */
  get lengthBytes(): number {
    return this.end - this.start;
  }

  /** Makes room for a header of `count` bytes before `start` and moves `start` to it. */
  push(count: number): void {
    if (this.start < count) {
      const grown = new Uint8Array(this.bytes.length + HEADROOM_BYTES + count);
      const shift = HEADROOM_BYTES + count;
      grown.set(this.bytes, shift);
      this.bytes = grown;
      this.start += shift;
      this.end += shift;
    }
    this.start -= count;
  }

  /** Takes a header of `count` bytes off the front. */
  pull(count: number): void {
    this.start += count;
  }

  /** One of the pieces into which it is cut: other bytes, behind a headroom, on the same way. */
  fragment(bytes: Uint8Array): Packet {
    const fragment = new Packet(bytes, HEADROOM_BYTES, bytes.length);
    fragment.mark = this.mark;
    fragment.inDevice = this.inDevice;
    fragment.connection = this.connection;
    fragment.connectionState = this.connectionState;
    fragment.isReply = this.isReply;
    fragment.way = this.way?.fork();
    return fragment;
  }

  /** A copy with its own bytes and way; metadata is copied too. */
  clone(): Packet {
    const copy = new Packet(copyBytes(this.bytes), this.start, this.end);
    copy.mark = this.mark;
    copy.inDevice = this.inDevice;
    copy.inPort = this.inPort;
    copy.connection = this.connection;
    copy.connectionState = this.connectionState;
    copy.isReply = this.isReply;
    copy.ipvsProperty = this.ipvsProperty;
    copy.isSecured = this.isSecured;
    copy.isTraced = this.isTraced;
    copy.outPort = this.outPort;
    copy.linkTarget = this.linkTarget;
    copy.isBridgePrerouted = this.isBridgePrerouted;
    copy.confirmsNeighbour = this.confirmsNeighbour;
    copy.fragmentBytesMax = this.fragmentBytesMax;
    copy.isTunnelled = this.isTunnelled;
    copy.way = this.way?.fork();
    return copy;
  }

  /** Forgets what belonged to one namespace, as `skb_scrub_packet` does on crossing to another. */
  scrub(): void {
    this.mark = 0;
    this.inDevice = undefined;
    this.inPort = undefined;
    this.connection = undefined;
    this.connectionState = ConnectionState.none;
    this.isReply = false;
    this.ipvsProperty = false;
    this.isSecured = false;
    this.isTraced = false;
    this.outPort = undefined;
    this.linkTarget = LinkTarget.host;
    this.isBridgePrerouted = false;
    this.bridgedSource = undefined;
    this.confirmsNeighbour = false;
    this.fragmentBytesMax = 0;
    this.isTunnelled = false;
  }
}
