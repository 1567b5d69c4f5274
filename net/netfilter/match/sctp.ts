/**
 * The `sctp` match: ports, and the chunks of a packet, which may all, in part or alone be of some types
 * and flags. Mirrors `extensions/libxt_sctp.c` and `net/netfilter/xt_sctp.c`.
 */
import { IpProtocol } from '../../../wire/ipv4.ts';
import {
  CHUNK_HEADER_BYTES,
  chunkFlagsOf,
  chunkTypeOf,
  nextChunkAt,
  SCTP_HEADER_BYTES,
} from '../../../wire/sctp.ts';
import type { MatchKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { PORT_OPTIONS, PortsMatch } from './transport-ports.ts';

/** Name, type, and the names of the flags from bit 7 down to bit 0, in iptables' own order. */
const TYPES: readonly (readonly [string, number, string])[] = [
  ['DATA', 0, '----IUBE'],
  ['INIT', 1, '--------'],
  ['INIT_ACK', 2, '--------'],
  ['SACK', 3, '--------'],
  ['HEARTBEAT', 4, '--------'],
  ['HEARTBEAT_ACK', 5, '--------'],
  ['ABORT', 6, '-------T'],
  ['SHUTDOWN', 7, '--------'],
  ['SHUTDOWN_ACK', 8, '--------'],
  ['ERROR', 9, '--------'],
  ['COOKIE_ECHO', 10, '--------'],
  ['COOKIE_ACK', 11, '--------'],
  ['ECN_ECNE', 12, '--------'],
  ['ECN_CWR', 13, '--------'],
  ['SHUTDOWN_COMPLETE', 14, '-------T'],
  ['I_DATA', 64, '----IUBE'],
  ['RE_CONFIG', 130, '--------'],
  ['PAD', 132, '--------'],
  ['ASCONF', 193, '--------'],
  ['ASCONF_ACK', 128, '--------'],
  ['FORWARD_TSN', 192, '--------'],
  ['I_FORWARD_TSN', 194, '--------'],
];

/** The bits that a chunk's flags must have, among those that count. */
interface FlagTest {
  readonly mask: number;
  readonly flags: number;
}

class SctpMatch extends PortsMatch {
  #quantity: 'all' | 'any' | 'only' | undefined = undefined;
  readonly #types = new Set<number>();
  readonly #flags = new Map<number, FlagTest>();
  #isNegated = false;

  constructor() {
    super('sctp', IpProtocol.sctp);
  }

  override option(name: string, value: string, isNegated: boolean): string | undefined {
    if (name !== '--chunk-types') return super.option(name, value, isNegated);
    if (this.#quantity !== undefined) return "Only one `--chunk-types' allowed";
    const [quantity = '', list = ''] = value.split(' ');
    const word = quantity.toLowerCase();
    if (word !== 'all' && word !== 'any' && word !== 'only') {
      return 'Match type has to be one of "ALL", "ANY" or "ONLY"';
    }
    this.#quantity = word;
    this.#isNegated = isNegated;
    if (list.toUpperCase() === 'ALL') for (let type = 0; type < 256; type++) this.#types.add(type);
    else if (list.toUpperCase() !== 'NONE') return this.#takeTypes(list);
    return undefined;
  }

  #takeTypes(list: string): string | undefined {
    for (const part of list.split(',')) {
      const [name = '', letters] = part.split(':');
      const known = TYPES.find(([each]) => each === name.toUpperCase());
      if (known === undefined) return `Unknown sctp chunk \`${name}'`;
      const [, type, flagNames] = known;
      this.#types.add(type);
      if (letters === undefined) continue;
      let [mask, flags] = [0, 0];
      for (const letter of letters) {
        const bit = 7 - flagNames.indexOf(letter.toUpperCase());
        if (letter === '-' || bit > 7) return `Invalid flags for chunk type ${type}`;
        mask |= 1 << bit;
        if (letter === letter.toUpperCase()) flags |= 1 << bit;
      }
      this.#flags.set(type, { mask, flags });
    }
    return undefined;
  }

  override matches(inspection: Inspection): boolean {
    if (!super.matches(inspection)) return false;
    if (this.#quantity === undefined) return true;
    return this.#fits(inspection) !== this.#isNegated;
  }

  #fits({ bytes, transportAt, end }: Inspection): boolean {
    const missing = new Set(this.#types);
    for (let at = transportAt + SCTP_HEADER_BYTES; end - at >= CHUNK_HEADER_BYTES; ) {
      const type = chunkTypeOf(bytes, at);
      const test = this.#flags.get(type);
      const flags = chunkFlagsOf(bytes, at);
      const isWanted =
        this.#types.has(type) && (test === undefined || (flags & test.mask) === test.flags);
      if (isWanted && this.#quantity === 'any') return true;
      if (isWanted) missing.delete(type);
      else if (this.#quantity === 'only') return false;
      const next = nextChunkAt(bytes, at);
      if (next <= at) return false;
      at = next;
    }
    return this.#quantity === 'all' ? missing.size === 0 : this.#quantity === 'only';
  }

  override save(): string {
    if (this.#quantity === undefined) return super.save();
    const text = `--chunk-types ${this.#quantity} ${this.#typesText(false)}`;
    return `${super.save()}${this.#isNegated ? ' !' : ''} ${text}`;
  }

  override list(isNumeric: boolean): string {
    if (this.#quantity === undefined) return super.list(isNumeric);
    const text = `${this.#quantity} ${this.#typesText(isNumeric)}`;
    return `${super.list(isNumeric)} ${this.#isNegated ? '! ' : ''}${text}`;
  }

  #typesText(isNumeric: boolean): string {
    if (this.#types.size === 0) return 'NONE';
    if (this.#types.size === 256) return 'ALL';
    const types = [...this.#types].sort((a, b) => a - b);
    return types.map((type) => this.#typeText(type, isNumeric)).join(',');
  }

  #typeText(type: number, isNumeric: boolean): string {
    const [name, , flagNames] = TYPES.find(([, number]) => number === type)!;
    const word = isNumeric ? `0x${type.toString(16).toUpperCase().padStart(4, '0')}` : name;
    const test = this.#flags.get(type);
    if (test === undefined) return word;
    const letters = [...flagNames].map((letter, place) => {
      const bit = 1 << (7 - place);
      if ((test.mask & bit) === 0) return '';
      return (test.flags & bit) === 0 ? letter.toLowerCase() : letter;
    });
    return `${word}:${letters.join('')}`;
  }
}

/** `-m sctp`. */
export const sctpMatch: MatchKind = {
  name: 'sctp',
  options: [...PORT_OPTIONS, '--chunk-types=='],
  isOwnParser: true,
  create: () => new SctpMatch(),
};
