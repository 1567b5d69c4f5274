/**
 * Go tickers without events: when the next tick of a period falls, and whether one was missed.
 *
 * A ticker starts with its daemon and its ticks lie at start + k * period; the random stagger of
 * moby's triggerFunc ends before the first tick and only delays the reading of it. Its channel
 * holds one tick, so a handler that blocks past one or more ticks runs again at once when it ends.
 */

/** The first tick strictly after `nowNs`, in ns. */
export function nextTickAfter(startedAtNs: number, periodNs: number, nowNs: number): number {
  return startedAtNs + (Math.floor((nowNs - startedAtNs) / periodNs) + 1) * periodNs;
}

/** True when a tick lies in (fromNs, toNs]: a handler that ran in between has one waiting. */
export function hasTickWithin(
  startedAtNs: number,
  periodNs: number,
  fromNs: number,
  toNs: number,
): boolean {
  return nextTickAfter(startedAtNs, periodNs, fromNs) <= toNs;
}
