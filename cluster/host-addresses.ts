/**
 * The hosts' network cards and addresses, and which of them a daemon tells the others.
 *
 * Every host has `eth0`, on one segment with all others. Further cards (`eth1`, …) are on a segment
 * each, and only hosts with a card there are reached on it. `--advertise-addr` says where the others
 * find the daemon's gossip, `--data-path-addr` where they send VXLAN to; whoever has no card on the
 * segment of such an address sends to its default gateway, which does not know it.
 */
import { assert } from '../sim/assert.ts';
import { type Ipv4Address, type Prefix, parseIpv4Address } from '../wire/addresses.ts';

/** The segments' subnets: eth0's, eth1's, …. */
const SUBNETS = ['192.168.56.0', '192.168.60.0', '192.168.52.0', '192.168.48.0'].map(
  (text) => parseIpv4Address(text)!,
);
/** How much of an address is the segment's. */
export const HOST_PREFIX_LENGTH = 22;
const FIRST_HOST_NUMBER = 101;

/** The default gateway of all hosts, on eth0's segment. */
export const HOST_GATEWAY: Ipv4Address = SUBNETS[0]! + 1;

/** The cards that hosts may have beside `eth0`. */
export const FURTHER_CARDS = ['eth1', 'eth2', 'eth3'] as const;

/** A network card. */
export interface Card {
  /** The segment that it is on, and the number in its name. */
  readonly segment: number;
  readonly prefix: Prefix;
}

/** What an operator chooses for a host; cards by name, `eth0` unless said otherwise. */
export interface AddressChoices {
  readonly furtherCards?: readonly string[];
  /** `--advertise-addr`. */
  readonly advertise?: string | undefined;
  /** `--data-path-addr`; default: as `--advertise-addr`. */
  readonly dataPath?: string | undefined;
}

/** The addresses of one host. */
export class HostAddresses {
  /** `eth0` first. */
  readonly cards: readonly Card[];
  /** Where the others find its gossip. */
  readonly advertise: Ipv4Address;
  /** Its VTEP, where the others send VXLAN to. */
  readonly dataPath: Ipv4Address;
  readonly #advertiseSegment: number;

  constructor(host: number, choices: AddressChoices = {}) {
    const { furtherCards = [], advertise = 'eth0', dataPath = advertise } = choices;
    this.cards = ['eth0', ...furtherCards].map((name) => cardOf(host, name));
    const chosen = this.#card(advertise);
    this.advertise = chosen.prefix.address;
    this.#advertiseSegment = chosen.segment;
    this.dataPath = this.#card(dataPath).prefix.address;
  }

  /** eth0's. */
  get first(): Prefix {
    return this.cards[0]!.prefix;
  }

  /** True for an address of one of the cards. */
  has(address: Ipv4Address): boolean {
    return this.cards.some(({ prefix }) => prefix.address === address);
  }

  /** True when this host has a card on the segment of what `other` advertises. */
  reaches(other: HostAddresses): boolean {
    return this.cards.some(({ segment }) => segment === other.#advertiseSegment);
  }

  /** The card by which this host sends to what `other` advertises. */
  cardTo(other: HostAddresses): Card {
    const card = this.cards.find(({ segment }) => segment === other.#advertiseSegment);
    return card ?? this.cards[0]!;
  }

  #card(name: string): Card {
    const card = this.cards.find(({ segment }) => name === `eth${segment}`);
    assert(card !== undefined, `the host has no card ${name}`);
    return card;
  }
}

function cardOf(host: number, name: string): Card {
  const segment = Number(name.slice('eth'.length));
  const subnet = SUBNETS[segment];
  assert(subnet !== undefined, `there is no segment for a card ${name}`);
  const address = subnet + FIRST_HOST_NUMBER + host;
  return { segment, prefix: { address, lengthBits: HOST_PREFIX_LENGTH } };
}
