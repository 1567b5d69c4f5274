/**
 * Routing of one namespace: tables, rules, and look-ups.
 *
 * An answer that depends on destination and mark only is remembered until anything that it depends
 * on changes (`invalidate`), so that a forwarded packet costs one map read. Answers are shared
 * objects. Mirrors net/ipv4/fib_frontend.c, fib_semantics.c (`fib_check_nh`, `fib_sync_down_dev`)
 * and route.c (`ip_route_output_key_hash_rcu`).
 */
import { type Ipv4Address, prefixMask } from '../../wire/addresses.ts';
import type { Device } from '../device/device.ts';
import type { Namespace } from '../namespace.ts';
import {
  type Route,
  type RouteQuery,
  type RouteResult,
  type RouteSpecification,
  RouteTableId,
  Scope,
} from './route.ts';
import { RouteTables } from './route-tables.ts';
import { Rules } from './rules.ts';

/** Destinations that are remembered per mark; beyond it the memory starts anew. */
const REMEMBERED_MAX = 8192;

/** The routing of one namespace. */
export class Routes {
  readonly rules = new Rules(() => {
    this.#hasCustomRules = this.rules.isCustom;
    this.invalidate();
  });
  readonly #namespace: Namespace;
  readonly #tables = new RouteTables('ipv4', () => this.invalidate());
  /** Answers for mark 0 by destination (a signed 32-bit integer); null: nothing matches. */
  readonly #remembered = new Map<number, RouteResult | null>();
  /** Gateways that redirects named, by destination. */
  readonly #redirects = new Map<Ipv4Address, Ipv4Address>();
  #hasCustomRules = false;
  readonly #rememberedByMark = new Map<number, Map<number, RouteResult | null>>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** True once rules are not those of a fresh kernel. */
  get hasCustomRules(): boolean {
    return this.#hasCustomRules;
  }

  /** A router told of a shorter way to a destination (ICMP redirect). */
  redirect(destination: Ipv4Address, gateway: Ipv4Address): void {
    this.#redirects.set(destination, gateway);
    this.invalidate();
  }

  /** Forgets remembered answers; whoever changes what routing depends on calls it. */
  invalidate(): void {
    this.#remembered.clear();
    this.#rememberedByMark.clear();
  }

  /** True when the local table has it as ours. */
  isLocal(address: Ipv4Address): boolean {
    return this.#tables.local.find(address, undefined)?.type === 'local';
  }

  /** True when the local table has it as a broadcast address. */
  isBroadcast(address: Ipv4Address): boolean {
    return this.#tables.local.find(address, undefined)?.type === 'broadcast';
  }

  /** The routes of a table in `ip route show` order. */
  list(table: number = RouteTableId.main): readonly Route[] {
    return this.#tables.list(table);
  }

  /** `ip route add`; iproute2's error text when the kernel would refuse. */
  add(specification: RouteSpecification): string | undefined {
    return this.#insert(specification, false);
  }

  /** `ip route replace`. */
  replace(specification: RouteSpecification): string | undefined {
    return this.#insert(specification, true);
  }

  /** What an address makes (`fib_magic`): no questions, nothing when it is there already. */
  put(specification: RouteSpecification): void {
    this.#tables.put(this.#complete(specification, specification.device));
  }

  /** `ip route del`: the first route that has all the given fields; false when there is none. */
  remove(fields: Partial<RouteSpecification>): boolean {
    return this.take(fields);
  }

  /** Removes the first route that has all the given fields; false when there is none. */
  take(fields: Partial<RouteSpecification>): boolean {
    return this.#tables.take(fields);
  }

  /** An address is gone: so are the routes that prefer it as source (`fib_sync_down_addr`). */
  takePreferring(address: Ipv4Address): void {
    this.#tables.takeAll((route) => route.preferredSource === address && route.type !== 'local');
  }

  /** A device went down, or away for good: its routes go, down ones keep their local addresses. */
  onDeviceDown(device: Device, isGone: boolean): void {
    this.#tables.takeAll((route) => route.device === device && (isGone || route.type !== 'local'));
    this.#namespace.connections.purgeMasquerade(device);
  }

  /** What rules and tables say; undefined when nothing matches. */
  lookup(query: RouteQuery): RouteResult | undefined {
    if (this.rules.needsMoreThanMark || query.outDevice !== undefined) {
      return this.#resolve(query) ?? undefined;
    }
    return this.find(query.destination, query.mark ?? 0, query.source ?? 0, query.inDevice);
  }

  /** {@link lookup} without an object for the question, for the packet path. */
  find(
    destination: Ipv4Address,
    mark: number,
    source: Ipv4Address,
    inDevice: Device | undefined,
  ): RouteResult | undefined {
    if (this.rules.needsMoreThanMark) {
      return this.#resolve({ destination, mark, source, inDevice }) ?? undefined;
    }
    const remembered = mark === 0 ? this.#remembered : this.#rememberedOf(mark);
    let result = remembered.get(destination | 0);
    if (result === undefined) {
      result = this.#resolve({ destination, mark });
      if (remembered.size >= REMEMBERED_MAX) remembered.clear();
      remembered.set(destination | 0, result);
    }
    return result ?? undefined;
  }

  #rememberedOf(mark: number): Map<number, RouteResult | null> {
    let remembered = this.#rememberedByMark.get(mark);
    if (remembered === undefined) {
      if (this.#rememberedByMark.size >= 64) this.#rememberedByMark.clear();
      remembered = new Map();
      this.#rememberedByMark.set(mark, remembered);
    }
    return remembered;
  }

  #resolve(query: RouteQuery, mayGuess = true): RouteResult | null {
    for (const rule of this.rules.list()) {
      if (!this.rules.matches(rule, query)) continue;
      const { action = 'lookup' } = rule;
      const route =
        action === 'lookup'
          ? this.#tables.find(rule.table, query.destination, query.outDevice)
          : this.#complete({ destination: 0, prefixLength: 0, type: action }, undefined);
      if (route === undefined || route.type === 'throw') continue;
      return this.#resultOf(route, query);
    }
    if (!mayGuess || query.outDevice === undefined) return null;
    return this.#onLinkResult(query, query.outDevice);
  }

  #resultOf(route: Route, query: RouteQuery): RouteResult {
    const { destination } = query;
    const loopback = this.#namespace.loopback;
    const isLocal = route.type === 'local';
    const device = isLocal ? loopback : (route.device ?? loopback);
    let gateway = route.gateway === 0 ? undefined : route.gateway;
    if (gateway !== undefined) gateway = this.#redirects.get(destination) ?? gateway;
    let source = route.preferredSource;
    if (isLocal) source = destination;
    else if (source === 0 && route.device !== undefined) {
      source = this.#namespace.addresses.selectSource(route.device, route.gateway, route.scope);
    }
    return {
      type: route.type,
      route,
      device,
      nextHop: gateway ?? destination,
      gateway,
      source,
      mtuBytes: route.mtu === 0 ? device.mtu : Math.min(route.mtu, device.mtu),
    };
  }

  /** A socket bound to a device without a route takes the destination for a neighbour. */
  #onLinkResult(query: RouteQuery, device: Device): RouteResult {
    const specification = { destination: query.destination, prefixLength: 32, device };
    const route = this.#complete({ ...specification, scope: Scope.link }, device);
    return this.#resultOf(route, query);
  }

  #insert(specification: RouteSpecification, mayReplace: boolean): string | undefined {
    const { gateway = 0, type = 'unicast', destination, prefixLength } = specification;
    let { device } = specification;
    if ((destination & ~prefixMask(prefixLength)) !== 0) {
      return 'Error: Invalid prefix for given prefix length.';
    }
    if (type === 'unicast' || type === 'local' || type === 'broadcast') {
      if (device?.isUp === false) return 'Error: Device for nexthop is not up.';
      if (gateway !== 0 && specification.isOnLink !== true) {
        const hop = this.#resolve({ destination: gateway, outDevice: device }, false);
        if (hop?.type !== 'unicast' || hop.route.scope < Scope.link) {
          return 'Error: Nexthop has invalid gateway.';
        }
        device = hop.device;
      }
      if (device === undefined) return 'RTNETLINK answers: No such device';
      const { preferredSource = 0 } = specification;
      if (preferredSource !== 0 && !this.isLocal(preferredSource)) {
        return 'Error: Invalid prefsrc address.';
      }
    }
    return this.#tables.insert(this.#complete(specification, device), mayReplace);
  }

  #complete(specification: RouteSpecification, device: Device | undefined): Route {
    const { type = 'unicast', gateway = 0, table = RouteTableId.main } = specification;
    let scope: Scope = gateway === 0 ? Scope.link : Scope.global;
    if (type === 'local') scope = Scope.host;
    else if (type === 'broadcast') scope = Scope.link;
    else if (type !== 'unicast') scope = Scope.global;
    return {
      destination: specification.destination,
      prefixLength: specification.prefixLength,
      type,
      gateway,
      device,
      preferredSource: specification.preferredSource ?? 0,
      metric: specification.metric ?? 0,
      scope: specification.scope ?? scope,
      protocol: specification.protocol ?? 'boot',
      table,
      mtu: specification.mtu ?? 0,
      isOnLink: specification.isOnLink ?? false,
    };
  }
}
