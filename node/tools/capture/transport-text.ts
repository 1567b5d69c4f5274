/**
 * TCP segments and UDP datagrams as tcpdump 4.99 prints them: flags, relative sequence numbers,
 * options, the first line of HTTP, DNS questions and answers, VXLAN with the frame inside.
 * Mirrors print-tcp.c, print-udp.c, print-domain.c and print-vxlan.c.
 */
import { readU16, readU32 } from '../../../wire/bytes.ts';
import { DNS_PORT, type DnsMessage, parseDns } from '../../../wire/dns.ts';
import { destinationOf, sourceOf } from '../../../wire/ip.ts';
import {
  acknowledgementOf,
  dataOffsetBytesOf,
  destinationPortOf,
  flagsOf,
  isTcpChecksumRight,
  isWholeTcpHeader,
  sequenceOf,
  sourcePortOf,
  TCP_HEADER_BYTES,
  TcpFlag,
  checksumOf as tcpChecksumOf,
  windowOf,
} from '../../../wire/tcp.ts';
import {
  isUdpChecksumRight,
  UDP_HEADER_BYTES,
  checksumOf as udpChecksumOf,
} from '../../../wire/udp.ts';
import { parseVxlan, VXLAN_HEADER_BYTES, VXLAN_PORT } from '../../../wire/vxlan.ts';
import { dnsTypeText, rcodeText, recordDataText } from '../traffic/dns-text.ts';

/** First sequence numbers by conversation: of the end that is named first, and of the other. */
export type TcpSequences = Map<string, { readonly own: number; readonly other: number }>;

/** A transport packet in [at, end) of an IPv4 packet at `ip`. */
interface TransportPacket {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
  readonly ip: number;
}

interface Format {
  readonly isVerbose: boolean;
  readonly sequences: TcpSequences | undefined;
}

/** Flags in the order in which tcpdump prints their letters. */
const FLAG_LETTERS: readonly (readonly [number, string])[] = [
  [TcpFlag.fin, 'F'],
  [TcpFlag.syn, 'S'],
  [TcpFlag.rst, 'R'],
  [TcpFlag.psh, 'P'],
  [TcpFlag.ack, '.'],
  [TcpFlag.urg, 'U'],
  [TcpFlag.ece, 'E'],
  [TcpFlag.cwr, 'W'],
];

const HTTP_PORTS: ReadonlySet<number> = new Set([80, 8080, 3128]);
const HTTP_LINE = /^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|TRACE|CONNECT|PATCH|HTTP\/\S+) [^\r\n]*/;

const decoder = new TextDecoder('latin1');

/** `10.0.1.5.40000 > 10.0.1.6.80: Flags [P.], seq 1:74, ack 1, win 502, length 73: HTTP: GET / HTTP/1.1` */
export function tcpText(
  { bytes, at, end, ip }: TransportPacket,
  source: string,
  destination: string,
  format: Format,
): string {
  if (!isWholeTcpHeader(bytes, at, end)) return `${source} > ${destination}: [|tcp]`;
  const from = `${source}.${sourcePortOf(bytes, at)}`;
  const to = `${destination}.${destinationPortOf(bytes, at)}`;
  const flags = flagsOf(bytes, at);
  const letters = FLAG_LETTERS.filter(([flag]) => (flags & flag) !== 0).map(([, letter]) => letter);
  const headerBytes = dataOffsetBytesOf(bytes, at);
  const length = end - at - headerBytes;
  const [sequence, acknowledgement] = relative(bytes, at, from, to, format.sequences);
  let text = `${from} > ${to}: Flags [${letters.length === 0 ? 'none' : letters.join('')}]`;
  if (format.isVerbose) {
    const isRight = isTcpChecksumRight(
      bytes,
      at,
      end - at,
      sourceOf(bytes, ip),
      destinationOf(bytes, ip),
    );
    text += `, cksum ${hex16(tcpChecksumOf(bytes, at))} (${isRight ? 'correct' : 'incorrect'})`;
  }
  if (length > 0 || (flags & (TcpFlag.syn | TcpFlag.fin | TcpFlag.rst)) !== 0) {
    text += `, seq ${sequence}`;
    if (length > 0) text += `:${(sequence + length) >>> 0}`;
  }
  if ((flags & TcpFlag.ack) !== 0) text += `, ack ${acknowledgement}`;
  text += `, win ${windowOf(bytes, at)}`;
  if (headerBytes > TCP_HEADER_BYTES) {
    text += `, options [${optionsText(bytes, at + TCP_HEADER_BYTES, at + headerBytes)}]`;
  }
  text += `, length ${length}`;
  return length > 0 ? text + payloadText(bytes, at, at + headerBytes, end) : text;
}

/** Sequence and acknowledgement numbers, counted from the conversation's first ones. */
function relative(
  bytes: Uint8Array,
  at: number,
  from: string,
  to: string,
  sequences: TcpSequences | undefined,
): [number, number] {
  const sequence = sequenceOf(bytes, at) >>> 0;
  const acknowledgement = acknowledgementOf(bytes, at) >>> 0;
  const flags = flagsOf(bytes, at);
  if (sequences === undefined || (flags & TcpFlag.ack) === 0) return [sequence, acknowledgement];
  const isReversed = from > to;
  const key = isReversed ? `${to} ${from}` : `${from} ${to}`;
  const known = sequences.get(key);
  if (known === undefined || (flags & TcpFlag.syn) !== 0) {
    const other = (acknowledgement - 1) >>> 0;
    const first = isReversed ? { own: other, other: sequence } : { own: sequence, other };
    sequences.set(key, first);
    return [sequence, acknowledgement];
  }
  const [own, other] = isReversed ? [known.other, known.own] : [known.own, known.other];
  return [(sequence - own) >>> 0, (acknowledgement - other) >>> 0];
}

function optionsText(bytes: Uint8Array, start: number, end: number): string {
  const words: string[] = [];
  for (let at = start; at < end; ) {
    const kind = bytes[at]!;
    if (kind === 0) {
      words.push('eol');
      break;
    }
    if (kind === 1) {
      words.push('nop');
      at++;
      continue;
    }
    const lengthBytes = Math.max(2, bytes[at + 1]!);
    words.push(optionText(bytes, at, kind, lengthBytes));
    at += lengthBytes;
  }
  return words.join(',');
}

function optionText(bytes: Uint8Array, at: number, kind: number, lengthBytes: number): string {
  switch (kind) {
    case 2:
      return `mss ${readU16(bytes, at + 2)}`;
    case 3:
      return `wscale ${bytes[at + 2]}`;
    case 4:
      return 'sackOK';
    case 5: {
      const blocks: string[] = [];
      for (let edge = at + 2; edge < at + lengthBytes; edge += 8) {
        blocks.push(`{${readU32(bytes, edge)}:${readU32(bytes, edge + 4)}}`);
      }
      return `sack ${blocks.length} ${blocks.join('')}`;
    }
    case 8:
      return `TS val ${readU32(bytes, at + 2)} ecr ${readU32(bytes, at + 6)}`;
    default:
      return `unknown-${kind}`;
  }
}

/** What stands behind the length: the first line of HTTP, on its usual ports. */
function payloadText(bytes: Uint8Array, at: number, start: number, end: number): string {
  const ports = [sourcePortOf(bytes, at), destinationPortOf(bytes, at)];
  if (!ports.some((port) => HTTP_PORTS.has(port))) return '';
  const line = HTTP_LINE.exec(decoder.decode(bytes.subarray(start, Math.min(end, start + 200))));
  return line === null ? ': HTTP' : `: HTTP: ${line[0]}`;
}

/** `10.0.1.5.41000 > 127.0.0.11.53: 4660+ A? redis. (23)`; a VXLAN's frame on a line of its own. */
export function udpText(
  { bytes, at, end, ip }: TransportPacket,
  source: string,
  destination: string,
  format: Format,
  innerText: (start: number, end: number) => string,
): string {
  if (end - at < UDP_HEADER_BYTES) return `${source} > ${destination}: [|udp]`;
  const ports = [readU16(bytes, at), readU16(bytes, at + 2)] as const;
  const payload = at + UDP_HEADER_BYTES;
  let text = `${source}.${ports[0]} > ${destination}.${ports[1]}: `;
  if (format.isVerbose) {
    const ends = [sourceOf(bytes, ip), destinationOf(bytes, ip)] as const;
    if (udpChecksumOf(bytes, at) === 0) text += '[no cksum] ';
    else if (isUdpChecksumRight(bytes, at, end - at, ...ends)) text += '[udp sum ok] ';
    else text += `[bad udp cksum ${hex16(udpChecksumOf(bytes, at))}!] `;
  }
  if (ports.includes(DNS_PORT)) {
    const message = parseDns(bytes, payload, end);
    if (message !== undefined) return `${text}${dnsText(message)} (${end - payload})`;
  }
  if (ports[1] === VXLAN_PORT || ports[0] === VXLAN_PORT) {
    const vni = parseVxlan(bytes, payload, end);
    if (vni !== undefined) {
      const inner = innerText(payload + VXLAN_HEADER_BYTES, end);
      return `${text}VXLAN, flags [I] (0x08), vni ${vni}\n${inner}`;
    }
  }
  return `${text}UDP, length ${end - payload}`;
}

function dnsText(message: DnsMessage): string {
  const { id, questions, answers, authorities, additionals } = message;
  if (!message.isResponse) {
    const flags = `${message.recursionDesired ? '+' : ''}${message.checkingDisabled ? '%' : ''}`;
    const extra = additionals.length === 0 ? '' : ` [${additionals.length}au]`;
    const asked = questions.map(({ type, name }) => ` ${dnsTypeText(type)}? ${name}`).join('');
    return `${id}${flags}${extra}${asked}`;
  }
  let flags = message.isAuthoritative ? '*' : '';
  if (!message.recursionAvailable) flags += '-';
  if (message.isTruncated) flags += '|';
  if (message.authenticData) flags += '$';
  const code = message.rcode === 0 ? '' : ` ${RCODES[rcodeText(message.rcode)] ?? message.rcode}`;
  const counts = `${answers.length}/${authorities.length}/${additionals.length}`;
  const data = answers.map((record) => ` ${dnsTypeText(record.type)} ${recordDataText(record)}`);
  return `${id}${code}${flags} ${counts}${data.join(',')}`;
}

/** tcpdump's own words for what dig spells in capitals. */
const RCODES: Readonly<Record<string, string>> = {
  FORMERR: 'FormErr',
  SERVFAIL: 'ServFail',
  NXDOMAIN: 'NXDomain',
  NOTIMP: 'NotImp',
  REFUSED: 'Refused',
};

function hex16(number: number): string {
  return `0x${number.toString(16).padStart(4, '0')}`;
}
