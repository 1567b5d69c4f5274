/**
 * Resource records (RFC 1035, 2782, 3596, 6891) and their data.
 *
 * A record's `type` and the `kind` of its data are two things: moby's resolver answers SRV queries
 * with records whose header says PTR and whose data is an SRV's (`handleSRVQuery` in resolver.go),
 * and so must swarmlab. Data of a type not listed, and empty data, is kept as raw bytes.
 */
import type { Ipv4Address } from '../addresses.ts';
import { formatIpv6Address, parseIpv6Address } from '../ipv6/text.ts';
import type { DnsReader, DnsWriter } from './cursor.ts';
import { readName, writeName } from './name.ts';

/** Record types that swarmlab knows; the wire's numbers. */
export const DnsType = {
  a: 1,
  ns: 2,
  cname: 5,
  soa: 6,
  ptr: 12,
  mx: 15,
  txt: 16,
  aaaa: 28,
  srv: 33,
  opt: 41,
  any: 255,
} as const;
/** See {@link DnsType}. */
export type DnsType = (typeof DnsType)[keyof typeof DnsType];

/** The Internet class. */
export const DNS_CLASS_INTERNET = 1;

/** One EDNS option (RFC 6891), such as a cookie. */
export interface EdnsOption {
  readonly code: number;
  readonly bytes: Uint8Array;
}

/** The data of a record. Names are text with a final dot. */
export type DnsData =
  | { readonly kind: 'ipv4'; readonly address: Ipv4Address }
  /** `address` is canonical IPv6 text. */
  | { readonly kind: 'ipv6'; readonly address: string }
  /** NS, CNAME and PTR. */
  | { readonly kind: 'name'; readonly target: string }
  | { readonly kind: 'mx'; readonly preference: number; readonly exchange: string }
  /** Each string holds at most 255 characters, one byte each. */
  | { readonly kind: 'txt'; readonly texts: readonly string[] }
  | {
      readonly kind: 'srv';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | {
      readonly kind: 'soa';
      readonly primary: string;
      readonly mailbox: string;
      readonly serial: number;
      readonly refreshSeconds: number;
      readonly retrySeconds: number;
      readonly expireSeconds: number;
      readonly minimumTtlSeconds: number;
    }
  | { readonly kind: 'opt'; readonly options: readonly EdnsOption[] }
  | { readonly kind: 'raw'; readonly bytes: Uint8Array };

/** A resource record. In an OPT record `class` is the UDP payload size, `ttlSeconds` the flags. */
export interface DnsRecord {
  readonly name: string;
  /** Any 16-bit number; {@link DnsType} names some. */
  readonly type: number;
  readonly class: number;
  readonly ttlSeconds: number;
  readonly data: DnsData;
}

/** Reads a record; marks the reader as failed on a malformed one. */
export function readRecord(reader: DnsReader): DnsRecord {
  const name = readName(reader);
  const type = reader.readU16();
  const recordClass = reader.readU16();
  const ttlSeconds = reader.readU32();
  const lengthBytes = reader.readU16();
  const dataEnd = reader.at + lengthBytes;
  if (dataEnd > reader.end) reader.fail();
  const data = reader.failed
    ? ({ kind: 'raw', bytes: new Uint8Array(0) } as const)
    : readData(reader, type, lengthBytes);
  if (reader.at !== dataEnd) reader.fail();
  return { name, type, class: recordClass, ttlSeconds, data };
}

/** Appends a record. */
export function writeRecord(writer: DnsWriter, record: DnsRecord): void {
  writeName(writer, record.name, true);
  writer.writeU16(record.type);
  writer.writeU16(record.class);
  writer.writeU32(record.ttlSeconds);
  const lengthAt = writer.length;
  writer.writeU16(0);
  writeData(writer, record.data);
  writer.patchLength(lengthAt);
}

function readData(reader: DnsReader, type: number, lengthBytes: number): DnsData {
  if (lengthBytes === 0 && type !== DnsType.opt) {
    return { kind: 'raw', bytes: reader.readBytes(0) };
  }
  switch (type) {
    case DnsType.a:
      return { kind: 'ipv4', address: reader.readU32() };
    case DnsType.aaaa: {
      const bytes = reader.readBytes(16);
      return { kind: 'ipv6', address: reader.failed ? '::' : formatIpv6Address(bytes, 0) };
    }
    case DnsType.ns:
    case DnsType.cname:
    case DnsType.ptr:
      return { kind: 'name', target: readName(reader) };
    case DnsType.mx:
      return { kind: 'mx', preference: reader.readU16(), exchange: readName(reader) };
    case DnsType.txt:
      return { kind: 'txt', texts: readTexts(reader, reader.at + lengthBytes) };
    case DnsType.srv:
      return {
        kind: 'srv',
        priority: reader.readU16(),
        weight: reader.readU16(),
        port: reader.readU16(),
        target: readName(reader),
      };
    case DnsType.soa:
      return {
        kind: 'soa',
        primary: readName(reader),
        mailbox: readName(reader),
        serial: reader.readU32(),
        refreshSeconds: reader.readU32(),
        retrySeconds: reader.readU32(),
        expireSeconds: reader.readU32(),
        minimumTtlSeconds: reader.readU32(),
      };
    case DnsType.opt:
      return { kind: 'opt', options: readOptions(reader, reader.at + lengthBytes) };
    default:
      return { kind: 'raw', bytes: reader.readBytes(lengthBytes) };
  }
}

function readTexts(reader: DnsReader, end: number): string[] {
  const texts: string[] = [];
  while (reader.at < end && !reader.failed) {
    const bytes = reader.readBytes(reader.readU8());
    texts.push(String.fromCharCode(...bytes));
  }
  return texts;
}

function readOptions(reader: DnsReader, end: number): EdnsOption[] {
  const options: EdnsOption[] = [];
  while (reader.at < end && !reader.failed) {
    const code = reader.readU16();
    options.push({ code, bytes: reader.readBytes(reader.readU16()) });
  }
  return options;
}

function writeData(writer: DnsWriter, data: DnsData): void {
  switch (data.kind) {
    case 'ipv4':
      writer.writeU32(data.address);
      break;
    case 'ipv6':
      writer.writeBytes(parseIpv6Address(data.address) ?? new Uint8Array(16));
      break;
    case 'name':
      writeName(writer, data.target, true);
      break;
    case 'mx':
      writer.writeU16(data.preference);
      writeName(writer, data.exchange, true);
      break;
    case 'txt':
      for (const text of data.texts) writeText(writer, text);
      break;
    case 'srv':
      writer.writeU16(data.priority);
      writer.writeU16(data.weight);
      writer.writeU16(data.port);
      writeName(writer, data.target, false); // RFC 2782: never compressed
      break;
    case 'soa':
      writeName(writer, data.primary, true);
      writeName(writer, data.mailbox, true);
      writer.writeU32(data.serial);
      writer.writeU32(data.refreshSeconds);
      writer.writeU32(data.retrySeconds);
      writer.writeU32(data.expireSeconds);
      writer.writeU32(data.minimumTtlSeconds);
      break;
    case 'opt':
      for (const option of data.options) {
        writer.writeU16(option.code);
        writer.writeU16(option.bytes.length);
        writer.writeBytes(option.bytes);
      }
      break;
    case 'raw':
      writer.writeBytes(data.bytes);
  }
}

function writeText(writer: DnsWriter, text: string): void {
  const length = Math.min(text.length, 255);
  writer.writeU8(length);
  for (let i = 0; i < length; i++) writer.writeU8(text.charCodeAt(i));
}
