/**
 * What the embedded DNS server does with a query that it cannot answer: it asks the host's servers,
 * one after the other, from the sandbox' own namespace, so that the query leaves by the container's
 * gateway (`forwardExtDNS` and `exchange` in libnetwork's resolver.go).
 *
 * Up to three servers, 4 s each. Which answers are passed on depends on the version, see
 * {@link DnsForwarding}; they go to the client as they came, with EDNS and flags.
 */
import type { Namespace } from '../../net/namespace.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { type DnsMessage, DnsRcode } from '../../wire/dns.ts';
import type { DnsForwarding } from '../engine-version.ts';
import { exchangeDns } from './exchange.ts';

/** How many of the host's servers are asked (`maxExtDNS`). */
const SERVERS_MAX = 3;

/** How long one of them may take (`extIOTimeout`). */
const SERVER_TIMEOUT_NS = 4 * SECOND_NS;

/** Asks outside servers for one sandbox. */
export class Forwarder {
  readonly #namespace: Namespace;
  readonly #servers: readonly Ipv4Address[];
  readonly #rule: DnsForwarding;

  constructor(namespace: Namespace, servers: readonly Ipv4Address[], rule: DnsForwarding) {
    this.#namespace = namespace;
    this.#servers = servers.slice(0, SERVERS_MAX);
    this.#rule = rule;
  }

  /** Asks the servers in order; the answer to pass on, or `undefined` when there is none. */
  forward(query: DnsMessage, onEnd: (answer: DnsMessage | undefined) => void): void {
    const ask = (at: number, last: DnsMessage | undefined) => {
      const server = this.#servers[at];
      if (server === undefined) {
        onEnd(this.#rule === 'lastAnswer' ? last : undefined);
        return;
      }
      const exchange = { server, query, timeoutNs: SERVER_TIMEOUT_NS };
      exchangeDns(this.#namespace, exchange, (reply) => {
        const answer = reply?.message;
        if (answer !== undefined && this.#isFinal(answer)) onEnd(answer);
        else ask(at + 1, answer);
      });
    };
    ask(0, undefined);
  }

  #isFinal({ rcode, isAuthoritative }: DnsMessage): boolean {
    if (rcode === DnsRcode.success) return true;
    if (rcode === DnsRcode.nameError) return isAuthoritative || this.#rule === 'firstAnswer';
    if (this.#rule !== 'firstAnswer') return false;
    return rcode !== DnsRcode.serverFailure && rcode !== DnsRcode.refused;
  }
}
