/**
 * The ARP cache of one namespace: look-up, resolution with its timers, and the packets that wait.
 *
 * Entries hang on their devices. A packet to a connected neighbour costs a map read; any other one
 * goes through the states of {@link Neighbour}. When resolution fails, the packets that waited are
 * answered with ICMP host unreachable. The thresholds of garbage collection are the kernel's, so
 * the count is the host's. Mirrors net/core/neighbour.c.
 */

import { type DrawKey, drawUnit, keyOf } from '../../sim/chance.ts';
import { NO_EVENT } from '../../sim/event-queue.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import {
  BROADCAST_MAC,
  formatIpv4Address,
  type Ipv4Address,
  isMulticastAddress,
  type Mac,
} from '../../wire/addresses.ts';
import { ETHERNET_HEADER_BYTES, EtherType, writeEthernetHeader } from '../../wire/ethernet.ts';
import { IcmpType, UnreachableCode } from '../../wire/icmp.ts';
import type { Device } from '../device/device.ts';
import { SendResult } from '../ip/send-result.ts';
import type { Namespace } from '../namespace.ts';
import type { Packet } from '../packet.ts';
import { solicit } from './arp.ts';
import { CONNECTED, Neighbour, NeighbourState } from './neighbour.ts';

const { incomplete, reachable, stale, delay, probe, failed, permanent, noArp, none } =
  NeighbourState;
const IN_TIMER = incomplete | delay | probe;
/** How often the reachable time of a device is drawn anew, in ns. */
const REDRAW_INTERVAL_NS = 300 * SECOND_NS;
/** Asked for with nearly every packet, so spelt out here. */
const BASE_REACHABLE = 'net.ipv4.neigh.default.base_reachable_time_ms';

/** The ARP cache of one namespace. */
export class Neighbours {
  readonly #namespace: Namespace;
  readonly #reachableKey: DrawKey;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
    const key = namespace.world.chance.key('neighbour.reachable');
    this.#reachableKey = keyOf(key, namespace.nodeIndex);
  }

  /** All entries by device and age, for listings. */
  list(): Neighbour[] {
    const all: Neighbour[] = [];
    for (const device of this.#namespace.devices.list()) all.push(...device.neighbours.values());
    return all;
  }

  /** The entry of an address on a device, in whatever state. */
  find(device: Device, address: Ipv4Address): Neighbour | undefined {
    return device.neighbours.get(address | 0);
  }

  /** The MAC address of a neighbour, if it is known. */
  macOf(device: Device, address: Ipv4Address): Mac | undefined {
    const neighbour = device.neighbours.get(address | 0);
    return neighbour?.isValid === true ? neighbour.mac : undefined;
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

  /** `ip neigh replace <address> lladdr <mac> dev <device> nud permanent`. */
  setPermanent(device: Device, address: Ipv4Address, mac: Mac): void {
    const neighbour = this.find(device, address) ?? this.#insert(device, address, true);
    this.#stopTimer(neighbour);
    neighbour.state = permanent;
    neighbour.mac = mac;
    neighbour.updatedAtNs = this.#namespace.world.nowNs;
    this.#releaseWaiting(neighbour);
  }

  /** `ip neigh del`; false when there is none. */
  remove(device: Device, address: Ipv4Address): boolean {
    const neighbour = this.find(device, address);
    if (neighbour === undefined) return false;
    this.#destroy(neighbour);
    return true;
  }

  /** Removes all entries of a device that goes down, is moved or gets another MAC address. */
  flush(device: Device): void {
    for (const neighbour of [...device.neighbours.values()]) this.#destroy(neighbour);
  }

  /** Sends a packet (from its IPv4 header on) to a neighbour, or lets it wait for the address. */
  send(device: Device, nextHop: Ipv4Address, packet: Packet): SendResult {
    let neighbour = device.neighbours.get(nextHop | 0);
    if (neighbour === undefined) {
      if (!device.usesNeighbours) return this.#transmit(device, packet, device.mac);
      const group = this.#groupMacOf(nextHop);
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

  /** An ARP message from `address` names its MAC address (`neigh_update` as arp.c calls it). */
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

  /** A request from `address` came in: it is there, whatever we knew (`neigh_event_ns`). */
  learnFromRequest(device: Device, address: Ipv4Address, mac: Mac): Neighbour | undefined {
    const neighbour = this.find(device, address) ?? this.#create(device, address);
    if (neighbour !== undefined) this.learn(neighbour, mac, stale, true);
    return neighbour;
  }

  /** Creates an entry for somebody who announced himself, as `arp_accept` allows. */
  accept(device: Device, address: Ipv4Address): Neighbour | undefined {
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
      const detail = `waits for the MAC address of ${formatIpv4Address(neighbour.address)}`;
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
    const target = neighbour.state === probe ? neighbour.mac : BROADCAST_MAC;
    solicit(this.#namespace, neighbour.device, neighbour.address, target, neighbour.waiting[0]);
  }

  /** FAILED: those who waited are told (`neigh_invalidate`, `arp_error_report`). */
  #fail(neighbour: Neighbour): void {
    neighbour.state = failed;
    neighbour.updatedAtNs = this.#namespace.world.nowNs;
    const waiting = neighbour.waiting;
    neighbour.waiting = [];
    for (const packet of waiting) {
      this.#namespace.drop(packet, neighbour.device.name, 'neighbour unreachable');
      const { destinationUnreachable } = IcmpType;
      this.#namespace.sendIcmpError(packet, destinationUnreachable, UnreachableCode.host);
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
    writeEthernetHeader(packet.bytes, packet.start, mac, device.mac, EtherType.ipv4);
    device.transmit(packet);
    return SendResult.sent;
  }

  /** The MAC address of a multicast or broadcast address; 0 for a unicast one. */
  #groupMacOf(address: Ipv4Address): Mac {
    if (isMulticastAddress(address)) return 0x0100_5e00_0000 + (address & 0x7f_ffff);
    if (address === 0xffff_ffff || this.#namespace.isBroadcastAddress(address)) {
      return BROADCAST_MAC;
    }
    return 0;
  }

  #create(device: Device, address: Ipv4Address): Neighbour | undefined {
    const { host, world } = this.#namespace;
    if (host.neighbourCount >= this.#number('gc_thresh1')) this.#collect(world.nowNs);
    if (host.neighbourCount >= this.#number('gc_thresh3')) return undefined;
    return this.#insert(device, address, false);
  }

  #insert(device: Device, address: Ipv4Address, isPermanent: boolean): Neighbour {
    const neighbour = new Neighbour(device, address);
    neighbour.updatedAtNs = this.#namespace.world.nowNs;
    neighbour.usedAtNs = neighbour.updatedAtNs;
    neighbour.confirmedAtNs = neighbour.updatedAtNs;
    neighbour.state = none;
    neighbour.isCounted = !isPermanent;
    if (!isPermanent) this.#namespace.host.neighbourCount++;
    device.neighbours.set(address | 0, neighbour);
    return neighbour;
  }

  #destroy(neighbour: Neighbour): void {
    this.#stopTimer(neighbour);
    neighbour.isAlive = false;
    if (neighbour.isCounted) this.#namespace.host.neighbourCount--;
    neighbour.device.neighbours.delete(neighbour.address | 0);
    const waiting = neighbour.waiting;
    neighbour.waiting = [];
    for (const packet of waiting) {
      this.#namespace.drop(packet, neighbour.device.name, 'neighbour was removed');
    }
  }

  /** `neigh_periodic_work` and `neigh_forced_gc`, made when there are many and one more comes. */
  #collect(nowNs: number): void {
    const { host } = this.#namespace;
    const isForced = host.neighbourCount >= this.#number('gc_thresh2');
    const waitNs = (isForced ? 5 : 15) * SECOND_NS;
    const isFull = host.neighbourCount >= this.#number('gc_thresh3');
    if (!isFull && nowNs < host.neighboursFlushedAtNs + waitNs) return;
    host.neighboursFlushedAtNs = nowNs;
    const staleNs = this.#spanNs('gc_stale_time', SECOND_NS);
    for (const neighbour of this.list()) {
      const state = this.stateOf(neighbour);
      if (!neighbour.isCounted || (state & IN_TIMER) !== 0) continue;
      const isOld = nowNs >= neighbour.usedAtNs + staleNs && state !== reachable;
      const isYoung = nowNs < neighbour.updatedAtNs + 5 * SECOND_NS;
      if (state === failed || isOld || (isForced && !isYoung)) this.#destroy(neighbour);
    }
  }

  /** 15 to 45 s, drawn anew every 300 s (`neigh_rand_reach_time`). */
  #reachableNs(device: Device): number {
    const baseNs = this.#namespace.sysctls.number(BASE_REACHABLE) * MILLISECOND_NS;
    const period = Math.floor(this.#namespace.world.nowNs / REDRAW_INTERVAL_NS);
    return Math.floor(baseNs * (0.5 + drawUnit(this.#reachableKey, device.index, period)));
  }

  #number(name: string): number {
    return this.#namespace.sysctls.number(`net.ipv4.neigh.default.${name}`);
  }

  #spanNs(name: string, unitNs: number): number {
    return this.#number(name) * unitNs;
  }
}
