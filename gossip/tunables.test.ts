/**
 * Every field of the configuration does something: the same eventful two minutes of seven members end
 * otherwise with it, when all members have it and when one does.
 */
import { expect, test } from 'vitest';
import { MILLISECOND_NS, SECOND_NS } from '../sim/time.ts';
import { parseIpPrefix } from '../wire/ip-address.ts';
import { LAN, type SwimConfig } from './constants.ts';
import { Counter } from './counters.ts';
import { MEMBERLIST_0_2_2 } from './memberlist-version.ts';
import { TestCluster } from './testing/test-cluster.ts';

type Tunables = Partial<SwimConfig>;

const COUNT = 7;
/** The one that differs from the others. */
const ODD = 1;

/** All that can be seen of the two minutes. */
function outcomeOf(base: Tunables, all: Tunables, one: Tunables, others: Tunables): string {
  const config = { ...LAN, ...base, ...all };
  const configOf = (member: number) => (member === ODD ? one : member === 2 ? others : {});
  const startAtNs = (member: number) => member * 137 * MILLISECOND_NS;
  const cluster = new TestCluster({ seed: 'eventful', count: COUNT, config, configOf, startAtNs });
  const { swim, underlay, world } = cluster;
  const joins: string[] = [];
  const join = (member: number, ...seeds: number[]): void =>
    swim.join(member, seeds, (ok, nowNs) => joins.push(`${member} ${ok} ${nowNs}`));
  const isolate = (member: number, protocol: 'udp' | 'all'): void => {
    swim.beforeUnderlayChange();
    for (let other = 0; other < COUNT; other++) {
      if (other === member) continue;
      underlay.cut(member, other, protocol);
      underlay.cut(other, member, protocol);
    }
  };
  const heal = (): void => {
    swim.beforeUnderlayChange();
    underlay.healAll();
  };
  cluster.run(SECOND_NS);
  const wait = { kind: 'uniform', minNs: SECOND_NS, maxNs: SECOND_NS } as const;
  swim.starve(ODD, { wait, shareRatio: 1, burstNs: SECOND_NS });
  for (let i = 1; i < COUNT; i++) join(i, 0);
  cluster.run(5 * SECOND_NS);
  swim.relieve(ODD);
  join(2, ODD);
  cluster.run(5 * SECOND_NS);
  isolate(3, 'udp');
  swim.crash(5);
  cluster.run(15 * SECOND_NS);
  swim.start(5, { address: 0x0a00_00ff });
  join(5, 0);
  heal();
  swim.leave(4, SECOND_NS);
  cluster.run(5 * SECOND_NS);
  isolate(ODD, 'all');
  join(ODD, 0);
  cluster.run(40 * SECOND_NS);
  heal();
  join(ODD, 0);
  cluster.run(50 * SECOND_NS);
  const each = Array.from({ length: COUNT }, (_, i) => [
    ...Object.values(Counter).map((counter) => swim.counterOf(i, counter)),
    swim.awarenessOf(i),
    swim.membersOf(i).join(' '),
  ]);
  return JSON.stringify([world.observations.digest.text, joins, each]);
}

/** What is changed, and among whom it matters: a configuration of all, and what another member has. */
interface Row {
  readonly change: Tunables;
  readonly base?: Tunables;
  readonly others?: Tunables;
}

const ENCRYPTED = { hasKeyring: true } as const;
const KEYS = { hasKeyring: true, keyring: ['new', 'old'] } as const;

const ROWS: Readonly<Record<keyof SwimConfig, Row>> = {
  memberlist: { change: { memberlist: MEMBERLIST_0_2_2 } },
  tcpTimeoutNs: { change: { tcpTimeoutNs: 3 * SECOND_NS } },
  indirectChecks: { change: { indirectChecks: 1 } },
  retransmitMult: { change: { retransmitMult: 2 } },
  suspicionMult: { change: { suspicionMult: 6 } },
  suspicionMaxTimeoutMult: { change: { suspicionMaxTimeoutMult: 2 } },
  pushPullIntervalNs: { change: { pushPullIntervalNs: 7 * SECOND_NS } },
  probeIntervalNs: { change: { probeIntervalNs: 2 * SECOND_NS } },
  probeTimeoutNs: { change: { probeTimeoutNs: 200 * MILLISECOND_NS } },
  disableTcpPings: { change: { disableTcpPings: true } },
  awarenessMaxMultiplier: { change: { awarenessMaxMultiplier: 2 } },
  gossipNodes: { change: { gossipNodes: 1 } },
  gossipIntervalNs: { change: { gossipIntervalNs: 300 * MILLISECOND_NS } },
  gossipToTheDeadTimeNs: { change: { gossipToTheDeadTimeNs: 5 * SECOND_NS } },
  deadNodeReclaimTimeNs: { change: { deadNodeReclaimTimeNs: SECOND_NS } },
  udpBufferBytes: { change: { udpBufferBytes: 200 } },
  maxPushStateBytes: { change: { maxPushStateBytes: 200 }, base: ENCRYPTED },
  enableCompression: { change: { enableCompression: false } },
  hasKeyring: { change: { hasKeyring: true } },
  keyring: { change: { keyring: ['old', 'new'] }, base: KEYS, others: { keyring: ['new'] } },
  gossipVerifyIncoming: {
    change: { gossipVerifyIncoming: false },
    base: ENCRYPTED,
    others: { gossipVerifyOutgoing: false },
  },
  gossipVerifyOutgoing: { change: { gossipVerifyOutgoing: false }, base: ENCRYPTED },
  label: { change: { label: 'blue' } },
  skipInboundLabelCheck: { change: { skipInboundLabelCheck: true }, base: { label: 'blue' } },
  requireNodeNames: { change: { requireNodeNames: true } },
  handoffQueueDepth: { change: { handoffQueueDepth: 1 } },
  protocolVersionMin: { change: { protocolVersionMin: 3, protocolVersion: 3 } },
  protocolVersionMax: { change: { protocolVersionMax: 2 } },
  protocolVersion: { change: { protocolVersion: 1 }, base: ENCRYPTED },
  delegateProtocolMin: { change: { delegateProtocolMin: 1, delegateProtocolVersion: 1 } },
  delegateProtocolMax: {
    change: { delegateProtocolMax: 1 },
    base: { delegateProtocolMax: 2 },
    others: { delegateProtocolVersion: 2 },
  },
  delegateProtocolVersion: {
    change: { delegateProtocolVersion: 1 },
    base: { delegateProtocolMax: 1 },
    others: { delegateProtocolMax: 0 },
  },
  cidrsAllowed: { change: { cidrsAllowed: [parseIpPrefix('10.0.0.0/30')!] } },
  buddyRefutation: { change: { buddyRefutation: false } },
};

test.each(Object.entries(ROWS))('%s', (field, { change, base = {}, others = {} }) => {
  expect(Object.keys(change)).toContain(field);
  const usual = outcomeOf(base, {}, {}, others);
  expect(outcomeOf(base, change, {}, others) === usual, 'for all').toBe(false);
  expect(outcomeOf(base, {}, change, others) === usual, 'for one').toBe(false);
});
