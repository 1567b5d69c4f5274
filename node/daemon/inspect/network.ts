/**
 * What `docker network inspect` prints: the Engine API's network, key by key (moby
 * `daemon/network.go`, `buildNetworkResource`).
 */
import { formatIpv4Address, formatMac, formatPrefix } from '../../../wire/addresses.ts';
import type { EngineVersion } from '../../engine-version.ts';
import type { LocalEndpoint, LocalNetwork } from '../../network/local-network.ts';
import { instantText } from '../instants.ts';
import type { IpamConfig } from '../requests.ts';
import { type Json, sortedObject } from './json.ts';

/** The first major version whose API says whether a network has IPv4. */
const SAYS_IPV4_MAJOR = 28;

/** A network as the API shows it. */
export function networkJson(network: LocalNetwork, engine: EngineVersion): Record<string, Json> {
  const { facts } = network;
  return {
    Name: facts.name,
    Id: facts.id,
    Created: instantText(facts.createdAtNs),
    Scope: facts.scope ?? 'local',
    Driver: facts.driver,
    ...(engine.major >= SAYS_IPV4_MAJOR ? { EnableIPv4: true } : {}),
    EnableIPv6: false,
    IPAM: {
      Driver: facts.ipamDriver ?? 'default',
      Options: facts.isByUser ? sortedObject(facts.ipamOptions ?? []) : null,
      Config: configsOf(network),
    },
    Internal: facts.isInternal,
    Attachable: facts.isAttachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: sortedObject(
      [...network.endpoints.values()].map((endpoint) => [
        endpoint.containerId,
        endpointJson(endpoint),
      ]),
    ),
    Options: sortedObject(facts.options),
    Labels: sortedObject(facts.labels),
  };
}

/** As asked for; what the daemon chose where nobody asked for a subnet. */
function configsOf({ facts, plane }: LocalNetwork): Json[] {
  const chosen = facts.ipam.filter(({ subnet }) => subnet !== undefined);
  if (chosen.length > 0) return chosen.map(configJson);
  if (plane === undefined) return [];
  const { gateway, pool } = plane;
  const Subnet = formatPrefix(pool.subnet);
  return [gateway === undefined ? { Subnet } : { Subnet, Gateway: formatIpv4Address(gateway) }];
}

function configJson({ subnet, range, gateway, auxiliary }: IpamConfig): Json {
  return {
    Subnet: formatPrefix(subnet!),
    ...(range === undefined ? {} : { IPRange: formatPrefix(range) }),
    ...(gateway === undefined ? {} : { Gateway: formatIpv4Address(gateway) }),
    ...(auxiliary === undefined || auxiliary.size === 0
      ? {}
      : {
          AuxiliaryAddresses: sortedObject(
            [...auxiliary].map(([name, address]) => [name, formatIpv4Address(address)]),
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
    IPv4Address:
      plane === undefined ? '' : `${formatIpv4Address(endpoint.address)}/${prefixLength}`,
    IPv6Address: '',
  };
}
