/**
 * Which of our addresses a packet to a destination gets: RFC 6724's rules in Linux' order.
 *
 * Home, temporary and deprecated addresses do not occur here, so that of the eight rules 1, 2, 5, 6 and
 * 8 remain. For a destination of a link (or a group of one) only the addresses of the way out count.
 * Mirrors `ipv6_dev_get_saddr` and `ipv6_get_saddr_eval` (net/ipv6/addrconf.c, addrlabel.c).
 */
import {
  commonPrefixBits,
  type IpAddress,
  type IpPrefix,
  isInPrefix,
  parseIpPrefix,
} from '../../wire/ip-address.ts';
import { ipv6ScopeOf, isIpv6Multicast, needsLink } from '../../wire/ipv6/scope.ts';
import type { Device } from '../device/device.ts';
import type { Ipv6DeviceAddress } from './addresses.ts';

/** The kernel's table of labels, longest prefix first (`ip addrlabel`). */
const LABELS: readonly (readonly [IpPrefix, number])[] = (
  [
    ['::1/128', 0],
    ['::/96', 3],
    ['::ffff:0:0/96', 4],
    ['2001::/32', 6],
    ['2001:10::/28', 7],
    ['2002::/16', 2],
    ['fc00::/7', 5],
    ['::/0', 1],
  ] as const
).map(([text, label]) => [parseIpPrefix(text)!, label] as const);

function labelOf(address: IpAddress): number {
  return LABELS.find(([prefix]) => isInPrefix(prefix, address))![1];
}

/** True when `a` is the better source than `b` for `destination` by way of `device`. */
function isBetter(
  a: Ipv6DeviceAddress,
  b: Ipv6DeviceAddress,
  destination: IpAddress,
  device: Device,
): boolean {
  if ((a.address === destination) !== (b.address === destination)) return a.address === destination;
  const target = ipv6ScopeOf(destination);
  const aScope = ipv6ScopeOf(a.address);
  const bScope = ipv6ScopeOf(b.address);
  if (aScope !== bScope) return aScope < bScope ? aScope >= target : bScope < target;
  if ((a.device === device) !== (b.device === device)) return a.device === device;
  const label = labelOf(destination);
  const isLabelled = labelOf(a.address) === label;
  if (isLabelled !== (labelOf(b.address) === label)) return isLabelled;
  return sharedBits(a, destination) > sharedBits(b, destination);
}

/** Bits in common with the destination, at most those of the address' own prefix. */
function sharedBits(own: Ipv6DeviceAddress, destination: IpAddress): number {
  return Math.min(commonPrefixBits(own.address, destination), own.prefixLength);
}

/** The best of the candidates; undefined when there is none. */
export function selectIpv6Source(
  candidates: Iterable<Ipv6DeviceAddress>,
  destination: IpAddress,
  device: Device,
): IpAddress | undefined {
  const isLinkOnly = isIpv6Multicast(destination) || needsLink(destination);
  let best: Ipv6DeviceAddress | undefined;
  for (const own of candidates) {
    if (isLinkOnly && own.device !== device) continue;
    if (best === undefined || isBetter(own, best, destination, device)) best = own;
  }
  return best?.address;
}
