/**
 * serf's messages, which travel in memberlist's user messages and in the user state of a push/pull
 * (serf `messages.go`, `internal_query.go`, `keymanager.go`): a type byte, then a map in
 * memberlist's dialect of MessagePack.
 *
 * A reader that has failed leaves `undefined`: what is malformed is dropped. Lamport times beyond
 * {@link LAMPORT_TIME_MAX} are malformed too, or one message could end all later ones.
 */
import type { MsgpackReader } from '../memberlist/msgpack-reader.ts';
import { MsgpackWriter } from '../memberlist/msgpack-writer.ts';
import { readFields, readStructure } from './structure.ts';

/** The byte that begins every message (`messageType`). */
export const SerfType = {
  leave: 0,
  join: 1,
  pushPull: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  conflictResponse: 6,
  keyRequest: 7,
  keyResponse: 8,
  relay: 9,
} as const;
/** See {@link SerfType}. */
export type SerfType = (typeof SerfType)[keyof typeof SerfType];

/** A serf member's status (`MemberStatus`). */
export const SerfStatus = { none: 0, alive: 1, leaving: 2, left: 3, failed: 4 } as const;
/** See {@link SerfStatus}. */
export type SerfStatus = (typeof SerfStatus)[keyof typeof SerfStatus];

/** The largest Lamport time that is believed; a clock that ticks each microsecond needs 8 years. */
export const LAMPORT_TIME_MAX = 2 ** 48;

/** `node` joins, or leaves, as of a Lamport time. */
export interface Intent {
  readonly type: typeof SerfType.join | typeof SerfType.leave;
  readonly lamportTime: number;
  readonly node: string;
}

/** An event that somebody made. */
export interface UserEvent {
  readonly lamportTime: number;
  readonly name: string;
  readonly payload: Uint8Array;
}

/** What serf agents exchange beside memberlist's push/pull. */
export interface SerfPushPull {
  readonly lamportTime: number;
  /** Of each member, the time of its last intent. */
  readonly statusTimes: ReadonlyMap<string, number>;
  readonly leftMembers: readonly string[];
  readonly eventLamportTime: number;
  /** Recent events. */
  readonly events: readonly UserEvent[];
  readonly queryLamportTime: number;
}

/** The answer to a query about keys (`nodeKeyResponse`). */
export interface KeyResponse {
  readonly result: boolean;
  readonly message: string;
  /** In base64, only in the answer to a request for a list; the primary one is apart. */
  readonly keys: readonly string[];
  readonly primaryKey: string;
}

/** An intent as a user message's payload. */
export function encodeIntent({ type, lamportTime, node }: Intent): Uint8Array {
  const isLeave = type === SerfType.leave;
  const writer = new MsgpackWriter().byte(type).map(isLeave ? 3 : 2);
  writer.text('LTime').uint(lamportTime).text('Node').text(node);
  if (isLeave) writer.text('Prune').bool(false);
  return writer.take();
}

/** A user event as a user message's payload. */
export function encodeUserEvent({ lamportTime, name, payload }: UserEvent): Uint8Array {
  const writer = new MsgpackWriter().byte(SerfType.userEvent).map(4).text('CC').bool(false);
  writer.text('LTime').uint(lamportTime).text('Name').text(name);
  return writer.text('Payload').slice(payload).take();
}

/** The events of an agent's buffer: those of one Lamport time in each slot, many without any. */
export type EventSlots = readonly (readonly UserEvent[] | undefined)[];

/** The user state of a push/pull. */
export function encodeSerfPushPull(
  state: Omit<SerfPushPull, 'events'> & { readonly eventSlots: EventSlots },
): Uint8Array {
  const { lamportTime, statusTimes, leftMembers, eventLamportTime, queryLamportTime } = state;
  const writer = new MsgpackWriter().byte(SerfType.pushPull).map(6);
  writer.text('EventLTime').uint(eventLamportTime).text('Events').array(state.eventSlots.length);
  for (const events of state.eventSlots) writeUserEvents(writer, events);
  writer.text('LTime').uint(lamportTime).text('LeftMembers').array(leftMembers.length);
  for (const name of leftMembers) writer.text(name);
  writer.text('QueryLTime').uint(queryLamportTime).text('StatusLTimes').map(statusTimes.size);
  for (const [name, time] of statusTimes) writer.text(name).uint(time);
  return writer.take();
}

/** The payload of a response about keys. */
export function encodeKeyResponse({ result, message, keys, primaryKey }: KeyResponse): Uint8Array {
  const writer = new MsgpackWriter().byte(SerfType.keyResponse).map(4);
  writer.text('Keys').array(keys.length);
  for (const key of keys) writer.text(key);
  writer.text('Message').text(message).text('PrimaryKey').text(primaryKey);
  return writer.text('Result').bool(result).take();
}

/** Reads an intent. */
export function decodeIntent(payload: Uint8Array): Intent | undefined {
  const type = payload[0] === SerfType.leave ? SerfType.leave : SerfType.join;
  let lamportTime = 0;
  let node = '';
  return readFields(payload, {
    LTime: (reader) => (lamportTime = reader.uint(LAMPORT_TIME_MAX)),
    Node: (reader) => (node = reader.text()),
  })
    ? { type, lamportTime, node }
    : undefined;
}

/** Reads a user event. */
export function decodeUserEvent(payload: Uint8Array): UserEvent | undefined {
  let lamportTime = 0;
  let name = '';
  let content: Uint8Array = new Uint8Array(0);
  return readFields(payload, {
    LTime: (reader) => (lamportTime = reader.uint(LAMPORT_TIME_MAX)),
    Name: (reader) => (name = reader.text()),
    Payload: (reader) => (content = reader.view()),
  })
    ? { lamportTime, name, payload: content }
    : undefined;
}

/** Reads the user state of a push/pull. */
export function decodeSerfPushPull(payload: Uint8Array): SerfPushPull | undefined {
  if (payload[0] !== SerfType.pushPull) return undefined;
  const times = { lamportTime: 0, eventLamportTime: 0, queryLamportTime: 0 };
  const statusTimes = new Map<string, number>();
  const leftMembers: string[] = [];
  const events: UserEvent[] = [];
  return readFields(payload, {
    LTime: (reader) => (times.lamportTime = reader.uint(LAMPORT_TIME_MAX)),
    StatusLTimes: (reader) => {
      for (let left = reader.mapKeyCount(); left > 0 && reader.failure === undefined; left--) {
        statusTimes.set(reader.text(), reader.uint(LAMPORT_TIME_MAX));
      }
    },
    LeftMembers: (reader) => {
      for (let left = reader.arrayCount(); left > 0 && reader.failure === undefined; left--) {
        leftMembers.push(reader.text());
      }
    },
    EventLTime: (reader) => (times.eventLamportTime = reader.uint(LAMPORT_TIME_MAX)),
    Events: (reader) => {
      for (let left = reader.arrayCount(); left > 0 && reader.failure === undefined; left--) {
        if (!reader.isNil()) readUserEvents(reader, events);
      }
    },
    QueryLTime: (reader) => (times.queryLamportTime = reader.uint(LAMPORT_TIME_MAX)),
  })
    ? { ...times, statusTimes, leftMembers, events }
    : undefined;
}

/** The key in the payload of a query about keys; empty when a list is asked for. */
export function decodeKeyRequest(payload: Uint8Array): Uint8Array | undefined {
  if (payload[0] !== SerfType.keyRequest) return undefined;
  let key: Uint8Array = new Uint8Array(0);
  return readFields(payload, { Key: (reader) => (key = reader.view()) }) ? key : undefined;
}

function writeUserEvents(writer: MsgpackWriter, events: readonly UserEvent[] = []): void {
  if (events.length === 0) {
    writer.slice(undefined);
    return;
  }
  writer.map(2).text('Events').array(events.length);
  for (const { name, payload } of events) {
    const content = payload.length === 0 ? undefined : payload; // nil to who has read it
    writer.map(2).text('Name').text(name).text('Payload').slice(content);
  }
  writer.text('LTime').uint(events[0]!.lamportTime);
}

/** The events of one Lamport time (`userEvents`), which may come before the time itself. */
function readUserEvents(reader: MsgpackReader, events: UserEvent[]): void {
  let lamportTime = 0;
  const found: { name: string; payload: Uint8Array }[] = [];
  readStructure(reader, {
    LTime: () => (lamportTime = reader.uint(LAMPORT_TIME_MAX)),
    Events: () => {
      for (let left = reader.arrayCount(); left > 0 && reader.failure === undefined; left--) {
        const event = { name: '', payload: new Uint8Array(0) as Uint8Array };
        readStructure(reader, {
          Name: () => (event.name = reader.text()),
          Payload: () => (event.payload = reader.view()),
        });
        found.push(event);
      }
    },
  });
  for (const event of found) events.push({ lamportTime, ...event });
}
