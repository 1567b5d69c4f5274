/**
 * The schedulers that look for the least loaded destination; the first one in the list wins a tie.
 * `lc` counts connections (`ip_vs_lc.c`), `wlc` divides by the weight (`ip_vs_wlc.c`), `sed` asks
 * how long the next one would wait (`ip_vs_sed.c`), `nq` prefers an idle one (`ip_vs_nq.c`).
 */
import type { Destination, Service } from '../service.ts';
import { canTake, overheadOf, type Scheduler } from './scheduler.ts';

/** The destination with the least load for its share; compared by cross-multiplication. */
function least(
  service: Service,
  loadOf: (destination: Destination) => number,
  shareOf: (destination: Destination) => number,
): Destination | undefined {
  let best: Destination | undefined;
  for (const destination of service.destinations) {
    if (!canTake(destination)) continue;
    if (
      best === undefined ||
      loadOf(destination) * shareOf(best) < loadOf(best) * shareOf(destination)
    ) {
      best = destination;
    }
  }
  return best;
}

const equally = () => 1;
const byWeight = (destination: Destination) => destination.weight;
const expectedDelay = (destination: Destination) => destination.activeCount + 1;
const onChange = () => {};

/** The `lc` scheduler. */
export const lc: Scheduler = {
  name: 'lc',
  schedule: (service) => least(service, overheadOf, equally),
  onChange,
};

/** The `wlc` scheduler. */
export const wlc: Scheduler = {
  name: 'wlc',
  schedule: (service) => least(service, overheadOf, byWeight),
  onChange,
};

/** The `sed` scheduler. */
export const sed: Scheduler = {
  name: 'sed',
  schedule: (service) => least(service, expectedDelay, byWeight),
  onChange,
};

/** The `nq` scheduler. */
export const nq: Scheduler = {
  name: 'nq',
  schedule: (service) =>
    service.destinations.find((d) => canTake(d) && d.activeCount === 0) ??
    least(service, expectedDelay, byWeight),
  onChange,
};
