/**
 * What networks need of the host that they are on, and how its daemon was started (`dockerd`'s
 * flags, or `daemon.json`) as far as networks go by it.
 */
import type { Namespace } from '../../net/namespace.ts';
import type { World } from '../../sim/world.ts';
import type { Prefix } from '../../wire/addresses.ts';
import type { IpPrefix } from '../../wire/ip-address.ts';
import type { EngineVersion } from '../engine-version.ts';
import type { Identifiers } from '../host/identifiers.ts';
import type { BridgeIpv6Host } from './bridge-ipv6.ts';

/** The daemon's flags. */
export interface DaemonConfig {
  /** `--icc`: containers of the default bridge may talk to each other. */
  readonly hasIcc: boolean;
  /** `--ip-masq` */
  readonly hasMasquerade: boolean;
  /** `--userland-proxy` */
  readonly hasUserlandProxy: boolean;
  /** `--ip-forward`: switch forwarding on, and its policy to DROP if it was off. */
  readonly setsForwarding: boolean;
  /** `--ip6tables`; default: as the version has it. */
  readonly writesIp6tables?: boolean;
  /** `--ipv6`: docker0 has IPv6, */
  readonly hasIpv6?: boolean;
  /** `--fixed-cidr-v6`: with this subnet. */
  readonly bridgeIpv6Range?: IpPrefix;
  /** `--firewall-backend=nftables`, for 29 and later. */
  readonly usesNftables: boolean;
  /** `--live-restore`: containers live on while dockerd does not run. */
  readonly livesOn: boolean;
  /** `--mtu`, in bytes. */
  readonly mtuBytes: number;
  /** `--ip`: where ports are published for which nobody says where; empty for everywhere. */
  readonly publishAddress: string;
  /** `--bip`: the address of docker0 with its subnet. */
  readonly bridgeAddress?: Prefix;
  /** `--fixed-cidr` */
  readonly bridgeRange?: Prefix;
  /** `--default-address-pool`, cut into subnets. */
  readonly pools?: readonly Prefix[];
  /** `--dns`, `--dns-search`, `--dns-opt` for containers. */
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
}

/** `dockerd` without flags. */
export const DEFAULT_DAEMON_CONFIG: DaemonConfig = {
  hasIcc: true,
  hasMasquerade: true,
  hasUserlandProxy: true,
  setsForwarding: true,
  usesNftables: false,
  livesOn: false,
  mtuBytes: 1500,
  publishAddress: '',
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
};

/** A host, as its networks see it. */
export interface NetworkHost extends BridgeIpv6Host {
  readonly world: World;
  readonly namespace: Namespace;
  readonly engine: EngineVersion;
  readonly identifiers: Identifiers;
  readonly config: DaemonConfig;
  /** Its role in a swarm; `undefined` outside of any. */
  readonly swarmRole: 'manager' | 'worker' | undefined;
  /** What new subnets must not overlap: the host's routes and its name servers. */
  usedPrefixes(): Prefix[];
}
