/**
 * What memberlist asks of the network: the fate of a datagram, and streams. Hosts are named by
 * index; which process listens there is the engine's business.
 */

/** The arrival of what does not arrive. */
export const LOST = -1;

/** What a stream tells the one who dialled it. */
export interface StreamHandlers {
  /** The request has arrived; answers with the size of the reply, or -1 for none. */
  onRequest(nowNs: number): number;
  onReply(nowNs: number): void;
  onFailure(nowNs: number): void;
}

/** The network under the gossip. */
export interface GossipUnderlay {
  /** When a datagram that leaves now arrives, or {@link LOST}; `draw` is its coordinate for chance. */
  datagramArrivalNs(
    fromHost: number,
    toHost: number,
    payloadBytes: number,
    nowNs: number,
    draw: number,
  ): number;
  /** One TCP exchange; exactly one of onReply and onFailure follows unless there is no reply. */
  exchange(
    fromHost: number,
    toHost: number,
    requestBytes: number,
    deadlineNs: number,
    draw: number,
    handlers: StreamHandlers,
  ): void;
}
