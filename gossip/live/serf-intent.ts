/**
 * The one message of serf that live members send: the intent to leave. A serf agent holds a member
 * that leaves memberlist without it failed instead of left (serf `messages.go` `messageLeave`,
 * `serf.go` `handleNodeLeave`).
 */
import {
  encodedKeyOf,
  textBytes,
  uintBytes,
  writeBool,
  writeEncoded,
  writeMapHeader,
  writeText,
  writeUint,
} from '../../wire/memberlist/msgpack.ts';

/** Versions of a serf 0.8 to 0.10 agent: memberlist 1 to 5 speaking 2, serf 2 to 5 speaking 5. */
export const SERF_VSN: Uint8Array = Uint8Array.of(1, 5, 2, 2, 5, 5);

/** Tags of a serf agent that has none: a mark, and an empty map. */
export const SERF_META: Uint8Array = Uint8Array.of(0xff, 0x80);

const LEAVE = 0;
const LTIME = encodedKeyOf('LTime');
const NODE = encodedKeyOf('Node');
const PRUNE = encodedKeyOf('Prune');

/** The payload of the user message by which `node` says at a Lamport time that it will leave. */
export function encodeLeaveIntent(node: string, lamportTime: number): Uint8Array {
  const keysBytes = LTIME.length + NODE.length + PRUNE.length;
  const bytes = new Uint8Array(2 + keysBytes + uintBytes(lamportTime) + textBytes(node) + 1);
  bytes[0] = LEAVE;
  let at = writeEncoded(bytes, writeMapHeader(bytes, 1, 3), LTIME);
  at = writeUint(bytes, at, lamportTime);
  at = writeText(bytes, writeEncoded(bytes, at, NODE), node);
  writeBool(bytes, writeEncoded(bytes, at, PRUNE), false);
  return bytes;
}
