/**
 * The `hashlimit` match: a token bucket per address, port or pair of them, of packets or of bytes.
 *
 * Rules that name one table share its buckets. Mirrors `extensions/libxt_hashlimit.c` (revision 3)
 * and `net/netfilter/xt_hashlimit.c`; `--hashlimit-rate-match` is not there.
 */
import { SECOND_NS } from '../../../../sim/time.ts';
import { addressBits, type IpAddress, maskedIp } from '../../../../wire/ip-address.ts';
import type { Match, MatchKind, ParseEnvironment } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { portsOf } from '../../inspection.ts';
import { mustBeSpecified, OUT_OF_RANGE, outOfRange, TOO_SHORT } from '../../options.ts';
import { ByteRate, parseByteCount } from './byte-rate.ts';
import { parseRate, rateText, SCALE } from './rate.ts';

interface Bucket {
  /** The bucket's content: time that has not been spent yet. */
  creditNs: number;
  /** Of a rate in bytes: seconds that may be drawn in advance. */
  advances: number;
  updatedAtNs: number;
}

/** In the order in which iptables prints them. */
const MODES = ['srcip', 'srcport', 'dstip', 'dstport'] as const;
type Mode = (typeof MODES)[number];
const BURST = 5;
const BURST_MAX = 1_000_000;
/** The table's own settings, in the order in which they are printed; 0 is not. */
const TABLE_OPTIONS = ['htable-size', 'htable-max', 'htable-gcinterval', 'htable-expire'] as const;
/** The kernel's credits of a second and of a packet's period of 1/10000 s, which must fit 32 bits. */
const CREDITS_PER_SECOND = 32_000;

class HashlimitMatch implements Match {
  #period: number | undefined = undefined;
  #bytes: ByteRate | undefined = undefined;
  #isAbove = false;
  #burst: number | undefined = undefined;
  #burstText = '';
  #name = '';
  readonly #modes = new Set<Mode>();
  readonly #bits: number;
  #sourceBits: number;
  #destinationBits: number;
  readonly #table = new Map<string, number>();

  constructor({ family }: ParseEnvironment) {
    this.#bits = family === 'ipv4' ? 32 : 128;
    this.#sourceBits = this.#bits;
    this.#destinationBits = this.#bits;
  }

  option(name: string, text: string, isNegated: boolean): string | undefined {
    switch (name) {
      case '--hashlimit':
      case '--hashlimit-upto':
      case '--hashlimit-above': {
        this.#isAbove = (name === '--hashlimit-above') !== isNegated;
        this.#bytes = ByteRate.parse(text);
        const period = this.#bytes === undefined ? parseRate(text) : 0;
        if (typeof period === 'string') {
          const option = name === '--hashlimit' ? '--hashlimit-upto' : name;
          return `hashlimit: Bad value for "${option}" option: "${text}"`;
        }
        this.#period = period;
        return undefined;
      }
      case '--hashlimit-name':
        if (text === '') return TOO_SHORT;
        this.#name = text;
        return undefined;
      case '--hashlimit-mode':
        return this.#takeModes(text);
      case '--hashlimit-burst':
        this.#burstText = text;
        return undefined;
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
      this.#modes.add(mode);
    }
    return undefined;
  }

  #takeNumber(name: string, text: string): string | undefined {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(number <= 0xffff_ffff)) return outOfRange('hashlimit', name, 0, 0xffff_ffff);
    if (name === '--hashlimit-srcmask') this.#sourceBits = number;
    else if (name === '--hashlimit-dstmask') this.#destinationBits = number;
    else this.#table.set(name.slice('--hashlimit-'.length), number);
    return undefined;
  }

  finish(): string | undefined {
    if (this.#period === undefined) return 'You have to specify --hashlimit';
    if (this.#name === '') return mustBeSpecified('hashlimit', '--hashlimit-name');
    if (this.#burstText === '') {
      this.#burst = this.#bytes === undefined ? BURST : 0;
      return undefined;
    }
    return this.#bytes === undefined ? this.#takeBurst() : this.#takeByteBurst(this.#bytes);
  }

  #takeBurst(): string | undefined {
    const burst = /^\d+$/.test(this.#burstText) ? Number(this.#burstText) : 0;
    if (burst < 1 || burst > BURST_MAX) {
      return `bad value for option "--hashlimit-burst", or out of range (1-${BURST_MAX}).`;
    }
    this.#burst = burst;
    return undefined;
  }

  #takeByteBurst({ bytesPerSecond }: ByteRate): string | undefined {
    const bytes = parseByteCount(this.#burstText) ?? Number(this.#burstText);
    if (!(bytes >= bytesPerSecond)) return `burst cannot be smaller than ${bytesPerSecond}b`;
    this.#burst = Math.ceil(bytes / bytesPerSecond);
    return undefined;
  }

  isAllowed(): boolean {
    const [isSource, isDestination] = [this.#sourceBits, this.#destinationBits].map(
      (bits) => bits <= this.#bits,
    );
    const isPositive = (name: string) => this.#table.get(name) !== 0;
    return (
      isSource! && isDestination! && isPositive('htable-expire') && isPositive('htable-gcinterval')
    );
  }

  refusal(): string | undefined {
    if (this.#bytes !== undefined) return undefined;
    const seconds = (period: number) => Math.floor((period * CREDITS_PER_SECOND) / SCALE);
    const isTooMuch = seconds(this.#period! * this.#burst!) > 0xffff_ffff;
    return this.#burst === 0 || isTooMuch ? OUT_OF_RANGE : undefined;
  }

  matches(inspection: Inspection): boolean {
    const { namespace } = inspection;
    const buckets = namespace.tables.shared(
      `hashlimit ${this.#name}`,
      () => new Map<string, Bucket>(),
    );
    const { nowNs } = namespace.world;
    const key = this.#keyOf(inspection);
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = { creditNs: this.#capNs, advances: this.#burst!, updatedAtNs: nowNs };
      buckets.set(key, bucket);
    }
    bucket.creditNs = Math.min(this.#capNs, bucket.creditNs + nowNs - bucket.updatedAtNs);
    bucket.updatedAtNs = nowNs;
    const costNs = this.#costNs(inspection, bucket);
    if (bucket.creditNs < costNs) return this.#isAbove;
    bucket.creditNs -= costNs;
    return !this.#isAbove;
  }

  /** A full bucket: a burst of packets, or a second's bytes. */
  get #capNs(): number {
    return this.#bytes === undefined ? this.#periodNs * this.#burst! : SECOND_NS;
  }

  get #periodNs(): number {
    return (this.#period! * SECOND_NS) / SCALE;
  }

  /** `hashlimit_byte_cost`: who lacks credit takes a second in advance, as often as the burst has. */
  #costNs({ at, end }: Inspection, bucket: Bucket): number {
    if (this.#bytes === undefined) return this.#periodNs;
    const costNs = Math.min(this.#bytes.costNs(end - at), SECOND_NS);
    if (bucket.creditNs < costNs && bucket.advances > 0) {
      bucket.advances--;
      bucket.creditNs = SECOND_NS;
    }
    return costNs;
  }

  #keyOf(inspection: Inspection): string {
    const { source, destination } = inspection;
    const ports = portsOf(inspection);
    const parts: Readonly<Record<Mode, () => IpAddress>> = {
      srcip: () => maskedIp(source, Math.min(this.#sourceBits, addressBits(source))),
      dstip: () => maskedIp(destination, Math.min(this.#destinationBits, addressBits(destination))),
      srcport: () => ports.source,
      dstport: () => ports.destination,
    };
    return MODES.map((mode) => (this.#modes.has(mode) ? parts[mode]() : '')).join(' ');
  }

  save(): string {
    const modes = this.#modes.size === 0 ? '' : ` --hashlimit-mode ${this.#modesText(',')}`;
    return (
      ` --hashlimit-${this.#isAbove ? 'above' : 'upto'} ${this.#rateText(' --hashlimit-')}${modes}` +
      ` --hashlimit-name ${this.#name}${this.#tableText(' --hashlimit-')}`
    );
  }

  list(): string {
    const modes = this.#modes.size === 0 ? '' : ` mode ${this.#modesText('-')}`;
    const side = this.#isAbove ? 'above' : 'up to';
    return ` limit: ${side} ${this.#rateText(' ')}${modes}${this.#tableText(' ')}`;
  }

  #rateText(before: string): string {
    if (this.#bytes !== undefined) return this.#bytes.text(this.#burst!, before);
    return `${rateText(this.#period!)}${before}burst ${this.#burst}`;
  }

  #modesText(separator: string): string {
    return MODES.filter((mode) => this.#modes.has(mode)).join(separator);
  }

  #tableText(before: string): string {
    let text = '';
    for (const name of TABLE_OPTIONS) {
      const value = this.#table.get(name) ?? 0;
      if (value !== 0) text += `${before}${name} ${value}`;
    }
    if (this.#sourceBits !== this.#bits) text += `${before}srcmask ${this.#sourceBits}`;
    if (this.#destinationBits !== this.#bits) text += `${before}dstmask ${this.#destinationBits}`;
    return text;
  }
}

/** `-m hashlimit`. */
export const hashlimitMatch: MatchKind = {
  name: 'hashlimit',
  options: [
    '--hashlimit-upto=',
    '--hashlimit=',
    '--hashlimit-above=',
    '--hashlimit-srcmask=',
    '--hashlimit-dstmask=',
    '--hashlimit-burst=',
    ...TABLE_OPTIONS.map((name) => `--hashlimit-${name}=`),
    '--hashlimit-mode=',
    '--hashlimit-name=',
  ],
  aliases: [['--hashlimit-upto', '--hashlimit']],
  exclusive: [['--hashlimit-upto', '--hashlimit-above']],
  plain: [
    '--hashlimit-srcmask',
    '--hashlimit-dstmask',
    '--hashlimit-burst',
    ...TABLE_OPTIONS.map((name) => `--hashlimit-${name}`),
    '--hashlimit-mode',
    '--hashlimit-name',
  ],
  create: (environment) => new HashlimitMatch(environment),
};
