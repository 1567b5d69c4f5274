/**
 * Networks and attachments to them (swarmkit `api/objects.proto` and `types.proto`: `Network`,
 * `NetworkSpec`, `IPAMOptions`, `Driver`, `NetworkAttachment`, `NetworkAttachmentConfig`).
 */
import type { Ipv4Address, Prefix } from '../../wire/addresses.ts';
import type { Annotations, Labels, Meta } from './meta.ts';

/** The option under which the overlay driver keeps its VXLAN ids, comma separated. */
export const VXLAN_ID_LIST = 'com.docker.network.driver.overlay.vxlanid_list';

/** A driver and its options. */
export interface Driver {
  readonly name: string;
  readonly options: Labels;
}

/** One address range of a network. */
export interface IpamConfig {
  readonly subnet: Prefix;
  /** `undefined` in a spec asks for the first address of the subnet. */
  readonly gateway?: Ipv4Address | undefined;
  /** Dynamic addresses come from this part only. */
  readonly range?: Prefix | undefined;
}

/** Address management of a network: its driver and its ranges. */
export interface IpamOptions {
  readonly driver: Driver;
  readonly configs: readonly IpamConfig[];
}

/** What an operator asks of a network. */
export interface NetworkSpec {
  readonly annotations: Annotations;
  /** `undefined` means overlay. */
  readonly driverConfig?: Driver | undefined;
  readonly ipam?: IpamOptions | undefined;
  readonly internal?: boolean | undefined;
  readonly attachable?: boolean | undefined;
  readonly ingress?: boolean | undefined;
}

/** A network of the cluster. */
export interface Network {
  readonly id: string;
  readonly meta: Meta;
  readonly spec: NetworkSpec;
  /** The driver with what it allocated (VXLAN ids); `undefined` until allocated. */
  readonly driverState: Driver | undefined;
  /** The allocated ranges with gateways; `undefined` until allocated. */
  readonly ipam: IpamOptions | undefined;
  /** True for bridge, host and none: known to the cluster, allocated by each node. */
  readonly isNodeLocal: boolean;
}

/** An attachment of a task or of a node's load balancer to a network. */
export interface NetworkAttachment {
  /** The network as it was when the attachment was allocated. */
  readonly network: Network;
  /** Addresses with the length of their subnet; one per subnet family, here at most one. */
  readonly addresses: readonly Prefix[];
  readonly aliases: readonly string[];
  readonly driverOptions: Labels;
}

/** A task's wish to be on a network. */
export interface NetworkAttachmentConfig {
  /** Id or name of the network; stored services hold ids. */
  readonly target: string;
  readonly aliases?: readonly string[] | undefined;
  /** Addresses asked for. */
  readonly addresses?: readonly Ipv4Address[] | undefined;
  readonly driverOptions?: Labels | undefined;
}

/** The VXLAN ids of an allocated overlay network, one per subnet. */
export function vnisOf(network: Network): number[] {
  const list = network.driverState?.options[VXLAN_ID_LIST];
  return list === undefined || list === '' ? [] : list.split(',').map(Number);
}

/** True for the routing mesh's network. */
export function isIngressNetwork(network: Network): boolean {
  return network.spec.ingress === true;
}
