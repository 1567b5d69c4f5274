/**
 * DNS messages as BIND's tools print them: flags, sections, records in dig's columns.
 * Mirrors bin/dig/dig.c (`printmessage`) and lib/dns/message.c, masterdump.c of BIND 9.18.
 */
import { formatIpv4Address } from '../../../wire/addresses.ts';
import { type DnsRecord, DnsType } from '../../../wire/dns/record.ts';
import type { DnsMessage, DnsQuestion } from '../../../wire/dns.ts';

const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** `NXDOMAIN` and the like. */
export function rcodeText(rcode: number): string {
  return RCODES[rcode] ?? `RESERVED${rcode}`;
}

/** `A`, `PTR`; `TYPE999` for one without a name. */
export function dnsTypeText(type: number): string {
  for (const [name, number] of Object.entries(DnsType)) {
    if (number === type) return name.toUpperCase();
  }
  return `TYPE${type}`;
}

/** The type of such a word, in upper or lower case. */
export function parseDnsType(word: string): number | undefined {
  const name = word.toLowerCase();
  const known = Object.entries(DnsType).find(([key]) => key === name && key !== 'opt');
  return known?.[1];
}

/** `qr aa tc rd ra ad cd`, those that are set. */
export function dnsFlagsText(message: DnsMessage): string {
  const flags: [string, boolean][] = [
    ['qr', message.isResponse],
    ['aa', message.isAuthoritative],
    ['tc', message.isTruncated],
    ['rd', message.recursionDesired],
    ['ra', message.recursionAvailable],
    ['ad', message.authenticData],
    ['cd', message.checkingDisabled],
  ];
  return flags.flatMap(([name, isSet]) => (isSet ? [name] : [])).join(' ');
}

/** The data of a record as a zone file has it. */
export function recordDataText({ data }: DnsRecord): string {
  switch (data.kind) {
    case 'ipv4':
      return formatIpv4Address(data.address);
    case 'ipv6':
      return data.address;
    case 'name':
      return data.target;
    case 'mx':
      return `${data.preference} ${data.exchange}`;
    case 'srv':
      return `${data.priority} ${data.weight} ${data.port} ${data.target}`;
    case 'txt':
      return data.texts.map((text) => `"${text}"`).join(' ');
    case 'soa': {
      const { serial, refreshSeconds, retrySeconds, expireSeconds, minimumTtlSeconds } = data;
      const numbers = [serial, refreshSeconds, retrySeconds, expireSeconds, minimumTtlSeconds];
      return `${data.primary} ${data.mailbox} ${numbers.join(' ')}`;
    }
    default:
      return '';
  }
}

/** `;vote.				IN	A` */
export function questionText(question: DnsQuestion): string {
  return `${columned(`;${question.name}`, 32)}IN\t${dnsTypeText(question.type)}\n`;
}

/** `vote.			600	IN	A	10.0.1.2` */
export function recordText(record: DnsRecord): string {
  const head = columned(columned(record.name, 24) + record.ttlSeconds, 32);
  return `${head}IN\t${dnsTypeText(record.type)}\t${recordDataText(record)}\n`;
}

/** Fills up with tabs to a column, with at least one (`indent` of masterdump.c). */
function columned(text: string, column: number): string {
  let width = 0;
  for (const character of text) width = character === '\t' ? width + 8 - (width % 8) : width + 1;
  const tabCount = Math.max(1, Math.ceil((column - width) / 8));
  return text + '\t'.repeat(tabCount);
}
