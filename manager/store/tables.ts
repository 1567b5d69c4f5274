/**
 * The committed objects with their indexes (swarmkit `manager/state/store`, go-memdb tables).
 *
 * Iteration is in the order of creation, which is the same in every run. Upstream iterates by id or
 * by Go map; listings for people are sorted by id where they are made.
 */
import type { Cluster } from '../objects/cluster.ts';
import type { Network } from '../objects/network.ts';
import type { Node } from '../objects/node.ts';
import type { Service } from '../objects/service.ts';
import type { Task } from '../objects/task.ts';
import type { StoreChange, StoreEvent, StoreObject } from './change.ts';

/** What can be asked of a store or of a transaction. */
export interface StoreReader {
  node(id: string): Node | undefined;
  nodes(): Iterable<Node>;
  service(id: string): Service | undefined;
  serviceByName(name: string): Service | undefined;
  services(): Iterable<Service>;
  task(id: string): Task | undefined;
  tasks(): Iterable<Task>;
  tasksOfService(serviceId: string): Task[];
  tasksOfNode(nodeId: string): Task[];
  network(id: string): Network | undefined;
  networkByName(name: string): Network | undefined;
  networks(): Iterable<Network>;
  /** The one cluster object; `undefined` before the first leader has made it. */
  cluster(): Cluster | undefined;
}

/** The committed state. */
export class CommittedTables implements StoreReader {
  readonly #nodes = new Map<string, Node>();
  readonly #services = new Map<string, Service>();
  readonly #servicesByName = new Map<string, Service>();
  readonly #tasks = new Map<string, Task>();
  readonly #tasksByService = new Map<string, Map<string, Task>>();
  readonly #tasksByNode = new Map<string, Map<string, Task>>();
  readonly #networks = new Map<string, Network>();
  readonly #networksByName = new Map<string, Network>();
  readonly #clusters = new Map<string, Cluster>();

  node(id: string): Node | undefined {
    return this.#nodes.get(id);
  }

  nodes(): Iterable<Node> {
    return this.#nodes.values();
  }

  service(id: string): Service | undefined {
    return this.#services.get(id);
  }

  serviceByName(name: string): Service | undefined {
    return this.#servicesByName.get(name);
  }

  services(): Iterable<Service> {
    return this.#services.values();
  }

  task(id: string): Task | undefined {
    return this.#tasks.get(id);
  }

  tasks(): Iterable<Task> {
    return this.#tasks.values();
  }

  tasksOfService(serviceId: string): Task[] {
    return [...(this.#tasksByService.get(serviceId)?.values() ?? [])];
  }

  tasksOfNode(nodeId: string): Task[] {
    return [...(this.#tasksByNode.get(nodeId)?.values() ?? [])];
  }

  network(id: string): Network | undefined {
    return this.#networks.get(id);
  }

  networkByName(name: string): Network | undefined {
    return this.#networksByName.get(name);
  }

  networks(): Iterable<Network> {
    return this.#networks.values();
  }

  cluster(): Cluster | undefined {
    for (const cluster of this.#clusters.values()) return cluster;
    return undefined;
  }

  /** Applies one change and says what was there before. */
  apply(change: StoreChange): StoreEvent {
    switch (change.table) {
      case 'node':
        return { ...change, old: write(this.#nodes, change) };
      case 'service': {
        const old = write(this.#services, change);
        if (old !== undefined) this.#servicesByName.delete(old.spec.annotations.name);
        if (change.action !== 'remove') {
          this.#servicesByName.set(change.object.spec.annotations.name, change.object);
        }
        return { ...change, old };
      }
      case 'task': {
        const old = write(this.#tasks, change);
        const isGone = change.action === 'remove';
        reindex(this.#tasksByService, old?.serviceId, change.object.serviceId, change, isGone);
        reindex(this.#tasksByNode, old?.nodeId, change.object.nodeId, change, isGone);
        return { ...change, old };
      }
      case 'network': {
        const old = write(this.#networks, change);
        if (old !== undefined) this.#networksByName.delete(old.spec.annotations.name);
        if (change.action !== 'remove') {
          this.#networksByName.set(change.object.spec.annotations.name, change.object);
        }
        return { ...change, old };
      }
      case 'cluster':
        return { ...change, old: write(this.#clusters, change) };
    }
  }
}

function write<T extends StoreObject>(
  table: Map<string, T>,
  change: { readonly action: string; readonly object: T },
): T | undefined {
  const old = table.get(change.object.id);
  if (change.action === 'remove') table.delete(change.object.id);
  else table.set(change.object.id, change.object);
  return old;
}

function reindex(
  index: Map<string, Map<string, Task>>,
  oldKey: string | undefined,
  newKey: string,
  change: { readonly object: Task },
  isGone: boolean,
): void {
  const task = change.object;
  if (oldKey !== undefined && (isGone || oldKey !== newKey)) {
    const group = index.get(oldKey);
    group?.delete(task.id);
    if (group?.size === 0) index.delete(oldKey);
  }
  if (isGone || newKey === '') return;
  const group = index.get(newKey);
  if (group === undefined) index.set(newKey, new Map([[task.id, task]]));
  else group.set(task.id, task);
}
