/**
 * The routing tables of one namespace and one version of IP, by number. Which routes may be added, and
 * how one is looked up, differs between the versions (routes.ts, ../ip6/routes.ts); how they are kept
 * does not.
 */
import type { Device } from '../device/device.ts';
import { type Route, type RouteSpecification, RouteTableId } from './route.ts';
import { RouteTable } from './route-table.ts';

/** The fields by which a route is found again. */
const FIELDS = [
  'destination',
  'prefixLength',
  'type',
  'gateway',
  'device',
  'metric',
  'protocol',
  'preferredSource',
] as const;

/** See the module comment. */
export class RouteTables {
  /** The table of the host's own addresses. */
  readonly local: RouteTable;
  readonly #family: 'ipv4' | 'ipv6';
  readonly #onChange: () => void;
  readonly #tables = new Map<number, RouteTable>();

  /** `onChange` hears whenever a route has come or gone. */
  constructor(family: 'ipv4' | 'ipv6', onChange: () => void) {
    this.#family = family;
    this.#onChange = onChange;
    this.local = this.#tableOf(RouteTableId.local);
  }

  /** The best route of a table for an address, by `outDevice` only when given. */
  find(table: number, address: number, outDevice: Device | undefined): Route | undefined {
    return this.#tables.get(table)?.find(address, outDevice);
  }

  /** The routes of a table as `ip route show` orders them. */
  list(table: number): readonly Route[] {
    return this.#tables.get(table)?.list() ?? [];
  }

  /** `ip route add` and `replace`; iproute2's error text when there is such a route already. */
  insert(route: Route, mayReplace: boolean): string | undefined {
    const table = this.#tableOf(route.table);
    for (const other of table.exact(route.destination, route.prefixLength)) {
      if (other.metric !== route.metric) continue;
      if (!mayReplace) return 'RTNETLINK answers: File exists';
      table.remove(other);
      break;
    }
    table.add(route);
    this.#onChange();
    return undefined;
  }

  /** Adds what an address makes, unless it is there already. */
  put(route: Route): void {
    const table = this.#tableOf(route.table);
    for (const other of table.exact(route.destination, route.prefixLength)) {
      if (other.type === route.type && other.device === route.device) return;
    }
    table.add(route);
    this.#onChange();
  }

  /** Removes the first route that has all the given fields; false when there is none. */
  take(fields: Partial<RouteSpecification>): boolean {
    const table = this.#tableOf(fields.table ?? RouteTableId.main);
    const { destination, prefixLength } = fields;
    const candidates =
      destination !== undefined && prefixLength !== undefined
        ? table.exact(destination, prefixLength)
        : table.list();
    for (const route of candidates) {
      if (!hasFields(route, fields)) continue;
      table.remove(route);
      this.#onChange();
      return true;
    }
    return false;
  }

  /** Removes all routes of which that is true. */
  takeAll(isGone: (route: Route) => boolean): void {
    for (const table of this.#tables.values()) {
      for (const route of table.list()) if (isGone(route)) table.remove(route);
    }
    this.#onChange();
  }

  #tableOf(id: number): RouteTable {
    let table = this.#tables.get(id);
    if (table === undefined) {
      table = new RouteTable(id, this.#family);
      this.#tables.set(id, table);
    }
    return table;
  }
}

/** True when a route has all the fields that are given. */
function hasFields(route: Route, fields: Partial<RouteSpecification>): boolean {
  return FIELDS.every((field) => fields[field] === undefined || fields[field] === route[field]);
}
