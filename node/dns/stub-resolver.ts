/**
 * A program's resolver: asks 127.0.0.11 over UDP, again after 5 s, and gives up after the second
 * time, as musl's and glibc's do with one server (`resolv.conf` options timeout:5 attempts:2). A name
 * is tried as it is (Docker sets ndots:0), then in each of the search domains, as glibc does.
 */
import type { Namespace } from '../../net/namespace.ts';
import { NO_EVENT } from '../../sim/event-queue.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { parseIpv4Address } from '../../wire/addresses.ts';
import { DnsType } from '../../wire/dns/record.ts';
import { DNS_PORT, encodeDns, parseDns, queryOf } from '../../wire/dns.ts';
import { EMBEDDED_DNS_ADDRESS } from './embedded-dns.ts';

const ATTEMPT_NS = 5 * SECOND_NS;
const ATTEMPTS = 2;

/** Where and how a program resolves names. */
export interface StubResolver {
  readonly namespace: Namespace;
  /** The `search` of its `resolv.conf`. */
  readonly search: readonly string[];
}

/** Resolves a name from a sandbox; `undefined` when there is no address. Addresses pass through. */
export function resolveName(
  { namespace, search }: StubResolver,
  name: string,
  queryId: number,
  onAnswer: (address: Ipv4Address | undefined) => void,
): void {
  const literal = parseIpv4Address(name);
  if (literal !== undefined) {
    onAnswer(literal);
    return;
  }
  const names = [`${name}.`, ...search.map((domain) => `${name}.${domain}.`)];
  const ask = (at: number) => {
    queryAddress(namespace, names[at]!, (queryId + at) & 0xffff, (address) => {
      if (address !== undefined || at + 1 === names.length) onAnswer(address);
      else ask(at + 1);
    });
  };
  ask(0);
}

/** Asks for the address of a full name, with a final dot. */
function queryAddress(
  namespace: Namespace,
  name: string,
  queryId: number,
  onAnswer: (address: Ipv4Address | undefined) => void,
): void {
  const { queue } = namespace.world;
  let timer = NO_EVENT;
  let isOver = false;
  const finish = (address: Ipv4Address | undefined) => {
    if (isOver) return;
    isOver = true;
    queue.cancel(timer);
    socket.close();
    onAnswer(address);
  };
  const socket = namespace.sockets.openUdp({
    onDatagram: (bytes) => {
      const reply = parseDns(bytes, 0, bytes.length);
      if (reply === undefined || !reply.isResponse || reply.id !== queryId) return;
      const record = reply.answers.find((answer) => answer.data.kind === 'ipv4');
      finish(record?.data.kind === 'ipv4' ? record.data.address : undefined);
    },
    onError: () => finish(undefined),
  });
  socket.connect(EMBEDDED_DNS_ADDRESS, DNS_PORT);
  const query = encodeDns(queryOf(queryId, name, DnsType.a), false);
  const attempt = (count: number) => {
    if (isOver) return;
    if (count === ATTEMPTS) {
      finish(undefined);
      return;
    }
    socket.send(query);
    timer = queue.scheduleCallback(queue.nowNs + ATTEMPT_NS, () => attempt(count + 1));
  };
  attempt(0);
}
