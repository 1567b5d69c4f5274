/**
 * Making a network that plugins have a part in: the driver is found, then the addresses, then the
 * driver makes its part, and what was taken is given back when something is refused
 * (libnetwork `controller.NewNetwork`).
 */
import type { Steps } from '../../sim/steps.ts';
import type { Ipv4Address, Prefix } from '../../wire/addresses.ts';
import { failure, forbidden, invalid, Refusal } from '../daemon/refusal.ts';
import type { IpamConfig, NetworkRequest } from '../daemon/requests.ts';
import { LocalPool } from '../ipam/local-pools.ts';
import type { DriverRegistry } from '../plugins/driver-registry.ts';
import { networkOptionsOf } from '../plugins/endpoint-options.ts';
import type { DriverOptions, IpamData, RemoteDriver } from '../plugins/network-driver.ts';
import { PluginError } from '../plugins/plugin-client.ts';
import { RemoteAddresses } from '../plugins/remote-addresses.ts';
import { LocalNetwork, type LocalNetworkFacts } from './local-network.ts';
import type { NetworkHost } from './network-host.ts';
import type { NetworkPlane } from './network-plane.ts';
import { PluggedNetwork, RemotePlane } from './plugged-network.ts';
import { fromWorker, noSwarm } from './swarm-scope.ts';

const BUILT_IN_DRIVERS: readonly string[] = ['bridge', 'macvlan', 'ipvlan'];
/** Up to this version networks of scope `global` need a store that only a swarm has. */
const STORE_MAJOR_MAX = 24;
const NO_OPTIONS: ReadonlyMap<string, string> = new Map();

/** What the host does itself for such a network. */
export interface OwnParts {
  /** Why the network cannot be made, whatever plugins say. */
  refusalOf(request: NetworkRequest): Refusal | undefined;
  factsOf(id: string, request: NetworkRequest): LocalNetworkFacts;
  poolOf(config: IpamConfig | undefined): LocalPool | Refusal;
  /** Takes the gateway and the auxiliary addresses; `hasGateway` as far as nobody asks for one. */
  gatewayOf(
    pool: LocalPool,
    config: IpamConfig | undefined,
    hasGateway: boolean,
  ): Ipv4Address | undefined | Refusal;
  release(pool: LocalPool): void;
  /** The data plane of a built-in driver. */
  planeOf(
    id: string,
    request: NetworkRequest,
    pool: LocalPool,
    gateway: Ipv4Address | undefined,
  ): NetworkPlane | Refusal;
}

/** The addresses of a network. */
interface Allocated {
  readonly pool: LocalPool;
  readonly addresses: RemoteAddresses | undefined;
  readonly data: IpamData;
}

/** True for a network that only plugins can make. */
export function needsPlugins(request: NetworkRequest): boolean {
  const { driver } = request;
  return !BUILT_IN_DRIVERS.includes(driver) || hasRemoteIpam(request) || hasNoIpam(request);
}

/** Makes a network that plugins have a part in. */
export function* makePlugged(
  host: NetworkHost,
  drivers: DriverRegistry,
  own: OwnParts,
  request: NetworkRequest,
): Steps<LocalNetwork | Refusal> {
  const isBuiltIn = BUILT_IN_DRIVERS.includes(request.driver);
  const driver = isBuiltIn ? undefined : yield* drivers.driver(request.driver);
  if (driver instanceof Refusal) return driver;
  const scope = driver?.capability.scope ?? 'local';
  const isGlobal = scope === 'global';
  if (isGlobal && host.swarmRole === 'worker') return fromWorker();
  const id = host.identifiers.id();
  const options = networkOptionsOf(request, host.engine);
  const skipsGateway = driver === undefined ? false : yield* driver.skipsGateway(options);
  if (skipsGateway instanceof PluginError) return failure(skipsGateway.message);
  const allocated = hasNoIpam(request)
    ? allocateNothing(request.ipam[0], isBuiltIn)
    : hasRemoteIpam(request)
      ? yield* allocateRemotely(host, drivers, request, isGlobal, skipsGateway)
      : allocate(own, request.ipam[0], skipsGateway);
  if (allocated instanceof Refusal) return allocated;
  const { pool, addresses, data } = allocated;
  const gateway = data.gateway?.address;
  const clash = own.refusalOf(request) ?? (yield* createAt(driver, id, options, data));
  const refusal = clash ?? (isGlobal ? yield* storeGlobally(host, driver!, id) : undefined);
  const plane =
    refusal ??
    (isBuiltIn
      ? own.planeOf(id, request, pool, gateway)
      : new RemotePlane(host.namespace, pool, gateway));
  if (plane instanceof Refusal) {
    if (addresses === undefined) own.release(pool);
    else yield* addresses.releaseAll();
    return plane;
  }
  const plugged = new PluggedNetwork({
    networkId: id,
    networkName: request.name,
    isInternal: request.isInternal,
    identifiers: host.identifiers,
    driver,
    addresses,
    pool,
    hasAddresses: !hasNoIpam(request),
  });
  return new LocalNetwork({ ...own.factsOf(id, request), scope }, plane, plugged);
}

function hasRemoteIpam({ ipamDriver = 'default' }: NetworkRequest): boolean {
  return ipamDriver !== 'default' && ipamDriver !== 'null';
}

function hasNoIpam({ ipamDriver }: NetworkRequest): boolean {
  return ipamDriver === 'null';
}

/** The address manager that has no addresses; built-in drivers want some (`ipams/null`). */
function allocateNothing(config: IpamConfig | undefined, isBuiltIn: boolean): Allocated | Refusal {
  if (config?.subnet !== undefined) {
    return invalid('null ipam driver does not handle specific address pool requests');
  }
  if (isBuiltIn) return invalid('ipv4 pool is empty');
  const pool = { address: 0, lengthBits: 0 };
  const data = { addressSpace: 'null', pool, gateway: undefined, auxiliary: new Map() };
  return { pool: new LocalPool(pool), addresses: undefined, data };
}

/** A network of a remote driver with addresses of the host's own. */
function allocate(
  own: OwnParts,
  config: IpamConfig | undefined,
  skipsGateway: boolean,
): Allocated | Refusal {
  const pool = own.poolOf(config);
  if (pool instanceof Refusal) return pool;
  const address = own.gatewayOf(pool, config, !skipsGateway);
  if (address instanceof Refusal) {
    own.release(pool);
    return address;
  }
  const { lengthBits } = pool.subnet;
  const gateway = address === undefined ? undefined : { address, lengthBits };
  const auxiliary = new Map<string, Prefix>();
  for (const [name, taken] of config?.auxiliary ?? []) {
    auxiliary.set(name, { address: taken, lengthBits });
  }
  const data = { addressSpace: 'LocalDefault', pool: pool.subnet, gateway, auxiliary };
  return { pool, addresses: undefined, data };
}

function* allocateRemotely(
  host: NetworkHost,
  drivers: DriverRegistry,
  request: NetworkRequest,
  isGlobal: boolean,
  skipsGateway: boolean,
): Steps<Allocated | Refusal> {
  const ipam = yield* drivers.ipam(request.ipamDriver!);
  if (ipam instanceof Refusal) return ipam;
  const config = request.ipam[0];
  const options = request.ipamOptions ?? NO_OPTIONS;
  const used = host.usedPrefixes();
  const wishes = { config, options, isGlobal, skipsGateway, used };
  const addresses = yield* RemoteAddresses.allocate(ipam, wishes, host.engine);
  if (addresses instanceof Refusal) return addresses;
  const { subnet, gateway, addressSpace, auxiliary } = addresses;
  const data = { addressSpace, pool: subnet, gateway, auxiliary };
  return { pool: new LocalPool(subnet), addresses, data };
}

/** Lets a remote driver make its part of a network; why it does not. */
function* createAt(
  driver: RemoteDriver | undefined,
  id: string,
  options: DriverOptions,
  data: IpamData,
): Steps<Refusal | undefined> {
  const error = driver === undefined ? undefined : yield* driver.createNetwork(id, options, [data]);
  return error === undefined ? undefined : failure(error.message);
}

/** Keeps a network of scope `global`; where there is no store for it, it is taken back. */
function* storeGlobally(
  host: NetworkHost,
  driver: RemoteDriver,
  id: string,
): Steps<Refusal | undefined> {
  if (host.swarmRole !== undefined || host.engine.major > STORE_MAJOR_MAX) return undefined;
  yield* driver.deleteNetwork(id);
  return noSwarm();
}
