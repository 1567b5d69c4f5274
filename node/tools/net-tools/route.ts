/**
 * `route` of net-tools 2.10, and the table of `netstat -r`: routes as `/proc/net/route` has them.
 * Mirrors route.c, lib/inet_gr.c and lib/inet_sr.c.
 */
import type { Route, RouteSpecification } from '../../../net/ip/route.ts';
import { RouteTableId } from '../../../net/ip/route.ts';
import type { Namespace } from '../../../net/namespace.ts';
import { routeFlagsOf, routesInTrieOrder } from '../../../net/proc/routes.ts';
import {
  formatIpv4Address,
  parseIpv4Address,
  parsePrefix,
  prefixMask,
} from '../../../wire/addresses.ts';
import { formatIp } from '../../../wire/ip-address.ts';
import { parseOptions } from '../options.ts';
import type { Process } from '../process.ts';

const FAMILIES = `  List of possible address families (which support routing):
    inet (DARPA Internet) inet6 (IPv6) ax25 (AMPR AX.25)${' '}
    netrom (AMPR NET/ROM) rose (AMPR ROSE) ipx (Novell IPX)${' '}
    ddp (Appletalk DDP) x25 (CCITT X.25)${' '}
`;

const USAGE = `Usage: route [-nNvee] [-FC] [<AF>]           List kernel routing tables
       route [-v] [-FC] {add|del|flush} ...  Modify routing table for AF.

       route {-h|--help} [<AF>]              Detailed usage syntax for specified AF.
       route {-V|--version}                  Display version/author and exit.

        -v, --verbose            be verbose
        -n, --numeric            don't resolve names
        -e, --extend             display other/more information
        -F, --fib                display Forwarding Information Base (default)
        -C, --cache              display routing cache instead of FIB

  <AF>=Use -4, -6, '-A <af>' or '--<af>'; default: inet
`;

/** Exit status of what the kernel refuses. */
const REFUSED = 7;

/** `route [-n] [-e] [-6]`, `route add|del [-net|-host] TARGET [netmask M] [gw G] [metric N] [dev D]`. */
export function route(process: Process, argv: readonly string[]): void {
  const options = parseOptions('route', argv, '+neFC46A:v');
  if (typeof options === 'string') {
    showUsage(process, `${options}\n`);
    return;
  }
  const { namespace } = process.place;
  const [command, ...words] = options.operands;
  if (command === 'add' || command === 'del') change(process, command, words);
  else if (command !== undefined) showUsage(process, '');
  else {
    const isVersion6 = options.has('6') || options.value('A') === 'inet6';
    const format = { isNumeric: options.has('n'), isLikeNetstat: options.has('e') };
    process.print(isVersion6 ? ipv6RoutingTable(namespace) : routingTable(namespace, format));
    process.exit(0);
  }
}

/** `route` ends well when it only explains itself. */
function showUsage(process: Process, complaint: string): void {
  process.complain(complaint);
  process.print(USAGE);
  process.complain(FAMILIES);
  process.exit(0);
}

/** How the table is printed. */
export interface RoutingTableFormat {
  readonly isNumeric: boolean;
  /** MSS, window and round trip instead of metric and uses. */
  readonly isLikeNetstat: boolean;
}

/** `Kernel IP routing table`. */
export function routingTable(namespace: Namespace, format: RoutingTableFormat): string {
  const last = format.isLikeNetstat
    ? 'Flags   MSS Window  irtt Iface'
    : 'Flags Metric Ref    Use Iface';
  const head = `Kernel IP routing table\nDestination     Gateway         Genmask         ${last}\n`;
  return (
    head +
    routesInTrieOrder(namespace)
      .map((one) => routeLine(one, format))
      .join('')
  );
}

function routeLine(own: Route, { isNumeric, isLikeNetstat }: RoutingTableFormat): string {
  const { destination, prefixLength, gateway, metric, device, mtu } = own;
  const isRejected = own.type !== 'unicast';
  const isDefault = prefixLength === 0 && !isNumeric;
  const target = isDefault ? 'default' : formatIpv4Address(destination);
  const cells = [
    target,
    isRejected ? '-' : formatIpv4Address(gateway),
    formatIpv4Address(prefixMask(prefixLength)),
  ];
  const flags = flagLetters(routeFlagsOf(own)).padEnd(6);
  const head = `${cells.map((cell) => cell.slice(0, 15).padEnd(15)).join(' ')} ${flags}`;
  const name = isRejected ? '-' : (device?.name ?? '-');
  if (isLikeNetstat) {
    const [segment, window, trip] = isRejected ? ['-', '-', '-'] : [mtu === 0 ? 0 : mtu - 40, 0, 0];
    return `${head}${String(segment).padStart(5)} ${String(window).padEnd(5)} ${String(trip).padStart(6)} ${name}\n`;
  }
  const references = isRejected ? '-' : '0';
  return `${head}${String(metric).padEnd(6)} ${references.padEnd(2)} ${'0'.padStart(7)} ${name}\n`;
}

function flagLetters(flags: number): string {
  if ((flags & 0x200) !== 0) return (flags & 0x4) === 0 ? '!' : '!H';
  return `${(flags & 0x1) !== 0 ? 'U' : ''}${(flags & 0x2) !== 0 ? 'G' : ''}${(flags & 0x4) !== 0 ? 'H' : ''}`;
}

/** `Kernel IPv6 routing table`: the main table, then the local one. */
export function ipv6RoutingTable(namespace: Namespace): string {
  const head =
    'Kernel IPv6 routing table\n' +
    'Destination                    Next Hop                   Flag Met Ref  Use If\n';
  const routes = [RouteTableId.main, RouteTableId.local].flatMap((table) =>
    namespace.ipv6.routes.list(table),
  );
  const lines = routes.map(({ destination, prefixLength, gateway, metric, type, device }) => {
    const target = `${formatIp(destination)}/${prefixLength}`;
    const next = gateway === 0 ? '::' : formatIp(gateway);
    let flags = type === 'local' ? 'Un' : 'U';
    if (gateway !== 0) flags += 'G';
    if (type !== 'local' && type !== 'unicast' && type !== 'multicast') flags = '!n';
    const numbers = `${String(metric).padEnd(3)} ${'1'.padEnd(3)}${'0'.padStart(5)}`;
    return `${target.padEnd(30)} ${next.padEnd(26)} ${flags.padEnd(4)} ${numbers} ${device?.name ?? 'lo'}\n`;
  });
  return head + lines.join('');
}

function change(process: Process, command: 'add' | 'del', words: readonly string[]): void {
  const { namespace } = process.place;
  const wanted = specificationOf(namespace, words);
  if (wanted === undefined) {
    showUsage(process, '');
    return;
  }
  if (command === 'del') {
    if (namespace.removeRoute(wanted)) process.exit(0);
    else process.fail(REFUSED, 'SIOCDELRT: No such process\n');
    return;
  }
  if (wanted.gateway === undefined && wanted.device === undefined) {
    process.fail(REFUSED, 'SIOCADDRT: No such device\n');
    return;
  }
  const refusal = namespace.addRoute(wanted);
  if (refusal === undefined) process.exit(0);
  else process.fail(REFUSED, `SIOCADDRT: ${reasonOf(refusal)}\n`);
}

/** The kernel's errno behind what `ip route` would have said. */
function reasonOf(refusal: string): string {
  if (refusal.startsWith('RTNETLINK answers: ')) return refusal.slice('RTNETLINK answers: '.length);
  return 'Network is unreachable';
}

function specificationOf(
  namespace: Namespace,
  words: readonly string[],
): RouteSpecification | undefined {
  const rest = [...words];
  const isHost = rest[0] === '-host';
  if (rest[0] === '-net' || isHost) rest.shift();
  const target = rest.shift() ?? '';
  const prefix = target === 'default' ? { address: 0, lengthBits: 0 } : parsePrefix(target);
  const address = prefix?.address ?? parseIpv4Address(target);
  if (address === undefined) return undefined;
  let lengthBits =
    prefix?.lengthBits ?? (isHost || (address & 0xff) !== 0 ? 32 : classBits(address));
  const fields: {
    gateway?: number;
    metric?: number;
    device?: ReturnType<Namespace['deviceByName']>;
  } = {};
  for (let at = 0; at < rest.length; at += 2) {
    const value = rest[at + 1] ?? '';
    if (rest[at] === 'netmask') lengthBits = maskBits(parseIpv4Address(value) ?? 0);
    else if (rest[at] === 'gw') fields.gateway = parseIpv4Address(value) ?? 0;
    else if (rest[at] === 'metric') fields.metric = Number(value);
    else {
      const name = rest[at] === 'dev' ? value : rest[at--]!;
      fields.device = namespace.deviceByName(name);
      if (fields.device === undefined) return undefined;
    }
  }
  const { gateway, metric, device } = fields;
  return {
    destination: address,
    prefixLength: lengthBits,
    ...(gateway === undefined ? {} : { gateway }),
    ...(metric === undefined ? {} : { metric }),
    ...(device === undefined ? {} : { device }),
  };
}

function classBits(address: number): number {
  if (address >>> 31 === 0) return 8;
  return address >>> 30 === 2 ? 16 : 24;
}

function maskBits(mask: number): number {
  return mask.toString(2).replace(/0+$/, '').length;
}
