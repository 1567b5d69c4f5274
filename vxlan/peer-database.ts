/**
 * The overlay driver's peer database of one network on one host: which endpoints claim an address,
 * and which of them is programmed (`drivers/overlay/peerdb.go`).
 *
 * An address is a *set* of claims, because events come late and out of order. Adding programs the
 * neighbour entry first and the forwarding entry second, and gives up at the first that exists;
 * deleting takes both out and then programs a claim that is left. This is what leaves exactly the
 * stale entries that Docker leaves.
 */
import type { Ipv4Address, Mac } from '../wire/addresses.ts';
import type { VxlanDevice } from './vxlan-device.ts';

/** One endpoint's claim on an address; `vtep` is 0 for an endpoint of this host. */
export interface Peer {
  readonly endpointId: string;
  readonly address: Ipv4Address;
  readonly mac: Mac;
  readonly vtep: Ipv4Address;
}

/** The claims of one network. */
export class PeerDatabase {
  readonly #byAddress = new Map<Ipv4Address, Peer[]>();
  /** The device to program; `undefined` until the network has its namespace. */
  #device: VxlanDevice | undefined;

  /** All claims, for listings and tests. */
  get peers(): Peer[] {
    return [...this.#byAddress.values()].flat();
  }

  /** The namespace is there now: programs every remote peer that is known (`initSandboxPeerDB`). */
  attach(device: VxlanDevice): void {
    this.#device = device;
    for (const peers of this.#byAddress.values()) {
      for (const peer of peers) this.#program(peer);
    }
  }

  /** The namespace is gone; the claims stay. */
  detach(): void {
    this.#device = undefined;
  }

  /** Adds a claim; true when it is alone on its address. */
  add(peer: Peer): boolean {
    const peers = this.#byAddress.get(peer.address);
    if (peers === undefined) this.#byAddress.set(peer.address, [peer]);
    else if (!peers.some((other) => isSame(other, peer))) peers.push(peer);
    this.#program(peer);
    return this.#byAddress.get(peer.address)!.length === 1;
  }

  /** Takes a claim away; false when nobody made it. */
  remove(peer: Peer): boolean {
    const peers = this.#byAddress.get(peer.address);
    const index = peers?.findIndex((other) => isSame(other, peer)) ?? -1;
    if (peers === undefined || index < 0) return false;
    peers.splice(index, 1);
    if (peers.length === 0) this.#byAddress.delete(peer.address);
    this.#unprogram(peer);
    if (peers.length > 0) this.#program(peers[0]!);
    return true;
  }

  #program(peer: Peer): void {
    const device = this.#device;
    if (device === undefined || peer.vtep === 0) return;
    const { neighbours } = device.namespace;
    if (neighbours.find(device, peer.address) !== undefined) return;
    neighbours.setPermanent(device, peer.address, peer.mac);
    device.fdb.addPermanent(peer.mac, peer.vtep, device.underlay.world.nowNs);
  }

  #unprogram(peer: Peer): void {
    const device = this.#device;
    if (device === undefined || peer.vtep === 0) return;
    device.fdb.remove(peer.mac, peer.vtep);
    const { bridgePort } = device;
    const learned = bridgePort?.bridge.fdb.find(peer.mac, device.underlay.world.nowNs);
    if (learned !== undefined && learned.port === bridgePort) {
      bridgePort?.bridge.fdb.remove(peer.mac);
    }
    const { neighbours } = device.namespace;
    if (neighbours.macOf(device, peer.address) === peer.mac) {
      neighbours.remove(device, peer.address);
    }
  }
}

function isSame(a: Peer, b: Peer): boolean {
  return a.endpointId === b.endpointId && a.mac === b.mac && a.vtep === b.vtep;
}
