/**
 * What the objects of the store need from the allocator: pure questions about services and tasks
 * (swarmkit `manager/allocator/network.go`, `networkallocator.go`).
 */
import { EndpointMode } from '../objects/endpoint.ts';
import { isIngressNetwork, type Network } from '../objects/network.ts';
import type { Service } from '../objects/service.ts';
import type { Task } from '../objects/task.ts';
import { TaskState } from '../objects/task-state.ts';
import type { StoreReader } from '../store/tables.ts';
import { isIngressPort } from './port-allocator.ts';

/** The routing mesh's network, if there is one. */
export function ingressNetworkOf(reader: StoreReader): Network | undefined {
  for (const network of reader.networks()) if (isIngressNetwork(network)) return network;
  return undefined;
}

/** True for a service with a port in the routing mesh (`IsIngressNetworkNeeded`). */
export function needsIngress(service: Service): boolean {
  return service.spec.endpoint?.ports.some(isIngressPort) ?? false;
}

/**
 * The networks on which a service needs a virtual IP, in the order of allocation: ingress first,
 * then those of the spec. Empty for a service that is found by the addresses of its tasks.
 */
export function vipNetworksOf(service: Service, reader: StoreReader): Network[] {
  if (service.spec.endpoint?.mode === EndpointMode.dnsrr) return [];
  return attachedNetworksOf(service, reader);
}

/** The networks to which a service's tasks are attached, ingress first; node-local ones not. */
function attachedNetworksOf(service: Service, reader: StoreReader): Network[] {
  const networks: Network[] = [];
  const ingress = needsIngress(service) ? ingressNetworkOf(reader) : undefined;
  if (ingress !== undefined) networks.push(ingress);
  for (const config of service.spec.task.networks ?? []) {
    const network = reader.network(config.target);
    if (network !== undefined && !network.isNodeLocal) networks.push(network);
  }
  return networks;
}

/** True when a task holds nothing any more as far as the allocator is concerned (`taskDead`). */
export function isDeadTask(task: Task): boolean {
  return task.desiredState > TaskState.running && task.status.state > TaskState.running;
}

/**
 * The networks that a node needs a load-balancer attachment for: ingress on every node, others as
 * long as a task that has not ended is on the node.
 */
export function nodeNetworksOf(nodeId: string, reader: StoreReader): Network[] {
  const networks = new Map<string, Network>();
  const ingress = ingressNetworkOf(reader);
  if (ingress !== undefined) networks.set(ingress.id, ingress);
  for (const task of reader.tasksOfNode(nodeId)) {
    if (task.status.state > TaskState.running) continue;
    for (const attachment of task.networks) {
      const network = reader.network(attachment.network.id);
      if (network !== undefined && !network.isNodeLocal) networks.set(network.id, network);
    }
  }
  return [...networks.values()];
}
