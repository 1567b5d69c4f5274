/**
 * Two hosts for tests of sockets: namespaces with one address each and nothing but sockets, and a
 * wire between them that can delay, lose, repeat and reorder, and that writes down what passes.
 */
import { type DrawKey, drawBelow, drawChance } from '../../../sim/chance.ts';
import { formatInstant, MILLISECOND_NS } from '../../../sim/time.ts';
import { World } from '../../../sim/world.ts';
import { type Ipv4Address, parseIpv4Address } from '../../../wire/addresses.ts';
import { ICMP_HEADER_BYTES, writeIcmpError } from '../../../wire/icmp.ts';
import {
  destinationOf,
  headerBytesOf,
  IPV4_HEADER_BYTES,
  IpProtocol,
  isValidIpv4Header,
  protocolOf,
  sourceOf,
  totalLengthOf,
  writeIpv4Header,
} from '../../../wire/ipv4.ts';
import * as tcp from '../../../wire/tcp.ts';
import { SendResult } from '../../ip/send-result.ts';
import type { Namespace } from '../../namespace.ts';
import { Packet } from '../../packet.ts';
import { Sysctls } from '../../sysctls.ts';
import { SocketTable } from '../table.ts';
import { describeSctp } from './sctp-text.ts';

/** What the wire does to packets. */
export interface PipeOptions {
  readonly seed?: string;
  /** One way, in ns; default 1 ms. */
  readonly delayNs?: number;
  /** Up to so much more, drawn per packet, which reorders. */
  readonly jitterNs?: number;
  readonly lossRatio?: number;
  readonly duplicateRatio?: number;
  readonly mtuBytes?: number;
}

/** One end: what sockets need of a namespace. */
export class PipeEnd {
  readonly world: World;
  readonly name: string;
  readonly nodeIndex = 0;
  readonly address: Ipv4Address;
  readonly sysctls = new Sysctls(undefined);
  readonly sockets: SocketTable;
  readonly dropped: string[] = [];
  mtuBytes: number;
  /** False simulates a host without any route. */
  hasRoute = true;
  readonly #pipe: Pipe;

  constructor(pipe: Pipe, name: string, address: Ipv4Address, mtuBytes: number) {
    this.#pipe = pipe;
    this.world = pipe.world;
    this.name = name;
    this.address = address;
    this.mtuBytes = mtuBytes;
    this.sockets = new SocketTable(this as unknown as Namespace);
  }

  isLocalAddress(address: Ipv4Address): boolean {
    return address === this.address;
  }

  routeLookup(): { type: 'unicast'; source: Ipv4Address; mtuBytes: number } | undefined {
    if (!this.hasRoute) return undefined;
    return { type: 'unicast', source: this.address, mtuBytes: this.mtuBytes };
  }

  pathMtuBytes(): number {
    return this.mtuBytes;
  }

  send(packet: Packet): SendResult {
    this.#pipe.carry(this, packet);
    return SendResult.sent;
  }

  sendIcmpError(offender: Packet, type: number, code: number, rest = 0): void {
    const room = offender.end - offender.start;
    const packet = Packet.allocate(IPV4_HEADER_BYTES + ICMP_HEADER_BYTES + room);
    const { bytes, start } = packet;
    const { start: from, end } = offender;
    const at = start + IPV4_HEADER_BYTES;
    packet.end = at + writeIcmpError(bytes, at, type, code, rest, offender.bytes, from, end);
    writeIpv4Header(bytes, start, {
      totalLengthBytes: packet.end - start,
      identification: 0,
      dontFragment: false,
      ttl: 64,
      protocol: IpProtocol.icmp,
      source: this.address,
      destination: sourceOf(offender.bytes, from),
    });
    this.#pipe.carry(this, packet);
  }

  drop(_packet: Packet, _place: string, reason: string): void {
    this.dropped.push(reason);
  }
}

/** The wire and both ends. */
export class Pipe {
  readonly world: World;
  readonly a: PipeEnd;
  readonly b: PipeEnd;
  readonly #options: PipeOptions;
  readonly #key: DrawKey;
  #packetCount = 0;
  /** Every packet that was sent, as a line of text; filled while {@link isLogging}. */
  readonly log: string[] = [];
  isLogging = false;
  /** Decides about single packets before chance does: false loses the packet. */
  filter: ((packet: Packet, from: PipeEnd) => boolean) | undefined = undefined;

  constructor(options: PipeOptions = {}) {
    this.world = new World(options.seed ?? 'pipe');
    this.#options = options;
    this.#key = this.world.chance.key('pipe');
    const mtuBytes = options.mtuBytes ?? 1500;
    this.a = new PipeEnd(this, 'a', parseIpv4Address('10.0.0.1')!, mtuBytes);
    this.b = new PipeEnd(this, 'b', parseIpv4Address('10.0.0.2')!, mtuBytes);
  }

  /** Puts a packet on the wire. */
  carry(from: PipeEnd, packet: Packet): void {
    const { bytes, start, end } = packet;
    if (!isValidIpv4Header(bytes, start, end)) throw new Error('a malformed packet was sent');
    const { delayNs = MILLISECOND_NS, jitterNs = 0 } = this.#options;
    const { lossRatio = 0, duplicateRatio = 0 } = this.#options;
    const count = this.#packetCount++;
    const isLost =
      this.filter?.(packet, from) === false || drawChance(this.#key, lossRatio, count, 1);
    if (this.isLogging) this.log.push(this.#describe(from, packet) + (isLost ? ' (lost)' : ''));
    if (isLost) return;
    const copyCount = drawChance(this.#key, duplicateRatio, count, 2) ? 2 : 1;
    for (let copy = 0; copy < copyCount; copy++) {
      const extraNs = jitterNs > 0 ? drawBelow(this.#key, jitterNs, count, 3, copy) : 0;
      const arriving = copy === 0 ? packet : packet.clone();
      const atNs = this.world.nowNs + delayNs + extraNs;
      this.world.queue.scheduleCallback(atNs, () => this.#arrive(arriving));
    }
  }

  #arrive(packet: Packet): void {
    const { bytes, start } = packet;
    const destination = destinationOf(bytes, start);
    const to = destination === this.a.address ? this.a : this.b;
    if (destination !== to.address) return;
    const isIcmp = protocolOf(bytes, start) === IpProtocol.icmp;
    const isError = isIcmp && bytes[start + headerBytesOf(bytes, start)] === 3;
    if (isError) to.sockets.deliverIcmpError(packet);
    else to.sockets.deliver(packet);
  }

  /** `0.001000000 a > b SYN seq 0 win 64240 <mss 1460>`, with sequence numbers from 0. */
  #describe(from: PipeEnd, packet: Packet): string {
    const { bytes, start } = packet;
    const head = `${formatInstant(this.world.nowNs)} ${from.name}`;
    const at = start + headerBytesOf(bytes, start);
    if (protocolOf(bytes, start) === IpProtocol.icmp) {
      return `${head} icmp ${bytes[at]}/${bytes[at + 1]}`;
    }
    if (protocolOf(bytes, start) === IpProtocol.udp) return `${head} udp`;
    if (protocolOf(bytes, start) === IpProtocol.sctp) return `${head}${describeSctp(packet, at)}`;
    const flags = tcp.flagsOf(bytes, at);
    const names = ['fin', 'syn', 'rst', 'psh', 'ack'].filter((_, bit) => (flags >> bit) & 1);
    const payload = start + totalLengthOf(bytes, start) - at - tcp.dataOffsetBytesOf(bytes, at);
    const sequence = this.#relative(from, tcp.sequenceOf(bytes, at), (flags & 2) !== 0);
    const other = from === this.a ? this.b : this.a;
    const hasAck = (flags & 16) !== 0;
    const acknowledgement = hasAck
      ? ` ack ${this.#relative(other, tcp.acknowledgementOf(bytes, at), false)}`
      : '';
    const length = payload > 0 ? ` len ${payload}` : '';
    const options = tcp.parseTcpOptions(bytes, at);
    const mss = options.maximumSegmentBytes;
    const scale = options.windowScale === undefined ? '' : ` wscale ${options.windowScale}`;
    const tail = mss === undefined ? '' : ` <mss ${mss}${scale}>`;
    const window = tcp.windowOf(bytes, at);
    return `${head} ${names.join(',')} seq ${sequence}${acknowledgement}${length} win ${window}${tail}`;
  }

  readonly #firsts = new Map<PipeEnd, number>();

  #relative(end: PipeEnd, sequence: number, isSyn: boolean): number {
    if (isSyn) this.#firsts.set(end, sequence);
    const first = this.#firsts.get(end);
    return first === undefined || sequence === 0 ? sequence : (sequence - first) >>> 0;
  }
}
