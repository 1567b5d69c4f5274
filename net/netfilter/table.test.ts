/**
 * How packets go through chains: verdicts, jumps, gotos, policies, counters, targets.
 */
import { expect, test } from 'vitest';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { readU16 } from '../../wire/bytes.ts';
import { TcpFlag } from '../../wire/tcp.ts';
import type { Device } from '../device/device.ts';
import { ConnectionState, type Packet } from '../packet.ts';
import { FakeNamespace } from './fake-namespace.ts';
import {
  address,
  echoPacket,
  flowOf,
  hasRightChecksums,
  tcpPacket,
  udpPacket,
  watched,
} from './fake-packets.ts';
import { Hook, Verdict } from './hook.ts';

interface Host {
  host: FakeNamespace;
  eth0: Device;
}

function hostWith(...rules: string[]): Host {
  const host = new FakeNamespace();
  const eth0 = host.addDevice('eth0', address('10.0.0.254'), 24);
  for (const rule of rules) expect([rule, host.tables.run(rule)]).toEqual([rule, undefined]);
  return { host, eth0 };
}

function inputVerdict({ host, eth0 }: Host, packet: Packet): Verdict {
  return host.hooks.run(packet, Hook.input, eth0, undefined);
}

const { accept: YES, drop: NO } = Verdict;

/** Rules, then the verdict on a UDP packet to port 53 at INPUT. */
const TRAVERSALS: readonly (readonly [string, readonly string[], Verdict])[] = [
  ['an empty chain has its policy', ['-P INPUT DROP'], NO],
  ['the first verdict counts', ['-A INPUT -j ACCEPT', '-A INPUT -j DROP'], YES],
  ['a rule without a target only counts', ['-A INPUT -p udp', '-P INPUT DROP'], NO],
  ['RETURN from a built-in chain is its policy', ['-A INPUT -j RETURN', '-A INPUT -j DROP'], YES],
  [
    'a user chain returns at its end',
    ['-N A', '-A A -p tcp -j ACCEPT', '-A INPUT -j A', '-A INPUT -j DROP'],
    NO,
  ],
  [
    'RETURN goes on behind the jump',
    [
      '-N A',
      '-A A -j RETURN',
      '-A A -j DROP',
      '-A INPUT -j A',
      '-A INPUT -j ACCEPT',
      '-P INPUT DROP',
    ],
    YES,
  ],
  [
    'a goto does not come back',
    ['-N A', '-A A -p tcp -j DROP', '-A INPUT -g A', '-A INPUT -j DROP'],
    YES,
  ],
  [
    'a chain that was gone to returns to the caller of the one that left',
    [
      '-N A',
      '-N B',
      '-A B -p tcp',
      '-A A -g B',
      '-A A -j DROP',
      '-A INPUT -j A',
      '-A INPUT -j ACCEPT',
      '-P INPUT DROP',
    ],
    YES,
  ],
  ['negation of an address', ['-A INPUT ! -s 10.0.0.0/24 -j DROP'], YES],
  ['negation of an interface', ['-A INPUT ! -i eth0 -j DROP'], YES],
  ['a wildcard interface', ['-A INPUT -i eth+ -j DROP'], NO],
  ['a whole-name interface', ['-A INPUT -i eth -j DROP'], YES],
  ['negation of a protocol', ['-A INPUT ! -p tcp -j DROP'], NO],
  ['a port outside a negated range', ['-A INPUT -p udp ! --dport 54:60 -j DROP'], NO],
  ['multiport', ['-A INPUT -p udp -m multiport --dports 1:52,53 -j DROP'], NO],
  ['a broadcast destination is not local', ['-A INPUT -m addrtype --dst-type LOCAL -j DROP'], YES],
  ['unicast destination', ['-A INPUT -m addrtype --dst-type UNICAST -j DROP'], NO],
  ['no fragment', ['-A INPUT -f -j DROP'], YES],
  ['not IPsec', ['-A INPUT -m policy --dir in --pol none -j DROP'], NO],
  ['u32: protocol is UDP', ['-A INPUT -m u32 --u32 "6&0xFF=17" -j DROP'], NO],
  [
    'u32: destination port behind the header',
    ['-A INPUT -m u32 --u32 "0>>22&0x3C@0&0xFFFF=53" -j DROP'],
    NO,
  ],
  ['u32: beyond the end', ['-A INPUT -m u32 --u32 "4000&0xFF=0" -j DROP'], YES],
  [
    'bpf: the word behind the UDP header',
    [
      '-A INPUT -m bpf --bytecode "7,32 0 0 4294963252,7 0 0 0,64 0 0 1,116 0 0 8,' +
        '21 1 0 2708091,6 0 0 0,6 0 0 4294967295" -j DROP',
    ],
    NO,
  ],
  ['bpf: beyond the end', ['-A INPUT -m bpf --bytecode "2,32 0 0 400,6 0 0 1" -j DROP'], YES],
  ['mark', ['-A INPUT -j MARK --set-mark 5', '-A INPUT -m mark --mark 1/1 -j DROP'], NO],
  [
    'marks change by bits',
    [
      '-A INPUT -j MARK --set-mark 0xf0',
      '-A INPUT -j MARK --or-mark 0xf',
      '-A INPUT -j MARK --and-mark 0x3c',
      '-A INPUT -j MARK --xor-mark 0x4',
      '-A INPUT -m mark --mark 0x38 -j DROP',
    ],
    NO,
  ],
];

test.each(TRAVERSALS)('%s', (_name, rules, verdict) => {
  const all = hostWith(...rules);
  expect(inputVerdict(all, udpPacket('10.0.0.1:5000', '10.1.0.1:53'))).toBe(verdict);
});

test('counters count packets and IP bytes; a policy counts what fell through', () => {
  const all = hostWith('-N A', '-A INPUT -p udp -j A', '-A A -j RETURN', '-P INPUT DROP');
  inputVerdict(all, udpPacket('10.0.0.1:5000', '10.1.0.1:53', 72));
  inputVerdict(all, echoPacket('10.0.0.1', '10.1.0.1', 1));
  expect(all.host.tables.save(['filter'], true).split('\n').slice(1, -2)).toEqual([
    ':INPUT DROP [2:136]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':A - [0:0]',
    '[1:100] -A INPUT -p udp -j A',
    '[1:100] -A A -j RETURN',
  ]);
  all.host.tables.run('-Z INPUT');
  expect(all.host.tables.list('filter', 'INPUT')).toContain('policy DROP 0 packets, 0 bytes');
});

test('the order of tables at one hook: raw, conntrack, mangle, nat, filter', () => {
  const all = hostWith(
    '-A OUTPUT -m mark --mark 7 -m conntrack --ctstate DNAT -j ACCEPT',
    '-P OUTPUT DROP',
    '-t nat -A OUTPUT -m mark --mark 7 -p udp -j DNAT --to-destination 10.1.0.2:54',
    '-t mangle -A OUTPUT -m conntrack --ctstate NEW -m mark --mark 0x100 -j MARK --set-mark 7',
    '-t raw -A OUTPUT -j MARK --set-mark 0x100',
  );
  const packet = watched(udpPacket('10.0.0.254:5000', '10.1.0.1:53'));
  expect(all.host.send(packet, all.eth0)).toBe(YES);
  expect(flowOf(packet)).toBe('10.0.0.254:5000 > 10.1.0.2:54');
  const chains = packet.way!.steps.filter(({ event }) => event === 'rule').map((s) => s.chain);
  expect(chains).toEqual(['raw/OUTPUT', 'mangle/OUTPUT', 'nat/OUTPUT', 'filter/OUTPUT']);
});

test('what raw leaves untracked has no connection and no NAT', () => {
  const all = hostWith(
    '-t raw -A PREROUTING -p udp -j CT --notrack',
    '-t nat -A PREROUTING -p udp -j REDIRECT --to-ports 9',
    '-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT',
    '-P INPUT DROP',
  );
  const packet = udpPacket('10.0.0.1:5000', '10.0.0.254:53');
  expect(all.host.receive(packet, all.eth0)).toBe(YES);
  expect(packet.connectionState).toBe(ConnectionState.untracked);
  expect(flowOf(packet)).toBe('10.0.0.1:5000 > 10.0.0.254:53');
});

test('REJECT answers a segment with a RST and anything else with an ICMP error', () => {
  const all = hostWith(
    '-A INPUT -p tcp -j REJECT --reject-with tcp-reset',
    '-A INPUT -j REJECT --reject-with icmp-admin-prohibited',
  );
  const syn = tcpPacket('10.0.0.1:40000', '10.0.0.254:80', { sequence: 77 });
  expect(inputVerdict(all, syn)).toBe(NO);
  const [reset] = all.host.sent;
  expect(flowOf(reset!)).toBe('10.0.0.254:80 > 10.0.0.1:40000');
  expect(hasRightChecksums(reset!)).toBe(true);
  expect(reset!.bytes[reset!.start + 33]).toBe(TcpFlag.rst | TcpFlag.ack);
  expect(reset!.bytes[reset!.start + 31]).toBe(78);
  expect(
    inputVerdict(all, tcpPacket('10.0.0.1:40000', '10.0.0.254:80', { flags: TcpFlag.rst })),
  ).toBe(NO);
  expect(all.host.sent.length).toBe(1);
  expect(inputVerdict(all, udpPacket('10.0.0.1:5000', '10.0.0.254:53'))).toBe(NO);
  expect(all.host.errors).toEqual(['3/13']);
});

test('limit gives a burst and then its rate', () => {
  const all = hostWith('-A INPUT -m limit --limit 10/s --limit-burst 3 -j ACCEPT', '-P INPUT DROP');
  const verdicts = () =>
    Array.from({ length: 5 }, () => inputVerdict(all, udpPacket('10.0.0.1:1', '10.0.0.254:2')));
  expect(verdicts()).toEqual([YES, YES, YES, NO, NO]);
  all.host.world.queue.runUntil(200 * MILLISECOND_NS);
  expect(verdicts()).toEqual([YES, YES, NO, NO, NO]);
  all.host.world.queue.runUntil(60 * SECOND_NS);
  expect(verdicts()).toEqual([YES, YES, YES, NO, NO]);
});

test('CONNMARK keeps a mark with the connection', () => {
  const all = hostWith(
    '-t mangle -A PREROUTING -m connmark ! --mark 0 -j CONNMARK --restore-mark',
    '-t mangle -A PREROUTING -m mark --mark 0 -j MARK --set-mark 9',
    '-t mangle -A POSTROUTING -j CONNMARK --save-mark',
  );
  const there = udpPacket('10.0.0.1:5000', '10.1.0.1:53');
  all.host.forward(there, all.eth0, all.eth0);
  const back = udpPacket('10.1.0.1:53', '10.0.0.1:5000');
  all.host.forward(back, all.eth0, all.eth0);
  expect([there.mark, back.mark, there.connection?.mark]).toEqual([9, 9, 9]);
});

test('TCPMSS lowers what a SYN offers and never raises it', () => {
  const all = hostWith(
    '-t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1300',
  );
  for (const [offered, left] of [
    [1460, 1300],
    [1200, 1200],
  ] as const) {
    const packet = tcpPacket('10.0.0.1:1', '10.1.0.1:2', { dataBytes: 4 });
    const at = packet.start + 20;
    packet.bytes[at + 12] = 0x60;
    packet.bytes.set([2, 4, offered >> 8, offered & 255], at + 20);
    all.host.forward(packet, all.eth0, all.eth0);
    expect(readU16(packet.bytes, at + 22)).toBe(left);
  }
});

test('LOG is an observation with the line of the kernel, and the packet goes on', () => {
  const all = hostWith(
    '-A INPUT -p udp -j LOG --log-prefix "in: "',
    '-A INPUT -j LOG --log-tcp-sequence',
    '-A INPUT -j DROP',
  );
  const lines: string[] = [];
  all.host.world.observations.subscribe(undefined, ({ kind, text }) => {
    lines.push(`${kind.name} ${text}`);
  });
  expect(inputVerdict(all, udpPacket('10.0.0.1:5000', '10.0.0.254:53'))).toBe(NO);
  expect(inputVerdict(all, tcpPacket('10.0.0.1:5000', '10.0.0.254:80', { sequence: 7 }))).toBe(NO);
  expect(inputVerdict(all, echoPacket('10.0.0.1', '10.0.0.254', 3))).toBe(NO);
  const udp = 'LEN=33 TOS=0x00 PREC=0x00 TTL=64 ID=7 DF PROTO=UDP SPT=5000 DPT=53 LEN=13';
  const ends = lines.map((line) => line.replace(/MAC=\S+ SRC=10.0.0.1 DST=10.0.0.254 /, ''));
  expect(ends[0]).toBe(`netfilter.log in: IN=eth0 OUT= ${udp}`);
  expect(ends[1]).toBe(`netfilter.log IN=eth0 OUT= ${udp}`);
  expect(ends[2]).toMatch(/PROTO=TCP SPT=5000 DPT=80 SEQ=7 ACK=0 WINDOW=\d+ RES=0x00 SYN URGP=0$/);
  expect(ends[3]).toMatch(/PROTO=ICMP TYPE=8 CODE=0 ID=3 SEQ=\d+$/);
});

/** Sends packets through INPUT and says which of them were dropped, as `01`. */
function drops(rules: readonly string[], packets: readonly (() => Packet)[]): string {
  const all = hostWith(...rules);
  return packets.map((make) => (inputVerdict(all, make()) === NO ? '1' : '0')).join('');
}

const small = () => udpPacket('10.0.0.1:5000', '10.0.0.254:53');
const large = () => udpPacket('10.0.0.9:5001', '10.0.0.254:53', 1000);

test.each([
  ['length --length 500:', '01'],
  ['length ! --length 33', '01'],
  ['ttl --ttl-eq 64', '11'],
  ['ttl --ttl-gt 64', '00'],
  ['iprange --src-range 10.0.0.2-10.0.0.9', '01'],
  ['iprange ! --src-range 10.0.0.2-10.0.0.9', '10'],
  ['pkttype --pkt-type unicast', '11'],
  ['pkttype --pkt-type broadcast', '00'],
  ['dscp --dscp 0', '11'],
  ['tos --tos 0x10', '00'],
  ['string --algo bm --hex-string "|0035|"', '11'],
  ['string --algo bm --hex-string "|1389|" --from 20 --to 30', '01'],
  ['string --algo kmp --hex-string "|1389|" --from 21', '00'],
  ['statistic --mode nth --every 2 --packet 1', '01'],
  ['statistic --mode random --probability 1', '11'],
])('-m %s', (match, expected) => {
  expect(drops([`-A INPUT -m ${match} -j DROP`], [small, large])).toBe(expected);
});

test('recent, hashlimit and connlimit count per address', () => {
  const packets = [small, small, large, small, small];
  const recent = '-A INPUT -m recent --name r --update --seconds 60 --hitcount 2 -j DROP';
  expect(drops([recent, '-A INPUT -m recent --name r --set'], packets)).toBe('00011');
  const hash = '--hashlimit-above 1/min --hashlimit-burst 2 --hashlimit-mode srcip';
  expect(drops([`-A INPUT -m hashlimit ${hash} --hashlimit-name h -j DROP`], packets)).toBe(
    '00011',
  );
  const all = hostWith('-A INPUT -m connlimit --connlimit-above 2 -j DROP');
  const opens = [1, 2, 3, 1, 3].map((port) => {
    const packet = udpPacket(`10.0.0.1:${port}`, '10.0.0.254:53');
    all.host.world.queue.runUntil(all.host.world.nowNs + MILLISECOND_NS);
    return all.host.receive(packet, all.eth0) === NO;
  });
  expect(opens).toEqual([false, false, true, false, true]);
  expect(all.host.receive(udpPacket('10.0.0.2:1', '10.0.0.254:53'), all.eth0)).toBe(YES);
});

test('TTL, TOS and DSCP rewrite the header and its checksum', () => {
  const all = hostWith(
    '-t mangle -A PREROUTING -j TTL --ttl-dec 4',
    '-t mangle -A PREROUTING -j DSCP --set-dscp-class EF',
    '-t mangle -A PREROUTING -j TOS --or-tos 0x01',
  );
  const packet = small();
  all.host.forward(packet, all.eth0, all.eth0);
  expect([...packet.bytes.subarray(packet.start + 1, packet.start + 2)]).toEqual([0xb9]);
  expect(packet.bytes[packet.start + 8]).toBe(60);
  expect(hasRightChecksums(packet)).toBe(true);
});

test('NETMAP keeps the place in the network, there and back', () => {
  const all = hostWith('-t nat -A PREROUTING -d 10.5.0.0/24 -j NETMAP --to 10.1.0.0/24');
  const there = udpPacket('10.0.0.1:5000', '10.5.0.7:53');
  all.host.forward(there, all.eth0, all.eth0);
  expect(flowOf(there)).toBe('10.0.0.1:5000 > 10.1.0.7:53');
  const back = udpPacket('10.1.0.7:53', '10.0.0.1:5000');
  all.host.forward(back, all.eth0, all.eth0);
  expect(flowOf(back)).toBe('10.5.0.7:53 > 10.0.0.1:5000');
});

test('a set matches the prefixes in it', () => {
  const all = hostWith();
  all.host.tables.sets.create('docker-ext-bridges-v4');
  all.host.tables.sets.find('docker-ext-bridges-v4')!.add(
    {
      address: address('10.1.0.0'),
      lengthBits: 16,
    },
    0,
  );
  const rule = '-A INPUT -m set --match-set docker-ext-bridges-v4 dst -j DROP';
  expect(all.host.tables.run(rule)).toBeUndefined();
  expect(all.host.tables.save()).toContain(rule);
  expect(inputVerdict(all, udpPacket('10.0.0.1:1', '10.1.5.5:2'))).toBe(NO);
  expect(inputVerdict(all, udpPacket('10.0.0.1:1', '10.2.5.5:2'))).toBe(YES);
});
