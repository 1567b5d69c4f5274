/**
 * The neighbours of one namespace in one family: look-up, resolution with its timers, and the packets
 * that wait. What ARP and neighbour discovery do differently is a {@link NeighbourProtocol}.
 *
 * Entries hang on their devices. A packet to a connected neighbour costs a map read; any other one
 * goes through the states of {@link Neighbour}. When resolution fails, the packets that waited are
 * answered with an ICMP error. The thresholds of garbage collection are the kernel's, so the counts
 * are the host's. Mirrors net/core/neighbour.c.
 */

import { type DrawKey, drawUnit, keyOf } from '../../sim/chance.ts';
import { NO_EVENT } from '../../sim/event-queue.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { Mac } from '../../wire/addresses.ts';
import { ETHERNET_HEADER_BYTES, writeEthernetHeader } from '../../wire/ethernet.ts';
import { formatIp, type IpAddress } from '../../wire/ip-address.ts';
import type { Device } from '../device/device.ts';
import { SendResult } from '../ip/send-result.ts';
import type { Namespace } from '../namespace.ts';
import type { Packet } from '../packet.ts';
import { CONNECTED, Neighbour, NeighbourState } from './neighbour.ts';

const { incomplete, reachable, stale, delay, probe, failed, permanent, noArp, none } =
  NeighbourState;
const IN_TIMER = incomplete | delay | probe;
/** How often the reachable time of a device is drawn anew, in ns. */
const REDRAW_INTERVAL_NS = 300 * SECOND_NS;

/** How many entries of a family garbage collection may take, in all namespaces of a host. */
export interface NeighbourCount {
  /** `gc_entries`. */
  count: number;
  /** When entries were last collected, in ns. */
  flushedAtNs: number;
}

/** An address that is answered for (`struct pneigh_entry`). */
export interface NeighbourProxy {
  readonly address: IpAddress;
  /** Undefined for every device. */
  readonly device: Device | undefined;
}

/** What a family has of its own; Linux' `struct neigh_table` and `neigh_ops`. */
export interface NeighbourProtocol {
  readonly etherType: number;
  /** What its tunables begin with: `net.ipv4.neigh.default.`. */
  readonly tunables: string;
  readonly isIpv6: boolean;
  /** The host's count of entries. */
  countOf(namespace: Namespace): NeighbourCount;
  /** `arp_cache`, as the kernel's log calls the table. */
  readonly tableName: string;
  /** Asks for an address: everybody, or whom we know by `mac`; `packet` waits for the answer. */
  solicit(
    namespace: Namespace,
    neighbour: Neighbour,
    mac: Mac | undefined,
    packet: Packet | undefined,
  ): void;
  /** The MAC address of a multicast or broadcast address; 0 for a unicast one. */
  groupMacOf(namespace: Namespace, address: IpAddress): Mac;
  /** Answers a packet that waited in vain. */
  reportUnreachable(namespace: Namespace, packet: Packet): void;
}

/** An IPv4 address as a signed 32-bit integer, which hashes faster. */
function entryKey(address: IpAddress): number {
  return address > 0xffff_ffff ? address : address | 0;
}

/** The neighbours of one namespace. */
export class Neighbours {
  readonly #namespace: Namespace;
  readonly #protocol: NeighbourProtocol;
  readonly #reachableKey: DrawKey;
  #proxies: NeighbourProxy[] = [];
  /** Asked for with nearly every packet, so spelt out here. */
  readonly #baseReachable: string;

  constructor(namespace: Namespace, protocol: NeighbourProtocol) {
    this.#namespace = namespace;
    this.#protocol = protocol;
    this.#baseReachable = `${protocol.tunables}base_reachable_time_ms`;
    const key = namespace.world.chance.key('neighbour.reachable');
    this.#reachableKey = keyOf(key, namespace.nodeIndex);
  }

  /** The addresses that are answered for, as `ip neigh add proxy` gave them. */
  get proxies(): readonly NeighbourProxy[] {
    return this.#proxies;
  }

  /** `ip neigh add proxy`; may do nothing. */
  addProxy(address: IpAddress, device: Device | undefined): void {
    const isSame = (other: NeighbourProxy) => other.address === address && other.device === device;
    if (!this.#proxies.some(isSame)) this.#proxies.push({ address, device });
  }

  /** `ip neigh del proxy`; false when there is none. */
  removeProxy(address: IpAddress, device: Device | undefined): boolean {
    const isSame = (other: NeighbourProxy) => other.address === address && other.device === device;
    const place = this.#proxies.findIndex(isSame);
    if (place >= 0) this.#proxies.splice(place, 1);
    return place >= 0;
  }

  /** A device goes down: nobody is answered for on it any more. */
  removeProxiesOf(device: Device): void {
    this.#proxies = this.#proxies.filter((proxy) => proxy.device !== device);
  }

  /** True when questions for an address are answered on a device. */
  isProxied(device: Device, address: IpAddress): boolean {
    return this.#proxies.some(
      (proxy) => proxy.address === address && (proxy.device ?? device) === device,
    );
  }

  /** All entries by device and age, for listings. */
  list(): Neighbour[] {
    const all: Neighbour[] = [];
    for (const device of this.#namespace.devices.list()) {
      all.push(...this.#entriesOf(device).values());
    }
    return all;
  }

  /** The entry of an address on a device, in whatever state. */
  find(device: Device, address: IpAddress): Neighbour | undefined {
    return this.#entriesOf(device).get(entryKey(address));
  }

  /** The MAC address of a neighbour, if it is known. */
  macOf(device: Device, address: IpAddress): Mac | undefined {
    const neighbour = this.find(device, address);
    return neighbour?.isValid === true ? neighbour.mac : undefined;
  }

  #entriesOf(device: Device): Map<number, Neighbour> {
    return this.#protocol.isIpv6 ? device.neighbours6 : device.neighbours;
  }

  /** The state as of now: REACHABLE has run out when nobody confirmed it in time. */
  stateOf(neighbour: Neighbour): NeighbourState {
    if (neighbour.state === reachable) {
      const nowNs = this.#namespace.world.nowNs;
      if (nowNs > neighbour.confirmedAtNs + this.#reachableNs(neighbour.device)) {
        neighbour.state = stale;
        neighbour.updatedAtNs = nowNs;
      }
    }
    return neighbour.state;
  }

  /**
   * `ip neigh replace <address> lladdr <mac> dev <device> nud permanent`; false when the table is full,
   * which permanent entries fill only in kernels before 5.0.
   */
  setPermanent(device: Device, address: IpAddress, mac: Mac): boolean {
    const neighbour = this.find(device, address) ?? this.#createPermanent(device, address);
    if (neighbour === undefined) return false;
    this.#stopTimer(neighbour);
    neighbour.state = permanent;
    neighbour.mac = mac;
    neighbour.updatedAtNs = this.#namespace.world.nowNs;
    this.#releaseWaiting(neighbour);
    return true;
  }

  /** `ip neigh del`; false when there is none. */
  remove(device: Device, address: IpAddress): boolean {
    const neighbour = this.find(device, address);
    if (neighbour === undefined) return false;
    this.#destroy(neighbour);
    return true;
  }

  /** Removes all entries of a device that goes down, is moved or gets another MAC address. */
  flush(device: Device): void {
    for (const neighbour of [...this.#entriesOf(device).values()]) this.#destroy(neighbour);
  }

  /** Sends a packet (from its IPv4 header on) to a neighbour, or lets it wait for the address. */
  send(device: Device, nextHop: IpAddress, packet: Packet): SendResult {
    let neighbour = this.find(device, nextHop);
    if (neighbour === undefined) {
      if (!device.usesNeighbours) return this.#transmit(device, packet, device.mac);
      const group = this.#protocol.groupMacOf(this.#namespace, nextHop);
      if (group !== 0) return this.#transmit(device, packet, group);
      const created = this.#create(device, nextHop);
      if (created === undefined) {
        this.#namespace.drop(packet, device.name, 'neighbour table overflow');
        return SendResult.ENOBUFS;
      }
      neighbour = created;
    }
    if (packet.confirmsNeighbour) {
      neighbour.confirmedAtNs = this.#namespace.world.nowNs;
      packet.confirmsNeighbour = false;
    }
    if ((this.stateOf(neighbour) & CONNECTED) !== 0) {
      return this.#transmit(device, packet, neighbour.mac);
    }
    return this.#use(neighbour, packet);
  }

  /** A message from a neighbour names its MAC address (`neigh_update` as arp.c calls it). */
  learn(neighbour: Neighbour, mac: Mac, state: NeighbourState, mayOverride: boolean): void {
    const nowNs = this.#namespace.world.nowNs;
    const old = this.stateOf(neighbour);
    if ((old & (permanent | noArp)) !== 0) return;
    const wasValid = neighbour.isValid;
    const isSame = wasValid && neighbour.mac === mac;
    if ((state & CONNECTED) !== 0) neighbour.confirmedAtNs = nowNs;
    let next = state;
    if (wasValid) {
      if (!isSame && !mayOverride) return;
      if (isSame && state === stale) next = old;
    }
    if (next !== old || !isSame) neighbour.updatedAtNs = nowNs;
    if (next !== old) {
      this.#stopTimer(neighbour);
      neighbour.state = next;
      if (next === reachable) neighbour.confirmedAtNs = nowNs;
    }
    if (!isSame) neighbour.mac = mac;
    if (!wasValid) this.#releaseWaiting(neighbour);
  }

  /** Somebody else claims the address, without saying that he may: it is asked again. */
  doubt(neighbour: Neighbour): void {
    neighbour.state = stale;
    neighbour.updatedAtNs = this.#namespace.world.nowNs;
  }

  /** A request from `address` came in: it is there, whatever we knew (`neigh_event_ns`). */
  learnFromRequest(device: Device, address: IpAddress, mac: Mac): Neighbour | undefined {
    const neighbour = this.find(device, address) ?? this.#create(device, address);
    if (neighbour !== undefined) this.learn(neighbour, mac, stale, true);
    return neighbour;
  }

  /** Creates an entry for somebody who announced himself, as `arp_accept` allows. */
  accept(device: Device, address: IpAddress): Neighbour | undefined {
    return this.find(device, address) ?? this.#create(device, address);
  }

  /** `__neigh_event_send`: a packet needs a neighbour that is not connected. */
  #use(neighbour: Neighbour, packet: Packet): SendResult {
    const { nowNs } = this.#namespace.world;
    neighbour.usedAtNs = nowNs;
    const { state, device } = neighbour;
    if (state === stale) {
      this.#become(neighbour, delay, this.#spanNs('delay_first_probe_time', SECOND_NS));
    }
    if (neighbour.isValid) return this.#transmit(device, packet, neighbour.mac);
    this.#wait(neighbour, packet);
    if (state !== incomplete) {
      neighbour.probeCount = 0;
      this.#become(neighbour, incomplete, this.#spanNs('retrans_time_ms', MILLISECOND_NS));
      this.#probe(neighbour);
    }
    return SendResult.sent;
  }

  #wait(neighbour: Neighbour, packet: Packet): void {
    const { waiting, device } = neighbour;
    if (packet.way !== undefined) {
      const detail = `waits for the MAC address of ${formatIp(neighbour.address)}`;
      const { world, name } = this.#namespace;
      packet.way.add(world.nowNs, name, 'route', device.name, '', detail);
    }
    if (waiting.length >= this.#number('unres_qlen')) {
      const oldest = waiting.shift();
      if (oldest !== undefined)
        this.#namespace.drop(oldest, device.name, 'neighbour queue is full');
    }
    waiting.push(packet);
  }

  #become(neighbour: Neighbour, state: NeighbourState, timerNs: number): void {
    const { queue } = this.#namespace.world;
    neighbour.state = state;
    neighbour.updatedAtNs = queue.nowNs;
    this.#arm(neighbour, queue.nowNs + timerNs);
  }

  #arm(neighbour: Neighbour, atNs: number): void {
    const { queue } = this.#namespace.world;
    this.#stopTimer(neighbour);
    neighbour.timer = queue.scheduleCallback(atNs, () => this.#onTimer(neighbour));
  }

  #stopTimer(neighbour: Neighbour): void {
    if (neighbour.timer === NO_EVENT) return;
    this.#namespace.world.queue.cancel(neighbour.timer);
    neighbour.timer = NO_EVENT;
  }

  /** `neigh_timer_handler`. */
  #onTimer(neighbour: Neighbour): void {
    neighbour.timer = NO_EVENT;
    if (!neighbour.isAlive || (neighbour.state & IN_TIMER) === 0) return;
    const { nowNs } = this.#namespace.world;
    const retransNs = this.#spanNs('retrans_time_ms', MILLISECOND_NS);
    if (neighbour.state === delay) {
      const delayNs = this.#spanNs('delay_first_probe_time', SECOND_NS);
      if (nowNs <= neighbour.confirmedAtNs + delayNs) {
        neighbour.state = reachable;
        neighbour.updatedAtNs = nowNs;
        return;
      }
      neighbour.state = probe;
      neighbour.updatedAtNs = nowNs;
      neighbour.probeCount = 0;
    } else {
      const name = neighbour.state === probe ? 'ucast_solicit' : 'mcast_solicit';
      if (neighbour.probeCount >= this.#number(name)) {
        this.#fail(neighbour);
        return;
      }
    }
    this.#arm(neighbour, nowNs + retransNs);
    this.#probe(neighbour);
  }

  #probe(neighbour: Neighbour): void {
    neighbour.probeCount++;
    const mac = neighbour.state === probe ? neighbour.mac : undefined;
    this.#protocol.solicit(this.#namespace, neighbour, mac, neighbour.waiting[0]);
  }

  /** FAILED: those who waited are told (`neigh_invalidate`). */
  #fail(neighbour: Neighbour): void {
    neighbour.state = failed;
    neighbour.updatedAtNs = this.#namespace.world.nowNs;
    const waiting = neighbour.waiting;
    neighbour.waiting = [];
    for (const packet of waiting) {
      this.#namespace.drop(packet, neighbour.device.name, 'neighbour unreachable');
      this.#protocol.reportUnreachable(this.#namespace, packet);
    }
  }

  #releaseWaiting(neighbour: Neighbour): void {
    const waiting = neighbour.waiting;
    if (waiting.length === 0) return;
    neighbour.waiting = [];
    for (const packet of waiting) this.send(neighbour.device, neighbour.address, packet);
  }

  #transmit(device: Device, packet: Packet, mac: Mac): SendResult {
    packet.push(ETHERNET_HEADER_BYTES);
    writeEthernetHeader(packet.bytes, packet.start, mac, device.mac, this.#protocol.etherType);
    device.transmit(packet);
    return SendResult.sent;
  }

  #createPermanent(device: Device, address: IpAddress): Neighbour | undefined {
    const { countsPermanentNeighbours } = this.#namespace.host.kernel;
    return countsPermanentNeighbours
      ? this.#create(device, address)
      : this.#insert(device, address, true);
  }

  #create(device: Device, address: IpAddress): Neighbour | undefined {
    const table = this.#protocol.countOf(this.#namespace);
    if (table.count >= this.#number('gc_thresh1')) this.#collect(this.#namespace.world.nowNs);
    if (table.count >= this.#number('gc_thresh3')) {
      const name = this.#protocol.tableName;
      this.#namespace.host.log.writeLimited(`neighbour: ${name}: neighbor table overflow!`);
      return undefined;
    }
    return this.#insert(device, address, false);
  }

  #insert(device: Device, address: IpAddress, isPermanent: boolean): Neighbour {
    const neighbour = new Neighbour(device, address);
    neighbour.updatedAtNs = this.#namespace.world.nowNs;
    neighbour.usedAtNs = neighbour.updatedAtNs;
    neighbour.confirmedAtNs = neighbour.updatedAtNs;
    neighbour.state = none;
    neighbour.isCounted = !isPermanent;
    if (!isPermanent) this.#protocol.countOf(this.#namespace).count++;
    this.#entriesOf(device).set(entryKey(address), neighbour);
    return neighbour;
  }

  #destroy(neighbour: Neighbour): void {
    this.#stopTimer(neighbour);
    neighbour.isAlive = false;
    if (neighbour.isCounted) this.#protocol.countOf(this.#namespace).count--;
    this.#entriesOf(neighbour.device).delete(entryKey(neighbour.address));
    const waiting = neighbour.waiting;
    neighbour.waiting = [];
    for (const packet of waiting) {
      this.#namespace.drop(packet, neighbour.device.name, 'neighbour was removed');
    }
  }

  /** `neigh_periodic_work` and `neigh_forced_gc`, made when there are many and one more comes. */
  #collect(nowNs: number): void {
    const table = this.#protocol.countOf(this.#namespace);
    const isForced = table.count >= this.#number('gc_thresh2');
    const waitNs = (isForced ? 5 : 15) * SECOND_NS;
    const isFull = table.count >= this.#number('gc_thresh3');
    if (!isFull && nowNs < table.flushedAtNs + waitNs) return;
    table.flushedAtNs = nowNs;
    const staleNs = this.#spanNs('gc_stale_time', SECOND_NS);
    for (const neighbour of this.list()) {
      const state = this.stateOf(neighbour);
      if (!neighbour.isCounted || (state & IN_TIMER) !== 0 || state === permanent) continue;
      const isOld = nowNs >= neighbour.usedAtNs + staleNs && state !== reachable;
      const isYoung = nowNs < neighbour.updatedAtNs + 5 * SECOND_NS;
      if (state === failed || isOld || (isForced && !isYoung)) this.#destroy(neighbour);
    }
  }

  /** 15 to 45 s, drawn anew every 300 s (`neigh_rand_reach_time`). */
  #reachableNs(device: Device): number {
    const baseNs = this.#namespace.sysctls.number(this.#baseReachable) * MILLISECOND_NS;
    const period = Math.floor(this.#namespace.world.nowNs / REDRAW_INTERVAL_NS);
    return Math.floor(baseNs * (0.5 + drawUnit(this.#reachableKey, device.index, period)));
  }

  #number(name: string): number {
    return this.#namespace.sysctls.number(this.#protocol.tunables + name);
  }

  #spanNs(name: string, unitNs: number): number {
    return this.#number(name) * unitNs;
  }
}
