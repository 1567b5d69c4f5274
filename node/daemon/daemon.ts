/**
 * dockerd as `docker` talks to it, as far as one host goes: its networks, and the containers that
 * people start by hand. What a swarm runs here is `agent/`'s.
 *
 * Every call is done at once, or refused with dockerd's own words; while the process stands still
 * (`Host.inEngine`) whoever calls has to wait, as the `docker` command does.
 */
import { observationKind } from '../../sim/observations.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import type { Host } from '../host/host.ts';
import type { LocalNetwork } from '../network/local-network.ts';
import { bindingsOfExposed, PublishedPorts } from '../publish/published-ports.ts';
import { ContainerSandbox } from '../sandbox/container-sandbox.ts';
import { programOfImage } from '../workload/images.ts';
import type { ProgramSpec } from '../workload/program.ts';
import { RunningProgram } from '../workload/running-program.ts';
import { makeName } from './container-names.ts';
import { environmentOf, hostsLineOf, type Link, linkRefusal, linkRules, linksOf } from './links.ts';
import { conflict, forbidden, notFound, Refusal } from './refusal.ts';
import {
  type ContainerPort,
  type ContainerRequest,
  type EndpointRequest,
  type NetworkRequest,
  PLAIN_ENDPOINT,
  portText,
} from './requests.ts';
import { StandaloneContainer } from './standalone-container.ts';
import { containerRefusal, endpointRefusal, NO_HOST, togetherRefusal } from './validation.ts';

/** A container of `docker run` started (a = 1) or ended (a = 0, b = exit code); text is its name. */
const STANDALONE_STATE = observationKind('docker.container');

/** How long a container may take to end before it is killed. */
const STOP_GRACE_NS = 10 * SECOND_NS;
const KILLED_EXIT_CODE = 137;
/** What a container's exit code says when it could not be started. */
const NOT_STARTED_EXIT_CODE = 128;

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What a container's process does; `name` is what `ss` calls it. */
export interface ContainerProgram {
  readonly name: string;
  readonly spec: ProgramSpec;
}

/** The engine of one host. */
export class Daemon {
  readonly host: Host;
  /** What a container's process does, from its image, its command and its ports. */
  programOf: (request: ContainerRequest, ports: readonly string[]) => ContainerProgram = programOf;
  readonly #containers = new Map<string, StandaloneContainer>();
  /** Whom a container was linked to when it was made. */
  readonly #links = new Map<StandaloneContainer, readonly Link[]>();
  /** The rules that links of running containers wrote. */
  readonly #linkRules = new Map<StandaloneContainer, readonly string[]>();
  #nameCount = 0;

  constructor(host: Host) {
    this.host = host;
  }

  /** All containers, in the order of their making. */
  list(): StandaloneContainer[] {
    return [...this.#containers.values()];
  }

  /** The container of this name (with or without `/`), this id, or the only one that begins so. */
  find(reference: string): StandaloneContainer | undefined {
    const name = reference.startsWith('/') ? reference.slice(1) : reference;
    const known = this.#containers.get(name) ?? this.list().find((c) => c.name === name);
    if (known !== undefined || !/^[0-9a-f]+$/.test(name)) return known;
    const begun = this.list().filter(({ id }) => id.startsWith(name));
    return begun.length === 1 ? begun[0] : undefined;
  }

  /** `docker network create` */
  createNetwork(request: NetworkRequest): LocalNetwork | Refusal {
    return this.host.networks.create(request);
  }

  /** `docker network rm` */
  removeNetwork(reference: string): LocalNetwork | Refusal {
    return this.host.networks.remove(reference);
  }

  /** `docker create` */
  create(wanted: ContainerRequest): StandaloneContainer | Refusal {
    const refusal = containerRefusal(wanted);
    if (refusal !== undefined) return refusal;
    const namesake = this.list().find(({ name }) => name === wanted.name);
    if (namesake !== undefined) {
      return conflict(
        `Conflict. The container name "/${wanted.name}" is already in use by container ` +
          `"${namesake.id}". You have to remove (or rename) that container to be able to reuse ` +
          'that name.',
      );
    }
    const request = this.#completed(wanted);
    if (request instanceof Refusal) return request;
    const links = linksOf(request.links, (name) => this.find(name));
    if (links instanceof Refusal) return links;
    const container = new StandaloneContainer(
      this.host.identifiers.id(),
      request,
      exposedOf(request),
      this.host.world.nowNs,
    );
    for (const [network, endpoint] of request.endpoints) {
      container.attachments.set(network, {
        networkId: this.host.networks.find(network)?.id ?? '',
        request: endpoint,
        hasChosenAddress: endpoint.address !== undefined,
        endpoint: undefined,
      });
    }
    this.#containers.set(container.id, container);
    this.#links.set(container, links);
    return container;
  }

  /** `docker start`; why not, if it cannot. */
  start(reference: string): Refusal | undefined {
    const container = this.find(reference);
    if (container === undefined) return notFound(`No such container: ${reference}`);
    if (container.isRunning) return undefined;
    const refusal = this.#attach(container);
    if (refusal !== undefined) {
      container.error = refusal.message;
      container.exitCode = NOT_STARTED_EXIT_CODE;
      this.#detach(container);
      if (container.request.isAutoRemoved) this.#containers.delete(container.id);
      return refusal;
    }
    container.state = 'running';
    container.error = '';
    container.exitCode = 0;
    container.pid = this.host.nextPid();
    container.startedAtNs = this.host.world.nowNs;
    this.#runProgram(container);
    this.#updateLinkedHosts(container);
    this.#note(container, 1);
    return undefined;
  }

  /** `docker stop`: the process is asked to end, and killed when it does not. */
  stop(reference: string, graceNs = STOP_GRACE_NS): Refusal | undefined {
    const container = this.find(reference);
    if (container === undefined) return notFound(`No such container: ${reference}`);
    if (container.program === undefined) return undefined;
    const { program } = container;
    if (!program.spec.ignoresStopSignal) this.end(container, 0);
    else {
      const { queue } = this.host.world;
      queue.scheduleCallback(queue.nowNs + graceNs, () => {
        if (container.program === program) this.end(container, KILLED_EXIT_CODE);
      });
    }
    return undefined;
  }

  /** `docker kill` */
  kill(reference: string): Refusal | undefined {
    const container = this.find(reference);
    if (container === undefined) return notFound(`No such container: ${reference}`);
    if (!container.isRunning) {
      const why = `Container ${container.id} is not running`;
      return conflict(`Cannot kill container: ${reference}: ${why}`);
    }
    this.end(container, KILLED_EXIT_CODE);
    return undefined;
  }

  /** `docker rm` */
  remove(reference: string, isForced: boolean): Refusal | undefined {
    const container = this.find(reference);
    if (container === undefined) return notFound(`No such container: ${reference}`);
    if (container.isRunning && !isForced) {
      return conflict(
        `You cannot remove a running container ${container.id}. Stop the container before ` +
          'attempting removal or force remove',
      );
    }
    if (container.isRunning) this.end(container, KILLED_EXIT_CODE);
    this.#containers.delete(container.id);
    return undefined;
  }

  /** The process of a container has ended with this status. */
  end(container: StandaloneContainer, exitCode: number): void {
    if (!container.isRunning) return;
    container.state = 'exited';
    container.exitCode = exitCode;
    container.finishedAtNs = this.host.world.nowNs;
    container.pid = 0;
    container.program?.kill(exitCode);
    container.program = undefined;
    this.#detach(container);
    this.#note(container, 0);
    if (container.request.isAutoRemoved) this.#containers.delete(container.id);
  }

  /** `docker network connect` */
  connect(
    networkReference: string,
    reference: string,
    request: EndpointRequest = PLAIN_ENDPOINT,
  ): Refusal | undefined {
    const network = this.host.networks.find(networkReference);
    if (network === undefined) return notFound(`network ${networkReference} not found`);
    const container = this.find(reference);
    if (container === undefined) return notFound(`No such container: ${reference}`);
    const { attachments } = container;
    const refusal =
      togetherRefusal(container.request.networkMode, [...attachments.keys()], network.name) ??
      endpointRefusal(network, request);
    if (refusal !== undefined) return refusal;
    if (attachments.has(network.name)) {
      const { name } = container;
      return forbidden(`endpoint with name ${name} already exists in network ${network.name}`);
    }
    const attachment = {
      networkId: network.id,
      request,
      hasChosenAddress: request.address !== undefined,
      endpoint: undefined,
    };
    const joined = container.sandbox?.join(network, this.#wishesOf(container, request));
    if (joined instanceof Refusal) return joined;
    attachments.set(network.name, { ...attachment, endpoint: joined });
    return undefined;
  }

  /** `docker network disconnect` */
  disconnect(networkReference: string, reference: string): Refusal | undefined {
    const network = this.host.networks.find(networkReference);
    if (network === undefined) return notFound(`network ${networkReference} not found`);
    const container = this.find(reference);
    if (container === undefined) return notFound(`No such container: ${reference}`);
    if (container.request.networkMode === 'host') return forbidden(NO_HOST);
    const attachment = container.attachments.get(network.name);
    if (attachment === undefined) {
      return forbidden(`container ${container.id} is not connected to network ${network.name}`);
    }
    if (attachment.endpoint !== undefined) container.sandbox?.leave(attachment.endpoint);
    container.attachments.delete(network.name);
    return undefined;
  }

  /** The links of a container to those that there are still; a namesake is another container. */
  linksOf(container: StandaloneContainer): Link[] {
    const links = this.#links.get(container) ?? [];
    return links.filter(({ child }) => this.#containers.has(child.id));
  }

  /** The environment of a container's process, as `env` prints it. */
  environmentOf(container: StandaloneContainer): string[] {
    const links = this.linksOf(container).flatMap((link) => environmentOf(container.name, link));
    const { environment } = container.request;
    return [PATH, `HOSTNAME=${container.hostname}`, ...links, ...environment, 'HOME=/root'];
  }

  /** The power is gone: nothing runs any more. */
  crash(): void {
    for (const container of this.list()) {
      container.program?.kill(KILLED_EXIT_CODE);
      if (container.isRunning) container.state = 'exited';
    }
  }

  /** Fills in the name, the network mode and its place. */
  #completed(wanted: ContainerRequest): ContainerRequest | Refusal {
    const name =
      wanted.name === ''
        ? makeName(
            this.host.world.chance.key(`docker.name.${this.host.index}`),
            this.#nameCount++,
            (taken) => this.find(taken) !== undefined,
          )
        : wanted.name;
    const { networkMode } = wanted;
    if (networkMode.startsWith('container:')) {
      const owner = this.find(networkMode.slice(10));
      if (owner === undefined) return notFound(`No such container: ${networkMode.slice(10)}`);
      const { hostname } = owner;
      const mode = `container:${owner.id}`;
      return { ...wanted, name, hostname, networkMode: mode, endpoints: new Map() };
    }
    const network = networkMode === 'default' ? 'bridge' : networkMode;
    const own = wanted.endpoints.get(network) ?? PLAIN_ENDPOINT;
    const others = [...wanted.endpoints].filter(([other]) => other !== network);
    const isHost = networkMode === 'host' && wanted.hostname === '';
    const hostname = isHost ? this.host.name : wanted.hostname;
    return { ...wanted, name, hostname, endpoints: new Map([[network, own], ...others]) };
  }

  /** Gives a container its network; why not, if it cannot have it. */
  #attach(container: StandaloneContainer): Refusal | undefined {
    const { request, sharedWith } = container;
    if (sharedWith !== undefined) {
      const owner = this.find(sharedWith);
      if (owner === undefined) return notFound(`No such container: ${sharedWith}`);
      if (!owner.isRunning) {
        return conflict(`cannot join network of a non running container: ${owner.id}`);
      }
      container.networkSandbox = owner.networkSandbox;
      return undefined;
    }
    const links = this.linksOf(container);
    const refusal = linkRefusal(container.name, links);
    if (refusal !== undefined) return refusal;
    container.sandbox = this.#createSandbox(container, links);
    container.networkSandbox = container.sandbox;
    for (const [name, attachment] of container.attachments) {
      const network = this.host.networks.find(name);
      if (network === undefined) return notFound(`network ${name} not found`);
      const unwanted = endpointRefusal(network, attachment.request);
      if (unwanted !== undefined) return unwanted;
      const wishes = this.#wishesOf(container, attachment.request);
      const endpoint = container.sandbox.join(network, wishes);
      if (endpoint instanceof Refusal) return endpoint;
      container.attachments.set(name, { ...attachment, networkId: network.id, endpoint });
    }
    if (!request.networkMode.includes(':')) this.#writeLinkRules(container, links);
    return undefined;
  }

  #createSandbox(container: StandaloneContainer, links: readonly Link[]): ContainerSandbox {
    const { request, id, name, exposed } = container;
    const { config } = this.host;
    const isHostNetwork = request.networkMode === 'host';
    const bindings = isHostNetwork ? [] : request.bindings;
    const free = request.publishesAll && !isHostNetwork ? bindingsOfExposed(exposed, bindings) : [];
    const ports = new PublishedPorts(this.host, [...bindings, ...free]);
    container.mappings = () => ports.mappings;
    const extraHosts = request.extraHosts.map((line) => {
      const at = line.indexOf(':');
      return { address: line.slice(at + 1), names: line.slice(0, at) };
    });
    return new ContainerSandbox(this.host, {
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

  #wishesOf(container: StandaloneContainer, request: EndpointRequest): EndpointRequest {
    const { mac } = container.request;
    const isFirst = container.sandbox?.endpoints.length === 0;
    return mac === undefined || !isFirst ? request : { mac, ...request };
  }

  #writeLinkRules(container: StandaloneContainer, links: readonly Link[]): void {
    const { facts } = this.host.docker0;
    const own = container.attachments.get('bridge')?.endpoint;
    if (facts.hasIcc || own === undefined) return;
    const address = formatIpv4Address(own.address);
    const rules = links.flatMap((link) => linkRules(facts.device, address, link));
    for (const rule of rules) this.host.writer.append('filter', 'DOCKER', rule);
    this.#linkRules.set(container, rules);
  }

  #runProgram(container: StandaloneContainer): void {
    const { request } = container;
    const sandbox = container.networkSandbox!;
    const isShared = () =>
      container.sandbox !== sandbox ||
      request.networkMode === 'host' ||
      this.#othersIn(sandbox, container).length > 0;
    const { name, spec } = this.programOf(request, container.exposed.map(portText));
    const key = this.host.world.chance.key(`docker.${container.id}`);
    const place = {
      namespace: sandbox.namespace,
      get search() {
        return sandbox.search;
      },
      get servers() {
        return sandbox.servers;
      },
      hosts: sandbox.hosts,
      get isShared() {
        return isShared();
      },
      process: { name, pid: container.pid },
    };
    container.program = new RunningProgram(this.host, place, spec, key, (code) =>
      this.end(container, code),
    );
    container.program.start(container.hostname);
  }

  /** Linked containers that run get to know a new address (`UpdateHostsEntry`). */
  #updateLinkedHosts(container: StandaloneContainer): void {
    const endpoint = container.attachments.get('bridge')?.endpoint;
    if (endpoint === undefined) return;
    for (const other of this.list()) {
      for (const { child, alias } of other.isRunning ? this.linksOf(other) : []) {
        if (child !== container) continue;
        other.sandbox?.hosts.update(alias, formatIpv4Address(endpoint.address));
      }
    }
  }

  #detach(container: StandaloneContainer): void {
    for (const rule of this.#linkRules.get(container) ?? []) {
      this.host.writer.remove('filter', 'DOCKER', rule);
    }
    this.#linkRules.delete(container);
    const sandbox = container.networkSandbox;
    if (sandbox !== undefined) {
      if (container.sandbox === sandbox) sandbox.leaveAll();
      // who lives in another's namespace keeps it, bare, when the other ends
      if (this.#othersIn(sandbox, container).length === 0) sandbox.destroy();
    }
    container.sandbox = undefined;
    container.networkSandbox = undefined;
    container.mappings = () => [];
    for (const attachment of container.attachments.values()) attachment.endpoint = undefined;
  }

  /** Other running containers in a namespace. */
  #othersIn(sandbox: ContainerSandbox, container: StandaloneContainer): StandaloneContainer[] {
    return this.list().filter(
      (other) => other !== container && other.isRunning && other.networkSandbox === sandbox,
    );
  }

  #note({ name, exitCode }: StandaloneContainer, isRunning: 0 | 1): void {
    this.host.world.observe(STANDALONE_STATE, this.host.index, isRunning, exitCode, name);
  }
}

/** Exposed and published ports, each once. */
function exposedOf({ exposed, bindings }: ContainerRequest): ContainerPort[] {
  const ports = new Map<string, ContainerPort>();
  for (const { port, protocol } of [...exposed, ...bindings]) {
    ports.set(portText({ port, protocol }), { port, protocol });
  }
  return [...ports.values()];
}

function programOf(request: ContainerRequest, ports: readonly string[]): ContainerProgram {
  const { image, program } = request;
  const name = image.slice(image.lastIndexOf('/') + 1).split(/[:@]/)[0]!;
  return { name, spec: program ?? programOfImage(image, ports) };
}
