/**
 * Connections through a virtual address that are idle, slow or half-open: which of the clocks ends them
 * (ipvs', conntrack's, the sockets' own), and what either side hears when it speaks again.
 *
 * ```
 *            ipvs            conntrack        client's and server's sockets
 *  open      900 s           432,000 s        keepalive: 7200 s, then 9 probes 75 s apart; off unless asked
 *  client's  60 s  (CLOSE_   60 s             none: FIN-WAIT-2 of a program that still reads
 *   FIN       WAIT)
 *  server's  120 s (FIN_     60 s             none: CLOSE-WAIT of a program that still writes
 *   FIN       WAIT)
 * ```
 * ipvs takes its entry of conntrack along when it ends.
 */
import { expect, test } from 'vitest';
import type { TcpConnection } from '../net/socket/tcp/connection.ts';
import { ip } from '../net/testing/lab.ts';
import { SECOND_NS } from '../sim/time.ts';
import { formatConnections } from './show.ts';
import { BalancedNetwork } from './testing/balanced-network.ts';

const PORT = 80;

/** A conversation through the VIP: what each side has heard, in the order of time. */
class Conversation {
  readonly network = new BalancedNetwork();
  readonly heard: string[] = [];
  readonly client: TcpConnection;
  server: TcpConnection | undefined;

  constructor(keepAliveTimeNs?: number) {
    const { network, heard } = this;
    const station = network.addServer();
    for (const { namespace } of [station, network.client]) namespace.hooks.unregister('keep');
    station.namespace.sockets.listen({
      port: PORT,
      onConnection: (own: TcpConnection) => {
        this.server = own;
        return this.#handlers('server');
      },
    });
    this.client = network.client.namespace.sockets.connect({
      address: ip('10.0.1.2'),
      port: PORT,
      ...(keepAliveTimeNs === undefined ? {} : { keepAlive: true, keepAliveTimeNs }),
      handlers: this.#handlers('client'),
    });
    this.wait(1);
    heard.length = 0;
  }

  #handlers(side: string) {
    return {
      onData: (bytes: Uint8Array) => void this.heard.push(`${side} gets ${bytes.length}`),
      onEnd: () => void this.heard.push(`${side} gets FIN`),
      onClosed: (reason: string) => void this.heard.push(`${side}: ${reason}`),
    };
  }

  wait(seconds: number): void {
    this.network.lab.run(seconds);
  }

  /** What has been heard since the last time. */
  news(): string {
    return this.heard.splice(0).join(', ');
  }

  /** `ESTABLISHED`, or nothing when ipvs has forgotten the connection. */
  get state(): string {
    const line = formatConnections(this.network.ipvs).split('\n')[2] ?? '';
    return line.split(/ +/)[2] ?? 'none';
  }

  get tracked(): number {
    return this.network.balancer.connections.count;
  }
}

const say = (connection: TcpConnection | undefined) => void connection!.send(new Uint8Array(10));

type Step = (c: Conversation) => void;
const clientSays: Step = (c) => say(c.client);
const serverSays: Step = (c) => say(c.server);
const clientEnds: Step = (c) => c.client.end();
const serverEnds: Step = (c) => c.server!.end();
const nothing: Step = () => {};

test.each<[string, Step, number, string, number, Step, string]>([
  ['open, client after 898 s', nothing, 898, 'ESTABLISHED', 1, clientSays, 'server gets 10'],
  ['open, server after 898 s', nothing, 898, 'ESTABLISHED', 1, serverSays, 'client gets 10'],
  ['open, client after 901 s', nothing, 901, 'none', 0, clientSays, 'client: reset'],
  ['open, server after 901 s', nothing, 901, 'none', 0, serverSays, 'server: reset'],
  [
    'client ended, server after 59 s',
    clientEnds,
    59,
    'CLOSE_WAIT',
    1,
    serverSays,
    'client gets 10',
  ],
  ['client ended, server after 61 s', clientEnds, 61, 'none', 0, serverSays, 'server: reset'],
  // conntrack's CLOSE_WAIT ends first; what the client says begins another entry, under the same SNAT
  ['server ended, client after 59 s', serverEnds, 59, 'FIN_WAIT', 1, clientSays, 'server gets 10'],
  [
    'server ended, client after 119 s',
    serverEnds,
    119,
    'FIN_WAIT',
    0,
    clientSays,
    'server gets 10',
  ],
  ['server ended, client after 121 s', serverEnds, 121, 'none', 0, clientSays, 'client: reset'],
])('%s', (_, before, silenceS, state, tracked, after, expected) => {
  const c = new Conversation();
  before(c);
  c.wait(0.01);
  c.news();
  c.wait(silenceS);
  expect(c.state).toBe(state);
  expect(c.tracked).toBe(tracked);
  expect(c.news()).toBe('');
  after(c);
  c.wait(0.5);
  expect(c.news()).toBe(expected);
});

test('the other side of a connection that ipvs has forgotten hears nothing, for ever', () => {
  const c = new Conversation();
  c.wait(901);
  clientSays(c);
  c.wait(0.5);
  expect(c.news()).toBe('client: reset');
  c.wait(20_000);
  expect(c.news()).toBe('');
  expect(c.server!.state).toBe(new Conversation().server!.state);
});

test('a keepalive of 600 s keeps a connection in ipvs; one of 7200 s comes too late', () => {
  const kept = new Conversation(600 * SECOND_NS);
  kept.wait(5000);
  expect([kept.state, kept.news()]).toEqual(['ESTABLISHED', '']);
  serverSays(kept);
  kept.wait(0.5);
  expect(kept.news()).toBe('client gets 10');
  const late = new Conversation(7200 * SECOND_NS);
  late.wait(7190);
  expect([late.state, late.news()]).toEqual(['none', '']);
  late.wait(20);
  expect(late.news()).toBe('client: reset');
});

test('a server that does not read: probes of its zero window keep the connection in ipvs', () => {
  const c = new Conversation();
  c.server!.pauseReading();
  c.client.send(new Uint8Array(200_000));
  c.wait(3000);
  expect([c.state, c.news()]).toEqual(['ESTABLISHED', '']);
  c.server!.resumeReading();
  c.wait(300);
  const bytes = c.heard.map((line) => Number(/gets (\d+)/.exec(line)?.[1] ?? 0));
  expect(bytes.reduce((sum, count) => sum + count, 0)).toBe(200_000);
});

test('a client that vanishes leaves the server half-open until it speaks', () => {
  const c = new Conversation();
  const { namespace } = c.network.client;
  namespace.setUp(namespace.deviceByName('eth0')!, false);
  c.wait(901);
  expect([c.state, c.tracked, c.news()]).toEqual(['none', 0, '']);
  serverSays(c);
  c.wait(0.5);
  // the balancer, which knows the connection no more, resets it; the client's host says nothing
  expect(c.news()).toBe('server: reset');
});

test('a SYN that nobody answers keeps its connection for 60 s behind each try', () => {
  const network = new BalancedNetwork();
  network.addServer();
  network.client.namespace.hooks.unregister('keep');
  const ends: string[] = [];
  network.client.namespace.sockets.connect({
    address: ip('10.0.1.2'),
    port: PORT,
    handlers: { onClosed: (reason) => void ends.push(reason) },
  });
  network.lab.run(120);
  expect(formatConnections(network.ipvs)).toContain('SYN_RECV');
  expect(network.service.destinations[0]!.activeCount).toBe(1);
  network.lab.run(8);
  expect(ends).toEqual(['timeout']);
  expect(network.ipvs.connections.count).toBe(0);
});
