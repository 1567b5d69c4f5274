/**
 * The `recent` match: named lists of addresses with the times at which they were last seen.
 * Mirrors `extensions/libxt_recent.c` and `net/netfilter/xt_recent.c`.
 */
import { SECOND_NS } from '../../../../sim/time.ts';
import { formatIpv4Address, parseIpv4Address } from '../../../../wire/addresses.ts';
import { ttlOf } from '../../../../wire/ipv4.ts';
import type { Match, MatchKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { cannotBeUsedWith, outOfRange } from '../../options.ts';

/** Stamps an entry keeps, and entries a list keeps (`ip_list_tot`). */
const STAMPS_MAX = 255;
const ENTRIES_MAX = 100;

type Check = 'set' | 'rcheck' | 'update' | 'remove';
const CHECK_NAMES = { set: 'SET', rcheck: 'CHECK', update: 'UPDATE', remove: 'REMOVE' } as const;

interface Entry {
  readonly stampsNs: number[];
  ttl: number;
}

class RecentMatch implements Match {
  #check: Check | undefined = undefined;
  #isNegated = false;
  #seconds = 0;
  #hitCount = 0;
  #reaps = false;
  #comparesTtl = false;
  #name = 'DEFAULT';
  #mask = 0xffff_ffff;
  #isDestination = false;

  option(name: string, text: string, isNegated: boolean): string | undefined {
    switch (name) {
      case '--set':
      case '--rcheck':
      case '--update':
      case '--remove':
        if (this.#check !== undefined) return cannotBeUsedWith('recent', name, `--${this.#check}`);
        this.#check = name.slice(2) as Check;
        this.#isNegated = isNegated;
        return undefined;
      case '--name':
        this.#name = text;
        return undefined;
      case '--mask': {
        const mask = parseIpv4Address(text);
        if (mask === undefined) return `recent: Bad value for "--mask" option: "${text}"`;
        this.#mask = mask;
        return undefined;
      }
      case '--seconds':
      case '--hitcount':
        if (!/^[1-9]\d*$/.test(text)) return outOfRange('recent', name, 1, 0xffff_ffff);
        if (name === '--seconds') this.#seconds = Number(text);
        else this.#hitCount = Number(text);
        return undefined;
      default:
        if (name === '--rttl') this.#comparesTtl = true;
        else if (name === '--reap') this.#reaps = true;
        else this.#isDestination = name === '--rdest';
        return undefined;
    }
  }

  finish(): string | undefined {
    if (this.#check !== undefined) return undefined;
    return "recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'";
  }

  isAllowed(): boolean {
    const counts = this.#seconds !== 0 || this.#hitCount !== 0;
    const isPlain = this.#check === 'set' || this.#check === 'remove';
    return !(counts && isPlain) && this.#hitCount <= STAMPS_MAX && !(this.#reaps && !this.#seconds);
  }

  matches(inspection: Inspection): boolean {
    const { namespace, bytes, at } = inspection;
    const list = namespace.tables.shared(`recent ${this.#name}`, () => new Map<number, Entry>());
    const address = this.#isDestination ? inspection.destination : inspection.source;
    const key = (address & this.#mask) >>> 0;
    const { nowNs } = namespace.world;
    const ttl = ttlOf(bytes, at);
    const entry = list.get(key);
    if (entry === undefined || (this.#comparesTtl && entry.ttl !== ttl)) {
      if (this.#check === 'set') remember(list, key, ttl, nowNs);
      return (this.#check === 'set') !== this.#isNegated;
    }
    if (this.#check === 'set') {
      stamp(list, key, entry, ttl, nowNs);
      return !this.#isNegated;
    }
    if (this.#check === 'remove') {
      list.delete(key);
      return !this.#isNegated;
    }
    const isHit = this.#isHit(entry, nowNs);
    if (this.#reaps) reap(entry, nowNs - this.#seconds * SECOND_NS);
    if (this.#check === 'update' && isHit !== this.#isNegated) stamp(list, key, entry, ttl, nowNs);
    return isHit !== this.#isNegated;
  }

  #isHit({ stampsNs }: Entry, nowNs: number): boolean {
    if (this.#seconds === 0 && this.#hitCount === 0) return true;
    const sinceNs = this.#seconds === 0 ? 0 : nowNs - this.#seconds * SECOND_NS;
    let hits = 0;
    for (const stampNs of stampsNs) if (stampNs >= sinceNs) hits++;
    return hits >= Math.max(1, this.#hitCount);
  }

  save(): string {
    let text = `${this.#isNegated ? ' !' : ''} --${this.#check}`;
    if (this.#seconds !== 0) text += ` --seconds ${this.#seconds}`;
    if (this.#reaps) text += ' --reap';
    if (this.#hitCount !== 0) text += ` --hitcount ${this.#hitCount}`;
    if (this.#comparesTtl) text += ' --rttl';
    text += ` --name ${this.#name} --mask ${formatIpv4Address(this.#mask)}`;
    return `${text} --${this.#isDestination ? 'rdest' : 'rsource'}`;
  }

  list(): string {
    let text = `${this.#isNegated ? ' !' : ''} recent: ${CHECK_NAMES[this.#check!]}`;
    if (this.#seconds !== 0) text += ` seconds: ${this.#seconds}`;
    if (this.#reaps) text += ' reap';
    if (this.#hitCount !== 0) text += ` hit_count: ${this.#hitCount}`;
    if (this.#comparesTtl) text += ' TTL-Match';
    const side = this.#isDestination ? 'dest' : 'source';
    return `${text} name: ${this.#name} side: ${side} mask: ${formatIpv4Address(this.#mask)}`;
  }
}

function remember(list: Map<number, Entry>, key: number, ttl: number, nowNs: number): void {
  const [oldest] = list.keys();
  if (list.size >= ENTRIES_MAX && oldest !== undefined) list.delete(oldest);
  list.set(key, { stampsNs: [nowNs], ttl });
}

/** Seen again: it moves to the end of the list, which forgets from the front. */
function stamp(
  list: Map<number, Entry>,
  key: number,
  entry: Entry,
  ttl: number,
  nowNs: number,
): void {
  if (entry.stampsNs.length >= STAMPS_MAX) entry.stampsNs.shift();
  entry.stampsNs.push(nowNs);
  entry.ttl = ttl;
  list.delete(key);
  list.set(key, entry);
}

function reap({ stampsNs }: Entry, sinceNs: number): void {
  while (stampsNs.length > 0 && stampsNs[0]! < sinceNs) stampsNs.shift();
}

/** `-m recent`. */
export const recentMatch: MatchKind = {
  name: 'recent',
  family: 'ipv4',
  options: [
    '--set',
    '--rcheck',
    '--update',
    '--remove',
    '--seconds=',
    '--hitcount=',
    '--reap',
    '--rttl',
    '--name=',
    '--mask=',
    '--rsource',
    '--rdest',
  ],
  create: () => new RecentMatch(),
};
