/**
 * The `tos` and `dscp` matches: the byte of the header that says how a packet is to be served.
 * Mirrors `extensions/libxt_tos.c`, `libxt_dscp.c` and `tos_values.c`.
 */
import {
  byteText,
  parseDscpClass,
  parseTos,
  serviceByteOf,
  tosName,
} from '../../header/service-type.ts';
import { type MaskedValue, outOfRange } from '../../options.ts';
import { parseUnsigned32 } from '../../protocols.ts';
import { fieldMatchKind } from './field-match.ts';

/** `-m tos`. */
export const tosMatch = fieldMatchKind<MaskedValue>({
  name: 'tos',
  options: ['--tos'],
  parse: parseTos,
  holds: ({ bytes, at }, { value, mask }) => (serviceByteOf(bytes, at) & mask) === value,
  save: ({ value, mask }, not) => ` ${not}--tos ${byteText(value)}/${byteText(mask)}`,
  list: (wanted, isNegated, isNumeric) => {
    const name = isNumeric ? undefined : tosName(wanted);
    const text =
      name === undefined ? `${byteText(wanted.value)}/${byteText(wanted.mask)}` : ` ${name}`;
    return ` tos match${isNegated ? '!' : ''}${text}`;
  },
});

/** `-m dscp`. */
export const dscpMatch = fieldMatchKind<{ readonly dscp: number }>({
  name: 'dscp',
  options: ['--dscp', '--dscp-class'],
  parse: (text, option) => {
    if (option === '--dscp-class') {
      const dscp = parseDscpClass(text);
      return typeof dscp === 'string' ? dscp : { dscp };
    }
    const dscp = parseUnsigned32(text);
    return dscp !== undefined && dscp < 64 ? { dscp } : outOfRange('dscp', option, 0, 63);
  },
  holds: ({ bytes, at }, { dscp }) => serviceByteOf(bytes, at) >> 2 === dscp,
  save: ({ dscp }, not) => ` ${not}--dscp ${byteText(dscp)}`,
  list: ({ dscp }, isNegated) => ` DSCP match ${isNegated ? '!' : ''}${byteText(dscp)}`,
  missing: 'DSCP match: Parameter --dscp is required',
  checks: { exclusive: [['--dscp', '--dscp-class']] },
});
