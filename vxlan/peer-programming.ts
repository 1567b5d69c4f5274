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
 * is. Generation 2 counts without looking: taking away a claim that was never programmed makes its
 * count -1 and removes the *other* claim's neighbour entry, so that counts and kernel drift apart and
 * a later claim of that host is not programmed at all; and what it restores may be the claim of a
 * local endpoint, which gets a neighbour entry on the VXLAN device. Mirrors moby osl/neigh_linux.go and
 * drivers/overlay/peerdb.go (`addNeighbor`, `deleteNeighbor`) with internal/countmap.
 */
import { formatMac, type Mac } from '../wire/addresses.ts';
import { formatIp, type IpAddress } from '../wire/ip-address.ts';
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
  /** Later ones: how many peers share a forwarding entry; generation 2 counts below zero. */
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
    switch (this.#generation) {
      case 1:
        return this.#removeBelieved(device, peer);
      case 2:
        return this.#removeCounted(device, peer);
      case 3:
        return this.#removeChecked(device, peer);
    }
  }

  #addBelieved(device: VxlanDevice, peer: Peer): ProgrammingFailure | undefined {
    const neighbourKey = keyOf(peer.address, peer.mac);
    if (this.#believed.has(neighbourKey))
      return this.#presentInList('neighbor', peer.address, peer);
    if (!device.namespace.neighbours.setPermanent(device, peer.address, peer.mac)) {
      return tableFull(peer);
    }
    this.#believed.add(neighbourKey);
    const forwardingKey = keyOf(peer.vtep, peer.mac);
    if (this.#believed.has(forwardingKey)) return this.#presentInList('fdb', peer.vtep, peer);
    if (!device.fits(peer.vtep)) {
      const entry = `${formatIp(peer.vtep)} ${formatMac(peer.mac)}`;
      const text =
        `could not add fdb entry for eid:${peer.endpointId} into the sandbox:` +
        `could not add neighbor entry:${entry} error:address family not supported by protocol`;
      return { text, isPresent: false, isMissing: false };
    }
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

  #presentInList(what: string, address: IpAddress, peer: Peer): ProgrammingFailure {
    const reason = searchText(address, peer.mac, true);
    const text = `could not add ${what} entry for eid:${peer.endpointId} into the sandbox:${reason}`;
    return { text, isPresent: true, isMissing: false };
  }

  #missingInList(what: string, address: IpAddress, peer: Peer): ProgrammingFailure {
    const reason = searchText(address, peer.mac, false);
    const text = `could not delete ${what} entry for eid:${peer.endpointId} into the sandbox:${reason}`;
    return { text, isPresent: false, isMissing: what === 'fdb' };
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
    if (!neighbours.setPermanent(device, peer.address, peer.mac)) return tableFull(peer);
    if (this.#count(peer, 1) !== 1) return undefined;
    if (peer.vtep === 0) {
      if (this.#generation === 3) {
        this.#count(peer, -1);
        neighbours.remove(device, peer.address);
      }
      return withoutVtep(device, peer);
    }
    if (!device.fits(peer.vtep)) {
      const entry = `${formatIp(peer.vtep)} ${formatMac(peer.mac)}`;
      const what = 'could not add fdb entry into the sandbox: could not add neighbor entry';
      const text = `peer add operation failed: ${what} ${entry}: address family not supported by protocol`;
      return { text, isPresent: false, isMissing: false };
    }
    const { nowNs } = device.underlay.world;
    if (this.#generation === 3) device.fdb.replace(peer.mac, peer.vtep, nowNs);
    else if (!device.fdb.add(peer.mac, peer.vtep, nowNs)) {
      return present(device, 'could not add fdb entry into the sandbox', peer.vtep, peer);
    }
    return undefined;
  }

  /** Generation 2: the forwarding entry when the count says so, then the neighbour in any case. */
  #removeCounted(device: VxlanDevice, peer: Peer): ProgrammingFailure | undefined {
    if (this.#count(peer, -1) === 0 && !removeForwarding(device, peer)) {
      return missing(device, 'could not delete fdb entry in the sandbox: ', peer.vtep, peer);
    }
    return this.#removeNeighbour(device, peer);
  }

  /** Generation 3: what was never programmed is refused before anything is touched. */
  #removeChecked(device: VxlanDevice, peer: Peer): ProgrammingFailure | undefined {
    if ((this.#forwardingCounts.get(keyOf(peer.vtep, peer.mac)) ?? 0) === 0) {
      return missing(device, 'fdb entry was not programmed into sandbox: ', peer.vtep, peer);
    }
    const failure = this.#removeNeighbour(device, peer);
    if (failure !== undefined) return failure;
    if (this.#count(peer, -1) === 0) removeForwarding(device, peer);
    return undefined;
  }

  /** The kernel looks for the address alone; generation 2 does not recognise that it is missing. */
  #removeNeighbour(device: VxlanDevice, peer: Peer): ProgrammingFailure | undefined {
    if (device.namespace.neighbours.remove(device, peer.address)) return undefined;
    const what = 'could not delete neighbor entry in the sandbox:';
    return { ...missing(device, what, peer.address, peer), isMissing: this.#generation === 3 };
  }

  /** Adds to the count of a forwarding entry and tells the sum (`countmap.Add`). */
  #count(peer: Peer, delta: 1 | -1): number {
    const key = keyOf(peer.vtep, peer.mac);
    const count = (this.#forwardingCounts.get(key) ?? 0) + delta;
    if (count === 0) this.#forwardingCounts.delete(key);
    else this.#forwardingCounts.set(key, count);
    return count;
  }
}

/**
 * The VXLAN's entry, and what the bridge has learned about the MAC address on that port; false when
 * the first was not there.
 */
export function removeForwarding(device: VxlanDevice, peer: Peer): boolean {
  const wasThere = device.fdb.remove(peer.mac, peer.vtep);
  const port = device.bridgePort;
  if (port === undefined) return wasThere;
  const learned = port.bridge.fdb.find(peer.mac, device.underlay.world.nowNs);
  if (learned?.port === port && !learned.isLocal) port.bridge.fdb.remove(peer.mac);
  return wasThere;
}

function keyOf(address: IpAddress, mac: Mac): string {
  return `${address} ${mac}`;
}

function searchText(address: IpAddress, mac: Mac, isPresent: boolean): string {
  const where = `IP ${formatIp(address)}, mac ${formatMac(mac)}`;
  return `Search neighbor failed for ${where}, present in db:${isPresent}`;
}

function present(
  device: VxlanDevice,
  what: string,
  address: IpAddress,
  peer: Peer,
): ProgrammingFailure {
  const where = nameOf(device, address, peer);
  const text = `peer add operation failed: ${what}: neighbor entry already exists for ${where}`;
  return { text, isPresent: true, isMissing: false };
}

/** The kernel's neighbour table is full (`ENOBUFS`); the peer has no forwarding entry either. */
export function tableFull({ endpointId }: Peer): ProgrammingFailure {
  const text = `could not add neighbor entry for eid:${endpointId} into the sandbox:no buffer space available`;
  return { text, isPresent: false, isMissing: false };
}

function missing(
  device: VxlanDevice,
  what: string,
  address: IpAddress,
  peer: Peer,
): ProgrammingFailure {
  const where = nameOf(device, address, peer);
  const text = `Peer delete operation failed: ${what}neighbor entry not found for ${where}`;
  return { text, isPresent: false, isMissing: true };
}

/** The claim of a local endpoint has no VTEP, and the kernel takes no forwarding entry without one. */
function withoutVtep(device: VxlanDevice, peer: Peer): ProgrammingFailure {
  const where = `mac ${formatMac(peer.mac)}, link ${device.name}`;
  const what = 'could not add fdb entry into the sandbox: could not add neighbor entry';
  const text = `peer delete operation failed: ${what} ${where}: address family not supported by protocol`;
  return { text, isPresent: false, isMissing: false };
}

function nameOf(device: VxlanDevice, address: IpAddress, peer: Peer): string {
  return `IP ${formatIp(address)}, mac ${formatMac(peer.mac)}, link ${device.name}`;
}
