/**
 * A scheduler: which destination gets the next connection. Each kernel scheduler is a file that
 * exports one such record; its memory (cursor, weight) is in the service, so one record serves all.
 */
import type { Destination, Service } from '../service.ts';

/** What a scheduler may look at: the connection's ends. */
export interface NewConnection {
  readonly sourceAddress: number;
  readonly sourcePort: number;
  readonly destinationAddress: number;
}

/** The two functions of a scheduler, as `struct ip_vs_scheduler` has them. */
export interface Scheduler {
  /** The name that `ipvsadm` prints. */
  readonly name: string;
  /** Picks a destination, or `undefined` when none is available. */
  schedule(service: Service, connection: NewConnection): Destination | undefined;
  /** Told after a destination came, went or changed its weight. */
  onChange(service: Service): void;
}

/** True when the destination may get a new connection. */
export function canTake(destination: Destination): boolean {
  return destination.weight > 0 && !destination.isOverloaded;
}

/** Connections, weighted as the kernel weighs them (`ip_vs_dest_conn_overhead`). */
export function overheadOf(destination: Destination): number {
  return destination.activeCount * 256 + destination.inactiveCount;
}
