/**
 * Sending ICMP errors: whom not to answer, how often, from which address.
 *
 * No error answers a broadcast, a fragment but the first, or another ICMP error. Types in
 * `icmp_ratemask` are limited to one a second and six in a burst per receiver, and to
 * `icmp_msgs_per_sec` in the whole kernel. An error belongs to the connection of what it answers
 * (`nf_ct_attach`), so that NAT translates what it quotes, and drops redirects. Mirrors
 * `__icmp_send` (net/ipv4/icmp.c) and `inet_peer_xrlim_allow` (net/ipv4/inetpeer.c).
 */
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { type Ipv4Address, isMulticastAddress } from '../../wire/addresses.ts';
import {
  ICMP_HEADER_BYTES,
  IcmpType,
  isIcmpError,
  quotedBytesOf,
  UnreachableCode,
  writeIcmpError,
} from '../../wire/icmp.ts';
import type { IpAddress } from '../../wire/ip-address.ts';
import {
  destinationOf,
  fragmentOffsetBytesOf,
  headerBytesOf,
  IPV4_HEADER_BYTES,
  IpProtocol,
  protocolOf,
  sourceOf,
  tosOf,
  writeIpv4Header,
} from '../../wire/ipv4.ts';
import type { Namespace } from '../namespace.ts';
import { ConnectionState, LinkTarget, Packet } from '../packet.ts';
import { Scope } from './route.ts';

/** Errors to one receiver that are saved up at most. */
const BURST = 6;
/** Redirects that a sender gets before it is left alone (`ip_rt_redirect_number`). */
const REDIRECTS_MAX = 9;
/** From 20 ms on, doubling with every redirect (`ip_rt_redirect_load`). */
const REDIRECT_LOAD_NS = 20 * MILLISECOND_NS;
/** A sender that was silent for so long gets redirects again (`ip_rt_redirect_silence`). */
const REDIRECT_SILENCE_NS = REDIRECT_LOAD_NS * 1024;
/** Receivers that are remembered; beyond it all begin anew. */
const PEERS_MAX = 8192;

interface Peer {
  tokensNs: number;
  updatedAtNs: number;
  redirectCount: number;
  redirectedAtNs: number;
}

/** How many errors a namespace may still send, and to whom. */
export class IcmpBudget {
  readonly #namespace: Namespace;
  readonly #peers = new Map<IpAddress, Peer>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** Takes one message from the kernel's budget if one is left. */
  mayRefill(): boolean {
    const { sysctls, host, world } = this.#namespace;
    const perSecond = sysctls.number('net.ipv4.icmp_msgs_per_sec');
    const burst = sysctls.number('net.ipv4.icmp_msgs_burst');
    const spanNs = Math.min(world.nowNs - host.icmpRefilledAtNs, SECOND_NS);
    if (spanNs >= SECOND_NS / 50) {
      const gained = Math.floor((perSecond * spanNs) / SECOND_NS);
      if (gained > 0) {
        host.icmpTokens = Math.min(host.icmpTokens + gained, burst);
        host.icmpRefilledAtNs = world.nowNs;
      }
    }
    if (host.icmpTokens < 1) return false;
    host.icmpTokens--;
    return true;
  }

  /** Takes one message from a receiver's budget if one is left; each costs `costNs`. */
  mayReach(receiver: IpAddress, costNs: number): boolean {
    if (this.#namespace.isLocalAddress(receiver)) return true;
    const peer = this.#peerOf(receiver, costNs);
    const { nowNs } = this.#namespace.world;
    peer.tokensNs = Math.min(peer.tokensNs + nowNs - peer.updatedAtNs, BURST * costNs);
    peer.updatedAtNs = nowNs;
    if (peer.tokensNs < costNs) return false;
    peer.tokensNs -= costNs;
    return true;
  }

  /** True when a sender is to be told of a shorter way once more. */
  mayRedirect(sender: IpAddress): boolean {
    const peer = this.#peerOf(sender, SECOND_NS);
    const { nowNs } = this.#namespace.world;
    if (nowNs > peer.redirectedAtNs + REDIRECT_SILENCE_NS) peer.redirectCount = 0;
    if (peer.redirectCount >= REDIRECTS_MAX) {
      peer.redirectedAtNs = nowNs;
      return false;
    }
    const waitNs = REDIRECT_LOAD_NS * 2 ** peer.redirectCount;
    if (peer.redirectCount > 0 && nowNs <= peer.redirectedAtNs + waitNs) return false;
    peer.redirectedAtNs = nowNs;
    peer.redirectCount++;
    return true;
  }

  #peerOf(address: IpAddress, costNs: number): Peer {
    let peer = this.#peers.get(address);
    if (peer === undefined) {
      if (this.#peers.size >= PEERS_MAX) this.#peers.clear();
      const { nowNs } = this.#namespace.world;
      peer = {
        tokensNs: BURST * costNs,
        updatedAtNs: nowNs,
        redirectCount: 0,
        redirectedAtNs: nowNs,
      };
      this.#peers.set(address, peer);
    }
    return peer;
  }
}

/** `icmpv4_mask_allow`: path MTU discovery is never limited. */
function isLimited(namespace: Namespace, type: number, code: number): boolean {
  if (type === IcmpType.destinationUnreachable && code === UnreachableCode.fragmentationNeeded) {
    return false;
  }
  return ((1 << type) & namespace.sysctls.number('net.ipv4.icmp_ratemask')) !== 0;
}

/** Answers a packet with an error, unless it must not be answered; the packet stays as it is. */
export function sendIcmpError(
  namespace: Namespace,
  packet: Packet,
  type: number,
  code: number,
  rest: number,
): void {
  const { bytes, start, end } = packet;
  if (packet.linkTarget !== LinkTarget.host) return;
  const source = sourceOf(bytes, start);
  const target = destinationOf(bytes, start);
  if (source === 0 || target === 0xffff_ffff || isMulticastAddress(target)) return;
  if (namespace.isBroadcastAddress(target) || fragmentOffsetBytesOf(bytes, start) !== 0) return;
  if (protocolOf(bytes, start) === IpProtocol.icmp) {
    const at = start + headerBytesOf(bytes, start);
    if (at >= end || isIcmpError(bytes[at]!) || bytes[at]! > 18) return;
  }
  const isRationed = isLimited(namespace, type, code);
  if (isRationed && !namespace.icmpBudget.mayRefill()) {
    namespace.countDrop('icmp error is rate limited');
    return;
  }
  const own = errorSource(namespace, packet, source, target);
  if (own === undefined) return;
  const costNs = namespace.sysctls.number('net.ipv4.icmp_ratelimit') * MILLISECOND_NS;
  if (isRationed && !namespace.icmpBudget.mayReach(source, costNs)) {
    namespace.countDrop('icmp error is rate limited');
    return;
  }
  const icmpBytes = ICMP_HEADER_BYTES + quotedBytesOf(end - start);
  const answer = Packet.allocate(IPV4_HEADER_BYTES + icmpBytes);
  writeIpv4Header(answer.bytes, answer.start, {
    totalLengthBytes: IPV4_HEADER_BYTES + icmpBytes,
    identification: namespace.nextIdentification(),
    dontFragment: false,
    ttl: namespace.sysctls.number('net.ipv4.ip_default_ttl'),
    protocol: IpProtocol.icmp,
    source: own,
    destination: source,
    tos: 0xc0 | (tosOf(bytes, start) & 0x1e),
  });
  const at = answer.start + IPV4_HEADER_BYTES;
  writeIcmpError(answer.bytes, at, type, code, rest, bytes, start, end);
  if (namespace.sysctls.number('net.ipv4.fwmark_reflect') !== 0) answer.mark = packet.mark;
  attachConnection(answer, packet);
  answer.way = packet.way?.fork();
  namespace.sendIpv4(answer);
}

/**
 * An error belongs to the connection of the packet that it is about, whatever NAT has made of that
 * one by now (`nf_ct_attach`); so redirects about rewritten flows never leave.
 */
export function attachConnection(answer: Packet, packet: Packet): void {
  if (packet.connection === undefined) return;
  answer.connection = packet.connection;
  answer.connectionState = ConnectionState.related;
  answer.isReply = !packet.isReply;
}

/** Our address that the packet was for, or the one that we have towards its sender. */
function errorSource(
  namespace: Namespace,
  packet: Packet,
  source: Ipv4Address,
  target: Ipv4Address,
): Ipv4Address | undefined {
  const { inDevice } = packet;
  if (inDevice !== undefined && namespace.isLocalAddress(target)) return target;
  if (
    inDevice !== undefined &&
    namespace.sysctls.number('net.ipv4.icmp_errors_use_inbound_ifaddr') !== 0
  ) {
    return namespace.addresses.selectSource(inDevice, source, Scope.link);
  }
  const route = namespace.routes.find(source, 0, 0, undefined);
  return route === undefined || route.source === 0 ? undefined : route.source;
}
