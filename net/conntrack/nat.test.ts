/**
 * NAT at the hooks: the walks of a published port, of masquerading and of a load balancer, ICMP
 * errors about them, and that answers always find back.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TcpFlag } from '../../wire/tcp.ts';
import type { Device } from '../device/device.ts';
import { FakeNamespace } from '../netfilter/fake-namespace.ts';
import {
  address,
  echoPacket,
  errorPacket,
  flowOf,
  flowText,
  hasRightChecksums,
  tcpPacket,
  udpPacket,
  watched,
} from '../netfilter/fake-packets.ts';
import { Hook, Verdict } from '../netfilter/hook.ts';

interface DockerHost {
  host: FakeNamespace;
  eth0: Device;
  docker0: Device;
  lo: Device;
}

/** A host with docker0, a container 172.17.0.2 that publishes 8080 to 80, as Docker 20.10 has it. */
function dockerHost(): DockerHost {
  const host = new FakeNamespace();
  const lo = host.addDevice('lo', address('127.0.0.1'), 8);
  const eth0 = host.addDevice('eth0', address('203.0.113.10'), 24);
  const docker0 = host.addDevice('docker0', address('172.17.0.1'), 16);
  for (const rule of [
    '-t nat -N DOCKER',
    '-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    '-t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
    '-t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
    '-t nat -A DOCKER -i docker0 -j RETURN',
    '-t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    '-P FORWARD DROP',
    '-N DOCKER',
    '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A FORWARD -o docker0 -j DOCKER',
    '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
    '-A FORWARD -i docker0 -o docker0 -j ACCEPT',
    '-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT',
  ]) {
    expect([rule, host.tables.run(rule)]).toEqual([rule, undefined]);
  }
  return { host, eth0, docker0, lo };
}

test('W1: a client reaches a published port, and the answer comes from where it had asked', () => {
  const { host, eth0, docker0 } = dockerHost();
  const syn = watched(tcpPacket('198.51.100.7:40000', '203.0.113.10:8080'));
  expect(host.forward(syn, eth0, docker0)).toBe(Verdict.accept);
  expect(flowOf(syn)).toBe('198.51.100.7:40000 > 172.17.0.2:80');
  expect(hasRightChecksums(syn)).toBe(true);
  expect(
    syn.way!.steps.map(({ event, place, chain, detail }) => [event, place, chain, detail]),
  ).toEqual([
    [
      'rule',
      'PREROUTING',
      'nat/PREROUTING',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    ],
    [
      'rule',
      'PREROUTING',
      'nat/DOCKER',
      '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    ],
    ['rewrite', 'PREROUTING', 'nat', 'dst 203.0.113.10:8080 -> 172.17.0.2:80'],
    ['rule', 'FORWARD', 'filter/FORWARD', '-A FORWARD -o docker0 -j DOCKER'],
    [
      'rule',
      'FORWARD',
      'filter/DOCKER',
      '-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT',
    ],
  ]);
  const synAck = tcpPacket('172.17.0.2:80', '198.51.100.7:40000', {
    flags: TcpFlag.syn | TcpFlag.ack,
    sequence: 5000,
    acknowledgement: 1001,
  });
  expect(host.forward(synAck, docker0, eth0)).toBe(Verdict.accept);
  expect(flowOf(synAck)).toBe('203.0.113.10:8080 > 198.51.100.7:40000');
  expect(hasRightChecksums(synAck)).toBe(true);
  expect(host.connections.list()).toBe(
    'tcp      6 60 SYN_RECV src=198.51.100.7 dst=203.0.113.10 sport=40000 dport=8080 ' +
      'src=172.17.0.2 dst=198.51.100.7 sport=80 dport=40000 mark=0 use=1\n',
  );
});

test('W2: two containers with the same source port are told apart on the way out and back', () => {
  const { host, eth0, docker0 } = dockerHost();
  const first = udpPacket('172.17.0.2:5353', '192.0.2.1:53');
  expect(host.forward(first, docker0, eth0)).toBe(Verdict.accept);
  expect(flowOf(first)).toBe('203.0.113.10:5353 > 192.0.2.1:53');
  const second = udpPacket('172.17.0.3:5353', '192.0.2.1:53');
  expect(host.forward(second, docker0, eth0)).toBe(Verdict.accept);
  const [, port] = /^203\.0\.113\.10:(\d+) > 192\.0\.2\.1:53$/.exec(flowOf(second))!;
  expect(Number(port)).not.toBe(5353);
  expect(Number(port)).toBeGreaterThanOrEqual(1024);
  const answer = udpPacket('192.0.2.1:53', `203.0.113.10:${port}`);
  expect(host.forward(answer, eth0, docker0)).toBe(Verdict.accept);
  expect(flowOf(answer)).toBe('192.0.2.1:53 > 172.17.0.3:5353');
  expect(hasRightChecksums(answer)).toBe(true);
  const sameSource = udpPacket('172.17.0.3:5353', '192.0.2.2:53');
  expect(host.forward(sameSource, docker0, eth0)).toBe(Verdict.accept);
  expect(flowOf(sameSource)).toBe(`203.0.113.10:${port} > 192.0.2.2:53`);
});

test('a packet that no rule wants is dropped by the policy, and its way says so', () => {
  const { host, eth0, docker0 } = dockerHost();
  const packet = watched(tcpPacket('198.51.100.7:40000', '172.17.0.2:22'));
  expect(host.forward(packet, eth0, docker0)).toBe(Verdict.drop);
  const last = packet.way!.steps.at(-1)!;
  expect([last.event, last.place, last.chain, last.detail]).toEqual([
    'drop',
    'FORWARD',
    'filter/FORWARD',
    'policy DROP',
  ]);
  expect(host.connections.count).toBe(0);
});

test('W10: ipvs alters the reply before SNAT binds, and the answer goes back to the client', () => {
  const lb = new FakeNamespace();
  const eth0 = lb.addDevice('eth0', address('10.0.1.5'), 24);
  lb.tables.run('-t mangle -A INPUT -d 10.0.1.2/32 -j MARK --set-mark 257');
  lb.tables.run('-t nat -A POSTROUTING -d 10.0.1.0/24 -m ipvs --ipvs -j SNAT --to-source 10.0.1.5');
  const syn = tcpPacket('10.0.1.3:40000', '10.0.1.2:80');
  expect(lb.hooks.run(syn, Hook.prerouting, eth0, undefined)).toBe(Verdict.accept);
  lb.hooks.register(Hook.input, 99, 'ipvs', (packet) => {
    if (packet.mark !== 257) return Verdict.accept;
    lb.connections.alterReply(packet.connection!, address('10.0.1.9'), 80);
    packet.ipvsProperty = true;
    return Verdict.stolen;
  });
  expect(lb.hooks.run(syn, Hook.input, eth0, undefined)).toBe(Verdict.stolen);
  expect(syn.mark).toBe(257);
  const rewritten = tcpPacket('10.0.1.3:40000', '10.0.1.9:80');
  rewritten.connection = syn.connection;
  rewritten.connectionState = syn.connectionState;
  rewritten.ipvsProperty = true;
  expect(lb.send(rewritten, eth0)).toBe(Verdict.accept);
  expect(flowOf(rewritten)).toBe('10.0.1.5:40000 > 10.0.1.9:80');
  expect(lb.connections.list()).toContain(
    'src=10.0.1.3 dst=10.0.1.2 sport=40000 dport=80 [UNREPLIED] src=10.0.1.9 dst=10.0.1.5 sport=80 dport=40000',
  );
  const answer = tcpPacket('10.0.1.9:80', '10.0.1.5:40000', {
    flags: TcpFlag.syn | TcpFlag.ack,
    acknowledgement: 1001,
  });
  expect(lb.forward(answer, eth0, eth0)).toBe(Verdict.accept);
  expect(flowOf(answer)).toBe('10.0.1.9:80 > 10.0.1.3:40000');
  expect(hasRightChecksums(answer)).toBe(true);
});

test('REDIRECT goes to the input device, or to 127.0.0.1 for local packets', () => {
  const task = new FakeNamespace();
  const eth0 = task.addDevice('eth0', address('10.0.0.9'), 24);
  task.tables.run(
    '-t nat -A PREROUTING -d 10.0.0.9/32 -p tcp --dport 8080 -j REDIRECT --to-ports 80',
  );
  task.tables.run('-t nat -A OUTPUT -p udp --dport 53 -j REDIRECT --to-ports 5300');
  const request = tcpPacket('10.0.0.2:40000', '10.0.0.9:8080');
  expect(task.receive(request, eth0)).toBe(Verdict.accept);
  expect(flowOf(request)).toBe('10.0.0.2:40000 > 10.0.0.9:80');
  const answer = tcpPacket('10.0.0.9:80', '10.0.0.2:40000', {
    flags: TcpFlag.syn | TcpFlag.ack,
    acknowledgement: 1001,
  });
  expect(task.send(answer, eth0)).toBe(Verdict.accept);
  expect(flowOf(answer)).toBe('10.0.0.9:8080 > 10.0.0.2:40000');
  const query = udpPacket('10.0.0.9:1053', '192.0.2.1:53');
  expect(task.send(query, eth0)).toBe(Verdict.accept);
  expect(flowOf(query)).toBe('10.0.0.9:1053 > 127.0.0.1:5300');
});

test('ICMP errors about rewritten flows are rewritten inside and outside', () => {
  const { host, eth0, docker0 } = dockerHost();
  const out = udpPacket('172.17.0.2:5353', '192.0.2.1:53');
  host.forward(out, docker0, eth0);
  const error = errorPacket('198.51.100.1', out);
  expect(host.forward(error, eth0, docker0)).toBe(Verdict.accept);
  expect(flowText(error.bytes, error.start + 28)).toBe('172.17.0.2:5353 > 192.0.2.1:53');
  expect(error.bytes.slice(error.start + 16, error.start + 20)).toEqual(
    Uint8Array.of(172, 17, 0, 2),
  );
  expect(hasRightChecksums(error)).toBe(true);
  const syn = tcpPacket('198.51.100.7:40000', '203.0.113.10:8080');
  host.forward(syn, eth0, docker0);
  const refusal = errorPacket('172.17.0.2', syn, 3, 3);
  expect(host.forward(refusal, docker0, eth0)).toBe(Verdict.accept);
  expect(flowText(refusal.bytes, refusal.start + 28)).toBe(
    '198.51.100.7:40000 > 203.0.113.10:8080',
  );
  expect(refusal.bytes.slice(refusal.start + 12, refusal.start + 16)).toEqual(
    Uint8Array.of(203, 0, 113, 10),
  );
  expect(hasRightChecksums(refusal)).toBe(true);
});

test('a ping is masqueraded by its identifier', () => {
  const { host, eth0, docker0 } = dockerHost();
  const first = echoPacket('172.17.0.2', '192.0.2.1', 9);
  host.forward(first, docker0, eth0);
  expect(flowOf(first)).toBe('203.0.113.10 > 192.0.2.1 id 9');
  const second = echoPacket('172.17.0.3', '192.0.2.1', 9);
  host.forward(second, docker0, eth0);
  const identifier = Number(/id (\d+)$/.exec(flowOf(second))![1]);
  expect(identifier).not.toBe(9);
  const answer = echoPacket('192.0.2.1', '203.0.113.10', identifier, 0);
  host.forward(answer, eth0, docker0);
  expect(flowOf(answer)).toBe('192.0.2.1 > 172.17.0.3 id 9');
  expect(hasRightChecksums(answer)).toBe(true);
});

test('flows through DNAT and SNAT come back as they went, with right checksums', () => {
  const { host, eth0, docker0 } = dockerHost();
  host.tables.run(
    '-t nat -A PREROUTING -p udp --dport 6000:6100 -j DNAT --to-destination 172.17.0.2-172.17.0.9:7000-7003',
  );
  host.tables.run(
    '-t nat -A POSTROUTING -p udp -o docker0 -j SNAT --to-source 172.17.0.1:20000-20400',
  );
  host.tables.run('-P FORWARD ACCEPT');
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 254 }),
      fc.integer({ min: 1, max: 65_535 }),
      fc.integer({ min: 6000, max: 6100 }),
      fc.integer({ min: 0, max: 33 }),
      (octet, port, destinationPort, dataBytes) => {
        const [from, to] = [`198.51.100.${octet}:${port}`, `203.0.113.10:${destinationPort}`];
        const request = udpPacket(from, to, dataBytes);
        expect(host.forward(request, eth0, docker0)).toBe(Verdict.accept);
        expect(hasRightChecksums(request)).toBe(true);
        const [translatedFrom, translatedTo] = flowOf(request).split(' > ');
        expect(translatedFrom).toMatch(/^172\.17\.0\.1:20[0-4]\d\d$/);
        expect(translatedTo).toMatch(/^172\.17\.0\.[2-9]:700[0-3]$/);
        if (!seen.has(`${from} ${to}`)) expect(seen.has(flowOf(request))).toBe(false);
        seen.add(`${from} ${to}`);
        seen.add(flowOf(request));
        const answer = udpPacket(translatedTo!, translatedFrom!, dataBytes);
        expect(host.forward(answer, docker0, eth0)).toBe(Verdict.accept);
        expect(flowOf(answer)).toBe(`${to} > ${from}`);
        expect(hasRightChecksums(answer)).toBe(true);
      },
    ),
    { numRuns: 300, seed: 1 },
  );
});

test('when every port of a range is taken the packet is dropped at confirm', () => {
  const host = new FakeNamespace();
  const eth0 = host.addDevice('eth0', address('203.0.113.10'), 24);
  host.tables.run('-t nat -A POSTROUTING -p udp -j SNAT --to-source 203.0.113.10:1000-1002');
  const flows = [1, 2, 3, 4].map((last) => udpPacket(`10.0.0.${last}:500`, '192.0.2.1:53'));
  const verdicts = flows.map((packet) => host.send(packet, eth0));
  expect(verdicts).toEqual([Verdict.accept, Verdict.accept, Verdict.accept, Verdict.drop]);
  const ports = flows.slice(0, 3).map((packet) => /:(\d+) >/.exec(flowOf(packet))![1]);
  expect(ports.sort()).toEqual(['1000', '1001', '1002']);
});

test('masqueraded connections go with their device or its address', () => {
  const { host, eth0, docker0 } = dockerHost();
  host.forward(udpPacket('172.17.0.2:5353', '192.0.2.1:53'), docker0, eth0);
  host.forward(tcpPacket('198.51.100.7:40000', '203.0.113.10:8080'), eth0, docker0);
  expect(host.connections.count).toBe(2);
  expect(host.connections.purgeMasquerade(eth0, address('203.0.113.99'))).toBe(0);
  expect(host.connections.purgeMasquerade(docker0)).toBe(0);
  expect(host.connections.purgeMasquerade(eth0)).toBe(1);
  expect(host.connections.deleteByAddress(address('172.17.0.2'))).toBe(1);
  expect(host.connections.count).toBe(0);
});

test('random bytes never throw', () => {
  const { host, eth0, docker0 } = dockerHost();
  for (const rule of [
    '-A INPUT -p udp -m u32 --u32 "0>>22&0x3C@12&0xFFFFFF00=1049600" -j DROP',
    '-I FORWARD -p tcp -m tcp --tcp-option 5 --syn -j REJECT --reject-with tcp-reset',
    '-I FORWARD -p icmp -m icmp --icmp-type 3/4 -j REJECT',
    '-t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 100',
    '-t mangle -A POSTROUTING -p tcp -j CHECKSUM --checksum-fill',
    '-I FORWARD -p tcp -m multiport --ports 1:30000 -m limit -j LOG',
  ]) {
    expect([rule, host.tables.run(rule)]).toEqual([rule, undefined]);
  }
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 20, maxLength: 90 }),
      fc.constantFrom(1, 6, 17, 47, 132),
      fc.boolean(),
      (bytes, protocol, isForward) => {
        const packet = watched(udpPacket('172.17.0.2:5353', '203.0.113.10:8080', 70));
        packet.bytes.set(bytes, packet.start + 8);
        packet.bytes[packet.start + 9] = protocol;
        packet.bytes[packet.start] = 0x45 + (bytes[0]! & 3);
        packet.end = packet.start + 20 + bytes.length;
        if (isForward) host.forward(packet, docker0, eth0);
        else host.receive(packet, eth0);
      },
    ),
    { numRuns: 1000, seed: 1 },
  );
});
