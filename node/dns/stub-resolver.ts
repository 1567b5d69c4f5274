/**
 * A program's resolver: looks into `/etc/hosts`, asks 127.0.0.11 (or the servers that it is given,
 * in turn) over UDP, over TCP when the answer came cut, again after 5 s, and gives up after the
 * second time, as musl's and glibc's do (`resolv.conf` options timeout:5 attempts:2). A name is
 * tried as it is (Docker sets ndots:0), then in each of the search domains, as glibc does.
 */
import type { Namespace } from '../../net/namespace.ts';
import { NO_EVENT } from '../../sim/event-queue.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { DnsType } from '../../wire/dns/record.ts';
import {
  DNS_PORT,
  type DnsMessage,
  DnsRcode,
  encodeDns,
  parseDns,
  queryOf,
} from '../../wire/dns.ts';
import { type IpAddress, parseIp } from '../../wire/ip-address.ts';
import { EMBEDDED_DNS_ADDRESS } from './embedded-dns.ts';
import { exchangeDns } from './exchange.ts';

const ATTEMPT_NS = 5 * SECOND_NS;
const ATTEMPTS = 2;

/** Where and how a program resolves names. */
export interface StubResolver {
  readonly namespace: Namespace;
  /** The `search` of its `resolv.conf`. */
  readonly search: readonly string[];
  /** Its `nameserver` lines; default: only the embedded server. */
  readonly servers?: readonly Ipv4Address[];
  /** Its `/etc/hosts`; default: nobody is in it. */
  readonly hosts?: { find(name: string): Ipv4Address | undefined };
}

/** Why there is no address: nobody is called so, or nobody could say. */
export type ResolveFailure = 'unknown' | 'unanswered';

type OnAnswer = (address: IpAddress | undefined, failure?: ResolveFailure) => void;

const EMBEDDED: readonly Ipv4Address[] = [EMBEDDED_DNS_ADDRESS];

/** Resolves a name from a sandbox; `undefined` when there is no address. Addresses pass through. */
export function resolveName(
  { namespace, search, servers = EMBEDDED, hosts }: StubResolver,
  name: string,
  queryId: number,
  onAnswer: OnAnswer,
  family: 'ipv4' | 'ipv6' = 'ipv4',
): void {
  const literal = parseIp(name) ?? hosts?.find(name);
  if (literal !== undefined) {
    onAnswer(literal);
    return;
  }
  const names = [`${name}.`, ...search.map((domain) => `${name}.${domain}.`)];
  const ask = (at: number) => {
    const id = (queryId + at) & 0xffff;
    queryAddress(namespace, servers, names[at]!, id, family, (address, failure) => {
      if (address !== undefined || at + 1 === names.length) onAnswer(address, failure);
      else ask(at + 1);
    });
  };
  ask(0);
}

/** Asks for the address of a full name, with a final dot. */
function queryAddress(
  namespace: Namespace,
  servers: readonly Ipv4Address[],
  name: string,
  queryId: number,
  family: 'ipv4' | 'ipv6',
  onAnswer: OnAnswer,
): void {
  const { queue } = namespace.world;
  let timer = NO_EVENT;
  let isOver = false;
  /** Set while the whole answer is asked for over TCP. */
  let cancel: (() => void) | undefined;
  const finish: OnAnswer = (address, failure) => {
    if (isOver) return;
    isOver = true;
    queue.cancel(timer);
    cancel?.();
    socket.close();
    onAnswer(address, failure);
  };
  const socket = namespace.sockets.openUdp({
    onDatagram: (bytes, server) => {
      const reply = parseDns(bytes, 0, bytes.length);
      if (reply === undefined || !reply.isResponse || reply.id !== queryId || cancel !== undefined)
        return;
      if (!reply.isTruncated) {
        take(reply);
        return;
      }
      queue.cancel(timer);
      const exchange = { server, query: question, timeoutNs: ATTEMPT_NS, protocol: 'tcp' } as const;
      cancel = exchangeDns(namespace, exchange, (whole) => take(whole?.message ?? reply));
    },
    onError: () => finish(undefined, 'unanswered'),
  });
  const take = (reply: DnsMessage) => {
    const record = reply.answers.find((answer) => answer.data.kind === family);
    const isDenied = reply.rcode === DnsRcode.success || reply.rcode === DnsRcode.nameError;
    if (record?.data.kind === 'ipv4') finish(record.data.address);
    else if (record?.data.kind === 'ipv6') finish(parseIp(record.data.address));
    else finish(undefined, isDenied ? 'unknown' : 'unanswered');
  };
  const question = queryOf(queryId, name, family === 'ipv6' ? DnsType.aaaa : DnsType.a);
  const query = encodeDns(question, false);
  const attempt = (count: number) => {
    if (isOver) return;
    if (count === ATTEMPTS * servers.length) {
      finish(undefined, 'unanswered');
      return;
    }
    socket.connect(servers[count % servers.length]!, DNS_PORT);
    socket.send(query);
    timer = queue.scheduleCallback(queue.nowNs + ATTEMPT_NS, () => attempt(count + 1));
  };
  attempt(0);
}
