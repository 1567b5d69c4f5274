/**
 * The `mark` and `connmark` matches: a value under a mask.
 *
 * They differ in what they look at, the packet's mark or its connection's.
 * Mirrors `extensions/libxt_mark.c` and `libxt_connmark.c`.
 */
import type { Match, MatchKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import {
  badInteger,
  type MaskedValue,
  maskedValueText,
  mustBeSpecified,
  parseMaskedValue,
} from '../options.ts';

class MarkMatch implements Match {
  readonly #isConnection: boolean;
  #wanted: MaskedValue | undefined = undefined;
  #value = 0;
  #mask = 0;
  #isNegated = false;

  constructor(isConnection: boolean) {
    this.#isConnection = isConnection;
  }

  get #name(): string {
    return this.#isConnection ? 'connmark' : 'mark';
  }

  option(_name: string, value: string, isNegated: boolean): string | undefined {
    const wanted = parseMaskedValue(value);
    if (wanted === undefined) return badInteger(this.#name, '--mark');
    this.#wanted = wanted;
    this.#value = wanted.value | 0;
    this.#mask = wanted.mask | 0;
    this.#isNegated = isNegated;
    return undefined;
  }

  finish(): string | undefined {
    return this.#wanted === undefined ? mustBeSpecified(this.#name, '--mark') : undefined;
  }

  matches(inspection: Inspection): boolean {
    const { packet } = inspection;
    if (!this.#isConnection) {
      return ((packet.mark & this.#mask) === this.#value) !== this.#isNegated;
    }
    if (packet.connection === undefined) return false;
    return ((packet.connection.mark & this.#mask) === this.#value) !== this.#isNegated;
  }

  save(): string {
    return `${this.#isNegated ? ' !' : ''} --mark ${maskedValueText(this.#wanted!)}`;
  }

  list(): string {
    const blank = this.#isConnection ? '  ' : ' ';
    const not = this.#isNegated ? (this.#isConnection ? ' !' : ' !') : '';
    return ` ${this.#name} match${not}${not === '' ? blank : ' '}${maskedValueText(this.#wanted!)}`;
  }
}

/** `-m mark`. */
export const markMatch: MatchKind = {
  name: 'mark',
  options: ['--mark='],
  create: () => new MarkMatch(false),
};

/** `-m connmark`. */
export const connmarkMatch: MatchKind = {
  name: 'connmark',
  options: ['--mark='],
  needsTracking: true,
  create: () => new MarkMatch(true),
};
