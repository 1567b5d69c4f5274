/**
 * The gossip in captures: as Docker sends it, it has the bytes that the simulation accounts for and
 * reads back with the keys that are written beside it; in the clear it reads back without.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Captures } from '../bin/captures.ts';
import { tapUplinks } from '../cluster/capture.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { Counter } from '../gossip/counters.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { SECOND_NS } from '../sim/time.ts';
import { ETHERNET_HEADER_BYTES } from '../wire/ethernet.ts';
import { IPV4_HEADER_BYTES, IpProtocol, protocolOf } from '../wire/ipv4.ts';
import { encryptedBytesOf, Keyring } from '../wire/memberlist/encrypt.ts';
import { MessageType } from '../wire/memberlist/message.ts';
import { decodePacket, PLAIN_RECEIVER } from '../wire/memberlist/packet.ts';
import { decodeGossipMessage } from '../wire/networkdb/decode.ts';
import { GossipMessageType } from '../wire/networkdb/message.ts';
import { destinationPortOf, UDP_HEADER_BYTES } from '../wire/udp.ts';
import { loadLibrary } from './support/runs.ts';

const UDP_AT = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES;
const AT = UDP_AT + UDP_HEADER_BYTES;

/** The gossip that nodes send in the first seconds of the voting app. */
function gossipOf(isClear: boolean): { cluster: Cluster; payloads: Uint8Array[] } {
  const payloads: Uint8Array[] = [];
  const loaded = loadLibrary('voting-app-worker-crash');
  const { cluster } = runScenario(loaded, {
    seed: '1',
    untilNs: 10 * SECOND_NS,
    onCluster: (cluster) => {
      tapUplinks(
        cluster,
        (_node, _card, _atNs, bytes, start, end, isOutgoing) => {
          if (!isOutgoing || protocolOf(bytes, start + ETHERNET_HEADER_BYTES) !== IpProtocol.udp) {
            return;
          }
          if (destinationPortOf(bytes, start + UDP_AT) !== 7946) return;
          payloads.push(bytes.slice(start + AT, end));
        },
        { isClear },
      );
    },
  });
  return { cluster, payloads };
}

/** The types of NetworkDB's messages in packets, and how many packets do not read. */
function readAll(payloads: readonly Uint8Array[], keyring: Keyring | undefined) {
  const types = new Set<number>();
  let wrongCount = 0;
  for (const payload of payloads) {
    const { messages, errorCount } = decodePacket(payload, { ...PLAIN_RECEIVER, keyring });
    if (errorCount > 0) wrongCount++;
    for (const message of messages) {
      if (message.type !== MessageType.user) continue;
      types.add(decodeGossipMessage(message.payload, 0, message.payload.length).type);
    }
  }
  return { types, wrongCount };
}

const { nodeEvent, networkEvent, compound } = GossipMessageType;

test('in the clear: every packet, larger than accounted by what compression saves', () => {
  const { cluster, payloads } = gossipOf(true);
  expect(payloads.length).toBeGreaterThan(100);
  const bytes = payloads.reduce((sum, payload) => sum + encryptedBytesOf(1, payload.length), 0);
  expect(bytes).toBeGreaterThan(1.1 * cluster.swim.totalOf(Counter.packetBytesSent));
  expect(payloads.length).toBe(cluster.swim.totalOf(Counter.packetsSent));
  const { types, wrongCount } = readAll(payloads, undefined);
  expect(wrongCount).toBe(0);
  expect([...types].toSorted()).toEqual([networkEvent, compound, nodeEvent]);
});

test('encrypted: unreadable without the keys, whole with them, the accounted bytes', () => {
  const { cluster, payloads } = gossipOf(false);
  const { ring } = cluster.machines[1]!.executor!.gossipKeyring;
  const { types, wrongCount } = readAll(payloads, ring);
  expect(wrongCount).toBe(0);
  expect([...types].toSorted()).toEqual([networkEvent, compound, nodeEvent]);
  expect(readAll(payloads, Keyring.of([], new Uint8Array(16)) as Keyring).types.size).toBe(0);
  const bytes = payloads.reduce((sum, payload) => sum + payload.length, 0);
  expect(bytes).toBe(cluster.swim.totalOf(Counter.packetBytesSent));
  const nonces = new Set(payloads.map((payload) => String(payload.slice(1, 13))));
  expect(nonces.size).toBe(payloads.length);
});

test('the keys are written beside the captures', () => {
  const directory = mkdtempSync(join(tmpdir(), 'swarmlab-keys-'));
  const captures = new Captures({ isClear: false });
  const loaded = loadLibrary('voting-app-worker-crash');
  const onCluster = (cluster: Cluster) => captures.attach(cluster);
  const { cluster } = runScenario(loaded, { seed: '1', untilNs: 5 * SECOND_NS, onCluster });
  captures.write(directory);
  const lines = readFileSync(join(directory, 'gossip-keys.txt'), 'utf8').trimEnd().split('\n');
  expect(readdirSync(directory)).toHaveLength(cluster.machines.length + 2);
  rmSync(directory, { recursive: true });
  expect(lines.map((line) => line.split(' ')[0])).toEqual([
    ...cluster.machines[0]!.executor!.gossipKeyring.keys,
  ]);
  for (const line of lines) expect(line).toMatch(/^[0-9a-f]{32} since [0-9.]+m?s$/);
});
