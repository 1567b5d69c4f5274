/**
 * A container's network through its runs: the sandbox with its endpoints when it starts, the rules
 * and lines of its links, and everything back when it ends (moby `daemon/container_operations.go`).
 */
import { formatIpv4Address } from '../../wire/addresses.ts';
import { formatIp } from '../../wire/ip-address.ts';
import type { Host } from '../host/host.ts';
import { bindingsOfExposed, PublishedPorts } from '../publish/published-ports.ts';
import { ContainerSandbox } from '../sandbox/container-sandbox.ts';
import type { ContainerRefusals } from './container-refusals.ts';
import { hostsLineOf, type Link, linkRefusal, linkRules } from './links.ts';
import { notFound, Refusal } from './refusal.ts';
import { type EndpointRequest, HOST_GATEWAY } from './requests.ts';
import { Reservations } from './reservations.ts';
import type { StandaloneContainer } from './standalone-container.ts';
import { endpointRefusal } from './validation.ts';

/** The first version whose `host-gateway` means addresses of both families. */
const BOTH_GATEWAYS_MAJOR = 28;

/** What networking needs to know of the other containers. */
interface Neighbours {
  list(): readonly StandaloneContainer[];
  find(reference: string): StandaloneContainer | undefined;
  linksOf(container: StandaloneContainer): Link[];
}

/** Attaches the containers of one host. */
export class ContainerNetworking {
  readonly #host: Host;
  readonly #neighbours: Neighbours;
  readonly #refusals: ContainerRefusals;
  /** Places on networks of plugins. */
  readonly reservations: Reservations;
  /** The rules that links of running containers wrote. */
  readonly #linkRules = new Map<StandaloneContainer, readonly string[]>();

  constructor(host: Host, neighbours: Neighbours, refusals: ContainerRefusals) {
    this.#host = host;
    this.#neighbours = neighbours;
    this.#refusals = refusals;
    this.reservations = new Reservations(host);
  }

  /** Gives a container its network; why not, if it cannot have it. */
  attach(container: StandaloneContainer): Refusal | undefined {
    const { request, sharedWith } = container;
    if (sharedWith !== undefined) return this.#share(container, sharedWith);
    const links = this.#neighbours.linksOf(container);
    const refusal = linkRefusal(container.name, links);
    if (refusal !== undefined) return refusal;
    container.sandbox = this.#createSandbox(container, links);
    container.networkSandbox = container.sandbox;
    for (const [name, attachment] of container.attachments) {
      const network = this.#host.networks.find(name);
      if (network === undefined) return notFound(`network ${name} not found`);
      const unwanted = endpointRefusal(network, attachment.request);
      if (unwanted !== undefined) return unwanted;
      const wishes = this.wishesOf(container, attachment.request);
      const endpoint = container.sandbox.join(network, wishes);
      if (endpoint instanceof Refusal) return endpoint;
      container.attachments.set(name, { ...attachment, networkId: network.id, endpoint });
    }
    if (!request.networkMode.includes(':')) this.#writeLinkRules(container, links);
    return undefined;
  }

  /** Takes a container's network back. */
  detach(container: StandaloneContainer): void {
    for (const rule of this.#linkRules.get(container) ?? []) {
      this.#host.writer.remove('filter', 'DOCKER', rule);
    }
    this.#linkRules.delete(container);
    const sandbox = container.networkSandbox;
    if (sandbox !== undefined) {
      if (container.sandbox === sandbox) sandbox.leaveAll();
      // who lives in another's namespace keeps it, bare, when the other ends
      if (!this.isShared(sandbox, container)) sandbox.destroy();
    }
    container.sandbox = undefined;
    container.networkSandbox = undefined;
    container.mappings = () => [];
    for (const attachment of container.attachments.values()) attachment.endpoint = undefined;
  }

  /** Writes the rules of links once more where they are missing. */
  rewriteLinkRules(): void {
    for (const rules of this.#linkRules.values()) this.#append(rules);
  }

  /** True when another running container is in a namespace too. */
  isShared(sandbox: ContainerSandbox, container: StandaloneContainer): boolean {
    return this.#neighbours
      .list()
      .some((other) => other !== container && other.isRunning && other.networkSandbox === sandbox);
  }

  /** What a container wants of its next place on a network: `--mac-address` is for its first. */
  wishesOf(container: StandaloneContainer, request: EndpointRequest): EndpointRequest {
    const { mac } = container.request;
    const isFirst = container.sandbox?.endpoints.length === 0;
    return mac === undefined || !isFirst ? request : { mac, ...request };
  }

  /** Linked containers that run get to know a new address (`UpdateHostsEntry`). */
  updateLinkedHosts(container: StandaloneContainer): void {
    const endpoint = container.attachments.get('bridge')?.endpoint;
    if (endpoint === undefined) return;
    for (const other of this.#neighbours.list()) {
      for (const { child, alias } of other.isRunning ? this.#neighbours.linksOf(other) : []) {
        if (child !== container) continue;
        other.sandbox?.hosts.update(alias, formatIpv4Address(endpoint.address));
      }
    }
  }

  #share(container: StandaloneContainer, reference: string): Refusal | undefined {
    const owner = this.#neighbours.find(reference);
    if (owner === undefined) return notFound(`No such container: ${reference}`);
    if (!owner.isRunning) return this.#refusals.cannotJoin(owner);
    container.networkSandbox = owner.networkSandbox;
    return undefined;
  }

  #createSandbox(container: StandaloneContainer, links: readonly Link[]): ContainerSandbox {
    const { request, id, name, exposed } = container;
    const { config } = this.#host;
    const isHostNetwork = request.networkMode === 'host';
    const bindings = isHostNetwork ? [] : request.bindings;
    const free = request.publishesAll && !isHostNetwork ? bindingsOfExposed(exposed, bindings) : [];
    const ports = new PublishedPorts(this.#host, [...bindings, ...free]);
    container.mappings = () => ports.mappings;
    const extraHosts = request.extraHosts.flatMap((line) => {
      const at = line.indexOf(':');
      const [names, wanted] = [line.slice(0, at), line.slice(at + 1)];
      const addresses = wanted === HOST_GATEWAY ? this.#hostGateways() : [wanted];
      return addresses.map((address) => ({ address, names }));
    });
    return new ContainerSandbox(this.#host, {
      id: container.sandboxId,
      containerId: id,
      containerName: name,
      hostname: container.hostname,
      domainName: request.domainName,
      isHostNetwork,
      hosts: [...extraHosts, ...links.map(hostsLineOf)],
      dns: {
        servers: request.dns.length > 0 ? request.dns : config.dns,
        search: request.dnsSearch.length > 0 ? request.dnsSearch : config.dnsSearch,
        options: request.dnsOptions.length > 0 ? request.dnsOptions : config.dnsOptions,
      },
      sysctls: request.sysctls,
      ports,
    });
  }

  /** What `host-gateway` stands for: docker0's address, since 28 its IPv6 one besides. */
  #hostGateways(): string[] {
    const { docker0, engine } = this.#host;
    const { gateway, ipv6 } = docker0;
    const both = [gateway, engine.major >= BOTH_GATEWAYS_MAJOR ? ipv6?.gateway : undefined];
    return both.flatMap((address) => (address === undefined ? [] : [formatIp(address)]));
  }

  #writeLinkRules(container: StandaloneContainer, links: readonly Link[]): void {
    const { facts } = this.#host.docker0;
    const own = container.attachments.get('bridge')?.endpoint;
    if (facts.hasIcc || own === undefined) return;
    const address = formatIpv4Address(own.address);
    const rules = links.flatMap((link) => linkRules(facts.device, address, link));
    this.#append(rules);
    this.#linkRules.set(container, rules);
  }

  #append(rules: readonly string[]): void {
    for (const rule of rules) this.#host.writer.append('filter', 'DOCKER', rule);
  }
}
