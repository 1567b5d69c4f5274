/**
 * The gossip's view of the underlay: datagrams and streams on port 7946, between members, which are
 * daemons on hosts.
 */
import type { ExchangeHandlers, GossipExchange, GossipUnderlay } from '../gossip/underlay.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { Exchanges } from './underlay/exchange.ts';
import type { Underlay } from './underlay/underlay.ts';

/** memberlist's port. */
export const GOSSIP_PORT = 7946;

/** Carries gossip over the underlay. */
export class GossipNetwork implements GossipUnderlay {
  readonly #underlay: Underlay;
  readonly #exchanges: Exchanges;
  readonly #hostOf: (member: number) => number;

  constructor(underlay: Underlay, exchanges: Exchanges, hostOf: (member: number) => number) {
    this.#underlay = underlay;
    this.#exchanges = exchanges;
    this.#hostOf = hostOf;
  }

  datagramArrivalNs(
    from: number,
    to: number,
    payloadBytes: number,
    nowNs: number,
    draw: number,
  ): number {
    return this.#underlay.datagramArrivalNs(
      this.#hostOf(from),
      this.#hostOf(to),
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
    this.#exchanges.start({ ...exchange, from, to, port: GOSSIP_PORT }, handlers);
  }

  plainDelayNsMax(a: number, b: number): number {
    return this.#underlay.plainDelayNsMax(
      this.#hostOf(a),
      this.#hostOf(b),
      IpProtocol.udp,
      GOSSIP_PORT,
    );
  }
}
