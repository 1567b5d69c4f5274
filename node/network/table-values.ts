/**
 * What Docker's agents write into NetworkDB's two tables: where an endpoint is (`PeerRecord`, for
 * the overlay driver) and what it serves (`EndpointRecord`, for names and load balancers), as
 * `drivers/overlay/joinleave.go` and `libnetwork/agent.go` fill them.
 */
import type { TableValue } from '../../gossip/networkdb/store/entries.ts';
import { formatIpv4Address, formatMac, type Ipv4Address, type Mac } from '../../wire/addresses.ts';
import { formatIp, type IpAddress } from '../../wire/ip-address.ts';
import {
  ENDPOINT_TABLE,
  type EndpointRecord,
  encodeEndpointRecord,
  encodePeerRecord,
  NIL_IP,
  OVERLAY_PEER_TABLE,
  type PeerRecord,
  PortProtocol,
  sizeOfEndpointRecord,
  sizeOfPeerRecord,
} from '../../wire/networkdb/record.ts';
import type { Binding } from '../balancer/service-bindings.ts';

/** NetworkDB's tables. */
export const TableNames = { peers: OVERLAY_PEER_TABLE, endpoints: ENDPOINT_TABLE } as const;

/** An entry of `overlay_peer_table`, keyed by the endpoint's id. */
export class PeerValue implements TableValue {
  readonly address: Ipv4Address;
  readonly prefixLength: number;
  readonly mac: Mac;
  readonly vtep: IpAddress;
  readonly sizeBytes: number;

  constructor(address: Ipv4Address, prefixLength: number, mac: Mac, vtep: IpAddress) {
    this.address = address;
    this.prefixLength = prefixLength;
    this.mac = mac;
    this.vtep = vtep;
    this.sizeBytes = sizeOfPeerRecord(this.record);
  }

  /** The record as text. */
  get record(): PeerRecord {
    return {
      endpointIp: `${formatIpv4Address(this.address)}/${this.prefixLength}`,
      endpointMac: formatMac(this.mac),
      tunnelEndpointIp: formatIp(this.vtep),
    };
  }

  encode(): Uint8Array {
    return encodePeerRecord(this.record);
  }
}

/** An entry of `endpoint_table`, keyed by the endpoint's id. */
export class EndpointValue implements TableValue {
  readonly binding: Binding;
  readonly isDisabled: boolean;
  readonly sizeBytes: number;

  constructor(binding: Binding, isDisabled: boolean) {
    this.binding = binding;
    this.isDisabled = isDisabled;
    this.sizeBytes = sizeOfEndpointRecord(this.record);
  }

  /** The record as text. */
  get record(): EndpointRecord {
    const { binding } = this;
    return {
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
      serviceDisabled: this.isDisabled,
    };
  }

  encode(): Uint8Array {
    return encodeEndpointRecord(this.record);
  }
}

/** A peer record. */
export function peerValue(
  address: Ipv4Address,
  prefixLength: number,
  mac: Mac,
  vtep: IpAddress,
): PeerValue {
  return new PeerValue(address, prefixLength, mac, vtep);
}

/** An endpoint record. */
export function endpointValue(binding: Binding, isDisabled: boolean): EndpointValue {
  return new EndpointValue(binding, isDisabled);
}
