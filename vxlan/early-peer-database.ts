/**
 * The peer database of two overlay drivers of 2017, before an address became a set of claims: an
 * address with its MAC address has one claim, and a newer one takes its place.
 *
 * - `17.06` reads the wrong field when a peer goes, and so never looks its claim up: it forgets that
 *   it programmed a forwarding entry, and leaves kernel and database as they are.
 * - `17.07` looks it up; when a newer claim has taken its place, it forgets and leaves the kernel.
 *
 * So a task that comes to this host with its address finds a permanent forwarding entry for its MAC
 * address that leads to the host where it was: with 17.06 always, with 17.07 when the DELETE is late.
 * Neither driver hears when a local endpoint leaves. Mirrors libnetwork drivers/overlay/peerdb.go and
 * osl/neigh_linux.go before its pull requests 1903 and 1935.
 */
import { formatIpv4Address, formatMac, type Ipv4Address } from '../wire/addresses.ts';
import type { DeviceFinder, Peer, Peers } from './peer-database.ts';
import { removeForwarding, tableFull } from './peer-programming.ts';
import type { VxlanDevice } from './vxlan-device.ts';

/** The drivers. */
export const EARLY_DRIVERS = ['17.06', '17.07'] as const;
/** One of {@link EARLY_DRIVERS}. */
export type EarlyDriver = (typeof EARLY_DRIVERS)[number];

/** The claims of one network. */
export class EarlyPeerDatabase implements Peers {
  readonly #driver: EarlyDriver;
  readonly #warn: (text: string) => void;
  readonly #claims = new Map<string, Peer>();
  /** What libnetwork believes to be in the kernel. */
  readonly #believed = new Set<string>();
  #deviceOf: DeviceFinder | undefined;

  /** `warn` hears what dockerd would log. */
  constructor(driver: EarlyDriver, warn: (text: string) => void = () => {}) {
    this.#driver = driver;
    this.#warn = warn;
  }

  get peers(): Peer[] {
    return [...this.#claims.values()];
  }

  attach(deviceOf: DeviceFinder): void {
    this.#deviceOf = deviceOf;
  }

  replay(): void {
    for (const claim of this.#claims.values()) if (claim.vtep !== 0) this.#program(claim);
  }

  detach(): void {
    this.#deviceOf = undefined;
    this.#believed.clear();
  }

  add(peer: Peer): string | undefined {
    this.#claims.set(keyOf(peer.address, peer), peer);
    return peer.vtep === 0 ? undefined : this.#program(peer);
  }

  remove(peer: Peer): string | undefined {
    if (peer.vtep === 0) return undefined;
    const claim = this.#driver === '17.06' ? undefined : this.#takeClaim(peer);
    const device = this.#deviceOf?.(peer.address);
    if (device === undefined) return undefined;
    if (typeof device === 'string') return this.#fail(device);
    const isClaimed = claim?.endpointId === peer.endpointId;
    const isThere = claim?.vtep === peer.vtep;
    if (isClaimed === isThere) {
      if (!this.#believed.delete(keyOf(peer.vtep, peer))) return this.#fail(missing('fdb'));
      if (isClaimed) removeForwarding(device, peer);
    }
    if (!isClaimed) return undefined;
    if (!this.#believed.delete(keyOf(peer.address, peer))) return this.#fail(missing('neighbor'));
    device.namespace.neighbours.remove(device, peer.address);
    return undefined;
  }

  /** The claim on the peer's address; taken out when it is the peer's own. */
  #takeClaim(peer: Peer): Peer | undefined {
    const key = keyOf(peer.address, peer);
    const claim = this.#claims.get(key);
    if (claim?.endpointId === peer.endpointId) this.#claims.delete(key);
    return claim;
  }

  #program(peer: Peer): string | undefined {
    const device = this.#deviceOf?.(peer.address);
    if (device === undefined) return undefined;
    if (typeof device === 'string') return this.#fail(device);
    if (
      this.#isNews(peer.address, peer) &&
      !device.namespace.neighbours.setPermanent(device, peer.address, peer.mac)
    ) {
      this.#believed.delete(keyOf(peer.address, peer));
      return this.#fail(tableFull(peer).text);
    }
    if (this.#isNews(peer.vtep, peer)) replaceForwarding(device, peer);
    return undefined;
  }

  /** True when an entry was not believed to be there yet, and is from now on. */
  #isNews(address: Ipv4Address, peer: Peer): boolean {
    const key = keyOf(address, peer);
    if (!this.#believed.has(key)) {
      this.#believed.add(key);
      return true;
    }
    const where = `IP ${formatIpv4Address(address)}, mac ${formatMac(peer.mac)}`;
    this.#warn(`Neighbor entry already present for ${where}`);
    return false;
  }

  #fail(reason: string): string {
    const text = `Peer operation failed:${reason}`;
    this.#warn(text);
    return text;
  }
}

function replaceForwarding(device: VxlanDevice, { mac, vtep }: Peer): void {
  device.fdb.replace(mac, vtep, device.underlay.world.nowNs);
}

function missing(what: 'fdb' | 'neighbor'): string {
  return `could not delete ${what} entry into the sandbox: could not find the neighbor entry to delete`;
}

function keyOf(address: Ipv4Address, { mac }: Peer): string {
  return `${address} ${mac}`;
}
