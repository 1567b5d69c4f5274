/**
 * The `limit` match: a token bucket per rule.
 * Mirrors `extensions/libxt_limit.c` and `net/netfilter/xt_limit.c`; credit grows by the virtual
 * nanosecond instead of by the jiffy.
 */
import { SECOND_NS } from '../../../../sim/time.ts';
import type { Match, MatchKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { badInteger, cannotBeInverted } from '../../options.ts';
import { parseRate, rateText, SCALE } from './rate.ts';

class LimitMatch implements Match {
  /** Three an hour. */
  #period = (SCALE * 3600) / 3;
  #burst = 5;
  #isRateGiven = false;
  #costNs = 0;
  #creditNs = -1;
  #updatedAtNs = 0;

  option(name: string, value: string, isNegated: boolean): string | undefined {
    if (isNegated) return cannotBeInverted('limit', name);
    if (name === '--limit-burst') {
      if (!/^\d+$/.test(value) || Number(value) > 10_000) return badInteger('limit', name);
      this.#burst = Number(value);
      return undefined;
    }
    if (this.#isRateGiven) return 'limit: option "--limit" can only be used once.\n';
    this.#isRateGiven = true;
    const period = parseRate(value);
    if (typeof period === 'string') return period;
    this.#period = period;
    return undefined;
  }

  finish(): string | undefined {
    this.#costNs = (this.#period * SECOND_NS) / SCALE;
    return undefined;
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

/** `-m limit`. */
export const limitMatch: MatchKind = {
  name: 'limit',
  options: ['--limit=', '--limit-burst='],
  create: () => new LimitMatch(),
};
