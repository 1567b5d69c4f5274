/**
 * The codec against the protobuf library's own reflection: every message and record, built from a
 * description of moby's `.proto` files, with any values, in any order of fields, with strange ones.
 */
import { create, createFileRegistry, type DescMessage, toBinary } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeGossipMessage } from './decode.ts';
import { encodeGossipMessage } from './encode.ts';
import { type GossipMessage, GossipMessageType } from './message.ts';
import {
  decodeEndpointRecord,
  decodePeerRecord,
  encodeEndpointRecord,
  encodePeerRecord,
} from './record.ts';

/** The fields of each message, numbered from 1 on; a star is for repeated ones. */
const FIELDS = {
  GossipMessage: 'int32 type, bytes data',
  NodeEvent: 'int32 event, uint64 ltime, string nodeName',
  NetworkEvent: 'int32 event, uint64 ltime, string nodeName, string networkId',
  NetworkEntry: 'string networkId, uint64 ltime, string nodeName, bool leaving',
  NetworkPushPull: 'uint64 ltime, *NetworkEntry networks, string nodeName',
  TableEvent:
    'int32 event, uint64 ltime, string nodeName, string networkId, string tableName, ' +
    'string key, bytes value, int32 residualReapTime',
  BulkSync: 'uint64 ltime, bool unsolicited, string nodeName, *string networks, bytes payload',
  SimpleMessage: 'bytes payload',
  CompoundMessage: '*SimpleMessage messages',
  PeerRecord: 'string endpointIp, string endpointMac, string tunnelEndpointIp',
  PortConfig: 'string name, int32 protocol, uint32 targetPort, uint32 publishedPort',
  EndpointRecord:
    'string name, string serviceName, string serviceId, string virtualIp, string endpointIp, ' +
    '*PortConfig ingressPorts, *string aliases, *string taskAliases, bool serviceDisabled',
} as const;
type Name = keyof typeof FIELDS;
const TYPES: Readonly<Record<string, Type>> = {
  int32: Type.INT32,
  uint32: Type.UINT32,
  uint64: Type.UINT64,
  string: Type.STRING,
  bytes: Type.BYTES,
  bool: Type.BOOL,
};

const registry = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      create(FileDescriptorProtoSchema, {
        name: 'networkdb.proto',
        syntax: 'proto3',
        messageType: Object.entries(FIELDS).map(([name, fields]) => ({
          name,
          field: fields.split(', ').map((text, i) => {
            const [type, field] = text.replace('*', '').split(' ') as [string, string];
            return {
              name: field,
              jsonName: field,
              number: i + 1,
              label: text.startsWith('*') ? Label.REPEATED : Label.OPTIONAL,
              type: TYPES[type] ?? Type.MESSAGE,
              typeName: type in TYPES ? '' : `.${type}`,
            };
          }),
        })),
      }),
    ],
  }),
);

type Fields = Readonly<Record<string, unknown>>;

function bytesBy(name: Name, fields: Fields): Uint8Array {
  const schema = registry.getMessage(name) as DescMessage;
  return toBinary(schema, create(schema, fields));
}

/** A message of ours as the fields of its description. */
function bodyOf(message: GossipMessage): [Name, Fields] {
  switch (message.type) {
    case GossipMessageType.nodeEvent:
      return ['NodeEvent', numbered(message)];
    case GossipMessageType.networkEvent:
      return ['NetworkEvent', numbered(message)];
    case GossipMessageType.tableEvent:
      return ['TableEvent', numbered(message)];
    case GossipMessageType.pushPull: {
      return [
        'NetworkPushPull',
        { ...numbered(message), networks: message.networks.map(numbered) },
      ];
    }
    case GossipMessageType.bulkSync: {
      const payload = message.payload as GossipMessage;
      return ['BulkSync', { ...numbered(message), payload: envelopeOf(payload) }];
    }
    case GossipMessageType.compound: {
      const parts = message.messages as readonly GossipMessage[];
      const messages = parts.map((part) => ({ payload: envelopeOf(part) }));
      return ['CompoundMessage', { messages }];
    }
  }
}

function numbered<T extends object>({ type: _, ...fields }: T & { readonly type?: unknown }) {
  return 'ltime' in fields ? { ...fields, ltime: BigInt(fields.ltime as number) } : fields;
}

function envelopeOf(message: GossipMessage): Uint8Array {
  return bytesBy('GossipMessage', { type: message.type, data: bytesBy(...bodyOf(message)) });
}

const text = fc.oneof(fc.constant(''), fc.string({ unit: 'grapheme', maxLength: 140 }));
const uint64 = fc.oneof(
  fc.constantFrom(0, 127, 128, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
);
const int32 = fc.oneof(fc.constantFrom(0, 1, 2, 3, 1800), fc.integer());
const uint32 = fc.oneof(fc.constantFrom(0, 80), fc.nat({ max: 0xffff_ffff }));
const head = { event: int32, ltime: uint64, nodeName: text };
const tableEvent = fc.record({
  type: fc.constant(GossipMessageType.tableEvent),
  ...head,
  networkId: text,
  tableName: text,
  key: text,
  value: fc.uint8Array({ maxLength: 200 }),
  residualReapTime: int32,
});
const compound = fc.record({
  type: fc.constant(GossipMessageType.compound),
  messages: fc.array(tableEvent, { maxLength: 6 }),
});
const message: fc.Arbitrary<GossipMessage> = fc.oneof(
  tableEvent,
  compound,
  fc.record({ type: fc.constant(GossipMessageType.nodeEvent), ...head }),
  fc.record({ type: fc.constant(GossipMessageType.networkEvent), ...head, networkId: text }),
  fc.record({
    type: fc.constant(GossipMessageType.pushPull),
    ltime: uint64,
    networks: fc.array(
      fc.record({ networkId: text, ltime: uint64, nodeName: text, leaving: fc.boolean() }),
      { maxLength: 6 },
    ),
    nodeName: text,
  }),
  fc.record({
    type: fc.constant(GossipMessageType.bulkSync),
    ltime: uint64,
    unsolicited: fc.boolean(),
    nodeName: text,
    networks: fc.array(text, { maxLength: 4 }),
    payload: compound,
  }),
);

test('every message has the bytes of the library', () => {
  fc.assert(
    fc.property(message, (one) => {
      expect(encodeGossipMessage(one)).toEqual(envelopeOf(one));
    }),
    { seed: 1, numRuns: 200 },
  );
});

const endpoint = fc.record({
  name: text,
  serviceName: text,
  serviceId: text,
  virtualIp: text,
  endpointIp: text,
  ingressPorts: fc.array(
    fc.record({ name: text, protocol: int32, targetPort: uint32, publishedPort: uint32 }),
    { maxLength: 3 },
  ),
  aliases: fc.array(text, { maxLength: 3 }),
  taskAliases: fc.array(text, { maxLength: 3 }),
  serviceDisabled: fc.boolean(),
});
const peer = fc.record({ endpointIp: text, endpointMac: text, tunnelEndpointIp: text });

test('every record has the bytes of the library', () => {
  fc.assert(
    fc.property(endpoint, peer, (endpointRecord, peerRecord) => {
      expect(encodeEndpointRecord(endpointRecord)).toEqual(
        bytesBy('EndpointRecord', endpointRecord),
      );
      expect(encodePeerRecord(peerRecord)).toEqual(bytesBy('PeerRecord', peerRecord));
    }),
    { seed: 1, numRuns: 200 },
  );
});

/** An unknown varint, fixed64, bytes and fixed32 field, numbered 20, 300, 21 and 22. */
const STRANGE = [
  [0xa0, 1, 5],
  [0xe1, 0x12, 1, 2, 3, 4, 5, 6, 7, 8],
  [0xaa, 1, 1, 9],
  [0xb5, 1, 0, 0, 0, 1],
];

/** The fields one by one, turned by `turn` places, with strange ones between them. */
function shuffledBy(name: Name, fields: Fields, turn: number): Uint8Array {
  const pieces = Object.entries(fields).map(([key, value]) => [...bytesBy(name, { [key]: value })]);
  const at = turn % (pieces.length + 1);
  const turned = [...pieces.slice(at), ...pieces.slice(0, at)];
  return Uint8Array.from(turned.flatMap((piece, i) => [...piece, ...STRANGE[(turn + i) % 4]!]));
}

test('fields come in any order, among unknown ones', () => {
  fc.assert(
    fc.property(message, endpoint, peer, fc.nat(1000), (one, endpointRecord, peerRecord, turn) => {
      const [name, fields] = bodyOf(one);
      const envelope = { type: one.type, data: shuffledBy(name, fields, turn) };
      const bytes = shuffledBy('GossipMessage', envelope, turn);
      expect(decodeGossipMessage(bytes, 0, bytes.length)).toEqual(one);
      const endpointBytes = shuffledBy('EndpointRecord', endpointRecord, turn);
      expect(decodeEndpointRecord(endpointBytes)).toEqual(endpointRecord);
      expect(decodePeerRecord(shuffledBy('PeerRecord', peerRecord, turn))).toEqual(peerRecord);
    }),
    { seed: 1, numRuns: 150 },
  );
});
