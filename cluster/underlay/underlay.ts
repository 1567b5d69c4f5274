/**
 * The underlay: what stands between the hosts. One verdict for everything that crosses it; a switch
 * for each *segment*, of which there is one unless hosts have further cards.
 *
 * Frames of the data plane (VXLAN, client traffic, ARP) are carried by {@link Underlay.carry};
 * gossip and manager datagrams, which are messages and not frames until somebody looks, ask
 * {@link Underlay.datagramArrivalNs} for the same verdict under the same conditions, so that a fault
 * hits all of them as it would in a data centre.
 *
 * Order: frames of one ordered pair arrive in the order in which they were sent unless the
 * conditions reorder. Bandwidth: a host's frames queue behind each other at its uplink, in a
 * drop-tail queue; control datagrams wait behind that queue but are too few to lengthen it.
 */

import type { Packet } from '../../net/packet.ts';
import { type DrawKey, draw32, drawBelow, drawChance, drawUnit } from '../../sim/chance.ts';
import { observationKind } from '../../sim/observations.ts';
import type { World } from '../../sim/world.ts';
import { BROADCAST_MAC, type Mac } from '../../wire/addresses.ts';
import { readU16 } from '../../wire/bytes.ts';
import {
  destinationMacOf,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  sourceMacOf,
} from '../../wire/ethernet.ts';
import { fragmentOffsetBytesOf, headerBytesOf, protocolOf } from '../../wire/ip.ts';
import { parseIp } from '../../wire/ip-address.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import type { LinkConditions, Path } from './conditions.ts';
import { Paths } from './paths.ts';
import { piecesOf, tooBigReplyTo } from './router.ts';
import { spoilTunnelChecksum } from './tunnel-offload.ts';
import type { Uplink } from './uplink.ts';

/** The addresses of the router between hosts, where the path's MTU is reported from. */
const ROUTER = { ipv4: parseIp('192.168.56.1')!, ipv6: parseIp('fd00:56::1')! };

/** The arrival of what does not arrive. */
export const LOST = -1;

/** The longest that a frame waits at an uplink before the drop-tail queue refuses it. */
const UPLINK_QUEUE_NS_MAX = 50_000_000;

/** A frame that the underlay dropped; `text` is the reason. */
const UNDERLAY_DROP = observationKind('underlay.drop');

/** Counters of one host's uplink, by what the underlay did. */
export interface UnderlayCounters {
  carriedPackets: number;
  carriedBytes: number;
  droppedPackets: number;
}

/** The wire between all hosts. */
export class Underlay {
  readonly world: World;
  readonly paths: Paths;
  readonly counters: UnderlayCounters[];
  /** By segment and host. */
  readonly #uplinks: (Uplink | undefined)[][] = [];
  readonly #attachListeners: ((uplink: Uplink) => void)[] = [];
  /** The switch's forwarding table: where a MAC address is, cards' own and learned ones. */
  readonly #uplinkByMac = new Map<Mac, Uplink>();
  /** Hosts whose port lets out frames of their own cards only. */
  readonly #spoilingHosts = new Set<number>();
  readonly #filteredHosts = new Set<number>();
  readonly #busyUntilNs: Float64Array;
  readonly #lastArrivalNs: Float64Array;
  readonly #frameCount: Uint32Array;
  readonly #latencyKey: DrawKey;
  readonly #fateKey: DrawKey;
  readonly #controlKey: DrawKey;
  readonly #deliverKind: number;
  readonly #inFlight: (Packet | undefined)[] = [];
  readonly #freeSlots: number[] = [];

  constructor(world: World, hostCount: number, base?: LinkConditions) {
    this.world = world;
    this.paths = new Paths(hostCount, base);
    this.counters = Array.from({ length: hostCount }, () => ({
      carriedPackets: 0,
      carriedBytes: 0,
      droppedPackets: 0,
    }));
    this.#busyUntilNs = new Float64Array(hostCount);
    this.#lastArrivalNs = new Float64Array(hostCount * hostCount);
    this.#frameCount = new Uint32Array(hostCount * hostCount);
    this.#latencyKey = world.chance.key('underlay.latency');
    this.#fateKey = world.chance.key('underlay.fate');
    this.#controlKey = world.chance.key('underlay.control');
    this.#deliverKind = world.queue.registerKind((to, slot, segment) =>
      this.#deliver(to, slot, segment),
    );
  }

  /** Hears of every uplink, those that are plugged in already and those to come. */
  onAttach(listener: (uplink: Uplink) => void): void {
    this.#attachListeners.push(listener);
    for (const uplink of this.#uplinks.flat()) if (uplink !== undefined) listener(uplink);
  }

  /** Plugs a host's uplink in. */
  attach(uplink: Uplink): void {
    const segment = (this.#uplinks[uplink.segment] ??= new Array(this.counters.length));
    segment[uplink.host] = uplink;
    for (const listener of this.#attachListeners) listener(uplink);
    this.#uplinkByMac.set(uplink.mac, uplink);
  }

  /**
   * Lets frames of a host's own cards through only, as clouds and hypervisors do (no "forged
   * transmits"): MAC addresses of macvlans are not heard.
   */
  filterMacs(host: number): void {
    this.#filteredHosts.add(host);
  }

  /** The host's cards are wrong about checksums inside VXLAN, as long as they are left to do them. */
  spoilTunnels(host: number): void {
    this.#spoilingHosts.add(host);
  }

  /** Carries a frame to where its destination MAC is, or to all for broadcasts. */
  carry(from: Uplink, packet: Packet): void {
    if (this.#spoilingHosts.size > 0 && from.offloadsChecksums) {
      if (this.#spoilingHosts.has(from.host))
        spoilTunnelChecksum(packet.bytes, packet.start, packet.end);
    }
    const source = sourceMacOf(packet.bytes, packet.start);
    if (source !== from.mac) {
      if (this.#filteredHosts.has(from.host)) {
        this.#drop(from, packet, "the switch lets this host's own MAC address through only");
        return;
      }
      this.#uplinkByMac.set(source, from);
    }
    const destination = destinationMacOf(packet.bytes, packet.start);
    const to = this.#uplinkByMac.get(destination);
    if (to !== undefined && to.segment === from.segment) {
      if (to.host !== from.host) this.#send(from, to.host, packet);
      return;
    }
    if (destination !== BROADCAST_MAC && (destination / 0x100_0000_0000) % 2 < 1) {
      this.#drop(from, packet, 'no host has this MAC');
      return;
    }
    for (const uplink of this.#uplinks[from.segment]!) {
      if (uplink !== undefined && uplink.host !== from.host) {
        this.#send(from, uplink.host, packet.clone());
      }
    }
  }

  /**
   * When a control datagram (gossip, manager) of `payloadBytes` UDP or TCP payload that leaves now
   * arrives, or {@link LOST}. `draw` is the datagram's own coordinate for chance; asking changes
   * nothing.
   */
  datagramArrivalNs(
    from: number,
    to: number,
    payloadBytes: number,
    protocol: number,
    port: number,
    nowNs: number,
    draw: number,
  ): number {
    const path = this.paths.of(from, to, protocol, port, port);
    const pair = from * this.counters.length + to;
    if (path.blockedBy !== '') return LOST;
    if (drawChance(this.#controlKey, path.lossRatio, pair, draw, 1)) return LOST;
    const waitNs = Math.max(0, this.#busyUntilNs[from]! - nowNs);
    const wireNs = Math.round((payloadBytes + 42) * path.byteNs);
    const latencyNs =
      path.latencyMinNs +
      (path.latencySpanNs === 0
        ? 0
        : drawBelow(this.#controlKey, path.latencySpanNs + 1, pair, draw, 2));
    return nowNs + waitNs + wireNs + latencyNs;
  }

  /**
   * An upper bound of the one-way delay of control traffic between two hosts, in ns, while a
   * datagram's fate depends on nothing but its own coordinates; otherwise -1. A bandwidth makes it
   * depend on what waits at the uplink.
   */
  plainDelayNsMax(a: number, b: number, protocol: number, port: number): number {
    const there = this.paths.of(a, b, protocol, port, port);
    const back = this.paths.of(b, a, protocol, port, port);
    let delayNs = 0;
    for (const path of [there, back]) {
      if (path.blockedBy !== '' || path.lossRatio > 0 || path.duplicateRatio > 0) return -1;
      if (path.byteNs > 0) return -1;
      delayNs = Math.max(delayNs, path.latencyMinNs + path.latencySpanNs);
    }
    return delayNs;
  }

  #send({ host: from, segment }: Uplink, to: number, packet: Packet): void {
    const world = this.world;
    const nowNs = world.queue.nowNs;
    const path = this.#pathOfFrame(from, to, packet);
    const pair = from * this.counters.length + to;
    const count = this.#frameCount[pair]!;
    this.#frameCount[pair] = count + 1;
    const lengthBytes = packet.end - packet.start;
    const isTooLong = lengthBytes - ETHERNET_HEADER_BYTES > path.mtuBytes;
    if (isTooLong && path.tooLong !== 'vanish' && path.blockedBy === '') {
      this.#route(this.#uplinks[segment]![from]!, to, packet, path);
      return;
    }
    const departNs = Math.max(nowNs, this.#busyUntilNs[from]!);
    const reason = this.#dropReason(path, pair, count, lengthBytes, departNs - nowNs);
    if (reason !== '') {
      this.#drop(this.#uplinks[segment]![from]!, packet, reason);
      return;
    }
    const sentNs = departNs + Math.round(lengthBytes * path.byteNs);
    this.#busyUntilNs[from] = sentNs;
    const counters = this.counters[from]!;
    counters.carriedPackets++;
    counters.carriedBytes += lengthBytes;
    if (drawChance(this.#fateKey, path.duplicateRatio, pair, count, 2)) {
      this.#scheduleArrival(to, segment, pair, sentNs, path, count, 1, packet.clone());
    }
    this.#scheduleArrival(to, segment, pair, sentNs, path, count, 0, packet);
  }

  /** A packet that is too long meets the router. */
  #route(
    uplink: Uplink,
    to: number,
    packet: Packet,
    { mtuBytes, tooLong, latencyMinNs }: Path,
  ): void {
    const pieces = piecesOf(packet, mtuBytes);
    if (pieces !== undefined) {
      for (const piece of pieces) {
        if (tooLong === 'routed') this.#send(uplink, to, piece);
        else this.#drop(uplink, piece, 'a firewall drops fragments');
      }
      return;
    }
    this.#drop(uplink, packet, `longer than the path's MTU of ${mtuBytes}`);
    const reply = tooBigReplyTo(packet, mtuBytes, ROUTER);
    if (reply === undefined) return;
    const { blockedBy, lossRatio } = this.#pathOfFrame(to, uplink.host, reply);
    if (blockedBy !== '' || lossRatio === 1) {
      this.#drop(uplink, reply, blockedBy === '' ? 'lost' : blockedBy);
      return;
    }
    const arrivalNs = this.world.nowNs + latencyMinNs;
    this.world.queue.scheduleCallback(arrivalNs, () => uplink.receive(reply));
  }

  #dropReason(
    path: Path,
    pair: number,
    count: number,
    lengthBytes: number,
    waitNs: number,
  ): string {
    if (path.blockedBy !== '') return path.blockedBy;
    if (lengthBytes - ETHERNET_HEADER_BYTES > path.mtuBytes) {
      return `longer than the path's MTU of ${path.mtuBytes}`;
    }
    if (drawChance(this.#fateKey, path.lossRatio, pair, count, 1)) return 'lost';
    return waitNs > UPLINK_QUEUE_NS_MAX ? 'uplink queue full' : '';
  }

  #scheduleArrival(
    to: number,
    segment: number,
    pair: number,
    sentNs: number,
    path: Path,
    count: number,
    copy: number,
    packet: Packet,
  ): void {
    const span = path.latencySpanNs;
    const jitterNs =
      span === 0 ? 0 : Math.floor(drawUnit(this.#latencyKey, pair, count, copy) * (span + 1));
    let arrivalNs = sentNs + path.latencyMinNs + jitterNs;
    if (!drawChance(this.#fateKey, path.reorderRatio, pair, count, 3 + copy)) {
      arrivalNs = Math.max(arrivalNs, this.#lastArrivalNs[pair]!);
      this.#lastArrivalNs[pair] = arrivalNs;
    }
    const slot = this.#freeSlots.pop() ?? this.#inFlight.length;
    this.#inFlight[slot] = packet;
    this.world.queue.schedule(arrivalNs, this.#deliverKind, to, slot, segment);
  }

  #deliver(to: number, slot: number, segment: number): void {
    const packet = this.#inFlight[slot]!;
    this.#inFlight[slot] = undefined;
    this.#freeSlots.push(slot);
    packet.scrub();
    this.#uplinks[segment]![to]!.receive(packet);
  }

  #drop(uplink: Uplink, packet: Packet, reason: string): void {
    this.counters[uplink.host]!.droppedPackets++;
    uplink.noteWay(packet, 'drop', `underlay: ${reason}`);
    this.world.observe(UNDERLAY_DROP, uplink.host, packet.end - packet.start, 0, reason);
  }

  #pathOfFrame(from: number, to: number, packet: Packet): Path {
    const bytes = packet.bytes;
    const at = packet.start + ETHERNET_HEADER_BYTES;
    const type = etherTypeOf(bytes, packet.start);
    if (type !== EtherType.ipv4 && type !== EtherType.ipv6) return this.paths.of(from, to, 0, 0, 0);
    const protocol = protocolOf(bytes, at);
    const hasPorts =
      (protocol === IpProtocol.tcp || protocol === IpProtocol.udp) &&
      fragmentOffsetBytesOf(bytes, at) === 0;
    if (!hasPorts) return this.paths.of(from, to, protocol, 0, 0);
    const ports = at + headerBytesOf(bytes, at);
    return this.paths.of(from, to, protocol, readU16(bytes, ports), readU16(bytes, ports + 2));
  }
}

/** A coordinate for the chance of the `attempt`-th packet of an exchange. */
export function attemptDraw(draw: number, attempt: number): number {
  return draw32(draw, attempt);
}
