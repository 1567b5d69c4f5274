/**
 * What the embedded DNS server answers by itself, question by question, and what it leaves to others.
 */
import { expect, test } from 'vitest';
import { World } from '../../sim/world.ts';
import { formatIpv4Address, parseIpv4Address } from '../../wire/addresses.ts';
import { DnsType } from '../../wire/dns/record.ts';
import { queryOf, reverseNameOf } from '../../wire/dns.ts';
import { ServiceBindings } from '../balancer/service-bindings.ts';
import { answerQuery, type NameView } from './answer.ts';
import { NetworkRecords } from './records.ts';

const ip = (text: string) => parseIpv4Address(text)!;

/** A container on `front` with `web` (VIP, alias www, two tasks), and on `back` with `db` (dnsrr). */
function view(): NameView {
  const front = new NetworkRecords();
  const back = new NetworkRecords();
  const bindings = new ServiceBindings({
    programmer: { addBackEnd: () => {}, removeBackEnd: () => {} },
    recordsOf: (id) => (id === 'front' ? front : back),
    countsAliases: true,
  });
  const add = (networkId: string, service: string, task: number, vip: number, address: string) =>
    bindings.add({
      networkId,
      endpointId: `${service}-${task}`,
      containerName: `shop_${service}.${task}.id${task}`,
      serviceName: `shop_${service}`,
      serviceId: service,
      vip,
      address: ip(address),
      ports: [],
      serviceAliases: [service, ...(service === 'web' ? ['www'] : [])],
      taskAliases: [`c0ffee${task}`],
    });
  add('front', 'web', 1, ip('10.0.1.2'), '10.0.1.3');
  add('front', 'web', 2, ip('10.0.1.2'), '10.0.1.4');
  for (const task of [1, 2, 3]) add('back', 'db', task, 0, `10.0.2.${task + 2}`);
  const network = (name: string, records: NetworkRecords) => ({
    name,
    records,
    aliases: new Map(),
  });
  return { networks: [network('shop_front', front), network('shop_back', back)] };
}

const chance = new World('answers').chance.stream('dns');

/** The addresses in the order of the answer, `empty`, or `forwarded`. */
function ask(name: string, type: number = DnsType.a): string {
  const answer = answerQuery(queryOf(1, `${name}.`, type), view(), chance);
  if (answer === undefined) return 'forwarded';
  if (answer.answers.length === 0) return 'empty';
  expect([answer.isAuthoritative, answer.recursionAvailable]).toEqual([false, true]);
  return answer.answers
    .map(({ data, ttlSeconds }) => {
      expect(ttlSeconds).toBe(600);
      if (data.kind === 'ipv4') return formatIpv4Address(data.address);
      return data.kind === 'name' ? data.target : data.kind;
    })
    .join(' ');
}

const sorted = (text: string) => text.split(' ').sort().join(' ');

test.each([
  ['shop_web', '10.0.1.2'],
  ['web', '10.0.1.2'],
  ['WWW', '10.0.1.2'],
  ['tasks.web', '10.0.1.3 10.0.1.4'],
  ['tasks.www', '10.0.1.3 10.0.1.4'],
  ['shop_web.1.id1', '10.0.1.3'],
  ['c0ffee2', '10.0.1.4'],
  ['db', '10.0.2.3 10.0.2.4 10.0.2.5'],
  ['tasks.shop_db', '10.0.2.3 10.0.2.4 10.0.2.5'],
  ['web.shop_front', '10.0.1.2'],
  ['tasks.db.shop_back', '10.0.2.3 10.0.2.4 10.0.2.5'],
  ['web.shop_back', 'forwarded'],
  ['example.org', 'forwarded'],
])('A %s: %s', (name, expected) => {
  expect(sorted(ask(name))).toBe(expected);
});

test('other types: a known name has nothing more, an unknown one is others’ business', () => {
  expect([ask('web', DnsType.aaaa), ask('web', DnsType.mx)]).toEqual(['empty', 'empty']);
  expect([ask('web', DnsType.txt), ask('_http._tcp.web', DnsType.srv)]).toEqual([
    'forwarded',
    'forwarded',
  ]);
  expect([ask('nobody', DnsType.aaaa), ask('nobody', DnsType.mx)]).toEqual([
    'forwarded',
    'forwarded',
  ]);
});

test('an address leads back to its container on its network, a VIP to nobody', () => {
  const back = (address: string) => ask(reverseNameOf(ip(address)).slice(0, -1), DnsType.ptr);
  expect(back('10.0.1.4')).toBe('shop_web.2.id2.shop_front.');
  expect(back('10.0.2.3')).toBe('shop_db.1.id1.shop_back.');
  expect([back('10.0.1.2'), back('192.0.2.1')]).toEqual(['forwarded', 'forwarded']);
});

test('every query has the addresses in a new order, each first as often as any other', () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 900; i++) {
    const first = ask('db').split(' ')[0]!;
    counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual(['10.0.2.3', '10.0.2.4', '10.0.2.5']);
  for (const count of counts.values()) expect(Math.abs(count - 300)).toBeLessThan(50);
});
