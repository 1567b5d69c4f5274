/**
 * Bytes that mean harm: cut off anywhere, nested, claiming gigabytes, inflating. None throws, none
 * allocates more than is stated in packet.ts and stream-reader.ts.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOfHex } from '../testing/frames.ts';
import { encodeMessages } from './compound.ts';
import { compressPayload } from './compress.ts';
import { addCrc } from './crc.ts';
import { encodeStreamMessage } from './encode.ts';
import { encryptPayload, Keyring } from './encrypt.ts';
import { type Message, MessageType, type PacketMessage } from './message.ts';
import { type DecodedPacket, decodePacket, PACKET_BYTES_MAX, PLAIN_RECEIVER } from './packet.ts';
import { STREAM_LIMITS } from './stream.ts';
import { STREAM_BYTES_MAX, StreamReader, type StreamReceiver } from './stream-reader.ts';
import { layersOf, packetCases, streamCases } from './testing/fixtures.ts';
import { hostileMaps } from './testing/hostile-msgpack.ts';

const MIB = 1024 * 1024;
const LARGEST_DATAGRAM_BYTES = 65_507;

/** Bytes that some work allocates at least: what the collector has taken away meanwhile is missing. */
function allocatedBytes(work: () => void): number {
  const before = process.memoryUsage();
  work();
  const after = process.memoryUsage();
  return after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
}

test('every packet of the fixtures, cut off anywhere, yields no more than it did whole', () => {
  for (const fixture of packetCases.filter((_, i) => i % 5 === 0 || i < 60)) {
    const { label, keyring } = layersOf(fixture);
    const bytes = bytesOfHex(fixture.hex);
    const receiver = { ...PLAIN_RECEIVER, label, keyring };
    const whole = decodePacket(bytes, receiver);
    const misread: number[] = [];
    for (let end = 0; end < bytes.length; end++) {
      const { messages, errorCount } = decodePacket(bytes.subarray(0, end), receiver);
      const isUser = messages[0]?.type === MessageType.user; // raw bytes, of which fewer are fine too
      const isTold = errorCount > 0 || isUser;
      if (!isTold || messages.length > whole.messages.length) misread.push(end);
    }
    expect(misread, fixture.name).toEqual([]);
  }
});

test('every stream of the fixtures, cut off anywhere, is refused', () => {
  for (const fixture of streamCases) {
    const { label: seen, keyring } = layersOf(fixture);
    const label = fixture.name.startsWith('live-encrypted-label') ? 'blue' : seen;
    const bytes = bytesOfHex(fixture.hex);
    const { isReply } = fixture;
    const receiver = { label, keyring, verifyIncoming: true, isReply, limits: STREAM_LIMITS };
    for (let end = 0; end < bytes.length; end += 1 + (end >> 7)) {
      const reader = new StreamReader(receiver);
      expect(reader.push(bytes.subarray(0, end)).status).toBe('more');
      expect(reader.end().status, `${fixture.name} ${end}`).toBe('error');
    }
  }
});

/** A packet of the largest size that inflates to so much of these bytes behind a head. */
function bomb(head: string, filler: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(filler);
  bytes.set(bytesOfHex(head));
  return compressPayload(bytes, 0, size);
}

const NODE_KEY = 'a44e6f6465';
const PAYLOAD_KEY = 'a75061796c6f6164';
const BOMB_BYTES = 8 * MIB;
const TOO_LARGE = bomb('08', 0, 41 * MIB);

const BOMBS: readonly [string, Uint8Array][] = [
  ['a user message', bomb('08', 0, BOMB_BYTES)],
  ['a name', bomb(`0081${NODE_KEY}dbffffffff`, 0x61, BOMB_BYTES)],
  ['a name that is not UTF-8', bomb(`0081${NODE_KEY}db00700000`, 0xff, BOMB_BYTES)],
  ['an array of bytes', bomb(`0281${PAYLOAD_KEY}dd00700000`, 1, BOMB_BYTES)],
  ['arrays in arrays', bomb('0b81a158', 0x91, BOMB_BYTES)],
  ['a map of keys', bomb('0bdfffffffff', 0xc0, BOMB_BYTES)],
  ['nothing but compounds', bomb('07ff', 0x07, BOMB_BYTES)],
  ['a bomb in a bomb', compressPayload(bomb('08', 0, BOMB_BYTES), 0, 3000)],
  ['more than is inflated', TOO_LARGE],
];

test.each(BOMBS)('%s of 8 MiB or more', (_, bytes) => {
  expect(bytes.length).toBeLessThanOrEqual(LARGEST_DATAGRAM_BYTES);
  let packet: DecodedPacket | undefined;
  const allocated = allocatedBytes(() => {
    packet = decodePacket(bytes, PLAIN_RECEIVER);
  });
  expect(packet!.messages.length + packet!.errorCount).toBeLessThanOrEqual(300);
  expect(allocated).toBeLessThan(PACKET_BYTES_MAX);
});

test('65536 messages, and no more', () => {
  const nack: Message = { type: MessageType.nack, seqNo: 1 };
  const empty = encodeMessages(Array<PacketMessage>(255).fill(nack));
  const many = new Uint8Array(2 + 2 * 255 + 255 * empty.length);
  many.set([MessageType.compound, 255]);
  for (let i = 0; i < 255; i++) {
    many.set([empty.length >> 8, empty.length & 255], 2 + 2 * i);
    many.set(empty, 2 + 2 * 255 + i * empty.length);
  }
  const bytes = compressPayload(many, 0, many.length);
  const both = Uint8Array.from([7, 2, ...sizeOf(bytes), ...sizeOf(bytes), ...bytes, ...bytes]);
  let packet: DecodedPacket | undefined;
  const allocated = allocatedBytes(() => {
    packet = decodePacket(both, PLAIN_RECEIVER);
  });
  expect(packet!.messages.length).toBe(65_536);
  expect(allocated).toBeLessThan(PACKET_BYTES_MAX);
});

function sizeOf(bytes: Uint8Array): number[] {
  return [bytes.length >> 8, bytes.length & 255];
}

const PLAIN: StreamReceiver = {
  ...{ keyring: undefined, label: '', verifyIncoming: true, isReply: false },
  limits: STREAM_LIMITS,
};

const header = (fields: string): string => `06${fields}`;
const nodes = (count: string): string =>
  header(`82a54e6f646573${count}ac5573657253746174654c656e00`);

const STREAMS: readonly [string, Uint8Array][] = [
  ['a million nil nodes', filled(nodes('ce00100000'), 0xc0, MIB + 30)],
  ['more nodes than there may be', filled(nodes('ce00100001'), 0xc0, MIB + 30)],
  ['2^63 nodes', filled(nodes('cf7fffffffffffffff'), 0xc0, 1000)],
  [
    'a user state of 20 MiB, of which nothing comes',
    bytesOfHex('0681ac5573657253746174654c656ece01400000'),
  ],
  ['a user message of 20 MiB and a byte', bytesOfHex('0881aa557365724d73674c656ece01400001')],
  ['4 GiB of ciphertext', bytesOfHex('0affffffff')],
  ['a compressed buffer of 4 GiB', bytesOfHex('0982a4416c676f00a3427566dbffffffff')],
  ['a bomb', TOO_LARGE],
];

function filled(head: string, filler: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(filler);
  bytes.set(bytesOfHex(head));
  return bytes;
}

test.each(STREAMS)('a stream with %s', (_, bytes) => {
  const reader = new StreamReader(PLAIN);
  const allocated = allocatedBytes(() => {
    for (let at = 0; at < bytes.length; at += 65_536) reader.push(bytes.subarray(at, at + 65_536));
    reader.end();
  });
  expect(reader.end().status).not.toBe('more');
  expect(allocated).toBeLessThan(STREAM_BYTES_MAX);
});

test('a stream that never ends is cut off', () => {
  const reader = new StreamReader(PLAIN);
  const piece = new Uint8Array(MIB);
  let sent = 0;
  reader.push(bytesOfHex('0881aa557365724d73674c656ece01400000'));
  while (reader.push(piece).status === 'more' && sent < 100) sent++;
  expect(sent).toBeLessThan(41);
});

test('random bytes in every layer never throw', () => {
  const inner = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ maxLength: 40 }).map((body) => Uint8Array.from([4, 0x86, ...body])),
    fc.constant(encodeStreamMessage({ type: MessageType.err, error: 'x' })),
  );
  const nest = fc.array(fc.constantFrom('compress', 'compound', 'cut'), { maxLength: 12 });
  fc.assert(
    fc.property(inner, nest, (bytes, layers) => {
      let packet: Uint8Array = bytes;
      for (const layer of layers) {
        if (layer === 'compress') packet = compressPayload(packet, 0, packet.length);
        else if (layer === 'cut') packet = packet.subarray(0, Math.max(0, packet.length - 1));
        else if (packet.length < 65_536)
          packet = Uint8Array.from([7, 1, ...sizeOf(packet), ...packet]);
      }
      const { messages, errorCount } = decodePacket(packet, PLAIN_RECEIVER);
      expect(messages.length + errorCount).toBeGreaterThan(0);
      const reader = new StreamReader(PLAIN);
      reader.push(packet);
      expect(reader.end().status).not.toBe('more');
    }),
    { seed: 1, numRuns: 300 },
  );
});

const KEYRING = Keyring.of([new Uint8Array(16).fill(7)], new Uint8Array(16).fill(7)) as Keyring;

/** Layers that are as they should be, around what is not. */
const LAYERS: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  none: (bytes) => bytes,
  compressed: (bytes) => compressPayload(bytes, 0, bytes.length),
  'in a compound': (bytes) => Uint8Array.from([7, 1, ...sizeOf(bytes), ...bytes]),
  'with a checksum': addCrc,
  encrypted: (bytes) =>
    encryptPayload(1, KEYRING.primary!, bytes, new Uint8Array(0), new Uint8Array(12)),
};

test('fields of any type and length, in layers that are right, never throw and take little', () => {
  const types = fc.constantFrom(...Object.values(MessageType));
  const layers = fc.constantFrom(...Object.keys(LAYERS));
  const more = fc.array(hostileMaps, { maxLength: 3 });
  let allocatedMax = 0;
  fc.assert(
    fc.property(types, layers, hostileMaps, more, (type, layer, map, others) => {
      const inner = new Uint8Array(Buffer.concat([Uint8Array.of(type), map, ...others]));
      const bytes = LAYERS[layer]!(inner);
      const keyring = layer === 'encrypted' ? KEYRING : undefined;
      for (const codec of ['0.5', '2'] as const) {
        const receiver = { ...PLAIN_RECEIVER, keyring, codec };
        const allocated = allocatedBytes(() => {
          const { messages, errorCount } = decodePacket(bytes, receiver);
          expect(messages.length + errorCount).toBeGreaterThan(0);
          for (const isReply of [true, false]) {
            const reader = new StreamReader({ ...PLAIN, isReply, codec });
            reader.push(inner);
            expect(reader.end().status).not.toBe('more');
          }
        });
        allocatedMax = Math.max(allocatedMax, allocated);
      }
    }),
    { seed: 1, numRuns: 400 },
  );
  expect(allocatedMax).toBeLessThan(16 * MIB);
});
