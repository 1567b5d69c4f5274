/**
 * The `state` match, the older spelling of `conntrack --ctstate`.
 * Mirrors `extensions/libxt_conntrack.c` (`state_*`).
 */
import { ConnectionState } from '../../packet.ts';
import type { Match, MatchKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { mustBeSpecified } from '../options.ts';

/** Bits of a set of states, in the order in which iptables prints them. */
export const StateBit = {
  invalid: 1,
  new: 2,
  related: 4,
  established: 8,
  untracked: 16,
  sourceNat: 32,
  destinationNat: 64,
} as const;

/** The state names of `--ctstate`, in the order in which they are printed, with their bits. */
const STATE_NAMES: readonly (readonly [string, number])[] = [
  ['INVALID', StateBit.invalid],
  ['NEW', StateBit.new],
  ['RELATED', StateBit.related],
  ['ESTABLISHED', StateBit.established],
  ['UNTRACKED', StateBit.untracked],
  ['SNAT', StateBit.sourceNat],
  ['DNAT', StateBit.destinationNat],
];

/** The bits of a comma list; a string is iptables' error text. */
export function parseStates(text: string, option: 'state' | 'ctstate'): number | string {
  const known = option === 'state' ? STATE_NAMES.slice(0, 5) : STATE_NAMES;
  let bits = 0;
  const names = text.split(',');
  for (const [index, name] of names.entries()) {
    if (option === 'state' && name === '' && index === names.length - 1) {
      const example = 'ESTABLISHED,RELATED';
      return `"--${option}" requires a list of states with no spaces, e.g. ${example}`;
    }
    const found = known.find(([n]) => name !== '' && n.startsWith(name.toUpperCase()));
    if (found === undefined) return `Bad ${option} "${names.slice(index).join(',')}"`;
    bits |= found[1];
  }
  return bits;
}

/** `RELATED,ESTABLISHED`. */
export function statesText(bits: number): string {
  return STATE_NAMES.filter(([, bit]) => bits & bit)
    .map(([name]) => name)
    .join(',');
}

const BIT_OF_STATE = new Uint8Array(6);
BIT_OF_STATE[ConnectionState.none] = StateBit.invalid;
BIT_OF_STATE[ConnectionState.new] = StateBit.new;
BIT_OF_STATE[ConnectionState.established] = StateBit.established;
BIT_OF_STATE[ConnectionState.related] = StateBit.related;
BIT_OF_STATE[ConnectionState.invalid] = StateBit.invalid;
BIT_OF_STATE[ConnectionState.untracked] = StateBit.untracked;

/** The one bit of a packet's state. */
export function stateBitOf(state: ConnectionState): number {
  return BIT_OF_STATE[state]!;
}

class StateMatch implements Match {
  #bits = 0;
  #isNegated = false;

  option(_name: string, value: string, isNegated: boolean): string | undefined {
    const bits = parseStates(value, 'state');
    if (typeof bits === 'string') return bits;
    this.#bits = bits;
    this.#isNegated = isNegated;
    return undefined;
  }

  finish(): string | undefined {
    return this.#bits === 0 ? mustBeSpecified('state', '--state') : undefined;
  }

  matches(inspection: Inspection): boolean {
    const bit = stateBitOf(inspection.packet.connectionState);
    return ((this.#bits & bit) !== 0) !== this.#isNegated;
  }

  save(): string {
    return `${this.#isNegated ? ' !' : ''} --state ${statesText(this.#bits)}`;
  }

  list(): string {
    return `${this.#isNegated ? ' !' : ''} state ${statesText(this.#bits)}`;
  }
}

/** `-m state`. */
export const stateMatch: MatchKind = {
  name: 'state',
  options: ['--state='],
  needsTracking: true,
  create: () => new StateMatch(),
};
