/**
 * Where to join, as memberlist takes it (`memberlist.go` `resolveAddr`): an address or a host's name,
 * with or without a port, and with or without a node's name and a slash before it. A host's name
 * stands for all of its addresses.
 */
import { lookup } from 'node:dns/promises';
import type { LiveAddress } from '../../gossip/live/live-member.ts';
import { parseIpv4Address } from '../../wire/addresses.ts';

const PORT_MAX = 65_535;

/** The places, with `defaultPort` where none is said; a text when there are none. */
export async function joinAddressesOf(
  text: string,
  defaultPort: number,
): Promise<LiveAddress[] | string> {
  const slash = text.indexOf('/');
  if (slash === 0) return 'empty node name provided';
  const place = text.slice(slash + 1);
  const [host = '', portText = String(defaultPort), ...rest] = place.split(':');
  if (rest.length > 0) return `members speak IPv4 only, and '${place}' looks like IPv6`;
  const port = Number(portText);
  if (!/^\d+$/.test(portText) || port < 1 || port > PORT_MAX) return `'${portText}' is no port`;
  if (host === '') return 'there is no host';
  const address = parseIpv4Address(host);
  if (address !== undefined) return [{ address, port }];
  try {
    const found = await lookup(host, { all: true, family: 4 });
    return found.map((entry) => ({ address: parseIpv4Address(entry.address)!, port }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
