/**
 * `ip addr` as iproute2 6.1 prints it.
 *
 * IPv6 is there as far as the listing goes: `::1` on loopback, and the link-local address that a
 * device makes of its MAC address when it first has carrier, unless `disable_ipv6` is set.
 * Mirrors iproute2 ip/ipaddress.c (`print_addrinfo`) and the kernel's addrconf.c.
 */
import { formatIpv4Address, formatMac, type Mac } from '../../wire/addresses.ts';
import type { Device } from '../device/device.ts';
import type { DeviceAddress } from '../ip/addresses.ts';
import { Scope } from '../ip/route.ts';
import type { Namespace } from '../namespace.ts';
import { type LinkOptions, linkHead } from './link.ts';

const FOREVER = '       valid_lft forever preferred_lft forever\n';
/** How long duplicate address detection takes: a random delay of up to 1 s, and 1 s. */
const TENTATIVE_NS = 1_500_000_000;

/** `ip addr show`, ending with a newline unless it is empty. */
export function addressText(namespace: Namespace, options: LinkOptions = {}): string {
  let text = '';
  for (const device of namespace.devices.list()) {
    if (options.device !== undefined && device.name !== options.device) continue;
    text += linkHead(namespace, device, options, '');
    for (const address of namespace.addresses.of(device)) text += ipv4Text(address);
    text += ipv6Text(namespace, device);
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
export function hasIpv6(namespace: Namespace, device: Device): boolean {
  const { sysctls } = namespace;
  for (const name of ['all', 'default', device.name]) {
    if (sysctls.number(`net.ipv6.conf.${name}.disable_ipv6`) !== 0) return false;
  }
  return true;
}

function ipv6Text(namespace: Namespace, device: Device): string {
  if (!device.isUp || !hasIpv6(namespace, device)) return '';
  if (device.kind === 'loopback') return `    inet6 ::1/128 scope host \n${FOREVER}`;
  if (device.carrierSinceNs === undefined || device.kind === 'vxlan') return '';
  const isTentative = namespace.world.nowNs < device.carrierSinceNs + TENTATIVE_NS;
  const tentative = isTentative ? 'tentative ' : '';
  return `    inet6 ${linkLocalText(device.mac)}/64 scope link ${tentative}\n${FOREVER}`;
}

/** The link-local address of a MAC address (modified EUI-64), shortened as `inet_ntop` does. */
function linkLocalText(mac: Mac): string {
  const octets = formatMac(mac)
    .split(':')
    .map((octet) => Number.parseInt(octet, 16));
  octets[0] = octets[0]! ^ 2;
  const [a, b, c, d, e, f] = octets as [number, number, number, number, number, number];
  const groups = [a * 256 + b, c * 256 + 0xff, 0xfe00 + d, e * 256 + f];
  const texts = groups.map((group) => group.toString(16));
  while (texts[0] === '0') texts.shift();
  return `fe80::${texts.join(':')}`;
}
