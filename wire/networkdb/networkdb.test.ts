/** Bytes of the real NetworkDB both ways; any message survives; hostile bytes are errors as data. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOfHex } from '../testing/frames.ts';
import { decodeGossipMessage, NESTING_MAX, PARTS_MAX } from './decode.ts';
import { encodeGossipMessage } from './encode.ts';
import { type GossipMessage, GossipMessageType, type MessageError, sizeOf } from './message.ts';
import {
  decodeEndpointRecord,
  decodePeerRecord,
  type EndpointRecord,
  encodeEndpointRecord,
  encodePeerRecord,
  type PeerRecord,
  sizeOfEndpointRecord,
  sizeOfPeerRecord,
} from './record.ts';

// biome-ignore lint/suspicious/noExplicitAny: a message is whatever the Go program printed
type Stated = any;

const path = new URL('../../test/fixtures/networkdb-wire.json', import.meta.url);
const files: Record<string, { hex: string; length: number; decoded: Stated }> = JSON.parse(
  readFileSync(path, 'utf8'),
).files;

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function decode(bytes: Uint8Array): GossipMessage | MessageError {
  return decodeGossipMessage(bytes, 0, bytes.length);
}

/** A message under the names of the fixtures. */
function meaningOf(message: GossipMessage | MessageError): Stated {
  const { type } = message;
  if (type === GossipMessageType.compound)
    return { type, compound: message.messages.map(meaningOf) };
  if (type === GossipMessageType.bulkSync) {
    const { payload, ltime, nodeName, networks, unsolicited } = message;
    const bulkSync = {
      lTime: ltime,
      nodeName,
      networks,
      unsolicited,
      payload: meaningOf(payload!),
    };
    return { type, bulkSync };
  }
  const { type: _, ...fields } = message as Stated;
  const meaning: Stated = {};
  for (const [name, value] of Object.entries<Stated>(fields)) {
    if (name === 'ltime') meaning.lTime = typeof value === 'bigint' ? String(value) : value;
    else if (name === 'event') meaning.type = value;
    else if (name === 'value') meaning.valueHex = hexOf(value);
    else if (name === 'networks') meaning.networks = value.map(entryMeaningOf);
    else meaning[name] = value;
  }
  const name = { 1: 'networkEvent', 2: 'tableEvent', 3: 'pushPull', 6: 'nodeEvent' }[
    type as number
  ];
  return { type, [name!]: meaning };
}

function entryMeaningOf({ ltime, ...rest }: Stated): Stated {
  return { ...rest, lTime: ltime };
}

/** Checks the records in the table events of a message. */
function checkRecords(stated: Stated): number {
  if (stated.compound !== undefined) {
    return stated.compound.reduce((count: number, part: Stated) => count + checkRecords(part), 0);
  }
  if (stated.bulkSync !== undefined) return checkRecords(stated.bulkSync.payload);
  const { value, valueHex } = stated.tableEvent ?? {};
  if (value === undefined) return 0;
  const bytes = bytesOfHex(valueHex);
  if (value.peerRecord !== undefined) {
    const record = decodePeerRecord(bytes) as PeerRecord;
    expect(record).toEqual(value.peerRecord);
    expect(hexOf(encodePeerRecord(record))).toBe(valueHex);
    expect(sizeOfPeerRecord(record)).toBe(bytes.length);
  } else {
    const record = decodeEndpointRecord(bytes) as EndpointRecord;
    expect(record).toEqual(value.endpointRecord);
    expect(hexOf(encodeEndpointRecord(record))).toBe(valueHex);
    expect(sizeOfEndpointRecord(record)).toBe(bytes.length);
  }
  return 1;
}

test.each(Object.entries(files))('%s', (_, { hex, length, decoded }) => {
  const message = decode(bytesOfHex(hex));
  expect(decoded).toMatchObject(meaningOf(message));
  expect(hexOf(encodeGossipMessage(message))).toBe(hex);
  expect(sizeOf(message)).toBe(length);
  checkRecords(decoded);
});

test('the fixtures hold records of both tables', () => {
  expect(Object.values(files).reduce((n, { decoded }) => n + checkRecords(decoded), 0)).toBe(14);
});

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom('\uFEFFmark', 'x'.repeat(200)),
);
const uint64 = fc.oneof(
  fc.nat({ max: 300 }),
  fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
);
const int32 = fc.oneof(fc.nat({ max: 3 }), fc.integer());
const value = fc.uint8Array({ maxLength: 300 });
const common = { event: int32, ltime: uint64, nodeName: text };
const entry = fc.record({
  networkId: text,
  ltime: uint64,
  nodeName: text,
  leaving: fc.boolean(),
});
const { message: messages } = fc.letrec<{ message: GossipMessage }>((tie) => ({
  message: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.record({ type: fc.constant(GossipMessageType.nodeEvent), ...common }),
    fc.record({ type: fc.constant(GossipMessageType.networkEvent), ...common, networkId: text }),
    fc.record({
      type: fc.constant(GossipMessageType.tableEvent),
      ...common,
      networkId: text,
      tableName: text,
      key: text,
      value,
      residualReapTime: int32,
    }),
    fc.record({
      type: fc.constant(GossipMessageType.pushPull),
      ltime: uint64,
      networks: fc.array(entry, { maxLength: 5 }),
      nodeName: text,
    }),
    fc.record({
      type: fc.constant(GossipMessageType.bulkSync),
      ltime: uint64,
      unsolicited: fc.boolean(),
      nodeName: text,
      networks: fc.array(text, { maxLength: 4 }),
      payload: fc.option(tie('message'), { nil: undefined }),
    }),
    fc.record({
      type: fc.constant(GossipMessageType.compound),
      messages: fc.array(tie('message'), { maxLength: 4 }),
    }),
  ) as fc.Arbitrary<GossipMessage>,
}));

test('any message survives, and its size is known before', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const bytes = encodeGossipMessage(message);
      expect(sizeOf(message)).toBe(bytes.length);
      expect(decode(bytes)).toEqual(message);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('any record survives, and its size is known before', () => {
  const port = fc.record({
    name: text,
    protocol: int32,
    targetPort: fc.nat({ max: 0xffff_ffff }),
    publishedPort: fc.nat({ max: 0xffff_ffff }),
  });
  const record = fc.record({
    name: text,
    serviceName: text,
    serviceId: text,
    virtualIp: text,
    endpointIp: text,
    ingressPorts: fc.array(port, { maxLength: 3 }),
    aliases: fc.array(text, { maxLength: 3 }),
    taskAliases: fc.array(text, { maxLength: 3 }),
    serviceDisabled: fc.boolean(),
  });
  fc.assert(
    fc.property(record, (endpoint) => {
      const bytes = encodeEndpointRecord(endpoint);
      expect(sizeOfEndpointRecord(endpoint)).toBe(bytes.length);
      expect(decodeEndpointRecord(bytes)).toEqual(endpoint);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('random and mutated bytes are a message or an error, and encode again', () => {
  const real = Object.values(files).map(({ hex }) => bytesOfHex(hex));
  const mutated = fc
    .tuple(fc.constantFrom(...real), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
    .map(([original, changes]) => {
      const bytes = original.slice();
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), mutated), fc.nat(), (bytes, cut) => {
      for (const end of [bytes.length, cut % (bytes.length + 1)]) {
        const message = decodeGossipMessage(bytes, 0, end);
        expect(encodeGossipMessage(message).length).toBe(sizeOf(message));
        decodePeerRecord(bytes.subarray(0, end));
        decodeEndpointRecord(bytes.subarray(0, end));
      }
    }),
    { seed: 1, numRuns: 1000 },
  );
});

test.each([
  ['', 0, 'unknown message type 0'],
  ['0809', 9, 'unknown message type 9'],
  ['0805120412', 0, 'Error decoding gossip message to get message type: unexpected EOF'],
  ['080612021205', 6, 'Error decoding node event message: proto: wrong wireType = 2 for field 2'],
  ['080212020805', undefined, undefined],
  ['080512030a010a', 5, 'Failed to decode compound request: unexpected EOF'],
  ['08051202ffff', 5, 'Failed to decode compound request: unexpected EOF'],
  ['080112ffffffff0f', 0, 'Error decoding gossip message to get message type: unexpected EOF'],
])('%s is an error as data', (hex, messageType, text_) => {
  const message = decode(bytesOfHex(hex));
  if (messageType === undefined) expect(message.type).toBe(GossipMessageType.tableEvent);
  else expect(message).toMatchObject({ type: 0, messageType, text: text_ });
});

test('unknown fields are skipped, the last of a scalar wins', () => {
  // NodeEvent with ltime twice, an unknown group and an unknown fixed64
  const data = '08011005' + '7b08017c' + '790102030405060708' + '1007' + '1a0161';
  const message = decode(bytesOfHex(`080612${(data.length / 2).toString(16)}${data}`));
  expect(message).toEqual({
    type: GossipMessageType.nodeEvent,
    event: 1,
    ltime: 7,
    nodeName: 'a',
  });
});

test('nesting and parts are bounded', () => {
  let message: GossipMessage = { type: GossipMessageType.compound, messages: [] };
  for (let i = 0; i < 50; i++) {
    message = {
      type: GossipMessageType.compound,
      messages: [decode(encodeGossipMessage(message))],
    };
  }
  let depth = 0;
  for (let at = message; at.messages[0]?.type === GossipMessageType.compound; at = at.messages[0]) {
    depth++;
  }
  expect(depth).toBeLessThanOrEqual(NESTING_MAX + 1);

  const parts = new Uint8Array(2 * (PARTS_MAX + 1));
  for (let i = 0; i < parts.length; i += 2) parts[i] = 0x0a;
  const header = Uint8Array.of(8, 5, 0x12, 0x82, 0x80, 0x20);
  const bytes = new Uint8Array([...header, ...parts]);
  expect(decode(bytes)).toMatchObject({ type: 0, text: /too many parts/ });
});
