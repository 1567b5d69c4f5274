/**
 * The `icmp` match: a type, by number or by name, and a code.
 *
 * The type `any` is 255, as in the kernel's interface.
 * Mirrors `extensions/libipt_icmp.c` and `icmp_match` of ip_tables.c.
 */
import { IpProtocol } from '../../../wire/ipv4.ts';
import type { Match, MatchKind, RuleHead } from '../extension.ts';
import type { Inspection } from '../inspection.ts';

/** Name, type, lowest and highest code (`icmp_codes` of libxt_icmp.h). */
const TYPES: readonly (readonly [string, number, number, number])[] = [
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
  ['network-prohibited', 3, 9, 9],
  ['host-prohibited', 3, 10, 10],
  ['communication-prohibited', 3, 13, 13],
  ['source-quench', 4, 0, 255],
  ['redirect', 5, 0, 255],
  ['network-redirect', 5, 0, 0],
  ['host-redirect', 5, 1, 1],
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

  option(_name: string, value: string, isNegated: boolean): string | undefined {
    this.#isNegated = isNegated;
    const named = TYPES.filter(([name]) => name.startsWith(value.toLowerCase()));
    const exact = named.find(([name]) => name === value.toLowerCase()) ?? named[0];
    if (value !== '' && exact !== undefined) {
      [, this.#type, this.#codeMin, this.#codeMax] = exact;
      return undefined;
    }
    const [typeText = '', codeText] = value.split('/');
    if (!/^\d+$/.test(typeText) || Number(typeText) > 255) return `Unknown ICMP type \`${value}'`;
    this.#type = Number(typeText);
    if (codeText !== undefined) {
      if (!/^\d+$/.test(codeText) || Number(codeText) > 255) {
        return `Invalid ICMP code \`${codeText}'\n`;
      }
      this.#codeMin = Number(codeText);
      this.#codeMax = this.#codeMin;
    }
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
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
