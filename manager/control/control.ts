/**
 * What operators can ask of a manager: the calls behind `docker service`, `node`, `network` and
 * `stack` (swarmkit `manager/controlapi`).
 *
 * Writes answer through a reply, see `result.ts`. Names are resolved as the Engine API does: full
 * id, then exact name, then an unambiguous beginning of an id.
 */
import { DEFAULT_ENDPOINT_SPEC } from '../objects/endpoint.ts';
import type { Network, NetworkSpec } from '../objects/network.ts';
import { hostnameOf, type Node, type NodeSpec } from '../objects/node.ts';
import type { Service, ServiceSpec } from '../objects/service.ts';
import type { Task } from '../objects/task.ts';
import { createNetwork, removeNetwork } from './network-control.ts';
import { type Admission, admitNode, removeNode, updateNode } from './node-control.ts';
import { changedPorts, type PortChange } from './published-ports.ts';
import { accepted, type Reply, type Result, refused } from './result.ts';
import {
  type ControlParts,
  createService,
  removeService,
  rollBackService,
  updateService,
} from './service-control.ts';

/** Operator calls of one manager. */
export class Control {
  readonly #parts: ControlParts;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  /** Creates a service; networks may be named by id or name. */
  createService(spec: ServiceSpec, reply: Reply<Service>): void {
    createService(this.#parts, spec, reply);
  }

  /** Replaces a service's spec; a stale `version` is refused, `undefined` is not checked. */
  updateService(
    id: string,
    version: number | undefined,
    spec: ServiceSpec,
    reply: Reply<Service>,
  ): void {
    updateService(this.#parts, id, version, spec, reply);
  }

  /** Sets the number of replicas of a replicated service. */
  scaleService(nameOrId: string, replicas: number, reply: Reply<Service>): void {
    const found = this.findService(nameOrId);
    if (!found.ok) {
      reply(found);
      return;
    }
    const { id, spec } = found.value;
    if (spec.mode.kind !== 'replicated') {
      const message = 'scale can only be used with replicated or replicated-job mode';
      reply(refused('InvalidArgument', `${nameOrId}: ${message}`));
      return;
    }
    const mode = { kind: 'replicated', replicas } as const;
    updateService(this.#parts, id, undefined, { ...spec, mode }, reply);
  }

  /** Replaces all tasks of a service with new ones of the same spec (`--force`). */
  forceUpdateService(nameOrId: string, reply: Reply<Service>): void {
    const found = this.findService(nameOrId);
    if (!found.ok) {
      reply(found);
      return;
    }
    const { id, spec } = found.value;
    const forceUpdate = (spec.task.forceUpdate ?? 0) + 1;
    const task = { ...spec.task, forceUpdate };
    updateService(this.#parts, id, undefined, { ...spec, task }, reply);
  }

  /** Publishes other ports; the tasks are replaced for it (`--publish-add`, `--publish-rm`). */
  updatePorts(nameOrId: string, change: PortChange, reply: Reply<Service>): void {
    const found = this.findService(nameOrId);
    if (!found.ok) {
      reply(found);
      return;
    }
    const { id, spec } = found.value;
    const before = spec.endpoint ?? DEFAULT_ENDPOINT_SPEC;
    const endpoint = { ...before, ports: changedPorts(before.ports, change) };
    updateService(this.#parts, id, undefined, { ...spec, endpoint }, reply);
  }

  /** Goes back to the previous spec. */
  rollBackService(id: string, reply: Reply<Service>): void {
    rollBackService(this.#parts, id, reply);
  }

  /** Removes a service. */
  removeService(id: string, reply: Reply<Service>): void {
    removeService(this.#parts, id, reply);
  }

  /** Creates a network. */
  createNetwork(spec: NetworkSpec, reply: Reply<Network>): void {
    createNetwork(this.#parts, spec, reply);
  }

  /** Removes a network that nothing uses. */
  removeNetwork(id: string, reply: Reply<Network>): void {
    removeNetwork(this.#parts, id, reply);
  }

  /** Creates the node object of a joining machine. */
  admitNode(admission: Admission, reply: Reply<Node>): void {
    admitNode(this.#parts, admission, reply);
  }

  /** Changes availability, role or labels of a node. */
  updateNode(
    id: string,
    version: number | undefined,
    change: Partial<NodeSpec>,
    reply: Reply<Node>,
  ): void {
    updateNode(this.#parts, id, version, change, reply);
  }

  /** Removes a node. */
  removeNode(id: string, isForced: boolean, reply: Reply<Node>): void {
    removeNode(this.#parts, id, isForced, reply);
  }

  /** The service of a name, id or beginning of an id. */
  findService(nameOrId: string): Result<Service> {
    return find('service', nameOrId, this.services(), (service) => service.spec.annotations.name);
  }

  /** The network of a name, id or beginning of an id. */
  findNetwork(nameOrId: string): Result<Network> {
    return find('network', nameOrId, this.networks(), (network) => network.spec.annotations.name);
  }

  /** The node of a host name, id or beginning of an id. */
  findNode(nameOrId: string): Result<Node> {
    return find('node', nameOrId, this.nodes(), hostnameOf);
  }

  /** All services by id. */
  services(): Service[] {
    return byId(this.#parts.store.view.services());
  }

  /** All networks by id. */
  networks(): Network[] {
    return byId(this.#parts.store.view.networks());
  }

  /** All nodes by id. */
  nodes(): Node[] {
    return byId(this.#parts.store.view.nodes());
  }

  /** All tasks by id; those of one service when it is given. */
  tasks(serviceId?: string): Task[] {
    const { view } = this.#parts.store;
    return byId(serviceId === undefined ? view.tasks() : view.tasksOfService(serviceId));
  }
}

function byId<T extends { readonly id: string }>(objects: Iterable<T>): T[] {
  return [...objects].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function find<T extends { readonly id: string }>(
  kind: string,
  nameOrId: string,
  objects: readonly T[],
  nameOf: (object: T) => string,
): Result<T> {
  const exact =
    objects.find(({ id }) => id === nameOrId) ??
    objects.find((object) => nameOf(object) === nameOrId);
  if (exact !== undefined) return accepted(exact);
  const matches = objects.filter(({ id }) => nameOrId !== '' && id.startsWith(nameOrId));
  if (matches.length === 1) return accepted(matches[0]!);
  if (matches.length === 0) return refused('NotFound', `${kind} ${nameOrId} not found`);
  const message = `${kind} ${nameOrId} is ambiguous (${matches.length} matches found)`;
  return refused('InvalidArgument', message);
}
