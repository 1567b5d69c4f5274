import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  broadcastOf,
  formatIpv4Address,
  formatMac,
  formatPrefix,
  isGroupMac,
  isMulticastAddress,
  macOfIpv4,
  networkOf,
  parseIpv4Address,
  parseMac,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
  prefixMask,
} from './addresses.ts';
import { readU24, readU48, writeU24, writeU48 } from './bytes.ts';
import {
  formatHostAddress,
  formatHostPort,
  hostAddressBytes,
  hostAddressOf,
  parseHostAddress,
} from './host-address.ts';
import { formatIpv6Address, parseIpv6Address } from './ipv6/text.ts';

const address = fc.nat(0xffff_ffff);
const mac = fc.maxSafeNat().map((n) => n % 2 ** 48);

test('text of addresses, prefixes and MAC addresses goes there and back', () => {
  fc.assert(
    fc.property(address, mac, fc.nat(32), (a, m, lengthBits) => {
      expect(parseIpv4Address(formatIpv4Address(a))).toBe(a);
      expect(parseMac(formatMac(m))).toBe(m);
      const prefix = { address: a, lengthBits };
      expect(parsePrefix(formatPrefix(prefix))).toEqual(prefix);
      expect(prefixContains(prefix, networkOf(prefix))).toBe(true);
      expect(prefixContains(prefix, broadcastOf(prefix))).toBe(true);
      expect(broadcastOf(prefix) - networkOf(prefix)).toBe(2 ** (32 - lengthBits) - 1);
    }),
  );
});

test('48-bit and 24-bit integers survive', () => {
  const bytes = new Uint8Array(8);
  fc.assert(
    fc.property(mac, (m) => {
      writeU48(bytes, 1, m);
      expect(readU48(bytes, 1)).toBe(m);
      writeU24(bytes, 3, m % 2 ** 24);
      expect(readU24(bytes, 3)).toBe(m % 2 ** 24);
    }),
  );
});

test.each([
  ['10.0.0.1', 0x0a000001],
  ['255.255.255.255', 0xffffffff],
  ['0.0.0.0', 0],
  ['256.0.0.1', undefined],
  ['10.0.0', undefined],
  ['10.0.0.1.2', undefined],
  ['10.0.0.01', undefined],
  ['10.0.0.', undefined],
  ['10..0.1', undefined],
  [' 10.0.0.1', undefined],
  ['', undefined],
])('parseIpv4Address(%j)', (text, expected) => {
  expect(parseIpv4Address(text)).toBe(expected);
});

test('what Docker writes', () => {
  expect(formatMac(macOfIpv4(parseIpv4Address('10.0.1.6')!))).toBe('02:42:0a:00:01:06');
  expect(parsePrefix('10.0.0.0/33')).toBeUndefined();
  expect(parsePrefix('10.0.0.0')).toBeUndefined();
  expect(prefixMask(0)).toBe(0);
  expect(prefixMask(20)).toBe(0xfffff000);
  expect(prefixMask(32)).toBe(0xffffffff);
  const overlaps = (a: string, b: string) => prefixesOverlap(parsePrefix(a)!, parsePrefix(b)!);
  expect(overlaps('10.0.0.0/8', '10.200.3.0/24')).toBe(true);
  expect(overlaps('10.0.0.0/24', '10.0.1.0/24')).toBe(false);
  expect(isGroupMac(parseMac('01:00:5e:00:00:01')!)).toBe(true);
  expect(isGroupMac(parseMac('02:42:0a:00:00:01')!)).toBe(false);
  expect(isMulticastAddress(parseIpv4Address('239.1.2.3')!)).toBe(true);
  expect(parseMac('02:42:0A:00:00:01')).toBe(0x0242_0a00_0001);
  expect(parseMac('02:42:0a:00:00')).toBeUndefined();
});

test('IPv6 text is canonical, and any spelling of an address parses to it', () => {
  const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const bytes = Uint8Array.from(groups.flatMap((g) => [g >> 8, g & 255]));
      const text = formatIpv6Address(bytes, 0);
      expect(parseIpv6Address(text)).toEqual(bytes);
      expect(parseIpv6Address(groups.map((g) => g.toString(16)).join(':'))).toEqual(bytes);
    }),
  );
});

test.each([
  ['::', '::'],
  ['::1', '::1'],
  ['FE80:0:0:0:0:0:0:1', 'fe80::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['fd00::', 'fd00::'],
  ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
  ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ['1::2::3', undefined],
  ['1:2:3', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['::10.0.0.1:1', undefined],
  ['fe80::1%eth0', undefined],
  ['', undefined],
])('IPv6 %j', (text, expected) => {
  const bytes = parseIpv6Address(text);
  expect(bytes === undefined ? undefined : formatIpv6Address(bytes, 0)).toBe(expected);
});

test('an address of either family is one value, however it was written', () => {
  const lengths = fc.constantFrom(4, 16);
  const slices = lengths.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
  fc.assert(
    fc.property(slices, (bytes) => {
      const address = hostAddressOf(bytes)!;
      expect(parseHostAddress(formatHostAddress(address))).toBe(address);
      expect(hostAddressOf(hostAddressBytes(address))).toBe(address);
    }),
  );
  const mapped = parseIpv6Address('::ffff:10.0.0.1')!;
  expect(hostAddressOf(mapped)).toBe(0x0a00_0001);
  expect(parseHostAddress('::ffff:a00:1')).toBe(0x0a00_0001);
  expect(parseHostAddress('FD00:0:0::1')).toBe('fd00::1');
  expect(parseHostAddress('fe80::1%eth0')).toBe('fe80::1');
  expect(parseHostAddress('localhost')).toBeUndefined();
  expect(hostAddressOf(new Uint8Array(5))).toBeUndefined();
  expect([formatHostPort(0x7f00_0001, 80), formatHostPort('::1', 80)]).toEqual([
    '127.0.0.1:80',
    '[::1]:80',
  ]);
});
