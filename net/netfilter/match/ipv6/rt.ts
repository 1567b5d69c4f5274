/**
 * The `rt` match: type, segments left, length and addresses of a routing header.
 * Mirrors `extensions/libip6t_rt.c` and `net/ipv6/netfilter/ip6t_rt.c`.
 */
import { readU32 } from '../../../../wire/bytes.ts';
import { formatIp, type IpAddress, parseIp, readIpv6 } from '../../../../wire/ip-address.ts';
import type { Match, MatchKind } from '../../extension.ts';
import { extensionHeaderAt, IPV6_EXTENSION } from '../../header/extension-header.ts';
import type { Inspection } from '../../inspection.ts';
import { outOfRange, parseRange32 } from '../../options.ts';
import { parseUnsigned32 } from '../../protocols.ts';
import { contains, listedRange, type NumberRange, savedRange } from './number-range.ts';

const ROUTING_ADDRESSES_MAX = 16;

/** `rt`: type, segments left, length and addresses of a routing header. */
class RtMatch implements Match {
  #type: { readonly value: number; readonly isNegated: boolean } | undefined = undefined;
  #segments: NumberRange | undefined = undefined;
  #length: { readonly bytes: number; readonly isNegated: boolean } | undefined = undefined;
  #isReserved = false;
  #addresses: readonly IpAddress[] | undefined = undefined;
  #isLoose = false;

  option(name: string, text: string, isNegated: boolean): string | undefined {
    switch (name) {
      case '--rt-type':
      case '--rt-len': {
        const value = parseUnsigned32(text);
        if (value === undefined) return outOfRange('rt', name, 0, 0xffff_ffff);
        if (name === '--rt-type') this.#type = { value, isNegated };
        else this.#length = { bytes: value, isNegated };
        return undefined;
      }
      case '--rt-segsleft': {
        const range = parseRange32('rt', name, text);
        if (typeof range === 'string') return range;
        this.#segments = { ...range, isNegated };
        return undefined;
      }
      case '--rt-0-addrs': {
        const addresses = text.split(',').map((part) => parseIp(part));
        if (!this.#isType0) return `\`--rt-type 0' required before \`${name}'`;
        if (addresses.length > ROUTING_ADDRESSES_MAX) return 'too many addresses specified';
        const bad = addresses.indexOf(undefined);
        if (bad >= 0) return `bad address: ${text.split(',')[bad]}`;
        this.#addresses = addresses as IpAddress[];
        return undefined;
      }
      default:
        if (!this.#isType0) return `\`--rt-type 0' required before \`${name}'`;
        if (name === '--rt-0-res') this.#isReserved = true;
        else if (this.#addresses !== undefined) this.#isLoose = true;
        else return `\`--rt-0-addr ...' required before \`${name}'`;
        return undefined;
    }
  }

  get #isType0(): boolean {
    return this.#type?.value === 0 && !this.#type.isNegated;
  }

  finish(): string | undefined {
    return undefined;
  }

  matches(inspection: Inspection): boolean {
    const { bytes, end } = inspection;
    const at = extensionHeaderAt(inspection, IPV6_EXTENSION.routing);
    if (at < 0) return false;
    const lengthBytes = (bytes[at + 1]! + 1) << 3;
    if (end - at < lengthBytes || !contains(this.#segments, bytes[at + 3]!)) return false;
    const length = this.#length;
    if (length !== undefined && (lengthBytes === length.bytes) === length.isNegated) return false;
    const type = this.#type;
    if (type !== undefined && (bytes[at + 2] === type.value) === type.isNegated) return false;
    if (this.#isReserved && readU32(bytes, at + 4) !== 0) return false;
    return this.#addresses === undefined || this.#passes(this.#addresses, bytes, at, lengthBytes);
  }

  /** `--rt-0-addrs`: just these addresses, or with others between them where that is allowed. */
  #passes(wanted: readonly IpAddress[], bytes: Uint8Array, at: number, length: number): boolean {
    const count = Math.floor((length - 8) / 16);
    const own = Array.from({ length: count }, (_, i) => readIpv6(bytes, at + 8 + 16 * i));
    if (!this.#isLoose) {
      return own.length === wanted.length && own.every((address, i) => address === wanted[i]);
    }
    let next = 0;
    for (const address of own) if (address === wanted[next]) next++;
    return next >= wanted.length;
  }

  save(): string {
    const [type, length, addresses] = [this.#type, this.#length, this.#addresses];
    let text = '';
    if (type !== undefined) text += `${type.isNegated ? ' !' : ''} --rt-type ${type.value}`;
    text += savedRange('rt-segsleft', this.#segments);
    if (length !== undefined) text += `${length.isNegated ? ' !' : ''} --rt-len ${length.bytes}`;
    if (this.#isReserved) text += ' --rt-0-res';
    if (addresses !== undefined) text += ` --rt-0-addrs ${addresses.map(formatIp).join(',')}`;
    return this.#isLoose ? `${text} --rt-0-not-strict` : text;
  }

  list(): string {
    const [type, length, addresses] = [this.#type, this.#length, this.#addresses];
    let text = ' rt';
    if (type !== undefined) text += ` type:${type.isNegated ? '!' : ''}${type.value}`;
    text += listedRange('segsleft', this.#segments);
    if (length !== undefined) text += ` length:${length.isNegated ? '!' : ''}${length.bytes}`;
    if (this.#isReserved) text += ' reserved';
    if (addresses !== undefined) text += ` 0-addrs ${addresses.map(formatIp).join(',')}`;
    return this.#isLoose ? `${text} 0-not-strict` : text;
  }
}

/** `-m rt`. */
export const rtMatch: MatchKind = {
  name: 'rt',
  family: 'ipv6',
  options: [
    '--rt-type=',
    '--rt-segsleft=',
    '--rt-len=',
    '--rt-0-res',
    '--rt-0-addrs=',
    '--rt-0-not-strict',
  ],
  plain: ['--rt-0-res', '--rt-0-addrs', '--rt-0-not-strict'],
  create: () => new RtMatch(),
};
