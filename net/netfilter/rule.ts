/**
 * A rule and a chain: what `ipt_entry` holds, and the look at a packet that decides most rules.
 *
 * Addresses, interfaces and the protocol are compared first and without a call, because nearly all
 * rules of a Docker host are told apart by them.
 */
import { type IpPrefix, isInPrefix } from '../../wire/ip-address.ts';
import type { Match, Target } from './extension.ts';
import type { Inspection } from './inspection.ts';

/** What a rule does when it matches. */
export const RuleAction = {
  /** count only */
  none: 0,
  accept: 1,
  drop: 2,
  return: 3,
  jump: 4,
  goto: 5,
  target: 6,
} as const;
/** See {@link RuleAction}. */
export type RuleAction = (typeof RuleAction)[keyof typeof RuleAction];

/** A match with its name, in the order in which it was loaded. */
export interface NamedMatch {
  readonly name: string;
  readonly match: Match;
}

/** The addresses of a rule of ip6tables; one that is not there matches any. */
export interface Ipv6Prefixes {
  readonly source: IpPrefix | undefined;
  readonly destination: IpPrefix | undefined;
}

/** One rule. */
export class Rule {
  source = 0;
  sourceMask = 0;
  isSourceNegated = false;
  destination = 0;
  destinationMask = 0;
  isDestinationNegated = false;
  /** Its addresses when it is one of ip6tables; the numbers above are then 0. */
  ipv6: Ipv6Prefixes | undefined = undefined;
  /** Name of the input interface; a trailing `+` matches any rest; empty for any. */
  inInterface = '';
  isInInterfaceNegated = false;
  outInterface = '';
  isOutInterfaceNegated = false;
  /** IP protocol, 0 for any. */
  protocol = 0;
  isProtocolNegated = false;
  /** `-f`: only later fragments. */
  onlyFragments = false;
  isFragmentNegated = false;
  matches: NamedMatch[] = [];
  action: RuleAction = RuleAction.none;
  /** The target's name, a verdict or a chain; empty for none. */
  targetName = '';
  chain: Chain | undefined = undefined;
  target: Target | undefined = undefined;
  packets = 0;
  bytes = 0;
  /** Its arguments as `iptables-save` prints them, once somebody has asked. */
  text: string | undefined = undefined;

  /** True when it is for every packet. */
  get isUnconditional(): boolean {
    const hasAddress = this.sourceMask !== 0 || this.destinationMask !== 0;
    const hasDevice = this.inInterface !== '' || this.outInterface !== '';
    const hasMore = this.protocol !== 0 || this.onlyFragments || this.matches.length > 0;
    return !hasAddress && !hasDevice && !hasMore;
  }

  /** True when the head and every match agree. */
  isMatch(inspection: Inspection): boolean {
    if (
      (this.sourceMask !== 0 || (this.isSourceNegated && this.ipv6 === undefined)) &&
      (((inspection.source & this.sourceMask) ^ this.source) === 0) === this.isSourceNegated
    ) {
      return false;
    }
    if (
      (this.destinationMask !== 0 || (this.isDestinationNegated && this.ipv6 === undefined)) &&
      (((inspection.destination & this.destinationMask) ^ this.destination) === 0) ===
        this.isDestinationNegated
    ) {
      return false;
    }
    if (
      this.inInterface !== '' &&
      isInterface(this.inInterface, inspection.inName) === this.isInInterfaceNegated
    ) {
      return false;
    }
    if (
      this.outInterface !== '' &&
      isInterface(this.outInterface, inspection.outName) === this.isOutInterfaceNegated
    ) {
      return false;
    }
    if (this.protocol !== 0 && (this.protocol === inspection.protocol) === this.isProtocolNegated) {
      return false;
    }
    if (this.onlyFragments && (inspection.fragmentOffsetBytes !== 0) === this.isFragmentNegated) {
      return false;
    }
    if (this.ipv6 !== undefined && !this.#fitsIpv6(this.ipv6, inspection)) return false;
    const { matches } = this;
    for (let i = 0; i < matches.length; i++) {
      if (!matches[i]!.match.matches(inspection)) return false;
    }
    return true;
  }

  /** Whose rule it is. */
  get family(): 'ipv4' | 'ipv6' {
    return this.ipv6 === undefined ? 'ipv4' : 'ipv6';
  }

  #fitsIpv6({ source, destination }: Ipv6Prefixes, inspection: Inspection): boolean {
    if (source !== undefined) {
      if (isInPrefix(source, inspection.source) === this.isSourceNegated) return false;
    }
    if (destination === undefined) return true;
    return isInPrefix(destination, inspection.destination) !== this.isDestinationNegated;
  }
}

function isInterface(pattern: string, name: string): boolean {
  if (pattern === name) return true;
  const last = pattern.length - 1;
  return pattern.charCodeAt(last) === 43 && name.startsWith(pattern.slice(0, last));
}

/** A chain of rules; `policy` is undefined for user chains. */
export class Chain {
  name: string;
  policy: 'ACCEPT' | 'DROP' | undefined;
  readonly rules: Rule[] = [];
  packets = 0;
  bytes = 0;
  /** How many rules jump or go here. */
  references = 0;

  constructor(name: string, policy: 'ACCEPT' | 'DROP' | undefined) {
    this.name = name;
    this.policy = policy;
  }

  /** Takes all rules out. */
  flush(): void {
    for (const rule of this.rules) if (rule.chain !== undefined) rule.chain.references--;
    this.rules.length = 0;
  }
}
