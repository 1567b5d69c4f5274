/**
 * IPv6 routing of one namespace: tables, rules, and look-ups.
 *
 * Tables, rules and answers are those of IPv4 (../ip); what differs is which routes there are, metrics
 * (1024 for a user's, 256 for the kernel's), that every link has fe80::/64, so that a destination of a
 * link is looked up on one device only, and how a source is chosen. Answers are remembered until
 * anything that they depend on changes. Mirrors net/ipv6/route.c and ip6_fib.c.
 */
import { ANY_IPV6, type IpAddress, maskedIp } from '../../wire/ip-address.ts';
import { isLinkLocal, needsLink } from '../../wire/ipv6/scope.ts';
import type { Device } from '../device/device.ts';
import {
  type Route,
  type RouteQuery,
  type RouteResult,
  type RouteSpecification,
  RouteTableId,
  Scope,
} from '../ip/route.ts';
import { RouteTables } from '../ip/route-tables.ts';
import { Rules } from '../ip/rules.ts';
import type { Namespace } from '../namespace.ts';

/** Destinations that are remembered; beyond it the memory starts anew. */
const REMEMBERED_MAX = 8192;
/** `IP6_RT_PRIO_USER`. */
const USER_METRIC = 1024;

/** The IPv6 routing of one namespace. */
export class Ipv6Routes {
  readonly rules = new Rules(() => this.invalidate(), 'ipv6');
  readonly #namespace: Namespace;
  readonly #tables = new RouteTables('ipv6', () => this.invalidate());
  /** Answers for mark 0 without a device; null: nothing matches. */
  readonly #remembered = new Map<IpAddress, RouteResult | null>();
  /** Where redirects said that a destination is, by destination. */
  readonly #redirects = new Map<IpAddress, IpAddress>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** Forgets remembered answers; whoever changes what routing depends on calls it. */
  invalidate(): void {
    this.#remembered.clear();
  }

  /** True when it is ours, on `device` when that is given. */
  isLocal(address: IpAddress, device?: Device): boolean {
    return this.#tables.local.find(address, device)?.type === 'local';
  }

  /** The routes of a table in `ip -6 route show` order. */
  list(table: number = RouteTableId.main): readonly Route[] {
    return this.#tables.list(table);
  }

  /** `ip -6 route add`; iproute2's error text when the kernel would refuse. */
  add(specification: RouteSpecification): string | undefined {
    return this.#addRoute(specification, false);
  }

  /** `ip -6 route replace`. */
  replace(specification: RouteSpecification): string | undefined {
    return this.#addRoute(specification, true);
  }

  #addRoute(specification: RouteSpecification, mayReplace: boolean): string | undefined {
    const { gateway = 0, type = 'unicast' } = specification;
    let { device } = specification;
    if (type === 'unicast' || type === 'local') {
      if (gateway !== 0 && specification.isOnLink !== true && !isLinkLocal(gateway)) {
        const hop = this.#resolve({ destination: gateway, outDevice: device });
        if (hop?.type !== 'unicast' || hop.gateway !== undefined) {
          return 'Error: Nexthop has invalid gateway.';
        }
        device = hop.device;
      }
      if (device === undefined) return 'Error: Egress device not specified.';
      if (!device.isUp) return 'Error: Nexthop device is not up.';
    }
    const metric = specification.metric || USER_METRIC;
    return this.#tables.insert(this.#complete({ ...specification, metric }, device), mayReplace);
  }

  /** What an address makes: nothing when it is there already. */
  put(specification: RouteSpecification): void {
    this.#tables.put(this.#complete(specification, specification.device));
  }

  /** Removes the first route that has all the given fields; false when there is none. */
  take(fields: Partial<RouteSpecification>): boolean {
    return this.#tables.take(fields);
  }

  /** A device went down: its routes go. */
  onDeviceDown(device: Device): void {
    this.#tables.takeAll((route) => route.device === device);
  }

  /** A router told of a better next hop to a destination. */
  redirect(destination: IpAddress, target: IpAddress): void {
    this.#redirects.set(destination, target);
    this.invalidate();
  }

  /** What rules and tables say; undefined when nothing matches. */
  lookup(query: RouteQuery): RouteResult | undefined {
    const { destination, mark = 0, inDevice } = query;
    let { outDevice } = query;
    if (needsLink(destination)) outDevice ??= inDevice;
    if (mark !== 0 || outDevice !== undefined || this.rules.needsMoreThanMark) {
      return this.#resolve({ ...query, outDevice }) ?? undefined;
    }
    let result = this.#remembered.get(destination);
    if (result === undefined) {
      result = this.#resolve(query);
      if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
      this.#remembered.set(destination, result);
    }
    return result ?? undefined;
  }

  #resolve(query: RouteQuery): RouteResult | null {
    for (const rule of this.rules.list()) {
      if (!this.rules.matches(rule, query)) continue;
      const { action = 'lookup' } = rule;
      const route =
        action === 'lookup'
          ? this.#tables.find(rule.table, query.destination, query.outDevice)
          : this.#complete({ destination: ANY_IPV6, prefixLength: 0, type: action }, undefined);
      if (route === undefined || route.type === 'throw') continue;
      return this.#resultOf(route, query.destination);
    }
    return null;
  }

  #resultOf(route: Route, destination: IpAddress): RouteResult {
    const { loopback, ipv6 } = this.#namespace;
    const isLocal = route.type === 'local';
    const device = isLocal ? loopback : (route.device ?? loopback);
    let gateway = route.gateway === 0 ? undefined : route.gateway;
    const redirected = this.#redirects.get(destination);
    if (route.type === 'unicast' && redirected !== undefined) {
      gateway = redirected === destination ? undefined : redirected;
    }
    let source = route.preferredSource;
    if (isLocal) source = destination;
    else if (source === 0) source = ipv6.addresses.selectSource(device, destination) ?? 0;
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

  #complete(specification: RouteSpecification, device: Device | undefined): Route {
    const { destination, prefixLength, table = RouteTableId.main } = specification;
    return {
      destination: maskedIp(destination, prefixLength),
      prefixLength,
      type: specification.type ?? 'unicast',
      gateway: specification.gateway ?? 0,
      device,
      preferredSource: specification.preferredSource ?? 0,
      metric: specification.metric ?? 0,
      scope: Scope.global,
      protocol: specification.protocol ?? 'boot',
      table,
      mtu: specification.mtu ?? 0,
      isOnLink: specification.isOnLink ?? false,
    };
  }
}
