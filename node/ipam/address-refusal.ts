/**
 * Why an address of a host's own pool cannot be had, in libnetwork's words.
 */
import { formatIp, type IpAddress, type IpPrefix, isInPrefix } from '../../wire/ip-address.ts';
import { forbidden, invalid, type Refusal } from '../daemon/refusal.ts';

/** Why a chosen address cannot be had. */
export function addressRefusal(subnet: IpPrefix, address: IpAddress): Refusal {
  return isInPrefix(subnet, address)
    ? forbidden('Address already in use')
    : invalid('Requested address is out of range');
}

/** Why an endpoint has no address, the wanted one or any, on a network of this name and id. */
export function endpointAddressRefusal(
  subnet: IpPrefix,
  wanted: IpAddress | undefined,
  network: { readonly name: string; readonly id: string },
): Refusal {
  if (wanted !== undefined) {
    const refusal = addressRefusal(subnet, wanted);
    if (refusal.status === 403) return refusal;
    const text = formatIp(wanted);
    return invalid(`Invalid address ${text}: It does not belong to any of this network's subnets`);
  }
  const pools = "no available IPv4 addresses on this network's address pools";
  return invalid(`${pools}: ${network.name} (${network.id})`);
}
