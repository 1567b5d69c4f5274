/**
 * The hosts' network cards and addresses, and which of them a daemon tells the others.
 *
 * Every host has `eth0`, on one segment with all others. Further cards (`eth1`, …) are on a segment
 * each, and only hosts with a card there are reached on it. Cards have an IPv4 address, and where hosts
 * have IPv6 one of that, too. `--advertise-addr` says where the others find the daemon's gossip,
 * `--data-path-addr` where they send VXLAN to; whoever has no card on the segment of such an address
 * sends to its default gateway, which does not know it.
 *
 * A host behind NAT has a private address of its own, and its card's address is that of the box in front
 * of it: the others reach what it advertises only if it advertises that one.
 */
import { assert } from '../sim/assert.ts';
import { type Ipv4Address, type Prefix, parseIpv4Address } from '../wire/addresses.ts';
import { type IpAddress, type IpPrefix, isIpv6Address, parseIp } from '../wire/ip-address.ts';

/** The segments' subnets, eth0's, eth1's, …, as they begin: the rest is the host's number. */
const SUBNETS = ['192.168.56.', '192.168.60.', '192.168.52.', '192.168.48.'];
const IPV6_SUBNETS = ['fd00:56::', 'fd00:60::', 'fd00:52::', 'fd00:48::'];
/** How much of an address is the segment's. */
export const HOST_PREFIX_LENGTH = 22;
const IPV6_PREFIX_LENGTH = 64;
const FIRST_HOST_NUMBER = 101;

/** The default gateway of all hosts, on eth0's segment. */
export const HOST_GATEWAY: Ipv4Address = parseIpv4Address(`${SUBNETS[0]}1`)!;

/** Where hosts behind NAT are; each in a subnet of its own, with its box as the first address. */
const PRIVATE_NETWORK = parseIpv4Address('10.99.0.0')!;
const PRIVATE_PREFIX_LENGTH = 24;

/** How a host is behind NAT. */
export const NAT_KINDS = ['one-to-one', 'masquerade'] as const;
/** See {@link NAT_KINDS}. */
export type NatKind = (typeof NAT_KINDS)[number];

/** A host's own address behind NAT, and the box's. */
export interface PrivateSide {
  readonly kind: NatKind;
  readonly prefix: Prefix;
  readonly gateway: Ipv4Address;
}

/** The cards that hosts may have beside `eth0`. */
export const FURTHER_CARDS = ['eth1', 'eth2', 'eth3'] as const;

/** A network card. */
export interface Card {
  /** The segment that it is on, and the number in its name. */
  readonly segment: number;
  readonly prefix: Prefix;
  /** Where hosts have IPv6. */
  readonly prefix6?: IpPrefix | undefined;
}

/** What an operator chooses for a host. */
export interface AddressChoices {
  readonly furtherCards?: readonly string[];
  /** Cards have IPv6 addresses; default false. */
  readonly hasIpv6?: boolean;
  /** A box with NAT is in front of `eth0`. */
  readonly nat?: NatKind | undefined;
  /** `--advertise-addr`: a card, whose IPv4 address it is, or an address; default `eth0`. */
  readonly advertise?: string | undefined;
  /** `--data-path-addr`, likewise; default: as `--advertise-addr`. */
  readonly dataPath?: string | undefined;
}

/** The addresses of one host. */
export class HostAddresses {
  /** `eth0` first. */
  readonly cards: readonly Card[];
  /** Where the others find its gossip. */
  readonly advertise: IpAddress;
  /** Its VTEP, where the others send VXLAN to. */
  readonly dataPath: IpAddress;
  /** Behind NAT: what `eth0` really has. */
  readonly inside: PrivateSide | undefined;
  /** -1: nobody has a way to it. */
  readonly #advertiseSegment: number;

  constructor(host: number, choices: AddressChoices = {}) {
    const { furtherCards = [], hasIpv6 = false, nat } = choices;
    const { advertise = 'eth0', dataPath = advertise } = choices;
    this.cards = ['eth0', ...furtherCards].map((name) => cardOf(host, name, hasIpv6));
    const network = PRIVATE_NETWORK + host * 256;
    const prefix = { address: network + 2, lengthBits: PRIVATE_PREFIX_LENGTH };
    this.inside = nat === undefined ? undefined : { kind: nat, prefix, gateway: network + 1 };
    this.advertise = this.#chosen(advertise);
    this.#advertiseSegment = this.#cardWith(this.advertise)?.segment ?? -1;
    this.dataPath = this.#chosen(dataPath);
  }

  /** eth0's, as the underlay knows it. */
  get first(): Prefix {
    return this.cards[0]!.prefix;
  }

  /** What its daemon is bound to: what it advertises, or its own address where that is the box's. */
  get bind(): IpAddress {
    const { inside, advertise } = this;
    return inside !== undefined && advertise === this.first.address
      ? inside.prefix.address
      : advertise;
  }

  /** True for an address of one of the cards. */
  has(address: IpAddress): boolean {
    return this.#cardWith(address) !== undefined || this.inside?.prefix.address === address;
  }

  /** True when this host has a card on the segment of what `other` advertises, with its family. */
  reaches(other: HostAddresses): boolean {
    return this.#addressTo(other) !== undefined;
  }

  /**
   * True when its gossip's datagrams reach `other`: memberlist sends them from the socket on what it
   * advertises itself, which has that address' family only.
   */
  sendsTo(other: HostAddresses): boolean {
    return isIpv6Address(this.advertise) === isIpv6Address(other.advertise) && this.reaches(other);
  }

  /** The card by which this host sends to what `other` advertises. */
  cardTo(other: HostAddresses): Card {
    const card = this.cards.find(({ segment }) => segment === other.#advertiseSegment);
    return card ?? this.cards[0]!;
  }

  /** The address from which this host sends to what `other` advertises. */
  addressTo(other: HostAddresses): IpAddress {
    return this.#addressTo(other) ?? this.first.address;
  }

  #addressTo(other: HostAddresses): IpAddress | undefined {
    const card = this.cards.find(({ segment }) => segment === other.#advertiseSegment);
    return isIpv6Address(other.advertise) ? card?.prefix6?.address : card?.prefix.address;
  }

  #chosen(text: string): IpAddress {
    const own = text === 'eth0' ? this.inside?.prefix.address : undefined;
    const address = parseIp(text) ?? own ?? this.#cardNamed(text)?.prefix.address;
    assert(address !== undefined && this.has(address), `the host has no card or address ${text}`);
    return address;
  }

  #cardNamed(name: string): Card | undefined {
    return this.cards.find(({ segment }) => name === `eth${segment}`);
  }

  #cardWith(address: IpAddress): Card | undefined {
    return this.cards.find(
      ({ prefix, prefix6 }) => prefix.address === address || prefix6?.address === address,
    );
  }
}

/** The text of a host's IPv6 address on `eth0`, where it has one. */
export function firstIpv6Text(host: number): string {
  return `${IPV6_SUBNETS[0]}${FIRST_HOST_NUMBER + host}`;
}

function cardOf(host: number, name: string, hasIpv6: boolean): Card {
  const segment = Number(name.slice('eth'.length));
  const subnet = SUBNETS[segment];
  assert(subnet !== undefined, `there is no segment for a card ${name}`);
  const address = parseIpv4Address(`${subnet}0`)! + FIRST_HOST_NUMBER + host;
  const text6 = `${IPV6_SUBNETS[segment]}${FIRST_HOST_NUMBER + host}`;
  return {
    segment,
    prefix: { address, lengthBits: HOST_PREFIX_LENGTH },
    prefix6: hasIpv6 ? { address: parseIp(text6)!, lengthBits: IPV6_PREFIX_LENGTH } : undefined,
  };
}
