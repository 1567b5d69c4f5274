/**
 * DNS messages (RFC 1035, EDNS of RFC 6891): what containers ask 127.0.0.11 and what it answers.
 *
 * {@link replyTo} and {@link truncateDns} do what miekg/dns' `SetReply` and moby's `truncateResp`
 * (daemon/libnetwork/resolver.go) do. moby sends its own answers without name compression and
 * forwarded ones with it, so {@link encodeDns} takes that as an argument. Names keep their case;
 * records are in dns/record.ts, names in dns/name.ts.
 */
import { type Ipv4Address, parseIpv4Address } from './addresses.ts';
import { DnsReader, DnsWriter } from './dns/cursor.ts';
import { readName, writeName } from './dns/name.ts';
import {
  DNS_CLASS_INTERNET,
  type DnsRecord,
  DnsType,
  readRecord,
  writeRecord,
} from './dns/record.ts';

/** Length of the message header. */
const DNS_HEADER_BYTES = 12;

/** The largest UDP answer to a query without EDNS, in bytes. */
const DNS_UDP_BYTES_MAX = 512;

/** The port of DNS servers. */
export const DNS_PORT = 53;

/** Response codes; the wire's numbers. */
export const DnsRcode = {
  success: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
} as const;
/** See {@link DnsRcode}. */
export type DnsRcode = (typeof DnsRcode)[keyof typeof DnsRcode];

/** What is asked: a name (text with a final dot), a type and a class. */
export interface DnsQuestion {
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

/** A query or a response. */
export interface DnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  /** 0 is a standard query; 4 bits. */
  readonly opcode: number;
  readonly isAuthoritative: boolean;
  readonly isTruncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  readonly authenticData: boolean;
  readonly checkingDisabled: boolean;
  /** The low 4 bits; the rest of an extended code is in the OPT record's TTL. */
  readonly rcode: number;
  readonly questions: readonly DnsQuestion[];
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

/** A recursive query for one name in the Internet class. */
export function queryOf(id: number, name: string, type: number): DnsMessage {
  return {
    id,
    isResponse: false,
    opcode: 0,
    isAuthoritative: false,
    isTruncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
    rcode: DnsRcode.success,
    questions: [{ name, type, class: DNS_CLASS_INTERNET }],
    answers: [],
    authorities: [],
    additionals: [],
  };
}

/** An empty successful response to a query, with its first question (miekg/dns `SetReply`). */
export function replyTo(query: DnsMessage): DnsMessage {
  const isQuery = query.opcode === 0;
  return {
    id: query.id,
    isResponse: true,
    opcode: query.opcode,
    isAuthoritative: false,
    isTruncated: false,
    recursionDesired: isQuery && query.recursionDesired,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: isQuery && query.checkingDisabled,
    rcode: DnsRcode.success,
    questions: query.questions.slice(0, 1),
    answers: [],
    authorities: [],
    additionals: [],
  };
}

/** An OPT record that offers to take UDP answers of so many bytes. */
export function optRecordOf(udpPayloadBytes: number): DnsRecord {
  return {
    name: '.',
    type: DnsType.opt,
    class: udpPayloadBytes,
    ttlSeconds: 0,
    data: { kind: 'opt', options: [] },
  };
}

/** The largest UDP answer that the sender of this query takes: its EDNS size, at least 512. */
export function udpAnswerBytesMaxOf(query: DnsMessage): number {
  const opt = query.additionals.findLast((record) => record.type === DnsType.opt);
  return Math.max(DNS_UDP_BYTES_MAX, opt?.class ?? 0);
}

/** The name whose PTR record names the address: `2.0.0.10.in-addr.arpa.`. */
export function reverseNameOf(address: Ipv4Address): string {
  const octets = [address & 255, (address >>> 8) & 255, (address >>> 16) & 255, address >>> 24];
  return `${octets.join('.')}.in-addr.arpa.`;
}

/** The address of such a name; `undefined` for any other name. */
export function addressOfReverseName(name: string): Ipv4Address | undefined {
  const suffix = '.in-addr.arpa.';
  if (!name.toLowerCase().endsWith(suffix)) return undefined;
  return parseIpv4Address(name.slice(0, -suffix.length).split('.').reverse().join('.'));
}

/** The message in [start, end); `undefined` when malformed. What follows it is ignored. */
export function parseDns(bytes: Uint8Array, start: number, end: number): DnsMessage | undefined {
  if (end - start < DNS_HEADER_BYTES) return undefined;
  const reader = new DnsReader(bytes, start, end);
  const id = reader.readU16();
  const flags = reader.readU16();
  const questionCount = reader.readU16();
  const answerCount = reader.readU16();
  const authorityCount = reader.readU16();
  const additionalCount = reader.readU16();
  const message = {
    id,
    isResponse: (flags & 0x8000) !== 0,
    opcode: (flags >>> 11) & 15,
    isAuthoritative: (flags & 0x0400) !== 0,
    isTruncated: (flags & 0x0200) !== 0,
    recursionDesired: (flags & 0x0100) !== 0,
    recursionAvailable: (flags & 0x0080) !== 0,
    authenticData: (flags & 0x0020) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
    rcode: flags & 15,
    questions: readQuestions(reader, questionCount),
    answers: readRecords(reader, answerCount),
    authorities: readRecords(reader, authorityCount),
    additionals: readRecords(reader, additionalCount),
  };
  return reader.failed ? undefined : message;
}

/** The bytes of a message; every name must be one ({@link isDnsName} of dns/name.ts). */
export function encodeDns(message: DnsMessage, compresses = true): Uint8Array {
  const writer = new DnsWriter(compresses);
  writer.writeU16(message.id);
  writer.writeU16(flagsOf(message));
  writer.writeU16(message.questions.length);
  writer.writeU16(message.answers.length);
  writer.writeU16(message.authorities.length);
  writer.writeU16(message.additionals.length);
  for (const question of message.questions) {
    writeName(writer, question.name, true);
    writer.writeU16(question.type);
    writer.writeU16(question.class);
  }
  for (const record of message.answers) writeRecord(writer, record);
  for (const record of message.authorities) writeRecord(writer, record);
  for (const record of message.additionals) writeRecord(writer, record);
  return writer.finish();
}

/**
 * The message cut to `bytesMax`, as moby's `truncateResp` cuts it: answers go one by one from the
 * end, and with each of an SRV query's the last additional record; over UDP the TC flag is set.
 * A message that fits comes back as it is.
 */
export function truncateDns(
  message: DnsMessage,
  bytesMax: number,
  isTcp: boolean,
  compresses = true,
): DnsMessage {
  if (encodeDns(message, compresses).length <= bytesMax) return message;
  const isSrv = message.questions[0]?.type === DnsType.srv;
  let cut: DnsMessage = { ...message, isTruncated: message.isTruncated || !isTcp };
  while (cut.answers.length > 0 && encodeDns(cut, compresses).length > bytesMax) {
    const additionals = isSrv ? cut.additionals.slice(0, -1) : cut.additionals;
    cut = { ...cut, answers: cut.answers.slice(0, -1), additionals };
  }
  return cut;
}

function flagsOf(message: DnsMessage): number {
  return (
    (message.isResponse ? 0x8000 : 0) |
    ((message.opcode & 15) << 11) |
    (message.isAuthoritative ? 0x0400 : 0) |
    (message.isTruncated ? 0x0200 : 0) |
    (message.recursionDesired ? 0x0100 : 0) |
    (message.recursionAvailable ? 0x0080 : 0) |
    (message.authenticData ? 0x0020 : 0) |
    (message.checkingDisabled ? 0x0010 : 0) |
    (message.rcode & 15)
  );
}

function readQuestions(reader: DnsReader, count: number): DnsQuestion[] {
  const questions: DnsQuestion[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    questions.push({ name: readName(reader), type: reader.readU16(), class: reader.readU16() });
  }
  return questions;
}

function readRecords(reader: DnsReader, count: number): DnsRecord[] {
  const records: DnsRecord[] = [];
  for (let i = 0; i < count && !reader.failed; i++) records.push(readRecord(reader));
  return records;
}
