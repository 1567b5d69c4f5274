/**
 * Test support: MessagePack written from the specification of before 2013, value by value, as
 * go-msgpack writes it, and as a peer might that writes the same otherwise: keys in another order,
 * integers wider than needed, str8 and bin, nil for zero, keys that nobody knows.
 *
 * It shares nothing with the encoder under test.
 */
import {
  type Message,
  MessageType,
  type PacketMessage,
  type PushNodeState,
  type WireAddress,
} from '../message.ts';

/** A value of a message's field; `null` is nil. */
type Value = number | boolean | string | Uint8Array | null;

/** What the other writer does otherwise; each is a number in [0, 1) from which choices are made. */
export interface Habits {
  readonly order: number;
  readonly width: number;
  readonly raw: number;
  /** Zeros as nil, or left out. */
  readonly zeros: 'written' | 'nil' | 'left out';
  readonly hasStrangers: boolean;
}

/** The bytes of a message as go-msgpack writes them. */
export function referenceBytes(message: Message): Uint8Array {
  if (message.type === MessageType.user) {
    return Uint8Array.from([message.type, ...message.payload]);
  }
  return Uint8Array.from([message.type, ...mapBytes(fieldsOf(message))]);
}

/** The bytes of a node in a push/pull as go-msgpack writes them. */
export function referenceNodeBytes(node: PushNodeState): Uint8Array {
  const { name, addr, port, meta, incarnation, state, vsn } = node;
  const fields = {
    ...{ Name: name, Addr: addressOf(addr), Port: port, Meta: meta ?? null },
    ...{ Incarnation: incarnation, State: state, Vsn: vsn ?? null },
  };
  return Uint8Array.from(mapBytes(fields));
}

/** The same message as somebody else might write it. */
export function foreignBytes(
  message: Exclude<Message, { readonly type: typeof MessageType.user }>,
  habits: Habits,
): Uint8Array {
  let fields = Object.entries(fieldsOf(message));
  if (habits.zeros === 'left out') fields = fields.filter(([, value]) => !isZero(value));
  if (habits.zeros === 'nil') {
    fields = fields.map(([key, value]) => [key, isZero(value) ? null : value]);
  }
  const written = fields.map(([key, value]) => [
    ...foreignText(key, habits),
    ...foreignValue(value, habits),
  ]);
  if (habits.hasStrangers) {
    // {"Zone": {"a": [1, -1, 0.5, nil]}} and an extension of two bytes
    const nested = [0x81, 0xa1, 0x61, 0x94, 1, 0xff, 0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, 0xc0];
    written.push([...foreignText('Zone', habits), ...nested]);
    written.push([...foreignText('Ext', habits), 0xd5, 1, 2, 3]);
  }
  const turn = Math.floor(habits.order * written.length);
  const turned = [...written.slice(turn), ...written.slice(0, turn)];
  if (habits.order > 0.5) turned.reverse();
  const header = habits.width > 0.5 ? [0xde, 0, turned.length] : [0x80 + turned.length];
  // what follows the map is ignored
  return Uint8Array.from([message.type, ...header, ...turned.flat(), 0xc1]);
}

function fieldsOf(message: Exclude<Message, { readonly type: typeof MessageType.user }>): {
  [key: string]: Value;
} {
  switch (message.type) {
    case MessageType.ping:
      return { SeqNo: message.seqNo, Node: message.node, ...sourceOf(message) };
    case MessageType.indirectPing: {
      const { seqNo, target, port, node, nack } = message;
      const fields = {
        SeqNo: seqNo,
        Target: addressOf(target),
        Port: port,
        Node: node,
        Nack: nack,
      };
      return { ...fields, ...sourceOf(message) };
    }
    case MessageType.ack:
      return { SeqNo: message.seqNo, Payload: message.payload ?? null };
    case MessageType.nack:
      return { SeqNo: message.seqNo };
    case MessageType.err:
      return { Error: message.error };
    case MessageType.suspect:
    case MessageType.dead:
      return { Incarnation: message.incarnation, Node: message.node, From: message.from };
    case MessageType.alive: {
      const { incarnation, node, addr, port, meta, vsn } = message;
      const place = { Incarnation: incarnation, Node: node, Addr: addressOf(addr), Port: port };
      return { ...place, Meta: meta ?? null, Vsn: vsn ?? null };
    }
  }
}

/** The three fields that are left out when they are zero. */
function sourceOf(
  message: Extract<PacketMessage, { readonly sourceNode: string }>,
): Record<string, Value> {
  const { sourceAddr, sourcePort, sourceNode } = message;
  const fields = {
    SourceAddr: addressOf(sourceAddr),
    SourcePort: sourcePort,
    SourceNode: sourceNode,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isZero(value)));
}

function addressOf(addr: WireAddress): Value {
  if (typeof addr !== 'number') return addr.length === 0 ? null : addr;
  return Uint8Array.of(addr >>> 24, addr >>> 16, addr >>> 8, addr);
}

function isZero(value: Value): boolean {
  return value === null || value === 0 || value === '' || value === false;
}

function mapBytes(fields: Readonly<Record<string, Value>>): number[] {
  const keys = Object.keys(fields).sort();
  const bytes = [0x80 + keys.length];
  for (const key of keys) bytes.push(...valueBytes(key), ...valueBytes(fields[key]!));
  return bytes;
}

function valueBytes(value: Value): number[] {
  if (value === null) return [0xc0];
  if (typeof value === 'boolean') return [value ? 0xc3 : 0xc2];
  if (typeof value === 'number') return integerBytes(value, 0);
  const raw = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  const size = raw.length;
  if (size < 32) return [0xa0 + size, ...raw];
  if (size < 65_536) return [0xda, size >> 8, size & 255, ...raw];
  return [0xdb, ...wordBytes(size, 4), ...raw];
}

/** An unsigned integer in the narrowest form of at least so many bytes. */
function integerBytes(value: number, bytesMin: number): number[] {
  if (value < 128 && bytesMin === 0) return [value];
  if (value < 256 && bytesMin <= 1) return [0xcc, value];
  if (value < 65_536 && bytesMin <= 2) return [0xcd, ...wordBytes(value, 2)];
  if (value < 2 ** 32 && bytesMin <= 4) return [0xce, ...wordBytes(value, 4)];
  return [0xcf, ...wordBytes(value, 8)];
}

function wordBytes(value: number, size: number): number[] {
  const digits = BigInt(value)
    .toString(16)
    .padStart(2 * size, '0');
  return [...Buffer.from(digits, 'hex')];
}

function foreignValue(value: Value, habits: Habits): number[] {
  if (typeof value === 'string') return foreignText(value, habits);
  if (typeof value === 'number') {
    return integerBytes(value, [0, 1, 2, 4, 8][Math.floor(habits.width * 5)]!);
  }
  if (!(value instanceof Uint8Array)) return valueBytes(value);
  const size = value.length;
  if (habits.raw < 0.4 || size > 255) return valueBytes(value);
  return [habits.raw < 0.7 ? 0xc4 : 0xd9, size, ...value]; // bin8, str8
}

function foreignText(text: string, habits: Habits): number[] {
  const raw = new TextEncoder().encode(text);
  return habits.raw < 0.4 || raw.length > 255 ? valueBytes(text) : [0xd9, raw.length, ...raw];
}
