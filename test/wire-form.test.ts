/**
 * Every NetworkDB message of a run has the bytes that the simulation accounts for, and they read
 * back as what they were: deploy, steady state, a crash and its aftermath.
 */
import { expect, test } from 'vitest';
import type { SwimDelegate, UserMessage } from '../gossip/delegate.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { SECOND_NS } from '../sim/time.ts';
import { decodeGossipMessage } from '../wire/networkdb/decode.ts';
import { encodeGossipMessage } from '../wire/networkdb/encode.ts';
import { type GossipMessage, GossipMessageType } from '../wire/networkdb/message.ts';
import {
  decodeEndpointRecord,
  decodePeerRecord,
  encodeEndpointRecord,
  encodePeerRecord,
  OVERLAY_PEER_TABLE,
} from '../wire/networkdb/record.ts';
import { loadLibrary } from './support/runs.ts';

test.each(['20.10', '30'])('docker %s: all kinds of messages, byte for byte', (engine) => {
  const loaded = loadLibrary('voting-app-worker-crash', new Map([['cluster.docker', engine]]));
  const kinds = new Set<number>();
  const wrong: string[] = [];
  const records = new Map<string, Uint8Array>();
  runScenario(loaded, {
    seed: '1',
    untilNs: 36 * SECOND_NS,
    onCluster: ({ db, swim }) => {
      const check = (message: UserMessage): void => {
        const form = db.wireFormOf(message);
        const bytes = encodeGossipMessage(form);
        kinds.add(form.type);
        collectRecords(form, records);
        if (bytes.length !== message.sizeBytes) {
          wrong.push(`type ${form.type}: ${bytes.length} and not ${message.sizeBytes}`);
        }
        const again = encodeGossipMessage(decodeGossipMessage(bytes, 0, bytes.length));
        if (Buffer.compare(again, bytes) !== 0) wrong.push(`type ${form.type} reads differently`);
      };
      const delegate: SwimDelegate = {
        notifyJoin: (observer, subject) => db.notifyJoin(observer, subject),
        notifyLeave: (observer, subject) => db.notifyLeave(observer, subject),
        notifyUpdate: (observer, subject) => db.notifyUpdate(observer, subject),
        getBroadcasts: (...args) => db.getBroadcasts(...args),
        encode: (message) => db.encode(message),
        localState: (...args) => db.localState(...args),
        notifyMessage: (member, from, message) => {
          check(message);
          db.notifyMessage(member, from, message);
        },
        mergeRemoteState: (member, from, state, join) => {
          check(state);
          db.mergeRemoteState(member, from, state, join);
        },
      };
      swim.setDelegate(delegate);
    },
  });
  expect(wrong).toEqual([]);
  const { nodeEvent, networkEvent, compound, bulkSync, pushPull } = GossipMessageType;
  expect([...kinds].toSorted()).toEqual([networkEvent, pushPull, bulkSync, compound, nodeEvent]);
  expect(records.size).toBeGreaterThan(40);
  for (const [name, bytes] of records) {
    const again = name.startsWith(OVERLAY_PEER_TABLE)
      ? encodePeerRecord(decoded(decodePeerRecord(bytes)))
      : encodeEndpointRecord(decoded(decodeEndpointRecord(bytes)));
    expect(again, name).toEqual(bytes);
  }
});

function decoded<T>(record: T | string): T {
  if (typeof record === 'string') throw new Error(record);
  return record;
}

/** The values of all table events within a message, by table and key. */
function collectRecords(message: GossipMessage, records: Map<string, Uint8Array>): void {
  const parts = message.type === GossipMessageType.compound ? message.messages : [];
  for (const part of parts) {
    if (part.type !== GossipMessageType.tableEvent) continue;
    records.set(`${part.tableName} ${part.key}`, part.value);
  }
}
