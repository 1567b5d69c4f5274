/**
 * `ip addr` as iproute2 6.1 prints it, IPv4's addresses before IPv6's.
 * Mirrors iproute2 ip/ipaddress.c (`print_addrinfo`) and the kernel's addrconf.c.
 */
import { formatIpv4Address } from '../../wire/addresses.ts';
import { formatIp, LOOPBACK_IPV6 } from '../../wire/ip-address.ts';
import { isLinkLocal } from '../../wire/ipv6/scope.ts';
import type { Device } from '../device/device.ts';
import type { DeviceAddress } from '../ip/addresses.ts';
import { Scope } from '../ip/route.ts';
import type { Ipv6DeviceAddress } from '../ip6/addresses.ts';
import type { Namespace } from '../namespace.ts';
import { type LinkOptions, linkHead } from './link.ts';

const FOREVER = '       valid_lft forever preferred_lft forever\n';

/** `ip addr show`, ending with a newline unless it is empty. */
export function addressText(namespace: Namespace, options: LinkOptions = {}): string {
  let text = '';
  for (const device of namespace.devices.list()) {
    if (options.device !== undefined && device.name !== options.device) continue;
    text += linkHead(namespace, device, options, '');
    for (const address of namespace.addresses.of(device)) text += ipv4Text(address);
    for (const own of namespace.ipv6.addresses.of(device)) text += ipv6Text(namespace, own);
  }
  return text;
}

/** A scope's name; numbers that have none are printed as they are. */
export function scopeText(scope: Scope): string {
  for (const [name, number] of Object.entries(Scope)) if (number === scope) return name;
  return String(scope);
}

function ipv4Text(own: DeviceAddress): string {
  const broadcast = own.broadcast === 0 ? '' : ` brd ${formatIpv4Address(own.broadcast)}`;
  const secondary = own.isSecondary ? ' secondary' : '';
  return (
    `    inet ${formatIpv4Address(own.address)}/${own.prefixLength}${broadcast} ` +
    `scope ${scopeText(own.scope)}${secondary} ${own.label}\n${FOREVER}`
  );
}

/** True when a device has IPv6 addresses at all. */
export function hasIpv6(device: Device): boolean {
  return device.ipv6.disable_ipv6 === 0;
}

function ipv6Text(namespace: Namespace, own: Ipv6DeviceAddress): string {
  const { address, prefixLength, skipsDetection, isGenerated, isDuplicate } = own;
  let scope = 'global';
  if (address === LOOPBACK_IPV6) scope = 'host';
  else if (isLinkLocal(address)) scope = 'link';
  let flags = skipsDetection && !isGenerated ? 'nodad ' : '';
  if (isDuplicate) flags += 'dadfailed ';
  if (namespace.ipv6.addresses.isTentative(own)) flags += 'tentative ';
  return `    inet6 ${formatIp(address)}/${prefixLength} scope ${scope} ${flags}\n${FOREVER}`;
}
