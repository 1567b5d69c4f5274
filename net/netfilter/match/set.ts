/**
 * The `set` match: is an address in an ipset?
 * Mirrors `extensions/libxt_set.c`.
 */
import { isIpv6Address } from '../../../wire/ip-address.ts';
import type { Match, MatchKind, ParseEnvironment } from '../extension.ts';
import type { Inspection } from '../inspection.ts';

class SetMatch implements Match {
  readonly #environment: ParseEnvironment;
  #name = '';
  #direction = '';
  #isNegated = false;

  constructor(environment: ParseEnvironment) {
    this.#environment = environment;
  }

  option(_name: string, value: string, isNegated: boolean): string | undefined {
    const [name = '', direction = ''] = value.split(' ');
    if (!this.#environment.hasSet(name)) return `Set ${name} doesn't exist.\n`;
    for (const part of direction.split(',')) {
      if (part !== 'src' && part !== 'dst') {
        return "You must spefify (the comma separated list of) 'src' or 'dst'.";
      }
    }
    this.#name = name;
    this.#direction = direction;
    this.#isNegated = isNegated;
    return undefined;
  }

  finish(): string | undefined {
    return this.#name === '' ? "You must specify `--match-set' with proper arguments" : undefined;
  }

  matches(inspection: Inspection): boolean {
    const isSource = this.#direction.startsWith('src');
    const address = isSource ? inspection.source : inspection.destination;
    const { tables, world } = inspection.namespace;
    const set = tables.sets.find(this.#name);
    const isIn = !isIpv6Address(address) && set?.contains(address, world.nowNs) === true;
    return isIn !== this.#isNegated;
  }

  save(): string {
    return `${this.#isNegated ? ' !' : ''} --match-set ${this.#name} ${this.#direction}`;
  }

  list(): string {
    return `${this.#isNegated ? ' !' : ''} match-set ${this.#name} ${this.#direction}`;
  }
}

/** `-m set`. */
export const setMatch: MatchKind = {
  name: 'set',
  options: ['--match-set=='],
  isOwnParser: true,
  create: (environment) => new SetMatch(environment),
};
