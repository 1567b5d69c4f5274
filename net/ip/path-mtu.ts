/**
 * What path MTU discovery has found out: the longest packet that reaches a destination whole.
 * Mirrors `__ip_rt_update_pmtu` (net/ipv4/route.c) and `__ip6_rt_update_pmtu` (net/ipv6/route.c): an
 * entry lives `mtu_expires` seconds, is never below `min_pmtu` (IPv6: 1280), and is not used for
 * forwarded packets.
 */
import { SECOND_NS } from '../../sim/time.ts';
import { type IpAddress, isIpv6Address } from '../../wire/ip-address.ts';
import { IPV6_MTU_BYTES_MIN } from '../../wire/ipv6/header.ts';
import type { Namespace } from '../namespace.ts';
import type { RouteResult } from './route.ts';

/** A learned MTU, as `ip route get` shows it. */
export interface PathMtu {
  readonly mtuBytes: number;
  readonly expiresAtNs: number;
}

/** Lengths of links that are tried below a packet that an old router refused (RFC 1191). */
const PLATEAUS = [32_000, 17_914, 8166, 4352, 2002, 1492, 576, 296, 216, 128, 68];

/** The path MTUs of one namespace. */
export class PathMtus {
  readonly #namespace: Namespace;
  readonly #byDestination = new Map<IpAddress, PathMtu>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** True when forwarded packets heed what was learned (`ip_forward_use_pmtu`). */
  get isUsedInForwarding(): boolean {
    if (this.#byDestination.size === 0) return false;
    return this.#namespace.sysctls.number('net.ipv4.ip_forward_use_pmtu') !== 0;
  }

  /** The live entry of a destination. */
  find(destination: IpAddress): PathMtu | undefined {
    if (this.#byDestination.size === 0) return undefined;
    const known = this.#byDestination.get(destination);
    if (known === undefined || known.expiresAtNs > this.#namespace.world.nowNs) return known;
    this.#byDestination.delete(destination);
    return undefined;
  }

  /** The longest packet to a destination, in bytes. */
  bytesTo(destination: IpAddress, route: RouteResult): number {
    const known = this.find(destination);
    return known === undefined ? route.mtuBytes : Math.min(known.mtuBytes, route.mtuBytes);
  }

  /**
   * A router refused a packet of `refusedBytes` because the next link takes `mtuBytes` (0 from an
   * old router, which names none).
   */
  learn(destination: IpAddress, mtuBytes: number, refusedBytes: number): void {
    const { sysctls, world } = this.#namespace;
    const route = this.#namespace.routeLookup({ destination });
    const isVersion6 = isIpv6Address(destination);
    if (route === undefined) return;
    if (!isVersion6 && sysctls.number('net.ipv4.ip_no_pmtu_disc') !== 0) return;
    const named = mtuBytes === 0 ? (PLATEAUS.find((mtu) => mtu < refusedBytes) ?? 68) : mtuBytes;
    if (named >= this.bytesTo(destination, route)) return;
    const floor = isVersion6 ? IPV6_MTU_BYTES_MIN : sysctls.number('net.ipv4.route.min_pmtu');
    const limited = Math.max(named, floor);
    const family = isVersion6 ? 'ipv6' : 'ipv4';
    const spanNs = sysctls.number(`net.${family}.route.mtu_expires`) * SECOND_NS;
    this.#byDestination.set(destination, {
      mtuBytes: limited,
      expiresAtNs: world.nowNs + spanNs,
    });
  }

  /** Forgets all (`ip route flush cache`). */
  flush(): void {
    this.#byDestination.clear();
  }
}
