/**
 * Which ports of a host dockerd has given to containers, per address and protocol
 * (`libnetwork/portallocator`).
 *
 * A port that nobody chose is the next one behind the last, in the range that the kernel gives to
 * outgoing connections. One address does not know of another: that 127.0.0.1:80 clashes with
 * 0.0.0.0:80 is found out by the socket that cannot be bound.
 */
import type { PortProtocol } from '../daemon/requests.ts';

/** A range of ports, both ends included. */
type PortRange = readonly [first: number, last: number];

/** Linux' `ip_local_port_range`. */
const DYNAMIC_RANGE: PortRange = [32_768, 60_999];

/** The ports of one address and protocol. */
interface PortMap {
  readonly taken: Set<number>;
  /** The last port given out of each range, by its text. */
  readonly lastOf: Map<string, number>;
}

/** The ports that a host's containers hold. */
export class PortAllocator {
  readonly #maps = new Map<string, PortMap>();

  /**
   * Takes a port of a range (0 to 0: any); `undefined` when all are taken. `address` is empty for
   * every address.
   */
  take(address: string, protocol: PortProtocol, wanted: PortRange): number | undefined {
    const map = this.#mapOf(address, protocol);
    const [first, last] = wanted[0] === 0 ? DYNAMIC_RANGE : wanted;
    const key = `${first}-${last}`;
    const count = last - first + 1;
    const start = (map.lastOf.get(key) ?? last) - first + 1;
    for (let i = 0; i < count; i++) {
      const port = first + ((start + i) % count);
      if (map.taken.has(port)) continue;
      map.taken.add(port);
      map.lastOf.set(key, port);
      return port;
    }
    return undefined;
  }

  /** Gives a port back. */
  release(address: string, protocol: PortProtocol, port: number): void {
    this.#mapOf(address, protocol).taken.delete(port);
  }

  #mapOf(address: string, protocol: PortProtocol): PortMap {
    const key = `${address} ${protocol}`;
    let map = this.#maps.get(key);
    if (map === undefined) {
      map = { taken: new Set(), lastOf: new Map() };
      this.#maps.set(key, map);
    }
    return map;
  }
}
