/**
 * The extension headers of IPv6, as ip6tables' matches look for them.
 * Mirrors `ipv6_find_hdr` (net/ipv6/exthdrs_core.c) and `ipv6_masq` of libip6t_ipv6header.c.
 */
import { IPV6_HEADER_BYTES } from '../../../wire/ipv6/header.ts';
import type { Inspection } from '../inspection.ts';

/** The numbers of the headers that a chain of them may hold. */
export const IPV6_EXTENSION = {
  hopByHop: 0,
  routing: 43,
  fragment: 44,
  encryption: 50,
  authentication: 51,
  none: 59,
  destination: 60,
} as const;

/** A header of the chain: its number and where it is. */
export interface ExtensionHeader {
  readonly type: number;
  readonly at: number;
}

/** The headers behind IPv6's own, as far as they can be read; the protocol is not among them. */
export function extensionHeadersOf({ bytes, at, end }: Inspection): ExtensionHeader[] {
  const headers: ExtensionHeader[] = [];
  const known: readonly number[] = Object.values(IPV6_EXTENSION);
  let type = bytes[at + 6]!;
  let here = at + IPV6_HEADER_BYTES;
  while (known.includes(type) && (here + 8 <= end || type === IPV6_EXTENSION.none)) {
    headers.push({ type, at: here });
    if (type === IPV6_EXTENSION.none || type === IPV6_EXTENSION.encryption) break;
    const isFragment = type === IPV6_EXTENSION.fragment;
    const isLater = isFragment && ((bytes[here + 2]! << 8) | bytes[here + 3]!) >> 3 !== 0;
    if (isLater) break;
    const unit = bytes[here + 1]!;
    const lengthBytes = type === IPV6_EXTENSION.authentication ? (unit + 2) << 2 : (unit + 1) << 3;
    type = bytes[here]!;
    here += isFragment ? 8 : lengthBytes;
  }
  return headers;
}

/** Where the first header of a type is; -1 when there is none. */
export function extensionHeaderAt(inspection: Inspection, type: number): number {
  return extensionHeadersOf(inspection).find((header) => header.type === type)?.at ?? -1;
}
