import { expect, test } from 'vitest';
import { nextHopMtuOf } from '../../wire/icmp.ts';
import { fragmentIpv4, isFragment } from '../../wire/ipv4.ts';
import { Hook, Verdict } from '../netfilter/hook.ts';
import { Packet } from '../packet.ts';
import { ip, Lab } from '../testing/lab.ts';

/** a (1500) - router - (600) b. */
function narrowPath() {
  const lab = new Lab();
  const a = lab.namespace('a');
  const router = lab.namespace('router');
  const b = lab.namespace('b');
  router.sysctls.set('net.ipv4.ip_forward', 1);
  lab.cable(a, 'eth0', '10.0.0.2/24', router, 'eth0', '10.0.0.1/24');
  lab.cable(router, 'eth1', '10.0.1.1/24', b, 'eth0', '10.0.1.2/24', 600);
  lab.route(a, 'default', { gateway: ip('10.0.0.1') });
  lab.route(b, 'default', { gateway: ip('10.0.1.1') });
  const answers: string[] = [];
  a.hooks.register(Hook.input, 0, 'look', (packet) => {
    const at = packet.start + 20;
    answers.push(`${packet.bytes[at]}/${packet.bytes[at + 1]} ${packet.lengthBytes}`);
    return Verdict.accept;
  });
  return { lab, a, b, router, answers };
}

test('a router cuts what may be cut; the receiver puts it together', () => {
  const { lab, a, b, answers } = narrowPath();
  a.sendIpv4(lab.echo('10.0.1.2', { payloadBytes: 1400 }));
  lab.run();
  expect(b.deviceByName('eth0')!.statistics).toMatchObject({ rxPackets: 3 + 1, txPackets: 3 + 1 });
  expect(answers).toEqual(['0/0 1428']);
});

test('with don’t-fragment the sender learns the path MTU for ten minutes', () => {
  const { lab, a, router, answers } = narrowPath();
  const mtu = () => {
    const route = a.routeLookup({ destination: ip('10.0.1.2') })!;
    return a.pathMtuBytes(ip('10.0.1.2'), route);
  };
  let named = 0;
  a.hooks.register(Hook.input, 1, 'mtu', (packet) => {
    named = nextHopMtuOf(packet.bytes, packet.start + 20);
    return Verdict.accept;
  });
  a.sendIpv4(lab.echo('10.0.1.2', { payloadBytes: 1400, dontFragment: true }));
  lab.run();
  expect(router.dropCounts.get('packet is too big')).toBe(1);
  expect([answers, named]).toEqual([['3/4 576'], 600]);
  expect(mtu()).toBe(600);
  const { txPackets } = a.deviceByName('eth0')!.statistics;
  a.sendIpv4(lab.echo('10.0.1.2', { payloadBytes: 1400 }));
  expect(a.deviceByName('eth0')!.statistics.txPackets - txPackets).toBe(3);
  lab.run(599);
  expect(mtu()).toBe(600);
  lab.run(1);
  expect(mtu()).toBe(1500);
});

test('too long for the own device: EMSGSIZE with don’t-fragment', () => {
  const { lab, a } = narrowPath();
  expect(a.sendIpv4(lab.echo('10.0.1.2', { payloadBytes: 2000, dontFragment: true }))).toBe(90);
  expect(a.sendIpv4(lab.echo('10.0.0.1', { payloadBytes: 2000 }))).toBe(0);
});

test.each([
  ['in order', [0, 1, 2], 1, []],
  ['backwards', [2, 1, 0], 1, []],
  ['with a repetition', [0, 0, 2, 1], 1, [['fragment is a repetition', 1]]],
  ['with one missing', [0, 2], 0, [['fragments are missing', 2]]],
] as const)('fragments %s', (_, order, whole, drops) => {
  const lab = new Lab();
  const a = lab.namespace('a');
  const b = lab.namespace('b');
  const [, eth0] = lab.cable(a, 'eth0', '10.0.0.2/24', b, 'eth0', '10.0.0.1/24');
  let deliveredCount = 0;
  b.hooks.register(Hook.input, 0, 'look', (packet) => {
    expect(isFragment(packet.bytes, packet.start)).toBe(false);
    expect(packet.lengthBytes).toBe(1428);
    expect(packet.fragmentBytesMax).toBe(596);
    deliveredCount++;
    return Verdict.accept;
  });
  const packet = lab.echo('10.0.0.1', { payloadBytes: 1400, source: '10.0.0.2' });
  const pieces = fragmentIpv4(packet.bytes, packet.start, packet.end, 600);
  for (const i of order) {
    b.receiveIpv4(eth0, new Packet(pieces[i]!.slice(), 0, pieces[i]!.length));
  }
  lab.run(30);
  expect(deliveredCount).toBe(whole);
  expect(b.reassembly.count).toBe(0);
  expect([...b.dropCounts]).toEqual(drops);
});

test('an overlap spoils the packet', () => {
  const lab = new Lab();
  const b = lab.namespace('b');
  const [, eth0] = lab.cable(lab.namespace('a'), 'x', '', b, 'eth0', '10.0.0.1/24');
  const packet = lab.echo('10.0.0.1', { payloadBytes: 1400, source: '10.0.0.2' });
  const large = fragmentIpv4(packet.bytes, packet.start, packet.end, 600);
  const small = fragmentIpv4(packet.bytes, packet.start, packet.end, 400);
  for (const bytes of [large[0]!, small[1]!]) {
    b.receiveIpv4(eth0, new Packet(bytes, 0, bytes.length));
  }
  expect(b.dropCounts.get('fragment overlaps another')).toBe(2);
});
