/**
 * One routing table: routes by prefix, found by longest prefix, then lowest metric, then age.
 *
 * A map per prefix length that is in use, tried from the longest: Docker's tables have two to five
 * lengths, so a look-up is a few map reads; {@link Routes} caches the answer besides.
 * Mirrors what net/ipv4/fib_trie.c decides, not how.
 */
import { type Ipv4Address, prefixMask } from '../../wire/addresses.ts';
import type { Device } from '../device/device.ts';
import type { Route } from './route.ts';

/** The routes of one table. */
export class RouteTable {
  readonly id: number;
  /** By prefix length: routes by network (a signed 32-bit integer), lowest metric first. */
  readonly #byLength: (Map<number, Route[]> | undefined)[] = new Array(33).fill(undefined);
  /** The lengths in use, longest first. */
  #lengths: number[] = [];

  constructor(id: number) {
    this.id = id;
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
  exact(destination: Ipv4Address, prefixLength: number): readonly Route[] {
    return this.#byLength[prefixLength]?.get(keyOf(destination, prefixLength)) ?? [];
  }

  /** The best route for an address, by `outDevice` only when given. */
  find(address: Ipv4Address, outDevice: Device | undefined): Route | undefined {
    for (let i = 0; i < this.#lengths.length; i++) {
      const length = this.#lengths[i]!;
      const routes = this.#byLength[length]!.get(keyOf(address, length));
      if (routes === undefined) continue;
      for (let j = 0; j < routes.length; j++) {
        const route = routes[j]!;
        const { device } = route;
        if (outDevice !== undefined && device !== undefined && device !== outDevice) continue;
        if (device !== undefined && device.ipv4?.ignore_routes_with_linkdown !== 0) {
          if (!device.hasCarrier) continue;
        }
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
    return all.sort(
      (a, b) =>
        a.destination - b.destination || b.prefixLength - a.prefixLength || a.metric - b.metric,
    );
  }

  #noteLengths(): void {
    this.#lengths = [];
    for (let length = 32; length >= 0; length--) {
      if (this.#byLength[length] !== undefined) this.#lengths.push(length);
    }
  }
}

function keyOf(address: Ipv4Address, prefixLength: number): number {
  return address & prefixMask(prefixLength);
}
