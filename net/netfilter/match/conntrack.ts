/**
 * The `conntrack` match: the state of the packet, and what its connection is like.
 *
 * Options are printed in a fixed order whatever the order in which they were given.
 * Mirrors `extensions/libxt_conntrack.c` and `net/netfilter/xt_conntrack.c`.
 */
import { SECOND_NS } from '../../../sim/time.ts';
import { formatIp, formatIpPrefix, type IpAddress, isInPrefix } from '../../../wire/ip-address.ts';
import { ConnectionStatus } from '../../conntrack/connection.ts';
import type { Match, MatchKind, ParseEnvironment } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import {
  type PortRange,
  parseIpv6Prefix,
  parseMaskedAddress,
  parsePortRange,
  parseRange32,
  portRangeText,
} from '../options.ts';
import { parseProtocol } from '../protocols.ts';
import { maskText } from '../save.ts';
import { parseStates, StateBit, stateBitOf, statesText } from './state.ts';

const STATUS_NAMES: readonly (readonly [string, number])[] = [
  ['EXPECTED', ConnectionStatus.expected],
  ['SEEN_REPLY', ConnectionStatus.seenReply],
  ['ASSURED', ConnectionStatus.assured],
  ['CONFIRMED', ConnectionStatus.confirmed],
];

/** Options that compare an endpoint of a tuple. */
const ENDPOINTS = [
  { option: 'ctorigsrc', isReply: false, isSource: true },
  { option: 'ctorigdst', isReply: false, isSource: false },
  { option: 'ctreplsrc', isReply: true, isSource: true },
  { option: 'ctrepldst', isReply: true, isSource: false },
] as const;

interface Condition {
  readonly isNegated: boolean;
  readonly holds: (inspection: Inspection) => boolean;
  /** Rank in the printed order, name and argument. */
  readonly rank: number;
  readonly name: string;
  readonly text: string;
}

/** An address or a network that a tuple is compared with. */
interface WantedAddress {
  readonly text: string;
  holds(address: IpAddress): boolean;
}

function ipv4Wanted(value: string): WantedAddress | string {
  const parsed = parseMaskedAddress(value);
  if (typeof parsed === 'string') return parsed;
  const { address, mask } = parsed;
  const suffix = mask === 0xffff_ffff ? '' : `/${maskText(mask)}`;
  const text = mask === 0 ? 'anywhere' : formatIp(address) + suffix;
  return { text, holds: (other) => ((other & mask) ^ address) === 0 };
}

function ipv6Wanted(value: string): WantedAddress | string {
  const prefix = parseIpv6Prefix(value);
  if (typeof prefix === 'string') return prefix;
  const text = formatIpPrefix(prefix).replace(/\/128$/, '');
  const holds = (other: IpAddress) => isInPrefix(prefix, other);
  return { text: prefix.lengthBits === 0 ? 'anywhere' : text, holds };
}

class ConntrackMatch implements Match {
  #stateBits = 0;
  #isStateNegated = false;
  readonly #family: 'ipv4' | 'ipv6';
  readonly #conditions: Condition[] = [];

  constructor({ family }: ParseEnvironment) {
    this.#family = family;
  }

  option(name: string, value: string, isNegated: boolean): string | undefined {
    const bare = name.slice(2);
    if (bare === 'ctstate') return this.#takeState(value, isNegated);
    switch (bare) {
      case 'ctproto': {
        const protocol = parseProtocol(value);
        if (protocol === undefined) return `unknown protocol "${value}" specified`;
        const holds = (i: Inspection) => i.packet.connection?.protocol === protocol;
        this.#add(1, bare, String(protocol), isNegated, holds);
        return undefined;
      }
      case 'ctstatus':
        return this.#takeStatus(value, isNegated);
      case 'ctexpire':
        return this.#takeExpire(value, isNegated);
      case 'ctdir': {
        const isReply = value.toUpperCase() === 'REPLY';
        if (!isReply && value.toUpperCase() !== 'ORIGINAL') {
          return `conntrack: Bad value for "--ctdir" option: "${value}"`;
        }
        const holds = (i: Inspection) => i.packet.isReply === isReply;
        this.#add(12, bare, isReply ? 'REPLY' : 'ORIGINAL', isNegated, holds);
        return undefined;
      }
      default:
        return this.#takeEndpoint(bare, value, isNegated);
    }
  }

  finish(): string | undefined {
    if (this.#stateBits !== 0 || this.#conditions.length > 0) return undefined;
    return 'conntrack: At least one option is required';
  }

  matches(inspection: Inspection): boolean {
    const { packet } = inspection;
    const { connection } = packet;
    if (this.#stateBits !== 0) {
      let bits = stateBitOf(packet.connectionState);
      if (connection !== undefined) {
        if (connection.status & ConnectionStatus.sourceNat) bits |= StateBit.sourceNat;
        if (connection.status & ConnectionStatus.destinationNat) bits |= StateBit.destinationNat;
      }
      if (((this.#stateBits & bits) !== 0) === this.#isStateNegated) return false;
    }
    const conditions = this.#conditions;
    if (conditions.length === 0) return true;
    if (connection === undefined) return false;
    for (let i = 0; i < conditions.length; i++) {
      const condition = conditions[i]!;
      if (condition.holds(inspection) === condition.isNegated) return false;
    }
    return true;
  }

  save(): string {
    let text = '';
    if (this.#stateBits !== 0) {
      text = `${this.#isStateNegated ? ' !' : ''} --ctstate ${statesText(this.#stateBits)}`;
    }
    for (const condition of this.#conditions) {
      text += `${condition.isNegated ? ' !' : ''} --${condition.name} ${condition.text}`;
    }
    return text;
  }

  list(): string {
    return this.save().replaceAll('--', '');
  }

  #takeState(value: string, isNegated: boolean): string | undefined {
    const bits = parseStates(value, 'ctstate');
    if (typeof bits === 'string') return bits;
    this.#stateBits = bits;
    this.#isStateNegated = isNegated;
    return undefined;
  }

  #takeStatus(value: string, isNegated: boolean): string | undefined {
    let bits = 0;
    const words = value.split(',');
    for (const [index, name] of words.entries()) {
      const isBegun = (n: string) => name !== '' && n.startsWith(name.toUpperCase());
      const known = STATUS_NAMES.find(([n]) => isBegun(n));
      if (known !== undefined) bits |= known[1];
      else if (!isBegun('NONE')) {
        return `Bad ctstatus "${words.slice(index).join(',')}"`;
      }
    }
    const names = STATUS_NAMES.filter(([, bit]) => bits & bit).map(([name]) => name);
    this.#add(10, 'ctstatus', names.join(',') || 'NONE', isNegated, (i) => {
      const status = i.packet.connection!.status;
      return bits === 0 ? status === 0 : (status & bits) !== 0;
    });
    return undefined;
  }

  #takeExpire(value: string, isNegated: boolean): string | undefined {
    const range = parseRange32('conntrack', '--ctexpire', value);
    if (typeof range === 'string') return range;
    const { min, max } = range;
    const text = min === max ? `${min}` : `${min}:${max}`;
    this.#add(11, 'ctexpire', text, isNegated, (i) => {
      const leftNs = i.packet.connection!.expiresAtNs - i.namespace.world.nowNs;
      const seconds = Math.max(0, Math.floor(leftNs / SECOND_NS));
      return seconds >= min && seconds <= max;
    });
    return undefined;
  }

  #takeEndpoint(name: string, value: string, isNegated: boolean): string | undefined {
    const index = ENDPOINTS.findIndex(({ option }) => name.startsWith(option));
    const { option, isReply, isSource } = ENDPOINTS[index]!;
    if (name === option) {
      const wanted = this.#family === 'ipv6' ? ipv6Wanted(value) : ipv4Wanted(value);
      if (typeof wanted === 'string') return wanted;
      this.#add(2 + index, name, wanted.text, isNegated, (i) => {
        const tuple = i.packet.connection!.tupleOf(isReply);
        return wanted.holds(isSource ? tuple.source : tuple.destination);
      });
      return undefined;
    }
    const range: PortRange | string = parsePortRange(value);
    if (typeof range === 'string') return range;
    const { min, max } = range;
    this.#add(6 + index, name, portRangeText(range), isNegated, (i) => {
      const tuple = i.packet.connection!.tupleOf(isReply);
      const port = isSource ? tuple.sourcePort : tuple.destinationPort;
      return port >= min && port <= max;
    });
    return undefined;
  }

  #add(
    rank: number,
    name: string,
    text: string,
    isNegated: boolean,
    holds: (inspection: Inspection) => boolean,
  ): void {
    this.#conditions.push({ rank, name, text, isNegated, holds });
    this.#conditions.sort((a, b) => a.rank - b.rank);
  }
}

/** `-m conntrack`. */
export const conntrackMatch: MatchKind = {
  name: 'conntrack',
  options: [
    '--ctstate=',
    '--ctproto=',
    ...ENDPOINTS.flatMap(({ option }) => [`--${option}=`, `--${option}port=`]),
    '--ctstatus=',
    '--ctexpire=',
    '--ctdir=',
  ],
  plain: ['--ctdir'],
  needsTracking: true,
  create: (environment) => new ConntrackMatch(environment),
};
