/**
 * A remote peer in the kernel: a neighbour entry (address to MAC) first, a forwarding entry (MAC to
 * VTEP) second; and what happens when one of them is there already. Three generations differ:
 *
 * | | present means | kernel writes | delete |
 * | --- | --- | --- | --- |
 * | 1, up to 28 | in libnetwork's own list of (IP, MAC) | replace | forwarding entry, neighbour |
 * | 2, 29 | in the kernel | create only; FDB counted per (VTEP, MAC) | the same |
 * | 3, after | in the kernel | neighbour: create only; FDB: replace | neighbour, forwarding entry |
 *
 * So in all of them a second claim on an address with the same MAC leaves the forwarding entry as it
 * is. Mirrors moby osl/neigh_linux.go and drivers/overlay/peerdb.go (`addNeighbor`).
 */
import { formatIpv4Address, formatMac, type Ipv4Address, type Mac } from '../wire/addresses.ts';
import type { DeviceFinder, Peer } from './peer-database.ts';
import type { VxlanDevice } from './vxlan-device.ts';

/** Which of the three; that of the engine's NetworkDB. */
export type ProgrammingGeneration = 1 | 2 | 3;

/** Why something was not programmed. */
export interface ProgrammingFailure {
  readonly text: string;
  /** An entry was in the way (`NeighborSearchError`, present). */
  readonly isPresent: boolean;
  /** An entry was not there (`NeighborSearchError`, not present). */
  readonly isMissing: boolean;
}

/** What is programmed in one network's namespace, and how. */
export class PeerProgrammer {
  readonly #generation: ProgrammingGeneration;
  readonly #deviceOf: DeviceFinder;
  /** Generation 1: what libnetwork believes to be there. */
  readonly #believed = new Set<string>();
  /** Later ones: how many peers share a forwarding entry. */
  readonly #forwardingCounts = new Map<string, number>();

  constructor(generation: ProgrammingGeneration, deviceOf: DeviceFinder) {
    this.#generation = generation;
    this.#deviceOf = deviceOf;
  }

  /**
   * Programs a remote peer. `replacesStale` tells that no other claim accounts for a neighbour
   * entry that is there; only generation 3 acts on it.
   */
  add(peer: Peer, replacesStale: boolean): ProgrammingFailure | undefined {
    const device = this.#deviceOf(peer.address);
    if (typeof device === 'string') return { text: device, isPresent: false, isMissing: false };
    return this.#generation === 1
      ? this.#addBelieved(device, peer)
      : this.#addCounted(device, peer, replacesStale);
  }

  /** Takes a remote peer out again. */
  remove(peer: Peer): ProgrammingFailure | undefined {
    const device = this.#deviceOf(peer.address);
    if (typeof device === 'string') return { text: device, isPresent: false, isMissing: false };
    return this.#generation === 1
      ? this.#removeBelieved(device, peer)
      : this.#removeCounted(device, peer);
  }

  #addBelieved(device: VxlanDevice, peer: Peer): ProgrammingFailure | undefined {
    const neighbourKey = keyOf(peer.address, peer.mac);
    if (this.#believed.has(neighbourKey))
      return this.#presentInList('neighbor', peer.address, peer);
    device.namespace.neighbours.setPermanent(device, peer.address, peer.mac);
    this.#believed.add(neighbourKey);
    const forwardingKey = keyOf(peer.vtep, peer.mac);
    if (this.#believed.has(forwardingKey)) return this.#presentInList('fdb', peer.vtep, peer);
    device.fdb.replace(peer.mac, peer.vtep, device.underlay.world.nowNs);
    this.#believed.add(forwardingKey);
    return undefined;
  }

  #removeBelieved(device: VxlanDevice, peer: Peer): ProgrammingFailure | undefined {
    const forwardingKey = keyOf(peer.vtep, peer.mac);
    if (!this.#believed.delete(forwardingKey)) return this.#missingInList('fdb', peer.vtep, peer);
    removeForwarding(device, peer);
    if (!this.#believed.delete(keyOf(peer.address, peer.mac))) {
      return this.#missingInList('neighbor', peer.address, peer);
    }
    device.namespace.neighbours.remove(device, peer.address);
    return undefined;
  }

  #presentInList(what: string, address: Ipv4Address, peer: Peer): ProgrammingFailure {
    const reason = searchText(address, peer.mac, true);
    const text = `could not add ${what} entry for eid:${peer.endpointId} into the sandbox:${reason}`;
    return { text, isPresent: true, isMissing: false };
  }

  #missingInList(what: string, address: Ipv4Address, peer: Peer): ProgrammingFailure {
    const reason = searchText(address, peer.mac, false);
    const text = `could not delete ${what} entry for eid:${peer.endpointId} into the sandbox:${reason}`;
    return { text, isPresent: false, isMissing: true };
  }

  #addCounted(
    device: VxlanDevice,
    peer: Peer,
    replacesStale: boolean,
  ): ProgrammingFailure | undefined {
    const { neighbours } = device.namespace;
    const isPresent = neighbours.find(device, peer.address) !== undefined;
    if (isPresent && !(replacesStale && this.#generation === 3)) {
      return present(device, 'could not add neighbor entry into the sandbox', peer.address, peer);
    }
    neighbours.setPermanent(device, peer.address, peer.mac);
    const key = keyOf(peer.vtep, peer.mac);
    const count = (this.#forwardingCounts.get(key) ?? 0) + 1;
    this.#forwardingCounts.set(key, count);
    if (count > 1) return undefined;
    const { nowNs } = device.underlay.world;
    if (this.#generation === 3) device.fdb.replace(peer.mac, peer.vtep, nowNs);
    else if (!device.fdb.addPermanent(peer.mac, peer.vtep, nowNs)) {
      return present(device, 'could not add fdb entry into the sandbox', peer.vtep, peer);
    }
    return undefined;
  }

  #removeCounted(device: VxlanDevice, peer: Peer): ProgrammingFailure | undefined {
    const key = keyOf(peer.vtep, peer.mac);
    const count = this.#forwardingCounts.get(key) ?? 0;
    if (count === 0) {
      return missing(device, 'fdb entry was not programmed into sandbox', peer.vtep, peer);
    }
    const removeNeighbour = () => {
      if (device.namespace.neighbours.remove(device, peer.address)) return undefined;
      return missing(device, 'could not delete neighbor entry in the sandbox', peer.address, peer);
    };
    if (this.#generation === 3) {
      const failure = removeNeighbour();
      if (failure !== undefined) return failure;
    }
    if (count === 1) {
      this.#forwardingCounts.delete(key);
      removeForwarding(device, peer);
    } else this.#forwardingCounts.set(key, count - 1);
    return this.#generation === 3 ? undefined : removeNeighbour();
  }
}

/** The VXLAN's entry, and what the bridge has learned about the MAC address on that port. */
function removeForwarding(device: VxlanDevice, peer: Peer): void {
  device.fdb.remove(peer.mac, peer.vtep);
  const port = device.bridgePort;
  if (port === undefined) return;
  const learned = port.bridge.fdb.find(peer.mac, device.underlay.world.nowNs);
  if (learned?.port === port && !learned.isLocal) port.bridge.fdb.remove(peer.mac);
}

function keyOf(address: Ipv4Address, mac: Mac): string {
  return `${address} ${mac}`;
}

function searchText(address: Ipv4Address, mac: Mac, isPresent: boolean): string {
  const where = `IP ${formatIpv4Address(address)}, mac ${formatMac(mac)}`;
  return `Search neighbor failed for ${where}, present in db:${isPresent}`;
}

function present(
  device: VxlanDevice,
  what: string,
  address: Ipv4Address,
  peer: Peer,
): ProgrammingFailure {
  const where = nameOf(device, address, peer);
  const text = `peer add operation failed: ${what}: neighbor entry already exists for ${where}`;
  return { text, isPresent: true, isMissing: false };
}

function missing(
  device: VxlanDevice,
  what: string,
  address: Ipv4Address,
  peer: Peer,
): ProgrammingFailure {
  const where = nameOf(device, address, peer);
  const text = `Peer delete operation failed: ${what}: neighbor entry not found for ${where}`;
  return { text, isPresent: false, isMissing: true };
}

function nameOf(device: VxlanDevice, address: Ipv4Address, peer: Peer): string {
  return `IP ${formatIpv4Address(address)}, mac ${formatMac(peer.mac)}, link ${device.name}`;
}
