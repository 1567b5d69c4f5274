/**
 * `conntrack` 1.4.7: lists, counts, deletes and flushes connections. What it found is counted on
 * stderr. Mirrors conntrack-tools' src/conntrack.c.
 */
import type { Connection } from '../../../net/conntrack/connection.ts';
import {
  formatConnections,
  formatEvent,
  formatKernelConnections,
} from '../../../net/conntrack/list.ts';
import { TCP_STATE_NAMES } from '../../../net/conntrack/tcp-states.ts';
import type { ConnectionEvent } from '../../../net/conntrack/tracker.ts';
import { isInPrefix, isIpv6Address, parseIp, parseIpPrefix } from '../../../wire/ip-address.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import { NextHeader } from '../../../wire/ipv6/header.ts';
import { type Options, parseOptions } from '../options.ts';
import type { Process } from '../process.ts';

const VERSION = 'conntrack v1.4.7 (conntrack-tools)';
const TRY_HELP = `Try \`conntrack -h' or 'conntrack --help' for more information.\n`;

const COMMANDS = {
  list: 'flag',
  delete: 'flag',
  count: 'flag',
  flush: 'flag',
  stats: 'flag',
  event: 'flag',
  version: 'flag',
} as const;

const FILTERS = {
  src: 'value',
  'orig-src': 'value',
  dst: 'value',
  'orig-dst': 'value',
  'reply-src': 'value',
  'reply-dst': 'value',
  proto: 'value',
  protonum: 'value',
  sport: 'value',
  'orig-port-src': 'value',
  dport: 'value',
  'orig-port-dst': 'value',
  'reply-port-src': 'value',
  'reply-port-dst': 'value',
  mark: 'value',
  state: 'value',
  'src-nat': 'flag',
  'dst-nat': 'flag',
  'any-nat': 'flag',
  family: 'value',
  output: 'value',
  'event-mask': 'value',
} as const;

type Test = (connection: Connection) => boolean;

/** `conntrack -L|-D|-C|-F [filters]`. */
export function conntrack(process: Process, argv: readonly string[]): void {
  const letters = 'LDCFSEVs:d:r:q:p:m:nagjf:o:e:';
  const options = parseOptions('conntrack', argv, letters, { ...COMMANDS, ...FILTERS });
  if (typeof options === 'string') {
    process.fail(2, `${VERSION}: Bad parameter\n${TRY_HELP}`);
    return;
  }
  const filter = filterOf(options);
  if (typeof filter === 'string') {
    process.fail(2, `${VERSION}: ${filter}\n${TRY_HELP}`);
    return;
  }
  const tracker = process.place.namespace.connections;
  const { nowNs } = process.world;
  const shown = tracker.connections().filter(filter);
  const flows = (word: string) => `${VERSION}: ${shown.length} flow entries have been ${word}.\n`;
  if (options.has('V', 'version')) process.print(`${VERSION}\n`);
  else if (options.has('C', 'count')) process.print(`${tracker.connections().length}\n`);
  else if (options.has('S', 'stats')) process.print(statisticsText(process));
  else if (options.has('E', 'event')) {
    follow(process, options, filter);
    return;
  } else if (options.has('F', 'flush')) {
    tracker.deleteWhere(() => true);
    process.complain(`${VERSION}: connection tracking table has been emptied.\n`);
  } else if (options.has('L', 'list')) {
    const isExtended = (options.value('o', 'output') ?? '').split(',').includes('extended');
    process.print((isExtended ? extendedText : formatConnections)(shown, nowNs));
    process.complain(flows('shown'));
  } else if (options.has('D', 'delete')) {
    process.print(formatConnections(shown, nowNs));
    for (const connection of shown) tracker.delete(connection);
    process.complain(flows('deleted'));
    process.exit(shown.length === 0 ? 1 : 0);
    return;
  } else {
    process.fail(2, `${VERSION}: You need to supply an action\n${TRY_HELP}`);
    return;
  }
  process.exit(0);
}

/** `-o extended`: with the family in front. */
function extendedText(connections: readonly Connection[], nowNs: number): string {
  return formatKernelConnections(connections, nowNs).replaceAll(' zone=0 use=2', ' use=1');
}

/** `-S` of a kernel with one CPU. */
function statisticsText({ place }: Process): string {
  const { invalidCount, clashDropCount, fullDropCount } = place.namespace.connections;
  const dropped = clashDropCount + fullDropCount;
  return (
    `cpu=0   \tfound=0 invalid=${invalidCount} insert=0 insert_failed=${clashDropCount} ` +
    `drop=${dropped} early_drop=0 error=0 search_restart=0 clash_resolve=0 chaintoolong=0 \n`
  );
}

/** `-E [-e NEW,UPDATES,DESTROY]`: what happens, until it is interrupted. */
function follow(process: Process, options: Options, filter: Test): void {
  const mask = options.value('e', 'event-mask')?.toUpperCase().split(',');
  const isWanted = (kind: ConnectionEvent) =>
    mask === undefined ||
    mask.includes('ALL') ||
    mask.includes(kind === 'UPDATE' ? 'UPDATES' : kind);
  const { connections } = process.place.namespace;
  const before = connections.onEvent;
  let count = 0;
  connections.onEvent = (kind, connection) => {
    before?.(kind, connection);
    if (process.isOver || !isWanted(kind) || !filter(connection)) return;
    count++;
    process.print(formatEvent(kind, connection, process.world.nowNs));
  };
  process.whenOver(() => {
    connections.onEvent = before;
  });
  process.whenInterrupted(() => {
    process.complain(`${VERSION}: ${count} flow events have been shown.\n`);
    process.exit(0);
  });
}

/** All filters of a command line as one; an error text for a value that is none. */
function filterOf(options: Options): Test | string {
  const tests: Test[] = [];
  const isVersion6 = options.value('f', 'family') === 'ipv6' || namesIpv6(options);
  tests.push(({ original }) => isIpv6Address(original.source) === isVersion6);
  for (const { name, value } of options.given) {
    const test = testOf(name, value);
    if (typeof test === 'string') return test;
    if (test !== undefined) tests.push(test);
  }
  return (connection) => tests.every((test) => test(connection));
}

/** An IPv6 address among the filters says which family is meant. */
function namesIpv6({ given }: Options): boolean {
  return given.some(({ name, value }) => name !== 'output' && value.includes(':'));
}

function testOf(name: string, value: string): Test | string | undefined {
  switch (name) {
    case 's':
    case 'src':
    case 'orig-src':
      return addressTest(value, ({ original }) => original.source);
    case 'd':
    case 'dst':
    case 'orig-dst':
      return addressTest(value, ({ original }) => original.destination);
    case 'r':
    case 'reply-src':
      return addressTest(value, ({ reply }) => reply.source);
    case 'q':
    case 'reply-dst':
      return addressTest(value, ({ reply }) => reply.destination);
    case 'sport':
    case 'orig-port-src':
      return numberTest(value, ({ original }) => original.sourcePort);
    case 'dport':
    case 'orig-port-dst':
      return numberTest(value, ({ original }) => original.destinationPort);
    case 'reply-port-src':
      return numberTest(value, ({ reply }) => reply.sourcePort);
    case 'reply-port-dst':
      return numberTest(value, ({ reply }) => reply.destinationPort);
    case 'm':
    case 'mark':
      return numberTest(value, ({ mark }) => mark);
    case 'p':
    case 'proto':
    case 'protonum':
      return protocolTest(value);
    case 'state':
      return ({ tcp }) => tcp !== undefined && TCP_STATE_NAMES[tcp.state] === value.toUpperCase();
    case 'n':
    case 'src-nat':
      return ({ original, reply }) => reply.destination !== original.source;
    case 'g':
    case 'dst-nat':
      return ({ original, reply }) => reply.source !== original.destination;
    case 'j':
    case 'any-nat':
      return ({ original, reply }) =>
        reply.destination !== original.source || reply.source !== original.destination;
    default:
      return undefined;
  }
}

function addressTest(text: string, of: (connection: Connection) => number): Test | string {
  const address = parseIp(text);
  const lengthBits = address !== undefined && isIpv6Address(address) ? 128 : 32;
  const prefix = address === undefined ? parseIpPrefix(text) : { address, lengthBits };
  if (prefix === undefined) return `Invalid IP address \`${text}'`;
  return (connection) => isInPrefix(prefix, of(connection));
}

function numberTest(text: string, of: (connection: Connection) => number): Test | string {
  const number = Number(text);
  if (!Number.isInteger(number)) return `Invalid value \`${text}'`;
  return (connection) => of(connection) === number;
}

function protocolTest(text: string): Test | string {
  const named = Object.entries(IpProtocol).find(([name]) => name === text.toLowerCase());
  if (text.toLowerCase() === 'icmpv6') return ({ protocol }) => protocol === NextHeader.icmpv6;
  const number = named?.[1] ?? (/^\d+$/.test(text) ? Number(text) : undefined);
  if (number === undefined) return `\`${text}' unsupported protocol`;
  return ({ protocol }) => protocol === number;
}
