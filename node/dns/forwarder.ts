/**
 * What the embedded DNS server does with a query that it cannot answer: it asks the host's servers,
 * one after the other, from the sandbox' own namespace, so that the query leaves by the container's
 * gateway, or from the host's when the server is there (`forwardExtDNS` and `exchange` in
 * libnetwork's resolver.go).
 *
 * Up to three servers, 4 s each, over what the client came over, and no more than 1024 queries at a
 * time: one more waits 4 s for its turn and is refused; before 24 it was not asked at all. Which
 * answers are passed on depends on the version, see {@link DnsForwarding}; they go to the client as
 * they came, with EDNS and flags.
 */
import type { Namespace } from '../../net/namespace.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { type DnsMessage, DnsRcode, replyTo } from '../../wire/dns.ts';
import type { DnsForwarding } from '../engine-version.ts';
import { type DnsProtocol, exchangeDns } from './exchange.ts';
import type { Upstream } from './upstreams.ts';

/** How many of the host's servers are asked (`maxExtDNS`). */
const SERVERS_MAX = 3;

/** How long one of them may take (`extIOTimeout`). */
const SERVER_TIMEOUT_NS = 4 * SECOND_NS;

/** How many queries may be under way at once (`maxConcurrent`). */
const CONCURRENT_MAX = 1024;

/** The host, from which servers on its loopback are asked. */
export interface AskingHost {
  readonly namespace: Namespace;
  /** False where the sandbox should not get out by names either. */
  readonly mayAsk: () => boolean;
}

/** Asks outside servers for one sandbox. */
export class Forwarder {
  readonly #namespace: Namespace;
  readonly #host: AskingHost;
  readonly #servers: readonly Upstream[];
  readonly #rule: DnsForwarding;
  #underWayCount = 0;
  /** Queries that wait for others to end, the oldest first. */
  readonly #waiting = new Set<() => void>();

  constructor(
    namespace: Namespace,
    host: AskingHost,
    servers: readonly Upstream[],
    rule: DnsForwarding,
  ) {
    this.#namespace = namespace;
    this.#host = host;
    this.#servers = servers.slice(0, SERVERS_MAX);
    this.#rule = rule;
  }

  /** Asks the servers in order; the answer to pass on, or `undefined` when there is none. */
  forward(
    query: DnsMessage,
    onEnd: (answer: DnsMessage | undefined) => void,
    protocol: DnsProtocol = 'udp',
  ): void {
    const ask = (at: number, last: DnsMessage | undefined) => {
      const upstream = this.#servers[at];
      if (upstream === undefined) {
        onEnd(this.#rule === 'lastAnswer' ? last : undefined);
        return;
      }
      const { address: server, isOfHost } = upstream;
      if (isOfHost && !this.#host.mayAsk()) {
        ask(at + 1, last);
        return;
      }
      const namespace = isOfHost ? this.#host.namespace : this.#namespace;
      const exchange = { server, query, timeoutNs: SERVER_TIMEOUT_NS, protocol };
      const send = () =>
        exchangeDns(namespace, exchange, (reply) => {
          this.#release();
          const answer = reply?.message;
          if (answer !== undefined && this.#isFinal(answer)) onEnd(answer);
          else ask(at + 1, answer);
        });
      this.#acquire(send, () => {
        if (this.#rule === 'lastAnswer') ask(at + 1, last);
        else onEnd({ ...replyTo(query), rcode: DnsRcode.refused });
      });
    };
    ask(0, undefined);
  }

  /**
   * Calls `onTurn` when fewer than 1024 queries are under way; `onFull` before 24 at once when there
   * are more, later when it has waited 4 s in vain.
   */
  #acquire(onTurn: () => void, onFull: () => void): void {
    if (this.#underWayCount < CONCURRENT_MAX) {
      this.#underWayCount++;
      onTurn();
      return;
    }
    if (this.#rule === 'lastAnswer') {
      onFull();
      return;
    }
    const { queue } = this.#namespace.world;
    const turn = () => {
      queue.cancel(timer);
      onTurn();
    };
    const timer = queue.scheduleCallback(queue.nowNs + SERVER_TIMEOUT_NS, () => {
      this.#waiting.delete(turn);
      onFull();
    });
    this.#waiting.add(turn);
  }

  /** A query is over; who waits longest takes its place. */
  #release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#underWayCount--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  #isFinal({ rcode, isAuthoritative }: DnsMessage): boolean {
    if (rcode === DnsRcode.success) return true;
    if (rcode === DnsRcode.nameError) return isAuthoritative || this.#rule === 'firstAnswer';
    if (this.#rule !== 'firstAnswer') return false;
    return rcode !== DnsRcode.serverFailure && rcode !== DnsRcode.refused;
  }
}
