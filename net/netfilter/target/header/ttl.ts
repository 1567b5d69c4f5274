/**
 * The `TTL` target, and `HL`, which is its like for IPv6's hop limit: sets, raises or lowers it.
 * Mirrors `extensions/libipt_TTL.c`, `libip6t_HL.c` and `net/netfilter/xt_HL.c`.
 */
import { setTtl, ttlOf } from '../../../../wire/ipv4.ts';
import { hopLimitOf } from '../../../../wire/ipv6/header.ts';
import { Outcome, type Target, type TargetKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { outOfRange, parseByte } from '../../options.ts';

type Name = 'TTL' | 'HL';
const WORDS = { set: 'set to', dec: 'decrement by', inc: 'increment by' } as const;

class TtlTarget implements Target {
  readonly #name: Name;
  #change: keyof typeof WORDS | undefined = undefined;
  #count = 0;

  constructor(name: Name) {
    this.#name = name;
  }

  option(name: string, text: string): string | undefined {
    const change = name.slice(name.lastIndexOf('-') + 1) as keyof typeof WORDS;
    const min = change === 'set' ? 0 : 1;
    const count = parseByte(text);
    if (count === undefined || count < min) return outOfRange(this.#name, name, min, 255);
    this.#change = change;
    this.#count = count;
    return undefined;
  }

  finish(): string | undefined {
    return this.#change === undefined ? `${this.#name}: You must specify an action` : undefined;
  }

  run({ bytes, at }: Inspection): Outcome {
    const isHopLimit = this.#name === 'HL';
    let ttl = isHopLimit ? hopLimitOf(bytes, at) : ttlOf(bytes, at);
    if (this.#change === 'inc') ttl = Math.min(255, ttl + this.#count);
    else if (this.#change === 'dec') ttl = Math.max(0, ttl - this.#count);
    else ttl = this.#count;
    if (isHopLimit) bytes[at + 7] = ttl;
    else setTtl(bytes, at, ttl);
    return Outcome.next;
  }

  save(): string {
    return ` --${this.#name.toLowerCase()}-${this.#change} ${this.#count}`;
  }

  list(): string {
    return ` ${this.#name} ${WORDS[this.#change!]} ${this.#count}`;
  }
}

function ttlKind(name: Name, family: 'ipv4' | 'ipv6'): TargetKind {
  const options = ['set', 'dec', 'inc'].map((change) => `--${name.toLowerCase()}-${change}`);
  return {
    name,
    family,
    options: options.map((option) => `${option}=`),
    exclusive: [options],
    tables: ['mangle'],
    create: () => new TtlTarget(name),
  };
}

/** `-j TTL`. */
export const ttlTarget = ttlKind('TTL', 'ipv4');
/** `-j HL`. */
export const hlTarget = ttlKind('HL', 'ipv6');
