/**
 * The `tcp` and `udp` matches: ports, and for TCP flags and options.
 * Mirrors `extensions/libxt_tcp.c`, `libxt_udp.c` and `net/netfilter/xt_tcpudp.c`.
 */
import { readU16 } from '../../../wire/bytes.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import { TcpFlag } from '../../../wire/tcp.ts';
import { serviceOfPort } from '../../services.ts';
import type { Match, MatchKind, RuleHead } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { type PortRange, parsePortRange, portRangeText } from '../options.ts';
import { parsePort } from '../protocols.ts';

/** Source and destination ports of one protocol. */
export class PortsMatch implements Match {
  readonly #name: string;
  readonly #protocol: number;
  #source: PortRange | undefined = undefined;
  #isSourceNegated = false;
  #destination: PortRange | undefined = undefined;
  #isDestinationNegated = false;

  constructor(name: string, protocol: number) {
    this.#name = name;
    this.#protocol = protocol;
  }

  option(name: string, value: string, isNegated: boolean): string | undefined {
    const isSource = name === '--sport' || name === '--source-port';
    const longName = `--${isSource ? 'source' : 'destination'}-port`;
    if ((isSource ? this.#source : this.#destination) !== undefined) {
      return `Only one \`${longName}' allowed`;
    }
    const range = this.#name === 'udp' ? parseUdpRange(value) : parsePortRange(value, this.#name);
    if (typeof range === 'string') return range;
    if (isSource) {
      this.#source = range;
      this.#isSourceNegated = isNegated;
    } else {
      this.#destination = range;
      this.#isDestinationNegated = isNegated;
    }
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  isAllowed(head: RuleHead): boolean {
    return head.protocol === this.#protocol && !head.isProtocolNegated;
  }

  matches(inspection: Inspection): boolean {
    if (!inspection.hasTransport(4)) return false;
    const { bytes, transportAt } = inspection;
    const source = this.#source;
    if (source !== undefined) {
      const port = readU16(bytes, transportAt);
      if ((port >= source.min && port <= source.max) === this.#isSourceNegated) return false;
    }
    const destination = this.#destination;
    if (destination !== undefined) {
      const port = readU16(bytes, transportAt + 2);
      const isIn = port >= destination.min && port <= destination.max;
      if (isIn === this.#isDestinationNegated) return false;
    }
    return true;
  }

  save(): string {
    return (
      this.#saveRange('--sport', this.#source, this.#isSourceNegated) +
      this.#saveRange('--dport', this.#destination, this.#isDestinationNegated)
    );
  }

  list(isNumeric: boolean): string {
    const name = (port: number) =>
      (isNumeric ? undefined : serviceOfPort(port, this.#name)) ?? String(port);
    return (
      ` ${this.#name}` +
      this.#listRange('spt', this.#source, this.#isSourceNegated, name) +
      this.#listRange('dpt', this.#destination, this.#isDestinationNegated, name)
    );
  }

  /** `iptables-save` of tcp and udp leaves out what is every port, negated or not. */
  #saveRange(option: string, range: PortRange | undefined, isNegated: boolean): string {
    if (range === undefined || isEveryPort(this.#name, range)) return '';
    return `${isNegated ? ' !' : ''} ${option} ${portRangeText(range)}`;
  }

  #listRange(
    side: string,
    range: PortRange | undefined,
    isNegated: boolean,
    name: (port: number) => string,
  ): string {
    if (range === undefined || (!isNegated && isEveryPort(this.#name, range))) return '';
    const plural = range.min === range.max ? '' : 's';
    return ` ${side}${plural}:${isNegated ? '!' : ''}${portRangeText(range, name)}`;
  }
}

/** `-m udp` is parsed by libxtables: no hexadecimal, any order, its own error text. */
function parseUdpRange(text: string): PortRange | string {
  const [first = '', second = first] = text.split(':');
  const parse = (part: string, open: number) =>
    part === '' && text.includes(':') ? open : /^0x/i.test(part) ? undefined : parsePort(part);
  const min = parse(first, 0);
  if (min === undefined) return `Port "${first}" does not resolve to anything.\n`;
  const max = parse(second, 65_535);
  if (max === undefined) return `Port "${second}" does not resolve to anything.\n`;
  return { min, max };
}

/** True for 0:65535, which `tcp` and `udp` do not print. */
function isEveryPort(name: string, range: PortRange): boolean {
  return name !== 'sctp' && range.min === 0 && range.max === 65_535;
}

/** The options of {@link PortsMatch}. */
export const PORT_OPTIONS: readonly string[] = [
  '--sport=',
  '--source-port=',
  '--dport=',
  '--destination-port=',
];
const FLAG_NAMES = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;

function parseFlags(text: string): number | string {
  if (text === 'ALL') return 0x3f;
  if (text === 'NONE') return 0;
  let flags = 0;
  for (const name of text.split(',')) {
    if (name === 'ALL') flags |= 0x3f;
    else if (name !== 'NONE' && name !== '') {
      const bit = (FLAG_NAMES as readonly string[]).indexOf(name.toUpperCase());
      if (bit < 0) return `Unknown TCP flag \`${name}'`;
      flags |= 1 << bit;
    }
  }
  return flags;
}

function flagsText(flags: number): string {
  return flags === 0 ? 'NONE' : FLAG_NAMES.filter((_, bit) => flags & (1 << bit)).join(',');
}

function hexByte(value: number): string {
  return `0x${value.toString(16).toUpperCase().padStart(2, '0')}`;
}

class TcpMatch extends PortsMatch {
  #flagMask = 0;
  #flags = 0;
  #areFlagsNegated = false;
  #option = 0;
  #isOptionNegated = false;

  constructor() {
    super('tcp', IpProtocol.tcp);
  }

  override option(name: string, value: string, isNegated: boolean): string | undefined {
    if (name === '--syn' || name === '--tcp-flags') {
      if (this.#flagMask !== 0) return "Only one of `--syn' or `--tcp-flags'  allowed";
      const [maskText = '', flagText = ''] =
        name === '--syn' ? ['FIN,SYN,RST,ACK', 'SYN'] : value.split(' ');
      const mask = parseFlags(maskText);
      if (typeof mask === 'string') return mask;
      const flags = parseFlags(flagText);
      if (typeof flags === 'string') return flags;
      this.#flagMask = mask;
      this.#flags = flags;
      this.#areFlagsNegated = isNegated;
      return undefined;
    }
    if (name === '--tcp-option') {
      const number = Number(value);
      if (this.#option !== 0) return "Only one `--tcp-option' allowed";
      if (!/^\d+$/.test(value) || number < 1 || number > 255) return `Bad TCP option "${value}"`;
      this.#option = number;
      this.#isOptionNegated = isNegated;
      return undefined;
    }
    return super.option(name, value, isNegated);
  }

  /** As TCPMSS asks of a rule (`find_syn_match`): SYN is looked for, whatever else is. */
  get demandsSyn(): boolean {
    return (this.#flags & TcpFlag.syn) !== 0 && !this.#areFlagsNegated;
  }

  override matches(inspection: Inspection): boolean {
    if (this.#flagMask !== 0) {
      if (!inspection.hasTransport(20)) return false;
      const flags = inspection.bytes[inspection.transportAt + 13]!;
      if (((flags & this.#flagMask) === this.#flags) === this.#areFlagsNegated) return false;
    }
    if (this.#option !== 0 && hasTcpOption(inspection, this.#option) === this.#isOptionNegated) {
      return false;
    }
    return super.matches(inspection);
  }

  override save(): string {
    let text = super.save();
    if (this.#option !== 0) {
      text += `${this.#isOptionNegated ? ' !' : ''} --tcp-option ${this.#option}`;
    }
    if (this.#flagMask !== 0) {
      const flags = `${flagsText(this.#flagMask)} ${flagsText(this.#flags)}`;
      text += `${this.#areFlagsNegated ? ' !' : ''} --tcp-flags ${flags}`;
    }
    return text;
  }

  override list(isNumeric: boolean): string {
    let text = super.list(isNumeric);
    if (this.#option !== 0) text += ` option=${this.#isOptionNegated ? '!' : ''}${this.#option}`;
    if (this.#flagMask !== 0) {
      const word = isNumeric ? hexByte : flagsText;
      const flags = `${word(this.#flagMask)}/${word(this.#flags)}`;
      text += ` flags:${this.#areFlagsNegated ? '!' : ''}${flags}`;
    }
    return text;
  }
}

function hasTcpOption(inspection: Inspection, wanted: number): boolean {
  if (!inspection.hasTransport(20)) return false;
  const { bytes, transportAt, end } = inspection;
  const stop = Math.min(end, transportAt + (bytes[transportAt + 12]! >> 4) * 4);
  for (let at = transportAt + 20; at < stop; ) {
    const kind = bytes[at]!;
    if (kind === wanted) return true;
    if (kind < 2) at++;
    else at += Math.max(at + 1 < stop ? bytes[at + 1]! : 1, 1);
  }
  return false;
}

/** `-m tcp`. */
export const tcpMatch: MatchKind = {
  name: 'tcp',
  options: [...PORT_OPTIONS, '--syn', '--tcp-flags==', '--tcp-option='],
  isOwnParser: true,
  create: () => new TcpMatch(),
};

/** `-m udp`. */
export const udpMatch: MatchKind = {
  name: 'udp',
  options: PORT_OPTIONS,
  aliases: [
    ['--source-port', '--sport'],
    ['--destination-port', '--dport'],
  ],
  create: () => new PortsMatch('udp', IpProtocol.udp),
};
