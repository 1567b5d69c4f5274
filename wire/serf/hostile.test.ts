/** Whatever a peer sends as serf's: fields of any type, claims of any length. Nothing throws. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hostileMaps } from '../memberlist/testing/hostile-msgpack.ts';
import { decodeCoordinate } from './coordinate.ts';
import {
  decodeIntent,
  decodeKeyRequest,
  decodeSerfPushPull,
  decodeUserEvent,
  SerfType,
} from './message.ts';
import {
  decodeConflictResponse,
  decodeFilter,
  decodeQuery,
  decodeQueryResponse,
  decodeRelay,
} from './query.ts';
import { decodeTags } from './tags.ts';

const DECODERS = [
  ...[decodeIntent, decodeUserEvent, decodeSerfPushPull, decodeKeyRequest, decodeQuery],
  ...[decodeQueryResponse, decodeRelay, decodeFilter, decodeConflictResponse, decodeCoordinate],
] as const;

test('any bytes that look like a message are one, or nothing', () => {
  const types = fc.constantFrom(...Object.values(SerfType), 255);
  const readers = new Set<string>();
  fc.assert(
    fc.property(types, hostileMaps, (type, map) => {
      const bytes = Uint8Array.of(type, ...map);
      for (const decode of DECODERS) {
        if (decode(bytes) !== undefined) readers.add(decode.name);
      }
      expect(decodeTags(bytes).size).toBeLessThanOrEqual(bytes.length);
    }),
    { seed: 1, numRuns: 400 },
  );
  // some were good enough: they were not all refused for their first bytes
  expect(readers.size).toBeGreaterThan(DECODERS.length / 2);
});
