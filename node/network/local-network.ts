/**
 * A network of scope local as libnetwork's controller keeps it: name, driver, options, address
 * management, and the endpoints of containers on it.
 *
 * `host` and `none` have no plane: their endpoints are entries without an address.
 */
import type { Ipv4Address, Mac } from '../../wire/addresses.ts';
import type { IpAddress } from '../../wire/ip-address.ts';
import type { IpamConfig } from '../daemon/requests.ts';
import { NetworkRecords } from '../dns/records.ts';
import type { NetworkPlane, PlaneEndpoint } from './network-plane.ts';
import type { PluggedNetwork, RemotePlane, ReservedEndpoint } from './plugged-network.ts';

/** The names of networks that every host has. */
export const PREDEFINED_NETWORKS: readonly string[] = ['bridge', 'host', 'none'];

/** What a network is, apart from what its driver made of it. */
export interface LocalNetworkFacts {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly createdAtNs: number;
  readonly isInternal: boolean;
  readonly isAttachable: boolean;
  readonly isIpv6?: boolean;
  /** A configuration for others, and no network itself. */
  readonly isConfigOnly?: boolean;
  /** The network whose configuration it has. */
  readonly configFrom?: string | undefined;
  /** Options and labels in the order of their names. */
  readonly options: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  /** False for what the daemon made itself, whose `IPAM.Options` is null. */
  readonly isByUser: boolean;
  /** Subnets as they were asked for; empty when the daemon chose. */
  readonly ipam: readonly IpamConfig[];
  /** `global` for a driver whose networks belong to a whole swarm; default `local`. */
  readonly scope?: 'local' | 'global';
  /** Who manages its addresses; default `default`. */
  readonly ipamDriver?: string;
  readonly ipamOptions?: ReadonlyMap<string, string>;
}

/** Where an endpoint's default route leads: to a router, or straight out of the interface. */
export interface DefaultRoute {
  readonly gateway: Ipv4Address | undefined;
  /** Where IPv6's leads; absent when it leads nowhere. */
  readonly gateway6?: IpAddress | undefined;
}

/** A container's place on a network. */
export interface LocalEndpoint {
  readonly id: string;
  readonly network: LocalNetwork;
  readonly containerId: string;
  readonly containerName: string;
  readonly sandboxId: string;
  /** Empty on `host` and `none`. */
  readonly interfaceName: string;
  /** 0 on `host` and `none`, and where nobody has given one. */
  readonly address: Ipv4Address;
  readonly prefixLength: number;
  /** 0 without IPv6. */
  readonly address6: IpAddress;
  readonly mac: Mac;
  /** Absent on `host` and `none`. */
  readonly plane: PlaneEndpoint | undefined;
  /** Absent when nothing leads out by it. */
  readonly defaultRoute: DefaultRoute | undefined;
  /** What plugins have given for it. */
  readonly reserved: ReservedEndpoint | undefined;
  /** Alias to real name, for the container's own look-ups (`--link` on a user network). */
  readonly linkAliases: ReadonlyMap<string, string>;
  readonly gatewayPriority: number;
  /** The names that others find it by, for taking them back. */
  readonly names: readonly string[];
}

/** A network on one host. */
export class LocalNetwork {
  readonly facts: LocalNetworkFacts;
  readonly plane: NetworkPlane | RemotePlane | undefined;
  /** What plugins do for it, if any does. */
  readonly plugged: PluggedNetwork | undefined;
  readonly records = new NetworkRecords();
  readonly endpoints = new Map<string, LocalEndpoint>();

  constructor(
    facts: LocalNetworkFacts,
    plane: NetworkPlane | RemotePlane | undefined,
    plugged?: PluggedNetwork,
  ) {
    this.facts = facts;
    this.plane = plane;
    this.plugged = plugged;
  }

  get id(): string {
    return this.facts.id;
  }

  get name(): string {
    return this.facts.name;
  }

  /** True unless every host has it: then it has names, aliases and chosen addresses. */
  get isUserDefined(): boolean {
    return !PREDEFINED_NETWORKS.includes(this.facts.name);
  }

  /** Notes an endpoint, and its names for those who may ask for them. */
  add(endpoint: LocalEndpoint): void {
    this.endpoints.set(endpoint.id, endpoint);
    if (!this.isUserDefined || endpoint.address === 0) return;
    endpoint.names.forEach((name, i) => {
      this.records.add(name, endpoint.address, endpoint.id, i === 0);
      if (endpoint.address6 === 0) return;
      this.records.add(name, endpoint.address6, endpoint.id, i === 0);
    });
  }

  /** Forgets an endpoint and its names. */
  remove(endpoint: LocalEndpoint): void {
    this.endpoints.delete(endpoint.id);
    for (const name of endpoint.names) {
      this.records.remove(name, endpoint.address, endpoint.id);
      this.records.remove(name, endpoint.address6, endpoint.id);
    }
  }
}
