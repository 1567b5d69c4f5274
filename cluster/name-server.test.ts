/**
 * What containers hear of names that the swarm does not know: three outside servers in every mood,
 * asked by the embedded DNS server of each engine version.
 */
import { expect, test } from 'vitest';
import { ip, Lab } from '../net/testing/lab.ts';
import type { DnsProtocol } from '../node/dns/exchange.ts';
import { Forwarder } from '../node/dns/forwarder.ts';
import type { DnsForwarding } from '../node/engine-version.ts';
import { MILLISECOND_NS, SECOND_NS } from '../sim/time.ts';
import { formatIpv4Address } from '../wire/addresses.ts';
import { DnsType } from '../wire/dns/record.ts';
import { type DnsMessage, DnsRcode, optRecordOf, queryOf } from '../wire/dns.ts';
import { NameServer, type NameServerMood } from './name-server.ts';

const RECORDS = new Map([
  ['example.org', [ip('203.0.113.80')]],
  ['many.example.org', Array.from({ length: 60 }, (_, i) => ip('203.0.114.0') + i)],
]);

/** A client and up to three servers with these moods, the last of which knows {@link RECORDS}. */
function start(moods: readonly NameServerMood[], rule: DnsForwarding = 'firstAnswer') {
  const lab = new Lab();
  const client = lab.namespace('client');
  const outside = lab.namespace('outside');
  lab.cable(client, 'eth0', '192.168.1.2/24', outside, 'eth0', '192.168.1.1/24');
  const gateway = { gateway: ip('192.168.1.1'), device: client.deviceByName('eth0')! };
  client.addRoute({ destination: 0, prefixLength: 0, ...gateway });
  const servers = moods.map((_, i) => ip('198.51.100.53') + i);
  moods.forEach((mood, i) => {
    const records = i === moods.length - 1 ? RECORDS : new Map<string, number[]>();
    const delay = { minNs: MILLISECOND_NS, maxNs: MILLISECOND_NS };
    new NameServer(outside, { address: servers[i]!, records, mood, delay });
  });
  const upstreams = servers.map((address) => ({ address, isOfHost: false }));
  const forwarder = new Forwarder(
    client,
    { namespace: client, mayAsk: () => true },
    upstreams,
    rule,
  );
  const ask = (query: DnsMessage, protocol: DnsProtocol = 'udp') => {
    let answer: DnsMessage | undefined;
    let atNs = -1;
    const fromNs = lab.world.nowNs;
    const hear = (one: DnsMessage | undefined) => {
      answer = one;
      atNs = lab.world.nowNs;
    };
    forwarder.forward(query, hear, protocol);
    lab.run(20);
    return { answer, seconds: Math.round((atNs - fromNs) / SECOND_NS) };
  };
  return { ask, forwarder, lab };
}

const CODES: Readonly<Record<number, string>> = {
  [DnsRcode.success]: 'success',
  [DnsRcode.nameError]: 'nxdomain',
  [DnsRcode.serverFailure]: 'servfail',
  [DnsRcode.refused]: 'refused',
};

function outcome(rule: DnsForwarding, moods: readonly NameServerMood[], name: string): string {
  const { answer, seconds } = start(moods, rule).ask(queryOf(7, `${name}.`, DnsType.a));
  const [record] = answer?.answers ?? [];
  const text = record?.data.kind === 'ipv4' ? formatIpv4Address(record.data.address) : '';
  const code = answer === undefined ? 'nothing' : CODES[answer.rcode]!;
  return `${[code, text].join(' ').trim()} after ${seconds} s`;
}

const KNOWN = 'example.org';
const UNKNOWN = 'nobody.example.org';

test.each<[string, readonly NameServerMood[], string, string, string]>([
  [KNOWN, ['nxdomain'], 'success 203.0.113.80 after 0 s', 'the same', 'the same'],
  [UNKNOWN, ['nxdomain'], 'nxdomain after 0 s', 'nothing after 0 s', 'nxdomain after 0 s'],
  [KNOWN, ['servfail', 'nxdomain'], 'success 203.0.113.80 after 0 s', 'the same', 'the same'],
  [KNOWN, ['refused', 'nxdomain'], 'success 203.0.113.80 after 0 s', 'the same', 'the same'],
  [KNOWN, ['silence', 'nxdomain'], 'success 203.0.113.80 after 4 s', 'the same', 'the same'],
  [
    KNOWN,
    ['nxdomain', 'nxdomain'],
    'nxdomain after 0 s',
    'success 203.0.113.80 after 0 s',
    'success 203.0.113.80 after 0 s',
  ],
  [UNKNOWN, ['silence', 'servfail'], 'nothing after 4 s', 'the same', 'servfail after 4 s'],
  [UNKNOWN, ['silence', 'silence', 'silence'], 'nothing after 12 s', 'the same', 'the same'],
  [
    KNOWN,
    ['silence', 'silence', 'silence', 'nxdomain'],
    'nothing after 12 s',
    'the same',
    'the same',
  ],
  [KNOWN, [], 'nothing after 0 s', 'the same', 'the same'],
])('%s of %j', (name, moods, newest, middle, oldest) => {
  const expected = [newest, middle, oldest].map((text) => (text === 'the same' ? newest : text));
  const rules: readonly DnsForwarding[] = ['firstAnswer', 'firstSuccess', 'lastAnswer'];
  expect(rules.map((rule) => outcome(rule, moods, name))).toEqual(expected);
});

test('EDNS goes through: without it a long answer comes cut, with it whole', () => {
  const { ask } = start(['nxdomain']);
  const plain = queryOf(8, 'many.example.org.', DnsType.a);
  const short = ask(plain).answer!;
  expect([short.isTruncated, short.answers.length < 60]).toEqual([true, true]);
  const whole = ask({ ...plain, additionals: [optRecordOf(4096)] }).answer!;
  expect([whole.isTruncated, whole.answers.length]).toEqual([false, 60]);
  expect(whole.additionals.map(({ type }) => type)).toEqual([DnsType.opt]);
});

test('over TCP the same answer is whole, and silence lasts as long', () => {
  const query = queryOf(10, 'many.example.org.', DnsType.a);
  const whole = start(['nxdomain']).ask(query, 'tcp').answer!;
  expect([whole.isTruncated, whole.answers.length]).toEqual([false, 60]);
  expect(start(['silence', 'nxdomain']).ask(query, 'tcp').seconds).toBe(4);
});

test.each<[DnsForwarding, string]>([
  ['firstAnswer', '1024 nothing after 4 s, 452 refused after 4 s, 1024 nothing after 8 s'],
  ['lastAnswer', '1476 nothing after 0 s, 1024 nothing after 4 s'],
])('%s: of 2500 queries at once 1024 are asked', (rule, expected) => {
  const { forwarder, lab } = start(['silence'], rule);
  const ends: string[] = [];
  for (let i = 0; i < 2500; i++) {
    forwarder.forward(queryOf(i, `${UNKNOWN}.`, DnsType.a), (answer) => {
      const code = answer === undefined ? 'nothing' : CODES[answer.rcode]!;
      ends.push(`${code} after ${Math.round(lab.world.nowNs / SECOND_NS)} s`);
    });
  }
  lab.run(20);
  const kinds = [...new Set(ends)];
  const counted = kinds.map((kind) => `${ends.filter((end) => end === kind).length} ${kind}`);
  expect(counted.join(', ')).toBe(expected);
});

test('a type that nobody has is an empty success', () => {
  const { answer } = start(['nxdomain']).ask(queryOf(9, 'Example.ORG.', DnsType.aaaa));
  expect([answer?.rcode, answer?.answers]).toEqual([DnsRcode.success, []]);
});
