/**
 * What a network driver makes of a network on one host, and of a container's place on it: the part
 * that the CNM controller leaves to the driver (`libnetwork/driverapi`).
 *
 * Addresses are the controller's: it takes them from the pool, the driver is told.
 */
import type { Device } from '../../net/device/device.ts';
import type { Namespace } from '../../net/namespace.ts';
import type { Ipv4Address, Mac } from '../../wire/addresses.ts';
import { type IpAddress, isInPrefix } from '../../wire/ip-address.ts';
import type { Refusal } from '../daemon/refusal.ts';
import type { LocalPool } from '../ipam/local-pools.ts';

/** One container's place, as the driver knows it. */
export interface PlaneEndpoint {
  readonly id: string;
  readonly address: Ipv4Address;
  /** Absent without IPv6. */
  readonly address6?: IpAddress | undefined;
  readonly mac: Mac;
  /** The end in the container. */
  readonly device: Device;
}

/** The IPv6 half of a network. */
export interface Ipv6Plane {
  readonly pool: LocalPool;
  readonly gateway: IpAddress;
  /** The next address, or the wanted one; undefined when it cannot be had. */
  take(wanted: IpAddress | undefined): IpAddress | undefined;
}

/** One IPv4 subnet of a network. */
export interface PlaneSubnet {
  readonly pool: LocalPool;
  /** Reserved for the router, whether or not containers are told of it. */
  readonly gateway: Ipv4Address | undefined;
}

/** A subnet, and others behind it. */
interface Subnets extends PlaneSubnet {
  readonly otherSubnets?: readonly PlaneSubnet[];
}

/** A network of one driver on one host. */
export interface NetworkPlane extends Subnets {
  /** Where a container's default route leads, if it takes it by this network. */
  readonly defaultRoute: 'gateway' | 'device' | 'none';
  /** Why nobody can join now; `undefined` when somebody can. */
  joinRefusal?(): Refusal | undefined;
  /** Gives a container an interface with an address, up; `mac` undefined leaves it to the driver. */
  join(
    sandbox: Namespace,
    interfaceName: string,
    address: Ipv4Address,
    mac?: Mac | undefined,
    address6?: IpAddress | undefined,
  ): PlaneEndpoint;
  /** What it has of IPv6, if anything. */
  readonly ipv6?: Ipv6Plane | undefined;
  /** Takes the interface away. */
  leave(endpoint: PlaneEndpoint): void;
  /** Takes the network off the host. */
  remove(): void;
}

/** All IPv4 subnets of a network. */
export function subnetsOf(plane: Subnets): readonly PlaneSubnet[] {
  return [plane, ...(plane.otherSubnets ?? [])];
}

/** The subnet that an address of a network lies in. */
export function subnetAt(plane: Subnets, address: Ipv4Address): PlaneSubnet {
  return subnetsOf(plane).find(({ pool }) => isInPrefix(pool.subnet, address)) ?? plane;
}
