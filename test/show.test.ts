/**
 * What the tools on a node of the voting app print: the rules of host, ingress sandbox, load
 * balancer and task, the balancers' tables and the overlay's forwarding table.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import type { Machine } from '../cluster/machine.ts';
import { viewText } from '../cluster/show/views.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { SECOND_NS } from '../sim/time.ts';
import { formatIpv4Address } from '../wire/addresses.ts';
import { loadLibrary } from './support/runs.ts';

const AT_NS = 20 * SECOND_NS;

/** The voting app with an engine, and a worker with exactly one task of `vote`. */
function clusterOf(engine: string) {
  const loaded = loadLibrary('voting-app-worker-crash', new Map([['cluster.docker', engine]]));
  const { cluster } = runScenario(loaded, { seed: '1', untilNs: AT_NS });
  const machine = cluster.machines.at(-1)!;
  return { cluster, machine };
}

/** A view's lines, without the trailing blanks of ipvsadm. */
function linesOf(cluster: Cluster, machine: Machine, view: string, namespace: string): string[] {
  const text = viewText(cluster, machine, view, namespace);
  expect(text, `${view} of ${namespace}`).toBeDefined();
  return text!.split('\n').map((line) => line.trimEnd());
}

/** The rules of one table and, if given, of one chain. */
function rulesOf(lines: readonly string[], table: string, chain = ''): string[] {
  const from = lines.indexOf(`*${table}`);
  const to = lines.indexOf('COMMIT', from);
  return lines.slice(from, to).filter((line) => line.startsWith(`-A ${chain}`));
}

function voteOf(machine: Machine) {
  const containers = [...machine.executor!.containers.values()];
  const { sandbox } = containers.find((container) =>
    container.name.startsWith('voting-app_vote.'),
  )!;
  const [ingress] = sandbox!.endpoints.filter((endpoint) => endpoint.network.isIngress);
  const [user] = sandbox!.endpoints.filter((endpoint) => !endpoint.network.isIngress);
  return { name: sandbox!.namespace.name.split('/')[1]!, ingress: ingress!, user: user! };
}

describe('engine 20.10', () => {
  let cluster: Cluster;
  let machine: Machine;
  beforeAll(() => {
    ({ cluster, machine } = clusterOf('20.10'));
  });
  const lines = (view: string, namespace: string) => linesOf(cluster, machine, view, namespace);

  test("the host's nat table", () => {
    expect(rulesOf(lines('iptables', 'default'), 'nat')).toEqual([
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER-INGRESS',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      '-A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER-INGRESS',
      '-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
      '-A POSTROUTING -o docker_gwbridge -m addrtype --src-type LOCAL -j MASQUERADE',
      '-A POSTROUTING -s 172.18.0.0/16 ! -o docker_gwbridge -j MASQUERADE',
      '-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
      '-A DOCKER -i docker_gwbridge -j RETURN',
      '-A DOCKER -i docker0 -j RETURN',
      '-A DOCKER-INGRESS -p tcp -m tcp --dport 5001 -j DNAT --to-destination 172.18.0.2:5001',
      '-A DOCKER-INGRESS -p tcp -m tcp --dport 5000 -j DNAT --to-destination 172.18.0.2:5000',
      '-A DOCKER-INGRESS -j RETURN',
    ]);
  });

  test("the host's filter table", () => {
    const related = '-p tcp -m state --state RELATED,ESTABLISHED -m tcp';
    expect(rulesOf(lines('iptables', 'default'), 'filter')).toEqual([
      '-A FORWARD -j DOCKER-USER',
      '-A FORWARD -j DOCKER-INGRESS',
      '-A FORWARD -j DOCKER-ISOLATION-STAGE-1',
      '-A FORWARD -o docker_gwbridge -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A FORWARD -o docker_gwbridge -j DOCKER',
      '-A FORWARD -i docker_gwbridge ! -o docker_gwbridge -j ACCEPT',
      '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A FORWARD -o docker0 -j DOCKER',
      '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
      '-A FORWARD -i docker0 -o docker0 -j ACCEPT',
      '-A FORWARD -i docker_gwbridge -o docker_gwbridge -j DROP',
      '-A DOCKER-INGRESS -p tcp -m tcp --dport 5001 -j ACCEPT',
      `-A DOCKER-INGRESS ${related} --sport 5001 -j ACCEPT`,
      '-A DOCKER-INGRESS -p tcp -m tcp --dport 5000 -j ACCEPT',
      `-A DOCKER-INGRESS ${related} --sport 5000 -j ACCEPT`,
      '-A DOCKER-INGRESS -j RETURN',
      '-A DOCKER-ISOLATION-STAGE-1 -i docker_gwbridge ! -o docker_gwbridge -j DOCKER-ISOLATION-STAGE-2',
      '-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2',
      '-A DOCKER-ISOLATION-STAGE-1 -j RETURN',
      '-A DOCKER-ISOLATION-STAGE-2 -o docker_gwbridge -j DROP',
      '-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP',
      '-A DOCKER-ISOLATION-STAGE-2 -j RETURN',
      '-A DOCKER-USER -j RETURN',
    ]);
  });

  test('the ingress sandbox: port marks, address marks, one SNAT rule, ipvs by mark', () => {
    const rules = lines('iptables', 'ingress_sbox');
    const marks = rulesOf(rules, 'mangle');
    const ports = marks.map((rule) => /--dport (\d+) -j MARK --set-xmark (0x\w+)/.exec(rule));
    const byMark = new Map(ports.flatMap((m) => (m === null ? [] : [[Number(m[2]), m[1]!]])));
    expect([...byMark.values()].sort()).toEqual(['5000', '5001']);
    expect(Math.min(...byMark.keys())).toBe(0x100);
    const addresses = rulesOf(rules, 'mangle', 'INPUT').map((rule) => rule.split('xmark ')[1]);
    expect(addresses).toEqual(
      [...byMark.keys()].map((mark) => `0x${mark.toString(16)}/0xffffffff`),
    );
    const snat = rulesOf(rules, 'nat', 'POSTROUTING').at(-1)!;
    expect(snat).toMatch(
      /^-A POSTROUTING -d 10\.0\.0\.0\/24 -m ipvs --ipvs -j SNAT --to-source 10\.0\.0\.\d+$/,
    );
    const ipvs = lines('ipvs', 'ingress_sbox').filter((line) => line !== '');
    expect(ipvs.slice(0, 3)).toEqual([
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
    ]);
    const counts = new Map<string, number>();
    let service = '';
    for (const line of ipvs.slice(3)) {
      const found = /^FWM {2}(\d+) rr$/.exec(line);
      if (found !== null) service = byMark.get(Number(found[1]))!;
      else {
        expect(line).toMatch(/^ {2}-> 10\.0\.0\.\d+:0 +Masq {4}1 +\d+ +\d+$/);
        counts.set(service, (counts.get(service) ?? 0) + 1);
      }
    }
    expect(Object.fromEntries(counts)).toEqual({ 5000: 5, 5001: 2 });
  });

  test('the load balancer of a user network marks addresses only', () => {
    const { user } = voteOf(machine);
    const name = `lb_${user.network.id.slice(0, 9)}`;
    const rules = lines('iptables', name);
    expect(rulesOf(rules, 'mangle').every((rule) => rule.startsWith('-A INPUT -d 10.0.'))).toBe(
      true,
    );
    expect(rulesOf(rules, 'mangle', 'INPUT').length).toBe(3);
    const balancer = formatIpv4Address(user.network.balancer!.address);
    expect(rulesOf(rules, 'nat', 'POSTROUTING')).toEqual([
      '-A POSTROUTING -d 127.0.0.11/32 -j DOCKER_POSTROUTING',
      `-A POSTROUTING -d 10.0.1.0/24 -m ipvs --ipvs -j SNAT --to-source ${balancer}`,
    ]);
  });

  test("a task's sandbox: redirection of the published port, and nothing else on ingress", () => {
    const { name, ingress } = voteOf(machine);
    const rules = lines('iptables', name);
    const at = formatIpv4Address(ingress.address);
    expect(rulesOf(rules, 'nat', 'PREROUTING')).toEqual([
      `-A PREROUTING -d ${at}/32 -p tcp -m tcp --dport 5000 -j REDIRECT --to-ports 80`,
    ]);
    expect(rulesOf(rules, 'filter')).toEqual([
      `-A INPUT -d ${at}/32 -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT`,
      `-A INPUT -d ${at}/32 -p sctp -j DROP`,
      `-A INPUT -d ${at}/32 -p udp -j DROP`,
      `-A INPUT -d ${at}/32 -p tcp -j DROP`,
      `-A OUTPUT -s ${at}/32 -p tcp -m tcp --sport 80 -m conntrack --ctstate ESTABLISHED -j ACCEPT`,
      `-A OUTPUT -s ${at}/32 -p sctp -j DROP`,
      `-A OUTPUT -s ${at}/32 -p udp -j DROP`,
      `-A OUTPUT -s ${at}/32 -p tcp -j DROP`,
    ]);
  });

  test('the forwarding table of an overlay: every remote endpoint, permanent, with its host', () => {
    const { user } = voteOf(machine);
    const fdb = lines('bridge-fdb', `1-${user.network.id.slice(0, 10)}`);
    const remote = fdb.flatMap((line) => {
      const found = /^(02:42:\S+) dev vxlan0 dst (\S+) .*self permanent$/.exec(line);
      return found === null ? [] : [`${found[1]} at ${found[2]}`];
    });
    const expected = cluster.machines.flatMap((other) => {
      if (other === machine) return [];
      const network = other.executor!.networks.find(user.network.id);
      const endpoints = [...(network?.overlay.endpoints.values() ?? [])];
      const host = formatIpv4Address(other.addresses.advertise);
      return endpoints.map(({ address }) => `${macOf(address)} at ${host}`);
    });
    expect(expected.length).toBeGreaterThan(6);
    expect(remote.toSorted()).toEqual(expected.toSorted());
    const learned = fdb.filter((line) => / dev veth\d+ master br0$/.test(line));
    expect(learned.length).toBeGreaterThan(0);
  });
});

test('engine 28: DOCKER-INGRESS is the first jump of DOCKER-FORWARD', () => {
  const { cluster, machine } = clusterOf('28');
  const rules = linesOf(cluster, machine, 'iptables', 'default');
  expect(rulesOf(rules, 'filter', 'FORWARD')).toEqual([
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -j DOCKER-FORWARD',
  ]);
  expect(rulesOf(rules, 'filter', 'DOCKER-FORWARD').slice(0, 4)).toEqual([
    '-A DOCKER-FORWARD -j DOCKER-INGRESS',
    '-A DOCKER-FORWARD -j DOCKER-CT',
    '-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1',
    '-A DOCKER-FORWARD -j DOCKER-BRIDGE',
  ]);
  const related = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';
  expect(rulesOf(rules, 'filter', 'DOCKER-INGRESS')).toEqual([
    '-A DOCKER-INGRESS -p tcp -m tcp --dport 5001 -j ACCEPT',
    `-A DOCKER-INGRESS -p tcp -m tcp --sport 5001 ${related}`,
    '-A DOCKER-INGRESS -p tcp -m tcp --dport 5000 -j ACCEPT',
    `-A DOCKER-INGRESS -p tcp -m tcp --sport 5000 ${related}`,
    '-A DOCKER-INGRESS -j RETURN',
  ]);
});

/** `02:42` and the address, as overlay endpoints have it. */
function macOf(address: number): string {
  const bytes = formatIpv4Address(address).split('.');
  return `02:42:${bytes.map((byte) => Number(byte).toString(16).padStart(2, '0')).join(':')}`;
}
