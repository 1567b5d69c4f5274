/**
 * The network of a gossip experiment: every pair of members has the same range of latency and the
 * same loss, a cut may divide it in two, single members may send and receive worse than the others,
 * and a process that was killed refuses connections as its host's kernel would.
 *
 * An experiment wants nothing but members, and up to a million of them, so there is no topology. A
 * lost TCP segment is sent again, first after 200 ms, then after twice as long each time, as Linux
 * does; a SYN after a second.
 */

import {
  connectedAt,
  type ExchangeFailure,
  type ExchangeHandlers,
  type GossipExchange,
  type GossipUnderlay,
  LOST,
} from '../../gossip/underlay.ts';
import { draw32, drawBelow, drawChance } from '../../sim/chance.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';

const RETRANSMISSION_TIMEOUT_NS = 200 * MILLISECOND_NS;
const RETRANSMISSIONS_MAX = 8;

/** The segments of one exchange that are drawn apart. */
const Leg = { syn: 0, synAck: 1, request: 2, reply: 3 } as const;
type Leg = (typeof Leg)[keyof typeof Leg];

/** What every pair of members has in common. */
export interface UniformConditions {
  /** One-way delay of a packet, ns, drawn evenly from this range. */
  readonly latencyNsMin: number;
  readonly latencyNsMax: number;
  /** Share of packets that do not arrive, in [0, 1]. */
  readonly lossRatio: number;
}

/** What becomes of the packets of one member in one direction, besides what all suffer. */
export interface FlowConditions {
  /** In [0, 1]; 1 lets nothing through. */
  readonly lossRatio: number;
  readonly delayNsMin: number;
  readonly delayNsMax: number;
}

/** The four flows of a member. */
export type Flow = 'udpOut' | 'udpIn' | 'tcpOut' | 'tcpIn';

/** What one member suffers, by flow. */
export type MemberConditions = Readonly<Partial<Record<Flow, FlowConditions>>>;

/** See the module comment. */
export class UniformNetwork implements GossipUnderlay {
  readonly #world: World;
  readonly #conditions: UniformConditions;
  readonly #listens: (member: number) => boolean;
  readonly #lossKey: number;
  readonly #latencyKey: number;
  /** On which side of a cut each member is; `undefined` while there is none. */
  #sideOf: ((member: number) => number) | undefined = undefined;
  readonly #flowKeys: Readonly<Record<Flow, number>>;
  readonly #worse = new Map<number, MemberConditions>();

  /** `listens` says whether a member's process is there to accept a connection. */
  constructor(world: World, conditions: UniformConditions, listens: (member: number) => boolean) {
    this.#world = world;
    this.#conditions = conditions;
    this.#listens = listens;
    this.#lossKey = world.chance.key('gossip-experiment.loss');
    this.#latencyKey = world.chance.key('gossip-experiment.latency');
    const keyOf = (flow: Flow): number => world.chance.key(`gossip-experiment.${flow}`);
    this.#flowKeys = {
      udpOut: keyOf('udpOut'),
      udpIn: keyOf('udpIn'),
      tcpOut: keyOf('tcpOut'),
      tcpIn: keyOf('tcpIn'),
    };
  }

  /** Lets nothing through between members of different sides. Call `beforeUnderlayChange` first. */
  cut(sideOf: (member: number) => number): void {
    this.#sideOf = sideOf;
  }

  /** Ends the cut. Call `beforeUnderlayChange` first. */
  heal(): void {
    this.#sideOf = undefined;
  }

  /** Whether the network is cut now. */
  get isCut(): boolean {
    return this.#sideOf !== undefined;
  }

  /** Makes a member's packets fare so, besides what all suffer. Call `beforeUnderlayChange` first. */
  worsen(member: number, conditions: MemberConditions): void {
    this.#worse.set(member, conditions);
  }

  datagramArrivalNs(
    from: number,
    to: number,
    _payloadBytes: number,
    nowNs: number,
    draw: number,
  ): number {
    return this.#arrivalNs(from, to, nowNs, draw, 'udpOut', 'udpIn');
  }

  #arrivalNs(
    from: number,
    to: number,
    nowNs: number,
    draw: number,
    outward: Flow,
    inward: Flow,
  ): number {
    if (this.#isCutBetween(from, to)) return LOST;
    const { latencyNsMin, latencyNsMax, lossRatio } = this.#conditions;
    if (drawChance(this.#lossKey, lossRatio, from, to, draw)) return LOST;
    const spanNs = latencyNsMax - latencyNsMin;
    let atNs = nowNs + latencyNsMin;
    if (spanNs > 0) atNs += drawBelow(this.#latencyKey, spanNs + 1, from, to, draw);
    if (this.#worse.size === 0) return atNs;
    const outNs = this.#extraNs(from, outward, from, to, draw);
    const inNs = this.#extraNs(to, inward, from, to, draw);
    return outNs === LOST || inNs === LOST ? LOST : atNs + outNs + inNs;
  }

  /** How much longer a packet takes because of one member's flow, or that it is lost there. */
  #extraNs(member: number, flow: Flow, from: number, to: number, draw: number): number {
    const conditions = this.#worse.get(member)?.[flow];
    if (conditions === undefined) return 0;
    const key = this.#flowKeys[flow];
    const { lossRatio, delayNsMin, delayNsMax } = conditions;
    if (drawChance(key, lossRatio, from, to, draw)) return LOST;
    return delayNsMin + drawBelow(key, delayNsMax - delayNsMin + 1, from, to, draw);
  }

  exchange(exchange: GossipExchange, handlers: ExchangeHandlers): void {
    const { from, to } = exchange;
    const { queue } = this.#world;
    let isOver = false;
    const fail = (nowNs: number, reason: ExchangeFailure): void => {
      if (!isOver) handlers.onFailure(nowNs, reason);
      isOver = true;
    };
    const expire = (nowNs: number): void => fail(nowNs, 'timeout');
    let timeout = queue.scheduleCallback(exchange.deadlineNs, expire);
    const onReply = (nowNs: number): void => {
      queue.cancel(timeout);
      if (!isOver) handlers.onReply(nowNs);
      isOver = true;
    };
    const onAnswer = (nowNs: number, isAccepted: boolean): void => {
      if (isOver) return;
      if (!isAccepted) {
        queue.cancel(timeout);
        fail(nowNs, 'refused');
        return;
      }
      const open = connectedAt(exchange, nowNs);
      queue.cancel(timeout);
      timeout = queue.scheduleCallback(open.deadlineNs, expire);
      const reply = (): void => this.#carry(open, Leg.reply, to, from, onReply);
      this.#carry(open, Leg.request, from, to, (atNs) => handlers.onRequest(atNs, reply));
    };
    this.#carry(exchange, Leg.syn, from, to, () => {
      const isAccepted = this.#listens(to);
      this.#carry(exchange, Leg.synAck, to, from, (nowNs) => onAnswer(nowNs, isAccepted));
    });
  }

  get delayNsMax(): number {
    return this.#worse.size === 0 ? this.#conditions.latencyNsMax : -1;
  }

  plainDelayNsMax(a: number, b: number): number {
    if (this.#conditions.lossRatio > 0 || this.#isCutBetween(a, b)) return -1;
    if (this.#worse.size > 0 && (this.#worse.has(a) || this.#worse.has(b))) return -1;
    return this.#conditions.latencyNsMax;
  }

  get plainDelayNsMaxOfAll(): number {
    const isPlain = this.#conditions.lossRatio === 0 && !this.isCut && this.#worse.size === 0;
    return isPlain ? this.#conditions.latencyNsMax : -1;
  }

  #isCutBetween(a: number, b: number): boolean {
    const sideOf = this.#sideOf;
    return sideOf !== undefined && sideOf(a) !== sideOf(b);
  }

  /** Carries one segment, again and again until it arrives or nobody waits for it any more. */
  #carry(
    exchange: GossipExchange,
    leg: Leg,
    from: number,
    to: number,
    then: (nowNs: number) => void,
  ): void {
    const { queue } = this.#world;
    const isHandshake = leg === Leg.syn || leg === Leg.synAck;
    const firstTimeoutNs = isHandshake ? SECOND_NS : RETRANSMISSION_TIMEOUT_NS;
    const attempt = (count: number): void => {
      const { nowNs } = queue;
      const draw = draw32(exchange.draw, leg, count);
      const atNs = this.#arrivalNs(from, to, nowNs, draw, 'tcpOut', 'tcpIn');
      if (atNs !== LOST) {
        queue.scheduleCallback(atNs, then);
        return;
      }
      const againAtNs = nowNs + firstTimeoutNs * 2 ** count;
      if (count === RETRANSMISSIONS_MAX || againAtNs >= exchange.deadlineNs) return;
      queue.scheduleCallback(againAtNs, () => attempt(count + 1));
    };
    attempt(0);
  }
}
