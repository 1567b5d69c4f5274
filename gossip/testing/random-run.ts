/**
 * Random small clusters and what befalls them: loss, one-way cuts of UDP, TCP or both, partitions,
 * pauses, starved processes, clocks that drift, crashes, joins, leaves; members that differ in their
 * versions, keys, labels, protocols and tunables, and delegates that refuse and measure. For tests that
 * hold two ways of executing the same run to the same outcome.
 */
import fc from 'fast-check';
import type { SpanDistribution } from '../../sim/span-distribution.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { formatIp, parseIpPrefix } from '../../wire/ip-address.ts';
import { DOCKER, LAN, LOCAL, type SwimConfig, WAN } from '../constants.ts';
import { Counter } from '../counters.ts';
import { MEMBERLIST_VERSIONS } from '../memberlist-version.ts';
import type { Starvation } from '../transport/starvation.ts';
import type { CutProtocol } from './plain-underlay.ts';
import { ScriptDelegate } from './script-delegate.ts';
import { TestCluster } from './test-cluster.ts';

const MEMBER_ACTS = [
  'crash',
  'start',
  'pause',
  'block',
  'resume',
  'leave',
  'update',
  'add',
] as const;

/** What happens to a member, to a pair, or to all; members are taken modulo their number. */
type Act =
  | { readonly kind: (typeof MEMBER_ACTS)[number] | 'relieve'; readonly a: number }
  | { readonly kind: 'starve'; readonly a: number; readonly starvation: Starvation }
  | {
      /** One way between two, one way from one to all, both ways between the first few and the rest. */
      readonly kind: 'cut' | 'silence' | 'partition';
      readonly a: number;
      readonly b: number;
      readonly protocol: CutProtocol;
    }
  | { readonly kind: 'heal' }
  | { readonly kind: 'loss'; readonly percent: number };

/** The first seven members, of either family. */
const FIRST_SEVEN = ['10.0.0.0/29', '2001:db8::/125'].map((text) => parseIpPrefix(text)!);

/** How members differ from each other. */
const MIXES = {
  alike: () => ({}),
  versions: (i: number) => ({ memberlist: MEMBERLIST_VERSIONS[i % 3]! }),
  keyrings: (i: number) => ({ keyring: i % 4 === 3 ? ['old'] : ['new', 'old'], hasKeyring: true }),
  protocols: (i: number) => ({ protocolVersion: 1 + (i % 3), protocolVersionMax: 3 + (i % 3) }),
  strangers: (i: number) => ({ delegateProtocolMin: i % 4 === 3 ? 1 : 0 }),
  labels: (i: number) => ({
    label: i % 5 === 4 ? 'green' : '',
    skipInboundLabelCheck: i % 3 === 2,
  }),
  neighbours: (i: number) => (i % 3 === 1 ? { cidrsAllowed: FIRST_SEVEN } : {}),
  tunables: (i: number) => ({
    probeIntervalNs: (1 + (i % 3)) * SECOND_NS,
    probeTimeoutNs: (300 + 400 * (i % 3)) * MILLISECOND_NS,
    gossipIntervalNs: (100 + 100 * (i % 4)) * MILLISECOND_NS,
    gossipNodes: 1 + (i % 4),
    indirectChecks: i % 4,
    retransmitMult: 2 + (i % 3),
    suspicionMult: 2 + (i % 4),
    awarenessMaxMultiplier: 1 + 7 * (i % 2),
    gossipToTheDeadTimeNs: (2 + (i % 5)) * SECOND_NS,
    pushPullIntervalNs: (i % 3) * 5 * SECOND_NS,
    deadNodeReclaimTimeNs: (i % 2) * SECOND_NS,
    disableTcpPings: i % 2 === 0,
    enableCompression: i % 3 !== 0,
    handoffQueueDepth: 1 + (i % 3),
    udpBufferBytes: 400 + 500 * (i % 3),
  }),
} satisfies Record<string, (member: number) => Partial<SwimConfig>>;

/** One random run. */
export interface RandomRun {
  readonly seed: number;
  readonly count: number;
  readonly config: SwimConfig;
  readonly latencyMs: number;
  readonly isSpread: boolean;
  readonly isEstablished: boolean;
  readonly isIpv6: boolean;
  /** Clocks are fast or slow by up to so much. */
  readonly driftRatio: number;
  readonly mix: keyof typeof MIXES;
  /** What the delegate does besides listening. */
  readonly delegate: 'nothing' | 'refuses' | 'measures pings';
  readonly steps: readonly { readonly afterMs: number; readonly act: Act }[];
}

const MEMBERS_MAX = 60;

const member = fc.nat(MEMBERS_MAX - 1);

const wait: fc.Arbitrary<SpanDistribution> = fc.constantFrom<SpanDistribution>(
  { kind: 'uniform', minNs: 1500 * MILLISECOND_NS, maxNs: 1500 * MILLISECOND_NS },
  { kind: 'uniform', minNs: 100 * MILLISECOND_NS, maxNs: 900 * MILLISECOND_NS },
  { kind: 'exponential', meanNs: 300 * MILLISECOND_NS },
  { kind: 'lognormal', medianNs: 200 * MILLISECOND_NS, sigma: 1 },
  { kind: 'pareto', minNs: 20 * MILLISECOND_NS, alpha: 1.1 },
);

const starvation: fc.Arbitrary<Starvation> = fc.record({
  wait,
  shareRatio: fc.constantFrom(0.3, 1),
  burstNs: fc.constantFrom(100, 1000, 7000).map((ms) => ms * MILLISECOND_NS),
});

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ kind: fc.constantFrom(...MEMBER_ACTS), a: member }),
  fc.record({ kind: fc.constant('starve' as const), a: member, starvation }),
  fc.record({ kind: fc.constant('relieve' as const), a: member }),
  fc.record({
    kind: fc.constantFrom('cut', 'silence', 'partition'),
    a: member,
    b: member,
    protocol: fc.constantFrom('udp', 'tcp', 'all'),
  }),
  fc.record({ kind: fc.constant('heal' as const) }),
  fc.record({ kind: fc.constant('loss' as const), percent: fc.constantFrom(0, 0, 20) }),
);

/** Random runs of 2 to `countMax` members, mostly few, with up to `stepsMax` things that happen. */
export function randomRuns(countMax: number, stepsMax: number): fc.Arbitrary<RandomRun> {
  return fc.record({
    seed: fc.nat(9999),
    count: fc.oneof(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 2, max: countMax })),
    config: fc.constantFrom(LAN, DOCKER, LOCAL, WAN),
    latencyMs: fc.constantFrom(0.2, 3),
    isSpread: fc.boolean(),
    isEstablished: fc.boolean(),
    isIpv6: fc.boolean(),
    driftRatio: fc.constantFrom(0, 0, 0.0002, 0.1),
    mix: fc.constantFrom('alike', 'alike', 'alike', ...(Object.keys(MIXES) as ['alike'])),
    delegate: fc.constantFrom('nothing', 'nothing', 'refuses', 'measures pings'),
    steps: fc.array(fc.record({ afterMs: fc.nat(6000), act }), { maxLength: stepsMax }),
  });
}

/** Everything that can be observed of a run: digest, counters, and what the members hold. */
export function outcomeOf(init: RandomRun, shortcuts: boolean): unknown {
  const isNamedByAddress = init.mix === 'protocols' && init.seed % 2 === 0;
  const cluster = new TestCluster({
    seed: String(init.seed),
    count: init.count,
    config: init.config,
    shortcuts,
    latencyMaxNs: init.latencyMs * MILLISECOND_NS,
    startAtNs: (i) => (init.isSpread ? i * 37 * MILLISECOND_NS : 0),
    configOf: MIXES[init.mix],
    isIpv6: init.isIpv6,
    ...(isNamedByAddress ? { nameOf: (_, address) => formatIp(address) } : {}),
    clockDriftRatio: (i) => init.driftRatio * (((i * 7) % 5) / 2 - 1),
  });
  const { swim, world } = cluster;
  const heard: string[] = [];
  const delegate = new ScriptDelegate((text) => heard.push(`${world.nowNs} ${text}`));
  if (init.delegate === 'measures pings') delegate.watchPings(20);
  if (init.delegate === 'refuses') {
    delegate.refuse('alive', 1, 0);
    delegate.refuse('merge', 2, 0);
  }
  swim.setDelegate(delegate);
  cluster.run(3000 * MILLISECOND_NS);
  if (init.isEstablished) swim.establish();
  else for (let i = 1; i < init.count; i++) swim.join(i, [0]);
  for (const { afterMs, act } of init.steps) {
    cluster.run(afterMs * MILLISECOND_NS);
    perform(cluster, act);
  }
  cluster.run(45_000 * MILLISECOND_NS);
  const each = Array.from({ length: swim.memberCount }, (_, i) => [
    ...Object.values(Counter).map((counter) => swim.counterOf(i, counter)),
    swim.awarenessOf(i),
    swim.membersOf(i).join(' '),
  ]);
  return { digest: world.observations.digest.text, each, heard };
}

function perform(cluster: TestCluster, act: Act): void {
  const { swim, underlay } = cluster;
  const memberAt = (index: number): number => index % swim.memberCount;
  switch (act.kind) {
    case 'crash':
      swim.crash(memberAt(act.a));
      break;
    case 'start': {
      const one = memberAt(act.a);
      if (swim.isUp(one)) break;
      swim.start(one);
      swim.join(one, [memberAt(one + 1)]);
      break;
    }
    case 'pause':
      swim.pause(memberAt(act.a));
      break;
    case 'block':
      swim.block(memberAt(act.a));
      break;
    case 'resume':
      swim.resume(memberAt(act.a));
      break;
    case 'starve':
      swim.starve(memberAt(act.a), act.starvation);
      break;
    case 'relieve':
      swim.relieve(memberAt(act.a));
      break;
    case 'leave':
      swim.leave(memberAt(act.a), 2000 * MILLISECOND_NS);
      break;
    case 'update':
      if (swim.isRunning(memberAt(act.a))) swim.updateMeta(memberAt(act.a), Uint8Array.of(act.a));
      break;
    case 'add':
      swim.join(cluster.add(), [memberAt(act.a)]);
      break;
    case 'heal':
      swim.beforeUnderlayChange();
      underlay.healAll();
      break;
    case 'loss':
      swim.beforeUnderlayChange();
      underlay.conditions = { ...underlay.conditions, lossRatio: act.percent / 100 };
      break;
    default:
      swim.beforeUnderlayChange();
      for (const [from, to] of pairsOf(act.kind, memberAt(act.a), memberAt(act.b))) {
        underlay.cut(from, to, act.protocol);
      }
  }
}

function pairsOf(kind: 'cut' | 'silence' | 'partition', a: number, b: number): [number, number][] {
  if (kind === 'cut') return [[a, b]];
  const all = Array.from({ length: MEMBERS_MAX }, (_, i) => i);
  if (kind === 'silence') return all.map((other) => [a, other]);
  const isLeft = (i: number): boolean => i <= a;
  return all.flatMap((from) =>
    all.filter((to) => isLeft(from) !== isLeft(to)).map((to): [number, number] => [from, to]),
  );
}
