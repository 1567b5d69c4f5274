/**
 * What an event of `endpoint_table` means for names and load balancers (`handleEpTableEvent` in
 * libnetwork's agent.go).
 *
 * Up to 28 the event's kind and value are those that came over the wire: a CREATE adds, whether or
 * not the record says that its endpoint is disabled (moby issue 41896), and an UPDATE can do nothing
 * but disable. From 29 on the record before is compared with the record after.
 */
import type { WatchEvent } from '../../gossip/networkdb/watch.ts';
import type { Binding, ServiceBindings } from '../balancer/service-bindings.ts';
import type { EndpointValue } from './table-values.ts';

/** Takes an event of another node into the host's bindings. */
export function applyEndpointEvent(
  bindings: ServiceBindings,
  generation: 1 | 2 | 3,
  event: WatchEvent,
): void {
  if (generation === 1) applyWireEvent(bindings, event.kind, event.value as EndpointValue);
  else {
    const after = event.kind === 'delete' ? undefined : (event.value as EndpointValue);
    applyChange(bindings, event.previous as EndpointValue | undefined, after);
  }
}

function applyWireEvent(
  bindings: ServiceBindings,
  kind: WatchEvent['kind'],
  { binding, isDisabled }: EndpointValue,
): void {
  const isTask = binding.serviceId !== '';
  switch (kind) {
    case 'create':
      if (isTask) bindings.add(binding);
      else bindings.addContainer(binding);
      break;
    case 'delete':
      if (isTask) bindings.remove(binding, true);
      else bindings.removeContainer(binding);
      break;
    case 'update':
      // any other update is logged as unexpected and ignored
      if (isTask && isDisabled) bindings.remove(binding, false);
      break;
  }
}

function applyChange(
  bindings: ServiceBindings,
  before: EndpointValue | undefined,
  after: EndpointValue | undefined,
): void {
  const isEquivalent = before !== undefined && after !== undefined && equals(before, after);
  if (isEquivalent && before.isDisabled === after.isDisabled) return;
  const served = before !== undefined && !before.isDisabled;
  if (before !== undefined && !isEquivalent) {
    if (before.binding.serviceId !== '') bindings.remove(before.binding, true);
    else if (served) bindings.removeContainer(before.binding);
  }
  if (after === undefined) return;
  const { binding, isDisabled } = after;
  if (binding.serviceId !== '') {
    if (!isDisabled) bindings.add(binding);
    else if (isEquivalent) bindings.remove(binding, false);
  } else if (!isDisabled) bindings.addContainer(binding);
  else if (isEquivalent) bindings.removeContainer(binding);
}

/** True when two records say the same, but for being disabled (`EquivalentTo`). */
function equals(before: EndpointValue, after: EndpointValue): boolean {
  return textOf(before.binding) === textOf(after.binding);
}

function textOf(binding: Binding): string {
  const { containerName, serviceName, serviceId, vip, address } = binding;
  const ports = binding.ports.map((p) => `${p.protocol}/${p.publishedPort}/${p.targetPort}`);
  const lists = [ports, binding.serviceAliases, binding.taskAliases].map((list) =>
    [...list].sort().join(),
  );
  return [containerName, serviceName, serviceId, vip, address, ...lists].join(' ');
}
