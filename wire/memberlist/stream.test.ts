/** Streams: any cut into pieces reads the same, sizes are foreseen, limits hold. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOfHex } from '../testing/frames.ts';
import { encodeStreamMessage } from './encode.ts';
import { Keyring, NONCE_BYTES } from './encrypt.ts';
import { MessageType, type StreamMessage } from './message.ts';
import type { GoMsgpack } from './msgpack-reader.ts';
import { encodeStream, STREAM_LIMITS, type Stream, sizeOfStream } from './stream.ts';
import { StreamReader, type StreamReceiver, type StreamResult } from './stream-reader.ts';
import { streamCases } from './testing/fixtures.ts';
import { streamMessages } from './testing/messages.ts';

const keyring = Keyring.of([], new Uint8Array(16)) as Keyring;
const nonce = new Uint8Array(NONCE_BYTES);
const PLAIN: StreamReceiver = {
  keyring: undefined,
  label: '',
  verifyIncoming: true,
  isReply: false,
  limits: STREAM_LIMITS,
};
/** The reader that tells an empty slice from nil. */
const TELLS_EMPTY: GoMsgpack = '2';
const ENCRYPTED: StreamReceiver = { ...PLAIN, keyring };

function readHex(hex: string, receiver = PLAIN): StreamResult {
  const reader = new StreamReader(receiver);
  reader.push(bytesOfHex(hex));
  return reader.end();
}

const streams: fc.Arbitrary<Stream> = fc.record({
  message: streamMessages,
  compress: fc.boolean(),
  keyring: fc.constantFrom(undefined, keyring),
  label: fc.constantFrom('', 'blue', 'grün'),
  isReply: fc.boolean(),
  protocolVersion: fc.constantFrom(1, 2),
  nonce: fc.constant(nonce),
});

test('any stream survives in any pieces, and its size is known before', () => {
  const cuts = fc.array(fc.nat(), { maxLength: 6 });
  fc.assert(
    fc.property(streams, cuts, (stream, cutsAt) => {
      const bytes = encodeStream(stream);
      expect(sizeOfStream(stream)).toBe(bytes.length);
      const { label, isReply } = stream;
      const receiver = { ...PLAIN, keyring: stream.keyring, label, isReply, codec: TELLS_EMPTY };
      const reader = new StreamReader(receiver);
      const ends = cutsAt.map((cut) => cut % bytes.length).sort((x, y) => x - y);
      let start = 0;
      for (const end of ends) {
        expect(reader.push(bytes.subarray(start, end)).status).toBe('more');
        start = end;
      }
      const result = reader.push(bytes.subarray(start));
      expect(result).toEqual({ status: 'done', message: stream.message });
      expect(reader.push(Uint8Array.of(1, 2, 3))).toBe(result);
      expect(reader.end()).toBe(result);
    }),
    { seed: 1, numRuns: 150 },
  );
});

test('byte by byte, and cut off anywhere', () => {
  const { hex } = streamCases.find(({ name }) => name === 'stream-pushpull-plain')!;
  const bytes = bytesOfHex(hex);
  const reader = new StreamReader(PLAIN);
  for (let at = 0; at < bytes.length - 1; at++) {
    expect(reader.push(bytes.subarray(at, at + 1)).status).toBe('more');
    const cutOff = new StreamReader(PLAIN);
    cutOff.push(bytes.subarray(0, at + 1));
    expect(cutOff.end()).toMatchObject({ status: 'error', text: /EOF/ });
  }
  expect(reader.push(bytes.subarray(bytes.length - 1)).status).toBe('done');
});

test('an end before the first byte is passed over', () => {
  expect(readHex('')).toEqual({ status: 'error', kind: 'closed', text: 'EOF', log: '' });
});

const ENCRYPTED_NOT_CONFIGURED = 'Remote state is encrypted and encryption is not configured';
const NOT_ENCRYPTED = 'Encryption is configured but remote state is not encrypted';

test.each<[string, StreamReceiver, string, string]>([
  ['0a00000010', PLAIN, 'receive', `failed to receive: ${ENCRYPTED_NOT_CONFIGURED}`],
  ['0080', ENCRYPTED, 'receive', `failed to receive: ${NOT_ENCRYPTED}`],
  [
    '0a01400001',
    ENCRYPTED,
    'receive',
    'failed to receive: Remote node state is larger than limit (20971521)',
  ],
  ['0a00', ENCRYPTED, 'receive', 'failed to receive: EOF'],
  [
    `0a0000001d01${'00'.repeat(28)}`,
    ENCRYPTED,
    'receive',
    'failed to receive: No installed keys could decrypt the message',
  ],
  ['0a0000000101', ENCRYPTED, 'receive', 'Payload is too small to decrypt: 1'],
  ['09', PLAIN, 'receive', 'failed to receive: EOF'],
  ['0981a4416c676f05', PLAIN, 'receive', 'Cannot decompress unknown algorithm 5'],
  ['0982a4416c676f00a3427566a4ffffffff', PLAIN, 'receive', 'lzw: invalid code'],
  ['0982a4416c676f00a3427566a300030480', PLAIN, 'receive', 'unexpected EOF'],
  ['03', PLAIN, 'message', 'Received invalid msgType (3)'],
  ['0080c0', { ...PLAIN, label: 'blue' }, 'label', 'unacceptable label "":'],
  ['f401620080', PLAIN, 'label', 'discarding stream with unacceptable label "b":'],
  ['f4', PLAIN, 'label', 'label header: cannot decode label; stream has been truncated'],
  ['f400', PLAIN, 'label', 'label header cannot be empty when present'],
  ['f4', { ...PLAIN, isReply: true }, 'message', 'Received invalid msgType (244)'],
  ['00ff', PLAIN, 'message', 'Failed to decode ping: codec.decoder: Only encoded map'],
  ['0881', PLAIN, 'message', 'Failed to receive user message: EOF'],
  [
    '0881aa557365724d73674c656ece01400001',
    PLAIN,
    'message',
    'Failed to receive user message: user message length (20971521) exceeds limit',
  ],
  [
    '0881aa557365724d73674c656e05aabb',
    PLAIN,
    'message',
    'Failed to receive user message: unexpected EOF',
  ],
  [
    '0681a54e6f646573ce00100001',
    PLAIN,
    'message',
    'Failed to read remote state: number of nodes in header (1048577) exceeds limit',
  ],
  [
    '0681ac5573657253746174654c656ece01400001',
    PLAIN,
    'message',
    'Failed to read remote state: user state length (20971521) exceeds limit',
  ],
  ['0681a54e6f64657302c0', PLAIN, 'message', 'Failed to read remote state: EOF'],
])('%s is refused', (hex, receiver, kind, text) => {
  const result = readHex(hex, receiver);
  expect(result).toMatchObject({ status: 'error', kind });
  expect(result.status === 'error' && result.log).toContain(text);
});

test('an empty push/pull, and nodes that are nil', () => {
  expect(readHex('0680')).toMatchObject({ message: { join: false, nodes: [] } });
  const { status, ...rest } = readHex('0681a54e6f64657302c0c0');
  expect(status).toBe('done');
  expect((rest as { message: StreamMessage }).message).toMatchObject({ nodes: [{}, {}] });
});

test('negative lengths are none, and a negative state is taken as it is', () => {
  const header = '0682a54e6f64657301ac5573657253746174654c656eff';
  const node = '82a44e616d65a162a55374617465d0fe';
  const result = new StreamReader(PLAIN).push(bytesOfHex(header + node));
  expect(result).toMatchObject({
    status: 'done',
    message: { nodes: [{ name: 'b', state: -2 }], userState: new Uint8Array(0) },
  });
  const user = new StreamReader(PLAIN).push(bytesOfHex('0881aa557365724d73674c656eff'));
  expect(user).toMatchObject({ status: 'done', message: { payload: new Uint8Array(0) } });
});

test('what a peer claims is not allocated, and what it sends is bounded', () => {
  const limits = {
    maxPushStateBytes: 1000,
    maxPushStateNodes: 10,
    maxUserMsgBytes: 2000,
    maxDecompressedBytes: 4000,
  };
  const receiver = { ...PLAIN, limits };
  const endless = new StreamReader(receiver);
  endless.push(bytesOfHex('0982a4416c676f00a3427566dbffffffff'));
  let result: StreamResult = { status: 'more' };
  let sentBytes = 0;
  while (result.status === 'more' && sentBytes < 100_000) {
    result = endless.push(new Uint8Array(100));
    sentBytes += 100;
  }
  expect(result).toMatchObject({ status: 'error', text: 'stream is larger than limit (4512)' });
  expect(sentBytes).toBeLessThan(4600);

  const payload = new Uint8Array(5000);
  const user = { type: MessageType.user, payload };
  const framing = { keyring: undefined, label: '', isReply: false, protocolVersion: 2, nonce };
  const bomb = encodeStream({ message: user, compress: true, ...framing });
  expect(new StreamReader(receiver).push(bomb)).toMatchObject({
    text: 'decompressed message is larger than limit (4000)',
  });
});

test('the payload of a finished message does not keep the buffer alive', () => {
  const message = { type: MessageType.user, payload: Uint8Array.of(1, 2, 3) };
  const result = new StreamReader(PLAIN).push(encodeStreamMessage(message));
  if (result.status !== 'done' || result.message.type !== MessageType.user) throw new Error('?');
  expect(result.message.payload.buffer.byteLength).toBe(3);
});

test('random and mutated streams never throw', () => {
  const real = streamCases.map(({ hex }) => bytesOfHex(hex));
  const mutated = fc
    .tuple(fc.constantFrom(...real), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
    .map(([original, changes]) => {
      const bytes = original.slice();
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return bytes;
    });
  const framed = fc
    .tuple(fc.constantFrom(0, 2, 6, 8, 9, 10, 13, 244), fc.uint8Array({ maxLength: 60 }))
    .map(([first, rest]) => Uint8Array.of(first, ...rest));
  fc.assert(
    fc.property(fc.oneof(mutated, framed), fc.boolean(), (bytes, isReply) => {
      for (const receiver of [PLAIN, ENCRYPTED]) {
        const reader = new StreamReader({ ...receiver, isReply });
        reader.push(bytes.subarray(0, bytes.length >> 1));
        reader.push(bytes.subarray(bytes.length >> 1));
        expect(reader.end().status).not.toBe('more');
      }
    }),
    { seed: 1, numRuns: 500 },
  );
});
