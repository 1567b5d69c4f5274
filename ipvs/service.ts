/**
 * A virtual service and its real servers (`struct ip_vs_service`, `struct ip_vs_dest`).
 *
 * A new destination goes to the head of the list (`__ip_vs_update_dest`), and the schedulers walk
 * the list from its head: of two destinations the younger comes first. One that is removed while
 * connections still use it waits in the trash (`trash.ts`) and is the same one when it comes back.
 */
import type { Ipv4Address } from '../wire/addresses.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import type { DestinationTrash } from './trash.ts';

/** How packets reach a destination: `ipvsadm`'s Masq, Route and Tunnel. */
export type ForwardMethod = 'masq' | 'route' | 'tunnel';

/** Packets and bytes each way, and connections (`struct ip_vs_kstats`). */
export interface Traffic {
  connectionCount: number;
  inPackets: number;
  outPackets: number;
  inBytes: number;
  outBytes: number;
}

/** One real server. */
export interface Destination extends Traffic {
  service: Service;
  readonly address: Ipv4Address;
  /** 0 keeps the packet's own port. */
  readonly port: number;
  weight: number;
  /** The last weight that was not 0. */
  lastWeight: number;
  method: ForwardMethod;
  /** Connections that are established or on their way there, and all others. */
  activeCount: number;
  inactiveCount: number;
  /** Connections from which it gets no new ones, and below which it does again; 0 for never. */
  upperThreshold: number;
  lowerThreshold: number;
  isOverloaded: boolean;
  /** False while it is removed. */
  isAvailable: boolean;
}

/** Clients that are the same to a persistent service, and for how long (`ipvsadm -p -M`). */
export interface Persistence {
  /** After the last use, in ns. */
  readonly timeoutNs: number;
  /** Leading bits of a client's address that count; 32 for each client on its own. */
  readonly maskBits: number;
}

/** What a service answers to: a firewall mark, or an address, port and protocol. */
export type ServiceKey =
  | { readonly fwmark: number }
  | { readonly protocol: number; readonly address: Ipv4Address; readonly port: number };

/** One virtual service. */
export class Service implements Traffic {
  readonly key: ServiceKey;
  scheduler: Scheduler;
  /** In the order of the schedulers: the youngest first. */
  readonly destinations: Destination[] = [];
  /** Where round robin stands in the list; -1 before its head. */
  cursor = -1;
  /** Weighted round robin's weights (`struct ip_vs_wrr_mark`: `cw`, `mw`, `di`). */
  currentWeight = 0;
  highestWeight = 0;
  weightStep = 1;
  /** Bits of `SchedulerFlag`. */
  schedulerFlags = 0;
  /** Each datagram is a connection of its own (`ipvsadm -o`, `IP_VS_SVC_F_ONEPACKET`). */
  isOnePacket = false;
  /** Set when a client comes back to the destination that it had (`IP_VS_SVC_F_PERSISTENT`). */
  persistence: Persistence | undefined = undefined;
  /** What the hashing schedulers look up; empty until they fill it. */
  buckets: Destination[] = [];
  connectionCount = 0;
  inPackets = 0;
  outPackets = 0;
  inBytes = 0;
  outBytes = 0;
  readonly #trash: DestinationTrash;

  constructor(key: ServiceKey, scheduler: Scheduler, trash: DestinationTrash) {
    this.key = key;
    this.scheduler = scheduler;
    this.#trash = trash;
  }

  /** Adds a destination; false when it is there already (`ip_vs_add_dest`). */
  add(address: Ipv4Address, port: number, weight: number, method: ForwardMethod): boolean {
    if (this.find(address, port) !== undefined) return false;
    const revived = this.#trash.take(this, address, port);
    const destination = revived ?? newDestination(this, address, port);
    destination.method = method;
    destination.isAvailable = true;
    becomeWeight(destination, weight);
    this.destinations.unshift(destination);
    if (this.cursor >= 0) this.cursor++;
    this.scheduler.onChange(this);
    return true;
  }

  /** Changes a weight; false when there is no such destination. */
  setWeight(address: Ipv4Address, port: number, weight: number): boolean {
    const destination = this.find(address, port);
    if (destination === undefined) return false;
    becomeWeight(destination, weight);
    this.scheduler.onChange(this);
    return true;
  }

  /** Changes the thresholds of a destination; false when there is no such destination. */
  setThresholds(address: Ipv4Address, port: number, upper: number, lower: number): boolean {
    const destination = this.find(address, port);
    if (destination === undefined) return false;
    if (upper === 0 || upper > destination.upperThreshold) destination.isOverloaded = false;
    destination.upperThreshold = upper;
    destination.lowerThreshold = lower;
    return true;
  }

  /** Removes a destination; round robin that stands on it steps back to its predecessor. */
  remove(address: Ipv4Address, port: number): boolean {
    const index = this.destinations.findIndex((d) => d.address === address && d.port === port);
    if (index < 0) return false;
    const destination = this.destinations[index]!;
    this.destinations.splice(index, 1);
    if (this.cursor >= index) this.cursor--;
    this.#trash.put(destination);
    this.scheduler.onChange(this);
    return true;
  }

  /** The destination with this address and port. */
  find(address: Ipv4Address, port: number): Destination | undefined {
    for (const destination of this.destinations) {
      if (destination.address === address && destination.port === port) return destination;
    }
    return undefined;
  }
}

/** A connection begins: it counts as inactive, and may be one too many (`ip_vs_bind_dest`). */
export function bindConnection(destination: Destination): void {
  destination.inactiveCount++;
  destination.connectionCount++;
  destination.service.connectionCount++;
  const { upperThreshold } = destination;
  if (upperThreshold !== 0 && totalOf(destination) >= upperThreshold) {
    destination.isOverloaded = true;
  }
}

/** A connection ends (`ip_vs_unbind_dest`). */
export function unbindConnection(destination: Destination, isActive: boolean): void {
  if (isActive) destination.activeCount--;
  else destination.inactiveCount--;
  const { upperThreshold, lowerThreshold } = destination;
  if (lowerThreshold !== 0) {
    if (totalOf(destination) < lowerThreshold) destination.isOverloaded = false;
  } else if (upperThreshold === 0 || totalOf(destination) * 4 < upperThreshold * 3) {
    destination.isOverloaded = false;
  }
}

/** Counts a request of so many bytes, IPv4 header included. */
export function countIn(destination: Destination, lengthBytes: number): void {
  destination.inPackets++;
  destination.inBytes += lengthBytes;
  destination.service.inPackets++;
  destination.service.inBytes += lengthBytes;
}

/** Counts a reply, unless its destination was removed. */
export function countOut(destination: Destination, lengthBytes: number): void {
  if (!destination.isAvailable) return;
  destination.outPackets++;
  destination.outBytes += lengthBytes;
  destination.service.outPackets++;
  destination.service.outBytes += lengthBytes;
}

/** Connections of a destination, active or not. */
function totalOf(destination: Destination): number {
  return destination.activeCount + destination.inactiveCount;
}

function becomeWeight(destination: Destination, weight: number): void {
  destination.weight = weight;
  if (weight !== 0) destination.lastWeight = weight;
}

function newDestination(service: Service, address: Ipv4Address, port: number): Destination {
  return {
    service,
    address,
    port,
    weight: 0,
    lastWeight: 0,
    method: 'masq',
    activeCount: 0,
    inactiveCount: 0,
    upperThreshold: 0,
    lowerThreshold: 0,
    isOverloaded: false,
    isAvailable: true,
    connectionCount: 0,
    inPackets: 0,
    outPackets: 0,
    inBytes: 0,
    outBytes: 0,
  };
}
