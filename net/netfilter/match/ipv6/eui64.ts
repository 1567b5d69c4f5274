/**
 * The `eui64` match: the last half of the source address is made of the MAC address that the frame came
 * from. Mirrors `extensions/libip6t_eui64.c` and `net/ipv6/netfilter/ip6t_eui64.c`.
 */
import { readU32 } from '../../../../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES, sourceMacOf } from '../../../../wire/ethernet.ts';
import type { Match, MatchKind } from '../../extension.ts';
import { Hook } from '../../hook.ts';
import type { Inspection } from '../../inspection.ts';

/** `eui64`: the last half of the source is made of the MAC address that the frame came from. */
class Eui64Match implements Match {
  option(): string | undefined {
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  matches({ bytes, at, inDevice }: Inspection): boolean {
    if (inDevice === undefined || inDevice.kind === 'loopback') return false;
    const mac = sourceMacOf(bytes, at - ETHERNET_HEADER_BYTES);
    const vendor = Math.floor(mac / 0x100_0000) ^ 0x02_0000;
    const isVendor = readU32(bytes, at + 16) === vendor * 256 + 0xff;
    return isVendor && readU32(bytes, at + 20) === 0xfe00_0000 + (mac % 0x100_0000);
  }

  save(): string {
    return '';
  }

  list(): string {
    return 'eui64 ';
  }
}

/** `-m eui64`. */
export const eui64Match: MatchKind = {
  name: 'eui64',
  family: 'ipv6',
  options: [],
  hooks: [Hook.prerouting, Hook.input, Hook.forward],
  create: () => new Eui64Match(),
};
