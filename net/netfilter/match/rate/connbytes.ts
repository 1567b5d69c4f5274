/**
 * The `connbytes` match: how much a connection has carried. A rule with it turns the accounting of
 * new connections on. Mirrors `extensions/libxt_connbytes.c` and `net/netfilter/xt_connbytes.c`.
 */
import type { Traffic } from '../../../conntrack/connection.ts';
import type { Match, MatchKind, ParseEnvironment } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { badEnd, mustBeSpecified } from '../../options.ts';

const DIRECTIONS = ['original', 'reply', 'both'] as const;
const MODES = ['packets', 'bytes', 'avgpkt'] as const;

class ConnbytesMatch implements Match {
  #from: number | undefined = undefined;
  #to = Number.POSITIVE_INFINITY;
  #isNegated = false;
  #direction: (typeof DIRECTIONS)[number] | undefined = undefined;
  #mode: (typeof MODES)[number] | undefined = undefined;
  readonly #environment: ParseEnvironment;

  constructor(environment: ParseEnvironment) {
    this.#environment = environment;
  }

  option(name: string, text: string, isNegated: boolean): string | undefined {
    if (name === '--connbytes-dir') {
      this.#direction = DIRECTIONS.find((direction) => direction === text);
      return this.#direction === undefined ? `Unknown --connbytes-dir \`${text}'` : undefined;
    }
    if (name === '--connbytes-mode') {
      this.#mode = MODES.find((mode) => mode === text);
      return this.#mode === undefined ? `Unknown --connbytes-mode \`${text}'` : undefined;
    }
    const [first = '', second = ''] = text.split(':');
    const bad = [first, second].find((part) => !/^\d*$/.test(part));
    if (bad !== undefined) return badEnd('connbytes', name, bad, 0xffff_ffff_ffff_ffffn);
    this.#from = Number(first);
    if (second !== '') this.#to = Number(second);
    this.#isNegated = isNegated;
    if (this.#from <= this.#to) return undefined;
    return `${first} should be less than ${second}`;
  }

  finish(): string | undefined {
    if (this.#from === undefined) return mustBeSpecified('connbytes', '--connbytes');
    if (this.#direction === undefined) return mustBeSpecified('connbytes', '--connbytes-dir');
    if (this.#mode === undefined) return mustBeSpecified('connbytes', '--connbytes-mode');
    this.#environment.forceAccounting();
    return undefined;
  }

  matches({ packet }: Inspection): boolean {
    const traffic = packet.connection?.traffic;
    if (traffic === undefined) return false;
    const { original, reply } = traffic;
    const counted = { original: [original], reply: [reply], both: [original, reply] };
    const amount = this.#amountOf(counted[this.#direction!]);
    return (amount >= this.#from! && amount <= this.#to) !== this.#isNegated;
  }

  save(): string {
    const range = this.#to === Number.POSITIVE_INFINITY || this.#to === 0 ? '' : `:${this.#to}`;
    const not = this.#isNegated ? ' !' : '';
    return (
      `${not} --connbytes ${this.#from}${range} --connbytes-mode ${this.#mode} ` +
      `--connbytes-dir ${this.#direction}`
    );
  }

  list(): string {
    return this.save()
      .replace('--connbytes ', 'connbytes ')
      .replace('--connbytes-mode', 'connbytes mode')
      .replace('--connbytes-dir', 'connbytes direction');
  }

  #amountOf(counters: readonly Traffic[]): number {
    const packets = counters.reduce((sum, counter) => sum + counter.packets, 0);
    if (this.#mode === 'packets') return packets;
    const bytes = counters.reduce((sum, counter) => sum + counter.bytes, 0);
    if (this.#mode === 'bytes') return bytes;
    return packets === 0 ? 0 : Math.floor(bytes / packets);
  }
}

/** `-m connbytes`. */
export const connbytesMatch: MatchKind = {
  name: 'connbytes',
  options: ['--connbytes=', '--connbytes-dir=', '--connbytes-mode='],
  needsTracking: true,
  create: (environment) => new ConnbytesMatch(environment),
};
