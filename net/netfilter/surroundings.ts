/**
 * What rules ask their namespace: address types and the addresses of devices.
 *
 * The one place where netfilter depends on how a namespace stores its addresses and routes.
 * Mirrors `inet_addr_type`, `inet_select_addr` and `inet_dev_addr_type`.
 */
import { isMulticastAddress } from '../../wire/addresses.ts';
import { type IpAddress, isIpv6Address } from '../../wire/ip-address.ts';
import { ipv6ScopeOf, isIpv6Multicast } from '../../wire/ipv6/scope.ts';
import type { Device } from '../device/device.ts';
import { Scope } from '../ip/route.ts';
import type { Namespace } from '../namespace.ts';

/** The kernel's RTN_ numbers, as far as the local table knows them. */
export const AddressType = { unicast: 1, local: 2, broadcast: 3, multicast: 5 } as const;
/** See {@link AddressType}. */
export type AddressType = (typeof AddressType)[keyof typeof AddressType];

/** What the local table says about an address. */
export function addressTypeOf(namespace: Namespace, address: IpAddress): AddressType {
  if (isIpv6Address(address)) {
    if (isIpv6Multicast(address)) return AddressType.multicast;
    return namespace.isLocalAddress(address) ? AddressType.local : AddressType.unicast;
  }
  if (address === 0xffff_ffff || address >>> 24 === 0) return AddressType.broadcast;
  if (isMulticastAddress(address)) return AddressType.multicast;
  if (namespace.isLocalAddress(address)) return AddressType.local;
  return namespace.isBroadcastAddress(address) ? AddressType.broadcast : AddressType.unicast;
}

/** True when the address is one of this device's. */
export function isAddressOfDevice(
  namespace: Namespace,
  device: Device,
  address: IpAddress,
): boolean {
  if (isIpv6Address(address)) return namespace.ipv6.routes.isLocal(address, device);
  for (const own of namespace.addresses.of(device)) if (own.address === address) return true;
  return false;
}

/** The first primary address of a device, or undefined when it has none. */
export function primaryAddressOf(namespace: Namespace, device: Device): number | undefined {
  for (const own of namespace.addresses.of(device)) if (!own.isSecondary) return own.address;
  return undefined;
}

/** The address that REDIRECT takes in IPv6: the first of use, of the destination's scope if it can be. */
export function redirectAddressOf(
  namespace: Namespace,
  device: Device,
  destination: IpAddress,
): IpAddress | undefined {
  const { addresses } = namespace.ipv6;
  const usable = addresses.of(device).filter((own) => !addresses.isTentative(own));
  const scope = ipv6ScopeOf(destination);
  return (usable.find((own) => ipv6ScopeOf(own.address) === scope) ?? usable[0])?.address;
}

/**
 * The address that MASQUERADE takes: that of the output device in whose subnet the next hop lies,
 * or else its first one; undefined when there is none.
 */
export function selectSourceAddress(
  namespace: Namespace,
  outDevice: Device,
  destination: number,
  mark: number,
): IpAddress | undefined {
  if (isIpv6Address(destination)) {
    return namespace.ipv6.addresses.selectSource(outDevice, destination);
  }
  const { addresses } = namespace;
  let nextHop = destination;
  if (addresses.of(outDevice).length > 1) {
    nextHop = namespace.routeLookup({ destination, mark, outDevice })?.nextHop ?? destination;
  }
  return addresses.selectSource(outDevice, nextHop, Scope.global) || undefined;
}
