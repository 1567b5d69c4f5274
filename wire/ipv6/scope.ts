/**
 * What an IPv6 address is by its looks (RFC 4291): multicast, link-local, unique local; and the
 * addresses that are made of others: link-local from a MAC address, solicited-node groups.
 */
import type { Mac } from '../addresses.ts';
import { ANY_IPV6, type IpAddress, ipv6Of, ipv6Words, LOOPBACK_IPV6 } from '../ip-address.ts';

/** How far an address is valid; the scope field of multicast addresses, a larger number is farther. */
export const Ipv6Scope = { node: 1, link: 2, site: 5, global: 14 } as const;
/** See {@link Ipv6Scope}. */
export type Ipv6Scope = number;

/** True for ff00::/8. */
export function isIpv6Multicast(address: IpAddress): boolean {
  return ipv6Words(address)[0]! >>> 24 === 0xff;
}

/** True for fe80::/10. */
export function isLinkLocal(address: IpAddress): boolean {
  return ipv6Words(address)[0]! >>> 22 === 0x3fa;
}

/** The scope of an address (`ipv6_addr_scope`); that of `::1` counts as link-local's, as RFC 6724 has it. */
export function ipv6ScopeOf(address: IpAddress): Ipv6Scope {
  if (isIpv6Multicast(address)) return (ipv6Words(address)[0]! >>> 16) & 15;
  if (address === LOOPBACK_IPV6 || isLinkLocal(address)) return Ipv6Scope.link;
  if (ipv6Words(address)[0]! >>> 22 === 0x3fb) return Ipv6Scope.site;
  return Ipv6Scope.global;
}

/** True for addresses whose meaning depends on the link: link-local ones and groups of a link. */
export function needsLink(address: IpAddress): boolean {
  if (address === LOOPBACK_IPV6 || address === ANY_IPV6) return false;
  return ipv6ScopeOf(address) <= Ipv6Scope.link;
}

/** The address with this prefix (its first 64 bits) and the MAC address' modified EUI-64. */
function eui64Of(prefix: IpAddress, mac: Mac): IpAddress {
  const words = ipv6Words(prefix);
  const high = Math.floor(mac / 0x100_0000);
  const low = mac % 0x100_0000;
  const c = ((high ^ 0x02_0000) * 256 + 0xff) >>> 0;
  return ipv6Of(words[0]!, words[1]!, c, (0xfe00_0000 + low) >>> 0);
}

const LINK_LOCAL_PREFIX = ipv6Of(0xfe80_0000, 0, 0, 0);

/**
 * The link-local address of a device with this MAC address; of those that share one, a device's own
 * number stands in the middle (`addrconf_ifid_eui48`).
 */
export function linkLocalOf(mac: Mac, deviceId = 0): IpAddress {
  if (deviceId === 0) return eui64Of(LINK_LOCAL_PREFIX, mac);
  const high = (Math.floor(mac / 0x100_0000) * 256 + (deviceId >> 8)) >>> 0;
  return ipv6Of(0xfe80_0000, 0, high, ((deviceId & 255) * 0x100_0000 + (mac % 0x100_0000)) >>> 0);
}

/** The group that the owner of an address listens to: ff02::1:ff00:0/104 and its last 24 bits. */
export function solicitedNodeOf(address: IpAddress): IpAddress {
  return ipv6Of(0xff02_0000, 0, 1, (0xff00_0000 | (ipv6Words(address)[3]! & 0xff_ffff)) >>> 0);
}

/** The MAC address of a group: 33:33 and its last word. */
export function groupMacOf(group: IpAddress): Mac {
  return 0x3333_0000_0000 + ipv6Words(group)[3]!;
}
