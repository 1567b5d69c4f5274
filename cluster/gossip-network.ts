/**
 * The gossip's view of the underlay: datagrams and streams on port 7946.
 */
import type { GossipUnderlay, StreamHandlers } from '../gossip/memberlist/underlay.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { Exchanges } from './underlay/exchange.ts';
import type { Underlay } from './underlay/underlay.ts';

/** memberlist's port. */
export const GOSSIP_PORT = 7946;

/** Carries gossip over the underlay. */
export class GossipNetwork implements GossipUnderlay {
  readonly #underlay: Underlay;
  readonly #exchanges: Exchanges;

  constructor(underlay: Underlay, exchanges: Exchanges) {
    this.#underlay = underlay;
    this.#exchanges = exchanges;
  }

  datagramArrivalNs(
    fromHost: number,
    toHost: number,
    payloadBytes: number,
    nowNs: number,
    draw: number,
  ): number {
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

  exchange(
    fromHost: number,
    toHost: number,
    requestBytes: number,
    deadlineNs: number,
    draw: number,
    handlers: StreamHandlers,
  ): void {
    this.#exchanges.start(
      { from: fromHost, to: toHost, port: GOSSIP_PORT, requestBytes, deadlineNs, draw },
      handlers,
    );
  }
}
