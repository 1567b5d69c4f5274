/**
 * The `limit` match: a token bucket per rule.
 * Mirrors `extensions/libxt_limit.c` and `net/netfilter/xt_limit.c`; credit grows by the virtual
 * nanosecond instead of by the jiffy.
 */
import { SECOND_NS } from '../../../sim/time.ts';
import type { Match, MatchKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { badInteger, cannotBeInverted } from '../options.ts';

/** Periods are told in 1/10000 s. */
const SCALE = 10_000;
const UNITS: readonly (readonly [string, number])[] = [
  ['day', SCALE * 86_400],
  ['hour', SCALE * 3_600],
  ['min', SCALE * 60],
  ['sec', SCALE],
];
const UNIT_NAMES: readonly (readonly [string, number])[] = [
  ['second', 1],
  ['minute', 60],
  ['hour', 3_600],
  ['day', 86_400],
];

/** The period of one packet in 1/10000 s, or iptables' error text. */
function parseRate(text: string): number | string {
  const [countText = '', unitText] = text.split('/');
  let unitSeconds = 1;
  if (unitText !== undefined) {
    const unit = UNIT_NAMES.find(([name]) => unitText !== '' && name.startsWith(unitText));
    if (unit === undefined) return `bad rate "${text}"'`;
    unitSeconds = unit[1];
  }
  const count = Number.parseInt(countText, 10);
  if (!(count > 0)) return `bad rate "${text}"'`;
  const period = Math.floor((SCALE * unitSeconds) / count);
  return count / unitSeconds > SCALE || period === 0 ? `Rate too fast "${text}"` : period;
}

function rateText(period: number): string {
  let index = 1;
  for (; index < 4; index++) {
    const scale = UNITS[index]![1];
    if (period > scale || Math.floor(scale / period) < scale % period) break;
  }
  const [name, scale] = UNITS[index - 1]!;
  return `${Math.floor(scale / period)}/${name}`;
}

class LimitMatch implements Match {
  #period = UNITS[1]![1] / 3;
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
