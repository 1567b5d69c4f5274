/**
 * A cluster of members over a {@link PlainUnderlay}, for tests of membership. Names have 8 characters
 * as in the measured runs of the real memberlist, so that sizes agree with theirs.
 */
import type { Observation, ObservationKind } from '../../sim/observations.ts';
import { MICROSECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { type IpAddress, ipv6Of } from '../../wire/ip-address.ts';
import { LAN, type SwimConfig } from '../constants.ts';
import { Swim } from '../swim.ts';
import { PlainUnderlay } from './plain-underlay.ts';

/** Settings of a test cluster. */
export interface TestClusterInit {
  readonly seed: string;
  readonly count: number;
  readonly config?: SwimConfig;
  readonly shortcuts?: boolean;
  readonly latencyMinNs?: number;
  readonly latencyMaxNs?: number;
  readonly lossRatio?: number;
  /** When each member starts; all at 0 unless given. */
  readonly startAtNs?: (member: number) => number;
  /** Whether members have addresses of 2001:db8::/32 instead of 10.0.0.0/8. */
  readonly isIpv6?: boolean;
  /** What a member is called; `node-000` and so on unless given. */
  readonly nameOf?: (member: number, address: IpAddress) => string;
  /** Where each member's configuration differs; nowhere unless given. */
  readonly configOf?: (member: number) => Partial<SwimConfig>;
  /** How much too fast each member's clock runs; not at all unless given. */
  readonly clockDriftRatio?: (member: number) => number;
}

/** See the module comment. */
export class TestCluster {
  readonly #init: TestClusterInit;
  readonly world: World;
  readonly underlay: PlainUnderlay;
  readonly swim: Swim;

  constructor(init: TestClusterInit) {
    this.#init = init;
    this.world = new World(init.seed);
    this.underlay = new PlainUnderlay(this.world, {
      latencyMinNs: init.latencyMinNs ?? 100 * MICROSECOND_NS,
      latencyMaxNs: init.latencyMaxNs ?? 300 * MICROSECOND_NS,
      lossRatio: init.lossRatio ?? 0,
    });
    this.swim = new Swim({
      world: this.world,
      underlay: this.underlay,
      config: init.config ?? LAN,
      shortcuts: init.shortcuts ?? true,
    });
    this.underlay.isUp = (member) => this.swim.isUp(member);
    for (let i = 0; i < init.count; i++) this.add(init.startAtNs?.(i) ?? 0);
  }

  /** Adds a member called `node-000` and so on, of 8 characters. */
  add(startAtNs: number = this.world.nowNs): number {
    const member = this.swim.memberCount;
    const isIpv6 = this.#init.isIpv6 === true;
    const address = isIpv6 ? ipv6Of(0x2001_0db8, 0, 0, member + 1) : 0x0a00_0001 + member;
    const usualName = `node-${String(member).padStart(3, '0')}`;
    const name = this.#init.nameOf?.(member, address) ?? usualName;
    const config = this.#init.configOf?.(member) ?? {};
    const clockDriftRatio = this.#init.clockDriftRatio?.(member) ?? 0;
    return this.swim.addMember({ name, address, startAtNs, config, clockDriftRatio });
  }

  /** Runs for a span, ns. */
  run(spanNs: number): void {
    this.world.queue.runUntil(this.world.nowNs + spanNs);
  }

  /** Observations of a kind from now on. */
  record(kind?: ObservationKind): Observation[] {
    const observations: Observation[] = [];
    this.world.observations.subscribe(kind, (observation) => observations.push(observation));
    return observations;
  }
}
