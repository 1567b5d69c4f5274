/**
 * The published ports of one container: which host ports it holds, the rules that lead to it, and
 * the process that keeps each port open (`bridge/port_mapping.go`, `libnetwork/portmapper`).
 *
 * Only the endpoint that is the container's way out has them; they follow it when it changes.
 */
import { formatIpv4Address } from '../../wire/addresses.ts';
import { formatIp, type IpAddress } from '../../wire/ip-address.ts';
import { failure, type Refusal } from '../daemon/refusal.ts';
import type { ContainerPort, PortBinding, PortProtocol } from '../daemon/requests.ts';
import type { EngineVersion } from '../engine-version.ts';
import type { PortMapping } from '../firewall/bridge-rules.ts';
import { type BridgeEndpoint, BridgeNetwork } from '../network/bridge-network.ts';
import type { LocalEndpoint } from '../network/local-network.ts';
import type { NetworkHost } from '../network/network-host.ts';
import { type HeldPort, holdPort, type PortHolder } from './docker-proxy.ts';
import type { PortAllocator } from './port-allocator.ts';

/** How often dockerd tries other ports when one that nobody chose cannot be bound. */
const ATTEMPTS_MAX = 10;

/** A host's part in publishing. */
export interface PublishingHost extends NetworkHost {
  readonly ports: PortAllocator;
  nextPid(): number;
  daemonProgram(): string;
}

/** One published port as it is now. */
export interface PublishedPort {
  readonly mapping: PortMapping;
  readonly held: HeldPort;
}

const HOST_BINDING_OPTION = 'com.docker.network.bridge.host_binding_ipv4';

const NOT_HELD: HeldPort = { close: () => {} };

/** Where ports are published: a container's end on a bridge. */
export interface PublishingEnd {
  readonly bridge: BridgeNetwork;
  readonly endpoint: BridgeEndpoint;
  /** What dockerd calls the endpoint. */
  readonly name: string;
  /** Where a port is published that does not say; `undefined` as the daemon's flags have it. */
  readonly publishAddress: string | undefined;
}

/** The published ports of one container. */
export class PublishedPorts {
  readonly #host: PublishingHost;
  readonly #bindings: readonly PortBinding[];
  #published: PublishedPort[] = [];
  #end: PublishingEnd | undefined;

  constructor(host: PublishingHost, bindings: readonly PortBinding[]) {
    this.#host = host;
    this.#bindings = inOrder(bindings);
  }

  /** What is published now. */
  get mappings(): readonly PortMapping[] {
    return this.#published.map(({ mapping }) => mapping);
  }

  /** Publishes on an endpoint, or nowhere; why not, if a port cannot be had. */
  moveTo(endpoint: LocalEndpoint | undefined): Refusal | undefined {
    return this.publishAt(endpoint === undefined ? undefined : endOf(endpoint));
  }

  /** {@link moveTo} for who is on a bridge that is no network of a container's own. */
  publishAt(end: PublishingEnd | undefined): Refusal | undefined {
    if (end?.endpoint === this.#end?.endpoint) return undefined;
    this.#revoke();
    if (end === undefined || end.bridge.facts.isInternal) return undefined;
    this.#end = end;
    for (const binding of this.#bindings) {
      const published = this.#publish(binding, end);
      if (typeof published === 'string') {
        this.#revoke();
        const { engine } = this.#host;
        const where = `endpoint ${end.name} (${end.endpoint.id})`;
        const setup =
          engine.layout === 'isolation' ? '' : 'failed to set up container networking: ';
        return failure(
          `${setup}driver failed programming external connectivity on ${where}: ${published}`,
        );
      }
      this.#published.push(published);
      end.bridge.publish(end.endpoint, mappingsOf(published.mapping, end.endpoint));
    }
    return undefined;
  }

  /** The processes that hold the ports end with dockerd; the rules stay. */
  letGo(): void {
    for (const { held } of this.#published) held.close();
  }

  /** dockerd is back, and holds the ports that nobody else has taken meanwhile. */
  holdAgain(): void {
    this.#published = this.#published.map(({ mapping, held: before }) => {
      if (before === NOT_HELD) return { mapping, held: before };
      const holder = this.#holderOf(mapping.hostAddress, this.#end?.endpoint.address6);
      const held = holdPort(this.#host.namespace, mapping, holder);
      return { mapping, held: held === false ? NOT_HELD : held };
    });
  }

  #publish(binding: PortBinding, end: PublishingEnd): PublishedPort | string {
    const { ports, namespace } = this.#host;
    const { protocol, hostPorts } = binding;
    const { endpoint } = end;
    const hostAddress = this.#addressOf(binding, end);
    if (end.bridge.facts.gatewayMode === 'routed') return routed(binding, endpoint);
    const isChosen = hostPorts[0] !== 0 && hostPorts[0] === hostPorts[1];
    let trouble = '';
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const hostPort = ports.take(hostAddress, protocol, hostPorts);
      const shown = hostAddress === '' ? '0.0.0.0' : hostAddress;
      if (hostPort === undefined) {
        if (isChosen) return `Bind for ${shown}:${hostPorts[0]} failed: port is already allocated`;
        return 'all ports are allocated';
      }
      const mapping = {
        protocol,
        hostAddress,
        hostPort,
        containerAddress: formatIpv4Address(endpoint.address),
        containerPort: binding.port,
      };
      const held = holdPort(namespace, mapping, this.#holderOf(hostAddress, endpoint.address6));
      if (held !== false) return { mapping, held };
      trouble = bindError(this.#host.engine, mapping, shown);
      ports.release(hostAddress, protocol, hostPort);
      if (isChosen) break;
    }
    return trouble;
  }

  /** Where a binding that does not say is published. */
  #addressOf({ hostAddress }: PortBinding, { publishAddress }: PublishingEnd): string {
    if (hostAddress !== '') return hostAddress === '0.0.0.0' ? '' : hostAddress;
    const wanted = publishAddress ?? this.#host.config.publishAddress;
    return wanted === '0.0.0.0' ? '' : wanted;
  }

  #holderOf(hostAddress: string, address6: IpAddress | undefined): PortHolder {
    const isForwarding = this.#host.config.hasUserlandProxy;
    const next = () =>
      isForwarding ? `"docker-proxy",pid=${this.#host.nextPid()},fd=4` : this.#host.daemonProgram();
    const program = next();
    const programIpv6 = hostAddress === '' ? next() : undefined;
    return { program, programIpv6, isForwarding, address6 };
  }

  #revoke(): void {
    if (this.#end !== undefined) this.#end.bridge.unpublish(this.#end.endpoint);
    for (const { mapping, held } of this.#published) {
      held.close();
      this.#host.ports.release(mapping.hostAddress, mapping.protocol, mapping.hostPort);
    }
    this.#published = [];
    this.#end = undefined;
  }
}

/**
 * What a published port needs of rules: those of IPv4 for IPv4's addresses of the host, and those of
 * IPv6 for a container that has an address of it.
 */
function mappingsOf(mapping: PortMapping, { address6 }: BridgeEndpoint): PortMapping[] {
  const isForIpv6 = mapping.hostAddress.includes(':');
  const own = isForIpv6 ? [] : [mapping];
  if (address6 === undefined || (mapping.hostAddress !== '' && !isForIpv6)) return own;
  const hostAddress = mapping.hostAddress === '::' ? '' : mapping.hostAddress;
  return [...own, { ...mapping, hostAddress, containerAddress: formatIp(address6) }];
}

/** A port that is only let in: clients ask the container itself. */
function routed({ protocol, port }: PortBinding, { address }: BridgeEndpoint): PublishedPort {
  const containerAddress = formatIpv4Address(address);
  const mapping = { protocol, hostAddress: '', hostPort: 0, containerAddress, containerPort: port };
  return { mapping, held: NOT_HELD };
}

/** What `-P` adds: every exposed port that nobody published, on a free one. */
export function bindingsOfExposed(
  exposed: readonly ContainerPort[],
  bindings: readonly PortBinding[],
): PortBinding[] {
  const isPublished = (port: number, protocol: PortProtocol) =>
    bindings.some((binding) => binding.port === port && binding.protocol === protocol);
  return exposed
    .filter(({ port, protocol }) => !isPublished(port, protocol))
    .map(({ port, protocol }) => ({ port, protocol, hostAddress: '', hostPorts: [0, 0] as const }));
}

/** Where an endpoint's ports are published; nowhere unless it is on a bridge. */
function endOf({ network, plane, containerName }: LocalEndpoint): PublishingEnd | undefined {
  if (!(network.plane instanceof BridgeNetwork) || plane === undefined) return undefined;
  const endpoint = network.plane.endpoints.get(plane.id);
  if (endpoint === undefined) return undefined;
  const publishAddress = network.facts.options.get(HOST_BINDING_OPTION);
  return { bridge: network.plane, endpoint, name: containerName, publishAddress };
}

/** Highest host port first, then the lowest container port (`nat.SortPortMap`). */
function inOrder(bindings: readonly PortBinding[]): PortBinding[] {
  return [...bindings].sort((a, b) => b.hostPorts[0] - a.hostPorts[0] || a.port - b.port);
}

function bindError(engine: EngineVersion, mapping: PortMapping, shown: string): string {
  const { protocol, hostPort, containerAddress, containerPort } = mapping;
  if (engine.layout !== 'isolation') {
    const target = `${containerAddress}:${containerPort}/${protocol}`;
    return `failed to bind host port for ${shown}:${hostPort}:${target}: address already in use`;
  }
  const listen = `listen ${protocol}4 ${shown}:${hostPort}`;
  return `Error starting userland proxy: ${listen}: bind: address already in use`;
}
