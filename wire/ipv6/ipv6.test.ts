import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeU16 } from '../bytes.ts';
import { destinationOf, headerBytesOf, protocolOf, sourceOf } from '../ip.ts';
import {
  commonPrefixBits,
  compareIps,
  formatIp,
  type IpAddress,
  ipToInteger,
  ipv6OfInteger,
  isInPrefix,
  maskedIp,
  parseIp,
  readIpv6,
} from '../ip-address.ts';
import { IpProtocol } from '../ipv4.ts';
import { rewriteEndpoint } from '../rewrite.ts';
import { finishTcpChecksum, isTcpChecksumRight } from '../tcp.ts';
import { finishUdpChecksum, isUdpChecksumRight } from '../udp.ts';
import {
  fragmentIpv6,
  IPV6_HEADER_BYTES,
  ipv6FragmentOffsetBytesOf,
  isValidIpv6Header,
  NextHeader,
  writeIpv6Header,
} from './header.ts';
import {
  finishIcmpv6Checksum,
  Icmpv6Type,
  isIcmpv6ChecksumRight,
  writeIcmpv6Header,
} from './icmpv6.ts';
import { neighbourMessageBytes, parseNeighbourMessage, writeNeighbourMessage } from './ndisc.ts';
import { groupMacOf, ipv6ScopeOf, linkLocalOf, solicitedNodeOf } from './scope.ts';

const address = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map(ipv6OfInteger);
const ip = (text: string) => parseIp(text)!;

test('an address is one number, with one text and one place in the order', () => {
  fc.assert(
    fc.property(address, address, fc.integer({ min: 0, max: 128 }), (a, b, length) => {
      expect(a).toBeGreaterThan(0xffff_ffff);
      expect(Number.isSafeInteger(a)).toBe(true);
      expect(parseIp(formatIp(a))).toBe(a);
      const [left, right] = [ipToInteger(a), ipToInteger(b)];
      expect(Math.sign(compareIps(a, b))).toBe(left < right ? -1 : Number(left > right));
      const shift = BigInt(128 - length);
      expect(ipToInteger(maskedIp(a, length))).toBe((left >> shift) << shift);
      const isWithin = left >> shift === right >> shift;
      expect(isInPrefix({ address: a, lengthBits: length }, b)).toBe(isWithin);
      expect(commonPrefixBits(a, b) >= length).toBe(isWithin);
    }),
  );
  expect(isInPrefix({ address: ip('::'), lengthBits: 0 }, ip('10.0.0.1'))).toBe(false);
});

test('what is made of a MAC address and of an address', () => {
  const linkLocal = linkLocalOf(0x0242_ac11_0002);
  expect(formatIp(linkLocal)).toBe('fe80::42:acff:fe11:2');
  expect(formatIp(solicitedNodeOf(linkLocal))).toBe('ff02::1:ff11:2');
  expect(groupMacOf(solicitedNodeOf(linkLocal))).toBe(0x3333_ff11_0002);
  expect(['fe80::1', '::1', 'ff05::2', 'fd00::1', '2001:db8::1'].map(ip).map(ipv6ScopeOf)).toEqual([
    2, 2, 5, 14, 14,
  ]);
});

function packetOf(protocol: number, from: IpAddress, to: IpAddress, payload: Uint8Array) {
  const bytes = new Uint8Array(IPV6_HEADER_BYTES + payload.length);
  writeIpv6Header(bytes, 0, {
    payloadBytes: payload.length,
    nextHeader: protocol,
    hopLimit: 64,
    source: from,
    destination: to,
  });
  bytes.set(payload, IPV6_HEADER_BYTES);
  return bytes;
}

test('checksums stay right after any rewrite', () => {
  const payload = fc.uint8Array({ minLength: 20, maxLength: 61 });
  const port = fc.integer({ min: 0, max: 65_535 });
  const protocols = fc.constantFrom(IpProtocol.tcp, IpProtocol.udp, NextHeader.icmpv6);
  fc.assert(
    fc.property(
      protocols,
      address,
      address,
      address,
      port,
      fc.boolean(),
      payload,
      (protocol, from, to, next, number, isSource, data) => {
        const bytes = packetOf(protocol, from, to, data);
        const at = IPV6_HEADER_BYTES;
        const length = data.length;
        if (protocol === IpProtocol.tcp) finishTcpChecksum(bytes, at, length, from, to);
        else if (protocol === IpProtocol.udp) finishUdpChecksum(bytes, at, length, from, to);
        else {
          writeIcmpv6Header(bytes, at, Icmpv6Type.echoRequest, 0, 0x1234_0001);
          finishIcmpv6Checksum(bytes, at, length, from, to);
        }
        expect(rewriteEndpoint(bytes, 0, bytes.length, isSource, next, number)).toBe(true);
        const [source, destination] = [sourceOf(bytes, 0), destinationOf(bytes, 0)];
        expect(isSource ? source : destination).toBe(next);
        const isRight = {
          [IpProtocol.tcp]: isTcpChecksumRight,
          [IpProtocol.udp]: isUdpChecksumRight,
          [NextHeader.icmpv6]: isIcmpv6ChecksumRight,
        }[protocol];
        expect(isRight!(bytes, at, length, source, destination)).toBe(true);
      },
    ),
  );
});

test('fragments cover the whole; only the first has a protocol header', () => {
  const payload = Uint8Array.from({ length: 3000 }, (_, i) => i & 255);
  const whole = packetOf(IpProtocol.udp, ip('fd00::1'), ip('fd00::2'), payload);
  const pieces = fragmentIpv6(whole, 0, whole.length, 1280, 77);
  expect(pieces.map((piece) => piece.length)).toEqual([1280, 1280, 584]);
  expect(pieces.map((piece) => ipv6FragmentOffsetBytesOf(piece, 0))).toEqual([0, 1232, 2464]);
  for (const piece of pieces) {
    expect(isValidIpv6Header(piece, 0, piece.length)).toBe(true);
    expect(protocolOf(piece, 0)).toBe(IpProtocol.udp);
    expect(headerBytesOf(piece, 0)).toBe(IPV6_HEADER_BYTES + 8);
  }
});

test('neighbour messages come back as they went; random bytes are read without harm', () => {
  const mac = fc.option(fc.integer({ min: 0, max: 0xffff_ffff_ffff }), { nil: undefined });
  fc.assert(
    fc.property(address, mac, fc.boolean(), fc.boolean(), (target, own, isRouter, isSolicited) => {
      const message = { target, mac: own, isRouter, isSolicited, isOverride: !isRouter };
      const bytes = new Uint8Array(neighbourMessageBytes(message));
      writeNeighbourMessage(bytes, 0, Icmpv6Type.neighbourAdvertisement, message);
      expect(parseNeighbourMessage(bytes, 0, bytes.length)).toEqual(message);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 90 }), (bytes) => {
      if (bytes.length > 0) bytes[0] = 0x60;
      if (bytes.length > 44) writeU16(bytes, 4, bytes.length - 40);
      isValidIpv6Header(bytes, 0, bytes.length);
      headerBytesOf(bytes, 0);
      protocolOf(bytes, 0);
      parseNeighbourMessage(bytes, 0, bytes.length);
      if (bytes.length >= 40) readIpv6(bytes, 8);
    }),
  );
});
