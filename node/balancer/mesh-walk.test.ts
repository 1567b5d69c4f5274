/**
 * W11: one request from outside to a published port of a node, through the host, `ingress_sbox` and
 * a task, and its answer all the way back, rewrite by rewrite, on every layout of rules.
 */
import { expect, test } from 'vitest';
import { Ipvs } from '../../ipvs/ipvs.ts';
import { formatConnections } from '../../ipvs/show.ts';
import { createVethPair } from '../../net/device/veth.ts';
import type { Namespace } from '../../net/namespace.ts';
import { flowOf, hasRightChecksums, tcpPacket, watched } from '../../net/netfilter/fake-packets.ts';
import { Hook, Verdict } from '../../net/netfilter/hook.ts';
import type { Packet } from '../../net/packet.ts';
import { ip, Lab } from '../../net/testing/lab.ts';
import { Way } from '../../net/way.ts';
import { parsePrefix } from '../../wire/addresses.ts';
import { TcpFlag } from '../../wire/tcp.ts';
import { type IngressPort, writeTaskIngressRules } from '../firewall/ingress-rules.ts';
import { RuleWriter } from '../firewall/writer.ts';
import { GATEWAY_BRIDGE, type Host } from '../host/host.ts';
import { bootHost } from '../testing/docker-host.ts';
import { HostIngressPorts } from './ingress-ports.ts';
import { BalancerProgrammer } from './load-balancer.ts';
import { type Binding, ServiceBindings } from './service-bindings.ts';

const PORT: IngressPort = { protocol: 'tcp', publishedPort: 8080, targetPort: 80 };

interface Mesh {
  lab: Lab;
  host: Host;
  outside: Namespace;
  sandbox: Namespace;
  ipvs: Ipvs;
  task: Namespace;
}

/** A node with the ingress network, one published service and its task 10.0.0.4. */
function mesh(engine: string): Mesh {
  const lab = new Lab();
  const outside = lab.namespace('outside');
  const [uplink, far] = createVethPair('eth0', lab.nextMac(), 'eth0', lab.nextMac());
  outside.addDevice(far);
  lab.address(far, '203.0.113.1/24');
  outside.setUp(far, true);
  const host = bootHost(engine, lab.world, uplink);
  const overlay = host.createNamespace('1-ingress');
  const bridge = lab.bridge(overlay, 'br0');
  const join = (namespace: Namespace, name: string, address: string) => {
    const [end] = lab.cable(namespace, 'eth0', address, overlay, name, '', 1450);
    overlay.setMaster(overlay.deviceByName(name)!, bridge);
    return end;
  };
  const sandbox = host.createNamespace('ingress_sbox');
  sandbox.tables.run('-L -n');
  const device = join(sandbox, 'veth0', '10.0.0.2/24');
  host.attachGateway(sandbox, 'eth1');
  const task = host.createNamespace('task');
  join(task, 'veth1', '10.0.0.4/24');
  host.attachGateway(task, 'eth1');
  writeTaskIngressRules(new RuleWriter(task.tables), '10.0.0.4', [PORT]);
  sandbox.sysctls.set('net.ipv4.vs.conn_reuse_mode', 0);
  sandbox.sysctls.set('net.ipv4.vs.expire_nodest_conn', 1);
  const ipvs = new Ipvs(sandbox);
  const ports = new HostIngressPorts(host, GATEWAY_BRIDGE, () => '172.18.0.2');
  const balancer = {
    namespace: sandbox,
    ipvs,
    device,
    address: ip('10.0.0.2'),
    subnet: parsePrefix('10.0.0.0/24')!,
    isIngress: true,
  };
  const bindings = new ServiceBindings({
    programmer: new BalancerProgrammer(() => balancer, ports),
    recordsOf: () => undefined,
    countsAliases: false,
  });
  bindings.add(webBinding());
  return { lab, host, outside, sandbox, ipvs, task };
}

function webBinding(): Binding {
  return {
    networkId: 'ingress',
    endpointId: 'endpoint-1',
    containerName: 'web.1.task',
    serviceName: 'web',
    serviceId: 'service-web',
    vip: ip('10.0.0.3'),
    address: ip('10.0.0.4'),
    ports: [PORT],
    serviceAliases: [],
    taskAliases: [],
  };
}

/** Rewrites, choices and the rules that decided, in the order of the way. */
function changesOf(packet: Packet): string[] {
  return packet
    .way!.steps.filter(({ event }) => event === 'rewrite' || event === 'schedule')
    .map(({ namespace, place, detail }) => `${namespace} ${place}: ${detail}`);
}

function forwardRulesOf(packet: Packet): string[] {
  return packet
    .way!.steps.filter((step) => step.event === 'rule' && step.place === 'FORWARD')
    .map(({ detail }) => detail);
}

/** Watches what a namespace sends from its sockets. */
function watchOutput(namespace: Namespace): Packet[] {
  const sent: Packet[] = [];
  namespace.hooks.register(Hook.output, -500, 'watch', (packet) => {
    packet.way = new Way();
    sent.push(packet);
    return Verdict.accept;
  });
  return sent;
}

const FORWARD_RULES = {
  '20.10': [
    '-A FORWARD -j DOCKER-USER',
    '-A DOCKER-USER -j RETURN',
    '-A FORWARD -j DOCKER-INGRESS',
    '-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j ACCEPT',
  ],
  '28': [
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -j DOCKER-FORWARD',
    '-A DOCKER-FORWARD -j DOCKER-INGRESS',
    '-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j ACCEPT',
  ],
  '29': [
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -j DOCKER-FORWARD',
    '-A DOCKER-FORWARD -j DOCKER-INGRESS',
    '-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j ACCEPT',
  ],
};

test.each(['20.10', '28', '29'] as const)('W11 on Docker %s', (engine) => {
  const { lab, outside, task, ipvs } = mesh(engine);
  task.sockets.listen({ port: 80, onConnection: () => ({}) });
  const sent = watchOutput(task);
  const returned: Packet[] = [];
  outside.hooks.register(Hook.input, 1000, 'keep', (packet) => {
    returned.push(packet);
    return Verdict.drop;
  });
  const request = watched(tcpPacket('203.0.113.1:40000', '203.0.113.10:8080'));
  outside.sendIpv4(request);
  lab.run();
  expect(changesOf(request)).toEqual([
    'host PREROUTING: dst 203.0.113.10:8080 -> 172.18.0.2:8080',
    'host/ingress_sbox PREROUTING: mark 0x0 -> 0x100',
    'host/ingress_sbox ipvs: FWM 256 rr -> 10.0.0.4',
    'host/ingress_sbox ipvs: dst 172.18.0.2:8080 -> 10.0.0.4:8080',
    'host/ingress_sbox POSTROUTING: src 203.0.113.1:40000 -> 10.0.0.2:40000',
    'host/task PREROUTING: dst 10.0.0.4:8080 -> 10.0.0.4:80',
  ]);
  expect(forwardRulesOf(request)).toEqual(FORWARD_RULES[engine]);
  expect(flowOf(request)).toBe('10.0.0.2:40000 > 10.0.0.4:80');

  expect(sent).toHaveLength(1);
  expect(changesOf(sent[0]!)).toEqual([
    'host/task POSTROUTING: src 10.0.0.4:80 -> 10.0.0.4:8080',
    'host/ingress_sbox PREROUTING: dst 10.0.0.2:40000 -> 203.0.113.1:40000',
    'host/ingress_sbox ipvs: src 10.0.0.4:8080 -> 172.18.0.2:8080',
    'host POSTROUTING: src 172.18.0.2:8080 -> 203.0.113.10:8080',
  ]);
  expect(returned).toEqual([sent[0]]);
  expect(flowOf(returned[0]!)).toBe('203.0.113.10:8080 > 203.0.113.1:40000');
  expect(hasRightChecksums(returned[0]!)).toBe(true);
  expect(returned[0]!.bytes[returned[0]!.start + 33]).toBe(TcpFlag.syn | TcpFlag.ack);
  expect(formatConnections(ipvs)).toContain(
    'SYN_RECV    203.0.113.1:40000  172.18.0.2:8080    10.0.0.4:8080',
  );
});

test('W11c: the host itself reaches the port by its own address and by 127.0.0.1', () => {
  for (const to of ['127.0.0.1', '203.0.113.10']) {
    const { lab, host, task } = mesh('20.10');
    const heard: string[] = [];
    task.sockets.listen({
      port: 80,
      onConnection: () => ({ onData: (bytes, connection) => connection.send(bytes) }),
    });
    host.namespace.sockets.connect({
      address: ip(to),
      port: 8080,
      handlers: {
        onConnected: (connection) => connection.send(new TextEncoder().encode('hello')),
        onData: (bytes) => heard.push(new TextDecoder().decode(bytes)),
      },
    });
    lab.run(1);
    expect([to, heard]).toEqual([to, ['hello']]);
  }
});

test('what is not published is not let in', () => {
  const { lab, outside, task } = mesh('28');
  task.sockets.listen({ port: 81, onConnection: () => ({}) });
  const direct = watched(tcpPacket('203.0.113.1:40000', '172.18.0.3:81'));
  lab.route(outside, '172.18.0.0/16', { gateway: ip('203.0.113.10') });
  outside.sendIpv4(direct);
  lab.run();
  expect(direct.way!.steps.at(-1)!.detail).toContain(
    '-d 172.18.0.3/32 ! -i docker_gwbridge -j DROP',
  );
});
