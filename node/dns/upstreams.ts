/**
 * Whom containers' names that the swarm does not know are asked of: the servers of the host's
 * `resolv.conf`, in the file that dockerd takes (`resolvconf.Path`), for containers with the embedded
 * DNS server and for those without (`setupDNS` and `rebuildDNS` in sandbox_dns_unix.go; from 26 on
 * `TransformForIntNS` and `TransformForLegacyNw` do the same).
 */
import { type Ipv4Address, isLoopbackAddress, parseIpv4Address } from '../../wire/addresses.ts';
import type { EngineVersion } from '../engine-version.ts';
import type { ResolverConfig } from '../host/host.ts';
import { SYSTEMD_STUB_ADDRESS } from './host-resolver.ts';

/** A server that an embedded DNS server asks. */
export interface Upstream {
  readonly address: Ipv4Address;
  /** It listens on the host's loopback, and is asked from there (`HostLoopback`). */
  readonly isOfHost: boolean;
}

/** Who is asked when neither the host nor the user names a server. */
export const PUBLIC_SERVERS: readonly Ipv4Address[] = [0x0808_0808, 0x0808_0404];

/** The first version that asks all of the host's servers from there, and nobody when it has none. */
const FROM_HOST_MAJOR = 28;

/** The servers that the embedded DNS server asks; `wished` are those of `--dns`. */
export function upstreamsOf(
  wished: readonly string[],
  resolver: ResolverConfig,
  { major }: EngineVersion,
): Upstream[] {
  const own = addressesOf(wished);
  // a wished 127.0.0.1 is the container's
  if (own.length > 0) return own.map((address) => ({ address, isOfHost: false }));
  const servers = serversForDocker(resolver);
  if (major >= FROM_HOST_MAJOR) return servers.map((address) => ({ address, isOfHost: true }));
  const known = servers.length > 0 ? servers : PUBLIC_SERVERS;
  return known.map((address) => ({ address, isOfHost: isLoopbackAddress(address) }));
}

/** The servers in the `resolv.conf` of a container without embedded DNS server. */
export function serversWithoutEmbedded(
  wished: readonly string[],
  resolver: ResolverConfig,
): readonly Ipv4Address[] {
  const own = addressesOf(wished);
  if (own.length > 0) return own;
  const reachable = serversForDocker(resolver).filter((address) => !isLoopbackAddress(address));
  return reachable.length > 0 ? reachable : PUBLIC_SERVERS;
}

/** True when neither `--dns` nor the host names a server for the embedded one, or without it. */
export function usesDefaults(
  wished: readonly string[],
  resolver: ResolverConfig,
  isEmbedded: boolean,
): boolean {
  if (addressesOf(wished).length > 0) return false;
  return !serversForDocker(resolver).some((address) => isEmbedded || !isLoopbackAddress(address));
}

/** The file of the host that dockerd reads (`resolvconf.Path`). */
export function resolvConfPathOf({ servers, local }: ResolverConfig): string {
  return isStubAlone(servers) && local !== undefined
    ? '/run/systemd/resolve/resolv.conf'
    : '/etc/resolv.conf';
}

/** A file with systemd-resolved's stub alone is passed over for the one with the real servers. */
function serversForDocker({ servers, local }: ResolverConfig): readonly Ipv4Address[] {
  return isStubAlone(servers) && local !== undefined ? local.servers : servers;
}

function isStubAlone(servers: readonly Ipv4Address[]): boolean {
  return servers.length === 1 && servers[0] === SYSTEMD_STUB_ADDRESS;
}

function addressesOf(wished: readonly string[]): Ipv4Address[] {
  return wished.flatMap((text) => parseIpv4Address(text) ?? []);
}
