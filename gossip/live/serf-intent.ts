/**
 * The one message of serf that live members send: the intent to leave. A serf agent holds a member
 * that leaves memberlist without it failed instead of left (serf `messages.go` `messageLeave`,
 * `serf.go` `handleNodeLeave`). Intents of others are passed on once, as agents do.
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
const JOIN = 1;
const LTIME = encodedKeyOf('LTime');
const NODE = encodedKeyOf('Node');
const PRUNE = encodedKeyOf('Prune');

/** True for a user message by which an agent says that it joins or leaves. */
export function isIntent(payload: Uint8Array): boolean {
  return payload[0] === LEAVE || payload[0] === JOIN;
}

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
