/**
 * The `policy` match: did (or will) IPsec handle the packet? Elements of the policy (reqid, spi,
 * proto, mode) are parsed and printed and not compared: a packet knows only whether it was secured.
 * Mirrors `extensions/libxt_policy.c` and `net/netfilter/xt_policy.c`.
 */
import { formatIpPrefix, type IpPrefix } from '../../../wire/ip-address.ts';
import type { Match, MatchKind, ParseEnvironment } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';
import { outOfRange, parseIpv6Prefix, parseMaskedAddress } from '../options.ts';
import { hexText, parseProtocol, parseUnsigned32, protocolName } from '../protocols.ts';
import { maskText } from '../save.ts';

const ELEMENTS_MAX = 4;
/** The names of an element's options, in the order in which they are printed. */
const FIELDS = ['reqid', 'spi', 'proto', 'mode', 'tunnel-dst', 'tunnel-src'] as const;
type FieldName = (typeof FIELDS)[number];

interface Field {
  readonly isNegated: boolean;
  /** As `iptables-save` and `iptables -L` print it, and `-L -n`. */
  readonly text: string;
  readonly numericText: string;
}

type Element = Map<FieldName, Field>;

class PolicyMatch implements Match {
  readonly #family: 'ipv4' | 'ipv6';
  #direction: 'in' | 'out' | undefined = undefined;
  #isNone = false;
  #isStrict = false;
  readonly #elements: Element[] = [new Map()];

  constructor(environment: ParseEnvironment) {
    this.#family = environment.family;
  }

  option(name: string, value: string, isNegated: boolean): string | undefined {
    switch (name) {
      case '--dir':
        if (value !== 'in' && value !== 'out') return `policy_match: invalid dir "${value}"`;
        this.#direction = value;
        return undefined;
      case '--pol':
        if (value !== 'none' && value !== 'ipsec') {
          return `policy match: invalid policy "${value}"`;
        }
        this.#isNone = value === 'none';
        return undefined;
      case '--strict':
        this.#isStrict = true;
        return undefined;
      case '--next':
        if (this.#elements.length === ELEMENTS_MAX) {
          return 'policy match: maximum policy depth reached';
        }
        this.#elements.push(new Map());
        return undefined;
      default: {
        const field = name.slice(2) as FieldName;
        const element = this.#elements.at(-1)!;
        if (element.has(field)) return `policy match: double ${name} option`;
        const texts = this.#read(field, value);
        if (typeof texts === 'string') return texts;
        element.set(field, { isNegated, text: texts[0], numericText: texts[1] });
        return undefined;
      }
    }
  }

  /** An option's value as it is printed, by name and as a number; a string is an error text. */
  #read(field: FieldName, value: string): readonly [string, string] | string {
    if (field === 'reqid' || field === 'spi') {
      const number = parseUnsigned32(value);
      if (number === undefined) return outOfRange('policy', `--${field}`, 0, 0xffff_ffff);
      const text = field === 'spi' ? hexText(number) : String(number);
      return [text, text];
    }
    if (field === 'mode') {
      if (value === 'transport' || value === 'tunnel') return [value, value];
      return `policy match: invalid mode "${value}"`;
    }
    if (field !== 'proto') {
      const text = this.#readAddress(value);
      return text.error ?? [text.text, text.text];
    }
    const protocol = parseProtocol(value);
    if (protocol === undefined) return `unknown protocol "${value}" specified`;
    const isIpsec = protocol === 50 || protocol === 51 || protocol === 108;
    if (!isIpsec) return 'policy match: protocol must be ah/esp/ipcomp';
    return [protocolName(protocol), String(protocol)];
  }

  #readAddress(value: string): { readonly text: string; readonly error: string | undefined } {
    if (this.#family === 'ipv6') {
      const prefix: IpPrefix | string = parseIpv6Prefix(value);
      if (typeof prefix === 'string') return { text: '', error: prefix };
      return { text: formatIpPrefix(prefix).replace(/\/128$/, ''), error: undefined };
    }
    const parsed = parseMaskedAddress(value);
    if (typeof parsed === 'string') return { text: '', error: parsed };
    const { address, mask } = parsed;
    const suffix = mask === 0xffff_ffff ? '' : `/${maskText(mask)}`;
    return {
      text: formatIpPrefix({ address, lengthBits: 32 }).replace('/32', suffix),
      error: undefined,
    };
  }

  finish(): string | undefined {
    if (this.#direction === undefined) {
      return 'policy match: neither --dir in nor --dir out specified';
    }
    if (this.#isNone) {
      return this.#isStrict ? 'policy match: policy none but --strict given' : undefined;
    }
    for (const [index, element] of this.#elements.entries()) {
      if (this.#isStrict && element.size === 0) {
        return (
          `policy match: empty policy element ${index}. --strict is in effect, but at least one of ` +
          'reqid, spi, tunnel-src, tunnel-dst, proto or mode is required.'
        );
      }
      const mode = element.get('mode');
      const isTunnel = mode?.text === 'tunnel' && !mode.isNegated;
      if ((element.has('tunnel-src') || element.has('tunnel-dst')) && !isTunnel) {
        return 'policy match: --tunnel-src/--tunnel-dst is only valid in tunnel mode';
      }
    }
    return undefined;
  }

  allowedHooks(): readonly Hook[] {
    return this.#direction === 'in'
      ? [Hook.prerouting, Hook.input, Hook.forward]
      : [Hook.forward, Hook.output, Hook.postrouting];
  }

  hookRefusal(): string {
    const hooks = this.#direction === 'in' ? 'POSTROUTING and OUTPUT' : 'PREROUTING and INPUT';
    return `xt_policy: ${this.#direction === 'in' ? 'in' : 'out'}put policy not valid in ${hooks}`;
  }

  matches(inspection: Inspection): boolean {
    const isSecured = this.#direction === 'in' && inspection.packet.isSecured;
    return this.#isNone ? !isSecured : isSecured;
  }

  save(): string {
    let text = ` --dir ${this.#direction} --pol ${this.#isNone ? 'none' : 'ipsec'}`;
    if (this.#isStrict) text += ' --strict';
    for (const [index, element] of this.#isNone ? [] : this.#elements.entries()) {
      if (index > 0) text += ' --next';
      text += elementText(element, '--', ({ text: value }) => value);
    }
    return text;
  }

  list(isNumeric: boolean): string {
    let text = ` policy match dir ${this.#direction} pol ${this.#isNone ? 'none' : 'ipsec'}`;
    if (this.#isStrict) text += ' strict';
    for (const [index, element] of this.#isNone ? [] : this.#elements.entries()) {
      if (this.#elements.length > 1) text += ` [${index}]`;
      text += elementText(element, '', (field) => (isNumeric ? field.numericText : field.text));
    }
    return text;
  }
}

function elementText(element: Element, dashes: string, textOf: (field: Field) => string): string {
  let text = '';
  for (const name of FIELDS) {
    const field = element.get(name);
    if (field === undefined) continue;
    text += `${field.isNegated ? ' !' : ''} ${dashes}${name} ${textOf(field)}`;
  }
  return text;
}

const ELEMENT_OPTIONS = ['--reqid', '--spi', '--proto', '--mode', '--tunnel-src', '--tunnel-dst'];

/** `-m policy`. */
export const policyMatch: MatchKind = {
  name: 'policy',
  options: [
    '--dir=',
    '--pol=',
    '--strict',
    ...ELEMENT_OPTIONS.map((option) => `${option}=`),
    '--next',
  ],
  plain: ['--dir', '--pol', '--strict', '--next'],
  repeatable: [...ELEMENT_OPTIONS, '--next'],
  requires: [['--next', '--strict']],
  create: (environment) => new PolicyMatch(environment),
};
