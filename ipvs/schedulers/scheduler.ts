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

/**
 * What a service asks of its scheduler beside its name (`ipvsadm -b`): three flags, of which `sh` and
 * `mh` understand the first two (`IP_VS_SVC_F_SCHED1` to `3`).
 */
export const SchedulerFlag = {
  /** `sh-fallback`, `mh-fallback`: another destination instead of none. */
  fallback: 1,
  /** `sh-port`, `mh-port`: the client's port counts, too. */
  port: 2,
  third: 4,
} as const;

/** True when the destination may get a new connection. */
export function canTake(destination: Destination): boolean {
  return destination.weight > 0 && !destination.isOverloaded;
}

/** Connections, weighted as the kernel weighs them (`ip_vs_dest_conn_overhead`). */
export function overheadOf(destination: Destination): number {
  return destination.activeCount * 256 + destination.inactiveCount;
}
