/** Bytes of real memberlist nodes: they mean what they should, and we write the same. */
import { expect, test } from 'vitest';
import { bytesOfHex } from '../testing/frames.ts';
import { MAX_DECOMPRESSED_BYTES } from './compress.ts';
import { decodeMessage } from './decode.ts';
import { encodeMessage } from './encode.ts';
import { Keyring } from './encrypt.ts';
import { type Message, type StreamMessage, sizeOf, type WireAddress } from './message.ts';
import type { GoMsgpack } from './msgpack-reader.ts';
import { decodePacket, encodePacket, sizeOfPacket } from './packet.ts';
import { encodeStream, STREAM_LIMITS, sizeOfStream } from './stream.ts';
import { StreamReader } from './stream-reader.ts';
import { fixtureNames, layersOf, packetCases, streamCases } from './testing/fixtures.ts';

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function sliceOf(slice: Uint8Array | undefined): string | null {
  return slice === undefined ? null : hexOf(slice);
}

function addrOf(addr: WireAddress): string | null {
  if (typeof addr === 'number') return addr.toString(16).padStart(8, '0');
  return addr.length === 0 ? null : hexOf(addr);
}

/** A message under the names of the fixtures. */
function meaningOf(message: Message | StreamMessage): Record<string, unknown> {
  const meaning: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message)) {
    if (name === 'nodes') meaning[name] = (value as StreamMessage[]).map(meaningOf);
    else if (name === 'type') meaning['code'] = value;
    else if (/addr$|target/i.test(name)) meaning[capital(name)] = addrOf(value);
    else if (typeof value !== 'object' && value !== undefined) meaning[capital(name)] = value;
    else meaning[capital(name)] = sliceOf(value as Uint8Array | undefined);
  }
  return meaning;
}

function capital(name: string): string {
  return name === 'userState' ? name : name.charAt(0).toUpperCase() + name.slice(1);
}

type Stated = Record<string, unknown>;

/** The messages of a packet as the fixture states them, flattened. */
// biome-ignore lint/suspicious/noExplicitAny: a message is whatever the Go program printed
function statedMessagesOf(message: any): Stated[] {
  if (message.code === 9) return statedMessagesOf(message.inner);
  if (message.code === 7) return message.parts.flatMap(statedMessagesOf);
  const { type: _, serf: _serf, PayloadDecoded: _decoded, payload, ...stated } = message;
  return [message.code === 8 ? { code: 8, Payload: payload } : stated];
}

// biome-ignore lint/suspicious/noExplicitAny: a message is whatever the Go program printed
function statedStreamMessageOf(message: any): Stated {
  const { code, header, nodes, userState, payload, fields } = message;
  if (code === 8) return { code, Payload: payload };
  if (code !== 6) return { code, ...fields };
  // serf's user state is stated in serf's terms
  return { code, Join: header.Join, nodes, ...(userState === undefined ? {} : { userState }) };
}

/** The reader that tells an empty slice from nil, as the fixtures do. */
const TELLS_EMPTY: GoMsgpack = '2';

test('there are fixtures, and each has packets or streams', () => {
  expect(packetCases.length).toBeGreaterThan(600);
  expect(streamCases.length).toBe(39);
  const used = new Set([...packetCases, ...streamCases].map(({ name }) => name.split(' ')[0]));
  expect([...used].sort()).toEqual([...fixtureNames].sort());
});

test('packets mean what memberlist says, and are written as memberlist wrote them', () => {
  for (const fixture of packetCases) {
    const { label, keyring, ...rest } = layersOf(fixture);
    const receiver = {
      label,
      keyring,
      verifyIncoming: true,
      inflatedBytesMax: MAX_DECOMPRESSED_BYTES,
      codec: TELLS_EMPTY,
    };
    const bytes = bytesOfHex(fixture.hex);
    if (fixture.name === 'err') {
      expectSame(fixture.name, bytes, statedMessagesOf(fixture.meaning.message)[0]!);
      continue;
    }
    const { messages, errorCount } = decodePacket(bytes, receiver);
    expect(errorCount, fixture.name).toBe(0);
    const stated = statedMessagesOf(fixture.meaning.message);
    expect(messages.map(meaningOf), fixture.name).toMatchObject(stated);
    const packet = { messages, label, keyring, ...rest };
    expect(hexOf(encodePacket(packet)), fixture.name).toBe(fixture.hex);
    expect(sizeOfPacket(packet), fixture.name).toBe(bytes.length);
  }
});

function expectSame(name: string, bytes: Uint8Array, stated: Stated): void {
  const message = decodeMessage(bytes, 0, bytes.length, TELLS_EMPTY) as Message;
  expect(meaningOf(message), name).toEqual(stated);
  expect(hexOf(encodeMessage(message)), name).toBe(hexOf(bytes));
  expect(sizeOf(message), name).toBe(bytes.length);
}

test('streams mean what memberlist says, and are written as memberlist wrote them', () => {
  for (const fixture of streamCases) {
    const { isReply } = fixture;
    const { keyring, nonce, protocolVersion, compress, label: seen } = layersOf(fixture);
    // a reply authenticates the label of the request, which only the capture's name tells
    const label = fixture.name.startsWith('live-encrypted-label') ? 'blue' : seen;
    const receiver = {
      ...{ label, keyring, verifyIncoming: true, isReply },
      ...{ limits: STREAM_LIMITS, codec: TELLS_EMPTY },
    };
    const result = new StreamReader(receiver).push(bytesOfHex(fixture.hex));
    if (result.status !== 'done') throw new Error(`${fixture.name}: ${JSON.stringify(result)}`);
    const { message } = result;
    const stated = statedStreamMessageOf(fixture.meaning.message);
    expect(meaningOf(message), fixture.name).toMatchObject(stated);
    const stream = { message, label, keyring, nonce, protocolVersion, compress, isReply };
    expect(hexOf(encodeStream(stream)), fixture.name).toBe(fixture.hex);
    expect(sizeOfStream(stream), fixture.name).toBe(fixture.hex.length / 2);
  }
});

test('another key does not decrypt, and without keys nothing is', () => {
  const fixture = packetCases.find(({ name }) => name === 'label-encrypted-aes256')!;
  const bytes = bytesOfHex(fixture.hex);
  const receiver = { label: 'blue', verifyIncoming: true, inflatedBytesMax: 1000 };
  const other = Keyring.of([], new Uint8Array(16)) as Keyring;
  expect(decodePacket(bytes, { ...receiver, keyring: other }, '10.0.0.1:7946').errors).toEqual([
    {
      kind: 'decrypt',
      log: '[ERR] memberlist: Decrypt packet failed: No installed keys could decrypt the message from=10.0.0.1:7946',
    },
  ]);
  expect(decodePacket(bytes, { ...receiver, keyring: undefined }).errors[0]!.kind).toBe(
    'malformed',
  );
  const spare = layersOf(fixture).keyring!.primary!;
  other.add(spare);
  expect(decodePacket(bytes, { ...receiver, keyring: other }).messages.length).toBe(1);
});
