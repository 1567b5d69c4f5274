/**
 * The sockets of one namespace: which socket a TCP segment, a datagram or an ICMP error is for, and
 * which ports are taken.
 *
 * A port that nobody has is answered as Linux answers it: a RST for TCP, port unreachable for UDP.
 * Mirrors net/ipv4/inet_hashtables.c, tcp_ipv4.c (`tcp_v4_rcv`) and udp.c (`__udp4_lib_rcv`).
 */
import { type DrawKey, draw32, hashText, keyOf } from '../../sim/chance.ts';
import { ANY_ADDRESS } from '../../wire/addresses.ts';
import * as icmp from '../../wire/icmp.ts';
import { ICMP_HEADER_BYTES, IcmpType, identifierOf, UnreachableCode } from '../../wire/icmp.ts';
import {
  destinationOf,
  headerBytesOf,
  isIpv6,
  protocolOf,
  sourceOf,
  totalLengthOf,
} from '../../wire/ip.ts';
import { ANY_IPV6, type IpAddress, isIpv6Address } from '../../wire/ip-address.ts';
import { IPV4_HEADER_BYTES, IpProtocol } from '../../wire/ipv4.ts';
import { NextHeader } from '../../wire/ipv6/header.ts';
import { Icmpv6Type, mtuOf, Unreachable6Code } from '../../wire/ipv6/icmpv6.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import type { RouteResult } from '../ip/route.ts';
import type { SendResult } from '../ip/send-result.ts';
import type { Namespace } from '../namespace.ts';
import type { Packet } from '../packet.ts';
import { doClash, doFamiliesClash, familyOf } from './binding.ts';
import { newSocketCounters, type UdpCounters } from './counters.ts';
import { Errno, errnoOfIcmp, errnoOfIcmpv6, isFatalIcmp, isFatalIcmpv6 } from './errno.ts';
import type { PingSocket } from './ping.ts';
import { PortChooser } from './ports.ts';
import { SctpSockets } from './sctp/sockets.ts';
import { type ConnectOptions, openConnection } from './tcp/connect.ts';
import { TcpConnection } from './tcp/connection.ts';
import { EndpointMap } from './tcp/endpoint-map.ts';
import { icmpErrorArrives } from './tcp/icmp.ts';
import { type ListenOptions, type SocketFamily, TcpListener } from './tcp/listener.ts';
import { sendResetFor } from './tcp/segment.ts';
import { TimeWaits } from './tcp/time-wait.ts';
import { TcpTimers } from './tcp/timers.ts';
import { type KernelUdpHandler, type UdpHandlers, UdpSocket } from './udp-socket.ts';

/** The sockets of one namespace. */
export class SocketTable {
  readonly namespace: Namespace;
  readonly timers: TcpTimers;
  readonly endpoints = new EndpointMap();
  readonly timeWaits = new TimeWaits(this);
  readonly ports: PortChooser;
  readonly sctp: SctpSockets;
  readonly counters = newSocketCounters();
  /** Sees every packet that a socket sends, before routing; `explain` attaches a way here. */
  onSend: ((packet: Packet) => void) | undefined = undefined;
  readonly #listeners = new Map<number, TcpListener[]>();
  readonly #udpSockets = new Map<number, UdpSocket[]>();
  readonly #pingSockets = new Map<number, PingSocket>();
  readonly #sequenceKey: DrawKey;

  constructor(namespace: Namespace) {
    this.namespace = namespace;
    this.timers = TcpTimers.of(namespace.world.queue);
    this.ports = new PortChooser(namespace);
    this.sctp = new SctpSockets(this);
    this.#sequenceKey = keyOf(
      namespace.world.chance.key('socket.sequence'),
      hashText(namespace.name),
    );
  }

  /** Opens a UDP socket, not bound yet. */
  openUdp(handlers: UdpHandlers = {}): UdpSocket {
    return new UdpSocket(this, handlers, undefined);
  }

  /**
   * Binds a kernel consumer (VXLAN) to a UDP port of all addresses of a family; it gets whole packets,
   * whose `start` is the IP header and whose UDP checksum is right, or absent over IPv6 where
   * `takesNoChecksum`. EADDRINUSE when the port is taken.
   */
  bindKernelUdp(
    port: number,
    handler: KernelUdpHandler,
    family: SocketFamily = 'ipv4',
    takesNoChecksum = false,
  ): Errno {
    const socket = new UdpSocket(this, {}, handler);
    socket.family = family;
    socket.takesNoChecksum6 = takesNoChecksum;
    return socket.bind(port);
  }

  /** Gives the port of a kernel consumer back. */
  unbindKernelUdp(port: number, family: SocketFamily = 'ipv4'): void {
    for (const socket of this.#udpSockets.get(port) ?? []) {
      if (socket.kernelHandler === undefined || socket.family !== family) continue;
      socket.close();
      return;
    }
  }

  /**
   * Opens a TCP connection. Failures are told by `onClosed`, never before this returns; without a
   * route the reason is `unreachable`, without a free port `refused` with EADDRNOTAVAIL.
   */
  connect(options: ConnectOptions): TcpConnection {
    return openConnection(this, options);
  }

  /** Listens for TCP connections; an errno when the port or address cannot be had. */
  listen(options: ListenOptions): TcpListener | Errno {
    const given = options.address ?? ANY_ADDRESS;
    const { family = familyOf(given) } = options;
    const address = given === ANY_IPV6 ? ANY_ADDRESS : given;
    let { port } = options;
    if (!this.#canBindTo(address)) return Errno.EADDRNOTAVAIL;
    const isTaken = (wanted: number) => this.#hasListener(wanted, address, family);
    if (port === 0) port = this.ports.chooseForBind((free) => !isTaken(free));
    if (port === 0 || isTaken(port)) return Errno.EADDRINUSE;
    const listener = new TcpListener(this, { ...options, address, port, family });
    const others = this.#listeners.get(port);
    if (others === undefined) this.#listeners.set(port, [listener]);
    else others.push(listener);
    return listener;
  }

  /** All listeners, in the order of their ports' first use. */
  listeners(): TcpListener[] {
    return [...this.#listeners.values()].flat();
  }

  /** All bound UDP sockets, in the order of their ports' first use. */
  udpSockets(): UdpSocket[] {
    return [...this.#udpSockets.values()].flat();
  }

  /**
   * Takes a local TCP segment, UDP datagram, SCTP packet or ICMP echo reply in; `packet.start` is its
   * IP header. False for other protocols.
   */
  deliver(packet: Packet): boolean {
    const protocol = protocolOf(packet.bytes, packet.start);
    if (protocol === IpProtocol.tcp) this.#deliverTcp(packet);
    else if (protocol === IpProtocol.udp) this.#deliverUdp(packet);
    else if (protocol === IpProtocol.sctp) this.sctp.deliver(packet);
    else if (protocol === IpProtocol.icmp || protocol === NextHeader.icmpv6) {
      this.deliverEchoReply(packet);
    } else return false;
    return true;
  }

  /** Takes an ICMP error in; `packet.start` is the IPv4 header of the ICMP message itself. */
  deliverIcmpError(packet: Packet): void {
    const { bytes, start } = packet;
    const at = start + headerBytesOf(bytes, start);
    const quoted = at + ICMP_HEADER_BYTES;
    if (packet.end - quoted < IPV4_HEADER_BYTES + 8) return;
    const type = icmp.typeOf(bytes, at);
    const code = icmp.codeOf(bytes, at);
    const transport = quoted + headerBytesOf(bytes, quoted);
    const local = sourceOf(bytes, quoted);
    const remote = destinationOf(bytes, quoted);
    const localPort = udp.sourcePortOf(bytes, transport);
    const remotePort = udp.destinationPortOf(bytes, transport);
    const isVersion6 = isIpv6(bytes, start);
    const errno = isVersion6 ? errnoOfIcmpv6(type, code) : errnoOfIcmp(type, code);
    switch (protocolOf(bytes, quoted)) {
      case IpProtocol.tcp: {
        const endpoint = this.endpoints.find(local, localPort, remote, remotePort);
        if (endpoint instanceof TcpConnection) {
          icmpErrorArrives(endpoint, errno, tcp.sequenceOf(bytes, transport) | 0);
        }
        return;
      }
      case IpProtocol.udp: {
        const socket = this.#findUdp(local, localPort, remote, remotePort);
        if (socket === undefined) return;
        socket.handlers.onIcmpError?.(
          {
            type,
            code,
            from: sourceOf(bytes, start),
            toAddress: remote,
            toPort: remotePort,
            mtuBytes: isVersion6 ? mtuOf(bytes, at) : icmp.nextHopMtuOf(bytes, at),
          },
          socket,
        );
        if (socket.remotePort === 0) return;
        const isFatal = isVersion6 ? isFatalIcmpv6(type, code) : isFatalIcmp(type, code);
        if (isFatal) socket.handlers.onError?.(errno, socket);
        return;
      }
      case IpProtocol.sctp:
        this.sctp.icmpErrorArrives(bytes, transport, local, remote, type, code);
        return;
      case NextHeader.icmpv6:
      case IpProtocol.icmp: {
        const identifier = identifierOf(bytes, transport);
        const asked = isVersion6 ? Icmpv6Type.echoRequest : IcmpType.echoRequest;
        if (icmp.typeOf(bytes, transport) !== asked) return;
        this.#pingSockets.get(identifier)?.errorArrives(packet, at, transport);
      }
    }
  }

  /** Takes an ICMP echo reply in; `packet.start` is its IP header. */
  deliverEchoReply(packet: Packet): void {
    const at = packet.start + headerBytesOf(packet.bytes, packet.start);
    const socket = this.#pingSockets.get(identifierOf(packet.bytes, at));
    if (socket === undefined) return;
    if (packet.way !== undefined) this.#noteDelivery(packet, 'ping', '');
    socket.replyArrives(packet, at);
  }

  /** Closes every socket as the kernel does when its process ends: FIN, or RST where unread. */
  closeAll(): void {
    for (const listener of this.listeners()) listener.close();
    for (const endpoint of this.endpoints.list()) {
      if (endpoint instanceof TcpConnection) endpoint.close();
    }
    for (const socket of this.udpSockets()) if (socket.kernelHandler === undefined) socket.close();
    this.sctp.closeAll();
    this.#pingSockets.clear();
  }

  /** Forgets every socket without a packet or a call: the host has lost its power. */
  destroy(): void {
    for (const endpoint of this.endpoints.list()) {
      if (!(endpoint instanceof TcpConnection)) continue;
      endpoint.handlers = {};
      endpoint.listener = undefined;
      endpoint.finish('reset', Errno.ECONNABORTED);
    }
    this.sctp.destroy();
    this.timeWaits.clear();
    this.#listeners.clear();
    this.#udpSockets.clear();
    this.#pingSockets.clear();
  }

  // what follows is for the sockets

  /** The number behind `net.ipv4.<name>`. */
  tunable(name: string): number {
    return this.namespace.sysctls.number(`net.ipv4.${name}`);
  }

  /** Hands a packet to IP, along a route if the sender has looked one up. */
  transmit(packet: Packet, route?: RouteResult | undefined): SendResult {
    if (this.onSend !== undefined) this.onSend(packet);
    const protocol = protocolOf(packet.bytes, packet.start);
    if (protocol === IpProtocol.tcp) this.counters.segmentsSent++;
    else if (protocol === IpProtocol.udp) this.#udpCountersOf(packet).sent++;
    if (route !== undefined) return this.namespace.sendAlong(packet, route);
    return this.namespace.send(packet);
  }

  /** Notes that a packet ends at the sockets. */
  noteDrop(packet: Packet, reason: string): void {
    this.namespace.drop(packet, 'socket', reason);
  }

  /** A connection with a free tuple, in no state yet; undefined when there is no way to the peer. */
  createConnection(
    localAddress: IpAddress,
    localPort: number,
    remoteAddress: IpAddress,
    remotePort: number,
    isn?: number,
  ): TcpConnection | undefined {
    const { namespace } = this;
    const route = namespace.routeLookup({ destination: remoteAddress, source: localAddress });
    if (route === undefined) return undefined;
    const connection = new TcpConnection(
      this,
      localAddress,
      localPort,
      remoteAddress,
      remotePort,
      isn ?? this.#initialSequence(localAddress, localPort, remoteAddress, remotePort),
      namespace.pathMtuBytes(remoteAddress, route),
    );
    this.endpoints.add(connection);
    return connection;
  }

  /** An IPv4 identification to start from. */
  nextIdentification(seed: number): number {
    return draw32(this.#sequenceKey, seed) & 0xffff;
  }

  /** Gives a segment to the listener of its port; false when nobody listens. */
  receiveByListener(packet: Packet, at: number, end: number, isn?: number): boolean {
    const { bytes, start } = packet;
    const listener = this.#findListener(
      destinationOf(bytes, start),
      udp.destinationPortOf(bytes, at),
    );
    if (listener === undefined) return false;
    listener.receive(packet, at, end, isn);
    return true;
  }

  /** True when `connect` may use the port as its own: nobody listens there. */
  isFreeForConnect(port: number): boolean {
    return !this.#listeners.has(port);
  }

  /** Takes a listener out. */
  removeListener(listener: TcpListener): void {
    removeFrom(this.#listeners, listener.port, listener);
  }

  /** Gives a UDP socket an address and port. */
  bindUdp(socket: UdpSocket, port: number, given: IpAddress): Errno {
    if (isIpv6Address(given) && socket.family === 'ipv4') socket.family = familyOf(given);
    const address = given === ANY_IPV6 ? ANY_ADDRESS : given;
    if (!this.#canBindTo(address)) return Errno.EADDRNOTAVAIL;
    let chosen = port;
    if (port === 0) {
      chosen = this.ports.chooseForBind(
        (free) => !this.#hasUdpSocket(free, address, socket.family),
      );
      if (chosen === 0) return Errno.EADDRINUSE;
    } else if (this.#hasUdpSocket(port, address, socket.family)) return Errno.EADDRINUSE;
    socket.localPort = chosen;
    socket.localAddress = address;
    const others = this.#udpSockets.get(chosen);
    if (others === undefined) this.#udpSockets.set(chosen, [socket]);
    else others.push(socket);
    return Errno.none;
  }

  /** Takes a UDP socket's port back. */
  unbindUdp(socket: UdpSocket): void {
    removeFrom(this.#udpSockets, socket.localPort, socket);
  }

  /** Registers a ping socket under its identifier; false when that is taken. */
  addPing(identifier: number, socket: PingSocket): boolean {
    if (this.#pingSockets.has(identifier)) return false;
    this.#pingSockets.set(identifier, socket);
    return true;
  }

  /** Takes a ping socket out. */
  removePing(identifier: number): void {
    this.#pingSockets.delete(identifier);
  }

  #udpCountersOf({ bytes, start }: Packet): UdpCounters {
    return this.counters.udp[isIpv6(bytes, start) ? 'ipv6' : 'ipv4'];
  }

  #deliverTcp(packet: Packet): void {
    const { bytes, start } = packet;
    this.counters.segmentsReceived++;
    const at = start + headerBytesOf(bytes, start);
    const end = start + totalLengthOf(bytes, start);
    if (!tcp.isWholeTcpHeader(bytes, at, end)) {
      this.noteDrop(packet, 'TCP header is cut short');
      return;
    }
    const source = sourceOf(bytes, start);
    const destination = destinationOf(bytes, start);
    if (!tcp.isTcpChecksumRight(bytes, at, end - at, source, destination)) {
      this.counters.checksumErrors++;
      this.noteDrop(packet, 'TCP checksum is wrong');
      return;
    }
    const sourcePort = tcp.sourcePortOf(bytes, at);
    const destinationPort = tcp.destinationPortOf(bytes, at);
    const endpoint = this.endpoints.find(destination, destinationPort, source, sourcePort);
    if (packet.way !== undefined) {
      packet.way.watch?.onDelivery(this, packet, at);
      if (endpoint !== undefined || this.#findListener(destination, destinationPort)) {
        this.#noteDelivery(packet, 'tcp', `port ${destinationPort}`);
      }
    }
    if (endpoint !== undefined) endpoint.receive(packet, at, end);
    else if (!this.receiveByListener(packet, at, end)) {
      sendResetFor(this, packet, at, end);
      const { syn, ack } = tcp.TcpFlag;
      const opens = (tcp.flagsOf(bytes, at) & (syn | ack)) === syn;
      this.noteDrop(packet, opens ? 'TCP port is closed' : 'no connection for the segment');
    }
  }

  #deliverUdp(packet: Packet): void {
    const { bytes, start } = packet;
    const at = start + headerBytesOf(bytes, start);
    const end = start + totalLengthOf(bytes, start);
    const lengthBytes = end - at >= udp.UDP_HEADER_BYTES ? udp.lengthOf(bytes, at) : 0;
    if (lengthBytes < udp.UDP_HEADER_BYTES || lengthBytes > end - at) {
      this.noteDrop(packet, 'UDP length is wrong');
      return;
    }
    const source = sourceOf(bytes, start);
    const destination = destinationOf(bytes, start);
    if (!udp.isUdpChecksumRight(bytes, at, lengthBytes, source, destination)) {
      this.#udpCountersOf(packet).checksumErrors++;
      this.noteDrop(packet, 'UDP checksum is wrong');
      return;
    }
    const sourcePort = udp.sourcePortOf(bytes, at);
    const destinationPort = udp.destinationPortOf(bytes, at);
    const socket = this.#findUdp(destination, destinationPort, source, sourcePort);
    if (socket === undefined) {
      this.#udpCountersOf(packet).unknownPorts++;
      this.#refuseDatagram(packet);
      this.noteDrop(packet, 'UDP port is closed');
      return;
    }
    if (isIpv6(bytes, start) && udp.checksumOf(bytes, at) === 0 && !socket.takesNoChecksum6) {
      this.#udpCountersOf(packet).checksumErrors++;
      this.noteDrop(packet, 'UDP checksum is missing');
      return;
    }
    if (packet.way !== undefined) {
      if (socket.kernelHandler === undefined) packet.way.watch?.onDelivery(this, packet, at);
      this.#noteDelivery(packet, 'udp', `port ${destinationPort}`);
    }
    this.#udpCountersOf(packet).received++;
    if (socket.kernelHandler !== undefined) socket.kernelHandler(packet);
    else {
      const payload = bytes.subarray(at + udp.UDP_HEADER_BYTES, at + lengthBytes);
      socket.handlers.onDatagram?.(payload, source, sourcePort, socket, destination);
    }
  }

  /** True when a TCP or UDP socket, or one that listens, has these ends. */
  hasSocket(
    protocol: number,
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
  ): boolean {
    if (protocol === IpProtocol.udp) {
      return this.#findUdp(local, localPort, remote, remotePort) !== undefined;
    }
    if (protocol !== IpProtocol.tcp) return false;
    if (this.endpoints.find(local, localPort, remote, remotePort) !== undefined) return true;
    return this.#findListener(local, localPort) !== undefined;
  }

  /** The socket that fits best: connected before bound to the address before any (`compute_score`). */
  #findUdp(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
  ): UdpSocket | undefined {
    const sockets = this.#udpSockets.get(localPort);
    if (sockets === undefined) return undefined;
    const deaf = isIpv6Address(local) ? 'ipv4' : 'ipv6';
    let best: UdpSocket | undefined;
    let bestScore = 0;
    for (let i = 0; i < sockets.length; i++) {
      const socket = sockets[i]!;
      if (socket.family === deaf) continue;
      let score = 1;
      if (socket.localAddress !== ANY_ADDRESS) {
        if (socket.localAddress !== local) continue;
        score += 1;
      }
      if (socket.remotePort !== 0) {
        if (socket.remotePort !== remotePort || socket.remoteAddress !== remote) continue;
        score += 2;
      }
      if (score > bestScore) {
        best = socket;
        bestScore = score;
      }
    }
    return best;
  }

  #findListener(address: IpAddress, port: number): TcpListener | undefined {
    const listeners = this.#listeners.get(port);
    if (listeners === undefined) return undefined;
    const deaf = isIpv6Address(address) ? 'ipv4' : 'ipv6';
    let any: TcpListener | undefined;
    for (let i = 0; i < listeners.length; i++) {
      if (listeners[i]!.family === deaf) continue;
      if (listeners[i]!.address === address) return listeners[i];
      if (listeners[i]!.address === ANY_ADDRESS) any = listeners[i];
    }
    return any;
  }

  #hasListener(port: number, address: IpAddress, family: SocketFamily): boolean {
    const listeners = this.#listeners.get(port);
    const clashes = (other: TcpListener) =>
      doClash(other.address, address) && doFamiliesClash(other.family, family);
    return listeners?.some(clashes) === true;
  }

  #hasUdpSocket(port: number, address: IpAddress, family: SocketFamily): boolean {
    const sockets = this.#udpSockets.get(port);
    const clashes = (other: UdpSocket) =>
      doClash(other.localAddress, address) && doFamiliesClash(other.family, family);
    return sockets?.some(clashes) === true;
  }

  #canBindTo(address: IpAddress): boolean {
    if (address === ANY_ADDRESS || this.namespace.isLocalAddress(address)) return true;
    const family = isIpv6Address(address) ? 'ipv6' : 'ipv4';
    return this.namespace.sysctls.number(`net.${family}.ip_nonlocal_bind`) !== 0;
  }

  /** Tells the sender of a datagram that nobody has the port. */
  #refuseDatagram(packet: Packet): void {
    const { namespace } = this;
    if (isIpv6(packet.bytes, packet.start)) {
      const { destinationUnreachable } = Icmpv6Type;
      namespace.ipv6.sendIcmpError(packet, destinationUnreachable, Unreachable6Code.port, 0);
    } else {
      namespace.sendIcmpError(packet, IcmpType.destinationUnreachable, UnreachableCode.port);
    }
  }

  /** RFC 6528: a secret of the tuple, and a clock of 64 ns. */
  #initialSequence(
    localAddress: IpAddress,
    localPort: number,
    remoteAddress: IpAddress,
    remotePort: number,
  ): number {
    const secret = draw32(
      this.#sequenceKey,
      localAddress,
      remoteAddress,
      localPort * 65_536 + remotePort,
    );
    return (secret + Math.floor(this.namespace.world.nowNs / 64)) | 0;
  }

  #noteDelivery(packet: Packet, place: string, detail: string): void {
    const { world, name } = this.namespace;
    packet.way?.add(world.nowNs, name, 'deliver', place, '', detail);
  }
}

function removeFrom<T>(map: Map<number, T[]>, port: number, socket: T): void {
  const sockets = map.get(port);
  const index = sockets?.indexOf(socket) ?? -1;
  if (sockets === undefined || index < 0) return;
  sockets.splice(index, 1);
  if (sockets.length === 0) map.delete(port);
}
