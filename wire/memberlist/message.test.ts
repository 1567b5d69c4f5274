/** One message: any survives, sizes are known before, and hostile bytes are what go-msgpack says. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOfHex } from '../testing/frames.ts';
import { readCompressed } from './compress.ts';
import { decodeMessage, readNodeState } from './decode.ts';
import { encodeMessage, encodeStreamMessage } from './encode.ts';
import { goTextBytes, writeGoText } from './go-text.ts';
import {
  isMessageError,
  type Message,
  type MessageError,
  MessageType,
  NO_ADDRESS,
  type Ping,
  sizeOf,
  sizeOfStreamMessage,
} from './message.ts';
import { type GoMsgpack, MsgpackReader } from './msgpack-reader.ts';
import { packetCases } from './testing/fixtures.ts';
import { messages, streamMessages } from './testing/messages.ts';

function decode(bytes: Uint8Array, codec: GoMsgpack = '0.5'): Message | MessageError {
  return decodeMessage(bytes, 0, bytes.length, codec);
}

/** The reader that tells an empty slice from nil. */
const TELLS_EMPTY: GoMsgpack = '2';

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

test('any message survives, and its size is known before', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const bytes = encodeMessage(message);
      expect(sizeOf(message)).toBe(bytes.length);
      expect(decode(bytes, TELLS_EMPTY)).toEqual(message);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('the size of any message of a stream is known before', () => {
  fc.assert(
    fc.property(streamMessages, (message) => {
      expect(sizeOfStreamMessage(message)).toBe(encodeStreamMessage(message).length);
    }),
    { seed: 1, numRuns: 100 },
  );
});

/** The fields of each message in the order of the Go structure. */
const FIELDS: Readonly<Record<number, readonly string[]>> = {
  [MessageType.ping]: ['seqNo', 'node', 'sourceAddr', 'sourcePort', 'sourceNode'],
  [MessageType.indirectPing]: [
    ...['seqNo', 'target', 'port', 'node', 'nack'],
    ...['sourceAddr', 'sourcePort', 'sourceNode'],
  ],
  [MessageType.ack]: ['seqNo', 'payload'],
  [MessageType.suspect]: ['incarnation', 'node', 'from'],
  [MessageType.alive]: ['incarnation', 'node', 'addr', 'port', 'meta', 'vsn'],
  [MessageType.dead]: ['incarnation', 'node', 'from'],
  [MessageType.nack]: ['seqNo'],
  [MessageType.err]: ['error'],
};

function goTextOf(message: Message | MessageError): string {
  if (isMessageError(message)) return `ERR ${message.text}`;
  return goFieldsOf(message, FIELDS[message.type]!);
}

function goFieldsOf(structure: object, names: readonly string[]): string {
  const fields = structure as Record<string, number | boolean | string | Uint8Array>;
  return names
    .map((name) => {
      const value = fields[name];
      if (typeof value === 'string') {
        const bytes = new Uint8Array(goTextBytes(value));
        writeGoText(bytes, 0, value, bytes.length);
        return `s${hexOf(bytes)}`;
      }
      const isAddress = /addr$|target/i.test(name);
      if (isAddress && typeof value === 'number') return `x${value.toString(16).padStart(8, '0')}`;
      if (typeof value !== 'object') return value === undefined ? 'nil' : String(value);
      return isAddress && value.length === 0 ? 'nil' : `x${hexOf(value)}`;
    })
    .join(' ');
}

function linesOf(file: string): string[] {
  return readFileSync(new URL(`testdata/${file}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

test('changed messages mean to us what they mean to go-msgpack, error texts included', () => {
  const lines = linesOf('go-msgpack.txt');
  expect(lines.length).toBeGreaterThan(200);
  for (const line of lines) {
    const [hex] = line.split(' ', 1);
    expect(`${hex} ${goTextOf(decode(bytesOfHex(hex!)))}`).toBe(line);
  }
});

const NODE_STATE_FIELDS = ['name', 'addr', 'port', 'meta', 'incarnation', 'state', 'vsn'];

/** What one of the two readers makes of a message, a push/pull's node or a compression layer. */
function readAs(bytes: Uint8Array, codec: GoMsgpack): string {
  const reader = new MsgpackReader(bytes, 1, bytes.length, codec);
  if (bytes[0] === MessageType.pushPull) {
    const text = goFieldsOf(readNodeState(reader), NODE_STATE_FIELDS);
    return reader.failure === undefined ? text : 'ERR';
  }
  if (bytes[0] === MessageType.compress) {
    const { algorithm, buffer } = readCompressed(reader);
    const text = `${algorithm} ${buffer.length === 0 ? 'nil' : `x${hexOf(buffer)}`}`;
    return reader.failure === undefined ? text : 'ERR';
  }
  const message = decodeMessage(bytes, 0, bytes.length, codec);
  return isMessageError(message) ? 'ERR' : goTextOf(message);
}

test('every form of MessagePack is taken and refused as the two versions of go-msgpack do', () => {
  // beyond 2^53 our integers are rounded, and an address that is empty is as good as nil
  const stated = (hex: string, text: string): string => {
    const rounded = text.replace(/(?<= )-?\d{17,}(?= )/g, (digits) => String(Number(digits)));
    return /^0[01]/.test(hex) ? rounded.replace(/(?<= )x(?= )/g, 'nil') : rounded;
  };
  const lines = linesOf('go-msgpack-forms.txt');
  expect(lines.length).toBeGreaterThan(1800);
  for (const line of lines) {
    const [hex, ...rest] = line.split(' ');
    const [first, second = first] = rest.join(' ').split(' / ');
    const bytes = bytesOfHex(hex!);
    const read = { hex, 'go-msgpack 0.5': readAs(bytes, '0.5'), 2: readAs(bytes, '2') };
    expect(read).toEqual({
      hex,
      'go-msgpack 0.5': stated(hex!, first!),
      2: stated(hex!, second!),
    });
  }
});

test('no depth is too deep for go-msgpack 0.5; version 2 has a limit', () => {
  const nested = (depth: number, codec: GoMsgpack) =>
    readAs(bytesOfHex(`0b82a158${'91'.repeat(depth)}c0a55365714e6f05`), codec);
  expect(nested(1022, '2')).toBe('5');
  expect(nested(1023, '2')).toBe('ERR');
  expect(nested(20_000, '0.5')).toBe('5');
});

test('what go-msgpack accepts and never writes', () => {
  const nack = { type: MessageType.nack, seqNo: 5 };
  // key as str8, value as u64 and as a positive i16; twice; an unknown key with a nested value
  expect(decode(bytesOfHex('0b81d9055365714e6fcf0000000000000005'))).toEqual(nack);
  expect(decode(bytesOfHex('0b82a55365714e6f04a55365714e6fd10005'))).toEqual(nack);
  expect(decode(bytesOfHex('0b82a15893c081a1619090a55365714e6f05'))).toEqual(nack);
  expect(decode(bytesOfHex('0bde0001a55365714e6f05ffff'))).toEqual(nack);
  expect(decode(bytesOfHex('0bc0'))).toEqual({ type: MessageType.nack, seqNo: 0 });
  // bin8 and an array as a payload; a v4-mapped address
  const ack = (hex: string) => decode(bytesOfHex(`0281a75061796c6f6164${hex}`));
  const payload = Uint8Array.of(1, 2, 3);
  expect(ack('c403010203')).toEqual({ type: MessageType.ack, seqNo: 0, payload });
  expect(ack('93010203')).toEqual({ type: MessageType.ack, seqNo: 0, payload });
  const ping = (hex: string) => decode(bytesOfHex(`0081aa536f7572636541646472${hex}`)) as Ping;
  expect(ping('b000000000000000000000ffff0a000001').sourceAddr).toBe(0x0a00_0001);
  expect(ping('a40a000001').sourceAddr).toBe(0x0a00_0001);
  expect(ping('c0').sourceAddr).toEqual(NO_ADDRESS);
  expect(ping('a50a00000100').sourceAddr).toEqual(Uint8Array.of(10, 0, 0, 1, 0));
});

test('what is no message says so', () => {
  const error = (hex: string) => decode(bytesOfHex(hex));
  expect(error('')).toEqual({ type: -1, messageType: -1, text: 'missing message type byte' });
  expect(error('06')).toMatchObject({ messageType: 6, text: 'msg type (6) not supported' });
  expect(error('ff81')).toMatchObject({ messageType: 255 });
  expect(error('0b')).toMatchObject({ messageType: 11, text: 'EOF' });
});

test('random and mutated bytes are a message that survives, or an error', () => {
  const real = packetCases.filter(({ name }) => /^[a-z]/.test(name)).slice(0, 100);
  const mutated = fc
    .tuple(
      fc.constantFrom(...real.map(({ hex }) => bytesOfHex(hex))),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
    )
    .map(([original, changes]) => {
      const bytes = original.slice();
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return bytes;
    });
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 80 }), mutated);
  fc.assert(
    fc.property(bytes, fc.nat(), (whole, cut) => {
      const message = decode(whole, TELLS_EMPTY);
      const again = isMessageError(message) ? message : decode(encodeMessage(message), TELLS_EMPTY);
      expect(again).toEqual(message);
      decodeMessage(whole, 0, cut % (whole.length + 1));
    }),
    { seed: 1, numRuns: 1000 },
  );
});

test.each([
  ['a map of 2^32 - 1 keys', '0bdfffffffff', 'EOF'],
  ['a key of 4 GiB', '0b81dbffffffff', 'EOF'],
  ['a payload of 4 GiB', '0281a75061796c6f6164dbffffffff00', 'unexpected EOF'],
  ['an array of 2^32 - 1 bytes', '0281a75061796c6f6164ddffffffff00', 'EOF'],
  ['an unknown map of 2^32 - 1 keys', '0b81a158dfffffffff', 'EOF'],
  ['unknown arrays 60000 deep', `0b81a158${'91'.repeat(60_000)}`, 'EOF'],
  ['too many unknown arrays', `0b81a158${'91'.repeat(70_000)}`, 'too many unknown values'],
  ['a broad unknown array', `0b81a158dd00020000${'00'.repeat(131_072)}`, 'too many unknown values'],
])('%s is an error', (_, hex, text) => {
  const error = decode(bytesOfHex(hex));
  expect(isMessageError(error) && error.text.replace('codec.decoder: ', '')).toBe(text);
});
