/**
 * What the lab's keepers noticed and wrote down beside the dumps (`test/fixtures/real-docker/README.md`).
 * Observations 3 to 7 are in the dumps and captures that `swarm.test.ts` compares, 11 is measured by
 * `test/distribution.test.ts`.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { formatStatistics } from '../../ipvs/show.ts';
import { IpvsTcpState } from '../../ipvs/states/constants.ts';
import { ip, Lab } from '../../net/testing/lab.ts';
import { Forwarder } from '../../node/dns/forwarder.ts';
import { runScenario } from '../../scenarios/run/run-scenario.ts';
import { DnsType } from '../../wire/dns/record.ts';
import { type DnsMessage, queryOf } from '../../wire/dns.ts';
import { loadInline } from '../support/runs.ts';
import { RealCase } from './fixtures.ts';
import { SwarmLab } from './swarm-lab.ts';

describe('1 and 2: requests to a VIP and to a published port', () => {
  const lab = new SwarmLab();
  let vip = 0;
  const node = (number: number) => ip('192.168.56.100') + number;

  beforeAll(() => {
    lab.createNetwork('net1');
    const publish = { port: 8080, target: 80, mode: 'ingress' } as const;
    lab.createService({ name: 'web', network: 'net1', replicas: 3, node: 'node1', publish });
    lab.runContainer('probe1', 'net1', 'node1');
    vip = lab.vipOf('web', 'net1');
  });

  /** The real servers of a balancer's connections, in the order of their making. */
  const chosen = (number: number, network: string) =>
    [...lab.ipvs(number, network).connections.all()].map((one) => one.destinationAddress);

  test('round robin is strict across all clients of a balancer', () => {
    for (let i = 0; i < 6; i++) expect(lab.connect(1, 'probe1', vip, 80)).toBe('connected');
    const servers = chosen(1, 'net1');
    expect(new Set(servers.slice(0, 3)).size).toBe(3);
    expect(servers.slice(3)).toEqual(servers.slice(0, 3));
    const from = [
      [2, node(1)],
      [2, node(1)],
      [1, ip('127.0.0.1')],
      [1, node(1)],
    ] as const;
    for (const [client, to] of from)
      expect(lab.connect(client, 'host', to, 8080)).toBe('connected');
    const published = chosen(1, 'ingress');
    expect(new Set(published.slice(0, 3)).size).toBe(3);
    expect(published[3]).toBe(published[0]);
  });

  test('a node without a task serves the port, and a closed port is refused by the task', () => {
    expect(lab.connect(1, 'probe1', node(2), 8080)).toBe('connected');
    expect(chosen(2, 'ingress')).toHaveLength(1);
    expect(lab.connect(1, 'probe1', vip, 81)).toBe('refused');
    expect(chosen(1, 'net1')).toHaveLength(7);
  });

  test('a VIP answers pings itself, whatever its tasks do', () => {
    expect(lab.ping(1, 'probe1', vip, { count: 2 })).toHaveLength(2);
  });

  test("rules count what ipvs counts, and SNAT one SYN for each connection: the lab's too", () => {
    const real = new RealCase('V01b-after-traffic');
    const PING_BYTES = 84;
    for (const [folder, simulated, network, pings, pingsHere] of [
      ['ns_ingress_sbox', 'ingress_sbox', 'ingress', 0, 0],
      ['ns_lb_uq0325agq', 'lb_ net1', 'net1', 4, 2],
    ] as const) {
      const path = (file: string) => real.text(`node1/${folder}/${file}`);
      const counted = [
        [path('iptables_counters_after.txt'), path('ipvs_stats.txt'), pings, 60],
        [
          lab.namespace(1, simulated).tables.save(['mangle', 'nat'], true),
          formatStatistics(lab.ipvs(1, network)),
          pingsHere,
          48, // a SYN without timestamps
        ],
      ] as const;
      for (const [rules, statistics, pingCount, synBytes] of counted) {
        const [connections, inPackets, , inBytes] = /FWM +\d+ +(.*)/
          .exec(statistics)![1]!
          .split(/ +/)
          .map(Number);
        const counters = (pattern: RegExp) => pattern.exec(rules)!.slice(1).map(Number);
        const port =
          network === 'ingress' ? '-A PREROUTING .*dport 8080' : '-A INPUT -d 10.0.1.2/32';
        expect(counters(new RegExp(`\\[(\\d+):(\\d+)\\] ${port} -j MARK`))).toEqual([
          inPackets! + pingCount,
          inBytes! + pingCount * PING_BYTES,
        ]);
        const [packets, bytes] = counters(/\[(\d+):(\d+)\] -A POSTROUTING .* --ipvs -j SNAT/);
        expect(bytes! / packets!).toBe(synBytes);
        expect(packets).toBeGreaterThanOrEqual(connections!);
      }
    }
  });

  test('without forwarding in the balancer requests reach a task and answers die', () => {
    const balancer = lab.namespace(1, 'lb_ net1');
    expect(balancer.sysctls.number('net.ipv4.ip_forward')).toBe(1);
    balancer.sysctls.set('net.ipv4.ip_forward', 0);
    expect(lab.connect(1, 'probe1', vip, 80)).toBe('timeout');
    const last = [...lab.ipvs(1, 'net1').connections.all()].at(-1)!;
    expect(last.state).toBe(IpvsTcpState.synReceived);
    balancer.sysctls.set('net.ipv4.ip_forward', 1);
    expect(lab.connect(1, 'probe1', vip, 80)).toBe('connected');
  });
});

test('8: a name whose outside server refuses by ICMP gets no answer at all', () => {
  const lab = new Lab();
  const client = lab.namespace('client');
  const outside = lab.namespace('outside');
  lab.cable(client, 'eth0', '192.168.1.2/24', outside, 'eth0', '192.168.1.1/24');
  const answers: (DnsMessage | undefined)[] = [];
  const upstream = { address: ip('192.168.1.1'), isOfHost: false };
  const forwarder = new Forwarder(
    client,
    { namespace: client, mayAsk: () => true },
    [upstream],
    'lastAnswer',
  );
  const query = queryOf(1, 'nobody.example.org.', DnsType.a);
  forwarder.forward(query, (answer) => answers.push(answer));
  lab.run(20);
  expect(answers).toEqual([undefined]);
});

test('9: what the daemon sets, and what the kernel sets with it', () => {
  const lab = new SwarmLab();
  lab.createNetwork('net1');
  lab.runContainer('probe1', 'net1', 'node1');
  const read = (name: string, ...keys: string[]) => {
    const { sysctls } = lab.namespace(1, name);
    return keys.map((key) => sysctls.text(key));
  };
  const forwarding = ['all', 'default', 'lo'].map((device) => `net.ipv4.conf.${device}.forwarding`);
  expect(read('host', 'net.ipv4.ip_forward', ...forwarding)).toEqual(['1', '1', '1', '1']);
  expect(read('host', 'net.ipv4.conf.all.accept_redirects')).toEqual(['0']);
  const ofContainers = ['net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ping_group_range'];
  expect(read('probe1', ...ofContainers)).toEqual(['0', '0\t2147483647']);
  for (const name of ['probe1', 'lb_ net1', '1- net1', 'ingress_sbox']) {
    expect(read(name, 'net.ipv6.conf.all.disable_ipv6')).toEqual(['1']);
  }
});

test('10: a killed dockerd leaves its containers, namespaces and rules, and its gossip ends', () => {
  const stack = `
services:
  web:
    image: nginx
    ports: ["8080:80"]
    deploy: { replicas: 2, placement: { constraints: [node.role == worker] } }
`;
  const page = 'curl -s -m 2 -o /dev/null http://192.168.56.102:8080/';
  const loaded = loadInline(
    {
      name: 'killed',
      cluster: { docker: '20.10', managers: 1, workers: 2 },
      stack: 'killed.compose.yaml',
      timeline: [
        { at: '20s', as: 'kill', systemctl: { 'worker-1': 'kill -s KILL docker' } },
        {
          at: '21s',
          as: 'gossip',
          exec: { on: 'outside', run: 'nc -zv -w 1 192.168.56.102 7946' },
        },
        { at: '21s', as: 'nobody', exec: { on: 'worker-1', run: 'docker ps' } },
        {
          at: '40s',
          as: 'rules',
          exec: { on: 'worker-1', run: 'iptables -t nat -S DOCKER-INGRESS' },
        },
        { at: '40s', as: 'namespaces', exec: { on: 'worker-1', run: 'ip netns' } },
        {
          at: '40s',
          as: 'balancer',
          exec: { on: 'worker-1', netns: 'ingress_sbox', run: 'ipvsadm -Ln' },
        },
        { at: '40s', as: 'away', exec: { on: 'outside', run: page } },
        { at: '44s', as: 'own', exec: { on: 'outside', run: page } },
      ],
      until: '60s',
      // the lab's ranges of six kills, and what its polling and its slow starts of containers allow
      expect: [
        'membership of worker-1 is dead everywhere within 6700ms of kill',
        'membership of worker-1 is not dead everywhere within 4s of kill',
        'node worker-1 is down within 14600ms of kill',
        'node worker-1 is not down within 9s of kill',
        'service web is healthy within 23600ms of kill',
        'exec gossip exits with 1',
        'exec nobody prints Cannot connect to the Docker daemon',
        'exec rules prints --dport 8080 -j DNAT',
        'exec namespaces prints ingress_sbox',
        'exec balancer prints FWM',
        // its balancer still gives requests in turn to its own task, and to that of a host that has
        // forgotten it, from which no answer finds back
        'exec away exits with 28',
        'exec own exits with 0',
      ],
    },
    { 'killed.compose.yaml': stack },
  );
  const { expectations } = runScenario(loaded).result;
  expect(expectations.filter(({ met }) => !met)).toEqual([]);
});
