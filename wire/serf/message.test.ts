import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeCoordinate, encodeCoordinate } from './coordinate.ts';
import {
  decodeIntent,
  decodeKeyRequest,
  decodeSerfPushPull,
  decodeUserEvent,
  encodeIntent,
  encodeKeyResponse,
  encodeSerfPushPull,
  encodeUserEvent,
  LAMPORT_TIME_MAX,
  SerfStatus,
  SerfType,
} from './message.ts';
import {
  decodeFilter,
  decodeQuery,
  decodeRelay,
  encodeConflictResponse,
  encodeQuery,
  encodeQueryResponse,
  encodeRelay,
} from './query.ts';
import { decodeTags, encodeTags } from './tags.ts';

/** What a serf 0.9.4 agent named `real`, with tags role=web and zone=b, sent at 127.0.0.1:8956. */
const SENT = {
  leave: '0083a54c54696d6502a44e6f6465a47265616ca55072756e65c2',
  join: '0182a54c54696d6501a44e6f6465a47265616c',
  deploy: '0384a24343c3a54c54696d6501a44e616d65a66465706c6f79a75061796c6f6164a27631',
  uptime:
    '048ba441646472a47f000001a746696c7465727392a90091a66e6f64652d31b40182a445787072a3772e62a35461' +
    '67a4726f6c65a5466c61677301a24944ce5b0cad10a54c54696d6501a44e616d65a6757074696d65a75061796c6f' +
    '6164a3686579a4506f7274cd22fcab52656c6179466163746f7200aa536f757263654e6f6465a47265616ca75469' +
    '6d656f7574ce3b9aca00',
  installKey:
    '048ba441646472a47f000001a746696c74657273c0a5466c61677300a24944ce11b385a4a54c54696d6502a44e61' +
    '6d65b15f736572665f696e7374616c6c2d6b6579a75061796c6f6164b70781a34b6579b000010203040506070809' +
    '0a0b0c0d0e0fa4506f7274cd22fcab52656c6179466163746f7200aa536f757263654e6f6465a47265616ca75469' +
    '6d656f7574cebebc2000',
  tags: 'ff82a4726f6c65a3776562a47a6f6e65a162',
  coordinate:
    '0184aa41646a7573746d656e74cb3f31c8eeb5731c62a54572726f72cb3ff454344c04449ca6486569676874cb3e' +
    'f22e951811c64da356656398cb3f3c54b7d2691d63cbbf39874c2183cc0acb3f12a1dad8fe3b36cb3f1215182a05' +
    'f979cb3f350ef1023fc90bcb3f408e0ad0d93e70cb3f428ac5b67819f1cb3f33817d6db4ad2c',
};

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test('what an agent sends is read, and written again byte for byte', () => {
  for (const sent of [SENT.leave, SENT.join]) {
    expect(hexOf(encodeIntent(decodeIntent(bytesOf(sent))!))).toBe(sent);
  }
  const event = decodeUserEvent(bytesOf(SENT.deploy))!;
  expect({ ...event, payload: textOf(event.payload) }).toEqual({
    lamportTime: 1,
    name: 'deploy',
    payload: 'v1',
  });
  // `serf event` lets agents coalesce, members do not
  expect(hexOf(encodeUserEvent(event))).toBe(SENT.deploy.replace('4343c3', '4343c2'));
  expect([...decodeTags(bytesOf(SENT.tags))]).toEqual([
    ['role', 'web'],
    ['zone', 'b'],
  ]);
  expect(hexOf(encodeTags(decodeTags(bytesOf(SENT.tags))))).toBe(SENT.tags);
  const coordinate = decodeCoordinate(bytesOf(SENT.coordinate))!;
  expect(coordinate.error).toBeCloseTo(1.27, 2);
  expect(hexOf(encodeCoordinate(coordinate))).toBe(SENT.coordinate);
});

test("an agent's queries are read with their filters and keys, and written again byte for byte", () => {
  const query = decodeQuery(bytesOf(SENT.uptime))!;
  expect(query).toMatchObject({
    lamportTime: 1,
    address: 0x7f00_0001,
    port: 8956,
    sourceNode: 'real',
    flags: 1,
    relayFactor: 0,
    name: 'uptime',
  });
  expect(textOf(query.payload)).toBe('hey');
  expect(query.filters.map(decodeFilter)).toEqual([
    { names: ['node-1'] },
    { tag: 'role', expression: 'w.b' },
  ]);
  const install = decodeQuery(bytesOf(SENT.installKey))!;
  expect(install.name).toBe('_serf_install-key');
  expect(hexOf(encodeQuery(query))).toBe(SENT.uptime);
  expect(hexOf(encodeQuery(install))).toBe(SENT.installKey);
  expect(hexOf(decodeKeyRequest(install.payload)!)).toBe('000102030405060708090a0b0c0d0e0f');
});

test('the user state of a push/pull is read as an agent sends it, and as we do', () => {
  const slots = 'c0'.repeat(510);
  const events = `82a54c54696d6505a64576656e747391${'82a44e616d65a178a75061796c6f6164a179'}`;
  const sent =
    `0286aa4576656e744c54696d6506a64576656e7473dc01ff${events}${slots}a54c54696d6509` +
    'ab4c6566744d656d6265727391a161aa51756572794c54696d6501ac5374617475734c54696d657382a16107a16208';
  const state = decodeSerfPushPull(bytesOf(sent))!;
  expect(
    state.events.map(({ payload, ...rest }) => ({ ...rest, payload: textOf(payload) })),
  ).toEqual([{ lamportTime: 5, name: 'x', payload: 'y' }]);
  expect(state).toMatchObject({ lamportTime: 9, leftMembers: ['a'], eventLamportTime: 6 });
  const names = Array.from({ length: 70_000 }, (_, i): [string, number] => [`n${i}`, i]);
  const many = { ...state, statusTimes: new Map(names) };
  const eventSlots = [undefined, state.events, []];
  expect(decodeSerfPushPull(encodeSerfPushPull({ ...many, eventSlots }))).toEqual(many);
});

test('answers have the fields that an agent reads, in their order', () => {
  const ack = { lamportTime: 1, id: 2, from: 'a', flags: 1, payload: undefined };
  const encodedAck = encodeQueryResponse(ack);
  expect(hexOf(encodedAck)).toBe(
    '0585a5466c61677301a446726f6da161a2494402a54c54696d6501a75061796c6f6164c0',
  );
  const relay = encodeRelay(0x0a00_0001, 7946, 'real', encodedAck);
  expect(relay[0]).toBe(SerfType.relay);
  expect(decodeRelay(relay)).toEqual({ address: 0x0a00_0001, port: 7946, payload: encodedAck });
  const keys = { result: true, message: '', keys: ['AAA='], primaryKey: 'AAA=' };
  expect(hexOf(encodeKeyResponse(keys))).toBe(
    '0884a44b65797391a44141413da74d657373616765a0aa5072696d6172794b6579a44141413da6526573756c74c3',
  );
  expect(hexOf(encodeConflictResponse(undefined))).toBe('06c0');
  const member = {
    name: 'a',
    address: 0x0a00_0001,
    port: 7946,
    tags: new Map([['r', 'w']]),
    status: SerfStatus.alive,
    vsn: Uint8Array.of(1, 5, 2, 2, 5, 4),
  };
  const text = hexOf(encodeConflictResponse(member));
  expect(text).toContain(`068ba441646472a40a000001ab${hexOf(Buffer.from('DelegateCur'))}04`);
  expect(text.endsWith(`${hexOf(Buffer.from('Tags'))}81a172a177`)).toBe(true);
});

test('what is malformed or out of bounds is nothing', () => {
  const decoders = [
    decodeIntent,
    decodeUserEvent,
    decodeQuery,
    decodeSerfPushPull,
    decodeKeyRequest,
    decodeRelay,
    decodeFilter,
    decodeCoordinate,
    decodeTags,
  ];
  const samples = Object.values(SENT).map(bytesOf);
  fc.assert(
    fc.property(
      fc.constantFrom(...samples),
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
      fc.nat(),
      (sample, at, byte, cut) => {
        const bytes = sample.slice(0, 1 + (cut % sample.length));
        bytes[at % bytes.length] = byte;
        for (const decode of decoders) expect(() => decode(bytes)).not.toThrow();
      },
    ),
  );
  const late = encodeIntent({ type: SerfType.join, lamportTime: LAMPORT_TIME_MAX + 1, node: 'a' });
  expect(decodeIntent(late)).toBeUndefined();
  expect(decodeIntent(bytesOf(SENT.leave.slice(0, -4)))).toBeUndefined();
  const [nan, vector] = [bytesOf(SENT.coordinate), bytesOf(SENT.coordinate)];
  nan.fill(0xff, nan.length - 8);
  expect(decodeCoordinate(nan)).toBeUndefined();
  vector[vector.indexOf(0x98)] = 0x97;
  expect(decodeCoordinate(vector)).toBeUndefined();
});
