/**
 * serf's queries: the question, its filters, the answers, also wrapped for others to pass on, and what
 * is answered about a name that two nodes have (serf `messages.go`, `query.go`).
 */
import { type HostAddress, hostAddressBytes, hostAddressOf } from '../host-address.ts';
import { MsgpackReader } from '../memberlist/msgpack-reader.ts';
import { MsgpackWriter } from '../memberlist/msgpack-writer.ts';
import { LAMPORT_TIME_MAX, type SerfStatus, SerfType } from './message.ts';
import { type Fields, readFields, readStructure } from './structure.ts';

const UINT32_MAX = 0xffff_ffff;

/** Flags of a query and of the responses to it. */
export const QueryFlag = { ack: 1, noBroadcast: 2 } as const;

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
  /** How long whoever asks waits for answers. */
  readonly timeoutNs: number;
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

/** A query as a user message's payload; `address` is there. */
export function encodeQuery(query: Query): Uint8Array {
  const { lamportTime, id, address, port, sourceNode, filters, flags } = query;
  const writer = new MsgpackWriter().byte(SerfType.query).map(11).text('Addr');
  writer.slice(address === undefined ? undefined : hostAddressBytes(address)).text('Filters');
  if (filters.length === 0) writer.slice(undefined);
  else writer.array(filters.length);
  for (const filter of filters) writer.slice(filter);
  writer.text('Flags').uint(flags).text('ID').uint(id).text('LTime').uint(lamportTime);
  writer.text('Name').text(query.name).text('Payload').slice(query.payload).text('Port').uint(port);
  writer.text('RelayFactor').uint(query.relayFactor).text('SourceNode').text(sourceNode);
  return writer.text('Timeout').uint(query.timeoutNs).take();
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

/** Reads a query. */
export function decodeQuery(payload: Uint8Array): Query | undefined {
  const numbers = { lamportTime: 0, id: 0, port: 0, flags: 0, relayFactor: 0, timeoutNs: 0 };
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
    Timeout: (reader) => (numbers.timeoutNs = reader.int()),
    Name: (reader) => (name = reader.text()),
    Payload: (reader) => (content = reader.view()),
  })
    ? { ...numbers, address, sourceNode, filters, name, payload: content }
    : undefined;
}

/** Reads a query's response. */
export function decodeQueryResponse(payload: Uint8Array): QueryResponse | undefined {
  const numbers = { lamportTime: 0, id: 0, flags: 0 };
  let from = '';
  let content: Uint8Array | undefined;
  return readFields(payload, {
    LTime: (reader) => (numbers.lamportTime = reader.uint(LAMPORT_TIME_MAX)),
    ID: (reader) => (numbers.id = reader.uint(UINT32_MAX)),
    From: (reader) => (from = reader.text()),
    Flags: (reader) => (numbers.flags = reader.uint(UINT32_MAX)),
    Payload: (reader) => (content = reader.slice(undefined)),
  })
    ? { ...numbers, from, payload: content }
    : undefined;
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

/** Where whoever has a name is, in the payload of such a response; a nil one is nowhere. */
export function decodeConflictResponse(
  payload: Uint8Array,
): { address: HostAddress | undefined; port: number } | undefined {
  if (payload[0] !== SerfType.conflictResponse) return undefined;
  let address: HostAddress | undefined;
  let port = 0;
  const skip = (reader: MsgpackReader): void => reader.skip();
  return readFields(payload, {
    Name: skip,
    Addr: (reader) => (address = hostAddressOf(reader.view())),
    Port: (reader) => (port = reader.uint(0xffff)),
    Tags: skip,
    Status: skip,
    ProtocolMin: skip,
  })
    ? { address, port }
    : undefined;
}
