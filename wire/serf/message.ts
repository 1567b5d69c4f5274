/**
 * serf's messages, which travel in memberlist's user messages and in the user state of a push/pull
 * (serf `messages.go`, `internal_query.go`, `keymanager.go`): a type byte, then a map in
 * memberlist's dialect of MessagePack.
 *
 * A reader that has failed leaves `undefined`: what is malformed is dropped. Lamport times beyond
 * {@link LAMPORT_TIME_MAX} are malformed too, or one message could end all later ones.
 */
import { type HostAddress, hostAddressBytes, hostAddressOf } from '../host-address.ts';
import { MsgpackReader } from '../memberlist/msgpack-reader.ts';
import { MsgpackWriter } from '../memberlist/msgpack-writer.ts';

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

/** Flags of a query and of the responses to it. */
export const QueryFlag = { ack: 1, noBroadcast: 2 } as const;

/** The largest Lamport time that is believed; a clock that ticks each microsecond needs 8 years. */
export const LAMPORT_TIME_MAX = 2 ** 48;
const UINT32_MAX = 0xffff_ffff;

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

/** A question to all members, or to those that the filters let through. */
export interface Query {
  readonly lamportTime: number;
  readonly id: number;
  /** Where answers go; `undefined` for bytes that are no address. */
  readonly address: HostAddress | undefined;
  readonly port: number;
  readonly sourceNode: string;
  readonly filters: readonly Uint8Array[];
  readonly flags: number;
  readonly relayFactor: number;
  readonly name: string;
  readonly payload: Uint8Array;
}

/** An answer to a query, or the acknowledgement that it arrived. */
export interface QueryResponse {
  readonly lamportTime: number;
  readonly id: number;
  readonly from: string;
  readonly flags: number;
  readonly payload: Uint8Array | undefined;
}

/** What serf agents exchange beside memberlist's push/pull. */
export interface SerfPushPull {
  readonly lamportTime: number;
  /** Of each member, the time of its last intent. */
  readonly statusTimes: ReadonlyMap<string, number>;
  readonly leftMembers: readonly string[];
  readonly eventLamportTime: number;
  /** Recent events; what we send has none. */
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

/** What a member holds of another, in the answer to a query about a name conflict. */
export interface SerfMember {
  readonly name: string;
  readonly address: HostAddress;
  readonly port: number;
  readonly tags: ReadonlyMap<string, string>;
  readonly status: SerfStatus;
  /** Six bytes, as in memberlist's messages. */
  readonly vsn: Uint8Array;
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

/** A query's response as a user message's payload. */
export function encodeQueryResponse(response: QueryResponse): Uint8Array {
  const { lamportTime, id, from, flags, payload } = response;
  const writer = new MsgpackWriter().byte(SerfType.queryResponse).map(5);
  writer.text('Flags').uint(flags).text('From').text(from).text('ID').uint(id);
  return writer.text('LTime').uint(lamportTime).text('Payload').slice(payload).take();
}

/** A message wrapped for somebody to pass on to `address` (`encodeRelayMessage`). */
export function encodeRelay(
  address: HostAddress,
  port: number,
  node: string,
  payload: Uint8Array,
): Uint8Array {
  const writer = new MsgpackWriter().byte(SerfType.relay).map(2).text('DestAddr').map(3);
  writer.text('IP').slice(hostAddressBytes(address)).text('Port').uint(port).text('Zone').text('');
  const header = writer.text('DestName').text(node).take();
  const bytes = new Uint8Array(header.length + payload.length);
  bytes.set(header);
  bytes.set(payload, header.length);
  return bytes;
}

/** The user state of a push/pull; events are left out. */
export function encodeSerfPushPull(state: Omit<SerfPushPull, 'events'>): Uint8Array {
  const { lamportTime, statusTimes, leftMembers, eventLamportTime, queryLamportTime } = state;
  const writer = new MsgpackWriter().byte(SerfType.pushPull).map(6);
  writer.text('EventLTime').uint(eventLamportTime).text('Events').array(0);
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

/** The payload of a response about who has a name; `undefined` for nobody. */
export function encodeConflictResponse(member: SerfMember | undefined): Uint8Array {
  const writer = new MsgpackWriter().byte(SerfType.conflictResponse);
  if (member === undefined) return writer.slice(undefined).take();
  const { name, address, port, tags, status, vsn } = member;
  const version = (at: number): number => vsn[at] ?? 0;
  writer.map(11).text('Addr').slice(hostAddressBytes(address));
  writer.text('DelegateCur').uint(version(5)).text('DelegateMax').uint(version(4));
  writer.text('DelegateMin').uint(version(3)).text('Name').text(name).text('Port').uint(port);
  writer.text('ProtocolCur').uint(version(2)).text('ProtocolMax').uint(version(1));
  writer.text('ProtocolMin').uint(version(0)).text('Status').uint(status).text('Tags');
  writer.map(tags.size);
  for (const [tag, value] of tags) writer.text(tag).text(value);
  return writer.take();
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

/** Reads a query. */
export function decodeQuery(payload: Uint8Array): Query | undefined {
  const numbers = { lamportTime: 0, id: 0, port: 0, flags: 0, relayFactor: 0 };
  let address: HostAddress | undefined;
  let sourceNode = '';
  let name = '';
  let content: Uint8Array = new Uint8Array(0);
  const filters: Uint8Array[] = [];
  return readFields(payload, {
    LTime: (reader) => (numbers.lamportTime = reader.uint(LAMPORT_TIME_MAX)),
    ID: (reader) => (numbers.id = reader.uint(UINT32_MAX)),
    Addr: (reader) => (address = hostAddressOf(reader.view())),
    Port: (reader) => (numbers.port = reader.uint(0xffff)),
    SourceNode: (reader) => (sourceNode = reader.text()),
    Filters: (reader) => {
      for (let left = reader.arrayCount(); left > 0 && reader.failure === undefined; left--) {
        filters.push(reader.view());
      }
    },
    Flags: (reader) => (numbers.flags = reader.uint(UINT32_MAX)),
    RelayFactor: (reader) => (numbers.relayFactor = reader.uint(255)),
    Timeout: (reader) => reader.skip(),
    Name: (reader) => (name = reader.text()),
    Payload: (reader) => (content = reader.view()),
  })
    ? { ...numbers, address, sourceNode, filters, name, payload: content }
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

/** Where a relayed message goes, and the message. */
export function decodeRelay(
  payload: Uint8Array,
): { address: HostAddress; port: number; payload: Uint8Array } | undefined {
  let address: HostAddress | undefined;
  let port = 0;
  const readers: Fields = {
    DestAddr: (reader) =>
      readStructure(reader, {
        IP: () => (address = hostAddressOf(reader.view())),
        Port: () => (port = reader.uint(0xffff)),
      }),
  };
  const reader = new MsgpackReader(payload, 1, payload.length);
  readStructure(reader, readers);
  if (reader.failure !== undefined || address === undefined) return undefined;
  return { address, port, payload: payload.subarray(reader.at) };
}

/** A filter of a query: names of which the member's must be one, or a tag and its pattern. */
export type QueryFilter =
  | { readonly names: readonly string[] }
  | { readonly tag: string; readonly expression: string };

/** Reads a filter; its first byte is 0 for names and 1 for a tag. */
export function decodeFilter(filter: Uint8Array): QueryFilter | undefined {
  if (filter[0] === 0) {
    const reader = new MsgpackReader(filter, 1, filter.length);
    const names: string[] = [];
    for (let left = reader.arrayCount(); left > 0 && reader.failure === undefined; left--) {
      names.push(reader.text());
    }
    return reader.failure === undefined ? { names } : undefined;
  }
  if (filter[0] !== 1) return undefined;
  let tag = '';
  let expression = '';
  return readFields(filter, {
    Tag: (reader) => (tag = reader.text()),
    Expr: (reader) => (expression = reader.text()),
  })
    ? { tag, expression }
    : undefined;
}

/** How each field of a structure is read, in Go's order. */
type Fields = Readonly<Record<string, (reader: MsgpackReader) => unknown>>;

/** Reads the structure after the type byte; false if that failed. */
function readFields(payload: Uint8Array, fields: Fields): boolean {
  const reader = new MsgpackReader(payload, 1, payload.length);
  readStructure(reader, fields);
  return reader.failure === undefined;
}

function readStructure(reader: MsgpackReader, fields: Fields): void {
  const count = reader.fieldCount(Object.keys(fields));
  for (let left = count; left > 0 && reader.failure === undefined; left--) {
    const key = reader.field();
    if (Object.hasOwn(fields, key)) fields[key]!(reader);
    else reader.skip();
  }
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
