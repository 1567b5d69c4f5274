/**
 * The `CT` and `NOTRACK` targets: what conntrack is to make of a packet that it has not seen yet.
 *
 * `--notrack` makes it leave the packet alone. Helpers, zones and events are taken and printed, and
 * have no effect.
 * Mirrors `extensions/libxt_CT.c` and `net/netfilter/xt_CT.c`.
 */
import { ConnectionState } from '../../packet.ts';
import { Outcome, type Target, type TargetKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { badEnd } from '../options.ts';

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
      if (!isNumber && value !== 'mark') return badEnd('CT', name, value);
      this.#values.set(what, value);
    } else if (what === 'ctevents' || what === 'expevents') {
      const unknown = value.split(',').find((event) => !EVENTS.includes(event));
      if (unknown !== undefined) return `Unknown event type "${unknown}"`;
      this.#values.set(what, value);
    } else this.#values.set(what, value);
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  isAllowed(): boolean {
    return this.#isKnown;
  }

  /** The kernel loads helpers by name, and knows no other. */
  isKnown(): boolean {
    const helper = this.#values.get('helper');
    return helper === undefined || HELPERS.includes(helper);
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
