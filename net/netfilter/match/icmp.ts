/**
 * The `icmp` match: a type, by number or by name, and a code.
 *
 * The type `any` is 255, as in the kernel's interface.
 * Mirrors `extensions/libipt_icmp.c` and `icmp_match` of ip_tables.c.
 */
import { IpProtocol } from '../../../wire/ipv4.ts';
import type { Match, MatchKind, RuleHead } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { mustBeSpecified, parseByte } from '../options.ts';

/** Name, type, lowest and highest code. */
export type IcmpTypeName = readonly [string, number, number, number];

/** The type and codes of a name, of as much of one as is unambiguous, or of numbers (`parse_icmp`). */
export function parseIcmpType(
  text: string,
  types: readonly IcmpTypeName[],
  protocol: 'ICMP' | 'ICMPv6',
): readonly [number, number, number] | string {
  const wanted = text.toLowerCase();
  const named = types.filter(([name]) => name.toLowerCase().startsWith(wanted));
  const exact = named.find(([name]) => name.toLowerCase() === wanted);
  const [first = exact, second] = named;
  if (exact === undefined && first !== undefined && second !== undefined) {
    return `Ambiguous ${protocol} type \`${text}': \`${first[0]}' or \`${second[0]}'?`;
  }
  const found = exact ?? first;
  if (found !== undefined) return [found[1], found[2], found[3]];
  const [typeText = '', codeText] = text.split('/');
  const type = parseByte(typeText);
  if (type === undefined) return `Unknown ${protocol} type \`${text}'`;
  if (codeText === undefined) return [type, 0, 255];
  const code = parseByte(codeText);
  return code === undefined ? `Unknown ${protocol} code \`${text}'` : [type, code, code];
}

/** `icmp_codes` of libxt_icmp.h. */
const TYPES: readonly IcmpTypeName[] = [
  ['any', 255, 0, 255],
  ['echo-reply', 0, 0, 255],
  ['pong', 0, 0, 255],
  ['destination-unreachable', 3, 0, 255],
  ['network-unreachable', 3, 0, 0],
  ['host-unreachable', 3, 1, 1],
  ['protocol-unreachable', 3, 2, 2],
  ['port-unreachable', 3, 3, 3],
  ['fragmentation-needed', 3, 4, 4],
  ['source-route-failed', 3, 5, 5],
  ['network-unknown', 3, 6, 6],
  ['host-unknown', 3, 7, 7],
  ['network-prohibited', 3, 9, 9],
  ['host-prohibited', 3, 10, 10],
  ['TOS-network-unreachable', 3, 11, 11],
  ['TOS-host-unreachable', 3, 12, 12],
  ['communication-prohibited', 3, 13, 13],
  ['host-precedence-violation', 3, 14, 14],
  ['precedence-cutoff', 3, 15, 15],
  ['source-quench', 4, 0, 255],
  ['redirect', 5, 0, 255],
  ['network-redirect', 5, 0, 0],
  ['host-redirect', 5, 1, 1],
  ['TOS-network-redirect', 5, 2, 2],
  ['TOS-host-redirect', 5, 3, 3],
  ['echo-request', 8, 0, 255],
  ['ping', 8, 0, 255],
  ['router-advertisement', 9, 0, 255],
  ['router-solicitation', 10, 0, 255],
  ['time-exceeded', 11, 0, 255],
  ['ttl-exceeded', 11, 0, 255],
  ['ttl-zero-during-transit', 11, 0, 0],
  ['ttl-zero-during-reassembly', 11, 1, 1],
  ['parameter-problem', 12, 0, 255],
  ['ip-header-bad', 12, 0, 0],
  ['required-option-missing', 12, 1, 1],
  ['timestamp-request', 13, 0, 255],
  ['timestamp-reply', 14, 0, 255],
  ['address-mask-request', 17, 0, 255],
  ['address-mask-reply', 18, 0, 255],
];

class IcmpMatch implements Match {
  #type = 255;
  #codeMin = 0;
  #codeMax = 255;
  #isNegated = false;
  #isGiven = false;

  option(_name: string, value: string, isNegated: boolean): string | undefined {
    const parsed = parseIcmpType(value, TYPES, 'ICMP');
    if (typeof parsed === 'string') return parsed;
    [this.#type, this.#codeMin, this.#codeMax] = parsed;
    this.#isNegated = isNegated;
    this.#isGiven = true;
    return undefined;
  }

  finish(): string | undefined {
    return this.#isGiven ? undefined : mustBeSpecified('icmp', '--icmp-type');
  }

  isAllowed(head: RuleHead): boolean {
    return head.protocol === IpProtocol.icmp && !head.isProtocolNegated;
  }

  matches(inspection: Inspection): boolean {
    if (!inspection.hasTransport(8)) return false;
    const { bytes, transportAt } = inspection;
    const code = bytes[transportAt + 1]!;
    const isMatch =
      this.#type === 255 ||
      (bytes[transportAt] === this.#type && code >= this.#codeMin && code <= this.#codeMax);
    return isMatch !== this.#isNegated;
  }

  save(): string {
    const type = this.#type === 255 ? 'any' : String(this.#type);
    const code = this.#codeMin === 0 && this.#codeMax === 255 ? '' : `/${this.#codeMin}`;
    return `${this.#isNegated ? ' !' : ''} --icmp-type ${type}${code}`;
  }

  list(isNumeric: boolean): string {
    const [type, min, max] = [this.#type, this.#codeMin, this.#codeMax];
    if (!isNumeric) {
      const known = TYPES.find((t) => t[1] === type && t[2] === min && t[3] === max);
      if (known !== undefined) return ` icmp ${this.#isNegated ? '!' : ''}${known[0]}`;
    }
    const code = min === 0 && max === 255 ? '' : ` code ${min}`;
    return this.#isNegated ? ` icmp !type ${type}${code}` : ` icmptype ${type}${code}`;
  }
}

/** `-m icmp`. */
export const icmpMatch: MatchKind = {
  name: 'icmp',
  family: 'ipv4',
  options: ['--icmp-type='],
  create: () => new IcmpMatch(),
};
