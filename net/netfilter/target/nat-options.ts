/**
 * The options that the four NAT targets share: addresses, ports, randomness.
 * Mirrors `extensions/libxt_NAT.c`.
 */
import { formatIp, type IpAddress, isIpv6Address, parseIp } from '../../../wire/ip-address.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import { NextHeader } from '../../../wire/ipv6/header.ts';
import { type NatRange, nullRange } from '../../conntrack/nat-select.ts';
import type { RuleHead } from '../extension.ts';
import { mustBeSpecified } from '../options.ts';
import { parsePort } from '../protocols.ts';

const PORT_PROTOCOLS: readonly number[] = [
  IpProtocol.tcp,
  IpProtocol.udp,
  IpProtocol.sctp,
  IpProtocol.icmp,
  NextHeader.icmpv6,
  33,
];
const NEEDS_PORTS = 'Need TCP, UDP, SCTP or DCCP with port specification';

/** The range that a NAT rule maps to, parsed from its options. */
export class NatOptions {
  readonly range: NatRange = { ...nullRange(), mapsAddress: false };
  readonly #name: string;
  readonly #required: string | undefined;
  readonly #isIpv6: boolean;
  #isGiven = false;

  /** `required` is the option that must be there. */
  constructor(name: string, required?: string, family: 'ipv4' | 'ipv6' = 'ipv4') {
    this.#name = name;
    this.#required = required;
    this.#isIpv6 = family === 'ipv6';
  }

  /** Takes `--random`, `--random-fully` or `--persistent`. */
  takeFlag(name: string): undefined {
    if (name === '--random') this.range.isRandom = true;
    else if (name === '--random-fully') this.range.isFullyRandom = true;
    else this.range.isPersistent = true;
    return undefined;
  }

  /** Takes `[address[-address]][:port[-port[/base]]]`; returns iptables' error text. */
  takeEndpoint(text: string): string | undefined {
    this.#isGiven = true;
    const split = this.#isIpv6 ? splitBracketed(text) : splitAtColon(text);
    if (split === undefined) {
      return this.#isIpv6 && text !== '' ? 'Invalid address format' : `Bad IP address "${text}"`;
    }
    const [addressText, portsText] = split;
    if (portsText !== undefined) {
      const error = this.takePorts(portsText);
      if (error !== undefined) return error;
    }
    if (addressText === '') return undefined;
    const [firstText = '', secondText] = addressText.split('-');
    const first = this.#parse(firstText);
    if (first === undefined) return `Bad IP address "${firstText}"`;
    const second = secondText === undefined ? first : this.#parse(secondText);
    if (second === undefined) return `Bad IP address "${secondText}"`;
    this.range.mapsAddress = true;
    this.range.addressMin = first;
    this.range.addressMax = second;
    return undefined;
  }

  /** Takes `port[-port[/base]]`; returns iptables' error text. */
  takePorts(text: string): string | undefined {
    const [ports = '', baseText] = text.split('/');
    const [firstText = '', secondText] = ports.split('-');
    const first = parseNatPort(firstText);
    if (first === undefined) return `Port \`${firstText}' not valid`;
    const second = secondText === undefined ? first : parseNatPort(secondText);
    if (second === undefined) return `Port range \`${ports}' not valid`;
    if (second < first) return `Port range \`${secondText}' funky`;
    this.range.mapsPort = true;
    this.range.portMin = first;
    this.range.portMax = second;
    if (baseText === undefined) return undefined;
    if (this.#name === 'REDIRECT' || this.#name === 'MASQUERADE') {
      return 'Shifted portmap ranges not supported with this kernel';
    }
    const base = parseNatPort(baseText);
    if (base === undefined || base === 0) return `Port \`${baseText}' not valid`;
    // only DNAT shifts; of SNAT's the kernel takes none, and so prints 0
    this.range.portBase = this.#name === 'DNAT' ? base : 0;
    return undefined;
  }

  /** Checks what must hold at the end; returns iptables' error text. */
  finish(head: RuleHead): string | undefined {
    if (this.#required !== undefined && !this.#isGiven) {
      return mustBeSpecified(this.#name, this.#required);
    }
    if (!this.range.mapsPort) return undefined;
    return PORT_PROTOCOLS.includes(head.protocol) ? undefined : NEEDS_PORTS;
  }

  /** `10.0.0.1-10.0.0.5:80-90`. */
  endpointText(): string {
    const { mapsAddress, addressMin, addressMax, mapsPort } = this.range;
    let text = '';
    if (mapsAddress) {
      text = formatIp(addressMin);
      if (addressMax !== addressMin) text += `-${formatIp(addressMax)}`;
      if (this.#isIpv6 && mapsPort) text = `[${text}]`;
    }
    return mapsPort ? `${text}:${this.portsText()}` : text;
  }

  #parse(text: string): IpAddress | undefined {
    const address = parseIp(text);
    return address === undefined || isIpv6Address(address) !== this.#isIpv6 ? undefined : address;
  }

  /** `80`, `80-90`, `80-90/8000`. */
  portsText(): string {
    const { portMin, portMax, portBase } = this.range;
    const text = portMin === portMax ? `${portMin}` : `${portMin}-${portMax}`;
    return portBase === undefined ? text : `${text}/${portBase}`;
  }

  /** The flags, each after a blank and `prefix`. */
  flagsText(prefix: string): string {
    let text = '';
    if (this.range.isRandom) text += ` ${prefix}random`;
    if (this.range.isFullyRandom) text += ` ${prefix}random-fully`;
    if (this.range.isPersistent) text += ` ${prefix}persistent`;
    return text;
  }
}

/** `address:ports`; undefined when there are more colons, or nothing. */
function splitAtColon(text: string): [string, string | undefined] | undefined {
  const [address = '', ports, ...rest] = text.split(':');
  return text === '' || rest.length > 0 ? undefined : [address, ports];
}

/** `address` or `[address]:ports`, the address without its brackets. */
function splitBracketed(text: string): [string, string | undefined] | undefined {
  if (text === '') return undefined;
  if (!text.startsWith('[')) {
    return /^:[^:]*$/.test(text) ? ['', text.slice(1)] : [text, undefined];
  }
  const match = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  return match === null ? undefined : [match[1]!, match[2]];
}

/** A port or the name of a service. */
function parseNatPort(text: string): number | undefined {
  return /^0x/i.test(text) ? undefined : parsePort(text);
}
