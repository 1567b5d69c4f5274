/**
 * A virtual service and its real servers (`struct ip_vs_service`, `struct ip_vs_dest`).
 *
 * Destinations stand in the order of their insertion, which is the order in which the schedulers
 * walk them. A destination that is removed while connections still use it is no longer available;
 * its connections find out with their next packet.
 */
import type { Ipv4Address } from '../wire/addresses.ts';
import type { Scheduler } from './schedulers/scheduler.ts';

/** How packets reach a destination: `ipvsadm`'s Masq, Route and Tunnel. */
export type ForwardMethod = 'masq' | 'route' | 'tunnel';

/** One real server. */
export interface Destination {
  readonly address: Ipv4Address;
  /** 0 keeps the packet's own port. */
  readonly port: number;
  weight: number;
  readonly method: ForwardMethod;
  /** Connections in ESTABLISHED, and all others. */
  activeCount: number;
  inactiveCount: number;
  /** Total of connections that it got, and packets and bytes each way. */
  connectionCount: number;
  inPackets: number;
  outPackets: number;
  inBytes: number;
  outBytes: number;
  upperThreshold: number;
  lowerThreshold: number;
  isOverloaded: boolean;
  /** False once it was removed. */
  isAvailable: boolean;
}

/** What a service answers to: a firewall mark, or an address, port and protocol. */
export type ServiceKey =
  | { readonly fwmark: number }
  | { readonly protocol: number; readonly address: Ipv4Address; readonly port: number };

/** One virtual service. */
export class Service {
  readonly key: ServiceKey;
  readonly scheduler: Scheduler;
  readonly destinations: Destination[] = [];
  /** The scheduler's memory: where it stands in the list, what weight it is at. */
  cursor = -1;
  currentWeight = 0;
  connectionCount = 0;
  inPackets = 0;
  outPackets = 0;
  inBytes = 0;
  outBytes = 0;

  constructor(key: ServiceKey, scheduler: Scheduler) {
    this.key = key;
    this.scheduler = scheduler;
  }

  /** Adds a destination at the tail; false when it is there already. */
  add(address: Ipv4Address, port: number, weight: number, method: ForwardMethod): boolean {
    if (this.find(address, port) !== undefined) return false;
    this.destinations.push({
      address,
      port,
      weight,
      method,
      activeCount: 0,
      inactiveCount: 0,
      connectionCount: 0,
      inPackets: 0,
      outPackets: 0,
      inBytes: 0,
      outBytes: 0,
      upperThreshold: 0,
      lowerThreshold: 0,
      isOverloaded: false,
      isAvailable: true,
    });
    this.scheduler.onChange(this);
    return true;
  }

  /** Changes a weight; false when there is no such destination. */
  setWeight(address: Ipv4Address, port: number, weight: number): boolean {
    const destination = this.find(address, port);
    if (destination === undefined) return false;
    destination.weight = weight;
    this.scheduler.onChange(this);
    return true;
  }

  /** Removes a destination; a scheduler that stands on it steps back to its predecessor. */
  remove(address: Ipv4Address, port: number): boolean {
    const index = this.destinations.findIndex((d) => d.address === address && d.port === port);
    if (index < 0) return false;
    this.destinations[index]!.isAvailable = false;
    this.destinations.splice(index, 1);
    if (this.cursor >= index) this.cursor--;
    this.scheduler.onChange(this);
    return true;
  }

  /** The destination with this address and port. */
  find(address: Ipv4Address, port: number): Destination | undefined {
    return this.destinations.find((d) => d.address === address && d.port === port);
  }
}
