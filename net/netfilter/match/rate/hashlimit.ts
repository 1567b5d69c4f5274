/**
 * The `hashlimit` match: a token bucket per address, port or pair of them.
 *
 * Rules that name one table share its buckets. Mirrors `extensions/libxt_hashlimit.c` (revision 3)
 * and `net/netfilter/xt_hashlimit.c`; rates are of packets, not of bytes.
 */
import { SECOND_NS } from '../../../../sim/time.ts';
import { prefixMask } from '../../../../wire/addresses.ts';
import type { Match, MatchKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { portsOf } from '../../inspection.ts';
import { mustBeSpecified, outOfRange } from '../../options.ts';
import { parseRate, rateText, SCALE } from './rate.ts';

interface Bucket {
  creditNs: number;
  updatedAtNs: number;
}

const MODES = ['srcip', 'srcport', 'dstip', 'dstport'] as const;
type Mode = (typeof MODES)[number];
/** The order in which iptables prints them. */
const PRINTED: readonly Mode[] = ['srcip', 'srcport', 'dstip', 'dstport'];
const BURST = 5;
const BURST_MAX = 1_000_000;

class HashlimitMatch implements Match {
  #period: number | undefined = undefined;
  #isAbove = false;
  #burst = BURST;
  #name = '';
  #modes: Mode[] = [];
  #sourceBits = 32;
  #destinationBits = 32;
  #expireMs: number | undefined = undefined;
  /** `--hashlimit-htable-size`, `-max`, `-gcinterval`: kept as text. */
  #sizes = new Map<string, string>();

  option(name: string, text: string): string | undefined {
    switch (name) {
      case '--hashlimit':
      case '--hashlimit-upto':
      case '--hashlimit-above': {
        const period = parseRate(text);
        if (typeof period === 'string') {
          const option = name === '--hashlimit' ? '--hashlimit-upto' : name;
          return `hashlimit: Bad value for "${option}" option: "${text}"`;
        }
        this.#period = period;
        this.#isAbove = name === '--hashlimit-above';
        return undefined;
      }
      case '--hashlimit-name':
        this.#name = text;
        return undefined;
      case '--hashlimit-mode':
        return this.#takeModes(text);
      default:
        return this.#takeNumber(name, text);
    }
  }

  #takeModes(text: string): string | undefined {
    for (const word of text.split(',')) {
      const mode = MODES.find((known) => known === word);
      if (mode === undefined) {
        return `hashlimit: Bad value for "--hashlimit-mode" option: "${text}"`;
      }
      this.#modes.push(mode);
    }
    return undefined;
  }

  #takeNumber(name: string, text: string): string | undefined {
    if (name === '--hashlimit-burst') return this.#takeBurst(text);
    const max = name.endsWith('mask') ? 32 : 0xffff_ffff;
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(number <= max)) return outOfRange('hashlimit', name, 0, max);
    if (name === '--hashlimit-srcmask') this.#sourceBits = number;
    else if (name === '--hashlimit-dstmask') this.#destinationBits = number;
    else if (name === '--hashlimit-htable-expire') this.#expireMs = number;
    else this.#sizes.set(name.slice('--hashlimit-'.length), text);
    return undefined;
  }

  #takeBurst(text: string): string | undefined {
    const burst = /^\d+$/.test(text) ? Number(text) : 0;
    if (burst < 1 || burst > BURST_MAX) {
      return `bad value for option "--hashlimit-burst", or out of range (1-${BURST_MAX}).`;
    }
    this.#burst = burst;
    return undefined;
  }

  finish(): string | undefined {
    if (this.#name === '') return mustBeSpecified('hashlimit', '--hashlimit-name');
    return this.#period === undefined ? 'You have to specify --hashlimit' : undefined;
  }

  matches(inspection: Inspection): boolean {
    const { namespace } = inspection;
    const buckets = namespace.tables.shared(
      `hashlimit ${this.#name}`,
      () => new Map<string, Bucket>(),
    );
    const { nowNs } = namespace.world;
    const costNs = (this.#period! * SECOND_NS) / SCALE;
    const capNs = costNs * this.#burst;
    const key = this.#keyOf(inspection);
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = { creditNs: capNs, updatedAtNs: nowNs };
      buckets.set(key, bucket);
    }
    bucket.creditNs = Math.min(capNs, bucket.creditNs + nowNs - bucket.updatedAtNs);
    bucket.updatedAtNs = nowNs;
    if (bucket.creditNs < costNs) return this.#isAbove;
    bucket.creditNs -= costNs;
    return !this.#isAbove;
  }

  #keyOf(inspection: Inspection): string {
    const { source, destination } = inspection;
    const ports = portsOf(inspection);
    const parts: Readonly<Record<Mode, number>> = {
      srcip: (source & prefixMask(this.#sourceBits)) >>> 0,
      dstip: (destination & prefixMask(this.#destinationBits)) >>> 0,
      srcport: ports.source,
      dstport: ports.destination,
    };
    return this.#modes.map((mode) => parts[mode]).join(' ');
  }

  save(): string {
    const rate = `${this.#isAbove ? 'above' : 'upto'} ${rateText(this.#period!)}`;
    const modes = this.#modes.length === 0 ? '' : ` --hashlimit-mode ${this.#modesText(',')}`;
    return (
      ` --hashlimit-${rate} --hashlimit-burst ${this.#burst}${modes}` +
      ` --hashlimit-name ${this.#name}${this.#tableText(' --hashlimit-')}`
    );
  }

  list(): string {
    const rate = `${this.#isAbove ? 'above' : 'up to'} ${rateText(this.#period!)}`;
    const modes = this.#modes.length === 0 ? '' : ` mode ${this.#modesText('-')}`;
    return ` limit: ${rate} burst ${this.#burst}${modes}${this.#tableText(' ')}`;
  }

  #modesText(separator: string): string {
    return PRINTED.filter((mode) => this.#modes.includes(mode)).join(separator);
  }

  #tableText(before: string): string {
    let text = '';
    for (const [name, value] of this.#sizes) text += `${before}${name} ${value}`;
    if (this.#expireMs !== undefined) text += `${before}htable-expire ${this.#expireMs}`;
    if (this.#sourceBits !== 32) text += `${before}srcmask ${this.#sourceBits}`;
    if (this.#destinationBits !== 32) text += `${before}dstmask ${this.#destinationBits}`;
    return text;
  }
}

/** `-m hashlimit`. */
export const hashlimitMatch: MatchKind = {
  name: 'hashlimit',
  family: 'ipv4',
  options: [
    '--hashlimit=',
    '--hashlimit-upto=',
    '--hashlimit-above=',
    '--hashlimit-srcmask=',
    '--hashlimit-dstmask=',
    '--hashlimit-burst=',
    '--hashlimit-htable-size=',
    '--hashlimit-htable-max=',
    '--hashlimit-htable-gcinterval=',
    '--hashlimit-htable-expire=',
    '--hashlimit-mode=',
    '--hashlimit-name=',
  ],
  create: () => new HashlimitMatch(),
};
