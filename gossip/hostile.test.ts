/**
 * Packets that mean harm reach a running cluster: messages about its own members with any field,
 * changed here and there. Nothing throws, and members that were lied about are soon believed again.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SECOND_NS } from '../sim/time.ts';
import { encodeMessages } from '../wire/memberlist/compound.ts';
import type { PacketMessage } from '../wire/memberlist/message.ts';
import { packetMessages } from '../wire/memberlist/testing/messages.ts';
import { Counter } from './counters.ts';
import { TestCluster } from './testing/test-cluster.ts';

const COUNT = 5;

/** A message about members of the cluster. */
const slander: fc.Arbitrary<PacketMessage> = fc
  .tuple(packetMessages, fc.nat(COUNT), fc.nat(COUNT), fc.nat(300))
  .map(([message, a, b, number]) => {
    const nameOf = (i: number): string => `node-00${i}`;
    const changed: Record<string, unknown> = { ...message };
    if ('node' in message) changed['node'] = nameOf(a);
    if ('from' in message) changed['from'] = nameOf(b);
    if ('seqNo' in message) changed['seqNo'] = number;
    return changed as unknown as PacketMessage;
  });

const packet = fc
  .tuple(
    fc.array(slander, { minLength: 1, maxLength: 6 }),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }),
  )
  .map(([messages, changes]) => {
    const bytes = encodeMessages(messages).slice();
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    return bytes;
  });

test('whatever a cluster is told, it goes on', () => {
  const attacks = fc.array(fc.tuple(fc.nat(COUNT - 1), packet), { maxLength: 12 });
  fc.assert(
    fc.property(attacks, fc.boolean(), (packets, shortcuts) => {
      const cluster = new TestCluster({ seed: 'hostile', count: COUNT, shortcuts });
      const { swim } = cluster;
      cluster.run(SECOND_NS);
      swim.establish();
      for (const [to, bytes] of packets) {
        cluster.run(SECOND_NS / 3);
        swim.receiveBytes(to, (to + 1) % COUNT, bytes);
      }
      cluster.run(5 * SECOND_NS);
      expect(swim.totalOf(Counter.probes)).toBeGreaterThan(0);
      for (let i = 0; i < COUNT; i++) {
        expect(swim.isRunning(i)).toBe(true);
        expect(swim.membersOf(i)).toContain(i);
        expect(swim.incarnationOf(i, i)).toBeLessThan(2 ** 32);
      }
    }),
    { seed: 1, numRuns: 60 },
  );
});

test('an accusation of the last incarnation is answered with the first, as numbers of 32 bits do', () => {
  const cluster = new TestCluster({ seed: 'hostile', count: 2 });
  const { swim } = cluster;
  cluster.run(SECOND_NS);
  swim.establish();
  const accusation = {
    type: 3 as const,
    node: 'node-000',
    from: 'node-001',
    incarnation: 2 ** 32 - 1,
  };
  const heard = cluster.record();
  swim.receiveBytes(0, 1, encodeMessages([accusation]));
  expect(heard.map(({ kind, b }) => `${kind.name} ${b}`)).toEqual(['membership.refute 0']);
  expect(swim.incarnationOf(0, 0)).toBe(0);
});
