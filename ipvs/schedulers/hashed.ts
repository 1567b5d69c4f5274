/**
 * The schedulers that look a hash of an address up in a table of 256 buckets: `sh` by the client's
 * (`ip_vs_sh.c`), `dh` by the destination's (`ip_vs_dh.c`). The buckets are dealt out in list order,
 * by `sh` as many in a row as the weight says. A bucket whose destination is away has none.
 */
import type { Destination, Service } from '../service.ts';
import { canTake, type Scheduler } from './scheduler.ts';

const BUCKET_COUNT = 256;
const GOLDEN_RATIO_32 = 0x61c8_8647;

/** The kernel's `hash_32(value, 8)`. */
function bucketOf(value: number): number {
  return Math.imul(value, GOLDEN_RATIO_32) >>> 24;
}

function chosen(service: Service, address: number): Destination | undefined {
  const destination = service.buckets[bucketOf(address)];
  return destination !== undefined && canTake(destination) ? destination : undefined;
}

/** Deals the buckets out: to each destination `turnsOf` of them, at least one, then the next. */
function deal(service: Service, turnsOf: (destination: Destination) => number): void {
  const { destinations } = service;
  service.buckets = [];
  if (destinations.length === 0) return;
  let index = 0;
  let count = 0;
  while (service.buckets.length < BUCKET_COUNT) {
    const destination = destinations[index]!;
    service.buckets.push(destination);
    if (++count < turnsOf(destination)) continue;
    count = 0;
    index = (index + 1) % destinations.length;
  }
}

/** The `sh` scheduler, without its flags for the port and for a fallback. */
export const sh: Scheduler = {
  name: 'sh',
  schedule: (service, { sourceAddress }) => chosen(service, sourceAddress),
  onChange: (service) => deal(service, (destination) => destination.weight),
};

/** The `dh` scheduler. */
export const dh: Scheduler = {
  name: 'dh',
  schedule: (service, { destinationAddress }) => chosen(service, destinationAddress),
  onChange: (service) => deal(service, () => 1),
};
