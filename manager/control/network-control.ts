/**
 * Creating and removing networks (swarmkit `manager/controlapi/network.go`).
 */

import { ingressNetworkOf, needsIngress } from '../allocator/allocation-needs.ts';
import { NO_META } from '../objects/meta.ts';
import { isIngressNetwork, type Network, type NetworkSpec } from '../objects/network.ts';
import { isTerminalState } from '../objects/task-state.ts';
import type { Transaction } from '../store/transaction.ts';
import { accepted, type Reply, type Result, refused } from './result.ts';
import { type ControlParts, write } from './service-control.ts';
import { nameFault } from './service-validation.ts';

/** Creates a network; its subnet and VXLAN id are allocated after the answer. */
export function createNetwork(parts: ControlParts, spec: NetworkSpec, reply: Reply<Network>): void {
  write(
    parts,
    (tx) => {
      const { name } = spec.annotations;
      const fault = nameFault(name);
      if (fault !== undefined) return refused('InvalidArgument', fault);
      const ingress = spec.ingress ? ingressNetworkOf(tx) : undefined;
      if (ingress !== undefined) {
        return refused('AlreadyExists', `ingress network (${ingress.id}) is already present`);
      }
      if (tx.networkByName(name) !== undefined) {
        return refused('AlreadyExists', `network with name ${name} already exists`);
      }
      const network: Network = {
        id: parts.ids.next(),
        meta: NO_META,
        spec,
        driverState: undefined,
        ipam: undefined,
        isNodeLocal: false,
      };
      return accepted(tx.create('network', network));
    },
    reply,
  );
}

/** Removes a network that nothing uses. */
export function removeNetwork(parts: ControlParts, id: string, reply: Reply<Network>): void {
  write(parts, (tx) => removed(tx, id), reply);
}

function removed(tx: Transaction, id: string): Result<Network> {
  const network = tx.network(id);
  if (network === undefined) return refused('NotFound', `network ${id} not found`);
  const { name } = network.spec.annotations;
  if (network.isNodeLocal) {
    const message = `network ${id} (${name}) is a swarm predefined network and cannot be removed`;
    return refused('FailedPrecondition', message);
  }
  for (const service of tx.services()) {
    if (isIngressNetwork(network) && needsIngress(service)) {
      const message = `ingress network cannot be removed because service ${service.id} depends on it`;
      return refused('FailedPrecondition', message);
    }
    if (service.spec.task.networks?.some((config) => config.target === id)) {
      return refused('FailedPrecondition', `network ${id} is in use by service ${service.id}`);
    }
  }
  for (const task of tx.tasks()) {
    if (isTerminalState(task.status.state) || task.serviceId !== '') continue;
    if (task.networks.some((attachment) => attachment.network.id === id)) {
      return refused('FailedPrecondition', `network ${id} is in use by task ${task.id}`);
    }
  }
  tx.remove('network', network);
  return accepted(network);
}
