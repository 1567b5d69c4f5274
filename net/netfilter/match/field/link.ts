/**
 * The `mac` and `pkttype` matches: who sent the frame, and to whom.
 * Mirrors `extensions/libxt_mac.c`, `libxt_pkttype.c` and `net/netfilter/xt_mac.c`.
 */
import { formatMac, parseMac } from '../../../../wire/addresses.ts';
import { ETHERNET_HEADER_BYTES, sourceMacOf } from '../../../../wire/ethernet.ts';
import { LinkTarget } from '../../../packet.ts';
import { Hook } from '../../hook.ts';
import { fieldMatchKind } from './field-match.ts';

/** `-m mac`. */
export const macMatch = fieldMatchKind<{ readonly mac: number }>({
  name: 'mac',
  options: ['--mac-source'],
  parse: (text) => {
    const mac = parseMac(twoDigits(text.toLowerCase()));
    return mac === undefined ? 'Invalid MAC address specified.' : { mac };
  },
  holds: ({ bytes, at, inDevice }, { mac }) => {
    if (inDevice === undefined || inDevice.kind === 'loopback') return undefined;
    return sourceMacOf(bytes, at - ETHERNET_HEADER_BYTES) === mac;
  },
  save: ({ mac }, not) => ` ${not}--mac-source ${formatMac(mac)}`,
  list: ({ mac }, isNegated) => ` MAC ${isNegated ? '! ' : ''}${formatMac(mac)}`,
  hooks: [Hook.prerouting, Hook.input, Hook.forward],
});

/** `2:0:0:0:0:1` in the form in which others write it. */
function twoDigits(text: string): string {
  return text.replace(/(?<=^|:)(?=[0-9a-f](?:$|:))/g, '0');
}

const TYPES = {
  unicast: LinkTarget.host,
  broadcast: LinkTarget.broadcast,
  multicast: LinkTarget.multicast,
} as const;
type TypeName = keyof typeof TYPES;
const ALIASES: Readonly<Record<string, TypeName>> = {
  bcast: 'broadcast',
  mcast: 'multicast',
  host: 'unicast',
};

/** `-m pkttype`. */
export const pkttypeMatch = fieldMatchKind<{ readonly type: TypeName }>({
  name: 'pkttype',
  options: ['--pkt-type'],
  parse: (text) => {
    const name = text.toLowerCase();
    const type = ALIASES[name] ?? (Object.hasOwn(TYPES, name) ? (name as TypeName) : undefined);
    return type === undefined ? `Bad packet type '${text}'` : { type };
  },
  holds: ({ packet }, { type }) => packet.linkTarget === TYPES[type],
  save: ({ type }, not) => ` ${not}--pkt-type ${type}`,
  list: ({ type }, isNegated) => ` PKTTYPE ${isNegated ? '!=' : '='} ${type}`,
});
