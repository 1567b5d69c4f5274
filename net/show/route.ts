/**
 * `ip route`, `ip route get` and `ip rule` as iproute2 6.1 prints them; every line of a route ends
 * with a space. Mirrors iproute2 ip/iproute.c (`print_route`) and ip/iprule.c.
 */
import { formatIpv4Address, type Ipv4Address } from '../../wire/addresses.ts';
import { addressBits, formatIp, type IpAddress } from '../../wire/ip-address.ts';
import { type Route, RouteTableId, type Rule, Scope } from '../ip/route.ts';
import type { Namespace } from '../namespace.ts';
import { scopeText } from './address.ts';

const TABLE_NAMES = new Map<number, string>([
  [RouteTableId.default, 'default'],
  [RouteTableId.main, 'main'],
  [RouteTableId.local, 'local'],
]);

/** `ip route show [table T]`, ending with a newline unless it is empty. */
export function routeText(namespace: Namespace, table: number = RouteTableId.main): string {
  return namespace.routes.list(table).map(lineOf).join('');
}

/** `ip -6 route show [table T]`, likewise. */
export function ipv6RouteText(namespace: Namespace, table: number = RouteTableId.main): string {
  return namespace.ipv6.routes.list(table).map(ipv6LineOf).join('');
}

function ipv6LineOf(route: Route): string {
  const { type, destination, prefixLength, gateway, device, metric } = route;
  let text = type === 'unicast' ? '' : `${type} `;
  if (prefixLength === 0) text += 'default ';
  else text += `${prefixText(destination, prefixLength)} `;
  if (gateway !== 0) text += `via ${formatIp(gateway)} `;
  text += `dev ${device?.name ?? 'lo'} `;
  if (route.protocol !== 'boot') text += `proto ${route.protocol} `;
  if (route.preferredSource !== 0) text += `src ${formatIp(route.preferredSource)} `;
  text += `metric ${metric} `;
  if (route.isOnLink) text += 'onlink ';
  if (type === 'unicast' && device !== undefined && !device.hasCarrier) text += 'linkdown ';
  if (route.mtu !== 0) text += `mtu ${route.mtu} `;
  return `${text}pref medium\n`;
}

/** `ip -6 route get <destination>`. */
export function ipv6RouteGetText(namespace: Namespace, destination: IpAddress, mark = 0): string {
  const found = namespace.routeLookup({ destination, mark });
  if (found === undefined) return 'RTNETLINK answers: Network is unreachable\n';
  if (found.type === 'unreachable') return 'RTNETLINK answers: No route to host\n';
  if (found.type === 'prohibit') return 'RTNETLINK answers: Permission denied\n';
  if (found.type === 'blackhole') return 'RTNETLINK answers: Invalid argument\n';
  const { type, gateway, device, source, route } = found;
  let text = `${type === 'unicast' ? '' : `${type} `}${formatIp(destination)} from :: `;
  if (gateway !== undefined) text += `via ${formatIp(gateway)} `;
  text += `dev ${device.name} `;
  if (type === 'local') text += 'table local ';
  if (route.protocol !== 'boot') text += `proto ${route.protocol} `;
  if (source !== 0) text += `src ${formatIp(source)} `;
  text += `metric ${route.metric} `;
  const learned = namespace.ipv6.pathMtus.find(destination);
  if (learned !== undefined) {
    const seconds = Math.floor((learned.expiresAtNs - namespace.world.nowNs) / 1e9);
    text += `expires ${seconds}sec mtu ${learned.mtuBytes} `;
  }
  return `${text}pref medium\n`;
}

function lineOf(route: Route): string {
  const { type, device, gateway, prefixLength } = route;
  let text = type === 'unicast' ? '' : `${type} `;
  const address = formatIpv4Address(route.destination);
  if (prefixLength === 0) text += 'default ';
  else text += prefixLength === 32 ? `${address} ` : `${address}/${prefixLength} `;
  if (gateway !== 0) text += `via ${formatIpv4Address(gateway)} `;
  if (device !== undefined) text += `dev ${device.name} `;
  if (route.protocol !== 'boot') text += `proto ${route.protocol} `;
  if (route.scope !== Scope.global) text += `scope ${scopeText(route.scope)} `;
  if (route.preferredSource !== 0) text += `src ${formatIpv4Address(route.preferredSource)} `;
  if (route.metric !== 0) text += `metric ${route.metric} `;
  if (route.isOnLink) text += 'onlink ';
  if (type === 'unicast' && device !== undefined && !device.hasCarrier) text += 'linkdown ';
  if (route.mtu !== 0) text += `mtu ${route.mtu} `;
  return `${text}\n`;
}

/** `ip route get <destination> [mark M]`. */
export function routeGetText(namespace: Namespace, destination: Ipv4Address, mark = 0): string {
  const found = namespace.routeLookup({ destination, mark });
  if (found === undefined) return 'RTNETLINK answers: Network is unreachable\n';
  if (found.type === 'unreachable') return 'RTNETLINK answers: No route to host\n';
  if (found.type === 'prohibit') return 'RTNETLINK answers: Permission denied\n';
  if (found.type === 'blackhole') return 'RTNETLINK answers: Invalid argument\n';
  let text = found.type === 'unicast' ? '' : `${found.type} `;
  text += `${formatIpv4Address(destination)} `;
  if (found.gateway !== undefined) text += `via ${formatIpv4Address(found.gateway)} `;
  text += `dev ${found.device.name} `;
  if (found.source !== 0) text += `src ${formatIpv4Address(found.source)} `;
  if (mark !== 0) text += `mark ${hex(mark)} `;
  let cache = 'cache ';
  if (found.type !== 'unicast') cache += `<${found.type}> `;
  const learned = namespace.pathMtus.find(destination);
  if (learned !== undefined) {
    const seconds = Math.floor((learned.expiresAtNs - namespace.world.nowNs) / 1e9);
    cache += `expires ${seconds}sec mtu ${learned.mtuBytes} `;
  }
  return `${text}uid 0 \n    ${cache}\n`;
}

/** `ip [-6] rule show`. */
export function ruleText(namespace: Namespace, family: 4 | 6 = 4): string {
  const { rules } = family === 6 ? namespace.ipv6.routes : namespace;
  return rules.list().map(ruleLine).join('');
}

function ruleLine(rule: Rule): string {
  const { source, destination, mark, markMask, action = 'lookup' } = rule;
  const from = source === undefined ? 'all' : prefixText(source.address, source.lengthBits);
  let text = `${rule.priority}:\t${rule.isNegated === true ? 'not ' : ''}from ${from} `;
  if (destination !== undefined) {
    text += `to ${prefixText(destination.address, destination.lengthBits)} `;
  }
  if (mark !== undefined) {
    const mask = markMask === undefined || markMask === 0xffff_ffff ? '' : `/${hex(markMask)}`;
    text += `fwmark ${hex(mark)}${mask} `;
  }
  if (rule.inDevice !== undefined) text += `iif ${rule.inDevice} `;
  if (rule.outDevice !== undefined) text += `oif ${rule.outDevice} `;
  if (action !== 'lookup') return `${text}${action}\n`;
  return `${text}lookup ${TABLE_NAMES.get(rule.table) ?? rule.table}\n`;
}

function prefixText(address: IpAddress, lengthBits: number): string {
  const text = formatIp(address);
  return lengthBits === addressBits(address) ? text : `${text}/${lengthBits}`;
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}
