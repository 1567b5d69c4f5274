/**
 * What `docker network inspect` prints: the Engine API's network, key by key (moby
 * `daemon/network.go`, `buildNetworkResource`).
 */
import { formatMac } from '../../../wire/addresses.ts';
import { formatIp, formatIpPrefix, isIpv6Address } from '../../../wire/ip-address.ts';
import type { EngineVersion } from '../../engine-version.ts';
import { BridgeNetwork } from '../../network/bridge-network.ts';
import type { LocalEndpoint, LocalNetwork } from '../../network/local-network.ts';
import { subnetAt, subnetsOf } from '../../network/network-plane.ts';
import { instantText } from '../instants.ts';
import type { IpamConfig } from '../requests.ts';
import { type Json, sortedObject } from './json.ts';

/** The first major version whose API says whether a network has IPv4. */
const SAYS_IPV4_MAJOR = 28;

/** The first whose containers stand behind options and labels, with what its pools hold. */
const HAS_STATUS_MAJOR = 29;

/** A network as the API shows it. */
export function networkJson(network: LocalNetwork, engine: EngineVersion): Record<string, Json> {
  const { facts } = network;
  const containers = {
    Containers: sortedObject(
      [...network.endpoints.values()].map((endpoint) => [
        endpoint.containerId,
        endpointJson(endpoint),
      ]),
    ),
  };
  const wishes = { Options: sortedObject(facts.options), Labels: sortedObject(facts.labels) };
  return {
    Name: facts.name,
    Id: facts.id,
    Created: instantText(facts.createdAtNs),
    Scope: facts.scope ?? 'local',
    Driver: facts.driver,
    ...(engine.major >= SAYS_IPV4_MAJOR ? { EnableIPv4: true } : {}),
    EnableIPv6: facts.isIpv6 === true,
    IPAM: {
      Driver: facts.ipamDriver ?? 'default',
      Options: facts.isByUser ? sortedObject(facts.ipamOptions ?? []) : null,
      Config: configsOf(network, engine),
    },
    Internal: facts.isInternal,
    Attachable: facts.isAttachable,
    Ingress: false,
    ConfigFrom: { Network: facts.configFrom ?? '' },
    ConfigOnly: facts.isConfigOnly ?? false,
    ...(engine.major < HAS_STATUS_MAJOR
      ? { ...containers, ...wishes }
      : { ...wishes, ...containers, Status: { IPAM: subnetsJson(network) } }),
  };
}

/** How full the pools are; nothing where nobody has addresses (`IPAMStatus`). */
function subnetsJson({ plane, plugged }: LocalNetwork): Record<string, Json> {
  if (plane === undefined || plugged !== undefined || !('pool' in plane)) return {};
  const ipv6 = plane instanceof BridgeNetwork ? plane.ipv6 : undefined;
  const ipv4 = subnetsOf(plane).map(({ pool }) => pool);
  const pools = ipv6 === undefined ? ipv4 : [...ipv4, ipv6.pool];
  const entries = pools.map((pool): [string, Json] => [
    formatIpPrefix(pool.subnet),
    { IPsInUse: pool.usedCount, DynamicIPsAvailable: pool.freeCount },
  ]);
  return { Subnets: sortedObject(entries) };
}

/** As asked for; what the daemon chose where nobody asked for a subnet. */
function configsOf({ facts, plane }: LocalNetwork, { major }: EngineVersion): Json[] {
  const asked = facts.ipam.filter(({ subnet }) => subnet !== undefined);
  const chosen = major < HAS_STATUS_MAJOR ? asked : asked.map((each) => withGateway(each, plane));
  if (chosen.length > 0) return chosen.map(configJson);
  if (plane === undefined) return [];
  const { gateway, pool } = plane;
  const Subnet = formatIpPrefix(pool.subnet);
  const ipv4 = gateway === undefined ? { Subnet } : { Subnet, Gateway: formatIp(gateway) };
  const ipv6 = plane instanceof BridgeNetwork ? plane.ipv6 : undefined;
  if (ipv6 === undefined) return [ipv4];
  return [ipv4, { Subnet: formatIpPrefix(ipv6.pool.subnet), Gateway: formatIp(ipv6.gateway) }];
}

/** A subnet that was asked for without a gateway, with the one that it got. */
function withGateway(config: IpamConfig, plane: LocalNetwork['plane']): IpamConfig {
  const isIpv6 = isIpv6Address(config.subnet!.address);
  const ipv6 = plane instanceof BridgeNetwork ? plane.ipv6 : undefined;
  const ipv4 = plane === undefined ? undefined : subnetAt(plane, config.subnet!.address);
  const gateway = config.gateway ?? (isIpv6 ? ipv6 : ipv4)?.gateway;
  return gateway === undefined ? config : { ...config, gateway };
}

function configJson({ subnet, range, gateway, auxiliary }: IpamConfig): Json {
  return {
    Subnet: formatIpPrefix(subnet!),
    ...(range === undefined ? {} : { IPRange: formatIpPrefix(range) }),
    ...(gateway === undefined ? {} : { Gateway: formatIp(gateway) }),
    ...(auxiliary === undefined || auxiliary.size === 0
      ? {}
      : {
          AuxiliaryAddresses: sortedObject(
            [...auxiliary].map(([name, address]) => [name, formatIp(address)]),
          ),
        }),
  };
}

function endpointJson(endpoint: LocalEndpoint): Json {
  const { plane, prefixLength } = endpoint;
  return {
    Name: endpoint.containerName,
    EndpointID: endpoint.id,
    MacAddress: plane === undefined ? '' : formatMac(endpoint.mac),
    IPv4Address: endpoint.address === 0 ? '' : `${formatIp(endpoint.address)}/${prefixLength}`,
    IPv6Address:
      endpoint.address6 === 0 ? '' : `${formatIp(endpoint.address6)}/${prefix6Of(endpoint)}`,
  };
}

/** Length of the prefix of an endpoint's IPv6 address. */
export function prefix6Of({ network: { plane } }: LocalEndpoint): number {
  return (plane instanceof BridgeNetwork && plane.ipv6?.pool.subnet.lengthBits) || 0;
}
