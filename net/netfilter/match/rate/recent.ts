/**
 * The `recent` match: named lists of addresses with the times at which they were last seen.
 * Mirrors `extensions/libxt_recent.c` and `net/netfilter/xt_recent.c`.
 */
import { SECOND_NS } from '../../../../sim/time.ts';
import { isIpv6 } from '../../../../wire/ip.ts';
import {
  formatIp,
  type IpAddress,
  ipMaskedBy,
  isIpv6Address,
  parseIp,
} from '../../../../wire/ip-address.ts';
import { ttlOf } from '../../../../wire/ipv4.ts';
import { hopLimitOf } from '../../../../wire/ipv6/header.ts';
import type { Match, MatchKind, ParseEnvironment } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { outOfRange } from '../../options.ts';

/** Stamps an entry keeps at most (`XT_RECENT_MAX_NSTAMPS`), and entries a list keeps (`ip_list_tot`). */
const STAMPS_MAX = 65_535;
const NAME_MAX = 199;
const ENTRIES_MAX = 100;

type Check = 'set' | 'rcheck' | 'update' | 'remove';
const CHECK_NAMES = { set: 'SET', rcheck: 'CHECK', update: 'UPDATE', remove: 'REMOVE' } as const;

interface Entry {
  readonly stampsNs: number[];
  ttl: number;
}

const ONES = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';

class RecentMatch implements Match {
  #check: Check | undefined = undefined;
  #isNegated = false;
  #seconds = 0;
  #hitCount = 0;
  #reaps = false;
  #comparesTtl = false;
  #name = 'DEFAULT';
  #mask: IpAddress;
  #isDestination = false;

  constructor({ family }: ParseEnvironment) {
    this.#mask = parseIp(family === 'ipv4' ? '255.255.255.255' : ONES)!;
  }

  option(name: string, text: string, isNegated: boolean): string | undefined {
    switch (name) {
      case '--set':
      case '--rcheck':
      case '--update':
      case '--remove':
        this.#check = name.slice(2) as Check;
        this.#isNegated = isNegated;
        return undefined;
      case '--name':
        this.#name = text.slice(0, NAME_MAX);
        return undefined;
      case '--mask': {
        const mask = parseIp(text);
        if (mask === undefined || isIpv6Address(mask) !== isIpv6Address(this.#mask)) {
          return 'getaddrinfo: Name or service not known\n';
        }
        this.#mask = mask;
        return undefined;
      }
      case '--seconds':
      case '--hitcount': {
        const min = name === '--seconds' ? 1 : 0;
        const isNumber = /^\d+$/.test(text) && Number(text) >= min;
        if (!isNumber) return outOfRange('recent', name, min, 0xffff_ffff);
        if (name === '--seconds') this.#seconds = Number(text);
        else this.#hitCount = Number(text);
        return undefined;
      }
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
    const isName = this.#name !== '' && !this.#name.includes('/');
    return isName && !(counts && isPlain) && this.#hitCount <= STAMPS_MAX;
  }

  matches(inspection: Inspection): boolean {
    const { namespace, bytes, at } = inspection;
    const ttlOfPacket = isIpv6(bytes, at) ? hopLimitOf(bytes, at) : ttlOf(bytes, at);
    const list = namespace.tables.shared(`recent ${this.#name}`, () => new Map<number, Entry>());
    const address = this.#isDestination ? inspection.destination : inspection.source;
    const key = ipMaskedBy(address, this.#mask);
    const { nowNs } = namespace.world;
    const ttl = ttlOfPacket;
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
    text += ` --name ${this.#name} --mask ${formatIp(this.#mask)}`;
    return `${text} --${this.#isDestination ? 'rdest' : 'rsource'}`;
  }

  list(): string {
    let text = `${this.#isNegated ? ' !' : ''} recent: ${CHECK_NAMES[this.#check!]}`;
    if (this.#seconds !== 0) text += ` seconds: ${this.#seconds}`;
    if (this.#reaps) text += ' reap';
    if (this.#hitCount !== 0) text += ` hit_count: ${this.#hitCount}`;
    if (this.#comparesTtl) text += ' TTL-Match';
    const side = this.#isDestination ? 'dest' : 'source';
    return `${text} name: ${this.#name} side: ${side} mask: ${formatIp(this.#mask)}`;
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
  plain: [
    '--seconds',
    '--hitcount',
    '--reap',
    '--rttl',
    '--name',
    '--mask',
    '--rsource',
    '--rdest',
  ],
  exclusive: [
    ['--set', '--rcheck', '--update', '--remove'],
    ['--rttl', '--set'],
    ['--rttl', '--remove'],
  ],
  requires: [['--reap', '--seconds']],
  create: (environment) => new RecentMatch(environment),
};
