/**
 * The `CT` and `NOTRACK` targets: what conntrack is to make of a packet that it has not seen yet.
 *
 * `--notrack` makes it leave the packet alone. Helpers, zones and events are taken and printed, and
 * have no effect.
 * Mirrors `extensions/libxt_CT.c` and `net/netfilter/xt_CT.c`.
 */
import { ConnectionState } from '../../packet.ts';
import { Outcome, type RuleHead, type Target, type TargetKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { NO_SUCH_NAME } from '../options.ts';

/** The helpers that a kernel has as modules. */
const HELPERS: readonly string[] = ['ftp', 'tftp', 'irc', 'sip', 'pptp', 'amanda', 'snmp'];
const EVENTS: readonly string[] = [
  'new',
  'related',
  'destroy',
  'reply',
  'assured',
  'protoinfo',
  'helper',
  'mark',
  'natseqinfo',
  'secmark',
];
/** As they are printed. */
const ORDER = ['notrack', 'helper', 'ctevents', 'expevents', 'zone-orig', 'zone-reply', 'zone'];

class CtTarget implements Target {
  readonly #isCt: boolean;
  readonly #values = new Map<string, string>();
  #isKnown = true;

  constructor(isCt: boolean) {
    this.#isCt = isCt;
    if (!isCt) this.#values.set('notrack', '');
  }

  option(name: string, value: string): string | undefined {
    const what = name.slice(2);
    if (what === 'timeout') this.#isKnown = false;
    else if (what.startsWith('zone')) {
      const isNumber = /^\d+$/.test(value) && Number(value) <= 0xffff;
      if (!isNumber && value !== 'mark') return `Cannot parse ${value} as a zone ID`;
      this.#takeZone(what, value);
    } else if (what === 'ctevents' || what === 'expevents') {
      const unknown = value.split(',').find((event) => !EVENTS.includes(event));
      if (unknown !== undefined) return `Unknown event type "${unknown}"`;
      this.#values.set(what, value);
    } else this.#values.set(what, value);
    return undefined;
  }

  /** There is one zone, of packets in one direction or of all. */
  #takeZone(what: string, value: string): void {
    const other = what === 'zone-orig' ? 'zone-reply' : 'zone-orig';
    const isSecond = what !== 'zone' && this.#values.has(other);
    const isOfAll = what === 'zone' && !this.#values.has('zone-orig') && !this.#values.has(other);
    const before = ['zone-orig', 'zone-reply'].find((each) => this.#values.has(each));
    for (const each of ['zone', 'zone-orig', 'zone-reply']) this.#values.delete(each);
    this.#values.set(isSecond || isOfAll ? 'zone' : what === 'zone' ? before! : what, value);
  }

  finish(): string | undefined {
    return undefined;
  }

  isAllowed(): boolean {
    return this.#isKnown;
  }

  /** The kernel loads helpers by name and protocol, and knows no other. */
  refusal({ protocol, isProtocolNegated }: RuleHead): string | undefined {
    const helper = this.#values.get('helper');
    if (helper !== undefined && (protocol === 0 || isProtocolNegated)) return NO_SUCH_NAME;
    return helper === undefined || HELPERS.includes(helper) ? undefined : NO_SUCH_NAME;
  }

  run({ packet }: Inspection): Outcome {
    if (packet.connection === undefined && this.#values.has('notrack')) {
      packet.connectionState = ConnectionState.untracked;
    }
    return Outcome.next;
  }

  save(): string {
    return this.#isCt ? this.#text(' --') : '';
  }

  list(): string {
    return this.#isCt ? ` CT${this.#text(' ')}` : ' NOTRACK';
  }

  #text(before: string): string {
    let text = '';
    for (const what of ORDER) {
      const value = this.#values.get(what);
      if (value !== undefined) text += `${before}${what}${value === '' ? '' : ` ${value}`}`;
    }
    return text;
  }
}

/** `-j NOTRACK`. */
export const notrackTarget: TargetKind = {
  name: 'NOTRACK',
  options: [],
  tables: ['raw'],
  listedName: 'CT',
  create: () => new CtTarget(false),
};

/** `-j CT`. */
export const ctTarget: TargetKind = {
  name: 'CT',
  options: [
    '--notrack',
    '--helper=',
    '--timeout=',
    '--ctevents=',
    '--expevents=',
    '--zone=',
    '--zone-orig=',
    '--zone-reply=',
  ],
  tables: ['raw'],
  create: () => new CtTarget(true),
};
