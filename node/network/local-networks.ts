/**
 * The networks of scope local that a host has: making them, with their subnet and their driver's
 * part, finding them by name or id, and taking them away (libnetwork's `controller.NewNetwork`,
 * moby's `daemon/network.go`).
 */
import type { Steps } from '../../sim/steps.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { ipv6OfInteger, isIpv6Address } from '../../wire/ip-address.ts';
import { conflict, forbidden, invalid, notFound, Refusal } from '../daemon/refusal.ts';
import type { IpamConfig, NetworkRequest } from '../daemon/requests.ts';
import { addressRefusal } from '../ipam/address-refusal.ts';
import type { LocalPool, LocalPools } from '../ipam/local-pools.ts';
import type { DriverRegistry } from '../plugins/driver-registry.ts';
import type { BridgeIpv6Options } from './bridge-ipv6.ts';
import { BridgeNetwork } from './bridge-network.ts';
import { type BridgeWishes, bridgeWishesOf } from './bridge-options.ts';
import { configurationInUse, configured } from './configuration.ts';
import { LocalNetwork, type LocalNetworkFacts, PREDEFINED_NETWORKS } from './local-network.ts';
import { makePlugged, needsPlugins, type OwnParts } from './make-plugged.ts';
import type { NetworkHost } from './network-host.ts';
import { type NetworkPlane, type PlaneSubnet, subnetsOf } from './network-plane.ts';
import { makeStackedPlane } from './stacked-network.ts';
import { swarmScopeRefusal } from './swarm-scope.ts';

const NO_POOL_UP_TO_26 =
  'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to ' +
  'the network';
const NO_POOL = 'all predefined address pools have been fully subnetted';

/** Longer prefixes leave no room for a MAC address. */
const MAC_PREFIX_BITS_MAX = 80;
/** What 20.10 to 26 say of a network with IPv6 for which nobody has named a subnet. */
const NO_IPV6_POOL =
  'could not find an available, non-overlapping IPv6 address pool among the defaults to assign to ' +
  'the network';
const ONE_SUBNET = "bridge driver doesn't support multiple subnets";
const ONLY_INTERNAL = "gateway mode 'isolated' can only be used for an internal network";
/** The first version that says who is on a network that cannot be removed. */
const NAMES_USERS_MAJOR = 28;

/** All networks of scope local on one host. */
export class LocalNetworks {
  readonly #host: NetworkHost;
  readonly #pools: LocalPools;
  readonly #drivers: DriverRegistry;
  readonly #byId = new Map<string, LocalNetwork>();

  constructor(host: NetworkHost, pools: LocalPools, drivers: DriverRegistry) {
    this.#host = host;
    this.#pools = pools;
    this.#drivers = drivers;
  }

  /** All networks, in the order of their making. */
  list(): LocalNetwork[] {
    return [...this.#byId.values()];
  }

  /** The network of this name, this id, or the only one whose id begins so. */
  find(reference: string): LocalNetwork | undefined {
    const known = this.#byId.get(reference) ?? this.list().find(({ name }) => name === reference);
    if (known !== undefined || !/^[0-9a-f]+$/.test(reference)) return known;
    const begun = this.list().filter(({ id }) => id.startsWith(reference));
    return begun.length === 1 ? begun[0] : undefined;
  }

  /** Notes a network that the daemon has made itself. */
  add(network: LocalNetwork): void {
    this.#byId.set(network.id, network);
  }

  /** `docker network create`; whoever needs plugins waits for them. */
  *create(wanted: NetworkRequest): Steps<LocalNetwork | Refusal> {
    const refusal = this.#refusalOf(wanted);
    if (refusal !== undefined) return refusal;
    const request = configured(wanted, (name) => this.find(name));
    if (request instanceof Refusal) return request;
    const network =
      request.isConfigOnly !== true && needsPlugins(request)
        ? yield* makePlugged(this.#host, this.#drivers, this.#ownParts, request)
        : this.#make(request);
    if (!(network instanceof Refusal)) this.add(network);
    return network;
  }

  #refusalOf(request: NetworkRequest): Refusal | undefined {
    const { name, driver } = request;
    if (PREDEFINED_NETWORKS.includes(name)) {
      return forbidden(`operation is not permitted on predefined ${name} network`);
    }
    if (this.list().some((other) => other.name === name)) {
      return conflict(`network with name ${name} already exists`);
    }
    if (driver === 'host' || driver === 'null') {
      return forbidden(`only one instance of "${driver}" network is allowed`);
    }
    return swarmScopeRefusal(request, this.#host.swarmRole);
  }

  #make(request: NetworkRequest): LocalNetwork | Refusal {
    const id = this.#host.identifiers.id();
    if (request.isConfigOnly === true) {
      return new LocalNetwork(this.#factsOf(id, request), undefined);
    }
    const plane = this.#makePlane(id, request);
    return plane instanceof Refusal ? plane : new LocalNetwork(this.#factsOf(id, request), plane);
  }

  #factsOf(id: string, request: NetworkRequest): LocalNetworkFacts {
    const { name, driver, isInternal, isAttachable, options, labels, ipam } = request;
    const { ipamDriver, ipamOptions, isIpv6, isConfigOnly, configFrom } = request;
    return {
      id,
      name,
      driver,
      createdAtNs: this.#host.world.nowNs,
      isInternal,
      isAttachable,
      options,
      labels,
      isByUser: true,
      ipam,
      ...(isIpv6 === undefined ? {} : { isIpv6 }),
      ...(isConfigOnly === true ? { isConfigOnly } : {}),
      ...(configFrom === undefined ? {} : { configFrom }),
      ...(ipamDriver === undefined ? {} : { ipamDriver }),
      ...(ipamOptions === undefined ? {} : { ipamOptions }),
    };
  }

  /** What the host does itself for networks that plugins have a part in. */
  get #ownParts(): OwnParts {
    return {
      refusalOf: (request) => this.#refusalOf(request),
      factsOf: (id, request) => this.#factsOf(id, request),
      poolOf: (config) => this.#poolOf(config),
      gatewayOf: (pool, config, hasGateway) => this.#gatewayOf(pool, config, hasGateway),
      release: (pool) => this.#pools.release(pool),
      planeOf: (id, request, pool, gateway) => {
        const wishes = bridgeWishesOf(request.options, this.#host.engine);
        if (wishes instanceof Refusal) return wishes;
        return this.#planeOf(id, request, wishes, pool, gateway);
      },
    };
  }

  /**
   * Makes the networks anew that were there before the power went, in the order of their ids, with
   * the subnets that they had. The daemon makes docker0 itself; those of plugins are gone.
   */
  restore(before: readonly LocalNetwork[]): void {
    for (const { facts, plane, plugged } of inOrderOfIds(before)) {
      if (facts.isConfigOnly === true) this.add(new LocalNetwork(facts, undefined));
      if (plane === undefined || plugged !== undefined || facts.name === 'bridge') continue;
      const ipv6 = plane instanceof BridgeNetwork ? plane.ipv6 : undefined;
      const asked = facts.ipam.filter(isIpv4Config);
      const ipam: IpamConfig[] = subnetsOf(plane).map(({ pool, gateway }, i) => {
        const config = { ...asked[i], subnet: pool.subnet };
        return gateway === undefined ? config : { ...config, gateway };
      });
      if (ipv6 !== undefined) ipam.push({ subnet: ipv6.pool.subnet, gateway: ipv6.gateway });
      const restored = this.#makePlane(facts.id, { ...facts, ipam });
      if (!(restored instanceof Refusal)) this.add(new LocalNetwork(facts, restored));
    }
  }

  /** Calls when all plugins have back what containers had of them: at once, or later. */
  whenReleased(onReleased: () => void): void {
    const busy = this.list().flatMap(({ plugged }) => plugged ?? []);
    let left = busy.length + 1;
    const isDone = () => {
      if (--left === 0) onReleased();
    };
    for (const plugged of busy) plugged.whenReleased(isDone);
    isDone();
  }

  /** Writes the rules of networks once more. */
  rewriteRules(networks: readonly LocalNetwork[]): void {
    for (const { plane } of networks) if (plane instanceof BridgeNetwork) plane.writeRules();
  }

  /** All networks in the order of their ids, in which a daemon that starts finds them. */
  listById(): LocalNetwork[] {
    return inOrderOfIds(this.list());
  }

  /** Puts a network in another's place. */
  replace(old: LocalNetwork, network: LocalNetwork): void {
    this.#byId.delete(old.id);
    this.add(network);
  }

  /** A bridge network that the daemon makes for itself, with a subnet of its own choice. */
  createOwnBridge(
    facts: Omit<LocalNetworkFacts, 'ipam' | 'isByUser' | 'isInternal' | 'driver'>,
    wishes: BridgeWishes & { readonly device: string },
    subnet: IpamConfig | undefined,
    showsSubnet: boolean,
    ipv6Subnet?: IpamConfig | undefined,
  ): LocalNetwork | Refusal {
    const pool = this.#poolOf(subnet);
    if (pool instanceof Refusal) return pool;
    const gateway = subnet?.gateway === undefined ? undefined : pool.take(subnet.gateway);
    const pool6 = ipv6Subnet === undefined ? undefined : this.#ipv6PoolOf(ipv6Subnet);
    if (pool6 instanceof Refusal) return pool6;
    const isByMac = this.#host.engine.hasMacFromAddress && pool6 !== undefined;
    const plane = new BridgeNetwork(this.#host, {
      ...wishes,
      ipv6:
        pool6 === undefined
          ? undefined
          : {
              pool: pool6,
              gatewayMode: wishes.gatewayMode6,
              isByMac: isByMac && pool6.subnet.lengthBits <= MAC_PREFIX_BITS_MAX,
            },
      id: facts.id,
      name: facts.name,
      pool,
      gateway,
      isInternal: false,
      mtuBytes: wishes.mtuBytes ?? this.#host.config.mtuBytes,
      isHairpin: !this.#host.config.hasUserlandProxy,
    });
    const network = new LocalNetwork(
      {
        ...facts,
        driver: 'bridge',
        isInternal: false,
        isByUser: false,
        isIpv6: pool6 !== undefined,
        ipam: showsSubnet ? ownIpam({ ...subnet, subnet: pool.subnet }, pool6) : [],
      },
      plane,
    );
    this.add(network);
    return network;
  }

  /** `docker network rm`. */
  remove(reference: string): LocalNetwork | Refusal {
    const network = this.find(reference);
    if (network === undefined) return notFound(`network ${reference} not found`);
    if (!network.isUserDefined) {
      return forbidden(`${network.name} is a pre-defined network and cannot be removed`);
    }
    if (network.endpoints.size > 0) return this.#inUse(network);
    const refusal = configurationInUse(network, this.list());
    if (refusal !== undefined) return refusal;
    network.plane?.remove();
    network.plugged?.remove();
    const subnets = network.plane === undefined ? [] : subnetsOf(network.plane);
    for (const { pool } of subnets) this.#pools.release(pool);
    if (network.plane instanceof BridgeNetwork && network.plane.ipv6 !== undefined) {
      this.#pools.release(network.plane.ipv6.pool);
    }
    this.#byId.delete(network.id);
    return network;
  }

  #inUse({ name, id, endpoints }: LocalNetwork): Refusal {
    const head = 'error while removing network: network';
    if (this.#host.engine.major < NAMES_USERS_MAJOR) {
      return forbidden(`${head} ${name} id ${id} has active endpoints`);
    }
    const users = [...endpoints.values()].map(
      (endpoint) => `name:"${endpoint.containerName}" id:"${endpoint.id.slice(0, 12)}"`,
    );
    return forbidden(`${head} ${name} has active endpoints (${users.join(', ')})`);
  }

  /** Gives a network its subnet and its driver's part. */
  #makePlane(id: string, request: NetworkRequest): NetworkPlane | Refusal {
    const wishes = bridgeWishesOf(request.options, this.#host.engine);
    if (wishes instanceof Refusal) return wishes;
    const ipv4 = request.ipam.filter(isIpv4Config);
    const pool = this.#poolOf(ipv4[0]);
    if (pool instanceof Refusal) return pool;
    const isBridge = request.driver === 'bridge';
    if (isBridge && (ipv4.length > 1 || isNotInternal(wishes, request))) {
      this.#pools.release(pool);
      return ipv4.length > 1 ? forbidden(ONE_SUBNET) : invalid(ONLY_INTERNAL);
    }
    const hasGateway = isBridge
      ? leadsSomewhere(wishes, request)
      : this.#host.engine.layout === 'isolation';
    const gateway = this.#gatewayOf(pool, ipv4[0], hasGateway);
    if (gateway instanceof Refusal) {
      this.#pools.release(pool);
      return gateway;
    }
    const others = this.#otherSubnetsOf(ipv4.slice(1), hasGateway);
    const plane =
      others instanceof Refusal
        ? others
        : this.#planeOf(id, request, wishes, pool, gateway, others);
    if (plane instanceof Refusal) {
      for (const each of others instanceof Refusal ? [] : others) this.#pools.release(each.pool);
      this.#pools.release(pool);
    }
    return plane;
  }

  /** The subnets behind a network's first. */
  #otherSubnetsOf(configs: readonly IpamConfig[], hasGateway: boolean): PlaneSubnet[] | Refusal {
    const subnets: PlaneSubnet[] = [];
    const giveUp = (refusal: Refusal) => {
      for (const { pool } of subnets) this.#pools.release(pool);
      return refusal;
    };
    for (const config of configs) {
      const pool = this.#poolOf(config);
      if (pool instanceof Refusal) return giveUp(pool);
      const gateway = this.#gatewayOf(pool, config, hasGateway);
      if (gateway instanceof Refusal) {
        this.#pools.release(pool);
        return giveUp(gateway);
      }
      subnets.push({ pool, gateway });
    }
    return subnets;
  }

  /** The IPv6 half of a bridge network that asks for one. */
  #ipv6Of(request: NetworkRequest, wishes: BridgeWishes): BridgeIpv6Options | undefined | Refusal {
    if (request.isIpv6 !== true || request.driver !== 'bridge') return undefined;
    const configs = request.ipam.filter((config) => !isIpv4Config(config));
    if (configs.length > 1) return forbidden(ONE_SUBNET);
    const pool = this.#ipv6PoolOf(configs[0]);
    if (pool instanceof Refusal) return pool;
    const gateway = this.#gatewayOf(pool, configs[0], true);
    if (gateway instanceof Refusal) {
      this.#pools.release(pool);
      return gateway;
    }
    return {
      pool,
      gateway,
      gatewayMode: wishes.gatewayMode6,
      sourceAddress: wishes.sourceAddress6,
    };
  }

  #ipv6PoolOf(config: IpamConfig | undefined): LocalPool | Refusal {
    const { engine, identifiers } = this.#host;
    if (config?.subnet !== undefined) {
      const pool = this.#pools.claim(config.subnet, config.range);
      return pool ?? forbidden('Pool overlaps with other one on this address space');
    }
    if (!engine.hasUniqueLocalPrefix) return notFound(NO_IPV6_POOL);
    const base = (0xfdn << 120n) | (identifiers.globalId << 80n);
    return this.#pools.allocateIpv6({ address: ipv6OfInteger(base), lengthBits: 48 });
  }

  #poolOf(config: IpamConfig | undefined): LocalPool | Refusal {
    if (config?.subnet === undefined) {
      const pool = this.#pools.allocate(this.#host.usedPrefixes());
      if (pool !== undefined) return pool;
      return notFound(this.#host.engine.rotatesPools ? NO_POOL_UP_TO_26 : NO_POOL);
    }
    const pool = this.#pools.claim(config.subnet, config.range);
    return pool ?? forbidden('Pool overlaps with other one on this address space');
  }

  /** Takes the gateway and the auxiliary addresses from the pool. */
  #gatewayOf(
    pool: LocalPool,
    config: IpamConfig | undefined,
    hasGateway: boolean,
  ): Ipv4Address | undefined | Refusal {
    let gateway: Ipv4Address | undefined;
    if (config?.gateway !== undefined) {
      gateway = pool.take(config.gateway);
      if (gateway === undefined) return addressRefusal(pool.subnet, config.gateway);
    } else if (hasGateway) {
      gateway = pool.take();
      if (gateway === undefined) return invalid('no available addresses on this pool');
    }
    for (const address of config?.auxiliary?.values() ?? []) {
      if (pool.take(address) === undefined) return addressRefusal(pool.subnet, address);
    }
    return gateway;
  }

  #planeOf(
    id: string,
    request: NetworkRequest,
    wishes: BridgeWishes,
    pool: LocalPool,
    gateway: Ipv4Address | undefined,
    otherSubnets: readonly PlaneSubnet[] = [],
  ): NetworkPlane | Refusal {
    const { isInternal, options, driver } = request;
    if (driver !== 'bridge') {
      const isAlone = this.#host.engine.layout === 'isolation' || driver === 'ipvlan';
      const others = isAlone ? this.list() : [];
      return makeStackedPlane(this.#host, {
        id,
        driver: driver === 'macvlan' ? 'macvlan' : 'ipvlan',
        options,
        subnets: [{ pool, gateway }, ...otherSubnets],
        announcements: wishes.announcements,
        isInternal,
        others,
      });
    }
    const device = wishes.device ?? `br-${id.slice(0, 12)}`;
    if (this.#host.namespace.deviceByName(device) !== undefined) {
      const clash = this.list().find(
        (n) => n.plane instanceof BridgeNetwork && n.plane.facts.device === device,
      );
      const who = clash === undefined ? '' : ` with network ${clash.id} (${device})`;
      return forbidden(
        `cannot create network ${id} (${device}): conflicts${who}: networks have same bridge name`,
      );
    }
    const ipv6 = this.#ipv6Of(request, wishes);
    if (ipv6 instanceof Refusal) return ipv6;
    return new BridgeNetwork(this.#host, {
      ...wishes,
      ipv6,
      id,
      name: request.name,
      device,
      pool,
      gateway,
      isInternal,
      mtuBytes: wishes.mtuBytes ?? this.#host.config.mtuBytes,
      isHairpin: !this.#host.config.hasUserlandProxy,
    });
  }
}

/** Whom nobody outside is to reach must not say that it leads there. */
function isNotInternal({ gatewayMode }: BridgeWishes, { isInternal }: NetworkRequest): boolean {
  return gatewayMode === 'isolated' && !isInternal;
}

/** An isolated network has no gateway; one whose bridge has no address needs none when internal. */
function leadsSomewhere(wishes: BridgeWishes, { isInternal }: NetworkRequest): boolean {
  return wishes.gatewayMode !== 'isolated' && !(wishes.inhibitsAddress && isInternal);
}

function ownIpam(ipv4: IpamConfig, pool6: LocalPool | undefined): IpamConfig[] {
  return pool6 === undefined ? [ipv4] : [ipv4, { subnet: pool6.subnet }];
}

function isIpv4Config({ subnet }: IpamConfig): boolean {
  return subnet === undefined || !isIpv6Address(subnet.address);
}

function inOrderOfIds(networks: readonly LocalNetwork[]): LocalNetwork[] {
  return [...networks].sort((a, b) => (a.id < b.id ? -1 : 1));
}
