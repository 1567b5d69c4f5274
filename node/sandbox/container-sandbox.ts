/**
 * The network side of a container that people started by hand: its namespace, its endpoints on the
 * host's networks, its way out, the ports published on it, and its files
 * (`libnetwork/sandbox.go`, `default_gateway.go`, `endpoint.go`).
 *
 * A container with the host's network has no namespace of its own, and neither embedded DNS nor
 * published ports.
 */
import type { Namespace } from '../../net/namespace.ts';
import { formatIpv4Address, type Ipv4Address } from '../../wire/addresses.ts';
import { invalid, Refusal } from '../daemon/refusal.ts';
import type { EndpointRequest } from '../daemon/requests.ts';
import type { NameView, VisibleNetwork } from '../dns/answer.ts';
import { EMBEDDED_DNS_ADDRESS, EmbeddedDns } from '../dns/embedded-dns.ts';
import type { Host } from '../host/host.ts';
import type { LocalEndpoint, LocalNetwork } from '../network/local-network.ts';
import { addressRefusal } from '../network/local-networks.ts';
import type { PublishedPorts } from '../publish/published-ports.ts';
import {
  type DnsWishes,
  HostsFile,
  type HostsLine,
  resolvConfText,
  searchOf,
  serversOf,
  withNdots,
} from './container-files.ts';
import { setContainerSysctls } from './container-sysctls.ts';

/** What a sandbox is made for. */
export interface SandboxConfig {
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

  constructor(host: Host, config: SandboxConfig) {
    this.#host = host;
    this.config = config;
    this.id = host.identifiers.id();
    this.hosts = new HostsFile(host.engine, config.hosts);
    if (config.isHostNetwork) this.namespace = host.namespace;
    else {
      this.namespace = host.createNamespace(this.#fileName);
      setContainerSysctls(this.namespace);
      for (const [name, value] of config.sysctls) this.namespace.sysctls.set(name, value);
    }
  }

  /** `SandboxKey`: the file of its namespace. */
  get key(): string {
    return `${NETNS_FOLDER}/${this.config.isHostNetwork ? 'default' : this.#fileName}`;
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
    return searchOf(this.config.dns, this.#host.resolver);
  }

  /** The servers that its programs ask. */
  get servers(): readonly Ipv4Address[] {
    if (this.config.isHostNetwork) return this.#host.resolver.servers;
    return this.#dns === undefined ? this.#outsideServers : [EMBEDDED_DNS_ADDRESS];
  }

  /** `/etc/hosts` */
  get hostsText(): string {
    return this.config.isHostNetwork ? this.#host.hostsFile : this.hosts.text;
  }

  /** `/etc/resolv.conf` */
  get resolvConf(): string {
    const { options } = this.config.dns;
    const all = this.#dns === undefined ? options : withNdots(options);
    return resolvConfText(this.servers, this.search, all);
  }

  /** Joins a network as the next interface; why not, if it cannot. */
  join(network: LocalNetwork, wishes: EndpointRequest): LocalEndpoint | Refusal {
    const busy = network.plane?.joinRefusal?.();
    if (busy !== undefined) return busy;
    const address = this.#addressOn(network, wishes.address);
    if (address instanceof Refusal) return address;
    const { containerId, containerName, hostname, domainName } = this.config;
    const interfaceName = network.plane === undefined ? '' : this.#freeInterfaceName();
    const plane = network.plane?.join(this.namespace, interfaceName, address, wishes.mac);
    const endpoint: LocalEndpoint = {
      id: plane?.id ?? this.#host.identifiers.id(),
      network,
      containerId,
      containerName,
      sandboxId: this.id,
      interfaceName,
      address,
      mac: plane?.mac ?? 0,
      plane,
      linkAliases: linkAliasesOf(wishes.links),
      gatewayPriority: wishes.gatewayPriority,
      names: [containerName, ...new Set([...wishes.aliases, containerId.slice(0, 12)])],
    };
    this.#endpoints.push(endpoint);
    network.add(endpoint);
    if (plane !== undefined) {
      const fullName = domainName === '' ? hostname : `${hostname}.${domainName} ${hostname}`;
      this.hosts.add({ address: formatIpv4Address(address), names: fullName });
      if (network.isUserDefined) this.#startDns();
    }
    const refusal = this.#chooseGateway();
    if (refusal === undefined) return endpoint;
    this.leave(endpoint);
    return refusal;
  }

  /** Leaves a network. */
  leave(endpoint: LocalEndpoint): void {
    const at = this.#endpoints.indexOf(endpoint);
    if (at < 0) return;
    this.#endpoints.splice(at, 1);
    if (endpoint === this.#gateway) this.#chooseGateway();
    const { network, plane, address } = endpoint;
    network.remove(endpoint);
    if (plane === undefined) return;
    network.plane!.leave(plane);
    network.plane!.pool.release(address);
    const { hostname, domainName } = this.config;
    const fullName = domainName === '' ? hostname : `${hostname}.${domainName} ${hostname}`;
    this.hosts.remove({ address: formatIpv4Address(address), names: fullName });
  }

  /** dockerd is gone, and with it what it does for the container: names, and the ports' proxies. */
  letGo(): void {
    this.#dns?.close();
    this.config.ports.letGo();
  }

  /** dockerd is back, and does for the container what it did. */
  takeUp(): void {
    if (this.#dns !== undefined) {
      this.#dns = new EmbeddedDns(this.#host, this.namespace, this, this.#outsideServers);
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
    return this.id.slice(0, 12);
  }

  get #outsideServers(): Ipv4Address[] {
    return serversOf(this.config.dns, this.#host.resolver);
  }

  #addressOn(network: LocalNetwork, wanted: Ipv4Address | undefined): Ipv4Address | Refusal {
    const pool = network.plane?.pool;
    if (pool === undefined) return 0;
    const address = pool.take(wanted);
    if (address !== undefined) return address;
    if (wanted !== undefined) {
      const refusal = addressRefusal(pool.subnet, wanted);
      if (refusal.status === 403) return refusal;
      const text = formatIpv4Address(wanted);
      return invalid(
        `Invalid address ${text}: It does not belong to any of this network's subnets`,
      );
    }
    const pools = "no available IPv4 addresses on this network's address pools";
    return invalid(`${pools}: ${network.name} (${network.id})`);
  }

  #freeInterfaceName(): string {
    let number = 0;
    while (this.namespace.deviceByName(`eth${number}`) !== undefined) number++;
    return `eth${number}`;
  }

  #startDns(): void {
    if (this.#dns !== undefined) return;
    this.namespace.tables.run('-L -n');
    this.#dns = new EmbeddedDns(this.#host, this.namespace, this, this.#outsideServers);
  }

  /** Lets the default route and the published ports follow the best endpoint. */
  #chooseGateway(): Refusal | undefined {
    const best = [...this.#endpoints].sort(byPrecedence).find(hasDefaultRoute);
    if (best === this.#gateway) return undefined;
    const old = this.#gateway;
    this.#gateway = best;
    if (old !== undefined) this.namespace.removeRoute({ destination: 0, prefixLength: 0 });
    if (best !== undefined) this.#addDefaultRoute(best);
    return this.config.ports.moveTo(best);
  }

  #addDefaultRoute({ network, plane }: LocalEndpoint): void {
    const { device } = plane!;
    const route = { destination: 0, prefixLength: 0, device };
    const { gateway, defaultRoute } = network.plane!;
    if (defaultRoute === 'device') this.namespace.addRoute(route);
    else this.namespace.addRoute({ ...route, gateway: gateway! });
  }
}

function hasDefaultRoute({ network }: LocalEndpoint): boolean {
  return network.plane !== undefined && network.plane.defaultRoute !== 'none';
}

/** Which of two endpoints is asked first, and leads out (`Endpoint.Less`). */
function byPrecedence(a: LocalEndpoint, b: LocalEndpoint): number {
  if (a.gatewayPriority !== b.gatewayPriority) return b.gatewayPriority - a.gatewayPriority;
  const internal = Number(a.network.facts.isInternal) - Number(b.network.facts.isInternal);
  if (internal !== 0) return internal;
  const gateway = Number(hasDefaultRoute(b)) - Number(hasDefaultRoute(a));
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
