/**
 * `/proc/net/route`, `arp` and `ipv6_route` as Linux 6.1 writes them (net/ipv4/fib_trie.c,
 * net/ipv4/arp.c, net/ipv6/ip6_fib.c).
 */
import { formatIpv4Address, formatMac, prefixMask } from '../../wire/addresses.ts';
import { ANY_IPV6, type IpAddress, ipv6Words } from '../../wire/ip-address.ts';
import { type Route, RouteTableId } from '../ip/route.ts';
import type { Namespace } from '../namespace.ts';
import { NeighbourState } from '../neighbour/neighbour.ts';
import { addressHex, hex } from './words.ts';

/** `RTF_…` of include/uapi/linux/route.h. */
const RouteFlag = { up: 0x1, gateway: 0x2, host: 0x4, reject: 0x200, local: 0x8000_0000 } as const;
const LINE_COLUMNS = 127;
const ROUTE_HEAD =
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';

/** What `route -n` and `/proc/net/route` say of a route's kind, by `RTF_…`. */
export function routeFlagsOf({ type, gateway, prefixLength }: Route): number {
  let flags: number = type === 'unicast' ? RouteFlag.up : RouteFlag.up | RouteFlag.reject;
  if (gateway !== 0) flags |= RouteFlag.gateway;
  if (prefixLength === 32) flags |= RouteFlag.host;
  return flags;
}

/** The routes of the main table in the order of the trie: by destination, longer prefixes first. */
export function routesInTrieOrder(namespace: Namespace): Route[] {
  const routes = [...namespace.routesOf(RouteTableId.main)];
  const byKey = (a: Route, b: Route) =>
    a.destination - b.destination || b.prefixLength - a.prefixLength || a.metric - b.metric;
  return routes.sort(byKey);
}

/** `/proc/net/route`. */
export function routeFile(namespace: Namespace): string {
  const lines = routesInTrieOrder(namespace).map((route) => {
    const { device, destination, gateway, metric, prefixLength, mtu } = route;
    const cells = [
      device?.name ?? '*',
      addressHex(destination),
      addressHex(gateway),
      hex(routeFlagsOf(route), 4),
      0,
      0,
      metric,
      addressHex(prefixMask(prefixLength)),
      // the file tells the MSS that fits
      mtu === 0 ? 0 : mtu - 40,
      0,
      0,
    ];
    return cells.join('\t');
  });
  return [ROUTE_HEAD, ...lines].map((line) => `${line.padEnd(LINE_COLUMNS)}\n`).join('');
}

const ARP_HEAD = 'IP address       HW type     Flags       HW address            Mask     Device\n';
const ARP_COMPLETE = 0x2;
const ARP_PERMANENT = 0x4;

/** `/proc/net/arp`; what needs no ARP is not in it. */
export function arpFile(namespace: Namespace): string {
  const lines = namespace.neighbours.list().flatMap(({ address, device, mac, state, isValid }) => {
    if (state === NeighbourState.noArp || state === NeighbourState.none) return [];
    let flags = isValid ? ARP_COMPLETE : 0;
    if (state === NeighbourState.permanent) flags |= ARP_PERMANENT;
    const ip = formatIpv4Address(address).padEnd(16);
    const flagText = flags.toString(16).padEnd(10);
    return [
      `${ip} 0x1${' '.repeat(9)}0x${flagText}${formatMac(mac)}     *        ${device.name}\n`,
    ];
  });
  return ARP_HEAD + lines.join('');
}

/** `/proc/net/ipv6_route`: the main table, then the local one. */
export function ipv6RouteFile(namespace: Namespace): string {
  const tables = [RouteTableId.main, RouteTableId.local];
  return tables.flatMap((table) => namespace.ipv6.routes.list(table).map(ipv6RouteLine)).join('');
}

function ipv6RouteLine(route: Route): string {
  const { destination, prefixLength, gateway, metric, type, device } = route;
  const next = gateway === 0 ? ANY_IPV6 : gateway;
  let flags: number = RouteFlag.up;
  if (gateway !== 0) flags |= RouteFlag.gateway;
  if (prefixLength === 128) flags |= RouteFlag.host;
  if (type === 'local') flags |= RouteFlag.local;
  else if (type !== 'unicast' && type !== 'multicast') flags |= RouteFlag.reject;
  const cells = [
    `${plainHex(destination)} ${prefixLength.toString(16).padStart(2, '0')}`,
    `${plainHex(ANY_IPV6)} 00`,
    plainHex(next),
    ...[metric, 1, 0, flags >>> 0].map((value) => value.toString(16).padStart(8, '0')),
  ];
  return `${cells.join(' ')} ${(device?.name ?? 'lo').padStart(8)}\n`;
}

function plainHex(address: IpAddress): string {
  return Array.from(ipv6Words(address), (word) => word.toString(16).padStart(8, '0')).join('');
}
