/**
 * Every reason with which the stack drops a packet, provoked: a packet is sent that must end so, and
 * its way says where and why. `scenarios/explain/remedies.ts` says of each what would mend it.
 */
import { expect, test } from 'vitest';
import type { Mac } from '../wire/addresses.ts';
import { ETHERNET_HEADER_BYTES, EtherType, writeEthernetHeader } from '../wire/ethernet.ts';
import { IcmpType, writeIcmpError } from '../wire/icmp.ts';
import {
  finishIpv4Checksum,
  IPV4_HEADER_BYTES,
  setFragment,
  writeIpv4Header,
} from '../wire/ipv4.ts';
import { ChunkType } from '../wire/sctp.ts';
import { finishTcpChecksum, TCP_HEADER_BYTES, TcpFlag, writeTcpHeader } from '../wire/tcp.ts';
import { ConnectionStatus } from './conntrack/connection.ts';
import type { Device } from './device/device.ts';
import { Ipvlan } from './device/ipvlan.ts';
import { createVethPair } from './device/veth.ts';
import { Hook, Verdict } from './netfilter/hook.ts';
import { Packet } from './packet.ts';
import { chunkOf, packetOf } from './socket/sctp/packet.ts';
import { ip, Lab } from './testing/lab.ts';
import { Way } from './way.ts';

const BROADCAST: Mac = 0xffff_ffff_ffff;
const STRANGER: Mac = 0x0200_0000_9999;

/** Hosts a 10.0.0.1 and b 10.0.0.2 on a cable, and behind b, on another, c 10.1.0.3. */
class Street {
  readonly lab = new Lab();
  readonly a = this.lab.namespace('a');
  readonly b = this.lab.namespace('b');
  readonly c = this.lab.namespace('c');
  readonly left: Device;
  /** b's end of the cable to a. */
  readonly right: Device;
  readonly ways: Way[] = [];

  constructor() {
    const { lab, a, b, c } = this;
    [this.left, this.right] = lab.cable(a, 'eth0', '10.0.0.1/24', b, 'eth0', '10.0.0.2/24');
    lab.cable(b, 'eth1', '10.1.0.2/24', c, 'eth0', '10.1.0.3/24');
    lab.route(a, 'default', { gateway: ip('10.0.0.2') });
    lab.route(c, 'default', { gateway: ip('10.1.0.2') });
    b.sysctls.set('net.ipv4.ip_forward', 1);
  }

  /** Follows a packet. */
  watched(packet: Packet): Packet {
    packet.way = new Way(this.ways);
    return packet;
  }

  /** Puts an Ethernet header before a packet. */
  framed(
    packet: Packet,
    destination: Mac,
    source: Mac = STRANGER,
    type: number = EtherType.ipv4,
  ): Packet {
    this.watched(packet).push(ETHERNET_HEADER_BYTES);
    writeEthernetHeader(packet.bytes, packet.start, destination, source, type);
    return packet;
  }

  /** A frame of so many bytes. */
  frame(lengthBytes: number, destination: Mac, source: Mac = STRANGER): Packet {
    return this.framed(Packet.allocate(lengthBytes - ETHERNET_HEADER_BYTES), destination, source);
  }

  /** From a stranger in a's network to b: a datagram, whose bytes may be changed before it comes. */
  toB(change: (packet: Packet) => void, to = '10.0.0.2', mac = this.right.mac): void {
    const packet = this.lab.udp('10.0.0.77', to, 9);
    change(packet);
    this.right.receive(this.framed(packet, mac));
    this.lab.run(0.1);
  }

  /** From a stranger in a's network to b: a TCP segment from port 4000 to 80. */
  segmentToB(flags: number, change: (packet: Packet, at: number) => void = () => {}): void {
    const packet = Packet.allocate(IPV4_HEADER_BYTES + TCP_HEADER_BYTES);
    const at = packet.start + IPV4_HEADER_BYTES;
    const [source, destination] = [ip('10.0.0.77'), ip('10.0.0.2')];
    header(packet, 6, source, destination);
    writeTcpHeader(packet.bytes, at, {
      sourcePort: 4000,
      destinationPort: 80,
      sequence: 1,
      acknowledgement: 1,
      flags,
      window: 1000,
    });
    finishTcpChecksum(packet.bytes, at, TCP_HEADER_BYTES, source, destination);
    change(packet, at);
    this.right.receive(this.framed(packet, this.right.mac));
    this.lab.run(0.1);
  }

  /** To b's port 80, from port 4000 of a stranger (or of `from`): an SCTP packet of one chunk. */
  sctpToB(
    tag: number,
    type: ChunkType,
    change: (packet: Packet) => void = () => {},
    from = '10.0.0.77',
    localPort = 4000,
  ): void {
    const chunk = chunkOf(type, new Uint8Array(16).fill(1));
    const ends = { localPort, remotePort: 80 };
    const [localAddress, remoteAddress] = [ip(from), ip('10.0.0.2')];
    const packet = packetOf({ ...ends, localAddress, remoteAddress }, tag, [chunk], 1, 1500);
    change(packet);
    this.right.receive(this.framed(packet, this.right.mac));
    this.lab.run(0.1);
  }

  /** a asks c for a UDP port. */
  askC(): void {
    this.a.sendIpv4(this.watched(this.lab.udp('10.0.0.1', '10.1.0.3', 53)));
    this.lab.run(0.1);
  }

  /** An ICMP error of c about what b has made of a's question, with so many bytes of it. */
  errorFromC(type: number, quotedBytes: number): void {
    const { lab, b } = this;
    const question = lab.udp('10.1.0.2', '10.1.0.3', 53);
    const error = Packet.allocate(IPV4_HEADER_BYTES + 8 + quotedBytes);
    header(error, 1, ip('10.1.0.3'), ip('10.1.0.2'));
    const { bytes, start } = question;
    const at = error.start + IPV4_HEADER_BYTES;
    writeIcmpError(error.bytes, at, type, 1, 0, bytes, start, start + quotedBytes);
    const device = b.deviceByName('eth1')!;
    device.receive(this.framed(error, device.mac));
    lab.run(0.1);
  }

  /** Gives a rule to b. */
  rule(line: string): void {
    expect([line, this.b.tables.run(line)]).toEqual([line, undefined]);
  }
}

function header(packet: Packet, protocol: number, source: number, destination: number): void {
  writeIpv4Header(packet.bytes, packet.start, {
    totalLengthBytes: packet.lengthBytes,
    identification: 1,
    dontFragment: false,
    ttl: 64,
    protocol,
    source,
    destination,
  });
}

/** A bridge in b with two ports; what is received on the first comes from its other end. */
function bridged(street: Street) {
  const { lab, b } = street;
  const bridge = lab.bridge(b, 'br0');
  const ports = ['p0', 'p1'].map((name) => {
    const [port, end] = createVethPair(name, lab.nextMac(), 'eth0', lab.nextMac(), 1500);
    const far = lab.namespace(`far-${name}`);
    b.addDevice(port);
    far.addDevice(end);
    b.setMaster(port, bridge);
    b.setUp(port, true);
    far.setUp(end, true);
    return { port, end };
  });
  return { bridge, first: ports[0]!, second: ports[1]! };
}

function fragment(packet: Packet, offsetBytes: number, hasMore: boolean): void {
  setFragment(packet.bytes, packet.start, false, hasMore, offsetBytes);
  finishIpv4Checksum(packet.bytes, packet.start);
}

function forwardedTo(street: Street, type: 'unreachable' | 'prohibit' | 'blackhole'): void {
  street.lab.route(street.b, '10.9.0.0/16', { type });
  street.toB(() => {}, '10.9.0.1');
}

/** What provokes each reason. */
const PROVOCATIONS: Readonly<Record<string, (street: Street) => void>> = {
  'device is down': (street) => {
    street.b.setUp(street.right, false);
    street.right.receive(street.frame(60, street.right.mac));
  },
  'peer is down': (street) => {
    street.b.setUp(street.right, false);
    street.left.transmit(street.frame(60, street.right.mac));
  },
  'backlog is full': (street) => {
    street.b.setUp(street.b.deviceByName('eth1')!, false);
    const idle = street.lab.udp('10.1.0.3', '10.1.0.2', 9);
    idle.way = undefined;
    const { backlog } = street.lab.host;
    while (backlog.enqueue(street.b.deviceByName('eth1')!, idle));
    street.left.transmit(street.frame(60, street.right.mac));
  },
  'frame is too short': (street) => {
    const frame = street.frame(20, street.right.mac);
    frame.end = frame.start + 10;
    street.right.receive(frame);
  },
  'frame is longer than the MTU of the peer': (street) => {
    street.b.setMtu(street.right, 1000);
    street.left.transmit(street.frame(1200, street.right.mac));
  },
  'frame is longer than the MTU of the bridge port': (street) => {
    const { first, second } = bridged(street);
    street.b.setMtu(second.port, 1000);
    first.port.receive(street.frame(1200, BROADCAST));
  },
  'bridge port is not forwarding': (street) => {
    const { bridge, first } = bridged(street);
    street.b.setUp(bridge, false);
    first.port.receive(street.frame(60, BROADCAST));
  },
  'bridge port is no hairpin': (street) => {
    const { first } = bridged(street);
    first.port.receive(street.frame(60, BROADCAST, STRANGER));
    first.port.receive(street.frame(60, STRANGER, STRANGER + 1));
  },
  'bridge ports are isolated': (street) => {
    const { first, second } = bridged(street);
    for (const { port } of [first, second]) port.bridgePort!.isIsolated = true;
    second.port.receive(street.frame(60, BROADCAST, STRANGER));
    first.port.receive(street.frame(60, STRANGER, STRANGER + 1));
  },
  'bridge has no port for it': (street) => {
    const bridge = street.lab.bridge(street.b, 'br0', '10.5.0.1/24');
    bridge.transmit(street.frame(60, STRANGER));
  },
  'source is no unicast MAC address': (street) =>
    bridged(street).first.port.receive(street.frame(60, BROADCAST, BROADCAST)),
  'link-local group address': (street) =>
    bridged(street).first.port.receive(street.frame(60, 0x0180_c200_0001)),
  'ipvlan is private': (street) => {
    const { lab, b, right } = street;
    const [one, two] = ['i1', 'i2'].map((name) => new Ipvlan(name, right, 'l2', 'private'));
    for (const device of [one!, two!]) {
      const namespace = lab.namespace(device.name);
      b.addDevice(device);
      b.moveDevice(device, namespace);
      namespace.setUp(device, true);
    }
    lab.address(two!, '10.0.0.22/24');
    const packet = lab.udp('10.0.0.21', '10.0.0.22', 9);
    one!.transmit(street.framed(packet, right.mac, right.mac));
  },
  'unhandled protocol': (street) =>
    street.right.receive(street.framed(Packet.allocate(46), street.right.mac, STRANGER, 0x88cc)),
  'for another host': (street) => street.toB(() => {}, '10.0.0.2', STRANGER + 1),
  'malformed IPv4 header': (street) => street.toB(({ bytes, start }) => void (bytes[start] = 0x65)),
  'malformed ARP message': (street) =>
    street.right.receive(street.framed(Packet.allocate(46), BROADCAST, STRANGER, EtherType.arp)),
  'malformed ICMP message': (street) =>
    street.toB(({ bytes, start }) => {
      bytes[start + 9] = 1;
      finishIpv4Checksum(bytes, start);
    }),
  'martian source': (street) =>
    street.right.receive(
      street.framed(street.lab.udp('224.0.0.9', '10.0.0.2', 9), street.right.mac),
    ),
  'martian destination': (street) => street.toB(() => {}, '127.0.0.1'),
  'loopback source leaves the host': (street) =>
    street.a.sendIpv4(street.watched(street.lab.udp('127.0.0.1', '10.0.0.2', 9))),
  rp_filter: (street) => {
    street.b.sysctls.set('net.ipv4.conf.eth0.rp_filter', 1);
    const packet = street.lab.udp('10.1.0.9', '10.0.0.2', 9);
    street.right.receive(street.framed(packet, street.right.mac));
  },
  'multicast group is not joined': (street) => street.toB(() => {}, '224.0.0.9', 0x0100_5e00_0009),
  'no handler of the protocol': (street) =>
    street.toB(({ bytes, start }) => {
      bytes[start + 9] = 99;
      finishIpv4Checksum(bytes, start);
    }),
  'no route': (street) => street.toB(() => {}, '192.0.2.1'),
  'not forwarding': (street) => {
    street.b.sysctls.set('net.ipv4.ip_forward', 0);
    street.toB(() => {}, '10.1.0.3');
  },
  'route is unreachable': (street) => forwardedTo(street, 'unreachable'),
  'route is prohibited': (street) => forwardedTo(street, 'prohibit'),
  'route is a blackhole': (street) => forwardedTo(street, 'blackhole'),
  'unicast in a broadcast frame': (street) => street.toB(() => {}, '10.1.0.3', BROADCAST),
  'ttl exceeded': (street) =>
    street.toB(({ bytes, start }) => {
      bytes[start + 8] = 1;
      finishIpv4Checksum(bytes, start);
    }, '10.1.0.3'),
  'packet is too big': (street) => {
    street.b.setMtu(street.b.deviceByName('eth1')!, 600);
    const packet = street.lab.udp('10.0.0.77', '10.1.0.3', 9, {
      payloadBytes: 1000,
      dontFragment: true,
    });
    street.right.receive(street.framed(packet, street.right.mac));
  },
  'malformed fragment': (street) =>
    street.toB((packet) => {
      packet.end -= 3;
      packet.bytes[packet.start + 3]! -= 3;
      fragment(packet, 0, true);
    }),
  'fragment is a repetition': (street) => {
    for (let i = 0; i < 2; i++) street.toB((packet) => fragment(packet, 0, true));
  },
  'fragment overlaps another': (street) => {
    street.toB((packet) => fragment(packet, 0, true));
    street.toB((packet) => fragment(packet, 8, true));
  },
  'fragments are missing': (street) => {
    street.toB((packet) => fragment(packet, 0, true));
    street.lab.run(31);
  },
  'too many fragments wait': (street) => {
    for (let i = 0; i < 5000; i++) {
      const options = { payloadBytes: 1016, identification: i & 0xffff };
      const packet = street.lab.udp('10.0.0.77', '10.0.0.2', 9, options);
      fragment(packet, 0, true);
      street.right.receive(street.framed(packet, street.right.mac));
    }
  },
  'neighbour unreachable': (street) => {
    street.a.sendIpv4(street.watched(street.lab.echo('10.0.0.99')));
    street.lab.run(4);
  },
  'neighbour was removed': (street) => {
    street.a.sendIpv4(street.watched(street.lab.echo('10.0.0.99')));
    street.a.setUp(street.left, false);
  },
  'neighbour queue is full': (street) => {
    for (let i = 0; i < 200; i++) {
      const packet = street.lab.udp('10.0.0.1', '10.0.0.99', 9, { payloadBytes: 1400 });
      street.a.sendIpv4(street.watched(packet));
    }
  },
  'neighbour table overflow': (street) => {
    street.a.sysctls.set('net.ipv4.neigh.default.gc_thresh3', 0);
    street.a.sendIpv4(street.watched(street.lab.echo('10.0.0.99')));
  },
  'nf_conntrack: table full, dropping packet': (street) => {
    street.rule('-A FORWARD -m conntrack --ctstate NEW -j ACCEPT');
    street.b.sysctls.set('net.netfilter.nf_conntrack_max', 1);
    street.askC();
    street.b.connections.connections()[0]!.status |= ConnectionStatus.assured;
    const other = street.lab.udp('10.0.0.77', '10.1.0.3', 99);
    street.right.receive(street.framed(other, street.right.mac));
  },
  'conntrack: connection died before it was confirmed': (street) => {
    street.rule('-A FORWARD -m conntrack --ctstate NEW -j ACCEPT');
    street.b.hooks.register(Hook.postrouting, 0, 'forget', (packet) => {
      street.b.connections.delete(packet.connection!);
      return Verdict.accept;
    });
    street.askC();
  },
  'conntrack: tuple is taken by another connection': (street) => {
    // the second connection may have the first one's port only
    street.rule('-t nat -A POSTROUTING -p udp -j SNAT --to-source 10.1.0.2:5000');
    street.askC();
    const other = street.lab.udp('10.0.0.77', '10.1.0.3', 53);
    street.right.receive(street.framed(other, street.right.mac));
  },
  'nat: masqueraded flow left by another device': (street) => {
    street.rule('-t nat -A POSTROUTING -s 10.0.0.0/24 -j MASQUERADE');
    street.askC();
    const { lab, b } = street;
    lab.cable(b, 'eth2', '10.2.0.2/24', lab.namespace('d'), 'eth0', '10.2.0.3/24');
    b.removeRoute({ destination: ip('10.1.0.0'), prefixLength: 24 });
    lab.route(b, '10.1.0.0/24', { gateway: ip('10.2.0.3') });
    street.askC();
  },
  'nat: redirect of a rewritten flow': (street) => {
    street.rule('-t nat -A POSTROUTING -s 10.0.0.0/24 -j MASQUERADE');
    street.askC();
    street.errorFromC(IcmpType.redirect, 28);
  },
  'nat: quoted header is cut short': (street) => {
    street.rule('-t nat -A POSTROUTING -s 10.0.0.0/24 -j MASQUERADE');
    street.askC();
    street.errorFromC(IcmpType.destinationUnreachable, 24);
  },
  'TCP port is closed': (street) => street.segmentToB(TcpFlag.syn),
  'no connection for the segment': (street) => street.segmentToB(TcpFlag.ack),
  'accept queue is full': (street) => {
    const listener = street.b.sockets.listen({ port: 80, backlog: 0, onConnection: () => ({}) });
    if (typeof listener === 'object') listener.isAccepting = false;
    const connect = () =>
      street.a.sockets.connect({ address: ip('10.0.0.2'), port: 80, handlers: {} });
    connect();
    street.lab.run(1);
    street.segmentToB(TcpFlag.syn);
  },
  'no route back': (street) => {
    street.b.sockets.listen({ port: 80, onConnection: () => ({}) });
    street.b.removeRoute({ destination: ip('10.0.0.0'), prefixLength: 24 });
    street.segmentToB(TcpFlag.syn);
  },
  'TCP header is cut short': (street) =>
    street.segmentToB(TcpFlag.syn, ({ bytes }, at) => void (bytes[at + 12] = 0xf0)),
  'TCP checksum is wrong': (street) =>
    street.segmentToB(TcpFlag.syn, ({ bytes }, at) => void (bytes[at + 16]! ^= 1)),
  'UDP length is wrong': (street) =>
    street.toB(({ bytes, start }) => void (bytes[start + IPV4_HEADER_BYTES + 5] = 3)),
  'UDP checksum is wrong': (street) =>
    street.toB(({ bytes, start }) => void (bytes[start + IPV4_HEADER_BYTES + 6]! ^= 1)),
  'UDP port is closed': (street) => street.toB(() => {}),
  'SCTP packet is malformed': (street) =>
    street.toB(({ bytes, start }) => {
      bytes[start + 9] = 132;
      finishIpv4Checksum(bytes, start);
    }),
  'SCTP checksum is wrong': (street) =>
    street.sctpToB(1, ChunkType.cookieAck, ({ bytes, start }) => void (bytes[start + 28]! ^= 1)),
  'SCTP port is closed': (street) => street.sctpToB(0, ChunkType.init),
  'no association for the SCTP packet': (street) => street.sctpToB(1, ChunkType.cookieAck),
  'SCTP verification tag is wrong': (street) => {
    street.b.sockets.sctp.listen({ port: 80, onAssociation: () => ({}) });
    const address = ip('10.0.0.2');
    const { localPort } = street.a.sockets.sctp.connect({ address, port: 80, handlers: {} });
    street.lab.run(1);
    street.sctpToB(1, ChunkType.data, () => {}, '10.0.0.1', localPort);
  },
};

test.each(Object.keys(PROVOCATIONS))('%s', (reason) => {
  const street = new Street();
  PROVOCATIONS[reason]!(street);
  street.lab.run(0.1);
  const ends = street.ways.flatMap(({ steps }) => steps.filter(({ event }) => event === 'drop'));
  expect(ends.map(({ detail }) => detail)).toContain(reason);
});
