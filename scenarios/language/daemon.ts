/**
 * How a node's `dockerd` is started, in the words of `daemon.json`: what a scenario may say under
 * `daemon`, for all nodes or for one, and what the host makes of it.
 */
import { z } from 'zod';
import { type DaemonConfig, DEFAULT_DAEMON_CONFIG } from '../../node/network/network-host.ts';
import { networkOf, type Prefix, parseIpv4Address, parsePrefix } from '../../wire/addresses.ts';
import { type IpPrefix, isIpv6Address, parseIpPrefix } from '../../wire/ip-address.ts';
import type { Scenario } from './scenario.ts';

const address = z
  .string()
  .refine((text) => parseIpv4Address(text) !== undefined, 'expected an IPv4 address');

/** A subnet or an address with its prefix length. */
export const prefix = z
  .string()
  .transform((text, context): Prefix => {
    const parsed = parsePrefix(text);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: 'expected a subnet, such as 10.10.0.0/16' });
    return z.NEVER;
  })
  .meta({ description: 'an IPv4 subnet, such as 10.10.0.0/16' });

const prefix6 = z
  .string()
  .transform((text, context): IpPrefix => {
    const parsed = parseIpPrefix(text);
    if (parsed !== undefined && isIpv6Address(parsed.address)) return parsed;
    context.addIssue({ code: 'custom', message: 'expected an IPv6 subnet, such as fd00::/64' });
    return z.NEVER;
  })
  .meta({ description: 'an IPv6 subnet, such as fd00::/64' });

const pool = z.strictObject({
  base: prefix,
  size: z.int().min(8).max(30).meta({ description: 'prefix length of each subnet' }),
});

/** `daemon`, of the cluster or of a node. */
export const daemon = z
  .strictObject({
    icc: z
      .boolean()
      .optional()
      .meta({ description: 'containers of docker0 may talk to each other' }),
    'ip-forward': z.boolean().optional().meta({ description: 'forwarding is switched on' }),
    'ip-masq': z.boolean().optional().meta({ description: 'what leaves docker0 is masqueraded' }),
    'userland-proxy': z.boolean().optional().meta({ description: 'docker-proxy holds ports' }),
    'firewall-backend': z
      .enum(['iptables', 'nftables'])
      .refine(
        (backend) => backend !== 'nftables',
        '--firewall-backend=nftables is incompatible with swarm mode',
      )
      .optional(),
    'live-restore': z
      .boolean()
      .refine(
        (isOn) => !isOn,
        '--live-restore daemon configuration is incompatible with swarm mode',
      )
      .optional(),
    mtu: z
      .int()
      .min(68)
      .max(65_535)
      .optional()
      .meta({ description: 'of bridge networks, in bytes' }),
    bip: prefix.optional().meta({ description: "docker0's address with its subnet" }),
    'fixed-cidr': prefix.optional().meta({ description: "where docker0's containers get theirs" }),
    ipv6: z.boolean().optional().meta({ description: 'docker0 has IPv6' }),
    'fixed-cidr-v6': prefix6.optional().meta({ description: "docker0's IPv6 subnet" }),
    ip6tables: z
      .boolean()
      .optional()
      .meta({ description: 'rules of IPv6 are written; default: from 27 on' }),
    ip: address.optional().meta({ description: 'where ports are published that name no address' }),
    'default-address-pools': z.array(pool).min(1).optional(),
    dns: z.array(address).optional(),
    'dns-search': z.array(z.string()).optional(),
    'dns-opts': z.array(z.string()).optional(),
  })
  .meta({ description: 'how dockerd is started, as in daemon.json' });

type Settings = z.output<typeof daemon>;

/** How a node's daemon is started: as the cluster's, unless the node says otherwise. */
export function daemonConfigOf(cluster: Scenario['cluster'], node: string): DaemonConfig {
  const settings: Settings = { ...cluster.daemon, ...cluster.nodes[node]?.daemon };
  const base = DEFAULT_DAEMON_CONFIG;
  const { bip, 'fixed-cidr': range, 'default-address-pools': pools } = settings;
  const { 'fixed-cidr-v6': range6 } = settings;
  return {
    hasIcc: settings.icc ?? base.hasIcc,
    hasMasquerade: settings['ip-masq'] ?? base.hasMasquerade,
    hasUserlandProxy: settings['userland-proxy'] ?? base.hasUserlandProxy,
    setsForwarding: settings['ip-forward'] ?? base.setsForwarding,
    usesNftables: base.usesNftables,
    livesOn: base.livesOn,
    mtuBytes: settings.mtu ?? base.mtuBytes,
    publishAddress: settings.ip ?? base.publishAddress,
    dns: settings.dns ?? base.dns,
    dnsSearch: settings['dns-search'] ?? base.dnsSearch,
    dnsOptions: settings['dns-opts'] ?? base.dnsOptions,
    ...(settings.ip6tables === undefined ? {} : { writesIp6tables: settings.ip6tables }),
    ...(settings.ipv6 === undefined ? {} : { hasIpv6: settings.ipv6 }),
    ...(range6 === undefined ? {} : { bridgeIpv6Range: range6 }),
    ...(bip === undefined ? {} : { bridgeAddress: bip }),
    ...(range === undefined ? {} : { bridgeRange: range }),
    ...(pools === undefined ? {} : { pools: pools.flatMap(subnetsOf) }),
  };
}

/** The subnets of a pool, in order. */
function subnetsOf({ base, size }: z.output<typeof pool>): Prefix[] {
  const count = 2 ** Math.max(0, size - base.lengthBits);
  const step = 2 ** (32 - size);
  const first = networkOf(base);
  return Array.from({ length: count }, (_, i) => ({
    address: first + i * step,
    lengthBits: size,
  }));
}
