/**
 * What must hold on a router of both versions of IP, with a bridge, VLANs and macvlans, whatever rules
 * somebody adds with iptables, ip6tables or nft, and whatever is sent: nothing throws, checksums are
 * right after every rewrite, nothing is forwarded twice, answers come from whom was asked, and conntrack
 * forgets everything in the end.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Device } from '../net/device/device.ts';
import { Macvlan } from '../net/device/macvlan.ts';
import { createVethPair } from '../net/device/veth.ts';
import { Vlan } from '../net/device/vlan.ts';
import type { Namespace } from '../net/namespace.ts';
import { hasRightChecksums } from '../net/netfilter/fake-packets.ts';
import { Hook, Verdict } from '../net/netfilter/hook.ts';
import { Packet } from '../net/packet.ts';
import { PingSocket } from '../net/socket/ping.ts';
import { ip, Lab } from '../net/testing/lab.ts';
import { HOUR_NS } from '../sim/time.ts';
import {
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  VLAN_TAG_BYTES,
  vlanEtherTypeOf,
} from '../wire/ethernet.ts';
import { isFragment, totalLengthOf } from '../wire/ip.ts';
import { isIpv6Address } from '../wire/ip-address.ts';

const PORTS = [80, 443, 3868, 9000];

/**
 * ```
 * a, b ── br0 ─┐
 *              h ── eth0 ── x      macvlan m on eth0
 * v ── eth0.10 ┘                   macvlan n on eth0.10
 * ```
 */
function town() {
  const lab = new Lab();
  const h = lab.namespace('h');
  const x = lab.namespace('x');
  const [eth0, wire] = lab.cable(h, 'eth0', '203.0.113.10/24', x, 'eth0', '203.0.113.1/24');
  lab.address(eth0, '2001:db8::10/64');
  lab.address(wire, '2001:db8::1/64');
  const bridge = lab.bridge(h, 'br0', '10.1.0.1/24');
  lab.address(bridge, 'fd01::1/64');
  h.sysctls.set('net.ipv4.ip_forward', 1);
  h.sysctls.set('net.ipv6.conf.all.forwarding', 1);
  const live = (name: string, device: Device, addresses: readonly string[], gateways: string[]) => {
    const namespace = lab.namespace(name);
    if (device.namespace === undefined) h.addDevice(device);
    device.namespace.moveDevice(device, namespace, 'eth0');
    namespace.setUp(device, true);
    for (const address of addresses) lab.address(device, address);
    for (const gateway of gateways) {
      const all = isIpv6Address(ip(gateway)) ? '::/0' : 'default';
      lab.route(namespace, all, { gateway: ip(gateway), device });
    }
    return namespace;
  };
  const port = (name: string, last: number) => {
    const [inner, outer] = createVethPair('c', lab.nextMac(), `p${last}`, lab.nextMac());
    h.addDevice(inner);
    h.addDevice(outer);
    h.setUp(outer, true);
    h.setMaster(outer, bridge);
    const addresses = [`10.1.0.${last}/24`, `fd01::${last}/64`];
    return live(name, inner, addresses, ['10.1.0.1', 'fd01::1']);
  };
  const [a, b] = [port('a', 2), port('b', 3)];
  const vlan = new Vlan('eth0.10', eth0, 10);
  h.addDevice(vlan);
  h.setUp(vlan, true);
  for (const address of ['10.10.0.1/24', 'fd10::1/64']) lab.address(vlan, address);
  const far = new Vlan('eth0.10', wire, 10);
  x.addDevice(far);
  const v = live('v', far, ['10.10.0.2/24', 'fd10::2/64'], ['10.10.0.1', 'fd10::1']);
  const macvlan = (name: string, parent: Device) => new Macvlan(name, parent, lab.nextMac());
  const m = live('m', macvlan('m', eth0), ['203.0.113.20/24', '2001:db8::20/64'], []);
  const n = live('n', macvlan('n', vlan), ['10.10.0.20/24', 'fd10::20/64'], []);
  for (const subnet of ['10.1.0.0/24', '10.10.0.0/24']) {
    lab.route(x, subnet, { gateway: ip('203.0.113.10') });
  }
  for (const subnet of ['fd01::/64', 'fd10::/64'])
    lab.route(x, subnet, { gateway: ip('2001:db8::10') });
  lab.run(3);
  return { lab, h, all: { h, x, a, b, v, m, n } };
}

const v4 = fc.constantFrom('10.1.0.2', '10.1.0.3', '10.10.0.2', '203.0.113.10', '203.0.113.1');
const v6 = fc.constantFrom('fd01::2', 'fd01::3', 'fd10::2', '2001:db8::10', '2001:db8::1');
const others = fc.constantFrom('203.0.113.20', '10.10.0.20', '2001:db8::20', 'fd10::20');
const protocol = fc.constantFrom('tcp', 'udp', 'sctp');
const device = fc.constantFrom('br0', 'eth0', 'eth0.10', 'p+');
const number = fc.constantFrom('80', '3868', '80:9000');

const matchOf = (address: fc.Arbitrary<string>, isVersion6: boolean) =>
  fc.oneof(
    address.map((each) => `-s ${each}`),
    address.map((each) => `! -d ${each}`),
    fc.tuple(protocol, number).map(([p, port]) => `-p ${p} --dport ${port}`),
    fc
      .constantFrom('NEW', 'ESTABLISHED,RELATED', 'INVALID', 'DNAT', 'SNAT')
      .map((state) => `-m conntrack --ctstate ${state}`),
    fc.constantFrom(
      '-m length --length 600:',
      '-m statistic --mode nth --every 2 --packet 0',
      '-m hashlimit --hashlimit-upto 3/s --hashlimit-mode srcip --hashlimit-name h',
      '-m recent --set --name r',
      '-m recent --update --seconds 5 --name r',
      '-m u32 --u32 0>>24&0xF0=0x40:0x60',
      '-m addrtype --dst-type LOCAL',
      '-p sctp --chunk-types any INIT,DATA',
      isVersion6 ? '-m hl --hl-gt 60' : '-m ttl --ttl-gt 60',
      isVersion6 ? '-m ipv6header --header frag --soft' : '-f',
    ),
  );

const targetOf = (address: fc.Arbitrary<string>, isVersion6: boolean) => {
  const at = (to: string, port: string) => (isVersion6 ? `[${to}]:${port}` : `${to}:${port}`);
  const header = isVersion6 ? 'HL --hl-dec 1' : 'TTL --ttl-dec 1';
  return fc.oneof(
    fc
      .constantFrom('ACCEPT', 'DROP', 'REJECT', 'RETURN', 'LOG')
      .map((target) => ['filter', '', target] as const),
    fc
      .constantFrom(header, 'MARK --set-mark 1', 'DSCP --set-dscp 10', 'TOS --or-tos 8')
      .map((target) => ['mangle', '', target] as const),
    fc
      .tuple(protocol, address, fc.constantFrom('80', '3868', '80-90'))
      .map(([p, to, port]) => ['nat', `-p ${p}`, `DNAT --to-destination ${at(to, port)}`] as const),
    fc
      .constantFrom('MASQUERADE', 'MASQUERADE --random-fully', 'REDIRECT')
      .map((target) => ['nat', '', target] as const),
    address.map((to) => ['nat', '', `SNAT --to-source ${to}`] as const),
  );
};

const ruleOf = (address: fc.Arbitrary<string>, isVersion6: boolean) =>
  fc
    .record({
      chain: fc.constantFrom('PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'),
      on: fc.oneof(
        fc.constant(''),
        device.map((name) => `-i ${name}`),
        device.map((name) => `-o ${name}`),
      ),
      match: matchOf(address, isVersion6),
      target: targetOf(address, isVersion6),
    })
    .map(({ chain, on, match, target: [table, head, jump] }) => {
      const what = head !== '' && match.includes('-p ') ? '' : match;
      return `-t ${table} -A ${chain} ${on} ${head} ${what} -j ${jump}`;
    });

/** Rules of nft, in chains that lie where those of iptables do. */
const nftRule = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('forward', 'input', 'output'),
      v4,
      fc.constantFrom('accept', 'drop', 'reject'),
    )
    .map(([chain, address, verdict]) => `${chain} ip saddr ${address} counter ${verdict}`),
  fc
    .tuple(fc.constantFrom('tcp', 'udp'), number, v4)
    .map(([p, port, to]) => `dstnat ${p} dport ${port.replace(':', '-')} counter dnat to ${to}:80`),
  device.map((name) => `srcnat oifname "${name}" counter masquerade`),
  fc
    .constantFrom('invalid', 'new', 'established')
    .map((state) => `forward ct state ${state} accept`),
  fc.constant('forward meta mark set 0x1'),
);
const CHAINS = [
  'add chain ip t forward { type filter hook forward priority filter; }',
  'add chain ip t input { type filter hook input priority filter; }',
  'add chain ip t output { type filter hook output priority filter; }',
  'add chain ip t dstnat { type nat hook prerouting priority dstnat; }',
  'add chain ip t srcnat { type nat hook postrouting priority srcnat; }',
];

const question = fc.record({
  from: fc.constantFrom('x', 'a', 'b', 'v', 'm', 'n', 'h'),
  to: fc.oneof(v4, v6, others),
  port: fc.constantFrom(...PORTS),
  kind: fc.constantFrom('udp', 'udp', 'tcp', 'sctp', 'ping', 'frame'),
  payloadBytes: fc.constantFrom(8, 100, 1400, 3000),
  type: fc.constantFrom(EtherType.ipv4, EtherType.ipv6, EtherType.arp, EtherType.vlan),
  noise: fc.uint8Array({ minLength: 1, maxLength: 90 }),
});
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never;

/** True while a frame of noise is taken in, which is as wrong as it was made. */
let isNoise = false;

/** Looks at every frame and every forwarded packet. */
function watch({ h, all }: ReturnType<typeof town>, problems: string[]): void {
  const tap = (on: Device, { bytes, start }: Packet) => {
    const isTagged = etherTypeOf(bytes, start) === EtherType.vlan;
    const type = isTagged ? vlanEtherTypeOf(bytes, start) : etherTypeOf(bytes, start);
    if (isNoise || (type !== EtherType.ipv4 && type !== EtherType.ipv6)) return;
    const at = start + ETHERNET_HEADER_BYTES + (isTagged ? VLAN_TAG_BYTES : 0);
    if (isFragment(bytes, at)) return;
    const whole = new Packet(bytes, at, at + totalLengthOf(bytes, at));
    if (!hasRightChecksums(whole)) problems.push(`wrong checksum on ${on.name}`);
  };
  for (const { devices } of Object.values(all)) for (const one of devices.list()) one.tap = tap;
  const forwarded = new WeakSet<Packet>();
  h.onHooks((hooks) => {
    hooks.register(Hook.forward, -1000, 'once', (packet) => {
      if (forwarded.has(packet)) problems.push('forwarded twice');
      forwarded.add(packet);
      return Verdict.accept;
    });
  });
}

/** The router answers no UDP: a socket of any address answers from the one that the route has. */
function serve({ name, sockets }: Namespace): void {
  for (const port of PORTS) {
    sockets.listen({ port, onConnection: () => ({ onData: (bytes, own) => own.send(bytes) }) });
    sockets.sctp.listen({ port, onAssociation: () => ({}) });
    if (name === 'h') continue;
    const udp = sockets.openUdp({
      onDatagram: (bytes, from, fromPort, own) => own.sendTo(bytes, from, fromPort),
    });
    udp.bind(port);
  }
}

/** A frame of noise with a type on it, as whoever is on the wire may send. */
function sendNoise(from: Namespace, { type, noise }: Question): void {
  const own = from.deviceByName('eth0')!;
  const packet = Packet.allocate(ETHERNET_HEADER_BYTES + noise.length);
  packet.bytes.fill(0xff, packet.start, packet.start + 6);
  packet.bytes[packet.start + 6] = 2;
  packet.bytes[packet.start + 12] = type >> 8;
  packet.bytes[packet.start + 13] = type & 255;
  packet.bytes.set(noise, packet.start + ETHERNET_HEADER_BYTES);
  isNoise = true;
  own.receive(packet);
  isNoise = false;
}

function ask(from: Namespace, asked: Question, problems: string[]): void {
  const { to, port, kind, payloadBytes } = asked;
  const bytes = Uint8Array.from({ length: payloadBytes }, (_, i) => i & 255);
  const address = ip(to);
  const { sockets } = from;
  if (kind === 'frame') sendNoise(from, asked);
  else if (kind === 'ping')
    PingSocket.start(sockets, { address, payloadBytes, onResult: () => {} });
  else if (kind === 'udp') {
    const socket = sockets.openUdp({
      onDatagram: (_, who, whose) => {
        if (who !== address || whose !== port) problems.push(`${to}:${port} answered as another`);
      },
    });
    socket.sendTo(bytes, address, port);
  } else if (kind === 'tcp') {
    const onConnected = (own: { send(bytes: Uint8Array): unknown; close(): void }) => {
      own.send(bytes);
      own.close();
    };
    sockets.connect({ address, port, handlers: { onConnected } });
  } else {
    const onConnected = (own: { send(bytes: Uint8Array): unknown; close(): void }) => {
      own.send(bytes);
      own.close();
    };
    sockets.sctp.connect({ address, port, handlers: { onConnected } });
  }
}

const iptablesRules = fc.array(
  fc.oneof(
    ruleOf(v4, false).map((rule) => ['ipv4', rule] as const),
    ruleOf(v6, true).map((rule) => ['ipv6', rule] as const),
  ),
  { maxLength: 10 },
);
const nftRules = fc.array(
  nftRule.map((rule) => ['nft', `add rule ip t ${rule}`] as const),
  { maxLength: 8 },
);

test.each([
  ['iptables and ip6tables', iptablesRules],
  ['nft', nftRules],
] as const)('%s: random rules, random packets of both versions', (_, someRules) => {
  let [acceptedCount, answeredCount] = [0, 0];
  fc.assert(
    fc.property(
      someRules as typeof iptablesRules,
      fc.array(question, { minLength: 1, maxLength: 10 }),
      (rules, questions) => {
        const here = town();
        const { h, lab, all } = here;
        const problems: string[] = [];
        for (const command of ['add table ip t', ...CHAINS]) h.nftables.execute(command);
        for (const [program, rule] of rules as readonly (readonly [string, string])[]) {
          const tables = program === 'ipv6' ? h.ipv6.tables : h.tables;
          const { status } = program === 'nft' ? h.nftables.execute(rule) : tables.execute(rule);
          if (status === 0) acceptedCount++;
        }
        watch(here, problems);
        for (const namespace of Object.values(all)) serve(namespace);
        for (const asked of questions) {
          ask(all[asked.from], asked, problems);
          lab.run(0.01);
        }
        lab.world.queue.runUntil(lab.world.nowNs + 150 * HOUR_NS);
        expect(problems).toEqual([]);
        const left = Object.values(all).map(({ connections }) => connections.count);
        expect(left).toEqual([0, 0, 0, 0, 0, 0, 0]);
        answeredCount += all.a.deviceByName('eth0')!.statistics.rxPackets;
      },
    ),
    { numRuns: 60 },
  );
  expect(acceptedCount).toBeGreaterThan(100);
  expect(answeredCount).toBeGreaterThan(100);
});
