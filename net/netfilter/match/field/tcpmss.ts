/**
 * The `tcpmss` match: the MSS that a segment offers.
 * Mirrors `extensions/libxt_tcpmss.c` and `net/netfilter/xt_tcpmss.c`.
 */
import { IpProtocol } from '../../../../wire/ipv4.ts';
import { offsetOfMss } from '../../header/tcp-options.ts';
import type { Inspection } from '../../inspection.ts';
import { badEnd, type PortRange, parsePortRange, portRangeText } from '../../options.ts';
import { fieldMatchKind } from './field-match.ts';

function mssOf({ bytes, transportAt, end }: Inspection): number | undefined {
  const at = offsetOfMss(bytes, transportAt, end);
  return at < 0 ? undefined : (bytes[at]! << 8) | bytes[at + 1]!;
}

/** `-m tcpmss`. */
export const tcpmssMatch = fieldMatchKind<PortRange>({
  name: 'tcpmss',
  options: ['--mss'],
  parse: (text, option) => {
    const range = parsePortRange(text);
    if (typeof range !== 'string') return range;
    const isReversed = range.startsWith('invalid portrange');
    return isReversed ? 'tcpmss: invalid range given' : badEnd('tcpmss', option, text);
  },
  holds: (inspection, { min, max }) => {
    const mss = inspection.hasTransport(20) ? mssOf(inspection) : undefined;
    return mss === undefined ? undefined : mss >= min && mss <= max;
  },
  save: (value, not) => ` ${not}--mss ${portRangeText(value)}`,
  list: (value, isNegated) => ` tcpmss match ${isNegated ? '!' : ''}${portRangeText(value)}`,
  isAllowed: ({ protocol, isProtocolNegated }) => protocol === IpProtocol.tcp && !isProtocolNegated,
});
