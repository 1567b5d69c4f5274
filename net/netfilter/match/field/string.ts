/**
 * The `string` match: bytes anywhere in the packet, IP header included.
 * Mirrors `extensions/libxt_string.c` and `net/netfilter/xt_string.c`.
 */
import type { Match, MatchKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { mustBeSpecified, NO_SUCH_NAME, outOfRange } from '../../options.ts';

const PATTERN_BYTES_MAX = 128;
const ALGORITHMS: readonly string[] = ['bm', 'kmp'];

/** The bytes of `|0d 0a|text`, or iptables' error text (`parse_hex_string`). */
function parseHexString(text: string): number[] | string {
  const bytes: number[] = [];
  let isHex = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '\\' && !isHex && i + 1 < text.length) bytes.push(text.charCodeAt(++i));
    else if (c === '|') isHex = !isHex;
    else if (!isHex) bytes.push(text.charCodeAt(i));
    else if (c !== ' ') {
      const second = text[i + 1];
      if (second === undefined) return 'Odd number of hex digits';
      if (text[i + 2] === undefined) return 'Invalid hex block';
      for (const digit of [c, second]) {
        if (!/[0-9a-f]/i.test(digit)) return `Invalid hex char '${digit}'`;
      }
      bytes.push(Number.parseInt(text.slice(i, i + 2), 16));
      i++;
    }
  }
  return bytes.length === 0 ? 'STRING must contain at least one char' : bytes;
}

class StringMatch implements Match {
  #pattern: readonly number[] | undefined = undefined;
  #algorithm = '';
  #fromBytes = 0;
  #toBytes = 65_535;
  #ignoresCase = false;
  #isNegated = false;

  option(name: string, text: string, isNegated: boolean): string | undefined {
    switch (name) {
      case '--icase':
        this.#ignoresCase = true;
        return undefined;
      case '--algo':
        this.#algorithm = text;
        return undefined;
      case '--from':
      case '--to':
        return this.#takeBound(name, text);
      default:
        return this.#takePattern(name, text, isNegated);
    }
  }

  #takeBound(name: string, text: string): string | undefined {
    const bytes = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(bytes <= 65_535)) return outOfRange('string', name, 0, 65_535);
    if (name === '--from') this.#fromBytes = bytes;
    else this.#toBytes = bytes;
    return undefined;
  }

  #takePattern(name: string, text: string, isNegated: boolean): string | undefined {
    const bytes =
      name === '--string' ? [...text].map((c) => c.charCodeAt(0) & 255) : parseHexString(text);
    if (typeof bytes === 'string') return bytes;
    if (bytes.length > PATTERN_BYTES_MAX) return `STRING too long "${text}"`;
    this.#pattern = bytes;
    this.#isNegated = isNegated;
    return undefined;
  }

  finish(): string | undefined {
    if (this.#pattern === undefined) {
      return "STRING match: You must specify `--string' or `--hex-string'";
    }
    return this.#algorithm === '' ? mustBeSpecified('string', '--algo') : undefined;
  }

  isAllowed(): boolean {
    return this.#pattern!.length > 0 && this.#fromBytes <= this.#toBytes;
  }

  refusal(): string | undefined {
    return ALGORITHMS.includes(this.#algorithm) ? undefined : NO_SUCH_NAME;
  }

  matches({ bytes, at, end }: Inspection): boolean {
    const pattern = this.#pattern!;
    const last = Math.min(end - at, this.#toBytes) - pattern.length;
    for (let from = this.#fromBytes; from <= last; from++) {
      if (this.#isAt(bytes, at + from, pattern)) return !this.#isNegated;
    }
    return this.#isNegated;
  }

  #isAt(bytes: Uint8Array, at: number, pattern: readonly number[]): boolean {
    for (let i = 0; i < pattern.length; i++) {
      const [own, wanted] = [bytes[at + i]!, pattern[i]!];
      if (own === wanted) continue;
      if (!this.#ignoresCase || upperCased(own) !== upperCased(wanted)) return false;
    }
    return true;
  }

  save(): string {
    const not = this.#isNegated ? ' !' : '';
    const hasText = isPrintable(this.#pattern!);
    const option = hasText ? '--string' : '--hex-string';
    return `${not} ${option} ${this.#patternText()} --algo ${this.#algorithm}${this.#optionsText('--', '')}`;
  }

  list(): string {
    const not = this.#isNegated ? '!' : '';
    const options = this.#optionsText('', 'upper');
    return ` STRING match ${not} ${this.#patternText()} ALGO name ${this.#algorithm}${options}`;
  }

  #optionsText(prefix: string, letters: 'upper' | ''): string {
    let text = '';
    if (this.#fromBytes !== 0) text += ` ${prefix}from ${this.#fromBytes}`;
    if (this.#toBytes !== 65_535) text += ` ${prefix}to ${this.#toBytes}`;
    if (this.#ignoresCase) text += ` ${prefix}icase`;
    return letters === 'upper' ? text.toUpperCase() : text;
  }

  /** `"foo"`, or `"|0d0a|"` where a byte cannot be printed. */
  #patternText(): string {
    const pattern = this.#pattern!;
    if (!isPrintable(pattern)) {
      const hex = pattern.map((byte) => byte.toString(16).padStart(2, '0'));
      return `"|${hex.join('')}|"`;
    }
    const text = pattern.map((byte) => String.fromCharCode(byte)).join('');
    return `"${text.replace(/["\\]/g, '\\$&')}"`;
  }
}

function isPrintable(bytes: readonly number[]): boolean {
  return bytes.length > 0 && bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
}

function upperCased(byte: number): number {
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
}

/** `-m string`. */
export const stringMatch: MatchKind = {
  name: 'string',
  options: ['--from=', '--to=', '--algo=', '--string=', '--hex-string=', '--icase'],
  plain: ['--from', '--to', '--algo', '--icase'],
  exclusive: [['--string', '--hex-string']],
  create: () => new StringMatch(),
};
