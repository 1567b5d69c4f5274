/**
 * Whose rules a host writes: the Docker Engine version that the user names, and what follows from
 * it. A version is a set of facts, not a fork of the code.
 */
import {
  MEMBERLIST_0_4_0,
  MEMBERLIST_0_6_0,
  type MemberlistVersion,
} from '../gossip/memberlist-version.ts';
import type { GenerationName } from '../gossip/networkdb/generation.ts';
import type { OverlayDriver } from '../vxlan/overlay-network.ts';

/**
 * How the bridge driver lays its iptables rules out: `isolation` until 27 (chains
 * DOCKER-ISOLATION-STAGE-1 and -2 jumped to from FORWARD), `forwardIsolation` for 28 (DOCKER-FORWARD,
 * DOCKER-BRIDGE and DOCKER-CT beside them, raw DROPs per endpoint), `forward` from 29 on (no
 * isolation chains, DOCKER-INTERNAL); `nftables` for 29 with that firewall backend.
 */
export type RuleLayout = 'isolation' | 'forwardIsolation' | 'forward' | 'nftables';

/**
 * Which answers of an outside DNS server the embedded one passes on: `firstAnswer` (25 and later) all
 * but SERVFAIL and REFUSED; `firstSuccess` (24) only successes and authoritative NXDOMAINs, and
 * SERVFAIL after the last server; `lastAnswer` (before) the same, but after the last server whatever
 * that one said, or nothing.
 */
export type DnsForwarding = 'firstAnswer' | 'firstSuccess' | 'lastAnswer';

/** The facts about one engine version that the simulation depends on. */
export interface EngineVersion {
  /** As the user wrote it, such as `28` or `20.10`. */
  readonly text: string;
  readonly major: number;
  readonly layout: RuleLayout;
  /** NetworkDB's state machine: 1 up to 28, 2 for 29, 3 after. */
  readonly networkDbGeneration: 1 | 2 | 3;
  /** The same with the variants of 29.0 to 29.5 and of what follows 30.0 (August 2026). */
  readonly networkDbRules: GenerationName;
  /** How the overlay driver programs peers; that of the generation, or an older one. */
  readonly overlayDriver: OverlayDriver;
  /** The membership under NetworkDB: memberlist 0.4.0 up to 28. */
  readonly memberlist: MemberlistVersion;
  /** Bridge endpoints get `02:42` + their IPv4 address (up to 27) instead of a random MAC. */
  readonly hasMacFromAddress: boolean;
  /** Those on a bridge tell their addresses by ARP when they come (from 28 on, with random MACs). */
  readonly announcesAddresses: boolean;
  /** DOCKER-USER ends in a RETURN (until 28.1). */
  readonly hasUserReturn: boolean;
  /** DOCKER-INGRESS says `-m conntrack --ctstate` instead of `-m state --state`. */
  readonly ingressUsesConntrack: boolean;
  /** Encrypted overlays have a rule that accepts what IPsec opened (up to 22). */
  readonly acceptsDecrypted: boolean;
  /** Encrypted overlays make SPIs that no other version makes (29.0 and 29.1, moby #51798). */
  readonly hashesShortAddresses: boolean;
  /** Overlays cross IPv6 between hosts that advertise it (from 25 on, moby #46790). */
  readonly hasIpv6Transport: boolean;
  /** IPsec takes VXLAN on any port, not only on 4789 (from 23.0.7 on, moby #45635). */
  readonly encryptsAnyPort: boolean;
  /** Rules find the VNI with BPF (from 24 on) instead of u32. */
  readonly matchesVniByBpf: boolean;
  /** Load-balancer endpoints have an endpoint record on ingress (up to 24). */
  readonly announcesIngressEndpoint: boolean;
  /** A service alias leads to the VIP as long as any task claims it (from 29.5 on). */
  readonly countsServiceAliases: boolean;
  readonly dnsForwarding: DnsForwarding;
  /** Names are asked of the host's own server for containers without a way out (CVE-2024-29018). */
  readonly asksForInternal: boolean;
  /** Containers on internal networks have no default route (from 25 on, moby #46603). */
  readonly hidesInternalGateway: boolean;
  /** UDP flows to a port are forgotten when it is published or taken back (from 23 on, moby #44742). */
  readonly forgetsUdpFlows: boolean;
  /** Namespaces have IPv6 on lo; before, IPv6 was off in all of one without an IPv6 network (from 26 on). */
  readonly hasIpv6Loopback: boolean;
  /** `/etc/hosts` says `fe00::` and not `fe00::0` (from 28 on, moby #48857). */
  readonly shortensHosts: boolean;
  /** dockerd writes ip6tables' rules unless told not to (from 27 on, moby #47747). */
  readonly writesIp6tables: boolean;
  /** Subnets of IPv6 that nobody chose come from a prefix of the host (from 27 on, moby #47853). */
  readonly hasUniqueLocalPrefix: boolean;
  /** Bridges with IPv6 have fe80::1 (up to 27). */
  readonly hasBridgeLinkLocal: boolean;
  /** The mesh's rules come back after firewalld's reload (from 29 on, moby #50445). */
  readonly rewritesIngress: boolean;
  /** Containers do not see /proc/interrupts (from 28.2 on). */
  readonly masksInterrupts: boolean;
  /** Refusals begin in lower case and say what to do (from 25 on). */
  readonly hasPlainErrors: boolean;
  /** The search for a free address pool goes on behind the last one (up to 26). */
  readonly rotatesPools: boolean;
}

/** The versions that a user may name; 30 is what follows 29: moby's master since August 2026. */
export const ENGINE_VERSIONS = ['20.10', '23', '24', '25', '26', '27', '28', '29', '30'] as const;

/** The first 29 whose bulk syncs wait for their own answers (moby 07c6062e1f). */
const LISTS_ACKS_MINOR = 6;
/** 29.2.1 makes SPIs of 16-byte addresses again (moby pull request 51951). */
const OLD_SPIS_MINOR = 2;

/** The first 28 whose containers do not see /proc/interrupts. */
const MASKS_INTERRUPTS_MINOR = 2;

/** The first 29 that counts the claims on a service's alias (`aliasRefs`). */
const COUNTS_ALIASES_MINOR = 5;

/** The version that a host gets when nobody says otherwise. */
export const DEFAULT_ENGINE_VERSION = '28';

/** The facts of a version text such as `28`, `28.5.2` or `20.10`; `undefined` when unknown. */
export function engineVersionOf(text: string): EngineVersion | undefined {
  const match = /^(\d+)(?:\.(\d+))?(?:\.\d+)?$/.exec(text);
  if (match === null) return undefined;
  const major = Number(match[1]);
  const minor = match[2] === undefined ? undefined : Number(match[2]);
  const known = ENGINE_VERSIONS.some((version) => Number.parseInt(version, 10) === major);
  if (!known) return undefined;
  const generation = major <= 28 ? 1 : major === 29 ? 2 : 3;
  return {
    text,
    major,
    layout: major <= 27 ? 'isolation' : major === 28 ? 'forwardIsolation' : 'forward',
    networkDbGeneration: generation,
    networkDbRules: networkDbRulesOf(major, minor),
    overlayDriver: generation,
    memberlist: major <= 28 ? MEMBERLIST_0_4_0 : MEMBERLIST_0_6_0,
    hasMacFromAddress: major <= 27,
    announcesAddresses: major >= 28,
    hasUserReturn: major <= 27,
    ingressUsesConntrack: major >= 28,
    acceptsDecrypted: major <= 22,
    hashesShortAddresses: major === 29 && minor !== undefined && minor < OLD_SPIS_MINOR,
    hasIpv6Transport: major >= 25,
    encryptsAnyPort: major >= 23,
    matchesVniByBpf: major >= 24,
    announcesIngressEndpoint: major <= 24,
    dnsForwarding: major >= 25 ? 'firstAnswer' : major === 24 ? 'firstSuccess' : 'lastAnswer',
    // 23.0.11 and 25.0.5 have the remedy, 20.10 and 24.0 had no such release
    asksForInternal: major <= 22 || major === 24,
    hidesInternalGateway: major >= 25,
    forgetsUdpFlows: major >= 23,
    hasIpv6Loopback: major >= 26,
    shortensHosts: major >= 28,
    writesIp6tables: major >= 27,
    hasUniqueLocalPrefix: major >= 27,
    hasBridgeLinkLocal: major <= 27,
    rewritesIngress: major >= 29,
    masksInterrupts:
      major >= 29 || (major === 28 && (minor ?? MASKS_INTERRUPTS_MINOR) >= MASKS_INTERRUPTS_MINOR),
    hasPlainErrors: major >= 25,
    rotatesPools: major <= 26,
    countsServiceAliases:
      major > 29 || (major === 29 && (minor === undefined || minor >= COUNTS_ALIASES_MINOR)),
  };
}

function networkDbRulesOf(major: number, minor: number | undefined): GenerationName {
  if (major <= 28) return 1;
  if (major === 29) return minor !== undefined && minor < LISTS_ACKS_MINOR ? '29.0' : 2;
  return minor === 0 ? 3 : '30.1';
}

/** The same engine with another overlay driver, if one is given. */
export function withOverlayDriver(
  engine: EngineVersion,
  overlayDriver: OverlayDriver = engine.overlayDriver,
): EngineVersion {
  return { ...engine, overlayDriver };
}

/** The same engine with `firewall-backend: nftables`, which 29 and later know. */
export function withNftables(engine: EngineVersion): EngineVersion {
  return engine.major >= 29 ? { ...engine, layout: 'nftables' } : engine;
}
