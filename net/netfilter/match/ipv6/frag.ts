/**
 * The `frag` match: the identification and the flags of a fragment header.
 * Mirrors `extensions/libip6t_frag.c` and `net/ipv6/netfilter/ip6t_frag.c`, which does not compare the
 * length either.
 */
import { readU16, readU32 } from '../../../../wire/bytes.ts';
import type { Match, MatchKind } from '../../extension.ts';
import { extensionHeaderAt, IPV6_EXTENSION } from '../../header/extension-header.ts';
import type { Inspection } from '../../inspection.ts';
import { outOfRange, parseRange32 } from '../../options.ts';
import { parseUnsigned32 } from '../../protocols.ts';
import { contains, listedRange, type NumberRange, savedRange } from './number-range.ts';

/** `frag`: the identification and the flags of a fragment header. */
class FragMatch implements Match {
  #id: NumberRange | undefined = undefined;
  #length: { readonly bytes: number; readonly isNegated: boolean } | undefined = undefined;
  readonly #flags = new Set<string>();

  option(name: string, text: string, isNegated: boolean): string | undefined {
    if (name === '--fragid') {
      const range = parseRange32('frag', name, text);
      if (typeof range === 'string') return range;
      this.#id = { ...range, isNegated };
    } else if (name === '--fraglen') {
      const bytes = parseUnsigned32(text);
      if (bytes === undefined) return outOfRange('frag', name, 0, 0xffff_ffff);
      this.#length = { bytes, isNegated };
    } else this.#flags.add(name.slice(2));
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  matches(inspection: Inspection): boolean {
    const at = extensionHeaderAt(inspection, IPV6_EXTENSION.fragment);
    if (at < 0) return false;
    const { bytes } = inspection;
    const offsetAndFlags = readU16(bytes, at + 2);
    const [offset, hasMore] = [offsetAndFlags >> 3, (offsetAndFlags & 1) !== 0];
    if (!contains(this.#id, readU32(bytes, at + 4))) return false;
    if (this.#flags.has('fragres') && (bytes[at + 1] !== 0 || (offsetAndFlags & 6) !== 0)) {
      return false;
    }
    if (this.#flags.has('fragfirst') && offset !== 0) return false;
    if (this.#flags.has('fragmore') && !hasMore) return false;
    return !this.#flags.has('fraglast') || !hasMore;
  }

  save(): string {
    let text = savedRange('fragid', this.#id);
    const length = this.#length;
    if (length !== undefined) text += `${length.isNegated ? ' !' : ''} --fraglen ${length.bytes}`;
    for (const flag of FRAG_FLAGS) if (this.#flags.has(flag)) text += ` --${flag}`;
    return text;
  }

  list(): string {
    let text = ` frag ${listedRange('id', this.#id).slice(1)}`;
    const length = this.#length;
    if (length !== undefined) text += ` length:${length.isNegated ? '!' : ''}${length.bytes}`;
    for (const flag of FRAG_FLAGS) {
      if (this.#flags.has(flag)) text += ` ${FRAG_WORDS[flag]}`;
    }
    return text;
  }
}

const FRAG_FLAGS = ['fragres', 'fragfirst', 'fragmore', 'fraglast'] as const;
const FRAG_WORDS = {
  fragres: 'reserved',
  fragfirst: 'first',
  fragmore: 'more',
  fraglast: 'last',
} as const;

/** `-m frag`. */
export const fragMatch: MatchKind = {
  name: 'frag',
  family: 'ipv6',
  options: ['--fragid=', '--fraglen=', ...FRAG_FLAGS.map((flag) => `--${flag}`)],
  plain: FRAG_FLAGS.map((flag) => `--${flag}`),
  exclusive: [['--fragmore', '--fraglast']],
  create: () => new FragMatch(),
};
