/**
 * dockerd as `docker` talks to it, as far as one host goes: its networks, and the containers that
 * people start by hand. What a swarm runs here is `agent/`'s.
 *
 * Every call is done at once, or refused with dockerd's own words; while the process stands still
 * (`Host.inEngine`) whoever calls has to wait, as the `docker` command does.
 */
import { type Steps, takeSteps } from '../../sim/steps.ts';
import type { Host } from '../host/host.ts';
import type { LocalNetwork } from '../network/local-network.ts';
import { programOfImage } from '../workload/images.ts';
import type { ProgramSpec } from '../workload/program.ts';
import { makeName } from './container-names.ts';
import { ContainerRefusals } from './container-refusals.ts';
import { Lifecycle, type OnDone } from './lifecycle.ts';
import { environmentOf, type Link, linksOf } from './links.ts';
import { conflict, failure, forbidden, notFound, Refusal } from './refusal.ts';
import {
  type ContainerPort,
  type ContainerRequest,
  type EndpointRequest,
  type NetworkRequest,
  PLAIN_ENDPOINT,
  portText,
} from './requests.ts';
import { policyRefusal } from './restart-policy.ts';
import { StandaloneContainer } from './standalone-container.ts';
import { containerRefusal, endpointRefusal, NO_HOST, togetherRefusal } from './validation.ts';

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
  readonly lifecycle: Lifecycle;
  readonly refusals: ContainerRefusals;
  readonly #containers = new Map<string, StandaloneContainer>();
  /** Whom a container was linked to when it was made. */
  readonly #links = new Map<StandaloneContainer, readonly Link[]>();
  #nameCount = 0;

  /** `before` ran on this machine's disk before the power went. */
  constructor(host: Host, before?: Daemon) {
    this.host = host;
    this.refusals = new ContainerRefusals(host.engine);
    this.lifecycle = new Lifecycle(host, this, this.refusals, (container) =>
      this.#forget(container),
    );
    if (before === undefined) return;
    this.programOf = before.programOf;
    this.#nameCount = before.#nameCount;
    for (const container of before.list()) {
      container.forgetRun();
      this.#containers.set(container.id, container);
      this.#links.set(container, before.#links.get(container) ?? []);
    }
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

  /** `docker network create`; `onDone` hears at once, unless plugins have to be asked. */
  createNetwork(request: NetworkRequest, onDone: (network: LocalNetwork | Refusal) => void): void {
    takeSteps(this.host.networks.create(request), onDone);
  }

  /** `docker network rm` */
  removeNetwork(reference: string): LocalNetwork | Refusal {
    return this.host.networks.remove(reference);
  }

  /** `docker create` */
  create(wanted: ContainerRequest): StandaloneContainer | Refusal {
    const refusal =
      containerRefusal(wanted) ?? policyRefusal(wanted.restartPolicy, this.host.engine);
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
        hasChosenAddress: (endpoint.address ?? endpoint.address6) !== undefined,
        endpoint: undefined,
      });
    }
    this.#containers.set(container.id, container);
    this.#links.set(container, links);
    return container;
  }

  /** `docker start`; `onDone` hears why not, at once unless plugins have to be asked. */
  start(reference: string, onDone: OnDone): void {
    const container = this.find(reference);
    if (container === undefined) onDone(notFound(`No such container: ${reference}`));
    else this.lifecycle.start(container, onDone);
  }

  /**
   * `docker stop`: the process is asked to end, and killed when it does not; `onEnded` when it has
   * ended, at once if it had.
   */
  stop(reference: string, graceNs?: number, onEnded?: () => void): Refusal | undefined {
    return this.#with(reference, (container) => {
      this.lifecycle.stop(container, graceNs, onEnded);
      return undefined;
    });
  }

  /** `docker restart`; `onDone` as for {@link start}, at once where it takes its time to end. */
  restart(reference: string, graceNs: number | undefined, onDone: OnDone): void {
    const container = this.find(reference);
    if (container === undefined) {
      onDone(notFound(`No such container: ${reference}`));
      return;
    }
    this.lifecycle.restart(container, graceNs, (refusal) => {
      const message = `Cannot restart container ${reference}: ${refusal?.message}`;
      onDone(refusal === undefined ? undefined : failure(message));
    });
  }

  /** `docker kill` */
  kill(reference: string): Refusal | undefined {
    return this.#with(reference, (container) => {
      if (container.isRunning || container.state === 'restarting') {
        this.lifecycle.kill(container);
        return undefined;
      }
      return this.refusals.cannotKill(reference, container);
    });
  }

  /** `docker pause`: the processes are frozen, the network is not. */
  pause(reference: string): Refusal | undefined {
    return this.#with(reference, (container) => this.lifecycle.pause(container));
  }

  /** `docker unpause` */
  unpause(reference: string): Refusal | undefined {
    return this.#with(reference, (container) => this.lifecycle.unpause(container));
  }

  /** `docker rm` */
  remove(reference: string, isForced: boolean): Refusal | undefined {
    return this.#with(reference, (container) => {
      const isActive = container.isRunning || container.state === 'restarting';
      if (isActive && !isForced) return this.refusals.cannotRemove(reference, container);
      this.lifecycle.kill(container);
      this.#forget(container);
      return undefined;
    });
  }

  /** `docker network connect`; `onDone` as for {@link start}. */
  connect(
    networkReference: string,
    reference: string,
    request: EndpointRequest,
    onDone: OnDone,
  ): void {
    takeSteps(this.#connect(networkReference, reference, request), onDone);
  }

  *#connect(
    networkReference: string,
    reference: string,
    request: EndpointRequest,
  ): Steps<Refusal | undefined> {
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
      hasChosenAddress: (request.address ?? request.address6) !== undefined,
      endpoint: undefined,
    };
    const { networking } = this.lifecycle;
    if (network.plugged !== undefined && container.sandbox !== undefined) {
      const unreserved = yield* networking.reservations.take(container, network, request);
      if (unreserved !== undefined) return unreserved;
    }
    const joined = container.sandbox?.join(network, networking.wishesOf(container, request));
    if (joined === undefined) networking.reservations.drop(container);
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

  #forget(container: StandaloneContainer): void {
    this.#containers.delete(container.id);
    this.#links.delete(container);
  }

  #with(
    reference: string,
    action: (container: StandaloneContainer) => Refusal | undefined,
  ): Refusal | undefined {
    const container = this.find(reference);
    return container === undefined
      ? notFound(`No such container: ${reference}`)
      : action(container);
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
