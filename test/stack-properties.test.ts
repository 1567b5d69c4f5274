/**
 * What must hold on a Docker host whatever rules somebody adds and whatever is sent: nothing throws,
 * checksums are right after every rewrite, nothing is forwarded twice, answers come from whom was
 * asked, and conntrack forgets everything in the end.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Device } from '../net/device/device.ts';
import type { Namespace } from '../net/namespace.ts';
import { hasRightChecksums } from '../net/netfilter/fake-packets.ts';
import { Hook, Verdict } from '../net/netfilter/hook.ts';
import { Packet } from '../net/packet.ts';
import { PingSocket } from '../net/socket/ping.ts';
import { Way } from '../net/way.ts';
import { HOUR_NS, SECOND_NS } from '../sim/time.ts';
import { readU16 } from '../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES, EtherType, etherTypeOf } from '../wire/ethernet.ts';
import { isFragment } from '../wire/ipv4.ts';
import { ip, Street, shop } from './support/street.ts';

const H = '203.0.113.10';

const address = fc.constantFrom('172.17.0.2', '172.17.0.3', '172.18.0.2', H, '203.0.113.1');
const device = fc.constantFrom('docker0', 'br-c0ffee00aa01', 'eth0', 'lo', 'veth+');
const port = fc.constantFrom('80', '8080', '9000', '7000:9000');
const not = fc.constantFrom('', '! ');

const match = fc.oneof(
  fc.tuple(not, address).map(([n, a]) => `${n}-s ${a}/24`),
  fc.tuple(not, address).map(([n, a]) => `${n}-d ${a}`),
  fc.tuple(fc.constantFrom('tcp', 'udp'), port).map(([p, number]) => `-p ${p} --dport ${number}`),
  fc
    .constantFrom('NEW', 'ESTABLISHED', 'RELATED,ESTABLISHED', 'INVALID', 'DNAT', 'SNAT')
    .map((state) => `-m conntrack --ctstate ${state}`),
  fc.constantFrom(
    '-m addrtype --dst-type LOCAL',
    '-m addrtype --src-type LOCAL',
    '-m mark --mark 1',
    '-m length --length 500:',
    '-m ttl --ttl-lt 64',
    '-m limit --limit 3/s',
    '-m statistic --mode nth --every 3 --packet 0',
    '-m string --algo bm --hex-string "|0102|"',
    '-m connlimit --connlimit-above 3',
    '-m recent --name r --set',
    '-m physdev --physdev-is-bridged',
    '-m icmp --icmp-type 8 -p icmp',
  ),
);

const filterTarget = fc.constantFrom('ACCEPT', 'DROP', 'REJECT', 'RETURN', 'LOG', 'USER');
const mangleTarget = fc.constantFrom(
  'MARK --set-mark 1',
  'TTL --ttl-dec 1',
  'DSCP --set-dscp 10',
  'TOS --or-tos 8',
  'CONNMARK --save-mark',
  'TCPMSS --set-mss 900',
);
const natTarget = fc.oneof(
  address.map((to) => `DNAT --to-destination ${to}`),
  address.map((to) => `DNAT --to-destination ${to}:80-90`),
  fc.constantFrom(
    'REDIRECT --to-ports 8080',
    'MASQUERADE',
    'MASQUERADE --to-ports 20000-20003',
    `SNAT --to-source ${H}:30000-30100`,
    `SNAT --to-source ${H} --random-fully`,
    'NETMAP --to 172.17.0.0/24',
    'RETURN',
  ),
);

const chainOf = (table: string) =>
  fc.constantFrom('PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING').map((chain) => {
    return `-t ${table} -I ${chain}`;
  });
const devices = fc.oneof(
  device.map((name) => `-i ${name}`),
  device.map((name) => `-o ${name}`),
  fc.constant(''),
);
const rule = fc
  .oneof(
    fc.tuple(chainOf('filter'), devices, match, filterTarget),
    fc.tuple(chainOf('mangle'), devices, match, mangleTarget),
    fc.tuple(chainOf('nat'), devices, match, natTarget),
  )
  .map(([chain, on, what, target]) => `${chain} ${on} ${what} -j ${target}`);

const question = fc.record({
  from: fc.constantFrom('web', 'cli', 'api', 'outside'),
  to: address,
  port: fc.constantFrom(80, 443, 8080, 9000),
  kind: fc.constantFrom('udp', 'tcp', 'ping', 'noise'),
  payloadBytes: fc.constantFrom(8, 100, 1400, 3000),
});

/** A host with random rules, where every device and every forwarded packet is looked at. */
function watchedShop(engine: string, rules: readonly string[]) {
  const street = new Street(engine);
  const all = shop(street);
  const { host } = all;
  host.tables.run('-N USER');
  let acceptedCount = 0;
  for (const text of rules) if (host.tables.run(text) === undefined) acceptedCount++;
  const problems: string[] = [];
  const tap = (on: Device, packet: Packet) => {
    if (etherTypeOf(packet.bytes, packet.start) !== EtherType.ipv4) return;
    const at = packet.start + ETHERNET_HEADER_BYTES;
    if (isFragment(packet.bytes, at)) return;
    const whole = new Packet(packet.bytes, at, at + readU16(packet.bytes, at + 2));
    if (!hasRightChecksums(whole)) problems.push(`wrong checksum on ${on.name}`);
  };
  const namespaces = [host, all.web, all.cli, all.api, all.peer, all.outside];
  for (const namespace of namespaces) for (const one of namespace.devices.list()) one.tap = tap;
  const forwarded = new WeakSet<Packet>();
  host.hooks.register(Hook.forward, -1000, 'once', (packet) => {
    if (forwarded.has(packet)) problems.push('forwarded twice');
    forwarded.add(packet);
    return Verdict.accept;
  });
  for (const namespace of namespaces) {
    namespace.sockets.onSend = (packet) => {
      packet.way = new Way();
    };
  }
  return { ...all, namespaces, problems, acceptedCount };
}

/** Serves UDP by sending back what came. */
function echo(namespace: Namespace, at: number): void {
  const socket = namespace.sockets.openUdp({
    onDatagram: (bytes, from, fromPort, own) => own.sendTo(bytes, from, fromPort),
  });
  socket.bind(at);
}

function ask(
  from: Namespace,
  {
    to,
    port: number,
    kind,
    payloadBytes,
  }: { to: string; port: number; kind: string; payloadBytes: number },
  problems: string[],
): void {
  const bytes = Uint8Array.from({ length: payloadBytes }, (_, i) => i & 255);
  if (kind === 'ping') {
    PingSocket.start(from.sockets, { address: ip(to), onResult: () => {} });
    return;
  }
  if (kind === 'tcp') {
    from.sockets.connect({
      address: ip(to),
      port: number,
      handlers: {
        onConnected: (own) => {
          own.send(bytes);
          own.close();
        },
      },
    });
    return;
  }
  if (kind === 'noise') {
    const packet = Packet.allocate(payloadBytes);
    packet.bytes.set(bytes, packet.start);
    packet.bytes[packet.start] = 0x45;
    from.receiveIpv4(from.deviceByName('eth0')!, packet);
    return;
  }
  const socket = from.sockets.openUdp({
    onDatagram: (_bytes, address_, port_) => {
      if (address_ !== ip(to) || port_ !== number)
        problems.push(`${to}:${number} answered as another`);
    },
  });
  socket.sendTo(bytes, ip(to), number);
}

test.each(['20.10', '28', '29'])('engine %s: random rules, random packets', (engine) => {
  let acceptedCount = 0;
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 12 }),
      fc.array(question, { minLength: 1, maxLength: 12 }),
      (rules, questions) => {
        const all = watchedShop(engine, rules);
        const { street, problems, namespaces } = all;
        acceptedCount += all.acceptedCount;
        for (const number of [80, 443, 9000]) {
          for (const server of [all.web, all.cli, all.api]) echo(server, number);
        }
        for (const one of questions) {
          ask(all[one.from], one, problems);
          street.world.queue.runUntil(street.world.nowNs + SECOND_NS / 100);
        }
        street.world.queue.runUntil(street.world.nowNs + 150 * HOUR_NS);
        expect(problems).toEqual([]);
        expect(namespaces.map(({ connections }) => connections.count)).toEqual([0, 0, 0, 0, 0, 0]);
      },
    ),
    { numRuns: 60 },
  );
  expect(acceptedCount).toBeGreaterThan(100);
});
