/**
 * The `statistic` match: every nth packet, or one by chance.
 *
 * Chance is keyed by the rule's own count of packets. Mirrors `extensions/libxt_statistic.c` and
 * `net/netfilter/xt_statistic.c`.
 */
import { drawUnit, hashText } from '../../../../sim/chance.ts';
import type { Match, MatchKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { outOfRange } from '../../options.ts';

const PARTS = 0x8000_0000;

class StatisticMatch implements Match {
  #mode: 'random' | 'nth' = 'random';
  #probability: number | undefined = undefined;
  #every: number | undefined = undefined;
  #packet: number | undefined = undefined;
  #isNegated = false;
  #count = 0;

  option(name: string, text: string, isNegated: boolean): string | undefined {
    if (name === '--mode') {
      if (text !== 'random' && text !== 'nth') return `Bad mode "${text}"`;
      this.#mode = text;
      return undefined;
    }
    this.#isNegated ||= isNegated;
    if (name === '--probability') {
      const probability = Number(text);
      if (!(probability >= 0 && probability <= 1)) {
        return 'statistic: bad value for option "--probability", or out of range (0-1).\n';
      }
      // the kernel keeps it as so many parts of 2^31
      this.#probability = Math.round(probability * PARTS) / PARTS;
      return undefined;
    }
    const min = name === '--every' ? 1 : 0;
    const isNumber = /^\d+$/.test(text) && Number(text) >= min;
    if (!isNumber) return outOfRange('statistic', name, min, 0xffff_ffff);
    if (name === '--every') this.#every = Number(text);
    else this.#packet = Number(text);
    return undefined;
  }

  finish(): string | undefined {
    const isHalf = (this.#every === undefined) !== (this.#packet === undefined);
    if (isHalf || (this.#probability !== undefined && this.#every !== undefined)) return undefined;
    if (this.#mode === 'random') {
      if (this.#probability !== undefined) return undefined;
      return '--probability must be specified when using random mode';
    }
    if (this.#every === undefined) {
      return '--every and --packet must be specified when using nth mode';
    }
    return this.#packet! < this.#every ? undefined : 'the --packet p must be 0 <= p <= n-1';
  }

  matches({ namespace }: Inspection): boolean {
    const count = this.#count++;
    if (this.#mode === 'random') {
      const key = namespace.world.chance.key('netfilter.statistic');
      const place = hashText(namespace.name + this.save());
      return drawUnit(key, place, count) < this.#probability! !== this.#isNegated;
    }
    return (count % this.#every! === this.#packet!) !== this.#isNegated;
  }

  save(): string {
    const packet = this.#mode === 'nth' ? ` --packet ${this.#packet}` : '';
    return ` --mode ${this.#mode}${this.#text(' --')}${packet}`;
  }

  list(): string {
    const packet = this.#mode === 'nth' && this.#packet !== 0 ? ` packet ${this.#packet}` : '';
    return ` statistic mode ${this.#mode}${this.#text(' ')}${packet}`;
  }

  #text(before: string): string {
    const not = this.#isNegated ? ' !' : '';
    if (this.#mode === 'random') {
      return `${not}${before}probability ${this.#probability!.toFixed(11)}`;
    }
    return `${not}${before}every ${this.#every}`;
  }
}

/** `-m statistic`. */
export const statisticMatch: MatchKind = {
  name: 'statistic',
  options: ['--mode=', '--probability=', '--every=', '--packet='],
  plain: ['--mode', '--packet'],
  exclusive: [
    ['--probability', '--every'],
    ['--probability', '--packet'],
  ],
  requires: [
    ['--every', '--packet'],
    ['--packet', '--every'],
  ],
  create: () => new StatisticMatch(),
};
