/**
 * `dig` of BIND 9.18: one question to one server after the other, and the whole answer.
 * Like it, it neither searches domains nor reads `/etc/hosts`. Mirrors bin/dig/dig.c, dighost.c.
 */
import { Errno } from '../../../net/socket/errno.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../../sim/time.ts';
import { formatIpv4Address, type Ipv4Address, parseIpv4Address } from '../../../wire/addresses.ts';
import { isDnsName } from '../../../wire/dns/name.ts';
import { type DnsRecord, DnsType } from '../../../wire/dns/record.ts';
import { DNS_PORT, type DnsMessage, queryOf, reverseNameOf } from '../../../wire/dns.ts';
import { type DnsReply, exchangeDns } from '../../dns/exchange.ts';
import { addressOfName, nameServersOf } from '../names.ts';
import type { Process } from '../process.ts';
import { wallClockText } from '../wall-clock.ts';
import {
  dnsFlagsText,
  parseDnsType,
  questionText,
  rcodeText,
  recordDataText,
  recordText,
} from './dns-text.ts';

const VERSION = '9.18.28-1~deb12u2-Debian';

/** Exit status when no server answered. */
const NO_ANSWER = 9;

/** The switches `+[no]name`, and whether they are on by default. */
const SWITCHES: Readonly<Record<string, boolean>> = {
  cmd: true,
  comments: true,
  stats: true,
  question: true,
  answer: true,
  authority: true,
  additional: true,
  short: false,
  tcp: false,
  ignore: false,
  recurse: true,
  edns: true,
  cookie: true,
};

interface Request {
  name: string;
  type: number;
  server: string | undefined;
  port: number;
  timeoutNs: number;
  tries: number;
  /** What the answer is headed with; errors of single attempts come before it. */
  readonly greeting: string;
  readonly switches: Map<string, boolean>;
}

/** `dig [@server] [-t type] [-x address] [-p port] [name] [type] [+[no]option]`. */
export function dig(process: Process, argv: readonly string[]): void {
  const request = parse(argv);
  if (typeof request === 'string') {
    process.fail(request.startsWith('dig: ') ? 10 : 1, request);
    return;
  }
  if (request.server === undefined) {
    ask(process, request, nameServersOf(process), 0);
    return;
  }
  const { server } = request;
  addressOfName(process, server, (address) => {
    if (address !== undefined) ask(process, request, [address], 0);
    else process.fail(10, `dig: couldn't get address for '${server}': not found\n`);
  });
}

function parse(argv: readonly string[]): Request | string {
  const request: Request = {
    name: '.',
    type: DnsType.a,
    server: undefined,
    port: DNS_PORT,
    timeoutNs: 5 * SECOND_NS,
    tries: 3,
    greeting: `\n; <<>> DiG ${VERSION} <<>> ${argv.join(' ')}\n`,
    switches: new Map(Object.entries(SWITCHES)),
  };
  let hasName = false;
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (word.startsWith('@')) request.server = word.slice(1);
    else if (word.startsWith('+')) {
      const error = takeSwitch(request, word.slice(1));
      if (error !== undefined) return error;
    } else if (word === '-4') continue;
    else if (/^-[xtpq]/.test(word)) {
      const value = word.length > 2 ? word.slice(2) : argv[++at];
      if (value === undefined) return invalidOption(word);
      const error = takeOption(request, word[1]!, value);
      if (error !== undefined) return error;
      if (word[1] !== 't' && word[1] !== 'p') hasName = true;
    } else if (word.startsWith('-')) return invalidOption(word);
    else {
      const type = parseDnsType(word);
      if (type !== undefined && (hasName || word === word.toUpperCase())) request.type = type;
      else {
        request.name = absolute(word);
        hasName = true;
      }
    }
  }
  if (!hasName) request.type = DnsType.ns;
  if (!isDnsName(request.name)) {
    const name = request.name.replace(/\.$/, '');
    return `dig: '${name}' is not a legal name (${name.includes('..') ? 'empty label' : 'label too long'})\n`;
  }
  const numbers = [request.timeoutNs, request.tries, request.port];
  return numbers.some((number) => !(number > 0)) ? "Couldn't parse a number\n" : request;
}

function invalidOption(word: string): string {
  return (
    `Invalid option: ${word}\n` +
    'Usage:  dig [@global-server] [domain] [q-type] [q-class] {q-opt}\n' +
    '            {global-d-opt} host [@local-server] {local-d-opt}\n' +
    '            [ host [@local-server] {local-d-opt} [...]]\n\n' +
    'Use "dig -h" (or "dig -h | more") for complete list of options\n'
  );
}

function takeOption(request: Request, letter: string, value: string): string | undefined {
  switch (letter) {
    case 'x': {
      const address = parseIpv4Address(value);
      if (address === undefined) return `Invalid IP address ${value}\n`;
      request.name = reverseNameOf(address);
      request.type = DnsType.ptr;
      return undefined;
    }
    case 't': {
      const type = parseDnsType(value);
      if (type === undefined) return `;; Warning, ignoring invalid type ${value}\n`;
      request.type = type;
      return undefined;
    }
    case 'p':
      request.port = Number(value);
      return undefined;
    default:
      request.name = absolute(value);
      return undefined;
  }
}

function takeSwitch(request: Request, text: string): string | undefined {
  const [name, value] = text.split('=') as [string, string | undefined];
  const { switches } = request;
  if (name === 'time' || name === 'timeout') request.timeoutNs = Number(value) * SECOND_NS;
  else if (name === 'tries') request.tries = Math.max(1, Number(value));
  else if (name === 'retry') request.tries = Number(value) + 1;
  else if (name === 'all' || name === 'noall') {
    const shown = ['comments', 'stats', 'question', 'answer', 'authority', 'additional', 'cmd'];
    for (const each of shown) switches.set(each, name === 'all');
  } else if (switches.has(name)) switches.set(name, true);
  else if (name.startsWith('no') && switches.has(name.slice(2))) {
    switches.set(name.slice(2), false);
  } else return invalidOption(`+${text}`);
  return undefined;
}

function isOn(request: Request, name: string): boolean {
  return request.switches.get(name) === true;
}

function absolute(name: string): string {
  return name.endsWith('.') ? name : `${name}.`;
}

function greetingText(request: Request): string {
  if (!isOn(request, 'cmd') || isOn(request, 'short')) return '';
  const found = request.server === undefined ? '' : '; (1 server found)\n';
  return `${request.greeting}${found};; global options: +cmd\n`;
}

/** One attempt after the other, the servers in turn. */
function ask(
  process: Process,
  request: Request,
  servers: readonly Ipv4Address[],
  attempt: number,
): void {
  const server = servers[attempt % servers.length]!;
  if (attempt === request.tries * servers.length) {
    process.print(`${greetingText(request)};; no servers could be reached\n\n`);
    process.exit(NO_ANSWER);
    return;
  }
  const { port, timeoutNs } = request;
  const protocol = isOn(request, 'tcp') ? 'tcp' : 'udp';
  const sentAtNs = process.world.nowNs;
  const base = queryOf(process.draw() & 0xffff, request.name, request.type);
  const query = { ...base, recursionDesired: isOn(request, 'recurse'), authenticData: true };
  const cancel = exchangeDns(
    process.place.namespace,
    { server, port, query, timeoutNs, protocol },
    (reply, errno) => {
      if (process.isOver) return;
      if (reply?.message.isTruncated === true && protocol === 'udp' && !isOn(request, 'ignore')) {
        process.print(';; Truncated, retrying in TCP mode.\n');
        request.switches.set('tcp', true);
        ask(process, request, servers, attempt);
        return;
      }
      if (reply !== undefined) {
        const spanMs = Math.floor((process.world.nowNs - sentAtNs) / MILLISECOND_NS);
        process.print(answerText(process, request, reply, server, spanMs));
        process.exit(0);
        return;
      }
      const where = `${formatIpv4Address(server)}#${port}`;
      process.print(`;; communications error to ${where}: ${whyText(errno)}\n`);
      ask(process, request, servers, attempt + 1);
    },
  );
  process.whenOver(cancel);
}

function whyText(errno: Errno): string {
  switch (errno) {
    case Errno.ECONNREFUSED:
      return 'connection refused';
    case Errno.EHOSTUNREACH:
      return 'host unreachable';
    case Errno.ENETUNREACH:
      return 'network unreachable';
    default:
      return 'timed out';
  }
}

function answerText(
  process: Process,
  request: Request,
  { message, sizeBytes }: DnsReply,
  server: Ipv4Address,
  spanMs: number,
): string {
  if (isOn(request, 'short')) {
    return message.answers.map((record) => `${recordDataText(record)}\n`).join('');
  }
  const where = formatIpv4Address(server);
  let text = greetingText(request);
  if (isOn(request, 'comments')) text += headerText(message);
  if (isOn(request, 'question')) {
    const questions = message.questions.map(questionText).join('');
    text += section(request, 'QUESTION', questions);
  }
  const sections: [string, string, readonly DnsRecord[]][] = [
    ['answer', 'ANSWER', message.answers],
    ['authority', 'AUTHORITY', message.authorities],
    ['additional', 'ADDITIONAL', message.additionals.filter(({ type }) => type !== DnsType.opt)],
  ];
  for (const [name, title, records] of sections) {
    if (isOn(request, name)) text += section(request, title, records.map(recordText).join(''));
  }
  if (!isOn(request, 'stats')) return text;
  return (
    `${text};; Query time: ${spanMs} msec\n` +
    `;; SERVER: ${where}#${request.port}(${where}) (${isOn(request, 'tcp') ? 'TCP' : 'UDP'})\n` +
    `;; WHEN: ${wallClockText(process.world.nowNs)}\n` +
    `;; MSG SIZE  rcvd: ${sizeBytes}\n\n`
  );
}

function headerText(message: DnsMessage): string {
  const { questions, answers, authorities, additionals } = message;
  return (
    ';; Got answer:\n' +
    `;; ->>HEADER<<- opcode: QUERY, status: ${rcodeText(message.rcode)}, id: ${message.id}\n` +
    `;; flags: ${dnsFlagsText(message)}; QUERY: ${questions.length}, ANSWER: ${answers.length}, ` +
    `AUTHORITY: ${authorities.length}, ADDITIONAL: ${additionals.length}\n\n`
  );
}

function section(request: Request, title: string, records: string): string {
  if (records === '') return '';
  return isOn(request, 'comments') ? `;; ${title} SECTION:\n${records}\n` : records;
}
