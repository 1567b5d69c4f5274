/**
 * The dialect beyond the fixtures: every message is written as an independent writer of old
 * MessagePack writes it, and read however a peer may have written it.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeMessage } from './decode.ts';
import { encodeMessage, encodeStreamMessage } from './encode.ts';
import { MessageType } from './message.ts';
import type { GoMsgpack } from './msgpack-reader.ts';
import { messages, streamMessages } from './testing/messages.ts';
import {
  foreignBytes,
  type Habits,
  referenceBytes,
  referenceNodeBytes,
} from './testing/reference-msgpack.ts';

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

test('any message has the bytes that another writer of the dialect gives it', () => {
  fc.assert(
    fc.property(messages, (message) => {
      expect(hexOf(encodeMessage(message))).toBe(hexOf(referenceBytes(message)));
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('so have the nodes of any push/pull, between its header and its user state', () => {
  fc.assert(
    fc.property(streamMessages, (message) => {
      fc.pre(message.type === MessageType.pushPull);
      const nodes = Buffer.concat(message.nodes.map(referenceNodeBytes));
      const ending = Buffer.concat([nodes, message.userState]).toString('hex');
      expect(hexOf(encodeStreamMessage(message)).endsWith(ending)).toBe(true);
    }),
    { seed: 1, numRuns: 30 },
  );
});

/** The reader that tells an empty slice from nil. */
const TELLS_EMPTY: GoMsgpack = '2';

const habits: fc.Arbitrary<Habits> = fc.record({
  order: fc.double({ min: 0, max: 0.999, noNaN: true }),
  width: fc.double({ min: 0, max: 0.999, noNaN: true }),
  raw: fc.double({ min: 0, max: 0.999, noNaN: true }),
  zeros: fc.constantFrom('written', 'nil', 'left out'),
  hasStrangers: fc.boolean(),
});

test('any message is read whatever the order, widths, forms and strangers', () => {
  fc.assert(
    fc.property(messages, habits, (message, otherHabits) => {
      fc.pre(message.type !== MessageType.user);
      const bytes = foreignBytes(message, otherHabits);
      expect(decodeMessage(bytes, 0, bytes.length, TELLS_EMPTY)).toEqual(message);
    }),
    { seed: 1, numRuns: 500 },
  );
});
