/**
 * What Docker's agents write into NetworkDB's two tables: where an endpoint is (`PeerRecord`, for
 * the overlay driver) and what it serves (`EndpointRecord`, for names and load balancers), as
 * `drivers/overlay/joinleave.go` and `libnetwork/agent.go` fill them.
 */
import type { TableValue } from '../../gossip/networkdb/store/entries.ts';
import { formatIpv4Address, formatMac, type Ipv4Address, type Mac } from '../../wire/addresses.ts';
import {
  ENDPOINT_TABLE,
  NIL_IP,
  OVERLAY_PEER_TABLE,
  PortProtocol,
  sizeOfEndpointRecord,
  sizeOfPeerRecord,
} from '../../wire/networkdb/record.ts';
import type { Binding } from '../balancer/service-bindings.ts';

/** NetworkDB's tables. */
export const TableNames = { peers: OVERLAY_PEER_TABLE, endpoints: ENDPOINT_TABLE } as const;

/** An entry of `overlay_peer_table`, keyed by the endpoint's id. */
export interface PeerValue extends TableValue {
  readonly address: Ipv4Address;
  readonly prefixLength: number;
  readonly mac: Mac;
  readonly vtep: Ipv4Address;
}

/** An entry of `endpoint_table`, keyed by the endpoint's id. */
export interface EndpointValue extends TableValue {
  readonly binding: Binding;
  readonly isDisabled: boolean;
}

/** A peer record with its encoded size. */
export function peerValue(
  address: Ipv4Address,
  prefixLength: number,
  mac: Mac,
  vtep: Ipv4Address,
): PeerValue {
  const sizeBytes = sizeOfPeerRecord({
    endpointIp: `${formatIpv4Address(address)}/${prefixLength}`,
    endpointMac: formatMac(mac),
    tunnelEndpointIp: formatIpv4Address(vtep),
  });
  return { address, prefixLength, mac, vtep, sizeBytes };
}

/** An endpoint record with its encoded size. */
export function endpointValue(binding: Binding, isDisabled: boolean): EndpointValue {
  const sizeBytes = sizeOfEndpointRecord({
    name: binding.containerName,
    serviceName: binding.serviceName,
    serviceId: binding.serviceId,
    virtualIp: binding.vip === 0 ? NIL_IP : formatIpv4Address(binding.vip),
    endpointIp: formatIpv4Address(binding.address),
    ingressPorts: binding.ports.map((port) => ({
      name: '',
      protocol: PortProtocol[port.protocol],
      targetPort: port.targetPort,
      publishedPort: port.publishedPort,
    })),
    aliases: binding.serviceAliases,
    taskAliases: binding.taskAliases,
    serviceDisabled: isDisabled,
  });
  return { binding, isDisabled, sizeBytes };
}
