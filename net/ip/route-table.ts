/**
 * One routing table: routes by prefix, found by longest prefix, then lowest metric, then age.
 *
 * A map per prefix length that is in use, tried from the longest: Docker's tables have two to five
 * lengths, so a look-up is a few map reads; {@link Routes} caches the answer besides.
 * Mirrors what net/ipv4/fib_trie.c and net/ipv6/ip6_fib.c decide, not how.
 */
import { prefixMask } from '../../wire/addresses.ts';
import { compareIps, type IpAddress, maskedIp } from '../../wire/ip-address.ts';
import type { Device } from '../device/device.ts';
import type { Route } from './route.ts';

/** The routes of one table. */
export class RouteTable {
  readonly id: number;
  readonly #isIpv6: boolean;
  /** By prefix length: routes by network (IPv4: a signed 32-bit integer), lowest metric first. */
  readonly #byLength: (Map<number, Route[]> | undefined)[];
  /** The lengths in use, longest first. */
  #lengths: number[] = [];

  constructor(id: number, family: 'ipv4' | 'ipv6' = 'ipv4') {
    this.id = id;
    this.#isIpv6 = family === 'ipv6';
    this.#byLength = new Array(this.#isIpv6 ? 129 : 33).fill(undefined);
  }

  /** Adds a route behind those with the same prefix and a metric that is not higher. */
  add(route: Route): void {
    let byNetwork = this.#byLength[route.prefixLength];
    if (byNetwork === undefined) {
      byNetwork = new Map();
      this.#byLength[route.prefixLength] = byNetwork;
      this.#noteLengths();
    }
    const key = keyOf(route.destination, route.prefixLength);
    const routes = byNetwork.get(key);
    if (routes === undefined) {
      byNetwork.set(key, [route]);
      return;
    }
    let place = routes.length;
    while (place > 0 && routes[place - 1]!.metric > route.metric) place--;
    routes.splice(place, 0, route);
  }

  /** Takes one route out. */
  remove(route: Route): void {
    const byNetwork = this.#byLength[route.prefixLength];
    const key = keyOf(route.destination, route.prefixLength);
    const routes = byNetwork?.get(key);
    const place = routes?.indexOf(route) ?? -1;
    if (byNetwork === undefined || routes === undefined || place < 0) return;
    routes.splice(place, 1);
    if (routes.length > 0) return;
    byNetwork.delete(key);
    if (byNetwork.size > 0) return;
    this.#byLength[route.prefixLength] = undefined;
    this.#noteLengths();
  }

  /** The routes of exactly this prefix, lowest metric first. */
  exact(destination: IpAddress, prefixLength: number): readonly Route[] {
    return this.#byLength[prefixLength]?.get(keyOf(destination, prefixLength)) ?? [];
  }

  /** The best route for an address, by `outDevice` only when given. */
  find(address: IpAddress, outDevice: Device | undefined): Route | undefined {
    for (let i = 0; i < this.#lengths.length; i++) {
      const length = this.#lengths[i]!;
      const routes = this.#byLength[length]!.get(keyOf(address, length));
      if (routes === undefined) continue;
      for (let j = 0; j < routes.length; j++) {
        const route = routes[j]!;
        const { device } = route;
        if (outDevice !== undefined && device !== undefined && device !== outDevice) continue;
        if (device !== undefined && this.#heedsCarrier(device) && !device.hasCarrier) continue;
        return route;
      }
    }
    return undefined;
  }

  /** All routes as `ip route show` orders them: by network, longest first, by metric. */
  list(): Route[] {
    const all: Route[] = [];
    for (const byNetwork of this.#byLength) {
      if (byNetwork === undefined) continue;
      for (const routes of byNetwork.values()) all.push(...routes);
    }
    return all.sort(this.#isIpv6 ? compareAsFib6 : compareAsTrie);
  }

  /** True when routes through the device do not count without a carrier. */
  #heedsCarrier(device: Device): boolean {
    const settings = this.#isIpv6 ? device.ipv6 : device.ipv4;
    return settings?.ignore_routes_with_linkdown !== 0;
  }

  #noteLengths(): void {
    this.#lengths = [];
    for (let length = this.#byLength.length - 1; length >= 0; length--) {
      if (this.#byLength[length] !== undefined) this.#lengths.push(length);
    }
  }
}

function keyOf(address: IpAddress, prefixLength: number): number {
  return address > 0xffff_ffff
    ? maskedIp(address, prefixLength)
    : address & prefixMask(prefixLength);
}

/** IPv4: by network, longest first, by metric. */
function compareAsTrie(a: Route, b: Route): number {
  return a.destination - b.destination || b.prefixLength - a.prefixLength || a.metric - b.metric;
}

/** IPv6: as fib6_walk goes, what is within a prefix before the prefix itself. */
function compareAsFib6(a: Route, b: Route): number {
  const length = Math.min(a.prefixLength, b.prefixLength);
  const order = compareIps(maskedIp(a.destination, length), maskedIp(b.destination, length));
  return order || b.prefixLength - a.prefixLength || a.metric - b.metric;
}
