/**
 * Published ports of the routing mesh (moby `libnetwork/cnmallocator/portallocator.go`).
 *
 * A published port of 0 takes the next free one of 30000 to 32767, serially, per protocol; a port
 * that is named by an operator is only marked as used. A service keeps a dynamic port over updates
 * as long as name, protocol and target port stay.
 */
import { type PortConfig, PublishMode } from '../objects/endpoint.ts';
import type { Service } from '../objects/service.ts';

const DYNAMIC_PORT_MIN = 30000;
const DYNAMIC_PORT_MAX = 32767;
const PROTOCOL_COUNT = 3;

/** The outcome of an allocation: the ports in the order of the spec, or why there are none. */
export type PortResult = { readonly ports: readonly PortConfig[] } | { readonly failure: string };

/** All published ports of the cluster. */
export class PortAllocator {
  readonly #used: readonly Set<number>[] = Array.from(
    { length: PROTOCOL_COUNT },
    () => new Set<number>(),
  );
  readonly #last: number[] = new Array(PROTOCOL_COUNT).fill(DYNAMIC_PORT_MIN - 1);

  /** True when the allocated ports are what the spec asks for. */
  areAllocated(service: Service): boolean {
    const wanted = service.spec.endpoint?.ports ?? [];
    const actual = service.endpoint?.ports ?? [];
    if (wanted.length !== actual.length) return false;
    return wanted.every((port, i) => {
      const other = actual[i]!;
      if (keyOf(port) !== keyOf(other) || port.publishMode !== other.publishMode) return false;
      if (port.publishMode === PublishMode.host) return port.publishedPort === other.publishedPort;
      return port.publishedPort === 0
        ? other.publishedPort !== 0
        : port.publishedPort === other.publishedPort;
    });
  }

  /** Allocates what the spec asks for and releases what it no longer asks for. */
  allocate(service: Service): PortResult {
    const before = (service.endpoint?.ports ?? []).filter(isIngressPort);
    for (const port of before) this.#usedOf(port).delete(port.publishedPort);
    const ports: PortConfig[] = [];
    for (const wanted of service.spec.endpoint?.ports ?? []) {
      const allocated = this.#allocateOne(wanted, before);
      if (typeof allocated === 'string') {
        for (const port of ports) if (isIngressPort(port)) this.#release(port);
        for (const port of before) this.#usedOf(port).add(port.publishedPort);
        return { failure: allocated };
      }
      ports.push(allocated);
    }
    return { ports };
  }

  /** Marks the ports of a service as used that the store says are allocated. */
  restore(service: Service): void {
    for (const port of service.endpoint?.ports ?? []) {
      if (isIngressPort(port)) this.#usedOf(port).add(port.publishedPort);
    }
  }

  /** Gives all ports of a service back. */
  release(service: Service): void {
    for (const port of service.endpoint?.ports ?? []) if (isIngressPort(port)) this.#release(port);
  }

  #allocateOne(wanted: PortConfig, before: readonly PortConfig[]): PortConfig | string {
    if (wanted.publishMode === PublishMode.host) return wanted;
    const used = this.#usedOf(wanted);
    let publishedPort = wanted.publishedPort;
    if (publishedPort === 0) {
      const kept = before.find((port) => keyOf(port) === keyOf(wanted));
      publishedPort =
        kept !== undefined && !used.has(kept.publishedPort)
          ? kept.publishedPort
          : this.#nextDynamicPort(wanted);
      if (publishedPort === 0) return 'requested port is not available: dynamic ports are used up';
    } else if (used.has(publishedPort)) {
      return `port ${publishedPort} is already in use`;
    }
    used.add(publishedPort);
    return { ...wanted, publishedPort };
  }

  #nextDynamicPort(port: PortConfig): number {
    const used = this.#usedOf(port);
    let candidate = this.#last[port.protocol]!;
    for (let i = DYNAMIC_PORT_MIN; i <= DYNAMIC_PORT_MAX; i++) {
      candidate = candidate >= DYNAMIC_PORT_MAX ? DYNAMIC_PORT_MIN : candidate + 1;
      if (used.has(candidate)) continue;
      this.#last[port.protocol] = candidate;
      return candidate;
    }
    return 0;
  }

  #usedOf(port: PortConfig): Set<number> {
    return this.#used[port.protocol]!;
  }

  #release(port: PortConfig): void {
    this.#usedOf(port).delete(port.publishedPort);
  }
}

/** True for a port of the routing mesh. */
export function isIngressPort(port: PortConfig): boolean {
  return port.publishMode === PublishMode.ingress;
}

function keyOf(port: PortConfig): string {
  return `${port.name}/${port.protocol}/${port.targetPort}`;
}
