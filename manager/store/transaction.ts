/**
 * One transaction: reads see its own writes, writes become the list of changes to propose
 * (swarmkit `manager/state/store/memory.go`, `tx`).
 */
import { assert } from '../../sim/assert.ts';
import type { Cluster } from '../objects/cluster.ts';
import type { Meta } from '../objects/meta.ts';
import type { Network } from '../objects/network.ts';
import type { Node } from '../objects/node.ts';
import type { Service } from '../objects/service.ts';
import type { Task } from '../objects/task.ts';
import type { StoreChange, StoreObject, TableName, Tables } from './change.ts';
import type { StoreReader } from './tables.ts';

type Overlay<T> = Map<string, T | undefined>;

/** A transaction over committed state; valid only inside the function that was given it. */
export class Transaction implements StoreReader {
  readonly #base: StoreReader;
  readonly #index: number;
  readonly #nowNs: number;
  readonly #changes: StoreChange[] = [];
  readonly #nodes: Overlay<Node> = new Map();
  readonly #services: Overlay<Service> = new Map();
  readonly #tasks: Overlay<Task> = new Map();
  readonly #networks: Overlay<Network> = new Map();
  readonly #clusters: Overlay<Cluster> = new Map();

  /** `index` is the version that the objects get which this transaction writes. */
  constructor(base: StoreReader, index: number, nowNs: number) {
    this.#base = base;
    this.#index = index;
    this.#nowNs = nowNs;
  }

  /** The changes made so far, in order. */
  get changes(): readonly StoreChange[] {
    return this.#changes;
  }

  node(id: string): Node | undefined {
    return this.#nodes.has(id) ? this.#nodes.get(id) : this.#base.node(id);
  }

  nodes(): Iterable<Node> {
    return merged(this.#base.nodes(), this.#nodes, isAny);
  }

  service(id: string): Service | undefined {
    return this.#services.has(id) ? this.#services.get(id) : this.#base.service(id);
  }

  serviceByName(name: string): Service | undefined {
    if (this.#services.size === 0) return this.#base.serviceByName(name);
    return this.services().find((service) => service.spec.annotations.name === name);
  }

  services(): Service[] {
    return merged(this.#base.services(), this.#services, isAny);
  }

  task(id: string): Task | undefined {
    return this.#tasks.has(id) ? this.#tasks.get(id) : this.#base.task(id);
  }

  tasks(): Iterable<Task> {
    return merged(this.#base.tasks(), this.#tasks, isAny);
  }

  tasksOfService(serviceId: string): Task[] {
    const base = this.#base.tasksOfService(serviceId);
    return merged(base, this.#tasks, (task) => task.serviceId === serviceId);
  }

  tasksOfNode(nodeId: string): Task[] {
    const base = this.#base.tasksOfNode(nodeId);
    return merged(base, this.#tasks, (task) => task.nodeId === nodeId);
  }

  network(id: string): Network | undefined {
    return this.#networks.has(id) ? this.#networks.get(id) : this.#base.network(id);
  }

  networkByName(name: string): Network | undefined {
    if (this.#networks.size === 0) return this.#base.networkByName(name);
    return this.networks().find((network) => network.spec.annotations.name === name);
  }

  networks(): Network[] {
    return merged(this.#base.networks(), this.#networks, isAny);
  }

  cluster(): Cluster | undefined {
    for (const cluster of this.#clusters.values()) return cluster;
    return this.#base.cluster();
  }

  /** Creates an object; its id must be new. Returns it as it will be stored. */
  create<K extends TableName>(table: K, object: Tables[K]): Tables[K] {
    const meta: Meta = {
      version: this.#index,
      createdAtNs: this.#nowNs,
      updatedAtNs: this.#nowNs,
    };
    return this.#write('create', table, { ...object, meta });
  }

  /** Replaces an object. Returns it as it will be stored. */
  update<K extends TableName>(table: K, object: Tables[K]): Tables[K] {
    const meta: Meta = {
      version: this.#index,
      createdAtNs: object.meta.createdAtNs,
      updatedAtNs: this.#nowNs,
    };
    return this.#write('update', table, { ...object, meta });
  }

  /** Removes an object that exists. */
  remove<K extends TableName>(table: K, object: Tables[K]): void {
    this.#write('remove', table, object);
  }

  #write<K extends TableName>(action: StoreChange['action'], table: K, object: Tables[K]) {
    const overlay = this.#overlayOf(table) as Overlay<StoreObject>;
    const isCreation = action === 'create';
    assert(this.#exists(table, object.id) !== isCreation, `${action} of ${table} ${object.id}`);
    overlay.set(object.id, action === 'remove' ? undefined : object);
    this.#changes.push({ action, table, object } as StoreChange);
    return object;
  }

  #exists(table: TableName, id: string): boolean {
    if (table === 'cluster') return this.cluster()?.id === id;
    return this[table](id) !== undefined;
  }

  #overlayOf(table: TableName): unknown {
    switch (table) {
      case 'node':
        return this.#nodes;
      case 'service':
        return this.#services;
      case 'task':
        return this.#tasks;
      case 'network':
        return this.#networks;
      case 'cluster':
        return this.#clusters;
    }
  }
}

function isAny(): boolean {
  return true;
}

/** The committed objects with the transaction's own changes, in the order of creation. */
function merged<T extends { readonly id: string }>(
  base: Iterable<T>,
  overlay: Overlay<T>,
  belongs: (object: T) => boolean,
): T[] {
  const objects: T[] = [];
  const seen = new Set<string>();
  for (const object of base) {
    if (!overlay.has(object.id)) {
      objects.push(object);
      continue;
    }
    seen.add(object.id);
    const changed = overlay.get(object.id);
    if (changed !== undefined && belongs(changed)) objects.push(changed);
  }
  for (const [id, changed] of overlay) {
    if (!seen.has(id) && changed !== undefined && belongs(changed)) objects.push(changed);
  }
  return objects;
}
