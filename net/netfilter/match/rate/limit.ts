/**
 * The `limit` match: a token bucket per rule.
 * Mirrors `extensions/libxt_limit.c` and `net/netfilter/xt_limit.c`; credit grows by the virtual
 * nanosecond instead of by the jiffy.
 */
import { SECOND_NS } from '../../../../sim/time.ts';
import type { Match, MatchKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { OUT_OF_RANGE, outOfRange } from '../../options.ts';
import { parseRate, rateText, SCALE } from './rate.ts';

const BURST_MAX = 10_000;
/** The kernel's credits of a second, at 250 ticks (`HZ * CREDITS_PER_JIFFY`). */
const CREDITS_PER_SECOND = 32_000;

class LimitMatch implements Match {
  /** Three an hour. */
  #period = (SCALE * 3600) / 3;
  #burst = 5;
  #costNs = 0;
  #creditNs = -1;
  #updatedAtNs = 0;

  option(name: string, value: string): string | undefined {
    if (name === '--limit-burst') {
      const isBurst = /^\d+$/.test(value) && Number(value) <= BURST_MAX;
      if (!isBurst) return outOfRange('limit', name, 0, BURST_MAX);
      this.#burst = Number(value);
      return undefined;
    }
    const period = parseRate(value);
    if (typeof period === 'string') return period;
    this.#period = period;
    return undefined;
  }

  finish(): string | undefined {
    this.#costNs = (this.#period * SECOND_NS) / SCALE;
    return undefined;
  }

  /** What a burst costs must fit 32 bits (`limit_mt_check`). */
  refusal(): string | undefined {
    const burstCredits = creditsOf((this.#period * this.#burst) % 0x1_0000_0000);
    return this.#burst === 0 || burstCredits < creditsOf(this.#period) ? OUT_OF_RANGE : undefined;
  }

  matches(inspection: Inspection): boolean {
    const nowNs = inspection.namespace.world.nowNs;
    const capNs = this.#costNs * this.#burst;
    if (this.#creditNs < 0) this.#creditNs = capNs;
    else this.#creditNs = Math.min(capNs, this.#creditNs + nowNs - this.#updatedAtNs);
    this.#updatedAtNs = nowNs;
    if (this.#creditNs < this.#costNs) return false;
    this.#creditNs -= this.#costNs;
    return true;
  }

  save(): string {
    const burst = this.#burst === 5 ? '' : ` --limit-burst ${this.#burst}`;
    return ` --limit ${rateText(this.#period)}${burst}`;
  }

  list(): string {
    return ` limit: avg ${rateText(this.#period)} burst ${this.#burst}`;
  }
}

/** `user2credits`. */
function creditsOf(period: number): number {
  const isLarge = period > Math.floor(0xffff_ffff / CREDITS_PER_SECOND);
  if (isLarge) return (Math.floor(period / SCALE) * CREDITS_PER_SECOND) % 0x1_0000_0000;
  return Math.floor((period * CREDITS_PER_SECOND) / SCALE);
}

/** `-m limit`. */
export const limitMatch: MatchKind = {
  name: 'limit',
  options: ['--limit=', '--limit-burst='],
  plain: ['--limit', '--limit-burst'],
  create: () => new LimitMatch(),
};
