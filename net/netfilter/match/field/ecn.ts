/**
 * The `ecn` match: congestion notification in the IP and TCP headers.
 * Mirrors `extensions/libxt_ecn.c`.
 */
import { IpProtocol } from '../../../../wire/ipv4.ts';
import type { Match, MatchKind, RuleHead } from '../../extension.ts';
import { serviceByteOf } from '../../header/service-type.ts';
import type { Inspection } from '../../inspection.ts';
import { outOfRange } from '../../options.ts';

const TCP_FLAGS = { cwr: 0x80, ece: 0x40 } as const;

class EcnMatch implements Match {
  /** By flag, whether it is negated. */
  readonly #flags = new Map<keyof typeof TCP_FLAGS, boolean>();
  #ect: { readonly value: number; readonly isNegated: boolean } | undefined = undefined;

  option(name: string, text: string, isNegated: boolean): string | undefined {
    if (name === '--ecn-tcp-cwr') this.#flags.set('cwr', isNegated);
    else if (name === '--ecn-tcp-ece') this.#flags.set('ece', isNegated);
    else if (!/^[0-3]$/.test(text)) return outOfRange('ecn', name, 0, 3);
    else this.#ect = { value: Number(text), isNegated };
    return undefined;
  }

  finish(): string | undefined {
    if (this.#flags.size > 0 || this.#ect !== undefined) return undefined;
    return 'ECN match: some option required';
  }

  isAllowed(head: RuleHead): boolean {
    return this.#flags.size === 0 || (head.protocol === IpProtocol.tcp && !head.isProtocolNegated);
  }

  matches(inspection: Inspection): boolean {
    const { bytes, at, transportAt } = inspection;
    if (this.#ect !== undefined) {
      const holds = (serviceByteOf(bytes, at) & 3) === this.#ect.value;
      if (holds === this.#ect.isNegated) return false;
    }
    if (this.#flags.size > 0 && !inspection.hasTransport(14)) return false;
    for (const [flag, isNegated] of this.#flags) {
      const holds = (bytes[transportAt + 13]! & TCP_FLAGS[flag]) !== 0;
      if (holds === isNegated) return false;
    }
    return true;
  }

  save(): string {
    return this.#text((flag, not) => ` ${not ? '! ' : ''}--ecn-tcp-${flag}`, '--ecn-ip-ect ', '! ');
  }

  list(): string {
    const flag = (name: string, not: boolean) => ` ${not ? '!' : ''}${name.toUpperCase()}`;
    return ` ECN match${this.#text(flag, 'ECT=', '!')}`;
  }

  #text(flagText: (flag: string, not: boolean) => string, ect: string, not: string): string {
    let text = '';
    for (const flag of ['ece', 'cwr'] as const) {
      const isNegated = this.#flags.get(flag);
      if (isNegated !== undefined) text += flagText(flag, isNegated);
    }
    if (this.#ect === undefined) return text;
    return `${text} ${this.#ect.isNegated ? not : ''}${ect}${this.#ect.value}`;
  }
}

/** `-m ecn`. */
export const ecnMatch: MatchKind = {
  name: 'ecn',
  options: ['--ecn-tcp-cwr', '--ecn-tcp-ece', '--ecn-ip-ect='],
  create: () => new EcnMatch(),
};
