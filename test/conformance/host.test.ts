/**
 * One host of the lab against the simulated one, case by case as the lab's scripts made them: what
 * the tools print on the host, in every container, and what `docker` says.
 */
import { afterEach, describe, expect, test } from 'vitest';
import type { CommandResult } from '../../node/docker/command.ts';
import { RealCase } from './fixtures.ts';
import { HostLab } from './host-lab.ts';
import { mapSnapshot, type Snapshot } from './host-mapping.ts';
import { forwardingLines } from './json-dumps.ts';

/** What is compared of every namespace, container and node. */
const COMPARED = [
  /^docker_(network_ls|ps)\.txt$/,
  /^docker_(network_)?inspect\.json$/,
  /\/(ip_addr|ip_route|bridge_fdb|iptables_save|ss|sysctl_diff|etc_hosts|resolv_conf|hostname)\.txt$/,
];

/** The dumps of one node of a real case, without the node's folder. */
function realSnapshot(real: RealCase, node: number): Snapshot {
  const folder = `node${node}/`;
  const own = real.paths.filter((path) => path.startsWith(folder));
  return new Map(
    own.map((path) => {
      const file = path.slice(folder.length);
      if (!file.endsWith('bridge_fdb.json')) return [file, real.text(path)];
      return [file.replace('.json', '.txt'), forwardingLines(real.json(path))];
    }),
  );
}

/** Compares what `docker` printed, its streams one after the other. */
function expectPrinted(name: string, file: string, printed: CommandResult): void {
  const ids = (text: string) => text.replaceAll(/[0-9a-f]{64}/g, '<id>');
  expect(ids(printed.stdout + printed.stderr)).toBe(ids(new RealCase(name).text(`node1/${file}`)));
}

/** Compares all that the lab kept of a node in a case and that can be compared. */
function expectCase(name: string, lab: HostLab, node = 1): void {
  const real = realSnapshot(new RealCase(name), node);
  const simulated = new Map(
    [...lab.snapshot(node)].map(([file, text]) => [file.slice(`node${node}/`.length), text]),
  );
  const [mappedReal, mapped] = [mapSnapshot(real), mapSnapshot(simulated)];
  const files = [...real.keys()].filter((file) => COMPARED.some((shape) => shape.test(file)));
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) {
    expect(`${file}\n${mapped.get(file)}`).toBe(`${file}\n${mappedReal.get(file)}`);
  }
}

/** Closed TCP connections of `conntrack -L`, without their ephemeral ports and timeouts, sorted. */
function closedConnections(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.includes(' TIME_WAIT '));
  return lines
    .map((line) => line.replace(/^tcp +6 \d+ /, '').replace(/port=[3-6]\d{4}\b/g, 'port=any'))
    .sort();
}

/** `docker ps` without ids and spans. */
function psLines(text: string): string[] {
  const lines = text.trim().split('\n').slice(1);
  const span = /(About a minute|\d+ seconds|Less than a second|1 second)/g;
  return lines.map((line) => line.slice(12).replace(span, 'span').replace(/ {2,}/g, '  ').trim());
}

/** Sent and answered requests of every ping that the lab tried in a case; the tool is another one. */
function expectPings(name: string, lab: HostLab, node = 1): void {
  const real = new RealCase(name);
  const counts = (text: string) =>
    /(\d+) packets transmitted, (\d+)(?: packets)? received/.exec(text)?.slice(1) ?? 'no address';
  const pings = real.paths.filter((path) => /\/exec_\w+\/ping_\w+\.txt$/.test(path));
  expect(pings.length).toBeGreaterThan(0);
  for (const path of pings) {
    const [, container = ''] = /exec_(\w+)/.exec(path)!;
    const printed = real.text(path);
    const target = /^PING (\S+)/.exec(printed)?.[1] ?? /'(\w+)'/.exec(printed)![1]!;
    const count = counts(printed)[0];
    const tries = Number.isInteger(Number(count)) ? count : '1';
    const line = `docker exec ${container} ping -c ${tries} -W 1 ${target}`;
    expect([path, counts(lab.tool(node, 'host', line))]).toEqual([path, counts(printed)]);
  }
}

describe('one host of the lab', () => {
  const lab = new HostLab();
  /** As the lab's scripts went on: everything that a case made is removed again. */
  afterEach(() => {
    for (const node of [1, 2]) {
      const { daemon } = lab.host(node);
      for (const { name } of daemon.list()) lab.docker(node, `rm -f ${name}`);
      lab.docker(node, 'network prune -f');
    }
    lab.run(2);
  });
  const box = (name: string, flags = '', port = 80) =>
    lab.docker(1, `run -d --name ${name} ${flags} lab/box:1 serve ${port}`);

  test('A00: a fresh daemon', () => {
    for (const node of [1, 2, 3]) expectCase('A00-fresh-daemon', lab, node);
  });

  test('A01: two containers on the default bridge', () => {
    box('c1');
    box('c2');
    expectCase('A01-default-bridge-2', lab);
    expectPings('A01-default-bridge-2', lab);
    expect(lab.fetch(1, 'c1', 'http://172.17.0.3/')).toBe(lab.container(1, 'c2').hostname);
    expect(lab.resolve(1, 'c1', 'c2')).toBe('not found');
  });

  test('A02: published ports', () => {
    for (const number of [1, 2, 3]) box(`nginx${number}`, `-p ${8079 + number}:80`);
    lab.docker(1, 'network create --subnet 192.168.58.0/24 net58');
    const name = 'A02-bridge-published-3';
    expectCase(name, lab);
    lab.run(9);
    const plain = new RealCase(name).text('node1/docker_ps_plain.txt');
    expect(psLines(lab.docker(1, 'ps').stdout)).toEqual(psLines(plain));
    expectPrinted(name, 'docker_port.txt', lab.docker(1, 'port nginx1'));
    const filter = new RealCase(name).text('node1/host/iptables_filter_Ln.txt');
    expect(lab.tool(1, 'host', 'iptables -nL')).toBe(filter);
    expectPrinted(name, 'port_conflict_error.txt', box('dup', '-p 8080:80'));
    const [first, second] = ['nginx1', 'nginx2'].map((own) => lab.container(1, own).hostname);
    expect(lab.fetch(2, 'host', 'http://192.168.56.101:8080/')).toBe(first);
    expect(lab.fetch(1, 'host', 'http://127.0.0.1:8080/')).toBe(first);
    expect(lab.fetch(1, 'host', 'http://192.168.56.101:8080/')).toBe(first);
    expect(lab.fetch(1, 'nginx1', 'http://192.168.56.101:8080/')).toBe(first);
    expect(lab.fetch(1, 'nginx1', 'http://192.168.56.101:8081/')).toBe(second);
    const after = new RealCase(name).text('node1/host/conntrack_after.txt');
    const connections = closedConnections(lab.tool(1, 'host', 'conntrack -L'));
    expect(connections).toEqual(closedConnections(after));
    expect(lab.fetch(2, 'host', 'http://192.168.56.101:8099/')).toBe('refused');
  });

  test('A03: a user network with names', () => {
    lab.docker(1, 'network create --subnet 10.0.0.0/24 my_bridge');
    box('c2', '--net my_bridge');
    box('c3', '--net my_bridge --ip 10.0.0.254 --network-alias web');
    const name = 'A03-user-bridge-dns';
    expectCase(name, lab);
    expectPings(name, lab);
    for (const known of ['c3', 'c3.my_bridge', 'web', lab.container(1, 'c3').shortId]) {
      expect([known, lab.resolve(1, 'c2', known)]).toEqual([known, '10.0.0.254']);
    }
    expect(lab.resolve(1, 'c2', 'nosuch')).toBe('not found');
    const refused = {
      'ip_on_default_bridge_error.txt': 'run --rm --net bridge --ip 172.17.0.9 lab/box:1 true',
      'overlap_error.txt': 'network create --subnet 10.0.0.0/24 other',
      'rm_active_error.txt': 'network rm my_bridge',
    };
    for (const [file, line] of Object.entries(refused)) {
      expectPrinted(name, file, lab.docker(1, line));
    }
    const taken = lab.docker(1, 'run --rm --net my_bridge --ip 10.0.0.254 lab/box:1 true');
    expect(taken.stderr).toBe('docker: Error response from daemon: Address already in use.\n');
  });

  test('A05: the networks of the host, of nobody and of another container', () => {
    box('h1', '--net host', 8090);
    box('n1', '--net none');
    box('base1');
    box('shared1', '--net container:base1', 81);
    const name = 'A05-host-none-container';
    expectCase(name, lab);
    const owner = lab.container(1, 'base1').hostname;
    expect(lab.fetch(1, 'shared1', 'http://127.0.0.1:80/')).toBe(owner);
    const printed = {
      'connect_host_error.txt': 'network connect bridge h1',
      'connect_none_error.txt': 'network connect bridge n1',
      'connect_shared_error.txt': 'network connect bridge shared1',
      'publish_container_error.txt': 'run -d --name hp2 -p 80:80 --net container:base1 lab/box:1',
    };
    for (const [file, line] of Object.entries(printed)) {
      expectPrinted(name, file, lab.docker(1, line));
    }
    const discarded = lab.docker(1, 'run -d --name hp -p 80:80 --net host lab/box:1 serve 8091');
    const warning = 'WARNING: Published ports are discarded when using host network mode\n';
    expect([discarded.stderr, discarded.exitCode]).toEqual([warning, 0]);
  });

  test('A06: an internal network', () => {
    lab.docker(1, 'network create --internal --subnet 172.30.0.0/16 intnet');
    box('i1', '--net intnet');
    box('i2', '--net intnet');
    expectCase('A06-internal-bridge', lab);
    expectPings('A06-internal-bridge', lab);
    expect(lab.resolve(1, 'i1', 'i2')).toBe('172.30.0.3');
    expect(lab.resolve(1, 'i1', 'example.com')).toBe('not found');
    expect(lab.fetch(1, 'i1', 'http://192.168.56.102:8080/')).toBe('timeout');
  });

  test('A04: links', () => {
    // the lab had published two free ports before
    box('before', '-P --expose 1 --expose 2');
    lab.docker(1, 'rm -f before');
    box('tomcat1', '-P --expose 8080');
    box('tomcat2', '-P --expose 8080 --link tomcat1:tomcat');
    expectCase('A04-link', lab);
    expectPings('A04-link', lab);
    const tomcat2 = lab.container(1, 'tomcat2');
    const environment = lab.host(1).daemon.environmentOf(tomcat2).join('\n');
    const printed = new RealCase('A04-link').text('node1/exec_tomcat2/env.txt');
    const withoutId = (text: string) => text.trim().replace(/HOSTNAME=\w+/, 'HOSTNAME=id');
    expect(withoutId(environment)).toBe(withoutId(printed));
    for (const known of ['tomcat', 'tomcat1']) {
      expect(lab.resolve(1, 'tomcat2', known)).toBe('172.17.0.2');
    }
    expect(lab.resolve(1, 'tomcat1', 'tomcat2')).toBe('not found');
  });

  test('A07: macvlan on two hosts', () => {
    const network = 'network create -d macvlan --subnet 172.16.10.0/24 --gateway 172.16.10.1';
    for (const node of [1, 2]) {
      lab.host(node).uplink.isPromiscuous = true; // ip link set eth0 promisc on, as Docker advises
      lab.docker(node, `${network} -o parent=eth0 mac1`);
    }
    for (const node of [1, 2]) {
      const flags = `--net mac1 --ip 172.16.10.${node + 1}`;
      lab.docker(node, `run -d --name c${node} ${flags} lab/box:1 serve 80`);
    }
    for (const node of [1, 2]) expectCase('A07-macvlan', lab, node);
    expectPings('A07-macvlan', lab);
    expect(lab.fetch(1, 'c1', 'http://172.16.10.3/')).toBe(lab.container(2, 'c2').hostname);
    expect(lab.resolve(1, 'c1', 'c2')).toBe('not found');
    for (const node of [1, 2]) lab.host(node).uplink.isPromiscuous = false;
  });

  test('A09: what stays behind', () => {
    expectCase('A09-after-cleanup', lab);
  });
});
