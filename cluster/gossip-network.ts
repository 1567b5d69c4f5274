/**
 * The gossip's view of the underlay: datagrams and streams on port 7946, between members, which are
 * daemons on hosts.
 *
 * A datagram goes to the address that its receiver advertises, an answer too (memberlist's pings
 * name the sender's); who has no way to that address loses it. What the receiver cannot decrypt counts
 * as lost: a datagram does not arrive, and a stream is closed by the side that cannot read it, which
 * who only writes does not notice. The keys are those of the instant of sending.
 */
import type { ExchangeHandlers, GossipExchange, GossipUnderlay } from '../gossip/underlay.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { GossipKeys } from './gossip-keys.ts';
import type { Exchanges } from './underlay/exchange.ts';
import { LOST, type Underlay } from './underlay/underlay.ts';

/** memberlist's port. */
export const GOSSIP_PORT = 7946;

/** Carries gossip over the underlay. */
export class GossipNetwork implements GossipUnderlay {
  readonly #underlay: Underlay;
  readonly #exchanges: Exchanges;
  readonly #keys: GossipKeys;
  readonly #hostOf: (member: number) => number;
  readonly #reaches: (from: number, to: number) => boolean;

  constructor(
    underlay: Underlay,
    exchanges: Exchanges,
    keys: GossipKeys,
    hostOf: (member: number) => number,
    reaches: (from: number, to: number) => boolean,
  ) {
    this.#underlay = underlay;
    this.#exchanges = exchanges;
    this.#keys = keys;
    this.#hostOf = hostOf;
    this.#reaches = reaches;
  }

  datagramArrivalNs(
    from: number,
    to: number,
    payloadBytes: number,
    nowNs: number,
    draw: number,
  ): number {
    const fromHost = this.#hostOf(from);
    const toHost = this.#hostOf(to);
    if (!this.#keys.canHear(fromHost, toHost) || !this.#reaches(fromHost, toHost)) return LOST;
    return this.#underlay.datagramArrivalNs(
      fromHost,
      toHost,
      payloadBytes,
      IpProtocol.udp,
      GOSSIP_PORT,
      nowNs,
      draw,
    );
  }

  exchange(exchange: GossipExchange, handlers: ExchangeHandlers): void {
    const from = this.#hostOf(exchange.from);
    const to = this.#hostOf(exchange.to);
    let isRefused = false;
    this.#exchanges.start(
      { ...exchange, from, to, port: GOSSIP_PORT },
      {
        onRequest: (nowNs, reply) => {
          isRefused = !this.#keys.canHear(from, to);
          if (isRefused) reply(0);
          else handlers.onRequest(nowNs, reply);
        },
        onReply: (nowNs) => {
          const isUnread = isRefused || !this.#keys.canHear(to, from);
          if (isUnread && exchange.isOneWay !== true) handlers.onFailure(nowNs, 'reset');
          else handlers.onReply(nowNs);
        },
        onFailure: handlers.onFailure,
      },
    );
  }

  /** Pairs of hosts differ. */
  readonly delayNsMax = -1;

  readonly plainDelayNsMaxOfAll = -1;

  plainDelayNsMax(a: number, b: number): number {
    const hostA = this.#hostOf(a);
    const hostB = this.#hostOf(b);
    if (!this.#keys.canTalk(hostA, hostB)) return -1;
    if (!this.#reaches(hostA, hostB) || !this.#reaches(hostB, hostA)) return -1;
    return this.#underlay.plainDelayNsMax(hostA, hostB, IpProtocol.udp, GOSSIP_PORT);
  }
}
