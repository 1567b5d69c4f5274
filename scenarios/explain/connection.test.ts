/**
 * Explaining whole connections, and requests that do not go over TCP: what is followed, in both
 * directions and through the tunnel, and what is said of a connection that ipvs had forgotten.
 */
import { expect, test } from 'vitest';
import { loadInline } from '../../test/support/runs.ts';
import { explainConnection, explainRequest } from './explain-request.ts';
import type { Explanation } from './explanation.ts';

const STACK = `
services:
  db:
    image: shop/db
    networks: [shop]
    deploy: { placement: { constraints: [node.role == manager] } }
    x-swarmlab:
      listen:
        - { port: 5432, protocol: tcp }
        - { port: 514, protocol: udp }
        - { port: 3868, protocol: sctp }
  client:
    image: shop/client
    networks: [shop]
    deploy: { placement: { constraints: [node.role == worker] } }
networks:
  shop:
`;

function loaded(protocol: string, port: number, until: '30s' | '960s') {
  const session = { every: until === '30s' ? '2s' : '905s', lasts: '2000s' };
  const to = `${protocol}://db:${port}`;
  const scenario = {
    name: 'kept',
    cluster: { workers: 1 },
    stack: 'kept.compose.yaml',
    traffic: [
      { name: 'kept', from: 'client', to, users: 1, think: '0s', start: '15s' as const, session },
    ],
    until,
  };
  return loadInline(scenario, { 'kept.compose.yaml': STACK });
}

/** What was sent, without the balancer's ICMP redirects, which NAT drops. */
const titles = ({ packets }: Explanation) =>
  packets.map(({ title }) => title).filter((title) => title !== 'ICMP');

test('a connection that is silent for 905 s: the balancer has forgotten it and resets it', () => {
  const explanation = explainConnection(loaded('tcp', 5432, '960s'), 'kept', 'first-failed');
  const { subject, outcome, diagnosis, packets } = explanation as Explanation;
  expect(subject).toBe('connection 1 of kept, with 2 requests, 1 to 2');
  expect(outcome).toBe('reset');
  expect(titles(explanation as Explanation).slice(0, 4)).toEqual([
    'SYN',
    'SYN-ACK',
    'ACK',
    '64 bytes',
  ]);
  expect(diagnosis?.text).toBe(
    'lb kept_shop on worker-1 answered with a RST: no connection for the segment',
  );
  const forgotten = packets.find(({ reason }) => reason === 'no connection for the segment')!;
  expect(forgotten.steps.map(({ detail }) => detail)).toContain(
    'ipvs has no connection for this packet, and it is no SYN',
  );
});

test.each([
  ['udp', 514, ['64 bytes', '1024 bytes']],
  ['sctp', 3868, ['INIT', 'INIT ACK', 'COOKIE ECHO', 'COOKIE ACK', 'DATA', 'SACK', 'DATA']],
])('%s is followed there and back, through ipvs and VXLAN', (protocol, port, first) => {
  const explanation = explainRequest(loaded(protocol, port, '30s'), 'kept', 1) as Explanation;
  expect(titles(explanation).slice(0, first.length)).toEqual(first);
  const [there, back] = explanation.packets;
  expect(there!.hosts).toEqual(['worker-1', 'manager-1']);
  expect(back!.hosts).toEqual(['manager-1', 'worker-1']);
  const events = new Set(there!.steps.map(({ event }) => event));
  for (const event of ['schedule', 'encapsulate', 'deliver'] as const)
    expect(events).toContain(event);
  expect(explanation.outcome).toBe('ok');
});

test('a connection of many requests has the packets of all of them', () => {
  const explanation = explainConnection(loaded('tcp', 5432, '30s'), 'kept', 1) as Explanation;
  const asked = titles(explanation).filter((title) => title === '64 bytes').length;
  expect(explanation.subject).toBe(`connection 1 of kept, with ${asked} requests, 1 to ${asked}`);
  expect(asked).toBeGreaterThan(5);
  expect(explanation.diagnosis).toBeUndefined();
});

test('there is no such connection', () => {
  const text = explainConnection(loaded('tcp', 5432, '30s'), 'kept', 9);
  expect(text).toBe('kept has no connection 9: 1 ended');
});
