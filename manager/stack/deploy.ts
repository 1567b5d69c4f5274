/**
 * Deploying and removing a stack through control calls, as the Docker CLI does: networks first,
 * then services; what exists already is updated (docker/cli `cli/command/stack/swarm`).
 */
import type { Control } from '../control/control.ts';
import type { Refusal, Result } from '../control/result.ts';
import { accepted, answerOf } from '../control/result.ts';
import type { Network } from '../objects/network.ts';
import type { Service } from '../objects/service.ts';
import type { ComposeModel } from './compose-model.ts';
import { convertStack, STACK_NAMESPACE_LABEL } from './convert.ts';

/** What a deployment made or changed. */
export interface DeployedStack {
  readonly networks: readonly Network[];
  readonly services: readonly Service[];
}

/** Deploys a stack; stops at the first refusal, with what was done before left in place. */
export function deployStack(
  control: Control,
  stack: string,
  model: ComposeModel,
): Result<DeployedStack> {
  const objects = convertStack(stack, model);
  const networks: Network[] = [];
  for (const spec of objects.networks) {
    const found = control.findNetwork(spec.annotations.name);
    const result = found.ok
      ? found
      : answerOf<Network>((reply) => control.createNetwork(spec, reply));
    if (!result.ok) return result;
    networks.push(result.value);
  }
  const services: Service[] = [];
  for (const spec of objects.services) {
    const found = control.findService(spec.annotations.name);
    const result = answerOf<Service>((reply) => {
      if (!found.ok) control.createService(spec, reply);
      else control.updateService(found.value.id, found.value.meta.version, spec, reply);
    });
    if (!result.ok) return result;
    services.push(result.value);
  }
  return accepted({ networks, services });
}

/** Removes a stack's services, then its networks; returns what was refused. */
export function removeStack(control: Control, stack: string): Refusal[] {
  const refusals: Refusal[] = [];
  const collect = (result: Result<unknown>) => {
    if (!result.ok) refusals.push(result.refusal);
  };
  for (const service of control.services()) {
    if (service.spec.annotations.labels[STACK_NAMESPACE_LABEL] !== stack) continue;
    control.removeService(service.id, collect);
  }
  for (const network of control.networks()) {
    if (network.spec.annotations.labels[STACK_NAMESPACE_LABEL] !== stack) continue;
    control.removeNetwork(network.id, collect);
  }
  return refusals;
}
