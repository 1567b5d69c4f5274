/**
 * The allocator: turns NEW tasks into PENDING ones by giving networks, services, tasks and nodes
 * what they need (swarmkit `manager/allocator/network.go`).
 *
 * It reacts to commits. Networks, services and nodes are allocated in the order of their events,
 * tasks at the end of the commit in the order of their creation; what fails is tried again at a
 * commit after something was released, or when 5 minutes have passed.
 */
import { MINUTE_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import type { NetworkAttachment } from '../objects/network.ts';
import type { Node } from '../objects/node.ts';
import type { Service } from '../objects/service.ts';
import { type Task, taskStatusOf } from '../objects/task.ts';
import { TaskState } from '../objects/task-state.ts';
import type { StoreEvent } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { StoreReader } from '../store/tables.ts';
import type { Transaction } from '../store/transaction.ts';
import {
  ingressNetworkOf,
  isDeadTask,
  needsIngress,
  nodeNetworksOf,
  vipNetworksOf,
} from './allocation-needs.ts';
import type { NetworkAllocator } from './network-allocator.ts';
import { PortAllocator, type PortResult } from './port-allocator.ts';

const RETRY_INTERVAL_NS = 5 * MINUTE_NS;
const NO_INGRESS: PortResult = { failure: 'ingress network is missing' };

/** Gives objects their addresses, ports and ids; lives as long as one leadership. */
export class Allocator {
  readonly #world: World;
  readonly #store: Store;
  readonly #networks: NetworkAllocator;
  readonly #ports = new PortAllocator();
  /** Services whose ports and virtual IPs are held here. */
  readonly #allocatedServices = new Set<string>();
  /** Tasks whose addresses are held here. */
  readonly #allocatedTasks = new Set<string>();
  readonly #unallocatedNetworks = new Set<string>();
  readonly #unallocatedServices = new Set<string>();
  readonly #unallocatedTasks = new Set<string>();
  #lastRetryAtNs = 0;
  #isSomethingReleased = false;

  constructor(world: World, store: Store, networks: NetworkAllocator) {
    this.#world = world;
    this.#store = store;
    this.#networks = networks;
  }

  /** Takes up what is allocated already, ingress first, then allocates what is not. */
  onStart(): void {
    this.#lastRetryAtNs = this.#world.nowNs;
    this.#store.update((tx) => {
      const ingress = ingressNetworkOf(tx);
      if (ingress !== undefined && ingress.ipam === undefined)
        this.#allocateNetwork(tx, ingress.id);
      this.#restore(tx);
      for (const network of tx.networks()) this.#allocateNetwork(tx, network.id);
      for (const node of tx.nodes()) this.#allocateNode(tx, node.id);
      for (const service of tx.services()) this.#allocateService(tx, service.id);
      for (const task of tx.tasks()) this.#allocateTask(tx, task.id);
    });
  }

  /** Reacts to a commit. */
  onCommit(events: readonly StoreEvent[]): void {
    if (!events.some((event) => this.#concerns(event))) return;
    this.#store.update((tx) => {
      const pendingTasks = new Set<string>();
      for (const event of events) this.#handle(tx, event, pendingTasks);
      for (const id of pendingTasks) this.#allocateTask(tx, id);
      this.#maybeRetry(tx);
    });
  }

  #concerns(event: StoreEvent): boolean {
    if (event.table === 'cluster') return false;
    if (event.table !== 'task' || event.action !== 'update') return true;
    const { object, old } = event;
    return (
      object.status.state !== old?.status.state ||
      object.nodeId !== old.nodeId ||
      isDeadTask(object) !== isDeadTask(old) ||
      object.status.state < TaskState.pending
    );
  }

  #handle(tx: Transaction, event: StoreEvent, pendingTasks: Set<string>): void {
    const isGone = event.action === 'remove';
    switch (event.table) {
      case 'network':
        if (!isGone) this.#allocateNetwork(tx, event.object.id);
        else {
          this.#networks.release(event.object);
          this.#unallocatedNetworks.delete(event.object.id);
          this.#isSomethingReleased = true;
          for (const node of [...tx.nodes()]) this.#allocateNode(tx, node.id);
        }
        break;
      case 'service':
        if (isGone) this.#releaseService(event.object);
        else this.#allocateService(tx, event.object.id);
        break;
      case 'node':
        if (isGone) this.#releaseNode(event.object);
        else this.#allocateNode(tx, event.object.id);
        break;
      case 'task':
        this.#handleTask(
          tx,
          isGone ? event.object : tx.task(event.object.id),
          isGone,
          pendingTasks,
        );
        break;
      case 'cluster':
        break;
    }
  }

  #handleTask(
    tx: Transaction,
    task: Task | undefined,
    isGone: boolean,
    pendingTasks: Set<string>,
  ): void {
    if (task === undefined) return;
    if (isGone || isDeadTask(task)) {
      this.#releaseTask(task);
      this.#unallocatedTasks.delete(task.id);
    }
    if (task.nodeId !== '' && task.status.state >= TaskState.pending) {
      this.#allocateNode(tx, task.nodeId);
    }
    if (!isGone && !isDeadTask(task) && task.status.state < TaskState.pending) {
      pendingTasks.add(task.id);
    }
  }

  #maybeRetry(tx: Transaction): void {
    const isDue = this.#world.nowNs - this.#lastRetryAtNs > RETRY_INTERVAL_NS;
    if (!isDue && !this.#isSomethingReleased) return;
    this.#lastRetryAtNs = this.#world.nowNs;
    this.#isSomethingReleased = false;
    for (const id of [...this.#unallocatedNetworks]) this.#allocateNetwork(tx, id);
    for (const id of [...this.#unallocatedServices]) this.#allocateService(tx, id);
    for (const id of [...this.#unallocatedTasks]) this.#allocateTask(tx, id);
  }

  #restore(reader: StoreReader): void {
    for (const network of reader.networks()) {
      const isHeld = this.#networks.isAllocated(network.id);
      if (network.ipam !== undefined && !network.isNodeLocal && !isHeld) {
        this.#networks.restore(network);
      }
    }
    for (const node of reader.nodes()) this.#restoreAddresses(node.attachments);
    for (const service of reader.services()) {
      if (service.endpoint === undefined) continue;
      this.#ports.restore(service);
      for (const vip of service.endpoint.virtualIps) {
        this.#networks.restoreAddress(vip.networkId, vip.address.address);
      }
      this.#allocatedServices.add(service.id);
    }
    for (const task of reader.tasks()) {
      if (task.status.state < TaskState.pending || isDeadTask(task)) continue;
      this.#restoreAddresses(task.networks);
      this.#allocatedTasks.add(task.id);
    }
  }

  #restoreAddresses(attachments: readonly NetworkAttachment[]): void {
    for (const { network, addresses } of attachments) {
      for (const { address } of addresses) this.#networks.restoreAddress(network.id, address);
    }
  }

  #allocateNetwork(tx: Transaction, id: string): void {
    const network = tx.network(id);
    if (network === undefined || network.isNodeLocal || this.#networks.isAllocated(id)) return;
    const result = this.#networks.allocate(network);
    if ('failure' in result) {
      this.#unallocatedNetworks.add(id);
      return;
    }
    this.#unallocatedNetworks.delete(id);
    tx.update('network', result.network);
    if (network.spec.ingress) {
      for (const node of [...tx.nodes()]) this.#allocateNode(tx, node.id);
    }
  }

  #allocateNode(tx: Transaction, id: string): void {
    const node = tx.node(id);
    if (node === undefined) return;
    const wanted = nodeNetworksOf(id, tx);
    const attachments: NetworkAttachment[] = [];
    let isChanged = false;
    for (const attachment of node.attachments) {
      if (wanted.some((network) => network.id === attachment.network.id)) {
        attachments.push(attachment);
      } else {
        this.#releaseAddresses([attachment]);
        isChanged = true;
      }
    }
    for (const network of wanted) {
      if (attachments.some((attachment) => attachment.network.id === network.id)) continue;
      const address = this.#networks.takeAddress(network.id);
      if (address === undefined) continue;
      attachments.push({ network, addresses: [address], aliases: [], driverOptions: {} });
      isChanged = true;
    }
    if (isChanged) tx.update('node', { ...node, attachments });
  }

  #releaseNode(node: Node): void {
    this.#releaseAddresses(node.attachments);
  }

  #isServiceAllocated(service: Service, reader: StoreReader): boolean {
    const wanted = vipNetworksOf(service, reader);
    const vips = service.endpoint?.virtualIps ?? [];
    if (vips.length !== wanted.length) return false;
    if (!wanted.every((network) => vips.some((vip) => vip.networkId === network.id))) return false;
    const isNothingWanted = wanted.length === 0 && service.spec.endpoint === undefined;
    if (service.endpoint === undefined && !isNothingWanted) return false;
    return this.#ports.areAllocated(service);
  }

  #allocateService(tx: Transaction, id: string): void {
    const service = tx.service(id);
    if (service === undefined) return;
    if (this.#isServiceAllocated(service, tx)) {
      this.#allocatedServices.add(id);
      return;
    }
    const isMissingIngress = needsIngress(service) && ingressNetworkOf(tx) === undefined;
    const result = isMissingIngress ? NO_INGRESS : this.#ports.allocate(service);
    if ('failure' in result) {
      this.#unallocatedServices.add(id);
      this.#allocatedServices.delete(id);
      return;
    }
    const wanted = vipNetworksOf(service, tx);
    const virtualIps = [];
    for (const vip of service.endpoint?.virtualIps ?? []) {
      if (wanted.some((network) => network.id === vip.networkId)) virtualIps.push(vip);
      else this.#networks.releaseAddress(vip.networkId, vip.address.address);
    }
    let isComplete = true;
    for (const network of wanted) {
      if (virtualIps.some((vip) => vip.networkId === network.id)) continue;
      const address = this.#networks.takeAddress(network.id);
      if (address === undefined) isComplete = false;
      else virtualIps.push({ networkId: network.id, address });
    }
    const spec = service.spec.endpoint ?? { mode: 0 as const, ports: [] };
    tx.update('service', { ...service, endpoint: { spec, ports: result.ports, virtualIps } });
    if (isComplete) {
      this.#allocatedServices.add(id);
      this.#unallocatedServices.delete(id);
    } else {
      this.#unallocatedServices.add(id);
    }
  }

  #releaseService(service: Service): void {
    this.#ports.release(service);
    for (const vip of service.endpoint?.virtualIps ?? []) {
      this.#networks.releaseAddress(vip.networkId, vip.address.address);
    }
    this.#allocatedServices.delete(service.id);
    this.#unallocatedServices.delete(service.id);
    this.#isSomethingReleased = true;
  }

  #allocateTask(tx: Transaction, id: string): void {
    const task = tx.task(id);
    if (task === undefined || task.status.state >= TaskState.pending || isDeadTask(task)) {
      this.#unallocatedTasks.delete(id);
      return;
    }
    const service = tx.service(task.serviceId);
    if (service === undefined) return;
    const networks = this.#attachmentsFor(tx, service, task);
    if (!this.#allocatedServices.has(service.id) || networks === undefined) {
      this.#unallocatedTasks.add(id);
      return;
    }
    this.#allocatedTasks.add(id);
    this.#unallocatedTasks.delete(id);
    tx.update('task', {
      ...task,
      networks,
      endpoint: service.endpoint,
      status: taskStatusOf(TaskState.pending, 'pending task scheduling', this.#world.nowNs),
    });
  }

  /** The task's attachments with fresh addresses, or `undefined` when there is no address. */
  #attachmentsFor(tx: Transaction, service: Service, task: Task): NetworkAttachment[] | undefined {
    const attachments: NetworkAttachment[] = [];
    const wanted = (task.spec.networks ?? []).map((config) => ({
      network: tx.network(config.target),
      config,
    }));
    const ingress = needsIngress(service) ? ingressNetworkOf(tx) : undefined;
    if (ingress !== undefined) wanted.unshift({ network: ingress, config: { target: ingress.id } });
    for (const { network, config } of wanted) {
      if (network === undefined) continue;
      const address = network.isNodeLocal
        ? undefined
        : this.#networks.takeAddress(network.id, config.addresses);
      if (address === undefined && !network.isNodeLocal) {
        this.#releaseAddresses(attachments);
        return undefined;
      }
      attachments.push({
        network,
        addresses: address === undefined ? [] : [address],
        aliases: config.aliases ?? [],
        driverOptions: config.driverOptions ?? {},
      });
    }
    return attachments;
  }

  #releaseTask(task: Task): void {
    if (!this.#allocatedTasks.delete(task.id)) return;
    this.#releaseAddresses(task.networks);
    this.#isSomethingReleased = true;
  }

  #releaseAddresses(attachments: readonly NetworkAttachment[]): void {
    for (const { network, addresses } of attachments) {
      for (const { address } of addresses) this.#networks.releaseAddress(network.id, address);
    }
  }
}
