/**
 * Destinations that were removed (`ipvs->dest_trash`): kept while connections use them, and for
 * 120 s after they were last seen idle, so that one that comes back is the one that its connections
 * know. An entry is looked at when somebody asks; nothing waits for it.
 */
import { SECOND_NS } from '../sim/time.ts';
import type { Ipv4Address } from '../wire/addresses.ts';
import type { Destination, Service, ServiceKey } from './service.ts';

/** `IP_VS_DEST_TRASH_PERIOD`, in ns. */
const TRASH_PERIOD_NS = 120 * SECOND_NS;

interface Removed {
  readonly destination: Destination;
  readonly atNs: number;
}

/** The removed destinations of one namespace. */
export class DestinationTrash {
  readonly #nowNs: () => number;
  readonly #onPut: () => void;
  #removed: Removed[] = [];

  /** `onPut` is told behind each destination that comes. */
  constructor(nowNs: () => number, onPut: () => void = () => {}) {
    this.#nowNs = nowNs;
    this.#onPut = onPut;
  }

  /** Takes a destination that has just left its service. */
  put(destination: Destination): void {
    destination.isAvailable = false;
    this.#sweep();
    this.#removed.push({ destination, atNs: this.#nowNs() });
    this.#onPut();
  }

  /** The destination that comes back to a service with the same key, if it is still here. */
  take(service: Service, address: Ipv4Address, port: number): Destination | undefined {
    this.#sweep();
    const index = this.#removed.findIndex(
      ({ destination: d }) =>
        d.address === address && d.port === port && keysEqual(d.service.key, service.key),
    );
    if (index < 0) return undefined;
    const { destination } = this.#removed[index]!;
    this.#removed.splice(index, 1);
    if (destination.service !== service) becomeNewOf(destination, service);
    return destination;
  }

  #sweep(): void {
    if (this.#removed.length === 0) return;
    const oldestNs = this.#nowNs() - TRASH_PERIOD_NS;
    this.#removed = this.#removed.filter(
      ({ destination: d, atNs }) => atNs > oldestNs || d.activeCount + d.inactiveCount > 0,
    );
  }
}

/** The service was made anew: what the destination had counted belongs to the old one. */
function becomeNewOf(destination: Destination, service: Service): void {
  destination.service = service;
  destination.connectionCount = 0;
  destination.inPackets = 0;
  destination.outPackets = 0;
  destination.inBytes = 0;
  destination.outBytes = 0;
}

function keysEqual(a: ServiceKey, b: ServiceKey): boolean {
  if ('fwmark' in a || 'fwmark' in b) {
    return 'fwmark' in a && 'fwmark' in b && a.fwmark === b.fwmark;
  }
  return a.protocol === b.protocol && a.address === b.address && a.port === b.port;
}
