/**
 * An ICMP echo client, and what `ping` prints about it. Answering echo requests is IP's own work.
 *
 * Like the program, it marks the instant of sending in the request's payload and sets don't-fragment
 * where the message fits the path. Mirrors iputils' ping.c and net/ipv4/ping.c.
 */
import { type DrawKey, drawBelow, hashText, keyOf } from '../../sim/chance.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { formatIpv4Address, type Ipv4Address } from '../../wire/addresses.ts';
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
  IPV4_HEADER_BYTES,
  IpProtocol,
  sourceOf,
  totalLengthOf,
  ttlOf,
  writeIpv4Header,
} from '../../wire/ipv4.ts';
import { Packet } from '../packet.ts';
import { Errno, formatErrno } from './errno.ts';
import type { SocketTable } from './table.ts';

/** What became of one echo request. */
export interface PingResult {
  readonly sequence: number;
  /** Who answered, or who reported the error. */
  readonly from: Ipv4Address;
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
  readonly address: Ipv4Address;
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
  readonly source?: Ipv4Address;
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
      ttl: ttlOf(bytes, start),
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
      ttl: ttlOf(bytes, start),
      lengthBytes: 0,
      error: describeIcmpError(typeOf(bytes, at), codeOf(bytes, at), nextHopMtuOf(bytes, at)),
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
          : `ping: sendmsg: ${formatErrno(errno)}`;
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
    destination: Ipv4Address,
    sequence: number,
    payloadBytes: number,
    dontFragment: boolean,
  ): Errno {
    const { namespace } = this.#table;
    const { source, ttl = 64 } = this.#options;
    const query = source === undefined ? { destination } : { destination, source };
    const route = namespace.routeLookup(query);
    if (route === undefined) return Errno.ENETUNREACH;
    const lengthBytes = ICMP_HEADER_BYTES + payloadBytes;
    const totalLengthBytes = IPV4_HEADER_BYTES + lengthBytes;
    const isFitting = totalLengthBytes <= namespace.pathMtuBytes(destination, route);
    if (dontFragment && !isFitting) return Errno.EMSGSIZE;
    const packet = Packet.allocate(totalLengthBytes);
    const at = packet.start + IPV4_HEADER_BYTES;
    for (let i = 0; i < payloadBytes; i++) packet.bytes[at + ICMP_HEADER_BYTES + i] = i;
    writeIcmpEcho(packet.bytes, at, IcmpType.echoRequest, this.#identifier, sequence);
    finishIcmpChecksum(packet.bytes, at, lengthBytes);
    writeIpv4Header(packet.bytes, packet.start, {
      totalLengthBytes,
      identification: this.#table.nextIdentification(this.#identifier) + sequence,
      dontFragment: dontFragment || isFitting,
      ttl,
      protocol: IpProtocol.icmp,
      source: source ?? route.source,
      destination,
    });
    return this.#table.transmit(packet);
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

/** The line that ping prints for a result; `name` is what the answerer is called, if anything. */
export function formatPingResult(result: PingResult, name?: string): string {
  const address = formatIpv4Address(result.from);
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
