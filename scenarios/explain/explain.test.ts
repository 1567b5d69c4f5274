/**
 * Explanations of real runs of the voting application: the way into the mesh and back again, and the
 * request that meets a dead worker.
 */
import { describe, expect, test } from 'vitest';
import { Watch } from '../../net/watch.ts';
import { loadInline } from '../../test/support/runs.ts';
import type { ScenarioInput } from '../language/scenario.ts';
import { formatExplanation, formatWhyNot } from '../report/explanation.ts';
import { runScenario } from '../run/run-scenario.ts';
import { explainProbe } from './explain-probe.ts';
import { explainRequest } from './explain-request.ts';
import type { Explanation } from './explanation.ts';

const STACK = `
services:
  api:
    image: nginx
    networks: [shop]
    deploy: { placement: { constraints: [node.hostname == manager-1] } }
  client:
    image: shop/client
    networks: [shop]
    deploy: { placement: { constraints: [node.hostname == worker-1] } }
networks:
  shop:
`;

const loaded = loadInline({
  name: 'A worker crashes under load',
  cluster: { managers: 1, workers: 4, underlay: { latency: '200us..800us' } },
  stack: 'voting-app.compose.yaml',
  traffic: [
    { name: 'votes', from: 'outside', to: 'http://manager-1:5000/', rate: '20/s', timeout: '2s' },
  ],
  timeline: [{ at: '8s', crash: 'worker-2' }],
  until: '16s',
});

/** The steps of packet `index`, one line each, ports of the run left out. */
function linesOf(explanation: Explanation, index: number): string[] {
  return explanation.packets[index]!.steps.map(({ namespace, event, place, chain, detail }) =>
    [explanation.namespaceNames[namespace] ?? namespace, event, place, chain, detail]
      .filter((word) => word !== '')
      .join(' '),
  );
}

/** True when each pattern matches a line behind the one that the pattern before matched. */
function firstMissing(lines: readonly string[], patterns: readonly RegExp[]): RegExp | undefined {
  let at = -1;
  return patterns.find((pattern) => {
    at = lines.findIndex((line, i) => i > at && pattern.test(line));
    return at < 0;
  });
}

/** The first answered request whose SYN went to another node than manager-1. */
function explainRemote(): Explanation {
  for (let number = 1; number < 6; number++) {
    const explanation = explainRequest(loaded, 'votes', number);
    if (typeof explanation === 'string') throw new Error(explanation);
    if (explanation.packets[0]!.hosts.length === 3) return explanation;
  }
  throw new Error('five requests in a row were answered by manager-1');
}

describe('an answered request', () => {
  const explanation = explainRemote();
  const [syn, synAck] = explanation.packets;

  test('its SYN takes the way into the mesh, step by step', () => {
    const worker = syn!.hosts[2]!;
    expect(syn!.hosts).toEqual(['outside', 'manager-1', worker]);
    expect(syn!.place).toMatch(new RegExp(`^voting-app_vote\\.\\d on ${worker}$`));
    const missing = firstMissing(linesOf(explanation, 0), [
      /^outside send TCP 198\.51\.100\.7:\d+ > 192\.168\.56\.101:5000$/,
      /^manager-1 rule PREROUTING nat\/DOCKER-INGRESS .*-j DNAT --to-destination 172\.18\.0\.2:5000/,
      /^manager-1 rewrite PREROUTING nat dst 192\.168\.56\.101:5000 -> 172\.18\.0\.2:5000/,
      /^manager-1 rule FORWARD filter\/DOCKER-INGRESS .*--dport 5000 -j ACCEPT/,
      /^manager-1 transmit docker_gwbridge/,
      /^manager-1\/ingress_sbox receive eth1/,
      /^manager-1\/ingress_sbox rule PREROUTING mangle\/PREROUTING .*MARK/,
      /^manager-1\/ingress_sbox schedule ipvs FWM \d+ rr -> 10\.0\.0\.\d+/,
      /^manager-1\/ingress_sbox rule POSTROUTING nat\/POSTROUTING .*--ipvs -j SNAT/,
      /^manager-1\/ingress_sbox rewrite POSTROUTING nat src 198\.51\.100\.7:\d+ -> 10\.0\.0\.\d+/,
      /^manager-1\/overlay ingress encapsulate vxlan0 VNI 4096/,
      /^manager-1 transmit eth0/,
      /^worker-\d decapsulate vxlan0 VNI 4096 from 192\.168\.56\.101/,
      /^worker-\d\/voting-app_vote\.\d rule PREROUTING nat\/PREROUTING .*REDIRECT --to-ports 80/,
      /^worker-\d\/voting-app_vote\.\d rule INPUT filter\/INPUT .*ACCEPT/,
      /^worker-\d\/voting-app_vote\.\d deliver tcp port 80$/,
    ]);
    expect(missing).toBeUndefined();
  });

  test('its SYN-ACK comes back through the node that was asked', () => {
    expect(synAck!.title).toBe('SYN-ACK');
    expect(synAck!.hosts).toEqual([...syn!.hosts].reverse());
    const missing = firstMissing(linesOf(explanation, 1), [
      /vote\.\d rewrite POSTROUTING nat src 10\.0\.0\.\d+:80 -> 10\.0\.0\.\d+:5000/,
      /overlay ingress encapsulate vxlan0/,
      /ingress_sbox rewrite PREROUTING nat dst 10\.0\.0\.\d+:\d+ -> 198\.51\.100\.7/,
      /ingress_sbox rewrite ipvs src 10\.0\.0\.\d+:5000 -> 172\.18\.0\.2:5000/,
      /^manager-1 rewrite POSTROUTING nat src 172\.18\.0\.2:5000 -> 192\.168\.56\.101:5000/,
      /^outside deliver tcp/,
    ]);
    expect(missing).toBeUndefined();
  });

  test('every segment of the conversation is there, until both sides have closed', () => {
    const titles = explanation.packets.map(({ title }) => title);
    expect(titles.slice(0, 4)).toEqual(['SYN', 'SYN-ACK', 'ACK', expect.stringMatching(/bytes$/)]);
    expect(titles.filter((title) => title === 'FIN')).toHaveLength(2);
    expect(explanation.packets.every(({ fate }) => fate === 'delivered')).toBe(true);
    expect(explanation.diagnosis).toBeUndefined();
  });
});

describe('the first failed request', () => {
  const explanation = explainRequest(loaded, 'votes', 'first-failed') as Explanation;

  test('names the drop at the dead worker, and what was known of its death when', () => {
    expect(explanation.outcome).toBe('timeout');
    const { diagnosis, packets } = explanation;
    expect(diagnosis!.text).toBe('SYN was dropped at worker-2, eth0: device is down');
    expect(diagnosis!.choice).toMatch(/^ipvs in ingress_sbox on manager-1 had chosen: FWM/);
    expect(diagnosis!.history.map(({ text }) => text)).toEqual([
      'crash worker-2',
      expect.stringMatching(/^first suspected/),
      expect.stringMatching(/^first declared dead/),
      'dead for all 4 survivors',
    ]);
    expect(packets.map(({ title }) => title)).toEqual(['SYN', 'SYN, sent again']);
  });

  test('a host without power that gossip holds alive: what is no longer so', () => {
    const { verdict, gossip } = explanation.planes!;
    expect(verdict).toMatch(/^gossip: the data plane did as it was told/);
    expect(gossip).toMatch(/^manager-1 holds worker-2 (alive|suspect); /);
    const text = formatExplanation(explanation, { hasColour: false, isWhole: false });
    expect(text).toMatch(
      /Which plane\n {2}to blame {4}gossip: .*\n {2}data plane {2}SYN was dropped/,
    );
  });

  test('reads as a table, with colours only when asked for', () => {
    const options = { hasColour: false, isWhole: false };
    const text = formatExplanation(explanation, options);
    expect(text).toContain('dropped at worker-2, eth0: device is down');
    expect(text).toContain('2. SYN, sent again');
    expect(text).toContain('nat PREROUTING → DOCKER-INGRESS');
    expect(text).not.toContain('\u001b');
    expect(formatExplanation(explanation, { ...options, hasColour: true })).toContain('\u001b[31m');
  });
});

test('a probe to a service of another name is resolved, balanced and answered', () => {
  const probe = { from: 'vote', host: 'redis', port: 6379, atNs: 7e9 };
  const explanation = explainProbe(loaded, probe);
  expect(explanation.outcome).toBe('ok');
  expect(explanation.packets[0]!.place).toMatch(/^voting-app_redis\.1 on /);
});

test('a closed port answers with a RST', () => {
  const probe = { from: 'worker-1', host: 'manager-1', port: 81, atNs: 7e9 };
  const { outcome, packets, diagnosis } = explainProbe(loaded, probe);
  expect(outcome).toBe('refused');
  expect(packets.map(({ title }) => title)).toEqual(['SYN', 'RST']);
  expect(diagnosis!.text).toBe('manager-1 answered with a RST: TCP port is closed');
});

test('why not: where it first went wrong, why, and what would mend it', () => {
  const whyNot = (from: string, host: string, port: number, atNs: number) =>
    formatWhyNot(explainProbe(loaded, { from, host, port, atNs }), false).split('\n').slice(2, -1);
  expect(
    whyNot('worker-1', 'manager-1', 81, 7e9).filter((line) => !line.includes('blame')),
  ).toEqual([
    '  where     manager-1, socket',
    '  what      manager-1 answered with a RST: TCP port is closed',
    '  to mend   start a program that listens on the port, or ask for the right one',
  ]);
  expect(whyNot('outside', 'worker-2', 5000, 9e9).at(-1)).toBe(
    '  to mend  nobody answers ARP (or neighbour solicitations) for the next hop: is it up, on this link, allowed?',
  );
  expect(whyNot('outside', 'manager-1', 5000, 7e9)).toEqual(['Nothing went wrong.']);
});

test('IPv6: the address of a container, its way, and why another network does not reach it', () => {
  const six = loadInline({
    name: 'Two networks with IPv6',
    cluster: { managers: 1, workers: 0 },
    timeline: [
      {
        at: '1s',
        docker: {
          'manager-1': [
            'network create --ipv6 --subnet 172.21.0.0/16 --subnet fd00:1::/64 one',
            'network create --ipv6 --subnet 172.22.0.0/16 --subnet fd00:2::/64 two',
            'run -d --name web --network one nginx',
            'run -d --name cli --network one nginx',
            'run -d --name far --network two nginx',
          ],
        },
      },
    ],
    until: '5s',
  });
  const probe = { from: 'manager-1/cli', host: 'manager-1/web', port: 80, atNs: 4e9 };
  const { outcome, packets } = explainProbe(six, { ...probe, family: 'ipv6' });
  expect(outcome).toBe('ok');
  expect(packets[0]!.steps[0]!.detail).toMatch(/^TCP \[fd00:1::3\]:\d+ > \[fd00:1::2\]:80$/);
  expect(packets[0]!.place).toBe('web on manager-1');
  const ping = explainProbe(six, { ...probe, host: 'fd00:1::2', port: undefined });
  expect(ping.packets.map(({ title }) => title)).toEqual(['ICMPv6', 'ICMPv6']);
  const far = explainProbe(six, { ...probe, from: 'manager-1/far', host: 'fd00:1::2' });
  expect(far.subject).toBe('probe from manager-1/far to [fd00:1::2]:80');
  const whyNot = formatWhyNot(far, false);
  expect(whyNot).toMatch(/where +manager-1, PREROUTING raw\/PREROUTING\n/);
  expect(whyNot).toMatch(/what .*-d fd00:1::2\/128 ! -i br-\w+ -j DROP\n/);
  expect(whyNot).toMatch(/to mend +ask the published port/);
});

test('an echo request and its reply are two packets', () => {
  const probe = { from: 'outside', host: 'worker-3', port: undefined, atNs: 7e9 };
  const { packets } = explainProbe(loaded, probe);
  expect(packets.map(({ hosts }) => hosts)).toEqual([
    ['outside', 'worker-3'],
    ['worker-3', 'outside'],
  ]);
});

test('a name that nobody has does not resolve, and no packet is sent', () => {
  const probe = { from: 'outside', host: 'nobody', port: 80, atNs: 7e9 };
  const { outcome, packets, diagnosis } = explainProbe(loaded, probe);
  expect(outcome).toBe('unresolved');
  expect(packets).toEqual([]);
  expect(diagnosis!.text).toBe('the name of the target did not resolve');
});

describe('the planes are not confused', () => {
  const gossipPort = { protocol: 'udp', port: 7946 } as const;
  const planesOf = (timeline: ScenarioInput['timeline']) => {
    const scenario = {
      name: 'planes',
      cluster: { managers: 1, workers: 2 },
      stack: 'planes.compose.yaml',
      traffic: [
        { name: 'asks', from: 'client', to: 'http://tasks.api/', rate: '5/s', start: '12s' },
      ],
      timeline,
      until: '22s',
    };
    const files = { 'planes.compose.yaml': STACK };
    return (explainRequest(loadInline(scenario, files), 'asks', 'first-failed') as Explanation)
      .planes;
  };

  test('the underlay loses VXLAN: the data plane', () => {
    const cut = { between: ['manager-1', 'worker-1'] as [string, string] };
    const planes = planesOf([{ at: '10s', drop: { ...cut, protocol: 'udp', port: 4789 } }])!;
    expect(planes.verdict).toMatch(/^the data plane: what gossip said was right/);
    expect(planes.gossip).toBe(
      'worker-1 holds manager-1 alive; the tables of worker-1 say that it is on manager-1',
    );
    expect(planes.management).toBe('worker-1 is ready, manager-1 is ready');
  });

  test('a node is cut from gossip alone: what it was not told', () => {
    const all = { between: ['worker-1', ['manager-1', 'worker-2']] as [string, string[]] };
    const planes = planesOf([
      { at: '0s', drop: { ...all, ...gossipPort } },
      { at: '0s', drop: { ...all, protocol: 'tcp', port: 7946 }, as: 'tcp' },
    ])!;
    expect(planes.verdict).toMatch(/^gossip: the data plane has not been told/);
    expect(planes.gossip).toBe('worker-1 has no record of tasks.api; known on manager-1');
    expect(planes.management).toBe('worker-1 is ready');
  });
});

test('a watch on every request changes nothing', () => {
  const plain = runScenario(loaded, { untilNs: 10e9 }).result;
  const watches: Watch[] = [];
  const watchOf = () => {
    watches.push(new Watch());
    return watches.at(-1);
  };
  const watched = runScenario(loaded, { untilNs: 10e9, requests: { watchOf, onEnd: () => {} } });
  expect(watched.result.digest).toBe(plain.digest);
  expect(watched.result.measures).toEqual(plain.measures);
  expect(watches.filter(({ ways }) => ways.length > 0).length).toBeGreaterThan(10);
});
