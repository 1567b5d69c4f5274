/**
 * Encoded sizes against messages that moby v24.0.9 marshalled, and against the packets that a cluster
 * really sends.
 */
import { describe, expect, test } from 'vitest';
import {
  bulkSyncBytes,
  gossipBytes,
  networkEntryBytes,
  networkEventBytes,
  nodeEventBytes,
  pushPullBytes,
  simpleMessageBytes,
  tableEventBytes,
  tableMessageBytes,
  varintBytes,
} from './message.ts';

const NAME = 12;
const ID = 25;
const peerRecord = (ltime: number): number =>
  tableEventBytes({
    ltime,
    ownerNameBytes: NAME,
    networkIdBytes: ID,
    tableBytes: 'overlay_peer_table'.length,
    keyBytes: 64,
    valueBytes: 46,
  });
const attachment = (ltime: number, leaving: boolean): number =>
  networkEntryBytes({ owner: 0, networkIndex: 0, ltime, leaving }, NAME, ID);

describe('a message takes as many bytes as moby makes of it', () => {
  const created = tableMessageBytes(peerRecord(12), 0);
  const deleted = tableMessageBytes(peerRecord(13), 1200);
  const frames = simpleMessageBytes(created) + simpleMessageBytes(deleted);
  const attachments = attachment(40, false) + attachment(5, false) + attachment(39, true);
  test.each([
    ['node event, join', nodeEventBytes(1, NAME), 22],
    ['node event with a two-byte ltime', nodeEventBytes(300, NAME), 23],
    ['network event', networkEventBytes(8, NAME, ID), 49],
    ['create of a peer record', created, 184],
    ['delete with residual time', tableMessageBytes(peerRecord(13), 305), 187],
    ['empty compound', gossipBytes(0), 2],
    ['bulk sync of two networks', bulkSyncBytes(22, true, NAME, [ID, ID], frames), 468],
    ['empty reply', bulkSyncBytes(21, false, NAME, [ID], 0), 51],
    ['push/pull of a fresh node', pushPullBytes(1, NAME, 0), 20],
    ['push/pull of three attachments', pushPullBytes(42, NAME, attachments), 158],
  ])('%s', (_name, bytes, length) => {
    expect(bytes).toBe(length);
  });

  test('create without a value', () => {
    const fields = { ltime: 18, ownerNameBytes: NAME, networkIdBytes: ID };
    const event = tableEventBytes({ ...fields, tableBytes: 1, keyBytes: 1, valueBytes: 0 });
    expect(tableMessageBytes(event, 0)).toBe(55);
  });
});

test.each([
  [0, 1],
  [127, 1],
  [128, 2],
  [16_383, 2],
  [16_384, 3],
  [2 ** 53 - 1, 8],
])('the varint of %i has %i bytes', (value, bytes) => {
  expect(varintBytes(value)).toBe(bytes);
});
