/**
 * The TCP endpoints of one namespace that have a peer, by their four-tuple.
 *
 * A `Map` from a 32-bit hash of the tuple to a chain of endpoints: an integer key of that size is
 * not allocated and hashes fast. Mirrors the established hash of net/ipv4/inet_hashtables.c.
 */
import type { IpAddress } from '../../../wire/ip-address.ts';
import type { Packet } from '../../packet.ts';
import type { TcpState } from './state.ts';

/** What a segment can be for: a connection, or what is left of one in TIME-WAIT. */
export interface TcpEndpoint {
  readonly localAddress: IpAddress;
  readonly localPort: number;
  readonly remoteAddress: IpAddress;
  readonly remotePort: number;
  readonly state: TcpState;
  /** The next endpoint with the same hash; the map's. */
  nextInBucket: TcpEndpoint | undefined;
  /** Takes a segment: header at `at`, data up to `end`; the packet starts at its IPv4 header. */
  receive(packet: Packet, at: number, end: number): void;
}

function hashOf(
  localAddress: IpAddress,
  localPort: number,
  remoteAddress: IpAddress,
  remotePort: number,
): number {
  let hash = Math.imul(remoteAddress ^ (remotePort << 16) ^ localPort, 0x9e3779b1);
  hash ^= hash >>> 15;
  hash = Math.imul(hash ^ localAddress, 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

/** Endpoints by four-tuple. */
export class EndpointMap {
  readonly #buckets = new Map<number, TcpEndpoint>();
  size = 0;

  /** The endpoint of this tuple. */
  find(
    localAddress: IpAddress,
    localPort: number,
    remoteAddress: IpAddress,
    remotePort: number,
  ): TcpEndpoint | undefined {
    const hash = hashOf(localAddress, localPort, remoteAddress, remotePort);
    let endpoint = this.#buckets.get(hash);
    while (
      endpoint !== undefined &&
      (endpoint.localPort !== localPort ||
        endpoint.remotePort !== remotePort ||
        endpoint.remoteAddress !== remoteAddress ||
        endpoint.localAddress !== localAddress)
    ) {
      endpoint = endpoint.nextInBucket;
    }
    return endpoint;
  }

  /** Adds an endpoint whose tuple is not there. */
  add(endpoint: TcpEndpoint): void {
    const hash = hashOfEndpoint(endpoint);
    endpoint.nextInBucket = this.#buckets.get(hash);
    this.#buckets.set(hash, endpoint);
    this.size++;
  }

  /** Takes an endpoint out; false when it is not there. */
  remove(endpoint: TcpEndpoint): boolean {
    const hash = hashOfEndpoint(endpoint);
    let other = this.#buckets.get(hash);
    if (other === endpoint) {
      if (endpoint.nextInBucket === undefined) this.#buckets.delete(hash);
      else this.#buckets.set(hash, endpoint.nextInBucket);
    } else {
      while (other !== undefined && other.nextInBucket !== endpoint) other = other.nextInBucket;
      if (other === undefined) return false;
      other.nextInBucket = endpoint.nextInBucket;
    }
    endpoint.nextInBucket = undefined;
    this.size--;
    return true;
  }

  /** All endpoints, oldest hash first. */
  list(): TcpEndpoint[] {
    const endpoints: TcpEndpoint[] = [];
    for (let endpoint of this.#buckets.values()) {
      for (;;) {
        endpoints.push(endpoint);
        if (endpoint.nextInBucket === undefined) break;
        endpoint = endpoint.nextInBucket;
      }
    }
    return endpoints;
  }
}

function hashOfEndpoint(endpoint: TcpEndpoint): number {
  const { localAddress, localPort, remoteAddress, remotePort } = endpoint;
  return hashOf(localAddress, localPort, remoteAddress, remotePort);
}
