import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isDnsName } from './dns/name.ts';
import { type DnsData, type DnsRecord, DnsType } from './dns/record.ts';
import {
  addressOfReverseName,
  type DnsMessage,
  encodeDns,
  optRecordOf,
  parseDns,
  queryOf,
  replyTo,
  reverseNameOf,
  truncateDns,
  udpAnswerBytesMaxOf,
} from './dns.ts';
import { formatIpv6Address } from './ipv6/text.ts';
import { bytesOfHex } from './testing/frames.ts';

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const label = fc.constantFrom('web', 'tasks', 'Web', 'a.b', 'sp ace', 'x'.repeat(63), '\u0007');
const name = fc
  .array(label, { maxLength: 3 })
  .map((labels) => labels.map(presentationOf))
  .map((labels) => (labels.length === 0 ? '.' : labels.map((l) => `${l}.`).join('')));

function presentationOf(text: string): string {
  return text.replaceAll(/[. ]/g, '\\$&').replaceAll('\u0007', '\\007');
}

const text = fc.uint8Array({ maxLength: 255 }).map((bytes) => String.fromCharCode(...bytes));

/** Data and the type under which it is parsed as what it is. */
const typedData: fc.Arbitrary<[number, DnsData]> = fc.oneof(
  u32.map((address): [number, DnsData] => [DnsType.a, { kind: 'ipv4', address }]),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((b): [number, DnsData] => [
      DnsType.aaaa,
      { kind: 'ipv6', address: formatIpv6Address(b, 0) },
    ]),
  fc
    .tuple(fc.constantFrom(DnsType.ns, DnsType.cname, DnsType.ptr), name)
    .map(([type, target]): [number, DnsData] => [type, { kind: 'name', target }]),
  fc
    .tuple(u16, name)
    .map(([preference, exchange]): [number, DnsData] => [
      DnsType.mx,
      { kind: 'mx', preference, exchange },
    ]),
  fc
    .array(text, { minLength: 1, maxLength: 3 })
    .map((texts): [number, DnsData] => [DnsType.txt, { kind: 'txt', texts }]),
  fc
    .record({
      kind: fc.constant('srv' as const),
      priority: u16,
      weight: u16,
      port: u16,
      target: name,
    })
    .map((data): [number, DnsData] => [DnsType.srv, data]),
  fc
    .record({
      kind: fc.constant('soa' as const),
      primary: name,
      mailbox: name,
      serial: u32,
      refreshSeconds: u32,
      retrySeconds: u32,
      expireSeconds: u32,
      minimumTtlSeconds: u32,
    })
    .map((data): [number, DnsData] => [DnsType.soa, data]),
  fc
    .array(fc.record({ code: u16, bytes: fc.uint8Array({ maxLength: 9 }) }), { maxLength: 3 })
    .map((options): [number, DnsData] => [DnsType.opt, { kind: 'opt', options }]),
  fc.uint8Array({ maxLength: 20 }).map((bytes): [number, DnsData] => [257, { kind: 'raw', bytes }]),
);

const record: fc.Arbitrary<DnsRecord> = fc
  .record({ name, class: u16, ttlSeconds: u32, typed: typedData })
  .map(({ typed, ...rest }) => ({
    name: rest.name,
    type: typed[0],
    class: rest.class,
    ttlSeconds: rest.ttlSeconds,
    data: typed[1],
  }));

const message: fc.Arbitrary<DnsMessage> = fc.record({
  id: u16,
  isResponse: fc.boolean(),
  opcode: fc.nat(15),
  isAuthoritative: fc.boolean(),
  isTruncated: fc.boolean(),
  recursionDesired: fc.boolean(),
  recursionAvailable: fc.boolean(),
  authenticData: fc.boolean(),
  checkingDisabled: fc.boolean(),
  rcode: fc.nat(15),
  questions: fc.array(fc.record({ name, type: u16, class: u16 }), { maxLength: 2 }),
  answers: fc.array(record, { maxLength: 4 }),
  authorities: fc.array(record, { maxLength: 2 }),
  additionals: fc.array(record, { maxLength: 2 }),
});

test('parse undoes encode, compressed or not; compression never makes it longer', () => {
  fc.assert(
    fc.property(message, fc.nat(20), (fields, start) => {
      const plain = encodeDns(fields, false);
      const compressed = encodeDns(fields, true);
      expect(parseDns(plain, 0, plain.length)).toEqual(fields);
      const shifted = new Uint8Array(start + compressed.length);
      shifted.set(compressed, start);
      expect(parseDns(shifted, start, shifted.length)).toEqual(fields);
      expect(compressed.length).toBeLessThanOrEqual(plain.length);
    }),
  );
});

test('every cut of a message is refused or is a message, and nothing throws', () => {
  fc.assert(
    fc.property(message, fc.nat(), (fields, seed) => {
      const bytes = encodeDns(fields);
      expect(parseDns(bytes, 0, seed % bytes.length)).toBeUndefined();
      bytes[seed % bytes.length]! ^= 1 + (seed % 255);
      parseDns(bytes, 0, bytes.length);
    }),
  );
});

test('pointers that loop, or that chain too long, are refused', () => {
  const header = '0001 0100 0001 0000 0000 0000';
  const parse = (hex: string) => {
    const bytes = bytesOfHex(header + hex);
    return parseDns(bytes, 0, bytes.length);
  };
  expect(parse('c00c 0001 0001')).toBeUndefined();
  expect(parse('0161 c00c 0001 0001')).toBeUndefined();
  expect(parse('c0ff 0001 0001')).toBeUndefined();
  expect(parse('4161 00 0001 0001')).toBeUndefined();
  expect(parse('0161 00 0001 0001')!.questions[0]!.name).toBe('a.');
});

test('names that cannot be on the wire', () => {
  expect(isDnsName('.')).toBe(true);
  expect(isDnsName('web')).toBe(true);
  expect(isDnsName('web.')).toBe(true);
  expect(isDnsName('')).toBe(false);
  expect(isDnsName('a..b')).toBe(false);
  expect(isDnsName('.a')).toBe(false);
  expect(isDnsName(`${'x'.repeat(64)}.`)).toBe(false);
  expect(isDnsName(`${'x'.repeat(63)}.`.repeat(4))).toBe(false);
  expect(
    isDnsName(`${'x'.repeat(63)}.${'x'.repeat(63)}.${'x'.repeat(63)}.${'x'.repeat(61)}.`),
  ).toBe(true);
  expect(isDnsName('a\\300.')).toBe(false);
  expect(isDnsName('a\\')).toBe(false);
});

test('a reply repeats what miekg/dns SetReply repeats', () => {
  const query = { ...queryOf(7, 'Web.', DnsType.a), checkingDisabled: true };
  expect(replyTo(query)).toEqual({ ...query, isResponse: true });
  expect(replyTo({ ...query, opcode: 4 }).recursionDesired).toBe(false);
});

test('truncation takes answers from the end, with SRV also additionals, and sets TC over UDP', () => {
  const answer = (data: DnsData): DnsRecord => ({
    name: 'web.',
    type: DnsType.a,
    class: 1,
    ttlSeconds: 600,
    data,
  });
  const addresses = Array.from({ length: 40 }, (_, i) => answer({ kind: 'ipv4', address: i }));
  const query = queryOf(1, 'web.', DnsType.a);
  expect(udpAnswerBytesMaxOf(query)).toBe(512);
  expect(udpAnswerBytesMaxOf({ ...query, additionals: [optRecordOf(1232)] })).toBe(1232);
  expect(udpAnswerBytesMaxOf({ ...query, additionals: [optRecordOf(100)] })).toBe(512);
  const full = { ...replyTo(query), answers: addresses };
  const cut = truncateDns(full, 512, false, false);
  expect(cut.isTruncated).toBe(true);
  // 12 of header, 9 of question, 19 a record
  expect(cut.answers).toEqual(addresses.slice(0, Math.floor((512 - 21) / 19)));
  expect(truncateDns(full, 512, true, false).isTruncated).toBe(false);
  expect(truncateDns(full, 4096, false, false)).toBe(full);
  const srv = {
    ...replyTo(queryOf(1, 'web.', DnsType.srv)),
    answers: addresses,
    additionals: addresses,
  };
  const cutSrv = truncateDns(srv, 512, false, false);
  expect(cutSrv.additionals.length).toBe(cutSrv.answers.length);
});

test('an SRV answer whose header says PTR, as moby sends it', () => {
  const data = { kind: 'srv', priority: 0, weight: 0, port: 80, target: 'c1.net.' } as const;
  const reply = {
    ...replyTo(queryOf(1, '_http._tcp.web.', DnsType.srv)),
    answers: [{ name: 'web.', type: DnsType.ptr, class: 1, ttlSeconds: 600, data }],
  };
  const bytes = encodeDns(reply, false);
  const tail = bytesOfHex('000c 0001 00000258 000e 0000 0000 0050 02 6331 03 6e6574 00');
  expect(bytes.slice(-tail.length)).toEqual(tail);
});

test('names of reverse look-ups', () => {
  expect(reverseNameOf(0x0a000102)).toBe('2.1.0.10.in-addr.arpa.');
  expect(addressOfReverseName('2.1.0.10.IN-ADDR.arpa.')).toBe(0x0a000102);
  expect(addressOfReverseName('1.0.10.in-addr.arpa.')).toBeUndefined();
  expect(addressOfReverseName('web.')).toBeUndefined();
});
