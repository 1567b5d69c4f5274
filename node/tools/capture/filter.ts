/**
 * The filter language of pcap, as far as people type it: `tcp and port 80`, `host 10.0.1.5 and not
 * arp`, `icmp or (udp and dst port 53)`, `tcp[tcpflags] & tcp-syn != 0`.
 *
 * A value without a qualifier repeats the one before (`port 80 or 443`). Mirrors pcap-filter(7).
 */

import { portOfService } from '../../../net/services.ts';
import { parseMac } from '../../../wire/addresses.ts';
import { parseArp } from '../../../wire/arp.ts';
import { readU16 } from '../../../wire/bytes.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  sourceMacOf,
} from '../../../wire/ethernet.ts';
import {
  destinationOf,
  fragmentOffsetBytesOf,
  headerBytesOf,
  protocolOf,
  sourceOf,
} from '../../../wire/ip.ts';
import { addressBits, isInPrefix, parseIp, parseIpPrefix } from '../../../wire/ip-address.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import { NextHeader } from '../../../wire/ipv6/header.ts';
import { flagsOf, TcpFlag } from '../../../wire/tcp.ts';

/** True for a frame in [start, end) that is wanted. */
export type FrameFilter = (bytes: Uint8Array, start: number, end: number) => boolean;

const PROTOCOLS: Readonly<Record<string, number>> = {
  tcp: IpProtocol.tcp,
  udp: IpProtocol.udp,
  icmp: IpProtocol.icmp,
  esp: IpProtocol.esp,
  sctp: IpProtocol.sctp,
  icmp6: NextHeader.icmpv6,
};

const ETHER_TYPES: Readonly<Record<string, number>> = {
  ip: EtherType.ipv4,
  arp: EtherType.arp,
  ip6: EtherType.ipv6,
  vlan: EtherType.vlan,
};

const FLAGS: Readonly<Record<string, number>> = {
  'tcp-fin': TcpFlag.fin,
  'tcp-syn': TcpFlag.syn,
  'tcp-rst': TcpFlag.rst,
  'tcp-push': TcpFlag.psh,
  'tcp-ack': TcpFlag.ack,
  'tcp-urg': 0x20,
};

/** Reads an expression; pcap's complaint when it is none. An empty one wants everything. */
export function parseFilter(expression: string): FrameFilter | string {
  const text = expression.trim();
  if (text === '') return () => true;
  const words = text.match(/[()!]|&&|\|\||[<>=!]=|[<>&]|[^\s()!&|<>=]+/g) ?? [];
  const parser = new Parser(words);
  const filter = parser.parse();
  return filter ?? "can't parse filter expression: syntax error";
}

type Side = 'src' | 'dst' | 'either';
type Kind = 'host' | 'port' | 'net' | 'portrange' | 'ether';

class Parser {
  readonly #words: readonly string[];
  #at = 0;
  #side: Side = 'either';
  #kind: Kind = 'host';

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  parse(): FrameFilter | undefined {
    const filter = this.#any();
    return this.#at === this.#words.length ? filter : undefined;
  }

  #maybe(...words: readonly string[]): boolean {
    const word = this.#words[this.#at];
    if (word === undefined || !words.includes(word)) return false;
    this.#at++;
    return true;
  }

  #any(): FrameFilter | undefined {
    let left = this.#all();
    while (left !== undefined && this.#maybe('or', '||')) {
      const first = left;
      const second = this.#all();
      if (second === undefined) return undefined;
      left = (bytes, start, end) => first(bytes, start, end) || second(bytes, start, end);
    }
    return left;
  }

  #all(): FrameFilter | undefined {
    let left = this.#one();
    while (left !== undefined && this.#maybe('and', '&&')) {
      const first = left;
      const second = this.#one();
      if (second === undefined) return undefined;
      left = (bytes, start, end) => first(bytes, start, end) && second(bytes, start, end);
    }
    return left;
  }

  #one(): FrameFilter | undefined {
    if (this.#maybe('not', '!')) {
      const inner = this.#one();
      return inner && ((bytes, start, end) => !inner(bytes, start, end));
    }
    if (this.#maybe('(')) {
      const inner = this.#any();
      return this.#maybe(')') ? inner : undefined;
    }
    return this.#primitive();
  }

  #primitive(): FrameFilter | undefined {
    const word = this.#words[this.#at];
    if (word === undefined) return undefined;
    if (/^tcp\[(tcpflags|13)\]$/.test(word)) return this.#flags();
    if (this.#maybe('greater', 'less')) {
      const length = Number(this.#words[this.#at++]);
      if (Number.isNaN(length)) return undefined;
      return word === 'less'
        ? (_bytes, start, end) => end - start <= length
        : (_bytes, start, end) => end - start >= length;
    }
    if (this.#maybe('broadcast')) {
      return (bytes, start) => destinationMacOf(bytes, start) === 0xffff_ffff_ffff;
    }
    const protocol = this.#qualifiers();
    const value = this.#words[this.#at];
    const isValue = value !== undefined && !/^(and|or|not|&&|\|\||[()!])$/.test(value);
    if (!isValue) return protocol;
    this.#at++;
    const test = this.#valueTest(value);
    if (test === undefined || protocol === undefined) return test;
    return (bytes, start, end) => protocol(bytes, start, end) && test(bytes, start, end);
  }

  /** `tcp`, `src`, `port` …, in any sensible order; the test of the protocol, if one was named. */
  #qualifiers(): FrameFilter | undefined {
    let protocol: FrameFilter | undefined;
    const begin = this.#at;
    let hasKind = false;
    let side: Side = 'either';
    for (; this.#at < this.#words.length; this.#at++) {
      const word = this.#words[this.#at]!;
      if (word in PROTOCOLS || word in ETHER_TYPES) protocol = protocolTest(word);
      else if (word === 'src' || word === 'dst') side = word;
      else if (isKind(word)) {
        this.#kind = word;
        hasKind = true;
      } else break;
    }
    const isQualified = this.#at > begin;
    if (isQualified) this.#side = side;
    if (isQualified && !hasKind && side !== 'either') this.#kind = 'host';
    return protocol;
  }

  #valueTest(value: string): FrameFilter | undefined {
    const side = this.#side;
    switch (this.#kind) {
      case 'port':
      case 'portrange': {
        const [first, last = first] = value.split('-').map(portOf);
        if (first === undefined || last === undefined || Number.isNaN(first + last))
          return undefined;
        return (bytes, start, end) => hasPort(bytes, start, end, side, first, last);
      }
      case 'ether': {
        const mac = parseMac(value);
        if (mac === undefined) return undefined;
        return (bytes, start) =>
          (side !== 'dst' && sourceMacOf(bytes, start) === mac) ||
          (side !== 'src' && destinationMacOf(bytes, start) === mac);
      }
      default: {
        const address = parseIp(value);
        const prefix =
          address === undefined
            ? parseIpPrefix(value)
            : { address, lengthBits: addressBits(address) };
        if (prefix === undefined) return undefined;
        return (bytes, start, end) => {
          const ends = addressesOf(bytes, start, end);
          if (ends === undefined) return false;
          const [source, destination] = ends;
          return (
            (side !== 'dst' && isInPrefix(prefix, source)) ||
            (side !== 'src' && isInPrefix(prefix, destination))
          );
        };
      }
    }
  }

  /** `tcp[tcpflags] & (tcp-syn|tcp-fin) != 0`, `tcp[13] == 2`, `… == tcp-syn`. */
  #flags(): FrameFilter | undefined {
    this.#at++;
    let mask = 0xff;
    if (this.#maybe('&')) {
      const value = this.#flagSum();
      if (value === undefined) return undefined;
      mask = value;
    }
    const comparison = this.#words[this.#at++];
    const wanted = this.#flagSum();
    if (
      wanted === undefined ||
      (comparison !== '!=' && comparison !== '==' && comparison !== '=')
    ) {
      return undefined;
    }
    return (bytes, start, end) => {
      const at = transportOf(bytes, start, end, IpProtocol.tcp);
      if (at === undefined) return false;
      const isEqual = (flagsOf(bytes, at) & mask) === wanted;
      return isEqual === (comparison !== '!=');
    };
  }

  /** `tcp-syn`, `2`, `(tcp-syn|tcp-ack)`. */
  #flagSum(): number | undefined {
    const hasBrackets = this.#maybe('(');
    let sum: number | undefined;
    for (; this.#at < this.#words.length; this.#at++) {
      const word = this.#words[this.#at]!;
      const flag = FLAGS[word] ?? (/^\d+$|^0x[0-9a-f]+$/i.test(word) ? Number(word) : undefined);
      if (flag === undefined) break;
      sum = (sum ?? 0) | flag;
    }
    return hasBrackets && !this.#maybe(')') ? undefined : sum;
  }
}

function isKind(word: string): word is Kind {
  return ['host', 'port', 'net', 'portrange', 'ether'].includes(word);
}

function portOf(text: string): number {
  return portOfService(text) ?? (/^\d+$/.test(text) ? Number(text) : Number.NaN);
}

function protocolTest(name: string): FrameFilter {
  const etherType = ETHER_TYPES[name];
  if (etherType !== undefined) return (bytes, start) => etherTypeOf(bytes, start) === etherType;
  const protocol = PROTOCOLS[name]!;
  return (bytes, start, end) => {
    const at = packetOf(bytes, start, end);
    return at !== undefined && protocolOf(bytes, at) === protocol;
  };
}

/** Where the IP header of a frame is, of either version. */
function packetOf(bytes: Uint8Array, start: number, end: number): number | undefined {
  const etherType = etherTypeOf(bytes, start);
  if (etherType !== EtherType.ipv4 && etherType !== EtherType.ipv6) return undefined;
  const at = start + ETHERNET_HEADER_BYTES;
  return end - at >= (etherType === EtherType.ipv4 ? 20 : 40) ? at : undefined;
}

/** Where the transport header of a frame is, unless that is another fragment's. */
function transportOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  protocol?: number,
): number | undefined {
  const packet = packetOf(bytes, start, end);
  if (packet === undefined || fragmentOffsetBytesOf(bytes, packet) !== 0) return undefined;
  if (protocol !== undefined && protocolOf(bytes, packet) !== protocol) return undefined;
  const at = packet + headerBytesOf(bytes, packet);
  return end - at >= 8 ? at : undefined;
}

function hasPort(
  bytes: Uint8Array,
  start: number,
  end: number,
  side: Side,
  first: number,
  last: number,
): boolean {
  const at = transportOf(bytes, start, end);
  if (at === undefined) return false;
  const protocol = protocolOf(bytes, start + ETHERNET_HEADER_BYTES);
  const hasPorts = protocol === IpProtocol.tcp || protocol === IpProtocol.udp;
  if (!hasPorts && protocol !== IpProtocol.sctp) return false;
  const isWithin = (port: number) => port >= first && port <= last;
  return (
    (side !== 'dst' && isWithin(readU16(bytes, at))) ||
    (side !== 'src' && isWithin(readU16(bytes, at + 2)))
  );
}

/** Source and destination of a packet, sender and target of an ARP message. */
function addressesOf(
  bytes: Uint8Array,
  start: number,
  end: number,
): readonly [number, number] | undefined {
  const at = start + ETHERNET_HEADER_BYTES;
  if (etherTypeOf(bytes, start) === EtherType.arp) {
    const arp = parseArp(bytes, at, end);
    return arp && [arp.senderAddress, arp.targetAddress];
  }
  if (packetOf(bytes, start, end) === undefined) return undefined;
  return [sourceOf(bytes, at), destinationOf(bytes, at)];
}
