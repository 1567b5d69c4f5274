/**
 * The schedulers by name, as `ipvsadm -s` takes them. A scheduler that is not here is refused by
 * {@link schedulerOf}'s caller with the kernel's own word.
 */
import { dh, sh } from './hashed.ts';
import { lc, nq, sed, wlc } from './least.ts';
import { mh } from './mh.ts';
import { rr } from './rr.ts';
import type { Scheduler } from './scheduler.ts';
import { wrr } from './wrr.ts';

const SCHEDULERS: ReadonlyMap<string, Scheduler> = new Map(
  [rr, wrr, lc, wlc, sed, nq, sh, dh, mh].map((scheduler) => [scheduler.name, scheduler]),
);

/** The scheduler with this name, or `undefined`. */
export function schedulerOf(name: string): Scheduler | undefined {
  return SCHEDULERS.get(name);
}
