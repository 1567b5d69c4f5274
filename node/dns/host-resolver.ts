/**
 * The DNS server that many hosts have on their loopback, and name in `resolv.conf`: systemd-resolved's
 * stub on 127.0.0.53, or dnsmasq on 127.0.0.1. It asks the servers that the host was given.
 *
 * systemd-resolved asks one server at a time, waits 5 s, and stays with the one that answered;
 * dnsmasq asks all at once and takes the first useful answer. Their caches are not imitated.
 */
import type { Namespace } from '../../net/namespace.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { type DnsMessage, DnsRcode, replyTo } from '../../wire/dns.ts';
import type { ResolverConfig } from '../host/host.ts';
import { type DnsProtocol, exchangeDns } from './exchange.ts';
import { listenForDns } from './listener.ts';

/** Where systemd-resolved listens; dockerd knows this address. */
export const SYSTEMD_STUB_ADDRESS: Ipv4Address = 0x7f00_0035;
const DNSMASQ_ADDRESS: Ipv4Address = 0x7f00_0001;

/** The servers of {@link HostResolver}. */
export const LOCAL_RESOLVERS = ['systemd-resolved', 'dnsmasq'] as const;
/** One of {@link LOCAL_RESOLVERS}. */
export type LocalResolverName = (typeof LOCAL_RESOLVERS)[number];

/** A DNS server on a host's loopback, and whom it asks. */
export interface LocalResolver {
  readonly name: LocalResolverName;
  readonly servers: readonly Ipv4Address[];
}

/** How long systemd-resolved waits for a server (`DNS_TIMEOUT_USEC`), and here dnsmasq for all. */
const SERVER_TIMEOUT_NS = 5 * SECOND_NS;

/** What a host's `resolv.conf` says: these servers, or the one on the host that asks them. */
export function resolverConfigOf(
  name: LocalResolverName | undefined,
  servers: readonly Ipv4Address[],
  search: readonly string[],
): ResolverConfig {
  if (name === undefined) return { servers, search };
  const options = name === 'systemd-resolved' ? ['edns0', 'trust-ad'] : [];
  return { servers: [addressOf(name)], search, options, local: { name, servers } };
}

function addressOf(name: LocalResolverName): Ipv4Address {
  return name === 'dnsmasq' ? DNSMASQ_ADDRESS : SYSTEMD_STUB_ADDRESS;
}

/** The running server. */
export class HostResolver {
  readonly #namespace: Namespace;
  readonly #servers: readonly Ipv4Address[];
  /** The server that systemd-resolved stays with. */
  #current = 0;

  constructor(namespace: Namespace, { name, servers }: LocalResolver) {
    this.#namespace = namespace;
    this.#servers = servers;
    listenForDns(namespace, addressOf(name), (query, protocol, send) => {
      if (name === 'dnsmasq') this.#askAll(query, protocol, send);
      else this.#askInTurn(query, protocol, send, servers.length);
    });
  }

  #askInTurn(
    query: DnsMessage,
    protocol: DnsProtocol,
    send: (answer: DnsMessage) => void,
    triesLeft: number,
  ): void {
    const at = this.#current;
    if (triesLeft === 0) {
      send({ ...replyTo(query), rcode: DnsRcode.serverFailure });
      return;
    }
    this.#ask(this.#servers[at]!, query, protocol, (answer) => {
      if (answer !== undefined && isUseful(answer)) {
        send(answer);
        return;
      }
      if (this.#current === at) this.#current = (at + 1) % this.#servers.length;
      this.#askInTurn(query, protocol, send, triesLeft - 1);
    });
  }

  #askAll(query: DnsMessage, protocol: DnsProtocol, send: (answer: DnsMessage) => void): void {
    let openCount = this.#servers.length;
    let isSent = false;
    for (const server of this.#servers) {
      this.#ask(server, query, protocol, (answer) => {
        openCount--;
        if (isSent || answer === undefined) return;
        if (!isUseful(answer) && openCount > 0) return;
        isSent = true;
        send(answer);
      });
    }
  }

  #ask(
    server: Ipv4Address,
    query: DnsMessage,
    protocol: DnsProtocol,
    onEnd: (answer: DnsMessage | undefined) => void,
  ): void {
    const exchange = { server, query, timeoutNs: SERVER_TIMEOUT_NS, protocol };
    exchangeDns(this.#namespace, exchange, (reply) => onEnd(reply?.message));
  }
}

function isUseful({ rcode }: DnsMessage): boolean {
  return rcode !== DnsRcode.serverFailure && rcode !== DnsRcode.refused;
}
