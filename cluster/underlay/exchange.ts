/**
 * A TCP exchange of control traffic (push-pull, fallback ping, manager RPC): a request and perhaps
 * a reply, as messages. The segments are not simulated; their fate is: every leg (handshake,
 * request, reply) is tried under the conditions of that instant and again after TCP's timeouts
 * (1 s doubling for the SYN, 200 ms doubling for data) until the deadline. Before the SYN, a host that
 * has been silent for long enough is asked for its MAC address; see `neighbour-entries.ts`.
 */

import { connectedAt } from '../../gossip/underlay.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import type { Path } from './conditions.ts';
import { NeighbourEntries, REQUEST_COUNT, REQUEST_INTERVAL_NS } from './neighbour-entries.ts';
import { attemptDraw, LOST, type Underlay } from './underlay.ts';

/** Segments of the initial congestion window, and their payload. */
const INITIAL_WINDOW_BYTES = 10 * 1448;
const ACKNOWLEDGEMENT_BYTES = 20;
/** First retransmission timeout of data. */
const DATA_TIMEOUT_NS = 200 * MILLISECOND_NS;

/** Why an exchange failed. */
export type ExchangeFailure = 'timeout' | 'refused' | 'reset' | 'unreachable';

/** What the far side says to a SYN on the port. */
export type PortState = 'open' | 'closed' | 'silent' | 'unrouted';

/** The two ends of an exchange, as the underlay asks them. */
export interface ExchangeEnds {
  /**
   * Asked when the SYN of `from` arrives: a listening process, a host without one, no host at the
   * address, or a gateway that knows no way there.
   */
  portState(host: number, from: number): PortState;
}

/** What an exchange tells its two ends; exactly one of onReply and onFailure is called, once. */
export interface ExchangeHandlers {
  /** The request has arrived; calls `reply` with the size of its reply, now, later or never. */
  onRequest(nowNs: number, reply: (replyBytes: number) => void): void;
  /** The reply has arrived. */
  onReply(nowNs: number): void;
  onFailure(nowNs: number, reason: ExchangeFailure): void;
}

/** One exchange to make. */
export interface ExchangeRequest {
  readonly from: number;
  readonly to: number;
  readonly port: number;
  readonly requestBytes: number;
  /** When the initiator gives up: to connect, and where `answerTimeoutNs` is not given, to read. */
  readonly deadlineNs: number;
  /** How long it waits for the reply once it has connected. */
  readonly answerTimeoutNs?: number;
  /** The exchange's own coordinate for chance. */
  readonly draw: number;
}

/** Carries exchanges over an underlay. */
export class Exchanges {
  readonly #world: World;
  readonly #underlay: Underlay;
  readonly #ends: ExchangeEnds;
  readonly #neighbours: NeighbourEntries;

  constructor(world: World, underlay: Underlay, ends: ExchangeEnds) {
    this.#world = world;
    this.#underlay = underlay;
    this.#ends = ends;
    this.#neighbours = new NeighbourEntries(world, underlay.counters.length);
  }

  /** Starts an exchange now. */
  start(request: ExchangeRequest, handlers: ExchangeHandlers): void {
    const { from, to } = request;
    let isOver = false;
    const fail = (nowNs: number, reason: ExchangeFailure) => {
      if (isOver) return;
      isOver = true;
      handlers.onFailure(nowNs, reason);
    };
    const succeed = (nowNs: number) => {
      if (isOver) return true;
      isOver = true;
      handlers.onReply(nowNs);
      return true;
    };
    const timeout = (nowNs: number) => fail(nowNs, 'timeout');
    let open = request;
    const replyWith = (bytes: number) => {
      if (isOver) return;
      const size = Math.max(bytes, ACKNOWLEDGEMENT_BYTES);
      this.#leg(open, to, from, size, 5, DATA_TIMEOUT_NS, succeed, timeout);
    };
    const deliver = (nowNs: number) => {
      this.#world.queue.scheduleCallback(Math.max(nowNs, open.deadlineNs), timeout);
      handlers.onRequest(nowNs, replyWith);
      return true;
    };
    const sendRequest = (nowNs: number) => {
      const bytes = request.requestBytes;
      open = connectedAt(request, nowNs);
      this.#leg(open, from, to, bytes, 4, DATA_TIMEOUT_NS, deliver, timeout);
      return true;
    };
    const answerSyn = () => {
      const state = this.#ends.portState(to, from);
      if (state === 'silent' || state === 'unrouted') return false;
      const refuse = (atNs: number) => {
        fail(atNs, 'refused');
        return true;
      };
      const onAnswer = state === 'open' ? sendRequest : refuse;
      this.#leg(request, to, from, ACKNOWLEDGEMENT_BYTES, 3, SECOND_NS, onAnswer, timeout);
      return true;
    };
    const connect = () =>
      this.#leg(request, from, to, ACKNOWLEDGEMENT_BYTES, 2, SECOND_NS, answerSyn, timeout);
    this.#resolve(request, connect, fail);
  }

  /** The host knows no MAC address any more: its card has lost its carrier, or it its power. */
  forgetNeighbours(host: number): void {
    this.#neighbours.forget(host);
  }

  /** Asks for the MAC address unless the host has it: `connect` when it is known. */
  #resolve(
    { from, to, deadlineNs }: ExchangeRequest,
    connect: () => void,
    fail: (nowNs: number, reason: ExchangeFailure) => void,
  ): void {
    const { queue } = this.#world;
    const ask = (count: number) => {
      const { nowNs } = queue;
      if (this.#answersArp(from, to)) {
        this.#neighbours.confirm(from, to);
        connect();
      } else if (!this.#neighbours.hasFailed(from, to, nowNs)) {
        connect();
      } else if (nowNs >= deadlineNs) {
        fail(nowNs, 'timeout');
      } else if (count === REQUEST_COUNT) {
        fail(nowNs, 'unreachable');
      } else {
        const nextNs = Math.min(nowNs + REQUEST_INTERVAL_NS, deadlineNs);
        queue.scheduleCallback(nextNs, () => ask(count + 1));
      }
    };
    ask(0);
  }

  #answersArp(from: number, to: number): boolean {
    const { paths } = this.#underlay;
    return (
      isOpen(paths.of(from, to, 0, 0, 0)) &&
      isOpen(paths.of(to, from, 0, 0, 0)) &&
      this.#ends.portState(to, from) !== 'silent'
    );
  }

  /**
   * Gets `bytes` from one end to the other, with retransmission; when `onArrival` returns false
   * there was nobody to take them, which to the sender is the same as a loss.
   */
  #leg(
    request: ExchangeRequest,
    from: number,
    to: number,
    bytes: number,
    legNumber: number,
    timeoutNs: number,
    onArrival: (nowNs: number) => boolean,
    onTimeout: (nowNs: number) => void,
  ): void {
    const queue = this.#world.queue;
    const attempt = (count: number) => {
      const nowNs = queue.nowNs;
      const draw = attemptDraw(request.draw, legNumber * 64 + count);
      const arrivalNs = this.#flightArrivalNs(from, to, bytes, request.port, nowNs, draw);
      const retry = () => {
        const retryNs = nowNs + timeoutNs * 2 ** count;
        if (retryNs >= request.deadlineNs) {
          queue.scheduleCallback(Math.max(queue.nowNs, request.deadlineNs), onTimeout);
        } else {
          queue.scheduleCallback(Math.max(queue.nowNs, retryNs), () => attempt(count + 1));
        }
      };
      if (arrivalNs === LOST) retry();
      else if (arrivalNs > request.deadlineNs) {
        queue.scheduleCallback(Math.max(nowNs, request.deadlineNs), onTimeout);
      } else {
        queue.scheduleCallback(arrivalNs, (atNs) => {
          if (!onArrival(atNs)) retry();
        });
      }
    };
    attempt(0);
  }

  /** When all segments of one flight have arrived: slow start costs a round trip per doubling. */
  #flightArrivalNs(
    from: number,
    to: number,
    bytes: number,
    port: number,
    nowNs: number,
    draw: number,
  ): number {
    const flights = Math.max(1, Math.ceil(Math.log2(bytes / INITIAL_WINDOW_BYTES + 1)));
    let atNs = nowNs;
    for (let flight = 0; flight < flights; flight++) {
      const part = Math.ceil(bytes / flights);
      const arrivalNs = this.#underlay.datagramArrivalNs(
        from,
        to,
        part,
        IpProtocol.tcp,
        port,
        atNs,
        attemptDraw(draw, flight * 2),
      );
      if (arrivalNs === LOST) return LOST;
      if (flight === flights - 1) return arrivalNs;
      const ackNs = this.#underlay.datagramArrivalNs(
        to,
        from,
        ACKNOWLEDGEMENT_BYTES,
        IpProtocol.tcp,
        port,
        arrivalNs,
        attemptDraw(draw, flight * 2 + 1),
      );
      if (ackNs === LOST) return LOST;
      atNs = ackNs;
    }
    return atNs;
  }
}

/** Whether a frame that is neither UDP nor TCP gets through now and then. */
function isOpen(path: Path): boolean {
  return path.blockedBy === '' && path.lossRatio < 1;
}
