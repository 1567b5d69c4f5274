import { expect, test } from 'vitest';
import { formatIp } from '../../wire/ip-address.ts';
import { fragmentIpv4, sourceOf } from '../../wire/ipv4.ts';
import { rewriteEndpoint } from '../../wire/rewrite.ts';
import type { Namespace } from '../namespace.ts';
import { Hook, Verdict } from '../netfilter/hook.ts';
import { Packet } from '../packet.ts';
import { ip, Lab, wayOf } from '../testing/lab.ts';

/** Three containers on a bridge whose PREROUTING sends 10.0.0.100 to somebody else. */
function bridgeWithDnat(to: string) {
  const lab = new Lab();
  const host = lab.namespace('host');
  host.sysctls.set('net.ipv4.ip_forward', 1);
  const bridge = lab.bridge(host, 'br0', '10.0.0.1/24');
  const containers: Namespace[] = [];
  for (let i = 2; i < 5; i++) {
    const container = lab.namespace(`c${i}`);
    const [, port] = lab.cable(container, 'eth0', `10.0.0.${i}/24`, host, `p${i}`, '');
    host.setMaster(port, bridge);
    const device = container.deviceByName('eth0')!;
    container.neighbours.setPermanent(device, ip('10.0.0.100'), 0x0200_0000_9999);
    containers.push(container);
  }
  const far = lab.namespace('far');
  lab.cable(host, 'eth1', '10.1.0.1/24', far, 'eth0', '10.1.0.2/24');
  host.hooks.register(Hook.prerouting, -100, 'dnat', (packet) => {
    if (packet.bytes[packet.start + 19] === 100) {
      rewriteEndpoint(packet.bytes, packet.start, packet.end, false, ip(to), 0);
    }
    return Verdict.accept;
  });
  return { lab, host, bridge, containers, far };
}

test.each([
  ['a neighbour on the bridge', '10.0.0.3', 'c3 receive eth0', false],
  ['a neighbour that is not known yet', '10.0.0.4', 'c4 receive eth0', false],
  ['the host itself', '10.0.0.1', 'host deliver icmp type 8 code 0', true],
  ['another network', '10.1.0.2', 'far receive eth0', true],
])('a destination changed by the bridge: %s', (_, to, expected, goesUp) => {
  const { lab, host, containers } = bridgeWithDnat(to);
  host.sendIpv4(lab.echo('10.0.0.3'));
  lab.run();
  const packet = lab.echo('10.0.0.100');
  containers[0]!.sendIpv4(packet);
  lab.run();
  const steps = wayOf(packet);
  expect(steps).toContain(expected);
  expect(steps.includes('host receive br0')).toBe(goesUp);
});

test('what waited for its new neighbour is bridged on through FORWARD and POSTROUTING', () => {
  const { lab, host, containers } = bridgeWithDnat('10.0.0.4');
  host.tables.run('-t nat -A POSTROUTING -o br0 -j MASQUERADE');
  host.tables.run('-A FORWARD -m physdev --physdev-out p4 -j ACCEPT');
  const sources: string[] = [];
  containers[2]!.hooks.register(Hook.input, 0, 'look', ({ bytes, start }) => {
    sources.push(formatIp(sourceOf(bytes, start)));
    return Verdict.accept;
  });
  containers[0]!.sendIpv4(lab.echo('10.0.0.100'));
  lab.run(0.1);
  expect(sources).toEqual(['10.0.0.1']);
  expect(host.tables.list('filter', 'FORWARD').split('\n')[2]).toMatch(/^ {4}1 +84 ACCEPT/);
});

test('fragments run the hooks as one packet and leave as fragments', () => {
  const { lab, host, containers, bridge } = bridgeWithDnat('10.0.0.3');
  host.connections.enable();
  const lengths: number[] = [];
  host.hooks.register(Hook.forward, 0, 'look', (packet) => {
    lengths.push(packet.lengthBytes);
    return Verdict.accept;
  });
  const c3 = containers[1]!.deviceByName('eth0')!;
  const from = containers[0]!.deviceByName('eth0')!;
  const packet = lab.udp('10.0.0.2', '10.0.0.3', 9, { payloadBytes: 2500 });
  for (const bytes of fragmentIpv4(packet.bytes, packet.start, packet.end, 1000, 128)) {
    containers[0]!.neighbours.send(from, ip('10.0.0.3'), new Packet(bytes, 128, bytes.length));
  }
  lab.run();
  expect(lengths[0]).toBe(2528);
  expect(c3.statistics.rxBytes).toBeGreaterThan(2500 + 3 * 34);
  expect(c3.statistics.rxPackets).toBeGreaterThanOrEqual(3);
  expect(bridge.statistics.txPackets).toBe(0);
});

test('a dropped FORWARD stops a bridged frame, and only that', () => {
  const { lab, host, containers } = bridgeWithDnat('10.0.0.3');
  host.hooks.register(Hook.forward, 0, 'icc', (packet, _, inDevice, outDevice) =>
    inDevice === outDevice && packet.inPort !== packet.outPort ? Verdict.drop : Verdict.accept,
  );
  containers[0]!.sendIpv4(lab.echo('10.0.0.3'));
  containers[0]!.sendIpv4(lab.echo('10.0.0.1'));
  lab.run();
  expect(host.dropCounts.get('netfilter FORWARD')).toBe(1);
  expect(host.deviceByName('br0')!.statistics.txPackets).toBe(2);
});
