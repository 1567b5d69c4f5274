/**
 * Every reason with which IPv6 drops a packet, provoked: what a sends to or through its router is
 * changed on the wire.
 */
import { expect, test } from 'vitest';
import { ipv6DestinationOf, ipv6SourceOf } from '../../wire/ipv6/header.ts';
import { finishIcmpv6Checksum } from '../../wire/ipv6/icmpv6.ts';
import type { Namespace } from '../namespace.ts';
import type { Packet } from '../packet.ts';
import { PingSocket } from '../socket/ping.ts';
import { ip, Lab } from '../testing/lab.ts';

const NEIGHBOUR_SOLICITATION = 135;

/** Behind the Ethernet header: hop limit, source, the ICMPv6 message and the target in it. */
const HOP_LIMIT = 14 + 7;
const SOURCE = 14 + 8;
const MESSAGE = 14 + 40;
const TARGET = MESSAGE + 8;

/** How the bytes of a frame are changed; `at` is its first one. */
type Change = (bytes: Uint8Array, at: number, packet: Packet) => void;

/** a fd00:a::2, a router fd00:a::1, and b fd00:b::2 behind it. */
function routed() {
  const lab = new Lab();
  const [a, router, b] = [lab.namespace('a'), lab.namespace('router'), lab.namespace('b')];
  lab.cable(a, 'eth0', 'fd00:a::2/64', router, 'left', 'fd00:a::1/64');
  lab.cable(router, 'right', 'fd00:b::1/64', b, 'eth0', 'fd00:b::2/64');
  router.sysctls.set('net.ipv6.conf.all.forwarding', 1);
  lab.route(a, '::/0', { gateway: ip('fd00:a::1') });
  return { lab, a, router };
}

/** Changes frames of this ICMPv6 type on their way into a device. */
function changing(router: Namespace, type: number, change: Change): void {
  const device = router.deviceByName('left')!;
  const receive = device.receive.bind(device);
  device.receive = (packet) => {
    const { bytes, start } = packet;
    if (bytes[start + MESSAGE] === type) change(bytes, start, packet);
    receive(packet);
  };
}

const ECHO_REQUEST = 128;

const CASES: readonly (readonly [string, string, number, Change])[] = [
  ['malformed IPv6 header', 'fd00:b::2', ECHO_REQUEST, (bytes, at) => void (bytes[at + 14] = 0x70)],
  ['unicast in a group frame', 'fd00:b::2', ECHO_REQUEST, (bytes, at) => void (bytes[at] = 0x33)],
  [
    'hop limit exceeded',
    'fd00:b::2',
    ECHO_REQUEST,
    (bytes, at) => void (bytes[at + HOP_LIMIT] = 1),
  ],
  [
    'source is no address to forward for',
    'fd00:b::2',
    ECHO_REQUEST,
    (bytes, at) => void bytes.fill(0, at + SOURCE, at + SOURCE + 16),
  ],
  [
    'source is of the link',
    'fd00:b::2',
    ECHO_REQUEST,
    (bytes, at) => void bytes.set([0xfe, 0x80], at + SOURCE),
  ],
  [
    'malformed ICMPv6 message',
    'fd00:a::1',
    ECHO_REQUEST,
    (bytes, at) => void (bytes[at + MESSAGE + 6]! ^= 1),
  ],
  [
    'neighbour discovery from afar',
    'fd00:a::1',
    NEIGHBOUR_SOLICITATION,
    (bytes, at) => void (bytes[at + HOP_LIMIT] = 64),
  ],
  [
    'malformed neighbour discovery message',
    'fd00:a::1',
    NEIGHBOUR_SOLICITATION,
    (bytes, at, packet) => {
      bytes[at + TARGET] = 0xff;
      const ends = [ipv6SourceOf(bytes, at + 14), ipv6DestinationOf(bytes, at + 14)] as const;
      finishIcmpv6Checksum(bytes, at + MESSAGE, packet.end - at - MESSAGE, ...ends);
    },
  ],
];

test.each(CASES)('%s', (reason, to, type, change) => {
  const { lab, a, router } = routed();
  changing(router, type, change);
  PingSocket.start(a.sockets, { address: ip(to), onResult: () => {} });
  lab.run(1);
  expect([...router.dropCounts.keys()]).toContain(reason);
});

test('IPv6 is disabled', () => {
  const { lab, a, router } = routed();
  PingSocket.start(a.sockets, { address: ip('fd00:a::1'), onResult: () => {} });
  lab.run(1);
  router.sysctls.set('net.ipv6.conf.left.disable_ipv6', 1);
  PingSocket.start(a.sockets, { address: ip('fd00:a::1'), onResult: () => {} });
  lab.run(1);
  expect(router.dropCounts.get('IPv6 is disabled')).toBe(1);
});
