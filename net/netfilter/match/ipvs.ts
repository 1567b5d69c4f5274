/**
 * The `ipvs` match: has ipvs handled the packet? The virtual address, port and protocol are read
 * from the connection's original tuple, which ipvs leaves alone.
 * Mirrors `extensions/libxt_ipvs.c` and `net/netfilter/xt_ipvs.c`.
 */
import { formatIpv4Address } from '../../../wire/addresses.ts';
import type { Match, MatchKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { parseMaskedAddress } from '../options.ts';
import { parsePort, parseProtocol } from '../protocols.ts';
import { maskText } from '../save.ts';

interface Wanted {
  readonly value: number;
  readonly mask: number;
  readonly isNegated: boolean;
}

class IpvsMatch implements Match {
  #property: boolean | undefined = undefined;
  #protocol: Wanted | undefined = undefined;
  #address: Wanted | undefined = undefined;
  #port: Wanted | undefined = undefined;

  option(name: string, value: string, isNegated: boolean): string | undefined {
    switch (name) {
      case '--ipvs':
        this.#property = !isNegated;
        return undefined;
      case '--vproto': {
        const protocol = parseProtocol(value);
        if (protocol === undefined) return `unknown protocol "${value}" specified`;
        this.#protocol = { value: protocol, mask: 0xff, isNegated };
        return undefined;
      }
      case '--vaddr': {
        const parsed = parseMaskedAddress(value);
        if (typeof parsed === 'string') return parsed;
        this.#address = { value: parsed.address, mask: parsed.mask, isNegated };
        return undefined;
      }
      default: {
        const port = parsePort(value);
        if (port === undefined) return `IPVS: bad value for option "--vport", or out of range.\n`;
        this.#port = { value: port, mask: 0xffff, isNegated };
        return undefined;
      }
    }
  }

  finish(): string | undefined {
    if (this.#property !== undefined || this.#protocol !== undefined) return undefined;
    if (this.#address !== undefined || this.#port !== undefined) return undefined;
    return 'IPVS: At least one option is required';
  }

  matches(inspection: Inspection): boolean {
    const { packet } = inspection;
    if (this.#property !== undefined && packet.ipvsProperty !== this.#property) return false;
    if (this.#protocol === undefined && this.#address === undefined && this.#port === undefined) {
      return true;
    }
    const connection = packet.connection;
    if (!packet.ipvsProperty || connection === undefined) return false;
    const { original } = connection;
    return (
      isWanted(this.#protocol, original.protocol) &&
      isWanted(this.#address, original.destination) &&
      isWanted(this.#port, original.destinationPort)
    );
  }

  save(): string {
    let text = '';
    if (this.#property !== undefined) text += this.#property ? ' --ipvs' : ' ! --ipvs';
    const protocol = this.#protocol;
    if (protocol !== undefined) text += `${not(protocol)} --vproto ${protocol.value}`;
    const address = this.#address;
    if (address !== undefined) {
      const mask = address.mask === 0xffff_ffff ? '' : `/${maskText(address.mask)}`;
      text += `${not(address)} --vaddr ${formatIpv4Address(address.value)}${mask}`;
    }
    const port = this.#port;
    if (port !== undefined) text += `${not(port)} --vport ${port.value}`;
    return text;
  }

  list(): string {
    return this.save().replaceAll('--', '');
  }
}

function not(wanted: Wanted): string {
  return wanted.isNegated ? ' !' : '';
}

function isWanted(wanted: Wanted | undefined, value: number): boolean {
  if (wanted === undefined) return true;
  return (((value & wanted.mask) ^ wanted.value) === 0) !== wanted.isNegated;
}

/** `-m ipvs`. */
export const ipvsMatch: MatchKind = {
  name: 'ipvs',
  family: 'ipv4',
  options: ['--ipvs', '--vproto=', '--vaddr=', '--vport='],
  create: () => new IpvsMatch(),
};
