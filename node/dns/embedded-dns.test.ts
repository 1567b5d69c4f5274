/**
 * The embedded DNS server over UDP and TCP: a long answer comes cut over the one and whole over the
 * other, and a program's resolver asks again for what was cut.
 */
import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { formatIpv4Address, parseIpv4Address } from '../../wire/addresses.ts';
import { DnsType } from '../../wire/dns/record.ts';
import { type DnsMessage, queryOf } from '../../wire/dns.ts';
import { bootHost } from '../testing/docker-host.ts';
import { EMBEDDED_DNS_ADDRESS, EmbeddedDns } from './embedded-dns.ts';
import { type DnsProtocol, exchangeDns } from './exchange.ts';
import { NetworkRecords } from './records.ts';
import { DnsStreamReader, framedDns } from './stream.ts';
import { resolveName } from './stub-resolver.ts';

const TASKS = 40;

/** A container on a network where `tasks.web` is forty addresses. */
function container() {
  const host = bootHost('28');
  const namespace = host.createNamespace('container');
  const records = new NetworkRecords();
  const first = parseIpv4Address('10.0.1.10')!;
  for (let task = 0; task < TASKS; task++) {
    records.add('tasks.web', first + task, `task-${task}`, false);
  }
  const networks = [{ name: 'shop', records, aliases: new Map<string, string>() }];
  const server = new EmbeddedDns(host, namespace, { networks });
  const run = () => host.world.queue.runUntil(host.world.nowNs + 20 * SECOND_NS);
  const ask = (protocol: DnsProtocol): DnsMessage | undefined => {
    let answer: DnsMessage | undefined;
    const query = queryOf(7, 'tasks.web.', DnsType.a);
    const exchange = { server: EMBEDDED_DNS_ADDRESS, query, timeoutNs: SECOND_NS, protocol };
    exchangeDns(namespace, exchange, (reply) => {
      answer = reply?.message;
    });
    run();
    return answer;
  };
  return { host, namespace, server, run, ask };
}

test('forty tasks do not fit into a datagram, and do into a stream', () => {
  const { ask } = container();
  const cut = ask('udp')!;
  expect(cut.isTruncated).toBe(true);
  expect(cut.answers.length).toBeLessThan(TASKS);
  const whole = ask('tcp')!;
  expect(whole.isTruncated).toBe(false);
  expect(new Set(whole.answers.map(({ data }) => JSON.stringify(data))).size).toBe(TASKS);
});

test('a resolver asks again over TCP, and waits no longer for that than for anything', () => {
  const { namespace, server, run } = container();
  const found: string[] = [];
  resolveName({ namespace, search: [] }, 'tasks.web', 9, (address) => {
    found.push(address === undefined ? 'nothing' : formatIpv4Address(address));
  });
  run();
  expect(found).toEqual([expect.stringMatching(/^10\.0\.1\.\d+$/)]);
  expect(server.queryCount).toBe(2);
});

test('messages in a stream come in any pieces', () => {
  const messages = [new Uint8Array([1, 2, 3]), new Uint8Array(0), new Uint8Array(300).fill(7)];
  const stream = messages.flatMap((message) => [...framedDns(message)]);
  for (const piece of [1, 2, 3, 100, 1000]) {
    const reader = new DnsStreamReader();
    const taken: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += piece) {
      taken.push(...reader.take(Uint8Array.from(stream.slice(at, at + piece))));
    }
    expect(taken).toEqual(messages);
  }
});
