/**
 * Rates in bytes as `hashlimit` takes and prints them (`512kb/s`), kept in chunks of 16 bytes.
 * Mirrors `parse_bytes` and `print_bytes` of `extensions/libxt_hashlimit.c`, `xt_hashlimit_len_to_chunks`.
 */
import { SECOND_NS } from '../../../../sim/time.ts';

const COST_MAX = 0xffff_ffff;
const CHUNK_BYTES = 16;
const UNITS: readonly (readonly [string, number])[] = [
  ['mb', 1024 * 1024],
  ['kb', 1024],
  ['b', 1],
];

/** Bytes of `100b`, `512kb`, `1mb`; undefined for anything else. */
export function parseByteCount(text: string): number | undefined {
  const found = /^(\d+)(b|kb|mb)$/.exec(text);
  if (found === null) return undefined;
  return Number(found[1]) * UNITS.find(([name]) => name === found[2])![1];
}

function costOf(bytesPerSecond: number): number {
  return Math.floor(COST_MAX / (Math.floor(bytesPerSecond / CHUNK_BYTES) + 1));
}

/** So many bytes a second. */
export class ByteRate {
  /** As the kernel's cost of a chunk rounds it. */
  readonly bytesPerSecond: number;
  readonly #cost: number;

  private constructor(bytesPerSecond: number) {
    this.#cost = costOf(bytesPerSecond);
    this.bytesPerSecond = (Math.floor(COST_MAX / this.#cost) - 1) * CHUNK_BYTES;
  }

  /** The rate of `512kb/s`; undefined for what is no rate in bytes. */
  static parse(text: string): ByteRate | undefined {
    const bytes = text.endsWith('/s') ? parseByteCount(text.slice(0, -2)) : undefined;
    return bytes === undefined ? undefined : new ByteRate(bytes);
  }

  /** How much of a second's credit a packet of so many bytes takes, in ns. */
  costNs(lengthBytes: number): number {
    const chunks = Math.floor(lengthBytes / CHUNK_BYTES) + 1;
    return (chunks * this.#cost * SECOND_NS) / COST_MAX;
  }

  /** `512kb/s`, and behind it a burst of so many seconds unless that is 0. */
  text(burst: number, before: string): string {
    const bytes = this.bytesPerSecond;
    const fits = ([, size]: readonly [string, number]) =>
      bytes >= size && costOf(bytes - (bytes % size)) === this.#cost;
    const [name, size] = UNITS.find(fits) ?? UNITS.at(-1)!;
    const rate = `${Math.floor(bytes / size)}${name}/s`;
    if (burst === 0) return rate;
    const total = bytes * burst;
    const [unit, unitBytes] = UNITS.find(([, each]) => total >= each) ?? UNITS.at(-1)!;
    return `${rate}${before}burst ${Math.floor(total / unitBytes)}${unit}`;
  }
}
