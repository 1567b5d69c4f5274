/**
 * The `multiport` match: up to fifteen ports, a range counting as two.
 *
 * Negation negates the whole list.
 * Mirrors `extensions/libxt_multiport.c` (revision 1).
 */
import { readU16 } from '../../../wire/bytes.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import type { Match, MatchKind, RuleHead } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { type PortRange, parsePortRange, portRangeText } from '../options.ts';
import { protocolName } from '../protocols.ts';

const PORTS_MAX = 15;
const PROTOCOLS: readonly number[] = [IpProtocol.tcp, IpProtocol.udp, 136, IpProtocol.sctp, 33];

type Side = 'sports' | 'dports' | 'ports';

const LONG_NAMES: Readonly<Record<Side, string>> = {
  sports: '--source-ports',
  dports: '--destination-ports',
  ports: '--ports',
};

const NEEDS_PROTOCOL = "multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'";

function hasPorts({ protocol, isProtocolNegated }: RuleHead): boolean {
  return PROTOCOLS.includes(protocol) && !isProtocolNegated;
}

class MultiportMatch implements Match {
  #side: Side | undefined = undefined;
  readonly #ranges: PortRange[] = [];
  #isNegated = false;
  #text = '';

  option(name: string, value: string, isNegated: boolean, head: RuleHead): string | undefined {
    if (!hasPorts(head)) return NEEDS_PROTOCOL;
    const side: Side = name === '--ports' ? 'ports' : name.startsWith('--s') ? 'sports' : 'dports';
    if (this.#side !== undefined) {
      const [a, b] = [LONG_NAMES[side], LONG_NAMES[this.#side]];
      if (a === b) return `multiport: option "${a}" can only be used once.\n`;
      return `multiport: option "${a}" cannot be used together with "${b}".\n`;
    }
    this.#side = side;
    this.#isNegated = isNegated;
    this.#text = value;
    return undefined;
  }

  /** Ports are looked up last, because service names depend on the protocol. */
  #readRanges(protocol: string): string | undefined {
    let count = 0;
    for (const part of this.#text.split(',')) {
      const range = parsePortRange(part, protocol);
      if (typeof range === 'string') {
        return range.startsWith('invalid portrange') ? 'invalid portrange specified' : range;
      }
      count += part.includes(':') ? 2 : 1;
      if (count > PORTS_MAX) return 'too many ports specified';
      this.#ranges.push(range);
    }
    return undefined;
  }

  finish(head: RuleHead): string | undefined {
    if (this.#side === undefined) return 'multiport expection an option';
    return this.#readRanges(protocolName(head.protocol));
  }

  matches(inspection: Inspection): boolean {
    if (!inspection.hasTransport(4)) return false;
    const { bytes, transportAt } = inspection;
    const source = readU16(bytes, transportAt);
    const destination = readU16(bytes, transportAt + 2);
    const first = this.#side === 'dports' ? destination : source;
    const second = this.#side === 'ports' ? destination : first;
    const ranges = this.#ranges;
    for (let i = 0; i < ranges.length; i++) {
      const { min, max } = ranges[i]!;
      if ((first >= min && first <= max) || (second >= min && second <= max)) {
        return !this.#isNegated;
      }
    }
    return this.#isNegated;
  }

  save(): string {
    const not = this.#isNegated ? ' !' : '';
    return `${not} --${this.#side} ${this.#ranges.map(portRangeText).join(',')}`;
  }

  list(): string {
    const not = this.#isNegated ? ' !' : '';
    return ` multiport ${this.#side} ${not}${this.#ranges.map(portRangeText).join(',')}`;
  }
}

/** `-m multiport`. */
export const multiportMatch: MatchKind = {
  name: 'multiport',
  options: ['--source-ports=', '--sports=', '--destination-ports=', '--dports=', '--ports='],
  create: () => new MultiportMatch(),
};
