/** What a scenario says of gossip is what its members do: profiles, tunables, hosts that differ. */
import { expect, test } from 'vitest';
import { DOCKER, PROFILES } from '../../gossip/constants.ts';
import { MEMBERLIST_0_2_2, MEMBERLIST_0_6_0 } from '../../gossip/memberlist-version.ts';
import { clusterConfigOf, gossip, hostConfigOf, swimConfigOf } from '../language/gossip.ts';
import { nodeNamesOf } from '../language/node-names.ts';
import type { ScenarioInput } from '../language/scenario.ts';
import { loadScenarioObject } from '../load.ts';
import { runScenario } from '../run/run-scenario.ts';

const NODES = nodeNamesOf({ managers: 1, workers: 3, racks: { rack: ['worker-1', 'worker-3'] } });

/** One value for every tunable, none of them a default of any profile. */
const EVERYTHING = {
  memberlist: '0.6.0',
  'tcp-timeout': '7s',
  'indirect-checks': 5,
  'retransmit-mult': 9,
  'suspicion-mult': 8,
  'suspicion-max-timeout-mult': 7,
  'push-pull-interval': '0s',
  'probe-interval': '3s',
  'probe-timeout': '450ms',
  'disable-tcp-pings': true,
  'awareness-max-multiplier': 1,
  'gossip-nodes': 6,
  'gossip-interval': '150ms',
  'gossip-to-the-dead-time': '1m30s',
  'dead-node-reclaim-time': '5s',
  'udp-buffer-size': '1kB',
  'max-push-state-bytes': '1MiB',
  'enable-compression': false,
  label: 'blue',
  'skip-inbound-label-check': true,
  'require-node-names': true,
  'handoff-queue-depth': 64,
  keyring: ['new', 'old'],
  'gossip-verify-incoming': false,
  'gossip-verify-outgoing': false,
  'protocol-version': 4,
  'protocol-version-min': 2,
  'protocol-version-max': 4,
  'delegate-protocol-version': 5,
  'delegate-protocol-min': 2,
  'delegate-protocol-max': 6,
  'cidrs-allowed': ['10.0.0.0/8'],
  'buddy-refutation': false,
};

test('every field of the configuration can be set', () => {
  const config = swimConfigOf(gossip.parse(EVERYTHING));
  const { hasKeyring: _follows, ...usual } = DOCKER;
  const fields = Object.keys(usual) as (keyof typeof usual)[];
  const untouched = fields.filter((field) => !(field in config) || config[field] === usual[field]);
  expect(untouched).toEqual([]);
  expect(config).toMatchObject({
    memberlist: MEMBERLIST_0_6_0,
    probeTimeoutNs: 450_000_000,
    udpBufferBytes: 1000,
    cidrsAllowed: [{ address: 0x0a00_0000, lengthBits: 8 }],
  });
});

test.each(Object.keys(PROFILES))('the profile %s', (profile) => {
  expect(clusterConfigOf(gossip.parse({ profile }))).toEqual(PROFILES[profile]);
});

test('hosts differ by name, rack and pattern, and the last word counts', () => {
  const section = gossip.parse({
    'probe-interval': '2s',
    hosts: {
      'worker-*': { 'gossip-nodes': 2 },
      rack: { 'gossip-nodes': 4, memberlist: '0.2.2' },
      'worker-3': { 'gossip-nodes': 5 },
    },
  });
  expect(NODES.names.map((_, host) => hostConfigOf(section, NODES, host))).toEqual([
    {},
    { gossipNodes: 4, memberlist: MEMBERLIST_0_2_2 },
    { gossipNodes: 2 },
    { gossipNodes: 5, memberlist: MEMBERLIST_0_2_2 },
  ]);
});

function run(input: Partial<ScenarioInput>) {
  const scenario = { name: 'x', until: '40s', ...input } as ScenarioInput;
  const { loaded, issues } = loadScenarioObject(scenario, 'x.yaml', () => undefined);
  if (loaded === undefined) throw new Error(issues.map(({ message }) => message).join());
  return runScenario(loaded);
}

test('a crash is detected as fast as the tunables say, and only by those who heard of the host', () => {
  const timeline = [{ at: '15s', crash: 'worker-2' }];
  const detected = (section: object): number => {
    const { result } = run({ cluster: { workers: 3, gossip: section }, timeline });
    return result.measures['membership.detected']!.value!;
  };
  const usual = detected({});
  const slower = detected({ 'suspicion-mult': 8 });
  expect(slower).toBeGreaterThan(usual + 2);
});

test('hosts without a common key or label do not meet', () => {
  const known = (hosts: Record<string, object>): number[] => {
    const { cluster } = run({ until: '10s', cluster: { workers: 3, gossip: { hosts } } });
    return cluster.machines.map(({ member }) => cluster.swim.numMembers(member!));
  };
  const keyring = { keyring: ['other'] };
  expect(known({ 'worker-2': keyring })).toEqual([3, 3, 1, 3]);
  expect(known({ 'worker-2': keyring, 'worker-3': { label: 'blue' } })).toEqual([2, 2, 1, 1]);
  // who has no key sends in the clear, and the others refuse that
  expect(known({ 'worker-2': { keyring: [] } })).toEqual([3, 3, 1, 3]);
  // 0.2.2 knows no labels
  const blue = { label: 'blue' };
  const hosts = { all: blue, 'worker-1': { ...blue, memberlist: '0.2.2' } };
  expect(known(hosts)).toEqual([3, 1, 3, 3]);
});
