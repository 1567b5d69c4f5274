/**
 * The network side of a container that people started by hand: its namespace, its endpoints on the
 * host's networks, its way out, the ports published on it, and its files
 * (`libnetwork/sandbox.go`, `default_gateway.go`, `endpoint.go`).
 *
 * A container with the host's network has no namespace of its own, and neither embedded DNS nor
 * published ports.
 */
import type { Namespace } from '../../net/namespace.ts';
import { assert } from '../../sim/assert.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { ANY_IPV6, formatIp, type IpAddress } from '../../wire/ip-address.ts';
import { Refusal } from '../daemon/refusal.ts';
import { EndpointOption, type EndpointRequest, PLAIN_ENDPOINT } from '../daemon/requests.ts';
import type { NameView, VisibleNetwork } from '../dns/answer.ts';
import { EMBEDDED_DNS_ADDRESS, EmbeddedDns } from '../dns/embedded-dns.ts';
import {
  resolvConfPathOf,
  serversWithoutEmbedded,
  type Upstream,
  upstreamsOf,
  usesDefaults,
} from '../dns/upstreams.ts';
import type { Host } from '../host/host.ts';
import { endpointAddressRefusal } from '../ipam/address-refusal.ts';
import { routeByIpv6Gateway } from '../network/bridge-ipv6.ts';
import type { DefaultRoute, LocalEndpoint, LocalNetwork } from '../network/local-network.ts';
import {
  type NetworkPlane,
  type PlaneEndpoint,
  subnetAt,
  subnetsOf,
} from '../network/network-plane.ts';
import { freeName, RemotePlane, type ReservedEndpoint } from '../network/plugged-network.ts';
import type { PublishedPorts } from '../publish/published-ports.ts';
import {
  type DnsWishes,
  HostsFile,
  type HostsLine,
  searchOf,
  withNdots,
} from './container-files.ts';
import { setContainerSysctls, withoutIpv6 } from './container-sysctls.ts';
import { containerResolvConfText } from './resolv-conf.ts';

/** What a sandbox is made for. */
export interface SandboxConfig {
  /** Its id, where plugins know it already. */
  readonly id?: string | undefined;
  readonly containerId: string;
  readonly containerName: string;
  readonly hostname: string;
  readonly domainName: string;
  readonly isHostNetwork: boolean;
  /** Lines of `/etc/hosts` before its own: `--add-host`, then links. */
  readonly hosts: readonly HostsLine[];
  readonly dns: DnsWishes;
  readonly sysctls: ReadonlyMap<string, string>;
  readonly ports: PublishedPorts;
}

/** The first version whose endpoints may have sysctls, and the first with names of their own. */
const SYSCTLS_MAJOR = 27;
const NAMES_MAJOR = 28;

/** Where namespaces are mounted. */
const NETNS_FOLDER = '/var/run/docker/netns';

/** The network side of one container. */
export class ContainerSandbox implements NameView {
  readonly id: string;
  readonly namespace: Namespace;
  readonly config: SandboxConfig;
  readonly hosts: HostsFile;
  readonly #host: Host;
  readonly #endpoints: LocalEndpoint[] = [];
  #dns: EmbeddedDns | undefined;
  #gateway: LocalEndpoint | undefined;
  #gateway6: LocalEndpoint | undefined;

  constructor(host: Host, config: SandboxConfig) {
    this.#host = host;
    this.config = config;
    this.id = config.id ?? host.identifiers.id();
    if (config.isHostNetwork) this.namespace = host.namespace;
    else {
      this.namespace = host.createNamespace(this.#fileName);
      setContainerSysctls(this.namespace, host.engine);
      for (const [name, value] of config.sysctls) this.namespace.sysctls.set(name, value);
    }
    const { engine } = host;
    const isOnLoopback = this.namespace.loopback.ipv6.disable_ipv6 === 0;
    this.hosts = new HostsFile(engine, config.hosts, !engine.hasIpv6Loopback || isOnLoopback);
  }

  /** `SandboxKey`: the file of its namespace. */
  get key(): string {
    return this.config.isHostNetwork ? `${NETNS_FOLDER}/default` : sandboxKeyOf(this.id);
  }

  /** Its endpoints in the order of joining. */
  get endpoints(): readonly LocalEndpoint[] {
    return this.#endpoints;
  }

  /** The endpoint that is its way out. */
  get gateway(): LocalEndpoint | undefined {
    return this.#gateway;
  }

  /** The networks whose names it can ask for, in the order in which they are asked. */
  get networks(): VisibleNetwork[] {
    return [...this.#endpoints].sort(byPrecedence).map(({ network, linkAliases }) => ({
      name: network.name,
      records: network.records,
      aliases: linkAliases,
    }));
  }

  /** The domains in which its programs search names. */
  get search(): readonly string[] {
    return searchOf(this.config.dns.search, this.#host.resolver);
  }

  /** The servers that its programs ask. */
  get servers(): readonly Ipv4Address[] {
    if (this.config.isHostNetwork) return this.#host.resolver.servers;
    if (this.#dns !== undefined) return [EMBEDDED_DNS_ADDRESS];
    return serversWithoutEmbedded(this.config.dns.servers, this.#host.resolver);
  }

  /** `/etc/hosts` */
  get hostsText(): string {
    const { isHostNetwork, hosts } = this.config;
    return isHostNetwork && hosts.length === 0 ? this.#host.hostsFile : this.hosts.text;
  }

  /** `/etc/resolv.conf` */
  get resolvConf(): string {
    const { options } = this.config.dns;
    const { engine, resolver } = this.#host;
    const { dns, isHostNetwork } = this.config;
    const isEmbedded = this.#dns !== undefined;
    return containerResolvConfText(engine, {
      servers: this.servers,
      search: this.search,
      options: isEmbedded ? withNdots(options) : options,
      wishes: dns,
      sourcePath: resolvConfPathOf(resolver),
      upstreams: isEmbedded ? this.#upstreams : undefined,
      usesDefaults: usesDefaults(dns.servers, resolver, isEmbedded),
      isOfHost: isHostNetwork,
    });
  }

  /** Joins a network as the next interface; why not, if it cannot. */
  join(network: LocalNetwork, wishes: EndpointRequest): LocalEndpoint | Refusal {
    const { containerId, containerName } = this.config;
    const own = [...wishes.aliases, containerId.slice(0, 12), this.config.hostname];
    const names = [...new Set([containerName, ...own])];
    const endpoint = this.#enter(network, wishes, containerName, names);
    if (endpoint instanceof Refusal) return endpoint;
    if (endpoint.plane !== undefined) {
      for (const line of this.#hostsLinesOf(endpoint)) this.hosts.add(line);
      if (network.isUserDefined) this.#startDns();
    }
    const refusal = this.#updateGatewayBridge() ?? this.#chooseGateway();
    if (refusal === undefined) return endpoint;
    this.leave(endpoint);
    return refusal;
  }

  /** Leaves a network. */
  leave(endpoint: LocalEndpoint): void {
    if (!this.#exit(endpoint)) return;
    if (endpoint.plane !== undefined) {
      for (const line of this.#hostsLinesOf(endpoint)) this.hosts.remove(line);
    }
    this.#updateGatewayBridge();
    this.#chooseGateway();
  }

  /** dockerd is gone, and with it what it does for the container: names, and the ports' proxies. */
  letGo(): void {
    this.#dns?.close();
    this.config.ports.letGo();
  }

  /** dockerd is back, and does for the container what it did. */
  takeUp(): void {
    if (this.#dns !== undefined) {
      this.#dns = new EmbeddedDns(this.#host, this.namespace, this, this.#upstreams);
    }
    this.config.ports.holdAgain();
  }

  /** Leaves all networks. */
  leaveAll(): void {
    this.config.ports.moveTo(undefined);
    this.#gateway = undefined;
    for (const endpoint of [...this.#endpoints]) this.leave(endpoint);
  }

  /** Leaves all networks; a namespace of its own goes. */
  destroy(): void {
    this.leaveAll();
    if (!this.config.isHostNetwork) this.#host.destroyNamespace(this.#fileName);
  }

  get #fileName(): string {
    return fileNameOf(this.id);
  }

  get #upstreams(): Upstream[] {
    const { resolver, engine } = this.#host;
    return upstreamsOf(this.config.dns.servers, resolver, engine);
  }

  /** Takes its place on a network, under these names. */
  #enter(
    network: LocalNetwork,
    wishes: EndpointRequest,
    name: string,
    names: readonly string[],
  ): LocalEndpoint | Refusal {
    const reserved = network.plugged?.claim(this.config.containerId);
    const plane = this.#plug(network, wishes, reserved);
    if (plane instanceof Refusal) {
      if (reserved !== undefined) network.plugged!.release(reserved);
      return plane;
    }
    const endpoint: LocalEndpoint = {
      id: plane?.id ?? this.#host.identifiers.id(),
      network,
      containerId: this.config.containerId,
      containerName: name,
      sandboxId: this.id,
      interfaceName: plane?.device.name ?? '',
      address: plane?.address ?? 0,
      prefixLength: reserved?.address?.lengthBits ?? prefixLengthOf(network, plane?.address),
      address6: plane?.address6 ?? 0,
      mac: plane?.mac ?? 0,
      plane,
      defaultRoute: defaultRouteOf(network, reserved, plane?.address ?? 0),
      reserved,
      linkAliases: linkAliasesOf(wishes.links),
      gatewayPriority: wishes.gatewayPriority,
      names,
    };
    this.#endpoints.push(endpoint);
    network.add(endpoint);
    return endpoint;
  }

  /** Gets an interface; none on `host` and `none`. */
  #plug(
    network: LocalNetwork,
    wishes: EndpointRequest,
    reserved: ReservedEndpoint | undefined,
  ): PlaneEndpoint | Refusal | undefined {
    const { plane } = network;
    if (plane === undefined) return undefined;
    if (plane instanceof RemotePlane) {
      assert(reserved !== undefined, `nobody has reserved a place on ${network.name}`);
      return withoutIpv6(this.namespace, () => plane.attach(this.namespace, reserved));
    }
    const busy = plane.joinRefusal?.();
    if (busy !== undefined) return busy;
    const address = reserved?.address?.address ?? addressOn(network, plane, wishes.address);
    if (address instanceof Refusal) return address;
    const address6 = ipv6AddressOn(network, plane, wishes.address6);
    if (address6 instanceof Refusal) {
      subnetAt(plane, address).pool.release(address);
      return address6;
    }
    const interfaceName = this.#wishedName(wishes) ?? freeName(this.namespace, 'eth');
    const mac = reserved?.mac ?? wishes.mac;
    const joined = withoutIpv6(this.namespace, () =>
      plane.join(this.namespace, interfaceName, address, mac, address6),
    );
    this.#setSysctlsOf(interfaceName, wishes);
    return joined;
  }

  #wishedName({ driverOptions }: EndpointRequest): string | undefined {
    const { major } = this.#host.engine;
    return major < NAMES_MAJOR ? undefined : driverOptions?.get(EndpointOption.interfaceName);
  }

  /** `net.ipv4.conf.IFNAME.log_martians=1,…` of an interface. */
  #setSysctlsOf(interfaceName: string, { driverOptions }: EndpointRequest): void {
    const wanted = driverOptions?.get(EndpointOption.sysctls);
    if (wanted === undefined || this.#host.engine.major < SYSCTLS_MAJOR) return;
    for (const setting of wanted.split(',')) {
      const [name = '', value = ''] = setting.split('=');
      this.namespace.sysctls.set(name.replace('IFNAME', interfaceName), Number(value));
    }
  }

  /** Gives its place back; false when it had none. */
  #exit(endpoint: LocalEndpoint): boolean {
    const at = this.#endpoints.indexOf(endpoint);
    if (at < 0) return false;
    this.#endpoints.splice(at, 1);
    if (endpoint === this.#gateway) this.#chooseGateway();
    const { network, plane, address, reserved } = endpoint;
    network.remove(endpoint);
    if (plane === undefined) return true;
    network.plane!.leave(plane);
    if (reserved === undefined) subnetAt(network.plane!, address).pool.release(address);
    else network.plugged!.release(reserved);
    return true;
  }

  /** A line for each address. */
  #hostsLinesOf({ address, address6 }: LocalEndpoint): HostsLine[] {
    const { hostname, domainName } = this.config;
    const names = domainName === '' ? hostname : `${hostname}.${domainName} ${hostname}`;
    const addresses = [address, address6].filter((own) => own !== 0);
    return addresses.map((own) => ({ address: formatIp(own), names }));
  }

  /**
   * A place on `docker_gwbridge` while a plugin's network needs a way out and none leads there
   * (`needDefaultGW`, `setupDefaultGW`, `clearDefaultGW`).
   */
  #updateGatewayBridge(): Refusal | undefined {
    const present = this.#endpoints.find(isOnGatewayBridge);
    const others = this.#endpoints.filter((endpoint) => endpoint !== present);
    const isNeeded = others.some(lacksGateway) && !others.some(hasDefaultRoute);
    if (!isNeeded && present !== undefined) this.#exit(present);
    if (!isNeeded || present !== undefined) return undefined;
    const network = this.#host.networks.find(this.#host.gatewayBridge.name)!;
    const name = `gateway_${this.#fileName}`;
    const endpoint = this.#enter(network, PLAIN_ENDPOINT, name, []);
    return endpoint instanceof Refusal ? endpoint : undefined;
  }

  #startDns(): void {
    if (this.#dns !== undefined) return;
    this.namespace.tables.run('-L -n');
    this.#dns = new EmbeddedDns(this.#host, this.namespace, this, this.#upstreams);
  }

  /** Lets the default route and the published ports follow the best endpoint. */
  #chooseGateway(): Refusal | undefined {
    const best = [...this.#endpoints].sort(byPrecedence).find(hasDefaultRoute);
    this.#chooseIpv6Gateway();
    if (best === this.#gateway) return undefined;
    const old = this.#gateway;
    this.#gateway = best;
    if (old !== undefined) this.namespace.removeRoute({ destination: 0, prefixLength: 0 });
    if (best !== undefined) this.#addDefaultRoute(best);
    return this.config.ports.moveTo(best);
  }

  /** IPv6's default route goes its own way. */
  #chooseIpv6Gateway(): void {
    const leads = (endpoint: LocalEndpoint) => endpoint.defaultRoute?.gateway6 !== undefined;
    const best = [...this.#endpoints].sort(byPrecedence).find(leads);
    if (best === this.#gateway6) return;
    if (this.#gateway6 !== undefined) {
      this.namespace.ipv6.routes.take({ destination: ANY_IPV6, prefixLength: 0 });
    }
    this.#gateway6 = best;
    if (best === undefined) return;
    routeByIpv6Gateway(this.namespace, best.plane!.device, best.defaultRoute!.gateway6!);
  }

  #addDefaultRoute({ plane, defaultRoute }: LocalEndpoint): void {
    const { device } = plane!;
    const route = { destination: 0, prefixLength: 0, device };
    const { gateway } = defaultRoute!;
    this.namespace.addRoute(gateway === undefined ? route : { ...route, gateway });
  }
}

/** Where a sandbox' namespace is mounted. */
export function sandboxKeyOf(sandboxId: string): string {
  return `${NETNS_FOLDER}/${fileNameOf(sandboxId)}`;
}

function fileNameOf(sandboxId: string): string {
  return sandboxId.slice(0, 12);
}

function addressOn(
  network: LocalNetwork,
  plane: NetworkPlane,
  wanted: Ipv4Address | undefined,
): Ipv4Address | Refusal {
  const subnets = wanted === undefined ? subnetsOf(plane) : [subnetAt(plane, wanted)];
  for (const { pool } of subnets) {
    const address = pool.take(wanted);
    if (address !== undefined) return address;
  }
  return endpointAddressRefusal(subnets[0]!.pool.subnet, wanted, network);
}

function prefixLengthOf({ plane }: LocalNetwork, address: Ipv4Address | undefined): number {
  if (plane === undefined || address === undefined) return 0;
  return subnetAt(plane, address).pool.subnet.lengthBits;
}

/** As the network's driver has it, or as its plugin says for this endpoint. */
function defaultRouteOf(
  { plane, facts }: LocalNetwork,
  reserved: ReservedEndpoint | undefined,
  address: Ipv4Address,
): DefaultRoute | undefined {
  if (plane === undefined) return undefined;
  if (plane instanceof RemotePlane) {
    const gateway = reserved?.join?.gateway;
    return gateway === undefined || facts.isInternal ? undefined : { gateway };
  }
  if (plane.defaultRoute === 'none') return undefined;
  const isByDevice = plane.defaultRoute === 'device';
  const gateway = isByDevice ? undefined : subnetAt(plane, address).gateway;
  if (gateway === undefined && !isByDevice) return undefined;
  return { gateway, gateway6: facts.isInternal ? undefined : plane.ipv6?.gateway };
}

/** The IPv6 address of an endpoint; undefined where there is no IPv6. */
function ipv6AddressOn(
  network: LocalNetwork,
  { ipv6 }: NetworkPlane,
  wanted: IpAddress | undefined,
): IpAddress | undefined | Refusal {
  if (ipv6 === undefined) return undefined;
  return ipv6.take(wanted) ?? endpointAddressRefusal(ipv6.pool.subnet, wanted, network);
}

function hasDefaultRoute({ defaultRoute }: LocalEndpoint): boolean {
  return defaultRoute !== undefined;
}

/** An IPv6 gateway counts for more than one of IPv4. */
function gatewayScoreOf({ defaultRoute }: LocalEndpoint): number {
  return Number(defaultRoute !== undefined) + 2 * Number(defaultRoute?.gateway6 !== undefined);
}

function isOnGatewayBridge({ containerName, sandboxId }: LocalEndpoint): boolean {
  return containerName === `gateway_${fileNameOf(sandboxId)}`;
}

/** True for a place on a plugin's network that should lead out and does not. */
function lacksGateway({ reserved, network, defaultRoute }: LocalEndpoint): boolean {
  const join = reserved?.join;
  if (join === undefined || join.disablesGatewayService || network.facts.isInternal) return false;
  const leadsOut = join.routes.some(({ destination }) => destination.lengthBits === 0);
  return defaultRoute === undefined && !leadsOut;
}

/** Which of two endpoints is asked first, and leads out (`Endpoint.Less`). */
function byPrecedence(a: LocalEndpoint, b: LocalEndpoint): number {
  if (a.gatewayPriority !== b.gatewayPriority) return b.gatewayPriority - a.gatewayPriority;
  const bridge = Number(isOnGatewayBridge(a)) - Number(isOnGatewayBridge(b));
  if (bridge !== 0) return bridge;
  const internal = Number(a.network.facts.isInternal) - Number(b.network.facts.isInternal);
  if (internal !== 0) return internal;
  const gateway = gatewayScoreOf(b) - gatewayScoreOf(a);
  if (gateway !== 0) return gateway;
  return a.network.name < b.network.name ? -1 : Number(a.network.name > b.network.name);
}

/** `container:alias` as a look-up from alias to container. */
function linkAliasesOf(links: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    links.map((link) => {
      const [name, alias = name] = link.split(':');
      return [alias!.toLowerCase(), name!] as const;
    }),
  );
}
