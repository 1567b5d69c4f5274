/**
 * The overlay driver's peer database of one network on one host: which endpoints claim an address,
 * and which of them is programmed.
 *
 * An address is a *set* of claims, because events come late and out of order; only one of them is in
 * the kernel. Which, and what is left behind when events cross, is peer-programming.ts' business.
 * Up to Docker 28 the set belongs to an address with its MAC address, from 29 on to the address.
 * Mirrors moby drivers/overlay/peerdb.go.
 */
import { formatIpv4Address, formatMac, type Ipv4Address, type Mac } from '../wire/addresses.ts';
import { formatIp, type IpAddress } from '../wire/ip-address.ts';
import { PeerProgrammer, type ProgrammingGeneration } from './peer-programming.ts';
import type { VxlanDevice } from './vxlan-device.ts';

/** One endpoint's claim on an address; `vtep` is 0 for an endpoint of this host. */
export interface Peer {
  readonly endpointId: string;
  readonly address: Ipv4Address;
  readonly mac: Mac;
  readonly vtep: IpAddress;
}

/** Finds the device that serves an address, making it if need be; an error text when it cannot. */
export type DeviceFinder = (address: Ipv4Address) => VxlanDevice | string;

/** The claims of one network, and what of them is in the kernel. */
export interface Peers {
  /** All claims, for listings and tests. */
  readonly peers: Peer[];
  /** The namespace is there now; what comes from now on is programmed. */
  attach(deviceOf: DeviceFinder): void;
  /** Programs what was known before the namespace was there (`initSandboxPeerDB`). */
  replay(): void;
  /** The namespace is gone; the claims stay. */
  detach(): void;
  /** Adds a claim (`peerAdd`); the error text that dockerd logs, if there is one. */
  add(peer: Peer): string | undefined;
  /** Takes a claim away (`peerDelete`); the error text that dockerd logs, if there is one. */
  remove(peer: Peer): string | undefined;
}

/** Claims as sets: libnetwork since 17.09. */
export class PeerDatabase implements Peers {
  readonly #generation: ProgrammingGeneration;
  readonly #warn: (text: string) => void;
  readonly #byKey = new Map<string | number, Peer[]>();
  /** Undefined until the network has its namespace. */
  #programmer: PeerProgrammer | undefined;

  /** `warn` hears what dockerd would log. */
  constructor(generation: ProgrammingGeneration = 1, warn: (text: string) => void = () => {}) {
    this.#generation = generation;
    this.#warn = warn;
  }

  get peers(): Peer[] {
    return [...this.#byKey.values()].flat();
  }

  attach(deviceOf: DeviceFinder): void {
    this.#programmer = new PeerProgrammer(this.#generation, deviceOf);
  }

  /** Programs the first claim of every set. */
  replay(): void {
    const programmer = this.#programmer;
    if (programmer === undefined) return;
    for (const [first] of this.#byKey.values()) {
      if (first === undefined || first.vtep === 0) continue;
      const failure = programmer.add(first, false);
      if (failure !== undefined) this.#warn(failure.text);
    }
  }

  detach(): void {
    this.#programmer = undefined;
  }

  add(peer: Peer): string | undefined {
    const key = this.#keyOf(peer);
    let peers = this.#byKey.get(key);
    if (peers === undefined) {
      peers = [];
      this.#byKey.set(key, peers);
    }
    const isNew = !peers.some((other) => isSame(other, peer));
    if (isNew) peers.push(peer);
    const count = peers.length;
    if (count !== 1) this.#warnOfTransient('Add', peer, peers);
    if (!isNew) this.#warn(`peerAdd: entry already present in db: ${describe(peer)}`);
    if (peer.vtep === 0 || this.#programmer === undefined) return undefined;
    const failure = this.#programmer.add(peer, isNew && count === 1);
    if (failure === undefined || (failure.isPresent && count > 1)) return undefined;
    this.#warn(failure.text);
    return failure.text;
  }

  remove(peer: Peer): string | undefined {
    const key = this.#keyOf(peer);
    const peers = this.#byKey.get(key) ?? [];
    const index = peers.findIndex((other) => isSame(other, peer));
    if (index >= 0) peers.splice(index, 1);
    else this.#warn(`Peer entry was not in db: ${describe(peer)}`);
    const count = peers.length;
    if (count === 0) this.#byKey.delete(key);
    else this.#warnOfTransient('Delete', peer, peers);
    const programmer = this.#programmer;
    if (programmer === undefined) return undefined;
    if (peer.vtep !== 0) {
      const failure = programmer.remove(peer);
      if (failure !== undefined) {
        // it was never programmed: the one that is stays
        if (count > 0 && failure.isMissing) return undefined;
        this.#warn(failure.text);
        if (this.#generation === 1) return failure.text;
      }
    }
    const next = peers[0];
    if (next === undefined || (next.vtep === 0 && this.#generation === 1)) return undefined;
    const failure = programmer.add(next, false);
    if (failure === undefined) return undefined;
    this.#warn(failure.text);
    return failure.text;
  }

  #keyOf(peer: Peer): string | number {
    return this.#generation === 1 ? `${peer.address} ${peer.mac}` : peer.address;
  }

  #warnOfTransient(verb: 'Add' | 'Delete', peer: Peer, peers: readonly Peer[]): void {
    const key = `${formatIpv4Address(peer.address)} ${formatMac(peer.mac)}`;
    const state = `Set{${peers.map((other) => `{${describe(other)}}`).join(', ')}}`;
    this.#warn(
      this.#generation === 1
        ? `peerDb${verb} transient condition - Key:${key} cardinality:${peers.length} db state:${state}`
        : `peerDb${verb} transient condition: there is more than one endpoint using the same IP`,
    );
  }
}

function isSame(a: Peer, b: Peer): boolean {
  return a.endpointId === b.endpointId && a.mac === b.mac && a.vtep === b.vtep;
}

function describe(peer: Peer): string {
  const vtep = peer.vtep === 0 ? 'local' : formatIp(peer.vtep);
  return `${peer.endpointId} ${formatIpv4Address(peer.address)} ${formatMac(peer.mac)} ${vtep}`;
}
