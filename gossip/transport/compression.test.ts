/** Counted bytes are those of the packets as a peer would get them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { encodeMessages } from '../../wire/memberlist/compound.ts';
import { compressedSizeOf } from '../../wire/memberlist/compress.ts';
import { DOCKER_VSN, MessageType, type PacketMessage } from '../../wire/memberlist/message.ts';
import { encodePacket } from '../../wire/memberlist/packet.ts';
import { LAN, type SwimConfig } from '../constants.ts';
import { Counter } from '../counters.ts';
import { Members } from '../members/members.ts';
import { Unrest } from '../members/unrest.ts';
import { TestCluster } from '../testing/test-cluster.ts';
import { hasCompressibleName } from './compression.ts';

const framing = { crc: false, keyring: undefined, label: '', protocolVersion: 2 };
const nonce = new Uint8Array(12);

/** Bytes counted, and bytes and compressed packets on the wire, of a join, a death and a leave. */
function bytesOf(config: SwimConfig): { counted: number; wire: number; compressedCount: number } {
  const cluster = new TestCluster({ seed: 'bytes', count: 12, config });
  const { swim } = cluster;
  let wire = 0;
  let compressedCount = 0;
  swim.setOnDatagram((from, _to, parts, hasCrc) => {
    const messages = swim.wireMessagesOf(from, parts);
    const layers = { ...framing, messages, crc: hasCrc, compress: config.enableCompression, nonce };
    const bytes = encodePacket(layers);
    if (bytes[hasCrc ? 5 : 0] === MessageType.compress) compressedCount++;
    wire += bytes.length;
  });
  for (let i = 1; i < 12; i++) swim.join(i, [0]);
  cluster.run(5 * SECOND_NS);
  swim.crash(3);
  cluster.run(15 * SECOND_NS);
  swim.leave(5, SECOND_NS);
  cluster.run(5 * SECOND_NS);
  return { counted: swim.totalOf(Counter.packetBytesSent), wire, compressedCount };
}

test('what is counted is what is sent, compressed or not', () => {
  const { counted, wire, compressedCount } = bytesOf(LAN);
  expect(counted).toBe(wire);
  expect(compressedCount).toBeGreaterThan(20);
  const plain = bytesOf({ ...LAN, enableCompression: false });
  expect(plain.counted).toBe(plain.wire);
  expect(plain.compressedCount).toBe(0);
  expect(plain.wire).toBeGreaterThan(wire);
});

test('lone messages that are not measured would not shrink', () => {
  const letters = fc.constantFrom(...'abcdefghij0123456789-.');
  const word = fc.string({ unit: letters, minLength: 1, maxLength: 24 });
  const names = fc.tuple(word, word, word).map(([stem, a, b]) => [stem + a, stem + b] as const);
  const address = 0x0a00_0001;
  let judgedCount = 0;
  const property = fc.property(names, fc.nat(0xffff_ffff), ([a, b], number) => {
    const members = new Members(new Unrest());
    if (a === b) return;
    const fact = { address, port: 7946, meta: undefined, vsn: DOCKER_VSN };
    for (const name of [a, b]) members.add(name, fact);
    if (hasCompressibleName(members, 0) || hasCompressibleName(members, 1)) return;
    judgedCount++;
    const source = { sourceAddr: address, sourcePort: 7946, sourceNode: a };
    const accusation = { incarnation: number, node: b, from: a };
    const messages: PacketMessage[] = [
      { type: MessageType.ping, seqNo: number, node: b, ...source },
      { type: MessageType.suspect, ...accusation },
      { type: MessageType.dead, ...accusation },
      { type: MessageType.ack, seqNo: number, payload: undefined },
      { type: MessageType.nack, seqNo: number },
    ];
    for (const message of messages) {
      const bytes = encodeMessages([message]);
      expect(compressedSizeOf(bytes, 0, bytes.length)).toBeGreaterThanOrEqual(bytes.length);
    }
  });
  fc.assert(property, { seed: 1, numRuns: 3000 });
  expect(judgedCount).toBeGreaterThan(300);
});
