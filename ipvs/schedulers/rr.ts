/**
 * Round robin (`ip_vs_rr.c`): the destination after the last one, skipping those that are quiesced
 * (weight 0) or overloaded. The cursor is the index of the last choice; -1 is before the head.
 */
import type { Destination, Service } from '../service.ts';
import { canTake, type Scheduler } from './scheduler.ts';

/** The `rr` scheduler. */
export const rr: Scheduler = {
  name: 'rr',
  schedule(service: Service): Destination | undefined {
    const count = service.destinations.length;
    for (let step = 1; step <= count; step++) {
      const index = (service.cursor + step) % count;
      const destination = service.destinations[index]!;
      if (canTake(destination)) {
        service.cursor = index;
        return destination;
      }
    }
    return undefined;
  },
  onChange() {},
};
