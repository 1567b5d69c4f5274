/**
 * Membership's configuration in a scenario: a profile, memberlist's tunables under upstream's names
 * in the scenario's spelling (`probe-interval` is `ProbeInterval`), and hosts that differ in them.
 *
 * What comes out are configurations of `gossip/`: one for the cluster, and for each host what is
 * special about it.
 */
import { z } from 'zod';
import { DOCKER, PROFILES, type SwimConfig } from '../../gossip/constants.ts';
import { MEMBERLIST_VERSIONS } from '../../gossip/memberlist-version.ts';
import { formatIpPrefix, maskedIp, parseIpPrefix } from '../../wire/ip-address.ts';
import { utf8Bytes } from '../../wire/utf8.ts';
import { type NodeNames, selectNodes } from './node-names.ts';
import { quantity, size, span } from './quantities.ts';

/** `LabelMaxSize`. */
const LABEL_BYTES_MAX = 255;
/** What a UDP datagram over IPv4 can carry. */
const UDP_BYTES_MAX = 65_507;

const count = (min: number, max: number, what: string) =>
  z.int().min(min).max(max).optional().meta({ description: what });
const flag = (what: string) => z.boolean().optional().meta({ description: what });
const time = (what: string) => span.optional().meta({ description: what });

/** Addresses with a common prefix. */
const prefix = quantity(
  (text) => {
    const parsed = parseIpPrefix(text);
    if (parsed === undefined) return { error: `'${text}' is not a network` };
    const network = { ...parsed, address: maskedIp(parsed.address, parsed.lengthBits) };
    if (network.address === parsed.address) return network;
    return { error: `${text} is an address`, hint: `did you mean ${formatIpPrefix(network)}?` };
  },
  'a network',
  '192.168.56.0/22',
);

const versions = MEMBERLIST_VERSIONS.map(({ text }) => text);

/** memberlist's tunables, all optional. */
const tunables = {
  memberlist: z
    .enum(versions as [string, ...string[]])
    .optional()
    .meta({ description: `whose behaviour: ${versions.join(', ')}; default: the engine's` }),
  'tcp-timeout': time('how long a stream may take, such as 10s'),
  'indirect-checks': count(0, 64, 'how many are asked to ping for a prober, from 0 to 64'),
  'retransmit-mult': count(1, 100, 'a message is sent so often times the digits of n'),
  'suspicion-mult': count(1, 100, 'suspicion lasts so long times the digits of n'),
  'suspicion-max-timeout-mult': count(1, 100, 'without confirmations it lasts so much longer'),
  'push-pull-interval': time('how often whole states are exchanged; 0s is never'),
  'probe-interval': time('how often a member is probed; 0s is never'),
  'probe-timeout': time('when a ping is late'),
  'disable-tcp-pings': flag('no TCP ping after a UDP ping was late'),
  'awareness-max-multiplier': count(1, 255, 'an unhealthy prober waits so much longer, at most'),
  'gossip-nodes': count(0, 256, 'how many members hear gossip at once, from 0 to 256'),
  'gossip-interval': time('how often gossip is sent; 0s is never'),
  'gossip-to-the-dead-time': time('how long the dead still hear gossip and are listed'),
  'dead-node-reclaim-time': time('when a dead name may come from elsewhere; 0s is never'),
  'udp-buffer-size': size
    .refine((bytes) => bytes <= UDP_BYTES_MAX, 'a datagram cannot be so large')
    .optional()
    .meta({ description: 'bytes of a packet, such as 1400' }),
  'max-push-state-bytes': size.optional().meta({
    description: 'the longest encrypted stream that is taken; default 20MiB, which nobody can set',
  }),
  'enable-compression': flag('streams are compressed, and packets that become smaller'),
  label: z
    .string()
    .refine((text) => utf8Bytes(text) <= LABEL_BYTES_MAX, 'a label has at most 255 bytes')
    .optional()
    .meta({ description: 'in front of every packet; members with another one are not heard' }),
  'skip-inbound-label-check': flag('somebody takes the labels off before members read'),
  'require-node-names': flag('nothing goes to addresses without names; joins by address fail'),
  'handoff-queue-depth': count(1, 1 << 20, 'so many messages wait in a process, of each priority'),
  keyring: z.array(z.string().min(1)).optional().meta({
    description: 'names of keys, the primary first; who shares none is not heard, [] has none',
  }),
  'gossip-verify-incoming': flag('with a keyring, what is not encrypted is refused'),
  'gossip-verify-outgoing': flag('with a keyring, what is sent is encrypted'),
  'protocol-version': count(1, 5, 'what is spoken, from 1 to 5; 1 pads what it encrypts'),
  'protocol-version-min': count(1, 5, 'the oldest that is understood'),
  'protocol-version-max': count(1, 5, 'the newest that is understood'),
  'delegate-protocol-version': count(0, 255, 'the same of the delegate'),
  'delegate-protocol-min': count(0, 255, 'the same of the delegate'),
  'delegate-protocol-max': count(0, 255, 'the same of the delegate'),
  'cidrs-allowed': z.array(prefix).optional().meta({
    description: 'where members may be, such as [192.168.56.0/22]; default: anywhere',
  }),
  'buddy-refutation': flag('a ping to a suspect carries the suspicion'),
};

type Tunables = z.output<z.ZodObject<typeof tunables>>;

/** The field of the configuration that a tunable sets. */
const FIELDS: Readonly<Record<keyof Tunables, keyof SwimConfig>> = {
  memberlist: 'memberlist',
  'tcp-timeout': 'tcpTimeoutNs',
  'indirect-checks': 'indirectChecks',
  'retransmit-mult': 'retransmitMult',
  'suspicion-mult': 'suspicionMult',
  'suspicion-max-timeout-mult': 'suspicionMaxTimeoutMult',
  'push-pull-interval': 'pushPullIntervalNs',
  'probe-interval': 'probeIntervalNs',
  'probe-timeout': 'probeTimeoutNs',
  'disable-tcp-pings': 'disableTcpPings',
  'awareness-max-multiplier': 'awarenessMaxMultiplier',
  'gossip-nodes': 'gossipNodes',
  'gossip-interval': 'gossipIntervalNs',
  'gossip-to-the-dead-time': 'gossipToTheDeadTimeNs',
  'dead-node-reclaim-time': 'deadNodeReclaimTimeNs',
  'udp-buffer-size': 'udpBufferBytes',
  'max-push-state-bytes': 'maxPushStateBytes',
  'enable-compression': 'enableCompression',
  label: 'label',
  'skip-inbound-label-check': 'skipInboundLabelCheck',
  'require-node-names': 'requireNodeNames',
  'handoff-queue-depth': 'handoffQueueDepth',
  keyring: 'keyring',
  'gossip-verify-incoming': 'gossipVerifyIncoming',
  'gossip-verify-outgoing': 'gossipVerifyOutgoing',
  'protocol-version': 'protocolVersion',
  'protocol-version-min': 'protocolVersionMin',
  'protocol-version-max': 'protocolVersionMax',
  'delegate-protocol-version': 'delegateProtocolVersion',
  'delegate-protocol-min': 'delegateProtocolMin',
  'delegate-protocol-max': 'delegateProtocolMax',
  'cidrs-allowed': 'cidrsAllowed',
  'buddy-refutation': 'buddyRefutation',
};

/** Tunables of some members. */
export const gossipTunables = z.strictObject(tunables);

/** `cluster.gossip`. */
export const gossip = z
  .strictObject({
    profile: z.enum(Object.keys(PROFILES) as [string, ...string[]]).default('docker'),
    ...tunables,
    hosts: z.record(z.string(), gossipTunables).optional().meta({
      description: 'tunables of a node, a rack, workers, managers, all or a pattern worker-*',
    }),
  })
  .meta({ description: "membership's configuration: a profile, and what differs from it" });

/** `cluster.gossip` as it was read. */
export type GossipSection = z.output<typeof gossip>;

/** What these tunables say, as fields of a configuration. */
export function swimConfigOf(tuned: Partial<Tunables>): Partial<SwimConfig> {
  const config: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(FIELDS)) {
    const value = tuned[name as keyof Tunables];
    if (value === undefined) continue;
    config[field] =
      field === 'memberlist' ? MEMBERLIST_VERSIONS.find(({ text }) => text === value) : value;
  }
  if (tuned.keyring !== undefined) config['hasKeyring'] = tuned.keyring.length > 0;
  return config as Partial<SwimConfig>;
}

/** The configuration of members of which nothing special is said; Docker's without a section. */
export function clusterConfigOf(section: GossipSection | undefined): SwimConfig {
  return section === undefined
    ? DOCKER
    : { ...PROFILES[section.profile]!, ...swimConfigOf(section) };
}

/**
 * What is special about a host, by its index: what all entries that name it say, the last first. A
 * version of memberlist for all is said of each, because else it is that of the host's engine.
 */
export function hostConfigOf(
  section: GossipSection | undefined,
  nodes: NodeNames,
  host: number,
): Partial<SwimConfig> {
  if (section === undefined) return {};
  let config = swimConfigOf({ memberlist: section.memberlist });
  for (const [selector, tuned] of Object.entries(section.hosts ?? {})) {
    if (selectNodes(nodes, selector)?.includes(host) === true) {
      config = { ...config, ...swimConfigOf(tuned) };
    }
  }
  return config;
}
