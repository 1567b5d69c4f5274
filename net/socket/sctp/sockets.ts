/**
 * The SCTP sockets of one namespace: which association a packet is for, who listens, and what is
 * answered where there is neither (RFC 9260, 8.4). A handshake is kept in its cookie until the peer
 * has brought that back. Mirrors net/sctp/input.c and the beginning of sm_statefuns.c.
 */
import { type DrawKey, draw32, hashText, keyOf } from '../../../sim/chance.ts';
import { ANY_ADDRESS } from '../../../wire/addresses.ts';
import { readU32, writeU16 } from '../../../wire/bytes.ts';
import { IcmpType, UnreachableCode } from '../../../wire/icmp.ts';
import { destinationOf, headerBytesOf, sourceOf, totalLengthOf } from '../../../wire/ip.ts';
import { type IpAddress, ipv6Words, isIpv6Address } from '../../../wire/ip-address.ts';
import { Icmpv6Type, ParameterProblemCode } from '../../../wire/ipv6/icmpv6.ts';
import {
  CHUNK_HEADER_BYTES,
  ChunkType,
  chunkTypeOf,
  ErrorCause,
  type InitFields,
  isSctpChecksumRight,
  isWholeSctp,
  nextChunkAt,
  parseInit,
  SCTP_HEADER_BYTES,
  verificationTagOf,
} from '../../../wire/sctp.ts';
import { destinationPortOf, sourcePortOf } from '../../../wire/udp.ts';
import type { Namespace } from '../../namespace.ts';
import type { Packet } from '../../packet.ts';
import { Errno } from '../errno.ts';
import type { SocketTable } from '../table.ts';
import { initFieldsOf, SctpAssociation } from './association.ts';
import { COOKIE_LIFE_NS } from './constants.ts';
import { type Cookie, decodeCookie, encodeCookie } from './cookie.ts';
import type { SctpHandlers } from './handlers.ts';
import { takeChunks } from './input.ts';
import { chunkOf, initAckChunk, packetOf, reflectedChunk, type SctpEnds } from './packet.ts';
import { SctpState } from './state.ts';

/** What `listen` is told. */
export interface SctpListenOptions {
  /** Default 0.0.0.0. */
  readonly address?: IpAddress;
  readonly port: number;
  /** Takes an association and says who handles it; without it the port is only held. */
  readonly onAssociation?: (association: SctpAssociation) => SctpHandlers;
  /** What `ss` prints in `users:((…))`. */
  readonly program?: string;
}

/** A listening socket. */
export interface SctpListener {
  readonly address: IpAddress;
  readonly port: number;
  readonly program: string;
  /** Associations that nobody has accepted; they fill up where the port is only held. */
  readonly waiting: readonly SctpAssociation[];
  /** Listens no more; what waits is aborted. */
  close(): void;
}

/** What `connect` is told. */
export interface SctpConnectOptions {
  readonly address: IpAddress;
  readonly port: number;
  readonly handlers: SctpHandlers;
  /** Default: the route's source. */
  readonly sourceAddress?: IpAddress;
}

/** What `/proc/net/sctp/snmp` counts, as far as anybody here asks. */
export interface SctpCounters {
  established: number;
  aborted: number;
  outOfBlue: number;
  checksumErrors: number;
}

/** The listener as this file keeps it. */
interface OpenListener extends SctpListener {
  readonly waiting: SctpAssociation[];
  readonly onAssociation: SctpListenOptions['onAssociation'];
}

/** The SCTP sockets of one namespace. */
export class SctpSockets {
  readonly namespace: Namespace;
  readonly counters: SctpCounters = {
    established: 0,
    aborted: 0,
    outOfBlue: 0,
    checksumErrors: 0,
  };
  readonly #table: SocketTable;
  readonly #listeners = new Map<number, OpenListener[]>();
  readonly #associations = new Map<string, SctpAssociation>();
  readonly #key: DrawKey;
  #tagCount = 0;

  constructor(table: SocketTable) {
    this.#table = table;
    this.namespace = table.namespace;
    const { world, name } = this.namespace;
    this.#key = keyOf(world.chance.key('sctp'), hashText(name));
  }

  /** All listeners, in the order of their ports' first use. */
  listeners(): SctpListener[] {
    return [...this.#listeners.values()].flat();
  }

  /** All associations, oldest first. */
  associations(): SctpAssociation[] {
    return [...this.#associations.values()];
  }

  /** Listens on a port; an errno when it cannot be had. */
  listen(options: SctpListenOptions): SctpListener | Errno {
    const { address = ANY_ADDRESS, port, onAssociation, program = '' } = options;
    const isHere = address === ANY_ADDRESS || this.namespace.isLocalAddress(address);
    if (!isHere) return Errno.EADDRNOTAVAIL;
    const others = this.#listeners.get(port) ?? [];
    const clashes = (other: SctpListener) =>
      other.address === address || other.address === ANY_ADDRESS || address === ANY_ADDRESS;
    if (others.some(clashes)) return Errno.EADDRINUSE;
    const waiting: SctpAssociation[] = [];
    const close = () => {
      const left = (this.#listeners.get(port) ?? []).filter((other) => other !== listener);
      if (left.length === 0) this.#listeners.delete(port);
      else this.#listeners.set(port, left);
      for (const association of waiting.splice(0)) association.abort();
    };
    const listener: OpenListener = { address, port, program, waiting, onAssociation, close };
    this.#listeners.set(port, [...others, listener]);
    return listener;
  }

  /** Opens an association; failures are told by `onClosed`, never before this returns. */
  connect(options: SctpConnectOptions): SctpAssociation {
    const { namespace } = this;
    const { address, port, handlers } = options;
    const chosen = options.sourceAddress ?? ANY_ADDRESS;
    const query =
      chosen === ANY_ADDRESS ? { destination: address } : { destination: address, source: chosen };
    const route = namespace.routeLookup(query);
    const source = chosen === ANY_ADDRESS ? (route?.source ?? ANY_ADDRESS) : chosen;
    const isFree = (own: number) => {
      const ends = {
        localAddress: source,
        localPort: own,
        remoteAddress: address,
        remotePort: port,
      };
      return !this.#listeners.has(own) && !this.#associations.has(textOf(ends));
    };
    const ownPort = this.#table.ports.chooseForConnect(address, port, isFree);
    const association = this.#create(source, ownPort, address, port, this.#newFields(address));
    association.handlers = handlers;
    const hasRoute = route?.type === 'unicast' || route?.type === 'local';
    if (hasRoute && ownPort !== 0) {
      association.open();
      return association;
    }
    association.state = SctpState.cookieWait;
    const { queue } = namespace.world;
    queue.scheduleCallback(queue.nowNs, () => {
      if (hasRoute) association.finish('refused', Errno.EADDRNOTAVAIL);
      else association.finish('unreachable', Errno.ENETUNREACH);
    });
    return association;
  }

  /** Takes a packet to a local address in; `packet.start` is its IPv4 header. */
  deliver(packet: Packet): void {
    const { bytes, start } = packet;
    const at = start + headerBytesOf(bytes, start);
    const end = start + totalLengthOf(bytes, start);
    if (!isWholeSctp(bytes, at, end)) {
      this.noteDrop(packet, 'SCTP packet is malformed');
      return;
    }
    if (!isSctpChecksumRight(bytes, at, end)) {
      this.counters.checksumErrors++;
      this.noteDrop(packet, 'SCTP checksum is wrong');
      return;
    }
    const ends = endsOf(packet, at);
    const association = this.#associations.get(textOf(ends));
    const port = ends.localPort;
    const listener = this.#findListener(ends.localAddress, port);
    packet.way?.watch?.onDelivery(this.#table, packet, at);
    if (association !== undefined || listener !== undefined) {
      const { world, name } = this.namespace;
      packet.way?.add(world.nowNs, name, 'deliver', 'sctp', '', `port ${port}`);
    }
    if (association !== undefined) association.receive(packet, at, end);
    else if (listener === undefined || !this.#receiveByListener(packet, at, end)) {
      this.#answerStranger(packet, at, ends);
    }
  }

  /** An ICMP error quotes a packet of an association; `transport` is the quoted common header. */
  icmpErrorArrives(
    bytes: Uint8Array,
    transport: number,
    local: IpAddress,
    remote: IpAddress,
    type: number,
    code: number,
  ): void {
    const ends = {
      localAddress: local,
      localPort: sourcePortOf(bytes, transport),
      remoteAddress: remote,
      remotePort: destinationPortOf(bytes, transport),
    };
    const association = this.#associations.get(textOf(ends));
    if (association === undefined) return;
    if (isTooBig(remote, type, code)) association.onPathMtu();
    else if (isNoProtocol(remote, type, code) && association.state === SctpState.cookieWait) {
      association.finish('unreachable', Errno.ENOPROTOOPT);
    }
  }

  /** Aborts what is open and closes what listens: their process has ended. */
  closeAll(): void {
    for (const listener of this.listeners()) listener.close();
    for (const association of this.associations()) association.close();
  }

  /** Forgets everything without a packet or a call. */
  destroy(): void {
    for (const association of this.associations()) {
      association.handlers = {};
      association.finish('reset', Errno.ECONNABORTED);
    }
    this.#listeners.clear();
  }

  // what follows is for associations

  /** Answers an INIT with a cookie; nothing is kept of it. */
  answerInit(packet: Packet, chunkAt: number): void {
    const { bytes, start } = packet;
    const at = start + headerBytesOf(bytes, start);
    const ends = endsOf(packet, at);
    const local = this.#newFields(ends.remoteAddress);
    const remote = parseInit(bytes, chunkAt);
    const cookie: Cookie = {
      createdAtNs: this.namespace.world.nowNs,
      local,
      remote,
      remoteAddress: ends.remoteAddress,
      ports: portsOf(ends),
    };
    this.#answer(ends, remote.tag, initAckChunk(local, encodeCookie(cookie, this.#key)), packet);
  }

  /** A peer brought a cookie back: its association is there from now on. */
  takeCookie(packet: Packet, chunkAt: number, end: number, known?: SctpAssociation): void {
    const { bytes, start } = packet;
    const at = start + headerBytesOf(bytes, start);
    const ends = endsOf(packet, at);
    const cookie = decodeCookie(bytes, chunkAt + CHUNK_HEADER_BYTES, this.#key);
    const isOurs =
      cookie !== undefined &&
      cookie.remoteAddress === ends.remoteAddress &&
      cookie.ports === portsOf(ends) &&
      cookie.local.tag === verificationTagOf(bytes, at);
    if (!isOurs) {
      this.noteDrop(packet, 'SCTP cookie is not ours');
      return;
    }
    if (known !== undefined && known.local.tag === cookie.local.tag) {
      known.transmit([chunkOf(ChunkType.cookieAck)]);
      return;
    }
    if (this.namespace.world.nowNs - cookie.createdAtNs > COOKIE_LIFE_NS) {
      this.#answer(ends, cookie.remote.tag, staleCookieChunk(), packet);
      return;
    }
    const listener = this.#findListener(ends.localAddress, ends.localPort);
    // the peer has begun anew, so what was there is over
    known?.finish('reset', Errno.ECONNRESET);
    if (listener === undefined) {
      this.#answerStranger(packet, at, ends);
      return;
    }
    this.#accept(listener, ends, cookie, packet, chunkAt, end);
  }

  /** Hands a packet to IP. */
  transmit(packet: Packet): void {
    this.#table.transmit(packet);
  }

  /** Notes that a packet ends at the sockets. */
  noteDrop(packet: Packet, reason: string): void {
    this.#table.noteDrop(packet, reason);
  }

  /** The longest packet to a peer, in bytes. */
  mtuBytesTo(address: IpAddress, source: IpAddress): number {
    const route = this.namespace.routeLookup({ destination: address, source });
    return route === undefined ? 1500 : this.namespace.pathMtuBytes(address, route);
  }

  /** Takes an association that is over out. */
  forget(association: SctpAssociation): void {
    this.#associations.delete(textOf(association));
    for (const { waiting } of this.#listeners.get(association.localPort) ?? []) {
      const index = waiting.indexOf(association);
      if (index >= 0) waiting.splice(index, 1);
    }
  }

  /** True when a listener had a use for the packet of somebody without an association. */
  #receiveByListener(packet: Packet, at: number, end: number): boolean {
    const { bytes } = packet;
    const chunkAt = at + SCTP_HEADER_BYTES;
    const type = chunkTypeOf(bytes, chunkAt);
    if (type === ChunkType.init && verificationTagOf(bytes, at) === 0) {
      this.answerInit(packet, chunkAt);
      return true;
    }
    if (type !== ChunkType.cookieEcho) return false;
    this.takeCookie(packet, chunkAt, end);
    return true;
  }

  #accept(
    listener: OpenListener,
    ends: SctpEnds,
    { local, remote }: Cookie,
    packet: Packet,
    chunkAt: number,
    end: number,
  ): void {
    const { localAddress, localPort, remoteAddress, remotePort } = ends;
    const own = this.#create(localAddress, localPort, remoteAddress, remotePort, local);
    own.learnPeer(remote);
    own.establish();
    if (listener.onAssociation === undefined) listener.waiting.push(own);
    else own.handlers = listener.onAssociation(own);
    own.transmit([chunkOf(ChunkType.cookieAck)]);
    takeChunks(own, packet, nextChunkAt(packet.bytes, chunkAt), end);
  }

  /** What a packet without an association gets: an ABORT, mostly. */
  #answerStranger(packet: Packet, at: number, ends: SctpEnds): void {
    const { bytes } = packet;
    const chunkAt = at + SCTP_HEADER_BYTES;
    this.counters.outOfBlue++;
    switch (chunkTypeOf(bytes, chunkAt)) {
      case ChunkType.init: {
        const tag = readU32(bytes, chunkAt + 4);
        this.#answer(ends, tag, chunkOf(ChunkType.abort), packet);
        this.noteDrop(packet, 'SCTP port is closed');
        return;
      }
      case ChunkType.abort:
      case ChunkType.shutdownComplete:
      case ChunkType.cookieAck:
        break;
      case ChunkType.shutdownAck: {
        const complete = reflectedChunk(ChunkType.shutdownComplete);
        this.#answer(ends, verificationTagOf(bytes, at), complete, packet);
        break;
      }
      default: {
        const abort = reflectedChunk(ChunkType.abort);
        this.#answer(ends, verificationTagOf(bytes, at), abort, packet);
      }
    }
    this.noteDrop(packet, 'no association for the SCTP packet');
  }

  #answer(ends: SctpEnds, tag: number, chunk: Uint8Array, to: Packet): void {
    if (!this.namespace.isLocalAddress(ends.localAddress)) return;
    const mtuBytes = this.mtuBytesTo(ends.remoteAddress, ends.localAddress);
    const packet = packetOf(ends, tag, [chunk], 0, mtuBytes);
    packet.way = to.way?.fork();
    this.transmit(packet);
  }

  #create(
    localAddress: IpAddress,
    localPort: number,
    remoteAddress: IpAddress,
    remotePort: number,
    local: InitFields,
  ): SctpAssociation {
    const key = keyOf(this.#key, local.tag);
    const own = new SctpAssociation(
      this,
      localAddress,
      localPort,
      remoteAddress,
      remotePort,
      local,
      key,
    );
    this.#associations.set(textOf(own), own);
    return own;
  }

  /** A tag and a TSN that nobody had. */
  #newFields(remoteAddress: IpAddress): InitFields {
    const number = this.#tagCount++;
    const whom = isIpv6Address(remoteAddress)
      ? ipv6Words(remoteAddress).reduce((sum, word) => (sum ^ word) >>> 0)
      : remoteAddress;
    const tag = draw32(this.#key, whom, number, 1) || 1;
    return initFieldsOf(tag, draw32(this.#key, whom, number, 2));
  }

  #findListener(address: IpAddress, port: number): OpenListener | undefined {
    const listeners = this.#listeners.get(port);
    return (
      listeners?.find((listener) => listener.address === address) ??
      listeners?.find((listener) => listener.address === ANY_ADDRESS)
    );
  }
}

/** True for an ICMP error that says what the path takes. */
function isTooBig(remote: IpAddress, type: number, code: number): boolean {
  if (isIpv6Address(remote)) return type === Icmpv6Type.packetTooBig;
  return type === IcmpType.destinationUnreachable && code === UnreachableCode.fragmentationNeeded;
}

/** True for an ICMP error of a host that knows no SCTP. */
function isNoProtocol(remote: IpAddress, type: number, code: number): boolean {
  if (isIpv6Address(remote)) {
    return type === Icmpv6Type.parameterProblem && code === ParameterProblemCode.nextHeader;
  }
  return type === IcmpType.destinationUnreachable && code === UnreachableCode.protocol;
}

/** The ends of an incoming packet, seen from here. */
function endsOf(packet: Packet, at: number): SctpEnds {
  const { bytes, start } = packet;
  return {
    localAddress: destinationOf(bytes, start),
    localPort: destinationPortOf(bytes, at),
    remoteAddress: sourceOf(bytes, start),
    remotePort: sourcePortOf(bytes, at),
  };
}

function textOf({ localAddress, localPort, remoteAddress, remotePort }: SctpEnds): string {
  return `${localAddress}:${localPort}-${remoteAddress}:${remotePort}`;
}

function portsOf({ localPort, remotePort }: SctpEnds): number {
  return ((remotePort << 16) | localPort) >>> 0;
}

/** ERROR: the cookie came too late. */
function staleCookieChunk(): Uint8Array {
  const cause = new Uint8Array(8);
  writeU16(cause, 0, ErrorCause.staleCookie);
  writeU16(cause, 2, 8);
  return chunkOf(ChunkType.error, cause);
}
