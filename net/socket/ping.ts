/**
 * An ICMP echo client, and what `ping` prints about it. Answering echo requests is IP's own work.
 *
 * Like the program, it marks the instant of sending in the request's payload and sets don't-fragment
 * where the message fits the path. Mirrors iputils' ping.c and net/ipv4/ping.c.
 */
import { type DrawKey, drawBelow, hashText, keyOf } from '../../sim/chance.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import {
  codeOf,
  finishIcmpChecksum,
  ICMP_HEADER_BYTES,
  IcmpType,
  nextHopMtuOf,
  sequenceNumberOf,
  typeOf,
  UnreachableCode,
  writeIcmpEcho,
} from '../../wire/icmp.ts';
import {
  hopsOf,
  isIpv6,
  plainHeaderBytes,
  sourceOf,
  totalLengthOf,
  writeIpHeader,
} from '../../wire/ip.ts';
import { formatIp, type IpAddress, isIpv6Address } from '../../wire/ip-address.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import { NextHeader } from '../../wire/ipv6/header.ts';
import {
  finishIcmpv6Checksum,
  Icmpv6Type,
  mtuOf,
  Unreachable6Code,
} from '../../wire/ipv6/icmpv6.ts';
import { isLinkLocal } from '../../wire/ipv6/scope.ts';
import type { Device } from '../device/device.ts';
import { Packet } from '../packet.ts';
import { Errno, formatErrno } from './errno.ts';
import type { SocketTable } from './table.ts';

/** What became of one echo request. */
export interface PingResult {
  readonly sequence: number;
  /** Who answered, or who reported the error. */
  readonly from: IpAddress;
  /** The round trip in ns; undefined for an error. */
  readonly roundTripNs: number | undefined;
  readonly ttl: number;
  /** ICMP payload of the answer, header included, in bytes. */
  readonly lengthBytes: number;
  /** `Destination Host Unreachable` and the like; empty for an answer. */
  readonly error: string;
}

/** Options of `ping`. */
export interface PingOptions {
  readonly address: IpAddress;
  /** Default 1. */
  readonly count?: number;
  /** Default 1 s. */
  readonly intervalNs?: number;
  /** `-s`; default 56. */
  readonly payloadBytes?: number;
  /** `-M do`. */
  readonly dontFragment?: boolean;
  /** `-t`; default 64. */
  readonly ttl?: number;
  /** `-I`; default: the route's. */
  readonly source?: IpAddress;
  /** The zone of a link-local address (`fe80::1%eth0`), or `-I` with a device. */
  readonly device?: Device | undefined;
  /** `-W`: how long the last request may stay without an answer; default 10 s. */
  readonly lingerNs?: number;
  /** Called with every request that is about to be sent. */
  readonly onSend?: () => void;
  /** Called for every answer and error, and for requests that could not be sent. */
  readonly onResult?: (result: PingResult) => void;
  /** Called when every request is answered or `lingerNs` have gone by since the last. */
  readonly onDone?: (results: readonly PingResult[]) => void;
}

const LINGER_NS = 10 * SECOND_NS;

/** One run of `ping`. */
export class PingSocket {
  readonly #table: SocketTable;
  readonly #options: PingOptions;
  readonly #identifier: number;
  readonly #sentAtNs: number[] = [];
  readonly results: PingResult[] = [];
  #isDone = false;

  private constructor(table: SocketTable, options: PingOptions, identifier: number) {
    this.#table = table;
    this.#options = options;
    this.#identifier = identifier;
  }

  /** Starts pinging. */
  static start(table: SocketTable, options: PingOptions): PingSocket {
    const { world, name } = table.namespace;
    const key: DrawKey = keyOf(world.chance.key('socket.ping'), hashText(name));
    for (let attempt = 0; ; attempt++) {
      const identifier = drawBelow(key, 0x1_0000, attempt, world.queue.firedCount);
      const socket = new PingSocket(table, options, identifier);
      if (!table.addPing(identifier, socket)) continue;
      socket.#send();
      return socket;
    }
  }

  /** Requests sent so far. */
  get sentCount(): number {
    return this.#sentAtNs.length;
  }

  /** Stops sending and listening. */
  stop(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#table.removePing(this.#identifier);
    this.#options.onDone?.(this.results);
  }

  /** An echo reply with its identifier arrives; the ICMP header is at `at`. */
  replyArrives(packet: Packet, at: number): void {
    const { bytes, start } = packet;
    const sequence = sequenceNumberOf(bytes, at);
    const sentAtNs = this.#sentAtNs[sequence - 1];
    if (sentAtNs === undefined) return;
    this.#report({
      sequence,
      from: sourceOf(bytes, start),
      roundTripNs: this.#table.namespace.world.nowNs - sentAtNs,
      ttl: hopsOf(bytes, start),
      lengthBytes: start + totalLengthOf(bytes, start) - at,
      error: '',
    });
  }

  /** An ICMP error (header at `at`) about a request of ours (header at `quotedAt`) arrives. */
  errorArrives(packet: Packet, at: number, quotedAt: number): void {
    const { bytes, start } = packet;
    this.#report({
      sequence: sequenceNumberOf(bytes, quotedAt),
      from: sourceOf(bytes, start),
      roundTripNs: undefined,
      ttl: hopsOf(bytes, start),
      lengthBytes: 0,
      error: isIpv6(bytes, start)
        ? describeIcmpv6Error(typeOf(bytes, at), codeOf(bytes, at), mtuOf(bytes, at))
        : describeIcmpError(typeOf(bytes, at), codeOf(bytes, at), nextHopMtuOf(bytes, at)),
    });
  }

  #send(): void {
    const { namespace } = this.#table;
    const { address, payloadBytes = 56, dontFragment = false } = this.#options;
    const { queue } = namespace.world;
    this.#sentAtNs.push(queue.nowNs);
    const sequence = this.#sentAtNs.length;
    this.#options.onSend?.();
    const errno = this.#sendRequest(address, sequence, payloadBytes, dontFragment);
    if (errno !== Errno.none) {
      const error =
        errno === Errno.EMSGSIZE
          ? `ping: local error: message too long, mtu=${this.#pathMtuBytes()}`
          : `ping: ${this.#failedCall(errno)}: ${formatErrno(errno)}`;
      this.#report({ sequence, from: 0, roundTripNs: undefined, ttl: 0, lengthBytes: 0, error });
    }
    if (this.#isDone) return;
    const isLast = sequence >= (this.#options.count ?? 1);
    const { intervalNs = SECOND_NS, lingerNs = LINGER_NS } = this.#options;
    const waitNs = isLast ? lingerNs : intervalNs;
    queue.scheduleCallback(queue.nowNs + waitNs, () => {
      if (this.#isDone) return;
      if (isLast) this.stop();
      else this.#send();
    });
  }

  #sendRequest(
    destination: IpAddress,
    sequence: number,
    payloadBytes: number,
    dontFragment: boolean,
  ): Errno {
    const { namespace } = this.#table;
    const { source, ttl = 64, device } = this.#options;
    const isVersion6 = isIpv6Address(destination);
    if (isVersion6 && device === undefined && isLinkLocal(destination)) {
      if (!namespace.isLocalAddress(destination)) return Errno.EINVAL;
    }
    const query = source === undefined ? { destination } : { destination, source };
    const route = namespace.routeLookup({ ...query, outDevice: device });
    if (route === undefined || (isVersion6 && route.source === 0)) return Errno.ENETUNREACH;
    const lengthBytes = ICMP_HEADER_BYTES + payloadBytes;
    const ipBytes = plainHeaderBytes(destination);
    const totalLengthBytes = ipBytes + lengthBytes;
    const isFitting = totalLengthBytes <= namespace.pathMtuBytes(destination, route);
    if (dontFragment && !isFitting) return Errno.EMSGSIZE;
    const packet = Packet.allocate(totalLengthBytes);
    const at = packet.start + ipBytes;
    for (let i = 0; i < payloadBytes; i++) packet.bytes[at + ICMP_HEADER_BYTES + i] = i;
    const { echoRequest } = isVersion6 ? Icmpv6Type : IcmpType;
    const from = source ?? route.source;
    writeIcmpEcho(packet.bytes, at, echoRequest, this.#identifier, sequence);
    if (isVersion6) finishIcmpv6Checksum(packet.bytes, at, lengthBytes, from, destination);
    else finishIcmpChecksum(packet.bytes, at, lengthBytes);
    writeIpHeader(packet.bytes, packet.start, {
      totalLengthBytes,
      identification: this.#table.nextIdentification(this.#identifier) + sequence,
      dontFragment: dontFragment || isFitting,
      ttl,
      protocol: isVersion6 ? NextHeader.icmpv6 : IpProtocol.icmp,
      source: from,
      destination,
    });
    return this.#table.transmit(packet, device === undefined ? undefined : route);
  }

  /** iputils connects a socket of IPv6 first, which finds out what has no way. */
  #failedCall(errno: Errno): string {
    const isEarly = errno === Errno.EINVAL || errno === Errno.ENETUNREACH;
    return isIpv6Address(this.#options.address) && isEarly ? 'connect' : 'sendmsg';
  }

  #pathMtuBytes(): number {
    const { namespace } = this.#table;
    const { address } = this.#options;
    const route = namespace.routeLookup({ destination: address });
    return route === undefined ? 0 : namespace.pathMtuBytes(address, route);
  }

  #report(result: PingResult): void {
    this.results.push(result);
    this.#options.onResult?.(result);
    const count = this.#options.count ?? 1;
    if (this.#sentAtNs.length >= count && this.results.length >= count) this.stop();
  }
}

/** The words of ping's `pr_icmph`. */
function describeIcmpError(type: number, code: number, mtuBytes: number): string {
  if (type === IcmpType.timeExceeded) return 'Time to live exceeded';
  if (type !== IcmpType.destinationUnreachable) return `Bad ICMP type: ${type}`;
  switch (code) {
    case UnreachableCode.network:
      return 'Destination Net Unreachable';
    case UnreachableCode.host:
      return 'Destination Host Unreachable';
    case UnreachableCode.protocol:
      return 'Destination Protocol Unreachable';
    case UnreachableCode.port:
      return 'Destination Port Unreachable';
    case UnreachableCode.fragmentationNeeded:
      return `Frag needed and DF set (mtu = ${mtuBytes})`;
    case UnreachableCode.networkProhibited:
      return 'Destination Net Prohibited';
    case UnreachableCode.hostProhibited:
      return 'Destination Host Prohibited';
    case UnreachableCode.administrativelyProhibited:
      return 'Packet filtered';
    default:
      return `Dest Unreachable, Bad Code: ${code}`;
  }
}

/** The words of ping's `print_icmp` for ICMPv6. */
function describeIcmpv6Error(type: number, code: number, mtuBytes: number): string {
  if (type === Icmpv6Type.packetTooBig) return `Packet too big: mtu=${mtuBytes}`;
  if (type === Icmpv6Type.timeExceeded) {
    return code === 0 ? 'Time exceeded: Hop limit' : 'Time exceeded: Defragmentation failure';
  }
  if (type !== Icmpv6Type.destinationUnreachable) return `unknown icmp type: ${type}`;
  switch (code) {
    case Unreachable6Code.noRoute:
      return 'Destination unreachable: No route';
    case Unreachable6Code.prohibited:
      return 'Destination unreachable: Administratively prohibited';
    case Unreachable6Code.beyondScope:
      return 'Destination unreachable: Beyond scope of source address';
    case Unreachable6Code.address:
      return 'Destination unreachable: Address unreachable';
    case Unreachable6Code.port:
      return 'Destination unreachable: Port unreachable';
    default:
      return `Destination unreachable: Unknown code ${code}`;
  }
}

/** The line that ping prints for a result; `name` is what the answerer is called, if anything. */
export function formatPingResult(result: PingResult, name?: string): string {
  const address = formatIp(result.from);
  const from = name === undefined ? address : `${name} (${address})`;
  if (result.roundTripNs === undefined) {
    if (result.from === 0) return result.error;
    return `From ${from} icmp_seq=${result.sequence} ${result.error}`;
  }
  const milliseconds = result.roundTripNs / MILLISECOND_NS;
  const digits = milliseconds < 1 ? 3 : milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0;
  const time = milliseconds.toFixed(digits);
  const { lengthBytes, sequence, ttl } = result;
  return `${lengthBytes} bytes from ${from}: icmp_seq=${sequence} ttl=${ttl} time=${time} ms`;
}
