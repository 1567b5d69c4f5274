/**
 * The `quota` match: holds until so many bytes have passed; the first packet that is too much ends
 * it. Mirrors `extensions/libxt_quota.c` and `net/netfilter/xt_quota.c`.
 */
import type { Match, MatchKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { mustBeSpecified } from '../../options.ts';

const QUOTA_MAX = '18446744073709551615';

class QuotaMatch implements Match {
  #quotaBytes: number | undefined = undefined;
  #leftBytes = 0;
  #isNegated = false;

  option(name: string, text: string, isNegated: boolean): string | undefined {
    if (!/^\d+$/.test(text)) {
      return `quota: bad value for option "${name}", or out of range (0-${QUOTA_MAX}).\n`;
    }
    this.#quotaBytes = Number(text);
    this.#leftBytes = this.#quotaBytes;
    this.#isNegated = isNegated;
    return undefined;
  }

  finish(): string | undefined {
    return this.#quotaBytes === undefined ? mustBeSpecified('quota', '--quota') : undefined;
  }

  matches({ at, end }: Inspection): boolean {
    const lengthBytes = end - at;
    if (this.#leftBytes < lengthBytes) {
      this.#leftBytes = 0;
      return this.#isNegated;
    }
    this.#leftBytes -= lengthBytes;
    return !this.#isNegated;
  }

  save(): string {
    return `${this.#isNegated ? ' !' : ''} --quota ${this.#quotaBytes}`;
  }

  list(): string {
    return ` quota: ${this.#quotaBytes} bytes`;
  }
}

/** `-m quota`. */
export const quotaMatch: MatchKind = {
  name: 'quota',
  options: ['--quota='],
  create: () => new QuotaMatch(),
};
