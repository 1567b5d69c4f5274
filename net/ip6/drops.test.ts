/** What IPv6 does not take, each with the reason that the way of the packet ends with. */
import { expect, test } from 'vitest';
import { ETHERNET_HEADER_BYTES, EtherType, writeEthernetHeader } from '../../wire/ethernet.ts';
import { IPV6_HEADER_BYTES, NextHeader, writeIpv6Header } from '../../wire/ipv6/header.ts';
import { finishIcmpv6Checksum, Icmpv6Type, writeIcmpv6Header } from '../../wire/ipv6/icmpv6.ts';
import { Packet } from '../packet.ts';
import { ip, Lab } from '../testing/lab.ts';

interface Crafted {
  readonly source?: string;
  readonly destination?: string;
  readonly type?: number;
  readonly hopLimit?: number;
  readonly mac?: number;
  readonly spoil?: (bytes: Uint8Array, at: number) => void;
}

/** A router between two links, and the reason with which it drops what came in by the left one. */
function reasonOf(crafted: Crafted): string | undefined {
  const lab = new Lab();
  const router = lab.namespace('router');
  const [left] = lab.cable(router, 'left', 'fd00:a::1/64', lab.namespace('a'), 'eth0', '');
  lab.cable(router, 'right', 'fd00:b::1/64', lab.namespace('b'), 'eth0', 'fd00:b::2/64');
  router.sysctls.set('net.ipv6.conf.all.forwarding', 1);
  lab.run(2);
  const { source = 'fd00:a::2', destination = 'fd00:a::1', hopLimit = 255 } = crafted;
  const lengthBytes = 32;
  const packet = Packet.allocate(ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES + lengthBytes);
  const { bytes, start } = packet;
  writeEthernetHeader(bytes, start, crafted.mac ?? left.mac, 0x0200_0000_00ff, EtherType.ipv6);
  const at = start + ETHERNET_HEADER_BYTES;
  writeIpv6Header(bytes, at, {
    payloadBytes: lengthBytes,
    nextHeader: NextHeader.icmpv6,
    hopLimit,
    source: ip(source),
    destination: ip(destination),
  });
  const icmpAt = at + IPV6_HEADER_BYTES;
  writeIcmpv6Header(bytes, icmpAt, crafted.type ?? Icmpv6Type.echoRequest, 0, 0);
  finishIcmpv6Checksum(bytes, icmpAt, lengthBytes, ip(source), ip(destination));
  crafted.spoil?.(bytes, at);
  left.receive(packet);
  return [...router.dropCounts.keys()].at(-1);
}

test.each<[string | undefined, Crafted]>([
  [undefined, {}],
  ['malformed IPv6 header', { spoil: (bytes, at) => bytes.fill(255, at + 4, at + 6) }],
  ['malformed ICMPv6 message', { spoil: (bytes, at) => bytes.fill(9, at + 42, at + 44) }],
  [
    'malformed neighbour discovery message',
    { type: Icmpv6Type.neighbourSolicitation, spoil: short },
  ],
  ['neighbour discovery from afar', { type: Icmpv6Type.neighbourSolicitation, hopLimit: 254 }],
  ['multicast source', { source: 'ff02::5' }],
  ['loopback address on a link', { source: '::1' }],
  ['group without a scope', { destination: 'ff00::1' }],
  ['group of a node on a link', { destination: 'ff01::1' }],
  ['multicast group is not joined', { destination: 'ff02::99', mac: 0x3333_0000_0099 }],
  ['unicast in a group frame', { destination: 'fd00:b::2', mac: 0x3333_0000_0001 }],
  ['source is no address to forward for', { source: '::', destination: 'fd00:b::2' }],
  ['source is of the link', { source: 'fe80::9', destination: 'fd00:b::2' }],
])('%s', (reason, crafted) => {
  expect(reasonOf(crafted)).toBe(reason);
});

/** Makes the option of a neighbour message one of no length. */
function short(bytes: Uint8Array, at: number): void {
  const icmpAt = at + IPV6_HEADER_BYTES;
  bytes[icmpAt + 24] = 1;
  bytes[icmpAt + 25] = 0;
  finishIcmpv6Checksum(bytes, icmpAt, 32, ip('fd00:a::2'), ip('fd00:a::1'));
}

test('IPv6 is disabled: addresses go, packets are dropped, and it can come back', () => {
  const lab = new Lab();
  const [a, b] = [lab.namespace('a'), lab.namespace('b')];
  const [left] = lab.cable(a, 'eth0', 'fd00::1/64', b, 'eth0', 'fd00::2/64');
  lab.run(2);
  expect(a.ipv6.addresses.of(left)).toHaveLength(2);
  a.sysctls.set('net.ipv6.conf.eth0.disable_ipv6', 1);
  expect(a.ipv6.addresses.of(left)).toHaveLength(0);
  expect(a.ipv6.routes.list().map(({ device }) => device?.name)).toEqual(['lo']);
  const socket = b.sockets.openUdp();
  socket.sendTo(new Uint8Array(3), ip('fd00::1'), 9);
  lab.run(0.5);
  expect(a.dropCounts.get('IPv6 is disabled')).toBe(1);
  a.sysctls.set('net.ipv6.conf.all.disable_ipv6', 0);
  expect(a.ipv6.addresses.of(left).map(({ isGenerated }) => isGenerated)).toEqual([true]);
});
