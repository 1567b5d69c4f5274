/** UDP, TCP and ICMP: parse undoes write, and checksums stay right through NAT's rewriting. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as icmp from './icmp.ts';
import * as tcp from './tcp.ts';
import * as udp from './udp.ts';

const address = fc.nat(0xffff_ffff);
const port = fc.nat(0xffff);
const payload = fc.uint8Array({ maxLength: 64 });
const word = fc.nat(0xffff_ffff);

test('UDP: a translated datagram has the checksum of one sent that way', () => {
  const datagram = fc.record({ source: address, destination: address, from: port, to: port });
  fc.assert(
    fc.property(datagram, datagram, payload, fc.boolean(), (before, after, data, hasChecksum) => {
      const build = (d: typeof before) => {
        const bytes = new Uint8Array(8 + data.length);
        udp.writeUdpHeader(bytes, 0, d.from, d.to, bytes.length, 0);
        bytes.set(data, 8);
        if (!hasChecksum) return bytes;
        udp.finishUdpChecksum(bytes, 0, bytes.length, d.source, d.destination);
        expect(udp.checksumOf(bytes, 0)).not.toBe(0);
        return bytes;
      };
      const bytes = build(before);
      udp.setSourcePort(bytes, 0, after.from);
      udp.setDestinationPort(bytes, 0, after.to);
      udp.adjustUdpForAddress(bytes, 0, before.source, after.source);
      udp.adjustUdpForAddress(bytes, 0, before.destination, after.destination);
      expect(bytes).toEqual(build(after));
      const { source, destination } = after;
      expect(udp.isUdpChecksumRight(bytes, 0, bytes.length, source, destination)).toBe(true);
      expect(udp.parseUdp(bytes, 0, bytes.length)).toEqual({
        sourcePort: after.from,
        destinationPort: after.to,
        lengthBytes: bytes.length,
        checksum: udp.checksumOf(bytes, 0),
      });
      expect(udp.parseUdp(bytes, 0, bytes.length - 1)).toBeUndefined();
    }),
  );
});

const options: fc.Arbitrary<tcp.TcpOptions> = fc
  .record({
    maximumSegmentBytes: fc.option(port, { nil: undefined }),
    windowScale: fc.option(fc.nat(14), { nil: undefined }),
    sackPermitted: fc.boolean(),
    timestamps: fc.option(fc.tuple(word, word), { nil: undefined }),
    sackEdges: fc.option(
      fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 2 }).map((edges) => edges.flat()),
      { nil: undefined },
    ),
  })
  .map(({ timestamps, ...rest }) => ({
    ...rest,
    sackEdges: rest.maximumSegmentBytes === undefined ? rest.sackEdges : undefined,
    timestampValue: timestamps?.[0],
    timestampEcho: timestamps?.[1],
  }));

const segment: fc.Arbitrary<tcp.TcpHeader> = fc.record({
  sourcePort: port,
  destinationPort: port,
  sequence: word,
  acknowledgement: word,
  flags: fc.nat(255),
  window: port,
  urgentPointer: port,
  options,
});

test('TCP: parse undoes write, options included', () => {
  fc.assert(
    fc.property(segment, (header) => {
      const bytes = new Uint8Array(70);
      const headerBytes = tcp.writeTcpHeader(bytes, 3, header);
      expect(headerBytes).toBe(20 + tcp.tcpOptionsBytesOf(header.options!));
      expect(tcp.dataOffsetBytesOf(bytes, 3)).toBe(headerBytes);
      expect(tcp.parseTcp(bytes, 3, 3 + headerBytes)).toEqual(header);
      expect(tcp.parseTcp(bytes, 3, 2 + headerBytes)).toBeUndefined();
    }),
  );
});

test('TCP: a translated segment has the checksum of one sent that way', () => {
  fc.assert(
    fc.property(
      segment,
      fc.tuple(address, address, port, port),
      fc.tuple(address, address),
      payload,
      (header, [source, destination, from, to], old, data) => {
        const build = (h: tcp.TcpHeader, a: number, b: number) => {
          const bytes = new Uint8Array(20 + tcp.tcpOptionsBytesOf(h.options!) + data.length);
          bytes.set(data, tcp.writeTcpHeader(bytes, 0, h));
          tcp.finishTcpChecksum(bytes, 0, bytes.length, a, b);
          return bytes;
        };
        const bytes = build(header, old[0], old[1]);
        tcp.setSourcePort(bytes, 0, from);
        tcp.setDestinationPort(bytes, 0, to);
        tcp.adjustTcpForAddress(bytes, 0, old[0], source);
        tcp.adjustTcpForAddress(bytes, 0, old[1], destination);
        const after = { ...header, sourcePort: from, destinationPort: to };
        expect(bytes).toEqual(build(after, source, destination));
        expect(tcp.isTcpChecksumRight(bytes, 0, bytes.length, source, destination)).toBe(true);
      },
    ),
  );
});

test('TCP: a malformed option ends the list, an unknown one is skipped', () => {
  const parse = (...list: number[]) => {
    const bytes = new Uint8Array(40);
    bytes[12] = 10 << 4;
    bytes.set(list, 20);
    return tcp.parseTcpOptions(bytes, 0);
  };
  expect(parse(253, 4, 1, 2, 3, 3, 7).windowScale).toBe(7);
  expect(parse(253, 1, 3, 3, 7).windowScale).toBeUndefined();
  expect(parse(253, 40, 3, 3, 7).windowScale).toBeUndefined();
  expect(parse(0, 3, 3, 7).windowScale).toBeUndefined();
  expect(parse(3, 3, 200).windowScale).toBe(14);
});

test('ICMP: parse undoes encode, an error quotes at most 548 bytes, the checksum is right', () => {
  const message = fc.record({ type: fc.nat(255), code: fc.nat(255), rest: word, payload });
  fc.assert(
    fc.property(message, fc.uint8Array({ maxLength: 700 }), port, (fields, original, id) => {
      const bytes = icmp.encodeIcmp(fields);
      expect(icmp.parseIcmp(bytes, 0, bytes.length)).toEqual(fields);
      icmp.setIdentifier(bytes, 0, id);
      expect(icmp.identifierOf(bytes, 0)).toBe(id);
      expect(icmp.isIcmpChecksumRight(bytes, 0, bytes.length)).toBe(true);
      const room = new Uint8Array(600);
      const lengthBytes = icmp.writeIcmpError(
        room,
        0,
        icmp.IcmpType.destinationUnreachable,
        icmp.UnreachableCode.fragmentationNeeded,
        1450,
        original,
        0,
        original.length,
      );
      expect(lengthBytes).toBe(8 + Math.min(original.length, 548));
      expect(icmp.isIcmpChecksumRight(room, 0, lengthBytes)).toBe(true);
      expect(icmp.nextHopMtuOf(room, 0)).toBe(1450);
      expect(room.slice(8, lengthBytes)).toEqual(original.slice(0, 548));
    }),
  );
});
