/**
 * A network for tests: every pair has the same latency range and loss; pairs can be cut in one or
 * both directions, UDP and TCP apart.
 */
import { draw32, drawBelow, drawChance } from '../../sim/chance.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import {
  connectedAt,
  type ExchangeHandlers,
  type GossipExchange,
  type GossipUnderlay,
  LOST,
} from '../underlay.ts';

/** Conditions of all pairs. */
export interface PlainConditions {
  readonly latencyMinNs: number;
  readonly latencyMaxNs: number;
  readonly lossRatio: number;
}

/** Which protocol a cut stops. */
export type CutProtocol = 'udp' | 'tcp' | 'all';

/** See the module comment. */
export class PlainUnderlay implements GossipUnderlay {
  conditions: PlainConditions;
  /** Whether a process listens; set by the test. */
  isUp: (member: number) => boolean = () => true;
  readonly #world: World;
  readonly #cuts = new Map<string, CutProtocol>();
  readonly #lossKey: number;
  readonly #latencyKey: number;

  constructor(world: World, conditions: PlainConditions) {
    this.#world = world;
    this.conditions = conditions;
    this.#lossKey = world.chance.key('test.loss');
    this.#latencyKey = world.chance.key('test.latency');
  }

  /** Stops what goes from one member to another. */
  cut(from: number, to: number, protocol: CutProtocol = 'all'): void {
    this.#cuts.set(`${from} ${to}`, protocol);
  }

  /** Lets it through again. */
  heal(from: number, to: number): void {
    this.#cuts.delete(`${from} ${to}`);
  }

  /** Lets everything through again. */
  healAll(): void {
    this.#cuts.clear();
  }

  datagramArrivalNs(
    from: number,
    to: number,
    _payloadBytes: number,
    nowNs: number,
    draw: number,
  ): number {
    return this.isCut(from, to, 'udp') ? LOST : this.#arrivalNs(from, to, nowNs, draw);
  }

  exchange(exchange: GossipExchange, handlers: ExchangeHandlers): void {
    const { from, to, deadlineNs, draw } = exchange;
    const { queue } = this.#world;
    let isOver = false;
    const fail = (nowNs: number, reason: 'timeout' | 'refused'): void => {
      if (!isOver) handlers.onFailure(nowNs, reason);
      isOver = true;
    };
    let timeout = queue.scheduleCallback(deadlineNs, (nowNs) => fail(nowNs, 'timeout'));
    const leg = (a: number, b: number, number: number, then: (nowNs: number) => void): void => {
      const attempt = (count: number): void => {
        const nowNs = queue.nowNs;
        const atNs = this.isCut(a, b, 'tcp')
          ? LOST
          : this.#arrivalNs(a, b, nowNs, draw32(draw, number, count));
        if (atNs !== LOST) queue.scheduleCallback(atNs, then);
        else if (count < 5) {
          queue.scheduleCallback(nowNs + (SECOND_NS / 5) * 2 ** count, () => attempt(count + 1));
        }
      };
      attempt(0);
    };
    const reply = (): void =>
      leg(to, from, 3, (nowNs) => {
        queue.cancel(timeout);
        if (!isOver) handlers.onReply(nowNs);
        isOver = true;
      });
    const request = (): void => {
      if (isOver) return;
      queue.cancel(timeout);
      const atNs = connectedAt(exchange, queue.nowNs).deadlineNs;
      timeout = queue.scheduleCallback(atNs, (nowNs) => fail(nowNs, 'timeout'));
      leg(from, to, 2, (nowNs) => handlers.onRequest(nowNs, () => reply()));
    };
    leg(from, to, 0, () => {
      const isUp = this.isUp(to);
      leg(to, from, 1, (nowNs) => {
        if (isUp) request();
        else {
          queue.cancel(timeout);
          fail(nowNs, 'refused');
        }
      });
    });
  }

  get delayNsMax(): number {
    return this.conditions.latencyMaxNs;
  }

  plainDelayNsMax(a: number, b: number): number {
    if (this.conditions.lossRatio > 0) return -1;
    if (this.#cuts.size > 0 && (this.isCut(a, b, 'udp') || this.isCut(b, a, 'udp'))) return -1;
    return this.conditions.latencyMaxNs;
  }

  get plainDelayNsMaxOfAll(): number {
    const isPlain = this.conditions.lossRatio === 0 && this.#cuts.size === 0;
    return isPlain ? this.conditions.latencyMaxNs : -1;
  }

  /** True when nothing of the protocol gets from one member to another. */
  isCut(from: number, to: number, protocol: CutProtocol): boolean {
    const cut = this.#cuts.get(`${from} ${to}`);
    return cut === 'all' || cut === protocol;
  }

  #arrivalNs(from: number, to: number, nowNs: number, draw: number): number {
    const { latencyMinNs, latencyMaxNs, lossRatio } = this.conditions;
    if (drawChance(this.#lossKey, lossRatio, from, to, draw)) return LOST;
    const spanNs = latencyMaxNs - latencyMinNs + 1;
    return nowNs + latencyMinNs + drawBelow(this.#latencyKey, spanNs, from, to, draw);
  }
}
