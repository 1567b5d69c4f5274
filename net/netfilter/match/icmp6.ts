/**
 * The `icmp6` match of ip6tables: a type, by number or by name, and a code.
 * Mirrors `extensions/libip6t_icmp6.c` and `icmp6_match` of ip6_tables.c.
 */
import { NextHeader } from '../../../wire/ipv6/header.ts';
import type { Match, MatchKind, RuleHead } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { type IcmpTypeName, parseIcmpType } from './icmp.ts';

/** `icmpv6_codes`. */
const TYPES: readonly IcmpTypeName[] = [
  ['destination-unreachable', 1, 0, 255],
  ['no-route', 1, 0, 0],
  ['communication-prohibited', 1, 1, 1],
  ['beyond-scope', 1, 2, 2],
  ['address-unreachable', 1, 3, 3],
  ['port-unreachable', 1, 4, 4],
  ['failed-policy', 1, 5, 5],
  ['reject-route', 1, 6, 6],
  ['packet-too-big', 2, 0, 255],
  ['time-exceeded', 3, 0, 255],
  ['ttl-exceeded', 3, 0, 255],
  ['ttl-zero-during-transit', 3, 0, 0],
  ['ttl-zero-during-reassembly', 3, 1, 1],
  ['parameter-problem', 4, 0, 255],
  ['bad-header', 4, 0, 0],
  ['unknown-header-type', 4, 1, 1],
  ['unknown-option', 4, 2, 2],
  ['echo-request', 128, 0, 255],
  ['ping', 128, 0, 255],
  ['echo-reply', 129, 0, 255],
  ['pong', 129, 0, 255],
  ['router-solicitation', 133, 0, 255],
  ['router-advertisement', 134, 0, 255],
  ['neighbour-solicitation', 135, 0, 255],
  ['neighbor-solicitation', 135, 0, 255],
  ['neighbour-advertisement', 136, 0, 255],
  ['neighbor-advertisement', 136, 0, 255],
  ['redirect', 137, 0, 255],
];

class Icmp6Match implements Match {
  #type = 0;
  #codeMin = 0;
  #codeMax = 255;
  #isNegated = false;
  #isGiven = false;

  option(_name: string, value: string, isNegated: boolean): string | undefined {
    const parsed = parseIcmpType(value, TYPES, 'ICMPv6');
    if (typeof parsed === 'string') return parsed;
    [this.#type, this.#codeMin, this.#codeMax] = parsed;
    this.#isNegated = isNegated;
    this.#isGiven = true;
    return undefined;
  }

  finish(): string | undefined {
    return this.#isGiven ? undefined : 'icmp6: option "--icmpv6-type" must be specified\n';
  }

  isAllowed(head: RuleHead): boolean {
    return head.protocol === NextHeader.icmpv6 && !head.isProtocolNegated;
  }

  matches(inspection: Inspection): boolean {
    if (!inspection.hasTransport(8)) return false;
    const { bytes, transportAt } = inspection;
    const code = bytes[transportAt + 1]!;
    const isMatch =
      bytes[transportAt] === this.#type && code >= this.#codeMin && code <= this.#codeMax;
    return isMatch !== this.#isNegated;
  }

  save(): string {
    const code = this.#codeMin === 0 && this.#codeMax === 255 ? '' : `/${this.#codeMin}`;
    return `${this.#isNegated ? ' !' : ''} --icmpv6-type ${this.#type}${code}`;
  }

  list(isNumeric: boolean): string {
    const [type, min, max] = [this.#type, this.#codeMin, this.#codeMax];
    const not = this.#isNegated ? '!' : '';
    const known = TYPES.find((t) => t[1] === type && t[2] === min && t[3] === max);
    if (!isNumeric && known !== undefined) return ` ipv6-icmp ${not}${known[0]}`;
    const code = min === 0 && max === 255 ? '' : ` code ${min}`;
    return not === '' ? ` ipv6-icmptype ${type}${code}` : ` ipv6-icmp !type ${type}${code}`;
  }
}

/** `-m icmp6`. */
export const icmp6Match: MatchKind = {
  name: 'icmp6',
  family: 'ipv6',
  options: ['--icmpv6-type='],
  create: () => new Icmp6Match(),
};
