/**
 * The kinds of traffic, each by what its users would notice: who answers how often, over how many
 * connections, and what happens to those that are open when a task goes.
 */
import { expect, test } from 'vitest';
import { loadInline } from '../../../test/support/runs.ts';
import type { ScenarioInput } from '../../language/scenario.ts';
import type { RunResult } from '../../result.ts';
import { runScenario } from '../run-scenario.ts';

const STACK = `
services:
  web:
    image: nginx
    ports: ["8080:80"]
    networks: [shop]
    deploy: { replicas: 3, placement: { constraints: [node.role == worker] } }
    x-swarmlab:
      listen:
        - { port: 80, protocol: http, service-time: 2ms, keep-alive: 5s }
        - { port: 9000, protocol: tcp, service-time: 2ms }
        - { port: 9001, protocol: udp, service-time: 2ms }
        - { port: 9002, protocol: sctp, service-time: 2ms }
        - { port: 9003, protocol: tcp, service-time: 70s }
  client:
    image: shop/client
    networks: [shop]
    deploy: { placement: { constraints: [node.role == manager] } }
networks:
  shop:
`;

type TrafficInput = NonNullable<ScenarioInput['traffic']>;

function run(traffic: TrafficInput, more: Partial<ScenarioInput> = {}): RunResult {
  const scenario = {
    name: 'traffic',
    cluster: { managers: 1, workers: 3 },
    stack: 'traffic.compose.yaml',
    traffic,
    until: '40s',
    ...more,
  };
  return runScenario(loadInline(scenario, { 'traffic.compose.yaml': STACK })).result;
}

const measured = (result: RunResult, measure: string) => result.measures[measure]?.value;
/** Connections that the web tasks have taken, as a tool in one of the balancers counts them. */
const countOf = (result: RunResult, command: string) =>
  Number(/FWM +\d+ +(\d+)/.exec(result.commands.find((c) => c.name === command)!.output)![1]);

/** `ipvsadm --stats` of the balancer of published ports. */
const counted = (at: `${number}s`) => ({
  at,
  as: `connections-${at}`,
  exec: { on: 'manager-1', netns: 'ingress_sbox', run: 'ipvsadm -Ln --stats' },
});

test('open loop: bursts come at once, evenly and at random one by one, all at the same rate', () => {
  const to = 'http://manager-1:8080/';
  const result = run([
    { name: 'even', to, rate: '20/s', arrivals: 'constant', start: '15s', stop: '27s' },
    { name: 'random', to, rate: '20/s', start: '15s', stop: '27s' },
    { name: 'bursts', to, rate: '20/s', arrivals: 'bursts(20)', start: '15s', stop: '27s' },
  ]);
  expect(measured(result, 'traffic.even.sent')).toBe(200);
  for (const name of ['random', 'bursts']) {
    expect(measured(result, `traffic.${name}.sent`)).toBeGreaterThan(90);
    expect(measured(result, `traffic.${name}.sent`)).toBeLessThan(320);
  }
  expect(measured(result, 'traffic.bursts.sent')! % 20).toBe(0);
  for (const { servers } of result.traffic) expect(servers).toHaveLength(3);
});

test('closed loop: users wait for their answers, so that a slow server is asked less often', () => {
  const users = (port: number) => ({
    from: 'client',
    users: 10,
    think: '1s',
    start: '15s' as const,
    stop: '35s' as const,
    to: `tcp://web:${port}`,
  });
  const result = run([
    { ...users(9000), name: 'quick' },
    { ...users(9003), name: 'slow', timeout: '4s' },
  ]);
  // ten users with a second of thought each, for 18 s and for 16 s with 4 s of patience
  expect(measured(result, 'traffic.quick.ok')).toBeGreaterThan(165);
  expect(measured(result, 'traffic.quick.ok')).toBeLessThan(185);
  expect(measured(result, 'traffic.slow.timeout')).toBe(measured(result, 'traffic.slow.sent'));
  expect(measured(result, 'traffic.slow.sent')).toBeLessThan(45);
});

test('kept connections are used again, sessions are one, and every server tells its name', () => {
  const ports = { http: 80, tcp: 9000, sctp: 9002, udp: 9001 };
  const result = run(
    Object.entries(ports).flatMap(([protocol, port]) => {
      const common = { from: 'client', to: `${protocol}://web:${port}`, start: '15s' as const };
      const evenly = { ...common, rate: '5/s', arrivals: 'constant', stop: '29s' } as const;
      return [
        { ...evenly, name: `${protocol}-each` },
        { ...evenly, name: `${protocol}-kept`, 'keep-alive': { connections: 2 } },
        {
          ...common,
          name: `${protocol}-session`,
          users: 1,
          think: '0s',
          session: { every: '200ms', lasts: '60s' },
        },
      ];
    }),
    { until: '33s' },
  );
  expect(result.traffic).toHaveLength(12);
  for (const { name, servers } of result.traffic) {
    expect([name, measured(result, `traffic.${name}.lost`)]).toEqual([name, 0]);
    expect(measured(result, `traffic.${name}.ok`)).toBeGreaterThan(50);
    // who keeps a connection keeps its task: the imbalance of long connections
    expect([name, servers.length]).toEqual([name, name.endsWith('each') ? 3 : 1]);
  }
});

test('servers close idle HTTP connections, clients those that are idle or old', () => {
  const kept = (name: string, rate: '1/s' | '10/s' | '6/m', keepAlive: object) => ({
    name,
    to: 'http://manager-1:8080/',
    rate,
    arrivals: 'constant' as const,
    start: '15s' as const,
    'keep-alive': keepAlive,
  });
  const connections = (name: string, keepAlive: object, rate: '1/s' | '10/s' | '6/m' = '1/s') => {
    const result = run([kept(name, rate, keepAlive)], {
      timeline: [counted('14s'), counted('39s')],
    });
    expect(measured(result, `traffic.${name}.lost`)).toBe(0);
    const opened = countOf(result, 'connections-39s') - countOf(result, 'connections-14s');
    return [opened, measured(result, `traffic.${name}.ok`)];
  };
  expect(connections('often', {})).toEqual([1, 23]);
  expect(connections('impatient', { idle: '500ms' })).toEqual([23, 23]);
  expect(connections('old', { requests: 10 })).toEqual([3, 23]);
  // nginx has closed it after 5 s of silence, and the client has heard so
  expect(connections('seldom', {}, '6/m')).toEqual([2, 2]);
});

test('a client that half-closes has its answer for 60 s, which is as long as ipvs remembers', () => {
  const half = {
    from: 'client',
    rate: '1/s' as const,
    timeout: '100s',
    'half-close': true,
  } as const;
  const times = { start: '15s', stop: '118s' } as const;
  const slow = { ...half, ...times, name: 'slow', to: 'tcp://web:9003' };
  const result = run([slow, { ...half, ...times, name: 'quick', to: 'tcp://web:9000' }], {
    until: '120s',
  });
  expect(measured(result, 'traffic.quick.lost')).toBe(0);
  expect(measured(result, 'traffic.slow.lost')).toBe(1);
});

test('a front balancer leaves a dead node out after its checks, and takes it back', () => {
  const closed = (how: string) =>
    `iptables -t mangle ${how} PREROUTING -p tcp --dport 8080 -j DROP`;
  const front = { nodes: 'workers', every: '1s', timeout: '500ms', fall: 2, rise: 2 };
  const to = 'http://front:8080/';
  const result = run(
    [
      {
        name: 'checked',
        to,
        rate: '12/s',
        arrivals: 'constant',
        timeout: '1s',
        start: '17s',
        front,
      },
      {
        name: 'unchecked',
        to,
        rate: '12/s',
        arrivals: 'constant',
        timeout: '1s',
        start: '17s',
        front: { ...front, fall: 1000 },
      },
    ],
    {
      timeline: [
        { at: '20s', exec: { on: 'worker-1', run: closed('-I') } },
        { at: '30s', exec: { on: 'worker-1', run: closed('-D') } },
      ],
    },
  );
  const windows = (name: string) => result.traffic.find((t) => t.name === name)!.lossWindows;
  expect(windows('checked')[0]!.fromSeconds).toBeCloseTo(20, 0);
  expect(windows('checked').at(-1)!.untilSeconds).toBeLessThan(22);
  expect(windows('unchecked').at(-1)!.untilSeconds).toBeGreaterThan(28);
});

test('clients that remember names go on to a task that has gone', () => {
  const names = (name: string, cache: '0s' | '60s') => ({
    name,
    from: 'client',
    to: 'http://tasks.web/',
    rate: '20/s' as const,
    start: '15s' as const,
    timeout: '1s' as const,
    'dns-cache': cache,
  });
  const result = run([names('asks', '0s'), names('remembers', '60s')], {
    timeline: [{ at: '20s', update: 'web' }],
    until: '60s',
  });
  expect(result.traffic.find((t) => t.name === 'remembers')!.servers).toHaveLength(1);
  expect(measured(result, 'traffic.asks.lost')).toBeLessThan(0.1);
  expect(measured(result, 'traffic.remembers.lost')).toBeGreaterThan(0.2);
});

test('requests with a body', () => {
  const to = 'http://manager-1:8080/';
  const result = run([
    { name: 'upload', to, rate: '5/s', request: '20kB', start: '15s', stop: '25s' },
    { name: 'kept', to, rate: '5/s', request: '3kB', start: '15s', stop: '25s', 'keep-alive': {} },
  ]);
  for (const { name } of result.traffic) {
    expect([name, measured(result, `traffic.${name}.lost`)]).toEqual([name, 0]);
    expect(measured(result, `traffic.${name}.ok`)).toBeGreaterThan(25);
  }
});
