/**
 * Weighted round robin (`ip_vs_wrr.c`): the list is scanned for weights of at least the current
 * one; at its end the current weight drops by the greatest common divisor of all weights, and
 * starts again at the maximum. Any change starts from the head.
 */
import type { Destination, Service } from '../service.ts';
import { canTake, type Scheduler } from './scheduler.ts';

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** The `wrr` scheduler. */
export const wrr: Scheduler = {
  name: 'wrr',
  schedule(service: Service): Destination | undefined {
    const destinations = service.destinations;
    let divisor = 0;
    let maximum = 0;
    for (const destination of destinations) {
      if (destination.weight <= 0) continue;
      divisor = commonDivisor(destination.weight, divisor);
      maximum = Math.max(maximum, destination.weight);
    }
    if (maximum === 0) return undefined;
    const highest = maximum - (divisor - 1);
    const scanLimit = destinations.length * (Math.floor(maximum / divisor) + 1);
    for (let scanned = 0; scanned < scanLimit; scanned++) {
      service.cursor++;
      if (service.cursor >= destinations.length || service.currentWeight <= 0) {
        service.cursor = service.cursor >= destinations.length ? 0 : service.cursor;
        service.currentWeight -= divisor;
        if (service.currentWeight <= 0) service.currentWeight = highest;
      }
      const destination = destinations[service.cursor]!;
      if (canTake(destination) && destination.weight >= service.currentWeight) return destination;
    }
    return undefined;
  },
  onChange(service: Service) {
    service.cursor = -1;
    service.currentWeight = 0;
  },
};
