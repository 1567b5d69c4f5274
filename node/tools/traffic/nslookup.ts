/**
 * `nslookup` of BIND 9.18, not interactive: the addresses of a name (A, then AAAA), each of the
 * search domains in turn, or the name of an address. Mirrors bin/dig/nslookup.c.
 */
import { SECOND_NS } from '../../../sim/time.ts';
import { formatIpv4Address, type Ipv4Address, parseIpv4Address } from '../../../wire/addresses.ts';
import { isDnsName } from '../../../wire/dns/name.ts';
import { type DnsRecord, DnsType } from '../../../wire/dns/record.ts';
import { DnsRcode, queryOf, reverseNameOf } from '../../../wire/dns.ts';
import { type DnsReply, exchangeDns } from '../../dns/exchange.ts';
import { addressOfName, nameServersOf } from '../names.ts';
import type { Process } from '../process.ts';
import { parseDnsType, rcodeText, recordDataText } from './dns-text.ts';

const TIMEOUT_NS = 5 * SECOND_NS;
const ATTEMPTS = 2;

/** `nslookup [-type=TYPE] name [server]`. */
export function nslookup(process: Process, argv: readonly string[]): void {
  const operands = argv.filter((word) => !word.startsWith('-'));
  const typeText = argv.find((word) => /^-(query)?type=|^-q=/.test(word))?.split('=')[1];
  const [name, server] = operands;
  if (name === undefined) {
    process.fail(1, 'nslookup: a name is needed: nobody types at an interactive prompt here\n');
    return;
  }
  const type = typeText === undefined ? undefined : parseDnsType(typeText);
  if (typeText !== undefined && type === undefined) {
    process.fail(1, `unknown query type: ${typeText}\n`);
    return;
  }
  if (!isDnsName(name.endsWith('.') ? name : `${name}.`)) {
    const reason = name.includes('..') ? 'empty label' : 'label too long';
    process.fail(1, `nslookup: '${name}' is not a legal name (${reason})\n`);
    return;
  }
  if (server === undefined) {
    new Lookup(process, name, type, nameServersOf(process)).start();
    return;
  }
  addressOfName(process, server, (address) => {
    if (address === undefined) {
      process.fail(1, `nslookup: couldn't get address for '${server}': not found\n`);
    } else new Lookup(process, name, type, [address]).start();
  });
}

class Lookup {
  readonly #process: Process;
  readonly #name: string;
  readonly #type: number | undefined;
  readonly #servers: readonly Ipv4Address[];
  #hasHead = false;

  constructor(
    process: Process,
    name: string,
    type: number | undefined,
    servers: readonly Ipv4Address[],
  ) {
    this.#process = process;
    this.#name = name;
    this.#type = type;
    this.#servers = servers;
  }

  start(): void {
    const address = parseIpv4Address(this.#name);
    if (address !== undefined) {
      this.#tryNames([reverseNameOf(address)], 0, DnsType.ptr);
      return;
    }
    const { search } = this.#process.place.resolver;
    const full = this.#name.endsWith('.') ? this.#name : `${this.#name}.`;
    const others = this.#name.endsWith('.') ? [] : search.map((domain) => `${full}${domain}.`);
    this.#tryNames([full, ...others], 0, this.#type ?? DnsType.a);
  }

  /** Asks for the names in turn until one exists. */
  #tryNames(names: readonly string[], at: number, type: number): void {
    this.#ask(names[at]!, type, 0, (reply, server) => {
      const { rcode } = reply.message;
      if (rcode !== DnsRcode.success && at + 1 < names.length) {
        this.#tryNames(names, at + 1, type);
        return;
      }
      this.#printServer(server);
      if (rcode !== DnsRcode.success) {
        const asked = (names[at] ?? '').replace(/\.$/, '');
        this.#process.print(`** server can't find ${asked}: ${rcodeText(rcode)}\n\n`);
        this.#process.exit(1);
        return;
      }
      this.#printAnswer(names[at]!, type, reply);
      if (this.#type !== undefined || type !== DnsType.a) {
        this.#process.print('\n');
        this.#process.exit(0);
        return;
      }
      this.#ask(names[at]!, DnsType.aaaa, 0, (more) => {
        if (more.message.rcode === DnsRcode.success) {
          this.#process.print(more.message.answers.map(addressText).join(''));
        }
        this.#process.print('\n');
        this.#process.exit(0);
      });
    });
  }

  #printServer(server: Ipv4Address): void {
    if (this.#hasHead) return;
    this.#hasHead = true;
    const text = formatIpv4Address(server);
    this.#process.print(`Server:\t\t${text}\nAddress:\t${text}#53\n\n`);
  }

  #printAnswer(name: string, type: number, { message }: DnsReply): void {
    const { answers } = message;
    const isPtr = type === DnsType.ptr;
    if (!message.isAuthoritative && !isPtr && answers.length > 0) {
      this.#process.print('Non-authoritative answer:\n');
    }
    if (answers.length === 0) {
      const asked = name.replace(/\.$/, '');
      if (this.#type !== undefined || isPtr) {
        this.#process.print(`*** Can't find ${asked}: No answer\n`);
      }
      return;
    }
    this.#process.print(answers.map(addressText).join(''));
  }

  /** Asks the servers in turn; when none answers, the lookup is over. */
  #ask(
    name: string,
    type: number,
    attempt: number,
    onReply: (reply: DnsReply, server: Ipv4Address) => void,
  ): void {
    const process = this.#process;
    const server = this.#servers[attempt % this.#servers.length]!;
    if (attempt === ATTEMPTS * this.#servers.length) {
      process.print(';; no servers could be reached\n\n');
      process.exit(1);
      return;
    }
    const query = queryOf(process.draw() & 0xffff, name, type);
    const exchange = { server, query, timeoutNs: TIMEOUT_NS };
    const cancel = exchangeDns(process.place.namespace, exchange, (reply) => {
      if (process.isOver) return;
      if (reply !== undefined) {
        onReply(reply, server);
        return;
      }
      const where = `${formatIpv4Address(server)}#53`;
      process.print(`;; communications error to ${where}: timed out\n`);
      this.#ask(name, type, attempt + 1, onReply);
    });
    process.whenOver(cancel);
  }
}

/** One record: addresses under their name, everything else as `name	type = data`. */
function addressText(record: DnsRecord): string {
  const name = record.name.replace(/\.$/, '');
  const data = recordDataText(record);
  switch (record.type) {
    case DnsType.a:
    case DnsType.aaaa:
      return `Name:\t${name}\nAddress: ${data}\n`;
    case DnsType.ptr:
      return `${name}\tname = ${data}\n`;
    case DnsType.cname:
      return `${name}\tcanonical name = ${data}\n`;
    case DnsType.mx:
      return `${name}\tmail exchanger = ${data}\n`;
    case DnsType.txt:
      return `${name}\ttext = ${data}\n`;
    case DnsType.ns:
      return `${name}\tnameserver = ${data}\n`;
    default:
      return `${name}\t${data}\n`;
  }
}
