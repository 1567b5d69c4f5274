/**
 * The `hbh` and `dst` matches: length and options of a hop-by-hop or a destination options header.
 * Mirrors `extensions/libip6t_hbh.c`, `libip6t_dst.c` and `net/ipv6/netfilter/ip6t_hbh.c`.
 */
import type { Match, MatchKind } from '../../extension.ts';
import { extensionHeaderAt, IPV6_EXTENSION } from '../../header/extension-header.ts';
import type { Inspection } from '../../inspection.ts';
import { outOfRange } from '../../options.ts';
import { parseUnsigned32 } from '../../protocols.ts';

interface WantedOption {
  readonly type: number;
  /** Undefined for any. */
  readonly lengthBytes: number | undefined;
}

/** `hbh` and `dst`: length and options of a hop-by-hop or destination options header. */
class OptionsMatch implements Match {
  readonly #name: 'hbh' | 'dst';
  #length: { readonly bytes: number; readonly isNegated: boolean } | undefined = undefined;
  #wanted: readonly WantedOption[] = [];

  constructor(name: 'hbh' | 'dst') {
    this.#name = name;
  }

  option(name: string, text: string, isNegated: boolean): string | undefined {
    if (name.endsWith('-len')) {
      const bytes = parseUnsigned32(text);
      if (bytes === undefined) return outOfRange(this.#name, name, 0, 0xffff_ffff);
      this.#length = { bytes, isNegated };
      return undefined;
    }
    const wanted: WantedOption[] = [];
    for (const part of text.split(',')) {
      const [typeText = '', lengthText] = part.split(':');
      const type = parseUnsigned32(typeText);
      if (type === undefined) return `${this.#name}: no valid digits in opt \`${typeText}'`;
      const length = lengthText === undefined ? undefined : parseUnsigned32(lengthText);
      if (lengthText !== undefined && length === undefined) {
        return `${this.#name}: no valid digits in opt \`${lengthText}'`;
      }
      // the kernel keeps a byte of each
      wanted.push({ type: type & 255, lengthBytes: length === undefined ? length : length & 255 });
    }
    this.#wanted = wanted;
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  matches(inspection: Inspection): boolean {
    const { bytes, end } = inspection;
    const { hopByHop, destination } = IPV6_EXTENSION;
    const at = extensionHeaderAt(inspection, this.#name === 'hbh' ? hopByHop : destination);
    if (at < 0) return false;
    const lengthBytes = (bytes[at + 1]! + 1) << 3;
    const length = this.#length;
    if (end - at < lengthBytes) return false;
    if (length !== undefined && (lengthBytes === length.bytes) === length.isNegated) return false;
    let here = at + 2;
    for (const { type, lengthBytes: optionBytes } of this.#wanted) {
      if (here >= at + lengthBytes || bytes[here] !== type) return false;
      if (type !== 0) {
        if (optionBytes !== undefined && bytes[here + 1] !== optionBytes) return false;
        here += bytes[here + 1]! + 2;
      } else here++;
    }
    return true;
  }

  save(): string {
    return this.#text((name) => ` --${this.#name}-${name} `, ' !');
  }

  list(): string {
    const length = this.#length;
    const text =
      length === undefined ? '' : ` length:${length.isNegated ? '!' : ''}${length.bytes}`;
    const options = this.#wanted.length === 0 ? '' : ` opts ${this.#optionsText()}`;
    return ` ${this.#name}${text}${options}`;
  }

  #text(head: (name: string) => string, not: string): string {
    const length = this.#length;
    let text = '';
    if (length !== undefined) text += `${length.isNegated ? not : ''}${head('len')}${length.bytes}`;
    return this.#wanted.length === 0 ? text : `${text}${head('opts')}${this.#optionsText()}`;
  }

  #optionsText(): string {
    const texts = this.#wanted.map(({ type, lengthBytes }) =>
      lengthBytes === undefined ? `${type}` : `${type}:${lengthBytes}`,
    );
    return texts.join(',');
  }
}

function optionsMatchKind(name: 'hbh' | 'dst'): MatchKind {
  return {
    name,
    family: 'ipv6',
    options: [`--${name}-len=`, `--${name}-opts=`],
    plain: [`--${name}-opts`],
    create: () => new OptionsMatch(name),
  };
}

/** `-m hbh`. */
export const hbhMatch = optionsMatchKind('hbh');
/** `-m dst`. */
export const dstMatch = optionsMatchKind('dst');
