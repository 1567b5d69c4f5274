/**
 * The schedulers that look a hash of an address up in a table of 256 buckets: `sh` by the client's
 * (`ip_vs_sh.c`), `dh` by the destination's (`ip_vs_dh.c`). The buckets are dealt out in list order,
 * by `sh` as many in a row as the weight says. A bucket whose destination is away has none, unless `sh`
 * may fall back to the buckets behind the one that is twice as far.
 */
import type { Destination, Service } from '../service.ts';
import { canTake, type NewConnection, type Scheduler, SchedulerFlag } from './scheduler.ts';

const BUCKET_COUNT = 256;
const GOLDEN_RATIO_32 = 0x61c8_8647;

/** The kernel's `hash_32(value, 8)`. */
function bucketOf(value: number): number {
  return Math.imul(value, GOLDEN_RATIO_32) >>> 24;
}

/** The destination of a bucket, if it may get a connection. */
function chosen(service: Service, bucket: number): Destination | undefined {
  const destination = service.buckets[bucket];
  return destination !== undefined && canTake(destination) ? destination : undefined;
}

/** `ip_vs_sh_get`, and `ip_vs_sh_get_fallback`, whose offset is the first bucket's number and on. */
function bySource(service: Service, connection: NewConnection): Destination | undefined {
  const { schedulerFlags } = service;
  const port = (schedulerFlags & SchedulerFlag.port) === 0 ? 0 : connection.sourcePort;
  const first = bucketOf(connection.sourceAddress + port);
  const destination = chosen(service, first);
  if (destination !== undefined || (schedulerFlags & SchedulerFlag.fallback) === 0) {
    return destination;
  }
  for (let step = 0; step < BUCKET_COUNT; step++) {
    const offset = (first + step) % BUCKET_COUNT;
    const other = chosen(service, (first + offset) % BUCKET_COUNT);
    if (other !== undefined) return other;
  }
  return undefined;
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

/** The `sh` scheduler. */
export const sh: Scheduler = {
  name: 'sh',
  schedule: bySource,
  onChange: (service) => deal(service, (destination) => destination.weight),
};

/** The `dh` scheduler. */
export const dh: Scheduler = {
  name: 'dh',
  schedule: (service, { destinationAddress }) => chosen(service, bucketOf(destinationAddress)),
  onChange: (service) => deal(service, () => 1),
};
