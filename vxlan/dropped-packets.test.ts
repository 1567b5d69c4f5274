/**
 * Every reason with which a VXLAN device drops a frame, provoked: container a1 10.0.1.3 on host a,
 * b1 10.0.1.4 on host b.
 */
import { expect, test } from 'vitest';
import { Packet } from '../net/packet.ts';
import { ip } from '../net/testing/lab.ts';
import { Way } from '../net/way.ts';
import { type Mac, macOfIpv4 } from '../wire/addresses.ts';
import { ARP_BYTES, ArpOperation, writeArp } from '../wire/arp.ts';
import { ETHERNET_HEADER_BYTES, EtherType, writeEthernetHeader } from '../wire/ethernet.ts';
import { IPV4_HEADER_BYTES } from '../wire/ipv4.ts';
import { UDP_HEADER_BYTES } from '../wire/udp.ts';
import { VXLAN_HEADER_BYTES, writeVxlanHeader } from '../wire/vxlan.ts';
import { OverlayLab } from './testing/overlay-lab.ts';
import { VxlanDevice } from './vxlan-device.ts';

const VTEP_PORT = 4789;
const A1: Mac = macOfIpv4(ip('10.0.1.3'));
const B1: Mac = macOfIpv4(ip('10.0.1.4'));

class Overlay {
  readonly lab = new OverlayLab();
  readonly ways: Way[] = [];
  readonly vxlan: VxlanDevice;
  readonly a1 = this.lab.a.container('a1', '10.0.1.3');

  constructor() {
    this.lab.b.container('b1', '10.0.1.4');
    this.lab.introduce();
    this.vxlan = this.lab.a.overlay.vxlan!;
  }

  /** Frames that a's bridge hands to the tunnel. */
  transmit(frame: Packet): void {
    frame.way = new Way(this.ways);
    this.vxlan.transmit(frame);
    this.lab.run(0.1);
  }

  /** What host a sends to b's VTEP: a header for this VNI, and an inner frame of zeros. */
  toVtep(vni: number | undefined, innerBytes: number, change: (packet: Packet) => void = () => {}) {
    const payloadBytes = VXLAN_HEADER_BYTES + innerBytes;
    const packet = this.lab.udp('192.168.1.1', '192.168.1.2', VTEP_PORT, { payloadBytes });
    const header = packet.start + IPV4_HEADER_BYTES + UDP_HEADER_BYTES;
    if (vni !== undefined) writeVxlanHeader(packet.bytes, header, vni);
    change(packet);
    // a tunnel computes no checksum where it is not told to
    packet.bytes.fill(0, header - 2, header);
    packet.way = new Way(this.ways);
    this.lab.a.namespace.sendIpv4(packet);
    this.lab.run(0.1);
  }

  arp(operation: number, target: string): Packet {
    const frame = Packet.allocate(ETHERNET_HEADER_BYTES + ARP_BYTES);
    const { bytes, start } = frame;
    writeEthernetHeader(bytes, start, 0xffff_ffff_ffff, A1, EtherType.arp);
    writeArp(bytes, start + ETHERNET_HEADER_BYTES, {
      operation,
      senderMac: A1,
      senderAddress: ip('10.0.1.3'),
      targetMac: 0,
      targetAddress: ip(target),
    });
    return frame;
  }

  /** A datagram of a1's to b1. */
  datagram(payloadBytes: number): Packet {
    const options = { payloadBytes, dontFragment: true };
    const packet = this.lab.udp('10.0.1.3', '10.0.1.4', 9, options);
    packet.push(ETHERNET_HEADER_BYTES);
    writeEthernetHeader(packet.bytes, packet.start, B1, A1, EtherType.ipv4);
    return packet;
  }
}

const PROVOCATIONS: Readonly<Record<string, (overlay: Overlay) => void>> = {
  'malformed VXLAN header': (overlay) => overlay.toVtep(undefined, 60),
  'no vxlan device has this VNI': (overlay) => overlay.toVtep(5000, 60),
  'inner frame is cut short': (overlay) => overlay.toVtep(4097, 9),
  'inner source MAC address is not valid': (overlay) => overlay.toVtep(4097, 60),
  'a permanent entry puts the source behind another VTEP': ({ lab, ways, a1 }) => {
    lab.b.overlay.removePeer({ endpointId: 'a1', ...peerOf('10.0.1.3', '192.168.1.1') });
    lab.b.overlay.addPeer({ endpointId: 'a1', ...peerOf('10.0.1.3', '192.168.1.9') });
    const packet = lab.udp('10.0.1.3', '10.0.1.4', 9);
    packet.way = new Way(ways);
    a1.sendIpv4(packet);
    lab.run(0.1);
  },
  'no VTEP is known for the MAC address': (overlay) => {
    overlay.lab.a.overlay.removePeer({ endpointId: 'b1', ...peerOf('10.0.1.4', '192.168.1.2') });
    overlay.transmit(overlay.datagram(10));
  },
  'no route to the VTEP': (overlay) => {
    const { namespace } = overlay.lab.a;
    namespace.removeRoute({ destination: ip('192.168.1.0'), prefixLength: 24 });
    overlay.transmit(overlay.datagram(10));
  },
  'packet is too big for the underlay': (overlay) => {
    const { namespace } = overlay.lab.a;
    namespace.setMtu(namespace.deviceByName('eth0')!, 1000);
    overlay.transmit(overlay.datagram(1000));
  },
  'congestion cannot be told to the inner packet': (overlay) =>
    overlay.toVtep(4097, 60, (packet) => {
      const { bytes, start } = packet;
      bytes[start + 1] = 3;
      bytes[start + 11]! -= 3;
      const inner = packet.end - 60;
      writeEthernetHeader(bytes, inner, A1, B1, EtherType.ipv4);
      bytes[inner + ETHERNET_HEADER_BYTES] = 0x45;
    }),
  'the VTEP is behind the tunnel itself': (overlay) => {
    const { namespace } = overlay.lab.a;
    const tunnel = new VxlanDevice({
      name: 'loop0',
      mac: 0x0200_0000_00aa,
      mtuBytes: 1450,
      vni: 99,
      underlay: namespace,
      remote: ip('192.168.99.2'),
    });
    tunnel.register();
    namespace.addDevice(tunnel);
    namespace.addAddress(tunnel, { address: ip('192.168.99.1'), prefixLength: 24 });
    namespace.setUp(tunnel, true);
    const frame = overlay.datagram(10);
    frame.way = new Way(overlay.ways);
    tunnel.transmit(frame);
    expect([tunnel.statistics.txErrors, tunnel.statistics.collisions]).toEqual([1, 1]);
  },
  'ARP that is no request stays on this host': (overlay) =>
    overlay.transmit(overlay.arp(ArpOperation.reply, '10.0.1.4')),
  'ARP for no unicast address': (overlay) =>
    overlay.transmit(overlay.arp(ArpOperation.request, '127.0.0.1')),
  'no neighbour is known for the address': (overlay) =>
    overlay.transmit(overlay.arp(ArpOperation.request, '10.0.1.99')),
  'the neighbour entry is not connected': (overlay) => {
    const { namespace } = overlay.vxlan;
    namespace.neighbours.send(overlay.vxlan, ip('10.0.1.50'), overlay.lab.echo('10.0.1.50'));
    overlay.transmit(overlay.arp(ArpOperation.request, '10.0.1.50'));
  },
};

function peerOf(address: string, vtep: string) {
  return { address: ip(address), mac: macOfIpv4(ip(address)), vtep: ip(vtep) };
}

test.each(Object.keys(PROVOCATIONS))('%s', (reason) => {
  const overlay = new Overlay();
  PROVOCATIONS[reason]!(overlay);
  const ends = overlay.ways.flatMap(({ steps }) => steps.filter(({ event }) => event === 'drop'));
  expect(ends.map(({ detail }) => detail)).toContain(reason);
});
