/**
 * Which sockets can have one port together: their addresses and families decide.
 * Mirrors `inet_rcv_saddr_equal` (net/ipv4/inet_connection_sock.c).
 */
import { ANY_ADDRESS } from '../../wire/addresses.ts';
import { ANY_IPV6, type IpAddress, isIpv6Address } from '../../wire/ip-address.ts';
import type { SocketFamily } from './tcp/listener.ts';

/** What a socket bound to an address hears; one on `::` hears both. */
export function familyOf(address: IpAddress): SocketFamily {
  if (address === ANY_IPV6) return 'dual';
  return isIpv6Address(address) ? 'ipv6' : 'ipv4';
}

/** Two sockets on one port clash unless both are bound, to different addresses. */
export function doClash(a: IpAddress, b: IpAddress): boolean {
  return a === b || a === ANY_ADDRESS || b === ANY_ADDRESS;
}

/** IPv4 and IPv6 sockets share no port; one that hears both clashes with either. */
export function doFamiliesClash(a: SocketFamily, b: SocketFamily): boolean {
  return a === b || a === 'dual' || b === 'dual';
}
