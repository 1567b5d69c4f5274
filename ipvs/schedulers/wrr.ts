/**
 * Weighted round robin (`ip_vs_wrr.c`): the list is scanned for weights of at least the current
 * one; at its end the current weight drops by the greatest common divisor of all weights, and
 * starts again at the maximum. Any change of the list starts from its head, with the current weight
 * kept where it still makes sense.
 */
import type { Destination, Service } from '../service.ts';
import type { Scheduler } from './scheduler.ts';
import { divisorOf } from './weights.ts';

/** The `wrr` scheduler. */
export const wrr: Scheduler = {
  name: 'wrr',

  schedule(service: Service): Destination | undefined {
    if (service.highestWeight === 0) return undefined;
    const { destinations, weightStep, highestWeight } = service;
    const last = service.cursor;
    let index = last;
    let stop = -1;
    let hasRestarted = false;
    let isLastPass = false;
    for (;;) {
      for (index++; index < destinations.length; index++) {
        const destination = destinations[index]!;
        if (!destination.isOverloaded && destination.weight >= service.currentWeight) {
          service.cursor = index;
          return destination;
        }
        if (index === stop) {
          service.cursor = index;
          return undefined;
        }
      }
      index = -1;
      service.currentWeight -= weightStep;
      if (service.currentWeight <= 0) {
        service.currentWeight = highestWeight;
        if (isLastPass || last === -1) {
          service.cursor = -1;
          return undefined;
        }
        hasRestarted = true;
      }
      isLastPass = service.currentWeight <= weightStep;
      if (isLastPass && hasRestarted && last !== -1) stop = last;
    }
  },

  onChange(service: Service): void {
    let maximum = 0;
    for (const { weight } of service.destinations) maximum = Math.max(maximum, weight);
    const step = Math.max(1, divisorOf(service.destinations, weightOf));
    service.cursor = -1;
    service.weightStep = step;
    service.highestWeight = maximum - (step - 1);
    const { currentWeight, highestWeight } = service;
    if (currentWeight > highestWeight || currentWeight === 0) service.currentWeight = highestWeight;
    else if (step > 1) service.currentWeight = Math.floor(currentWeight / step) * step + 1;
  },
};

const weightOf = (destination: Destination) => destination.weight;
