/**
 * A security association as the way of a packet names it.
 */
import { formatIp } from '../../wire/ip-address.ts';
import type { AssociationSpec } from './xfrm.ts';

/** `SPI 0x5695539c 10.0.0.1 > 10.0.0.2`. */
export function associationText({ source, destination, spi }: AssociationSpec): string {
  const name = `SPI 0x${spi.toString(16).padStart(8, '0')}`;
  return `${name} ${formatIp(source)} > ${formatIp(destination)}`;
}
