/** Packets: any framing survives, sizes are foreseen, and what is refused is told as upstream does. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOfHex } from '../testing/frames.ts';
import { encodeMessages } from './compound.ts';
import { compressPayload, MAX_DECOMPRESSED_BYTES } from './compress.ts';
import { addCrc } from './crc.ts';
import { encodeMessage } from './encode.ts';
import { Keyring, NONCE_BYTES } from './encrypt.ts';
import { addLabel } from './label.ts';
import { type Ack, type Message, MessageType, type Nack, type Ping, sizeOf } from './message.ts';
import {
  DESCRIBED_ERRORS_MAX,
  type DecodedPacket,
  decodePacket,
  encodePacket,
  NESTING_MAX,
  PARTS_MAX,
  type PacketReceiver,
  PLAIN_RECEIVER,
  sizeOfPacket,
} from './packet.ts';
import { packetCases } from './testing/fixtures.ts';
import { packetMessages } from './testing/messages.ts';

const keyring = Keyring.of([new Uint8Array(16)], new Uint8Array(32)) as Keyring;
const nack: Nack = { type: MessageType.nack, seqNo: 5 };
const nackBytes = encodeMessage(nack);
const from = '10.0.0.1:7946';

test('any messages in any framing survive, and the size is known before', () => {
  const packets = fc.record({
    messages: fc.array(packetMessages, { minLength: 1, maxLength: 6 }),
    compress: fc.boolean(),
    crc: fc.boolean(),
    keyring: fc.constantFrom(undefined, keyring),
    label: fc.oneof(fc.constant(''), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })),
    protocolVersion: fc.constantFrom(1, 2, 5),
    nonce: fc.uint8Array({ minLength: NONCE_BYTES, maxLength: NONCE_BYTES }),
  });
  fc.assert(
    fc.property(packets, (packet) => {
      // the length of a part has two bytes
      fc.pre(packet.messages.every((message) => sizeOf(message) < 0x1_0000));
      const bytes = encodePacket(packet);
      expect(sizeOfPacket(packet)).toBe(bytes.length);
      const { keyring: ring, label } = packet;
      // the reader that tells an empty slice from nil
      const receiver: PacketReceiver = { ...PLAIN_RECEIVER, keyring: ring, label, codec: '2' };
      expect(decodePacket(bytes, receiver)).toMatchObject({
        messages: packet.messages,
        errorCount: 0,
      });
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('the steady load of two nodes with names of eight characters: 91 bytes per probe', () => {
  const ping: Ping = {
    type: MessageType.ping,
    seqNo: 1,
    node: 'node-001',
    sourceAddr: 0x7f00_0001,
    sourcePort: 7946,
    sourceNode: 'node-000',
  };
  const ack: Ack = { type: MessageType.ack, seqNo: 1, payload: undefined };
  const framing = { compress: true, crc: false, keyring: undefined, label: '', protocolVersion: 2 };
  const sizes = [ping, ack].map((message) => sizeOfPacket({ messages: [message], ...framing }));
  expect(sizes).toEqual([73, 18]);
});

function decodeHex(hex: string): DecodedPacket {
  return decodePacket(bytesOfHex(hex), PLAIN_RECEIVER, from);
}

const nackHex = Buffer.from(nackBytes).toString('hex');

test.each<[string, string, number]>([
  ['', 'missing message type byte from=10.0.0.1:7946', 0],
  ['0d', 'msg type (13) not supported from=10.0.0.1:7946', 0],
  ['06', 'msg type (6) not supported from=10.0.0.1:7946', 0],
  ['0a', 'msg type (10) not supported from=10.0.0.1:7946', 0],
  ['0c00000000', 'missing message type byte from=10.0.0.1:7946', 0],
  ['0c000000', 'msg type (12) not supported from=10.0.0.1:7946', 0],
  ['0081', 'Failed to decode ping request: EOF from=10.0.0.1:7946', 0],
  ['0181', 'Failed to decode indirect ping request: EOF from=10.0.0.1:7946', 0],
  ['0281', 'Failed to decode ack response: EOF from=10.0.0.1:7946', 0],
  ['0b81', 'Failed to decode nack response: EOF from=10.0.0.1:7946', 0],
  ['0381', 'Failed to decode suspect message: EOF from=10.0.0.1:7946', 0],
  ['0481', 'Failed to decode alive message: EOF from=10.0.0.1:7946', 0],
  ['0581', 'Failed to decode dead message: EOF from=10.0.0.1:7946', 0],
  ['07', 'Failed to decode compound request: missing compound length byte from=10.0.0.1:7946', 0],
  ['070200', 'Failed to decode compound request: truncated len slice from=10.0.0.1:7946', 0],
  [`0702000900ff${nackHex}`, '[WARN] Compound request had 1 truncated messages from=', 1],
  ['09', 'Failed to decompress payload: EOF from=10.0.0.1:7946', 0],
  [
    '0981a4416c676f01',
    'Failed to decompress payload: Cannot decompress unknown algorithm 1 from=10.0.0.1:7946',
    0,
  ],
  ['0980', 'Failed to decompress payload: unexpected EOF from=10.0.0.1:7946', 0],
  ['f4', 'cannot decode label; packet has been truncated from=10.0.0.1:7946', 0],
  ['f402aa', 'cannot decode label; packet has been truncated from=10.0.0.1:7946', 0],
  ['f400', 'label header cannot be empty when present from=10.0.0.1:7946', 0],
  ['f40162', 'discarding packet with unacceptable label "b": from=10.0.0.1:7946', 0],
])('%s', (hex, text, messageCount) => {
  const { errors, messages } = decodeHex(hex);
  expect(messages.length).toBe(messageCount);
  const log = text.startsWith('[WARN]')
    ? text.replace('[WARN]', '[WARN] memberlist:')
    : `[ERR] memberlist: ${text}`;
  expect(errors[0]!.log).toContain(log);
});

test('a wrong checksum is told with both, and is not checked further in', () => {
  const good = addCrc(nackBytes);
  expect(decodePacket(good, PLAIN_RECEIVER).messages).toEqual([nack]);
  const bad = good.slice();
  bad[4]! ^= 1;
  const { errors, messages } = decodePacket(bad, PLAIN_RECEIVER);
  expect(messages).toEqual([]);
  expect(errors).toEqual([
    {
      kind: 'checksum',
      log: expect.stringMatching(
        /^\[WARN\] memberlist: Got invalid checksum for UDP packet: [0-9a-f]+, [0-9a-f]+$/,
      ),
    },
  ]);
  const inside = compressPayload(good, 0, good.length);
  expect(decodePacket(inside, PLAIN_RECEIVER).errors[0]!.kind).toBe('unsupported');
});

test('without verification, what no key decrypts is taken as it is', () => {
  const receiver = { ...PLAIN_RECEIVER, keyring, verifyIncoming: false };
  expect(decodePacket(nackBytes, receiver).messages).toEqual([nack]);
  expect(decodePacket(nackBytes, { ...receiver, verifyIncoming: true }).errors[0]!.kind).toBe(
    'decrypt',
  );
});

test('one bad part does not spoil the others', () => {
  const messages: Message[] = [nack, { type: MessageType.err, error: 'x' }, nack];
  const bytes = encodeMessages(messages as Nack[]);
  const { errors, ...rest } = decodePacket(bytes, PLAIN_RECEIVER, from);
  expect(rest.messages).toEqual([nack, nack]);
  expect(errors.map(({ kind }) => kind)).toEqual(['unsupported']);
  const compressed = compressPayload(bytes, 0, bytes.length);
  const cut = compressed.slice(0, -2);
  cut[cut.indexOf(0xa3) + 4]!--; // the length of Buf, which ends early
  const parts = decodePacket(compoundOf([cut, compressed]), PLAIN_RECEIVER, from);
  expect(parts.messages).toEqual([nack, nack]);
  expect(parts.errors.map(({ kind }) => kind)).toEqual(['decompress', 'unsupported']);
});

test('all layers: compound in compression in checksum in encryption in label', () => {
  const ping = packetCases.find(({ name }) => name === 'label-encrypted-aes256')!;
  expect(ping.meaning.layers.map(({ layer }) => layer)).toEqual(['label', 'encrypt']);
  const many = Array.from({ length: 200 }, () => nack);
  const nonce = new Uint8Array(NONCE_BYTES);
  const framing = { compress: true, crc: true, keyring, label: 'blue', protocolVersion: 2 };
  const bytes = encodePacket({ messages: many, nonce, ...framing });
  expect(bytes.length).toBeLessThan(600);
  const receiver = { ...PLAIN_RECEIVER, keyring, label: 'blue' };
  expect(decodePacket(bytes, receiver).messages).toEqual(many);
});

/** A compound around each of the bytes, as often as asked. */
function nested(inner: Uint8Array, times: number): Uint8Array {
  let bytes = inner;
  for (let i = 0; i < times; i++) bytes = compoundOf([bytes]);
  return bytes;
}

function compoundOf(parts: readonly Uint8Array[]): Uint8Array {
  const lengths = parts.flatMap((part) => [part.length >>> 8, part.length & 255]);
  return new Uint8Array(Buffer.concat([Uint8Array.of(7, parts.length, ...lengths), ...parts]));
}

test('nesting is followed so far and no further', () => {
  expect(decodePacket(nested(nackBytes, NESTING_MAX), PLAIN_RECEIVER).messages).toEqual([nack]);
  for (const times of [NESTING_MAX + 1, 10_000]) {
    const { messages, errors } = decodePacket(nested(nackBytes, times), PLAIN_RECEIVER);
    expect(messages).toEqual([]);
    expect(errors.map(({ kind }) => kind)).toEqual(['limit']);
  }
  let compressed: Uint8Array = nackBytes;
  for (let i = 0; i <= NESTING_MAX; i++)
    compressed = compressPayload(compressed, 0, compressed.length);
  expect(decodePacket(compressed, PLAIN_RECEIVER).errors[0]!.kind).toBe('limit');
});

test('a bomb costs its limit once, however many there are', () => {
  const zeros = new Uint8Array(400_000);
  const bomb = compressPayload(zeros, 0, zeros.length);
  const receiver = { ...PLAIN_RECEIVER, inflatedBytesMax: 100_000 };
  const { errors, errorCount } = decodePacket(compoundOf(Array(20).fill(bomb)), receiver, from);
  expect(errorCount).toBe(20);
  expect(errors[0]!.log).toContain('decompressed message is larger than limit (100000)');
  expect(errors[19]!.log).toContain('decompressed message is larger than limit (0)');
  expect(decodePacket(bomb, PLAIN_RECEIVER).messages.length).toBe(0);
  expect(PLAIN_RECEIVER.inflatedBytesMax).toBe(MAX_DECOMPRESSED_BYTES);
});

test('messages and descriptions of errors are bounded', () => {
  // a compound of 255 compounds of 255 compounds of 255 empty parts, compressed
  const level1 = compoundOf(Array(255).fill(new Uint8Array(0)));
  const level2 = compoundOf(Array(120).fill(level1));
  const parts = compoundOf([level2]);
  const bytes = compressPayload(parts, 0, parts.length);
  const few = decodePacket(bytes, PLAIN_RECEIVER);
  expect(few.errorCount).toBe(120 * 255);
  expect(few.errors.length).toBe(DESCRIBED_ERRORS_MAX);
  const level3 = compoundOf(Array(250).fill(compressPayload(level2, 0, level2.length)));
  const many = decodePacket(level3, PLAIN_RECEIVER);
  expect(many.errorCount + many.messages.length).toBeLessThanOrEqual(PARTS_MAX + 3 * 255);
});

test('random and mutated packets never throw', () => {
  const real = packetCases.slice(0, 60).map(({ hex }) => bytesOfHex(hex));
  const mutated = fc
    .tuple(fc.constantFrom(...real), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
    .map(([original, changes]) => {
      const bytes = original.slice();
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return bytes;
    });
  const type = fc.constantFrom(7, 9, 12, 244);
  const framed = fc
    .tuple(type, fc.uint8Array({ maxLength: 60 }))
    .map(([first, rest]) => Uint8Array.of(first, ...rest));
  fc.assert(
    fc.property(fc.oneof(mutated, framed), (bytes) => {
      const receiver = { ...PLAIN_RECEIVER, inflatedBytesMax: 100_000 };
      decodePacket(bytes, receiver);
      decodePacket(bytes, { ...receiver, keyring });
      decodePacket(addLabel(bytes, 'blue'), { ...receiver, label: 'blue' });
    }),
    { seed: 1, numRuns: 1000 },
  );
});
