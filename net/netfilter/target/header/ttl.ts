/**
 * The `TTL` target: sets, raises or lowers the TTL. Mirrors `extensions/libipt_TTL.c` and xt_HL.c.
 */
import { setTtl, ttlOf } from '../../../../wire/ipv4.ts';
import { Outcome, type Target, type TargetKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { onlyOnce, outOfRange, parseByte } from '../../options.ts';

const WORDS = { set: 'set to', dec: 'decrement by', inc: 'increment by' } as const;

class TtlTarget implements Target {
  #change: keyof typeof WORDS | undefined = undefined;
  #count = 0;

  option(name: string, text: string): string | undefined {
    if (this.#change !== undefined) return onlyOnce('TTL', name);
    const count = parseByte(text);
    if (count === undefined) return outOfRange('TTL', name, 0, 255);
    this.#change = name.slice('--ttl-'.length) as keyof typeof WORDS;
    this.#count = count;
    return undefined;
  }

  finish(): string | undefined {
    return this.#change === undefined ? 'TTL: You must specify an action' : undefined;
  }

  run({ bytes, at }: Inspection): Outcome {
    let ttl = this.#count;
    if (this.#change === 'inc') ttl = Math.min(255, ttlOf(bytes, at) + this.#count);
    else if (this.#change === 'dec') ttl = Math.max(0, ttlOf(bytes, at) - this.#count);
    setTtl(bytes, at, ttl);
    return Outcome.next;
  }

  save(): string {
    return ` --ttl-${this.#change} ${this.#count}`;
  }

  list(): string {
    return ` TTL ${WORDS[this.#change!]} ${this.#count}`;
  }
}

/** `-j TTL`. */
export const ttlTarget: TargetKind = {
  name: 'TTL',
  family: 'ipv4',
  options: ['--ttl-set=', '--ttl-dec=', '--ttl-inc='],
  tables: ['mangle'],
  create: () => new TtlTarget(),
};
