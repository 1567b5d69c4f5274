import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldChecksum, sumBytes } from './checksum.ts';
import {
  decrementTtl,
  finishIpv4Checksum,
  fragmentIpv4,
  fragmentOffsetBytesOf,
  hasMoreFragments,
  headerBytesOf,
  type Ipv4Header,
  isValidIpv4Header,
  parseIpv4,
  setDestination,
  setFragment,
  setIdentification,
  setProtocol,
  setSource,
  setTos,
  setTotalLength,
  setTtl,
  totalLengthOf,
  writeIpv4Header,
} from './ipv4.ts';
import { bytesOfHex, frameOf } from './testing/frames.ts';

const header: fc.Arbitrary<Required<Ipv4Header>> = fc.record({
  totalLengthBytes: fc.integer({ min: 20, max: 65_535 }),
  identification: fc.nat(0xffff),
  dontFragment: fc.boolean(),
  moreFragments: fc.boolean(),
  fragmentOffsetBytes: fc.nat(0x1fff).map((n) => n * 8),
  ttl: fc.nat(255),
  protocol: fc.nat(255),
  source: fc.nat(0xffff_ffff),
  destination: fc.nat(0xffff_ffff),
  tos: fc.nat(255),
});

test('a header with a known checksum', () => {
  const bytes = bytesOfHex('4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7');
  const copy = new Uint8Array(20);
  writeIpv4Header(copy, 0, {
    totalLengthBytes: 115,
    identification: 0,
    dontFragment: true,
    ttl: 64,
    protocol: 17,
    source: 0xc0a80001,
    destination: 0xc0a800c7,
  });
  expect(copy).toEqual(bytes);
});

test('parse undoes write', () => {
  const bytes = new Uint8Array(65_538);
  fc.assert(
    fc.property(header, (fields) => {
      writeIpv4Header(bytes, 3, fields);
      expect(parseIpv4(bytes, 3, bytes.length)).toEqual(fields);
      expect(parseIpv4(bytes, 3, 3 + fields.totalLengthBytes)).toEqual(fields);
      expect(parseIpv4(bytes, 3, 2 + fields.totalLengthBytes)).toBeUndefined();
    }),
  );
});

test('setters keep the header checksum right', () => {
  const bytes = new Uint8Array(20);
  fc.assert(
    fc.property(header, header, (before, after) => {
      writeIpv4Header(bytes, 0, before);
      setSource(bytes, 0, after.source);
      setDestination(bytes, 0, after.destination);
      setTos(bytes, 0, after.tos);
      setTotalLength(bytes, 0, after.totalLengthBytes);
      setIdentification(bytes, 0, after.identification);
      setProtocol(bytes, 0, after.protocol);
      setTtl(bytes, 0, after.ttl);
      const { dontFragment, moreFragments, fragmentOffsetBytes } = after;
      setFragment(bytes, 0, dontFragment, moreFragments, fragmentOffsetBytes);
      const expected = new Uint8Array(20);
      writeIpv4Header(expected, 0, after);
      expect(bytes).toEqual(expected);
      if (after.ttl > 0) expect(decrementTtl(bytes, 0)).toBe(after.ttl - 1);
      expect(foldChecksum(sumBytes(bytes, 0, 20))).toBe(0);
    }),
  );
});

test('a damaged header is not valid', () => {
  const frame = frameOf('icmp echo request').subarray(14);
  expect(isValidIpv4Header(frame, 0, frame.length)).toBe(true);
  for (let bit = 0; bit < 160; bit++) {
    const damaged = frame.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    expect(isValidIpv4Header(damaged, 0, damaged.length)).toBe(false);
  }
  expect(isValidIpv4Header(frame, 0, 19)).toBe(false);
});

test('fragments carry the payload in order, each fits, and each is valid', () => {
  fc.assert(
    fc.property(
      header,
      fc.uint8Array({ minLength: 0, maxLength: 3000 }),
      fc.integer({ min: 68, max: 1600 }),
      fc.nat(40),
      (fields, payload, mtuBytes, headroomBytes) => {
        const fragmentOffsetBytes = fields.fragmentOffsetBytes % 16_384;
        const packet = new Uint8Array(25 + payload.length);
        const totalLengthBytes = 20 + payload.length;
        writeIpv4Header(packet, 5, { ...fields, totalLengthBytes, fragmentOffsetBytes });
        packet.set(payload, 25);
        const fragments = fragmentIpv4(packet, 5, packet.length, mtuBytes, headroomBytes);
        let offset = 0;
        fragments.forEach((fragment, i) => {
          const isLast = i === fragments.length - 1;
          const lengthBytes = fragment.length - headroomBytes;
          expect(lengthBytes).toBeLessThanOrEqual(mtuBytes);
          expect(totalLengthOf(fragment, headroomBytes)).toBe(lengthBytes);
          const seen = parseIpv4(fragment, headroomBytes, fragment.length)!;
          expect(seen).toEqual({
            ...fields,
            totalLengthBytes: lengthBytes,
            moreFragments: fields.moreFragments || !isLast,
            fragmentOffsetBytes: fragmentOffsetBytes + offset,
          });
          expect(fragment.slice(headroomBytes + 20)).toEqual(
            payload.slice(offset, offset + lengthBytes - 20),
          );
          offset += lengthBytes - 20;
        });
        expect(offset).toBe(payload.length);
      },
    ),
  );
});

test('an echo of 2000 bytes is cut as a real container behind an overlay cut it', () => {
  const first = frameOf('icmp echo fragment 1 of 2').subarray(14);
  const second = frameOf('icmp echo fragment 2 of 2').subarray(14);
  const whole = new Uint8Array(first.length + second.length - 20);
  whole.set(first);
  whole.set(second.subarray(20), first.length);
  setTotalLength(whole, 0, whole.length);
  setFragment(whole, 0, false, false, 0);
  expect(fragmentIpv4(whole, 0, whole.length, 1350)).toEqual([first.slice(), second.slice()]);
});

test('options without the copy bit stay in the first fragment only', () => {
  const packet = new Uint8Array(28 + 100);
  writeIpv4Header(packet, 0, {
    totalLengthBytes: 128,
    identification: 7,
    dontFragment: false,
    ttl: 64,
    protocol: 17,
    source: 1,
    destination: 2,
  });
  packet[0] = 0x47;
  packet.set([0x07, 3, 4, 0x83, 3, 4, 0, 0], 20); // record route, loose source route, end
  finishIpv4Checksum(packet, 0);
  const fragments = fragmentIpv4(packet, 0, packet.length, 88);
  expect(fragments.map((f) => [...f.subarray(20, 28)])).toEqual([
    [7, 3, 4, 0x83, 3, 4, 0, 0],
    [1, 1, 1, 0x83, 3, 4, 0, 0],
  ]);
  expect(fragments.map((f) => [headerBytesOf(f, 0), f.length, hasMoreFragments(f, 0)])).toEqual([
    [28, 84, true],
    [28, 72, false],
  ]);
  expect(fragmentOffsetBytesOf(fragments[1]!, 0)).toBe(56);
});
