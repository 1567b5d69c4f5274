/**
 * What a cluster network needs: a subnet, VXLAN ids, and addresses for virtual IPs, tasks and node
 * load balancers (moby `libnetwork/cnmallocator/networkallocator.go`, `drivers/overlay/ovmanager`).
 *
 * This is the bookkeeping in memory; `allocator.ts` decides when something is allocated and writes
 * the results to the store. A new leader builds it again from the store.
 */
import {
  formatPrefix,
  type Ipv4Address,
  networkOf,
  type Prefix,
  prefixesOverlap,
  prefixMask,
} from '../../wire/addresses.ts';
import type { IpamConfig, Network } from '../objects/network.ts';
import { VXLAN_ID_LIST, vnisOf } from '../objects/network.ts';
import { AddressPool } from './address-pool.ts';

const VNI_MIN = 4096;
const VNI_MAX = 0xff_ffff;
/** The lot that decides with which of a network's pools a search begins is one of so many. */
export const POOL_LOTS = 8;

/** An allocated network, or why it could not be. */
export type NetworkResult = { readonly network: Network } | { readonly failure: string };

/** Subnets, VXLAN ids and addresses of all networks. */
export class NetworkAllocator {
  readonly #defaultPool: readonly Prefix[];
  readonly #subnetLengthBits: number;
  readonly #drawLot: () => number;
  readonly #poolsByNetwork = new Map<string, AddressPool[]>();
  readonly #vnis = new Set<number>();
  #lastVni = VNI_MIN - 1;

  /** `drawLot` draws a number below {@link POOL_LOTS} whenever a network has several subnets. */
  constructor(
    defaultPool: readonly Prefix[],
    subnetLengthBits: number,
    drawLot: () => number = () => 0,
  ) {
    this.#defaultPool = defaultPool;
    this.#subnetLengthBits = subnetLengthBits;
    this.#drawLot = drawLot;
  }

  /** True when the network's resources are held here. */
  isAllocated(networkId: string): boolean {
    return this.#poolsByNetwork.has(networkId);
  }

  /** Allocates subnets, gateways and VXLAN ids of a new network. */
  allocate(network: Network): NetworkResult {
    const wanted = network.spec.ipam?.configs ?? [];
    const configs: IpamConfig[] = [];
    const pools: AddressPool[] = [];
    for (const config of wanted.length === 0 ? [undefined] : wanted) {
      const subnet = config === undefined ? this.#freeSubnet(pools) : config.subnet;
      if (subnet === undefined) {
        return {
          failure:
            'could not find an available, non-overlapping IPv4 address pool among the defaults ' +
            'to assign to the network',
        };
      }
      if (config !== undefined && this.#overlapsAny(subnet, pools)) {
        return { failure: 'Pool overlaps with other one on this address space' };
      }
      const pool = new AddressPool(subnet, config?.range);
      const gateway = takeGateway(pool, config?.gateway);
      if (gateway === undefined) return { failure: 'no available addresses on this pool' };
      pools.push(pool);
      configs.push({ ...config, subnet: pool.subnet, gateway });
    }
    const vnis = this.#takeVnis(network, configs);
    if (typeof vnis === 'string') return { failure: vnis };
    this.#poolsByNetwork.set(network.id, pools);
    const driver = network.spec.driverConfig;
    const options = { ...driver?.options };
    if (isOverlay(network)) options[VXLAN_ID_LIST] = vnis.join(',');
    return {
      network: {
        ...network,
        driverState: { name: driver?.name ?? 'overlay', options },
        ipam: {
          driver: network.spec.ipam?.driver ?? { name: 'default', options: {} },
          configs,
        },
      },
    };
  }

  /** Takes up what the store says is allocated. */
  restore(network: Network): void {
    const pools: AddressPool[] = [];
    for (const config of network.ipam?.configs ?? []) {
      const pool = new AddressPool(config.subnet, config.range);
      if (config.gateway !== undefined) pool.reserve(config.gateway);
      pools.push(pool);
    }
    for (const vni of vnisOf(network)) this.#vnis.add(vni);
    this.#poolsByNetwork.set(network.id, pools);
  }

  /** Gives a network's subnets and VXLAN ids back. */
  release(network: Network): void {
    this.#poolsByNetwork.delete(network.id);
    for (const vni of vnisOf(network)) this.#vnis.delete(vni);
  }

  /** An address of a network; one of `wanted` when given. `undefined` when there is none. */
  takeAddress(networkId: string, wanted: readonly Ipv4Address[] = []): Prefix | undefined {
    for (const pool of this.#searchOrder(networkId)) {
      const lengthBits = pool.subnet.lengthBits;
      for (const address of wanted) if (pool.reserve(address)) return { address, lengthBits };
      if (wanted.length > 0) continue;
      const address = pool.take();
      if (address !== undefined) return { address, lengthBits };
    }
    return undefined;
  }

  /** Marks an address as used that the store says is allocated. */
  restoreAddress(networkId: string, address: Ipv4Address): void {
    for (const pool of this.#poolsByNetwork.get(networkId) ?? []) if (pool.reserve(address)) return;
  }

  /** Gives an address back. */
  releaseAddress(networkId: string, address: Ipv4Address): void {
    for (const pool of this.#poolsByNetwork.get(networkId) ?? []) pool.release(address);
  }

  /**
   * The pools of a network, as Go walks the map that upstream keeps them in: from one of the eight
   * places of a map on, taken by lot, of which the subnets occupy the first ones. So of two subnets the
   * first gives seven of eight addresses while it has any.
   */
  #searchOrder(networkId: string): readonly AddressPool[] {
    const pools = this.#poolsByNetwork.get(networkId) ?? [];
    if (pools.length < 2) return pools;
    const first = this.#drawLot();
    return first < pools.length ? [...pools.slice(first), ...pools.slice(0, first)] : pools;
  }

  #freeSubnet(pending: readonly AddressPool[]): Prefix | undefined {
    const lengthBits = this.#subnetLengthBits;
    const step = 2 ** (32 - lengthBits);
    for (const pool of this.#defaultPool) {
      const first = networkOf(pool);
      const end = first + 2 ** (32 - pool.lengthBits);
      for (let address = first; address < end; address += step) {
        const subnet = { address, lengthBits };
        if (!this.#overlapsAny(subnet, pending)) return subnet;
      }
    }
    return undefined;
  }

  #overlapsAny(subnet: Prefix, pending: readonly AddressPool[]): boolean {
    if (pending.some((pool) => prefixesOverlap(pool.subnet, subnet))) return true;
    for (const pools of this.#poolsByNetwork.values()) {
      for (const pool of pools) if (prefixesOverlap(pool.subnet, subnet)) return true;
    }
    return false;
  }

  /**
   * A VXLAN id for every subnet: those that the option lists, and free ones where its list is at an end
   * (`ovmanager.NetworkAllocate`); upstream's error text when one cannot be had.
   */
  #takeVnis(network: Network, configs: readonly IpamConfig[]): number[] | string {
    if (!isOverlay(network)) return [];
    const asked = listedVnisOf(network);
    if (typeof asked === 'string') return asked;
    const vnis: number[] = [];
    for (const [i, { subnet }] of configs.entries()) {
      const vni = asked[i] ?? this.#nextVni();
      if (this.#vnis.has(vni) || vni > VNI_MAX) {
        for (const taken of vnis) this.#vnis.delete(taken);
        const reason =
          vni > VNI_MAX
            ? 'bit does not belong to the sequence'
            : 'requested bit is already allocated';
        return `could not assign vxlan id ${vni} to pool ${formatPrefix(subnet)}: ${reason}`;
      }
      this.#vnis.add(vni);
      vnis.push(vni);
    }
    return vnis;
  }

  #nextVni(): number {
    do this.#lastVni = this.#lastVni >= VNI_MAX ? VNI_MIN : this.#lastVni + 1;
    while (this.#vnis.has(this.#lastVni));
    return this.#lastVni;
  }
}

/** The VXLAN ids that a network's options ask for; an error text (`AppendVNIList`). */
function listedVnisOf({ spec }: Network): number[] | string {
  const list = spec.driverConfig?.options[VXLAN_ID_LIST];
  if (list === undefined) return [];
  const words = list.split(',');
  const wrong = words.find((word) => !/^\d+$/.test(word) || Number(word) > 0xffff_ffff);
  return wrong === undefined ? words.map(Number) : `invalid vxlan id value "${wrong}" passed`;
}

/** True for a network whose driver is overlay, which is the default in a cluster. */
function isOverlay(network: Network): boolean {
  return (network.spec.driverConfig?.name ?? 'overlay') === 'overlay';
}

function takeGateway(pool: AddressPool, wanted: Ipv4Address | undefined): Ipv4Address | undefined {
  if (wanted !== undefined) return pool.reserve(wanted) ? wanted : undefined;
  const first = (pool.subnet.address & prefixMask(pool.subnet.lengthBits)) >>> 0;
  const gateway = pool.subnet.lengthBits < 31 ? first + 1 : first;
  return pool.reserve(gateway) ? gateway : undefined;
}
