/**
 * What membership asks of the network between its members. Datagrams have a fate that is known when
 * they are sent; a stream is one TCP connection with one request and perhaps one reply.
 *
 * Members are named by their index. Asking changes nothing: a fate is a function of the arguments,
 * of the conditions of the instant, and of `draw`, the packet's own coordinate for chance.
 */

/** The arrival of a datagram that does not arrive. */
export const LOST = -1;

/** Why an exchange failed. */
export type ExchangeFailure = 'timeout' | 'refused' | 'reset' | 'unreachable';

/** One TCP connection to a member's gossip port. */
export interface GossipExchange {
  readonly from: number;
  readonly to: number;
  readonly requestBytes: number;
  /** Nothing is read back, so the initiator does not learn whether the receiver could read it. */
  readonly isOneWay?: boolean;
  /** When the initiator gives up: to connect, and where `answerTimeoutNs` is not given, to read. */
  readonly deadlineNs: number;
  /** How long it waits for the reply once it has connected. */
  readonly answerTimeoutNs?: number;
  /** The exchange's own coordinate for chance; a 32-bit integer. */
  readonly draw: number;
}

/** The exchange when its connection stands: from then on the time to read counts. */
export function connectedAt<E extends Pick<GossipExchange, 'deadlineNs' | 'answerTimeoutNs'>>(
  exchange: E,
  nowNs: number,
): E {
  const { answerTimeoutNs } = exchange;
  return answerTimeoutNs === undefined
    ? exchange
    : { ...exchange, deadlineNs: nowNs + answerTimeoutNs };
}

/** The two ends of an exchange. Exactly one of onReply and onFailure is called, once. */
export interface ExchangeHandlers {
  /**
   * The request has arrived at a process that listens. It calls `reply` once, now or later, with
   * the size of its reply (0: it only closes), or never, and then the initiator's time runs out.
   */
  onRequest(nowNs: number, reply: (replyBytes: number) => void): void;
  onReply(nowNs: number): void;
  onFailure(nowNs: number, reason: ExchangeFailure): void;
}

/** The network as membership sees it. */
export interface GossipUnderlay {
  /**
   * When a UDP datagram with this payload that leaves now arrives, in ns, or {@link LOST}. It is
   * asked whether or not the receiver runs.
   */
  datagramArrivalNs(
    from: number,
    to: number,
    payloadBytes: number,
    nowNs: number,
    draw: number,
  ): number;
  /** Starts an exchange now. */
  exchange(exchange: GossipExchange, handlers: ExchangeHandlers): void;
  /**
   * An upper bound in ns of the one-way delay of all datagrams that arrive, whoever sends them; -1
   * where there is none, or a datagram's fate depends on its size. Whoever changes it calls
   * `Swim.beforeUnderlayChange` first.
   */
  readonly delayNsMax: number;
  /**
   * An upper bound in ns of the one-way delay between the two, in both directions, while no
   * datagram of up to 1500 bytes between them is lost, duplicated or filtered; otherwise -1.
   * Whoever changes that calls `Swim.beforeUnderlayChange` first.
   */
  plainDelayNsMax(a: number, b: number): number;
  /** {@link plainDelayNsMax} for all pairs at once; -1 where it is not so for all, or not known. */
  readonly plainDelayNsMaxOfAll: number;
}
