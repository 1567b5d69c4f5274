/**
 * The `addrtype` match: what the local routing table says about an address.
 * Mirrors `extensions/libxt_addrtype.c` and `net/netfilter/xt_addrtype.c`.
 */
import type { Match, MatchKind, ParseEnvironment } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';
import { addressTypeOf, isAddressOfDevice } from '../surroundings.ts';

/** Names in the order of the kernel's RTN_ numbers; a type is a bit at its index. */
const TYPE_NAMES = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
  'THROW',
  'NAT',
  'XRESOLVE',
] as const;
const LOCAL = 2;
const NOT_IN_IPV6 = 0b1111_0100_1000;

function typesText(bits: number): string {
  return TYPE_NAMES.filter((_, index) => bits & (1 << index)).join(',');
}

class AddrtypeMatch implements Match {
  #source = 0;
  #isSourceNegated = false;
  #destination = 0;
  #isDestinationNegated = false;
  #limit: 'in' | 'out' | undefined = undefined;
  readonly #family: 'ipv4' | 'ipv6';

  constructor({ family }: ParseEnvironment) {
    this.#family = family;
  }

  option(name: string, value: string, isNegated: boolean): string | undefined {
    if (name === '--limit-iface-in' || name === '--limit-iface-out') {
      this.#limit = name === '--limit-iface-in' ? 'in' : 'out';
      return undefined;
    }
    const isSource = name === '--src-type';
    let bits = 0;
    for (const type of value.split(',')) {
      const isBegun = (name: string) => type !== '' && name.startsWith(type.toUpperCase());
      const index = TYPE_NAMES.findIndex(isBegun);
      if (index < 0) return `addrtype: bad type "${type}"`;
      bits |= 1 << index;
    }
    if (isSource) {
      this.#source = bits;
      this.#isSourceNegated = isNegated;
    } else {
      this.#destination = bits;
      this.#isDestinationNegated = isNegated;
    }
    return undefined;
  }

  finish(): string | undefined {
    if (this.#source !== 0 || this.#destination !== 0) return undefined;
    return 'addrtype: you must specify --src-type or --dst-type';
  }

  /** IPv6 has no broadcasts, and its tables are not asked for the types from BLACKHOLE on but two. */
  isAllowed(): boolean {
    return this.#family === 'ipv4' || ((this.#source | this.#destination) & NOT_IN_IPV6) === 0;
  }

  allowedHooks(): readonly Hook[] | undefined {
    if (this.#limit === 'in') return [Hook.prerouting, Hook.input, Hook.forward];
    if (this.#limit === 'out') return [Hook.forward, Hook.output, Hook.postrouting];
    return undefined;
  }

  hookRefusal(): string {
    const [what, hooks] =
      this.#limit === 'in'
        ? ['input', 'POSTROUTING and OUTPUT']
        : ['output', 'PREROUTING and INPUT'];
    return `xt_addrtype: ${what} interface limitation not valid in ${hooks}`;
  }

  matches(inspection: Inspection): boolean {
    if (
      this.#source !== 0 &&
      this.#isType(inspection, inspection.source, this.#source) === this.#isSourceNegated
    ) {
      return false;
    }
    return (
      this.#destination === 0 ||
      this.#isType(inspection, inspection.destination, this.#destination) !==
        this.#isDestinationNegated
    );
  }

  #isType(inspection: Inspection, address: number, bits: number): boolean {
    const { namespace } = inspection;
    const type = addressTypeOf(namespace, address);
    if ((bits & (1 << type)) === 0) return false;
    if (this.#limit === undefined || type !== LOCAL) return true;
    const device = this.#limit === 'in' ? inspection.inDevice : inspection.outDevice;
    return device !== undefined && isAddressOfDevice(namespace, device, address);
  }

  save(): string {
    let text = '';
    if (this.#source !== 0) {
      text += `${this.#isSourceNegated ? ' !' : ''} --src-type ${typesText(this.#source)}`;
    }
    if (this.#destination !== 0) {
      const not = this.#isDestinationNegated ? ' !' : '';
      text += `${not} --dst-type ${typesText(this.#destination)}`;
    }
    return this.#limit === undefined ? text : `${text} --limit-iface-${this.#limit}`;
  }

  list(): string {
    let text = ' ADDRTYPE match';
    if (this.#source !== 0) {
      text += ` src-type ${this.#isSourceNegated ? '!' : ''}${typesText(this.#source)}`;
    }
    if (this.#destination !== 0) {
      text += ` dst-type ${this.#isDestinationNegated ? '!' : ''}${typesText(this.#destination)}`;
    }
    return this.#limit === undefined ? text : `${text} limit-${this.#limit}`;
  }
}

/** `-m addrtype`. */
export const addrtypeMatch: MatchKind = {
  name: 'addrtype',
  options: ['--src-type=', '--dst-type=', '--limit-iface-in', '--limit-iface-out'],
  plain: ['--limit-iface-in', '--limit-iface-out'],
  exclusive: [['--limit-iface-in', '--limit-iface-out']],
  create: (environment) => new AddrtypeMatch(environment),
};
