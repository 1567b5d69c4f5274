/**
 * Where to join, as memberlist takes it (`memberlist.go` `resolveAddr`): an address or a host's name,
 * with or without a port, and with or without a node's name and a slash before it. A host's name
 * stands for all of its addresses, of which those of the member's own family can be joined.
 */
import { lookup } from 'node:dns/promises';
import type { LiveAddress } from '../../gossip/live/live-member.ts';
import { parseHostAddress } from '../../wire/host-address.ts';

const PORT_MAX = 65_535;

/** The places for a member that listens at `own`, with its port where none is said; or why none. */
export async function joinAddressesOf(
  text: string,
  own: LiveAddress,
): Promise<LiveAddress[] | string> {
  const slash = text.indexOf('/');
  if (slash === 0) return 'empty node name provided';
  const places = await placesOf(text.slice(slash + 1), own);
  if (slash < 0 || typeof places === 'string') return places;
  const name = text.slice(0, slash);
  return places.map((place) => ({ ...place, name }));
}

async function placesOf(place: string, own: LiveAddress): Promise<LiveAddress[] | string> {
  const bare = parseHostAddress(place);
  if (bare !== undefined) return [{ address: bare, port: own.port }];
  const parts = /^(?:\[(.*)\]|([^:]*))(?::([^:]*))?$/.exec(place);
  if (parts === null) return `'${place}' is no address; IPv6 with a port is written [::1]:7946`;
  const [, bracketed, name, portText = String(own.port)] = parts;
  const host = bracketed ?? name ?? '';
  const port = Number(portText);
  if (!/^\d+$/.test(portText) || port < 1 || port > PORT_MAX) return `'${portText}' is no port`;
  if (host === '') return 'there is no host';
  const address = parseHostAddress(host);
  if (address !== undefined) return [{ address, port }];
  try {
    const family = typeof own.address === 'string' ? 6 : 4;
    const found = await lookup(host, { all: true, family });
    return found.map((entry) => ({ address: parseHostAddress(entry.address)!, port }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
