/**
 * The `multiport` match: up to fifteen ports, a range counting as two.
 *
 * Negation negates the whole list.
 * Mirrors `extensions/libxt_multiport.c` (revision 1).
 */
import { readU16 } from '../../../wire/bytes.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import { serviceOfPort } from '../../services.ts';
import type { Match, MatchKind, RuleHead } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { type PortRange, portRangeText } from '../options.ts';
import { parsePort, protocolName } from '../protocols.ts';

const PORTS_MAX = 15;
const PROTOCOLS: readonly number[] = [IpProtocol.tcp, IpProtocol.udp, 136, IpProtocol.sctp, 33];

type Side = 'sports' | 'dports' | 'ports';

const WRONG_PROTOCOL = 'multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP';
const NEEDS_PROTOCOL = "multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'";

function protocolError({ protocol, isProtocolNegated }: RuleHead): string | undefined {
  if (isProtocolNegated) return WRONG_PROTOCOL;
  if (protocol === 0) return NEEDS_PROTOCOL;
  return PROTOCOLS.includes(protocol) ? undefined : WRONG_PROTOCOL;
}

/** A port, or two of which the second is the greater. */
function parsePorts(text: string, protocol: string): PortRange | string {
  const colon = text.indexOf(':');
  const [first, second] = colon < 0 ? [text, text] : [text.slice(0, colon), text.slice(colon + 1)];
  const min = parsePort(first, protocol);
  if (min === undefined) return `invalid port/service \`${first}' specified`;
  const max = parsePort(second, protocol);
  if (max === undefined) return `invalid port/service \`${second}' specified`;
  return colon >= 0 && min >= max ? 'invalid portrange specified' : { min, max };
}

class MultiportMatch implements Match {
  #side: Side | undefined = undefined;
  readonly #ranges: PortRange[] = [];
  #isNegated = false;
  #text = '';
  #protocol = '';

  option(name: string, value: string, isNegated: boolean, head: RuleHead): string | undefined {
    const error = protocolError(head);
    if (error !== undefined) return error;
    const side: Side = name === '--ports' ? 'ports' : name.startsWith('--s') ? 'sports' : 'dports';
    this.#side = side;
    this.#isNegated = isNegated;
    this.#text = value;
    return undefined;
  }

  /** Ports are looked up last, because service names depend on the protocol. */
  #readRanges(protocol: string): string | undefined {
    let count = 0;
    for (const part of this.#text.split(',')) {
      const range = parsePorts(part, protocol);
      if (typeof range === 'string') return range;
      count += part.includes(':') ? 2 : 1;
      if (count > PORTS_MAX) return 'too many ports specified';
      this.#ranges.push(range);
    }
    return undefined;
  }

  finish(head: RuleHead): string | undefined {
    if (this.#side === undefined) return 'multiport expection an option';
    this.#protocol = protocolName(head.protocol);
    return this.#readRanges(this.#protocol);
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
    return `${not} --${this.#side} ${this.#ranges.map((range) => portRangeText(range)).join(',')}`;
  }

  list(isNumeric: boolean): string {
    const not = this.#isNegated ? ' !' : '';
    const name = (port: number) =>
      (isNumeric ? undefined : serviceOfPort(port, this.#protocol)) ?? String(port);
    const ports = this.#ranges.map((range) => portRangeText(range, name));
    return ` multiport ${this.#side} ${not}${ports.join(',')}`;
  }
}

/** `-m multiport`. */
export const multiportMatch: MatchKind = {
  name: 'multiport',
  options: ['--source-ports=', '--sports=', '--destination-ports=', '--dports=', '--ports='],
  aliases: [
    ['--source-ports', '--sports'],
    ['--destination-ports', '--dports'],
  ],
  exclusive: [['--source-ports', '--destination-ports', '--ports']],
  create: () => new MultiportMatch(),
};
