/**
 * Names in a whole swarm: those of the stack, those of the outside by way of the container's gateway,
 * and those that only a search domain makes whole.
 */
import { expect, test } from 'vitest';
import { loadInline } from '../test/support/runs.ts';
import type { ScenarioInput } from './language/scenario.ts';
import { runScenario } from './run/run-scenario.ts';

const STACK = `
services:
  web: { image: nginx, networks: [shop], deploy: { replicas: 2 } }
  db: { image: redis, networks: [shop], deploy: { replicas: 2, endpoint_mode: dnsrr } }
  client: { image: shop/client, networks: [shop, closed] }
  hermit: { image: shop/client, networks: [closed] }
networks:
  shop:
  closed: { internal: true }
`;

/** How the look-ups of each name ended, most frequent end first: `ok`, `unresolved`. */
function endsOf(
  lookUps: Readonly<Record<string, string>>,
  dns: object,
  timeline: NonNullable<ScenarioInput['timeline']> = [],
  docker = '28',
) {
  const scenario: ScenarioInput = {
    name: 'names',
    cluster: { docker, managers: 1, workers: 1, dns },
    stack: 'names.compose.yaml',
    timeline,
    traffic: Object.entries(lookUps).map(([name, target]) => ({
      name,
      from: name === 'hermit' ? 'hermit' : 'client',
      to: `dns://${target}`,
      rate: '4/s',
      timeout: '30s',
    })),
    until: '60s',
  };
  const { result } = runScenario(loadInline(scenario, { 'names.compose.yaml': STACK }));
  const count = (name: string) => result.measures[name]?.value ?? 0;
  return Object.fromEntries(
    Object.keys(lookUps).map((name) => {
      const ends = ['ok', 'unresolved'].filter((end) => count(`traffic.${name}.${end}`) > 0);
      const slowest = result.measures[`traffic.${name}.latency.max`]?.value ?? 0;
      return [name, `${ends.join(', ')}${slowest >= 1 ? ` after ${Math.floor(slowest)} s` : ''}`];
    }),
  );
}

const OUTSIDE = { address: '198.51.100.54', records: { 'example.org': '203.0.113.80' } };

test('names of the stack and of the outside', () => {
  const dns = {
    search: ['corp.example'],
    servers: [
      { address: '198.51.100.53', otherwise: 'silence' },
      { ...OUTSIDE, records: { ...OUTSIDE.records, 'printer.corp.example': ['203.0.113.9'] } },
    ],
  };
  const lookUps = {
    service: 'web',
    tasks: 'tasks.web',
    'round-robin': 'db',
    'with-network': 'web.names_shop',
    outside: 'example.org',
    search: 'printer',
    nobody: 'nobody.example.org',
    hermit: 'example.org',
  };
  expect(endsOf(lookUps, dns)).toEqual({
    service: 'ok',
    tasks: 'ok',
    'round-robin': 'ok',
    'with-network': 'ok',
    outside: 'ok after 4 s',
    search: 'ok after 8 s',
    nobody: 'unresolved',
    hermit: 'unresolved',
  });
});

test.each([
  // the real servers of systemd-resolved's own file are asked by the container's gateway
  { local: 'systemd-resolved', docker: '28', outside: 'ok after 4 s', hermit: 'unresolved' },
  { local: 'systemd-resolved', docker: '24', outside: 'ok after 4 s', hermit: 'unresolved' },
  // dnsmasq is asked from the host, which asks all servers at once
  { local: 'dnsmasq', docker: '28', outside: 'ok', hermit: 'unresolved' },
  // so does a container without a way out, until that was found to be a leak
  { local: 'dnsmasq', docker: '24', outside: 'ok', hermit: 'ok' },
])('$local on the hosts of Docker $docker', ({ local, docker, outside, hermit }) => {
  const dns = { local, servers: [{ address: '198.51.100.53', otherwise: 'silence' }, OUTSIDE] };
  const ends = endsOf({ outside: 'example.org', hermit: 'example.org' }, dns, [], docker);
  expect({ outside: ends['outside'], hermit: ends['hermit']?.replace(/ after.*/, '') }).toEqual({
    outside,
    hermit,
  });
});

test('a dockerd that stands still answers when it goes on; what needs no name goes on', () => {
  const timeline = [
    { at: '10s', pause: 'all' },
    { at: '14500ms', resume: 'all' },
  ];
  const { service, literal } = endsOf({ service: 'web', literal: '10.0.1.3' }, {}, timeline);
  expect(service).toMatch(/^ok after [34] s$/);
  expect(literal).toBe('ok');
});
