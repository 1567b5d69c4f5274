/**
 * A small laboratory for tests of the stack: namespaces, cables, bridges and pings in a few words.
 */
import { World } from '../../sim/world.ts';

import { finishIcmpChecksum, IcmpType, writeIcmpEcho } from '../../wire/icmp.ts';
import { type IpAddress, isIpv6Address, parseIp, parseIpPrefix } from '../../wire/ip-address.ts';
import { IPV4_HEADER_BYTES, IpProtocol, writeIpv4Header } from '../../wire/ipv4.ts';
import { finishUdpChecksum, UDP_HEADER_BYTES, writeUdpHeader } from '../../wire/udp.ts';
import { Bridge } from '../device/bridge.ts';
import type { Device } from '../device/device.ts';
import { createVethPair, type Veth } from '../device/veth.ts';
import { HostCounters } from '../host-counters.ts';
import type { RouteSpecification } from '../ip/route.ts';
import { DEFAULT_KERNEL, type KernelTraits } from '../kernel-release.ts';
import { Namespace } from '../namespace.ts';
import { Packet } from '../packet.ts';
import { Way } from '../way.ts';

/** The address of a text that is known to be one. */
export function ip(text: string): IpAddress {
  return parseIp(text)!;
}

/** How a test packet differs from a small one with TTL 64. */
export interface PacketOptions {
  readonly payloadBytes?: number;
  readonly ttl?: number;
  readonly dontFragment?: boolean;
  readonly identification?: number;
  readonly source?: string;
  readonly sequenceNumber?: number;
}

/** Namespaces on one host, and what connects them. */
export class Lab {
  readonly world = new World('lab');
  readonly host: HostCounters;
  #macCount = 0;

  /** On a host with the newest kernel, or an older one. */
  constructor(kernel: KernelTraits = DEFAULT_KERNEL) {
    this.host = new HostCounters(this.world, kernel);
  }

  /** A namespace with loopback up. */
  namespace(name: string, initial?: Namespace): Namespace {
    const options = { name, nodeIndex: 0, host: this.host };
    const namespace = new Namespace(
      this.world,
      initial === undefined ? options : { ...options, initial },
    );
    namespace.setUp(namespace.loopback, true);
    return namespace;
  }

  /** The next MAC address: 02:00:00:00:00:01 and so on. */
  nextMac(): number {
    return 0x0200_0000_0000 + ++this.#macCount;
  }

  /** A veth pair between two namespaces, both ends up; addresses as `10.0.0.1/24`. */
  cable(
    a: Namespace,
    aName: string,
    aAddress: string,
    b: Namespace,
    bName: string,
    bAddress: string,
    mtu = 1500,
  ): [Veth, Veth] {
    const [left, right] = createVethPair(aName, this.nextMac(), bName, this.nextMac(), mtu);
    a.addDevice(left);
    b.addDevice(right);
    this.address(left, aAddress);
    this.address(right, bAddress);
    a.setUp(left, true);
    b.setUp(right, true);
    return [left, right];
  }

  /** A bridge that is up. */
  bridge(namespace: Namespace, name: string, address = ''): Bridge {
    const bridge = new Bridge(name, this.nextMac());
    namespace.addDevice(bridge);
    this.address(bridge, address);
    namespace.setUp(bridge, true);
    return bridge;
  }

  /** Adds `10.0.0.1/24` or `fd00::1/64`, of use at once (nothing for an empty text). */
  address(device: Device, text: string): void {
    const prefix = parseIpPrefix(text);
    if (prefix === undefined) return;
    const { address, lengthBits: prefixLength } = prefix;
    const { namespace } = device;
    if (!isIpv6Address(address)) namespace.addAddress(device, { address, prefixLength });
    else namespace.ipv6.addresses.add(device, { address, prefixLength, skipsDetection: true });
  }

  /** Adds `10.0.0.0/8 via …` or `fd00::/64 via …`; `default` is 0.0.0.0/0. */
  route(
    namespace: Namespace,
    prefixText: string,
    more: Omit<RouteSpecification, 'destination' | 'prefixLength'>,
  ): string | undefined {
    const prefix = parseIpPrefix(prefixText === 'default' ? '0.0.0.0/0' : prefixText)!;
    const { address: destination, lengthBits: prefixLength } = prefix;
    const { routes } = isIpv6Address(destination) ? namespace.ipv6 : namespace;
    return routes.add({ destination, prefixLength, ...more });
  }

  /** An echo request with a way. */
  echo(to: string, options: PacketOptions = {}): Packet {
    const { payloadBytes = 56, sequenceNumber = 1 } = options;
    const packet = this.#datagram(IpProtocol.icmp, to, 8 + payloadBytes, options);
    const at = packet.start + IPV4_HEADER_BYTES;
    writeIcmpEcho(packet.bytes, at, IcmpType.echoRequest, 7, sequenceNumber);
    for (let i = 0; i < payloadBytes; i++) packet.bytes[at + 8 + i] = i & 255;
    finishIcmpChecksum(packet.bytes, at, 8 + payloadBytes);
    return packet;
  }

  /** A UDP datagram with a way; ports 1000 to `port`. */
  udp(from: string, to: string, port: number, options: PacketOptions = {}): Packet {
    const lengthBytes = UDP_HEADER_BYTES + (options.payloadBytes ?? 56);
    const packet = this.#datagram(IpProtocol.udp, to, lengthBytes, { ...options, source: from });
    const at = packet.start + IPV4_HEADER_BYTES;
    writeUdpHeader(packet.bytes, at, 1000, port, lengthBytes, 0);
    finishUdpChecksum(packet.bytes, at, lengthBytes, ip(from), ip(to));
    return packet;
  }

  /** Lets time pass, in seconds. */
  run(seconds = 0): void {
    const { queue } = this.world;
    queue.runUntil(queue.nowNs + Math.round(seconds * 1e9));
  }

  #datagram(protocol: number, to: string, payloadBytes: number, options: PacketOptions): Packet {
    const packet = Packet.allocate(IPV4_HEADER_BYTES + payloadBytes);
    writeIpv4Header(packet.bytes, packet.start, {
      totalLengthBytes: IPV4_HEADER_BYTES + payloadBytes,
      identification: options.identification ?? 1,
      dontFragment: options.dontFragment ?? false,
      ttl: options.ttl ?? 64,
      protocol,
      source: options.source === undefined ? 0 : ip(options.source),
      destination: ip(to),
    });
    packet.way = new Way();
    return packet;
  }
}

/** The steps of a packet's way, one line each: `ns event place detail`. */
export function wayOf(packet: Packet): string[] {
  return packet.way!.steps.map(({ namespace, event, place, detail }) =>
    `${namespace} ${event} ${place} ${detail}`.replaceAll(/ +/g, ' ').trim(),
  );
}
