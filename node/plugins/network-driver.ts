/**
 * A network driver that is another process: libnetwork's calls as messages to a plugin, and its
 * answers checked (libnetwork `drivers/remote/driver.go`, `drivers/remote/api/api.go`).
 */
import type { Steps } from '../../sim/steps.ts';
import {
  formatIpv4Address,
  formatMac,
  formatPrefix,
  type Ipv4Address,
  type Mac,
  type Prefix,
  parseIpv4Address,
  parseMac,
  parsePrefix,
} from '../../wire/addresses.ts';
import { fieldOf, objectField, textField } from '../../wire/go-json.ts';
import type { EngineVersion } from '../engine-version.ts';
import { type PluginClient, PluginError } from './plugin-client.ts';

/** The addresses of a network, as its driver is told (`driverapi.IPAMData`). */
export interface IpamData {
  readonly addressSpace: string;
  readonly pool: Prefix;
  readonly gateway: Prefix | undefined;
  readonly auxiliary: ReadonlyMap<string, Prefix>;
}

/** Options as libnetwork's labels name them. */
export type DriverOptions = Readonly<Record<string, unknown>>;

/** What a driver says of itself. */
export interface DriverCapability {
  /** Whether its networks are allocated on one host or for all of a swarm. */
  readonly scope: 'local' | 'global';
  /** Whether its containers reach those of other hosts. */
  readonly connectivityScope: 'local' | 'global';
  /** It can say which networks need no gateway (from 28 on). */
  readonly checksGateway: boolean;
}

/** An endpoint's interface, as far as it is decided. */
export interface EndpointInterface {
  readonly address: Prefix | undefined;
  readonly mac: Mac | undefined;
}

/** A route that a container gets: by a next hop, or straight out of the interface. */
export interface StaticRoute {
  readonly destination: Prefix;
  readonly nextHop: Ipv4Address | undefined;
}

/** What a driver has made for a container that joins. */
export interface JoinInfo {
  /** The device on the host that becomes the container's; empty for none. */
  readonly sourceName: string;
  /** What its name in the container begins with. */
  readonly prefix: string;
  readonly gateway: Ipv4Address | undefined;
  readonly routes: readonly StaticRoute[];
  /** The container needs no other way out. */
  readonly disablesGatewayService: boolean;
}

/** `RouteType` of a route without a next hop. */
const CONNECTED = 1;
/** `DiscoveryType` of nodes. */
const NODE_DISCOVERY = 1;
/** The first version that takes back whatever fails after a plugin has said yes. */
const ROLLS_ALL_BACK_MAJOR = 27;

/** One remote driver. */
export class RemoteDriver {
  readonly name: string;
  capability: DriverCapability = {
    scope: 'local',
    connectivityScope: 'local',
    checksGateway: false,
  };
  readonly #client: PluginClient;
  readonly #engine: EngineVersion;

  constructor(client: PluginClient, engine: EngineVersion) {
    this.name = client.name;
    this.#client = client;
    this.#engine = engine;
  }

  /** Asks what it can do; why it cannot be registered otherwise. */
  *negotiate(): Steps<PluginError | undefined> {
    const answer = yield* this.#call('GetCapabilities');
    if (answer instanceof PluginError) return answer;
    const scope = textField(answer, 'Scope');
    const connectivity = textField(answer, 'ConnectivityScope');
    const isKnown = (text: string) => text === 'local' || text === 'global';
    if (!isKnown(scope) || !(connectivity === '' || isKnown(connectivity))) {
      const expected = "expecting 'local' or 'global'";
      return new PluginError(`invalid capability: ${expected}, got ${scope}`);
    }
    this.capability = {
      scope: scope as 'local' | 'global',
      connectivityScope: (connectivity === '' ? scope : connectivity) as 'local' | 'global',
      checksGateway: fieldOf(answer, 'GwAllocChecker') === true,
    };
    return undefined;
  }

  /** `AllocateNetwork`, for the manager of a swarm: options that its agents will be given. */
  *allocateNetwork(
    id: string,
    options: Readonly<Record<string, string>>,
    ipam: readonly IpamData[],
  ): Steps<Readonly<Record<string, unknown>> | PluginError> {
    const IPv4Data = ipam.map(ipamDataJson);
    const body = { NetworkID: id, Options: options, IPv4Data, IPv6Data: [] };
    const answer = yield* this.#call('AllocateNetwork', body);
    return answer instanceof PluginError ? answer : (objectField(answer, 'Options') ?? {});
  }

  /** `FreeNetwork` */
  *freeNetwork(id: string): Steps<PluginError | undefined> {
    return errorOf(yield* this.#call('FreeNetwork', { NetworkID: id }));
  }

  /** Whether a network with these options needs no gateway (`GwAllocCheck`). */
  *skipsGateway(options: DriverOptions): Steps<boolean | PluginError> {
    if (!this.capability.checksGateway || this.#engine.major < 28) return false;
    const answer = yield* this.#call('GwAllocCheck', { Options: options });
    return answer instanceof PluginError ? answer : fieldOf(answer, 'SkipIPv4') === true;
  }

  /** `CreateNetwork` */
  *createNetwork(
    id: string,
    options: DriverOptions,
    ipam: readonly IpamData[],
  ): Steps<PluginError | undefined> {
    const IPv4Data = ipam.map(ipamDataJson);
    const body = { NetworkID: id, Options: options, IPv4Data, IPv6Data: [] };
    return errorOf(yield* this.#call('CreateNetwork', body));
  }

  /** `DeleteNetwork` */
  *deleteNetwork(id: string): Steps<PluginError | undefined> {
    return errorOf(yield* this.#call('DeleteNetwork', { NetworkID: id }));
  }

  /** `CreateEndpoint`: the interface with what the driver has decided. */
  *createEndpoint(
    networkId: string,
    endpointId: string,
    given: EndpointInterface,
    options: DriverOptions,
  ): Steps<EndpointInterface | PluginError> {
    const { address, mac } = given;
    const answer = yield* this.#call('CreateEndpoint', {
      NetworkID: networkId,
      EndpointID: endpointId,
      Interface: {
        Address: address === undefined ? '' : formatPrefix(address),
        AddressIPv6: '',
        MacAddress: mac === undefined ? '' : formatMac(mac),
      },
      Options: options,
    });
    if (answer instanceof PluginError) return answer;
    const said = objectField(answer, 'Interface');
    if (said === undefined) return given;
    const decided = parseInterface(said);
    const isParsed = !(decided instanceof PluginError);
    const result = isParsed ? merge(given, decided) : decided;
    if (!(result instanceof PluginError)) return result;
    if (!isParsed && !this.#rollsAllBack) return result;
    return yield* this.#rolledBack(result, this.deleteEndpoint(networkId, endpointId));
  }

  /** `EndpointOperInfo` */
  *endpointInfo(
    networkId: string,
    endpointId: string,
  ): Steps<Readonly<Record<string, unknown>> | PluginError> {
    const ids = { NetworkID: networkId, EndpointID: endpointId };
    const answer = yield* this.#call('EndpointOperInfo', ids);
    return answer instanceof PluginError ? answer : (objectField(answer, 'Value') ?? {});
  }

  /** `DeleteEndpoint` */
  *deleteEndpoint(networkId: string, endpointId: string): Steps<PluginError | undefined> {
    const ids = { NetworkID: networkId, EndpointID: endpointId };
    return errorOf(yield* this.#call('DeleteEndpoint', ids));
  }

  /** `Join`: what the container gets. */
  *join(
    networkId: string,
    endpointId: string,
    sandboxKey: string,
    options: DriverOptions,
  ): Steps<JoinInfo | PluginError> {
    const answer = yield* this.#call('Join', {
      NetworkID: networkId,
      EndpointID: endpointId,
      SandboxKey: sandboxKey,
      Options: options,
    });
    if (answer instanceof PluginError) return answer;
    const info = parseJoin(answer);
    if (!(info instanceof PluginError) || !this.#rollsAllBack) return info;
    return yield* this.#rolledBack(info, this.leave(networkId, endpointId));
  }

  /** `Leave` */
  *leave(networkId: string, endpointId: string): Steps<PluginError | undefined> {
    const ids = { NetworkID: networkId, EndpointID: endpointId };
    return errorOf(yield* this.#call('Leave', ids));
  }

  /** `ProgramExternalConnectivity`, which a plugin need not know. */
  *programExternalConnectivity(
    networkId: string,
    endpointId: string,
    options: DriverOptions,
  ): Steps<PluginError | undefined> {
    const body = { NetworkID: networkId, EndpointID: endpointId, Options: options };
    const error = errorOf(yield* this.#call('ProgramExternalConnectivity', body));
    return error?.isNotFound === true ? undefined : error;
  }

  /** `RevokeExternalConnectivity`, which a plugin need not know. */
  *revokeExternalConnectivity(
    networkId: string,
    endpointId: string,
  ): Steps<PluginError | undefined> {
    const ids = { NetworkID: networkId, EndpointID: endpointId };
    const error = errorOf(yield* this.#call('RevokeExternalConnectivity', ids));
    return error?.isNotFound === true ? undefined : error;
  }

  /** `DiscoverNew` or `DiscoverDelete`: a node of the swarm came or went. */
  *discover(
    change: 'DiscoverNew' | 'DiscoverDelete',
    address: Ipv4Address,
    isSelf: boolean,
  ): Steps<PluginError | undefined> {
    const text = formatIpv4Address(address);
    const DiscoveryData = { Address: text, BindAddress: isSelf ? text : '', Self: isSelf };
    return errorOf(yield* this.#call(change, { DiscoveryType: NODE_DISCOVERY, DiscoveryData }));
  }

  get #rollsAllBack(): boolean {
    return this.#engine.major >= ROLLS_ALL_BACK_MAJOR;
  }

  *#call(method: string, body?: object): Steps<Record<string, unknown> | PluginError> {
    const answer = yield* this.#client.call(`NetworkDriver.${method}`, body);
    if (answer instanceof PluginError) return answer;
    const error = textField(answer, 'Err');
    return error === '' ? answer : new PluginError(`remote: ${error}`);
  }

  *#rolledBack(error: PluginError, undo: Steps<PluginError | undefined>): Steps<PluginError> {
    const trouble = yield* undo;
    if (trouble === undefined) return new PluginError(`${error.message}; rolled back`);
    const [first, second] = this.#rollsAllBack ? [trouble, error] : [error, trouble];
    return new PluginError(`${first.message}; failed to roll back: ${second.message}`);
  }
}

function errorOf(answer: Record<string, unknown> | PluginError): PluginError | undefined {
  return answer instanceof PluginError ? answer : undefined;
}

/** As `IPAMData.MarshalJSON` writes it: by the names of the keys, and only what there is. */
function ipamDataJson({ addressSpace, pool, gateway, auxiliary }: IpamData): object {
  const names = [...auxiliary.keys()].sort();
  return {
    AddressSpace: addressSpace,
    ...(names.length === 0
      ? {}
      : {
          AuxAddresses: Object.fromEntries(
            names.map((name) => [name, formatPrefix(auxiliary.get(name)!)]),
          ),
        }),
    ...(gateway === undefined ? {} : { Gateway: formatPrefix(gateway) }),
    Pool: formatPrefix(pool),
  };
}

function parseInterface(said: Record<string, unknown>): EndpointInterface | PluginError {
  const addressText = textField(said, 'Address');
  const macText = textField(said, 'MacAddress');
  const address = addressText === '' ? undefined : parsePrefix(addressText);
  if (addressText !== '' && address === undefined) {
    return new PluginError(`invalid CIDR address: ${addressText}`);
  }
  const mac = macText === '' ? undefined : parseMac(macText);
  if (macText !== '' && mac === undefined) {
    return new PluginError(`address ${macText}: invalid MAC address`);
  }
  return { address, mac };
}

/** A driver may say what nobody has said yet. */
function merge(
  given: EndpointInterface,
  decided: EndpointInterface,
): EndpointInterface | PluginError {
  if (given.mac !== undefined && decided.mac !== undefined) {
    const present = `endpoint interface MAC address present (${formatMac(given.mac)})`;
    const change = `Cannot be modified with ${formatMac(decided.mac)}.`;
    return new PluginError(`driver modified interface MAC address: ${present}. ${change}`);
  }
  if (given.address !== undefined && decided.address !== undefined) {
    const present = `endpoint interface IP present (${formatPrefix(given.address)})`;
    const change = `Cannot be modified with (${formatPrefix(decided.address)}).`;
    return new PluginError(`driver modified interface address: ${present}. ${change}`);
  }
  return { address: given.address ?? decided.address, mac: given.mac ?? decided.mac };
}

function parseJoin(answer: Record<string, unknown>): JoinInfo | PluginError {
  const names = objectField(answer, 'InterfaceName') ?? {};
  const gatewayText = textField(answer, 'Gateway');
  const gateway = gatewayText === '' ? undefined : parseIpv4Address(gatewayText);
  if (gatewayText !== '' && gateway === undefined) {
    return new PluginError(`unable to parse Gateway "${gatewayText}"`);
  }
  const routes: StaticRoute[] = [];
  const list = fieldOf(answer, 'StaticRoutes');
  for (const item of Array.isArray(list) ? (list as Record<string, unknown>[]) : []) {
    const route = parseRoute(item);
    if (route instanceof PluginError) return route;
    routes.push(route);
  }
  return {
    sourceName: textField(names, 'SrcName'),
    prefix: textField(names, 'DstPrefix'),
    gateway,
    routes,
    disablesGatewayService: fieldOf(answer, 'DisableGatewayService') === true,
  };
}

function parseRoute(item: Record<string, unknown>): StaticRoute | PluginError {
  const text = textField(item, 'Destination');
  const destination = parsePrefix(text);
  if (destination === undefined) return new PluginError(`invalid CIDR address: ${text}`);
  const hopText = textField(item, 'NextHop');
  const nextHop = hopText === '' ? undefined : parseIpv4Address(hopText);
  if (hopText !== '' && nextHop === undefined) {
    return new PluginError(`failed to parse nexthop IP ${hopText}`);
  }
  const isConnected = fieldOf(item, 'RouteType') === CONNECTED;
  return { destination, nextHop: isConnected ? undefined : nextHop };
}
