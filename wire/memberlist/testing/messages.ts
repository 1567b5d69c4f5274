/**
 * Test support: arbitrary messages for property tests.
 *
 * Every field goes over its whole range, with the lengths at which an encoding changes its form.
 */
import fc from 'fast-check';
import {
  type Message,
  MessageType,
  NO_ADDRESS,
  type PacketMessage,
  type PushNodeState,
  type StreamMessage,
  type WireAddress,
} from '../message.ts';

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ minLength: 30, maxLength: 33 }),
  fc.constantFrom('\uFEFFmark', '0'.repeat(70_000)),
);
const uint16 = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 0xffff }));
const uint32 = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 0xffff_ffff }));
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 250, maxLength: 300 }),
);
const slice = fc.option(bytes, { nil: undefined });
const addr: fc.Arbitrary<WireAddress> = fc.oneof(
  uint32,
  fc.constant(NO_ADDRESS),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).filter((ipv6) => ipv6[0] !== 0),
);
const source = { sourceAddr: addr, sourcePort: uint16, sourceNode: text };

const accusation = { incarnation: uint32, node: text, from: text };
const ping = fc.record({
  type: fc.constant(MessageType.ping),
  seqNo: uint32,
  node: text,
  ...source,
});
const ack = fc.record({ type: fc.constant(MessageType.ack), seqNo: uint32, payload: slice });
const user = fc.record({ type: fc.constant(MessageType.user), payload: bytes });
const err = fc.record({ type: fc.constant(MessageType.err), error: text });

/** Any message that a packet carries. */
export const packetMessages: fc.Arbitrary<PacketMessage> = fc.oneof(
  ping,
  fc.record({
    type: fc.constant(MessageType.indirectPing),
    seqNo: uint32,
    target: addr,
    port: uint16,
    node: text,
    nack: fc.boolean(),
    ...source,
  }),
  ack,
  fc.record({ type: fc.constant(MessageType.nack), seqNo: uint32 }),
  fc.record({ type: fc.constant(MessageType.suspect), ...accusation }),
  fc.record({ type: fc.constant(MessageType.dead), ...accusation }),
  fc.record({
    type: fc.constant(MessageType.alive),
    incarnation: uint32,
    node: text,
    addr,
    port: uint16,
    meta: slice,
    vsn: slice,
  }),
  user,
);

/** Any message in its packet form. */
export const messages: fc.Arbitrary<Message> = fc.oneof(packetMessages, err);

const nodeStates: fc.Arbitrary<PushNodeState> = fc.record({
  name: text,
  addr,
  port: uint16,
  meta: slice,
  incarnation: uint32,
  state: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: Number.MAX_SAFE_INTEGER })),
  vsn: slice,
});

/** Any message that a stream carries. */
export const streamMessages: fc.Arbitrary<StreamMessage> = fc.oneof(
  ping,
  ack,
  user,
  err,
  fc.record({
    type: fc.constant(MessageType.pushPull),
    join: fc.boolean(),
    nodes: fc.array(nodeStates, { maxLength: 20 }),
    userState: bytes,
  }),
);
