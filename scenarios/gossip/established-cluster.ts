/**
 * The cluster that gossip experiments begin with: members that have known each other for long, on a
 * uniform network, one probe interval after their start.
 *
 * Members start at drawn instants within one probe interval, so that their ticks are spread as those
 * of processes that nobody started together. Names are those of the measured runs of the real
 * memberlist (`node-007`), since their length is part of every message's size.
 */
import type { SwimConfig } from '../../gossip/constants.ts';
import { Swim } from '../../gossip/swim.ts';
import { drawBelow } from '../../sim/chance.ts';
import { World } from '../../sim/world.ts';
import { type IpAddress, ipv6Of } from '../../wire/ip-address.ts';
import { type UniformConditions, UniformNetwork } from './uniform-network.ts';

const NAME_DIGITS_MIN = 3;

/** The members' addresses: 10.0.0.1 and on, or 2001:db8::1 and on. */
function addressOf(member: number, isIpv6: boolean): IpAddress {
  return isIpv6 ? ipv6Of(0x2001_0db8, 0, 0, member + 1) : 0x0a00_0001 + member;
}

/** What every gossip experiment is told. */
export interface ClusterInit extends UniformConditions {
  readonly seed: string;
  readonly memberCount: number;
  readonly config: SwimConfig;
  /** Whether members have IPv6 addresses, which messages are longer by; IPv4 unless given. */
  readonly isIpv6?: boolean;
  /** False executes literally what shortcuts would skip. */
  readonly shortcuts?: boolean;
  /** How much too fast each member's clock runs; none unless given. */
  readonly clockDriftRatioOf?: (member: number) => number;
}

/** See the module comment. */
export class EstablishedCluster {
  readonly world: World;
  readonly network: UniformNetwork;
  readonly swim: Swim;
  readonly memberCount: number;

  constructor(init: ClusterInit) {
    const { memberCount, config } = init;
    this.world = new World(init.seed);
    this.memberCount = memberCount;
    this.network = new UniformNetwork(this.world, init, (member) => this.swim.isUp(member));
    this.swim = new Swim({
      world: this.world,
      underlay: this.network,
      config,
      shortcuts: init.shortcuts ?? true,
    });
    const digits = Math.max(NAME_DIGITS_MIN, String(memberCount - 1).length);
    const key = this.world.chance.key('gossip-experiment.start');
    // in the order of their starts, and so of their tickers: who ticks next stands next in memory
    const startsAtNs = Float64Array.from({ length: memberCount }, (_, i) =>
      drawBelow(key, config.probeIntervalNs, i),
    ).sort();
    this.swim.reserve(memberCount);
    for (let i = 0; i < memberCount; i++) {
      const name = `node-${String(i).padStart(digits, '0')}`;
      const clockDriftRatio = init.clockDriftRatioOf?.(i) ?? 0;
      const address = addressOf(i, init.isIpv6 === true);
      const startAtNs = Number.POSITIVE_INFINITY;
      this.swim.addMember({ name, address, startAtNs, clockDriftRatio });
    }
    this.world.queue.runUntil(config.probeIntervalNs);
    this.swim.establish(startsAtNs);
    this.runFor(config.probeIntervalNs);
  }

  /** Lets that much virtual time pass. */
  runFor(spanNs: number): void {
    this.world.queue.runUntil(this.world.nowNs + spanNs);
  }
}
