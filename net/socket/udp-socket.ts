/**
 * A UDP socket: bind, connect, send, and what arrives.
 *
 * A connected socket hears of fatal ICMP errors (port unreachable: ECONNREFUSED); an unconnected one
 * hears of none, as without IP_RECVERR. Don't-fragment is set on datagrams that fit the path, as
 * with Linux' default of IP_PMTUDISC_WANT. Mirrors net/ipv4/udp.c.
 */
import { ANY_ADDRESS } from '../../wire/addresses.ts';
import { plainHeaderBytes, writeIpHeader } from '../../wire/ip.ts';
import { anyAddressLike, type IpAddress } from '../../wire/ip-address.ts';
import { IPV4_TOTAL_BYTES_MAX, IpProtocol } from '../../wire/ipv4.ts';
import { finishUdpChecksum, UDP_HEADER_BYTES, writeUdpHeader } from '../../wire/udp.ts';
import { Packet } from '../packet.ts';
import { Errno } from './errno.ts';
import type { SocketTable } from './table.ts';
import type { SocketFamily } from './tcp/listener.ts';

/** An ICMP error about a datagram that a socket sent. */
export interface UdpIcmpError {
  readonly type: number;
  readonly code: number;
  /** Who reported it. */
  readonly from: IpAddress;
  /** Where the datagram was going. */
  readonly toAddress: IpAddress;
  readonly toPort: number;
  /** The MTU that fragmentation needed names; 0 for others. */
  readonly mtuBytes: number;
}

/** A program's part of a UDP socket. */
export interface UdpHandlers {
  /** A datagram came; `bytes` is a view of the packet and may be kept, but not changed. */
  onDatagram?(
    bytes: Uint8Array,
    fromAddress: IpAddress,
    fromPort: number,
    socket: UdpSocket,
    toAddress: IpAddress,
  ): void;
  /** An ICMP error ended what a connected socket tried. */
  onError?(errno: Errno, socket: UdpSocket): void;
  /** Any ICMP error about a datagram of this socket, connected or not (`IP_RECVERR`). */
  onIcmpError?(error: UdpIcmpError, socket: UdpSocket): void;
}

/** Takes whole packets of a port in (`udp_tunnel`): `packet.start` is the IP header. */
export type KernelUdpHandler = (packet: Packet) => void;

/** One UDP socket; {@link SocketTable.openUdp} makes it. */
export class UdpSocket {
  readonly table: SocketTable;
  readonly handlers: UdpHandlers;
  /** Set for a tunnel's socket, which takes whole packets. */
  readonly kernelHandler: KernelUdpHandler | undefined;
  localAddress: IpAddress = ANY_ADDRESS;
  /** 0 until it is bound. */
  localPort = 0;
  remoteAddress: IpAddress = ANY_ADDRESS;
  /** 0 unless it is connected. */
  remotePort = 0;
  /** What `ss` prints in `users:((…))`: `"dockerd",pid=355,fd=27`. */
  program = '';
  /** Set before it is bound. */
  family: SocketFamily = 'ipv4';
  /** Over IPv6 a datagram without a checksum is taken (`UDP_NO_CHECK6_RX`); else it is dropped. */
  takesNoChecksum6 = false;
  /** `IP_TTL`. */
  ttl = 64;
  isClosed = false;
  #identification = 0;

  constructor(
    table: SocketTable,
    handlers: UdpHandlers,
    kernelHandler: KernelUdpHandler | undefined,
  ) {
    this.table = table;
    this.handlers = handlers;
    this.kernelHandler = kernelHandler;
  }

  /** Binds to an address (default any) and port (default: a free one). */
  bind(port = 0, address: IpAddress = ANY_ADDRESS): Errno {
    if (this.localPort !== 0) return Errno.EINVAL;
    return this.table.bindUdp(this, port, address);
  }

  /** Sets the only peer. */
  connect(address: IpAddress, port: number): Errno {
    const route = this.table.namespace.routeLookup({ destination: address });
    if (route === undefined) return Errno.ENETUNREACH;
    if (this.localPort === 0) {
      const errno = this.bind(0, anyAddressLike(address));
      if (errno !== Errno.none) return errno;
    }
    if (this.localAddress === ANY_ADDRESS) this.localAddress = route.source;
    this.remoteAddress = address;
    this.remotePort = port;
    return Errno.none;
  }

  /** Sends to the peer of a connected socket. */
  send(bytes: Uint8Array): Errno {
    if (this.remotePort === 0) return Errno.EDESTADDRREQ;
    return this.sendTo(bytes, this.remoteAddress, this.remotePort);
  }

  /** Sends a datagram; binds the socket to a free port first, if it is not bound. */
  sendTo(bytes: Uint8Array, address: IpAddress, port: number): Errno {
    if (this.isClosed) return Errno.EINVAL;
    const ipBytes = plainHeaderBytes(address);
    if (bytes.length + ipBytes + UDP_HEADER_BYTES > IPV4_TOTAL_BYTES_MAX) return Errno.EMSGSIZE;
    if (this.localPort === 0) {
      const errno = this.bind(0, anyAddressLike(address));
      if (errno !== Errno.none) return errno;
    }
    const { namespace } = this.table;
    const chosen = this.localAddress;
    const query =
      chosen === ANY_ADDRESS ? { destination: address } : { destination: address, source: chosen };
    const route = namespace.routeLookup(query);
    if (route === undefined) return Errno.ENETUNREACH;
    const source = chosen === ANY_ADDRESS ? route.source : chosen;
    const lengthBytes = UDP_HEADER_BYTES + bytes.length;
    const totalLengthBytes = ipBytes + lengthBytes;
    const packet = Packet.allocate(totalLengthBytes);
    const at = packet.start + ipBytes;
    packet.bytes.set(bytes, at + UDP_HEADER_BYTES);
    writeUdpHeader(packet.bytes, at, this.localPort, port, lengthBytes, 0);
    finishUdpChecksum(packet.bytes, at, lengthBytes, source, address);
    this.#identification = (this.#identification + 1) & 0xffff;
    writeIpHeader(packet.bytes, packet.start, {
      totalLengthBytes,
      identification: this.#identification,
      dontFragment: totalLengthBytes <= namespace.pathMtuBytes(address, route),
      ttl: this.ttl,
      protocol: IpProtocol.udp,
      source,
      destination: address,
    });
    return this.table.transmit(packet);
  }

  /** Gives the port back. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.table.unbindUdp(this);
  }
}
