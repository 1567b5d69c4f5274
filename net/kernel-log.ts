/**
 * The kernel's log of one host, as `dmesg` reads it: what rules, conntrack, neighbours and routing
 * have to say. Namespaces of containers share it, and mostly may not write to it.
 * Mirrors kernel/printk/printk.c and `net_ratelimit` (net/core/utils.c).
 */
import { SECOND_NS } from '../sim/time.ts';
import type { World } from '../sim/world.ts';

/** Lines that are kept; older ones are overwritten. */
const LINES_MAX = 2000;
/** `net.core.message_burst` messages in `net.core.message_cost` seconds. */
const BURST = 10;
const WINDOW_NS = 5 * SECOND_NS;

/** One line. */
export interface KernelLogLine {
  readonly atNs: number;
  readonly text: string;
}

/** The ring of lines. */
export class KernelLog {
  readonly #world: World;
  #lines: KernelLogLine[] = [];
  #windowAtNs = Number.NEGATIVE_INFINITY;
  #leftCount = BURST;

  constructor(world: World) {
    this.#world = world;
  }

  /** Everything that is kept, the oldest first. */
  get lines(): readonly KernelLogLine[] {
    return this.#lines;
  }

  /** Writes a line. */
  write(text: string): void {
    this.#lines.push({ atNs: this.#world.nowNs, text });
    if (this.#lines.length > LINES_MAX) this.#lines = this.#lines.slice(LINES_MAX / 2);
  }

  /** Writes a line about a packet, unless there were too many of late. */
  writeLimited(text: string): void {
    const { nowNs } = this.#world;
    if (nowNs - this.#windowAtNs > WINDOW_NS) {
      this.#windowAtNs = nowNs;
      this.#leftCount = BURST;
    }
    if (this.#leftCount-- > 0) this.write(text);
  }

  /** Forgets all lines (`dmesg -C`). */
  clear(): void {
    this.#lines = [];
  }
}
