/**
 * The names of namespaces as people know them: a container's by its task (`voting-app_vote.2`) or by
 * its own (`web`), an overlay's by its network (`ingress overlay`), instead of the hashes that Linux knows them by.
 */
import type { Cluster } from '../../cluster/cluster.ts';

/** Names for people by namespace name, such as `worker-1/5d81ad6d812f`. */
export function namespaceNamesOf(cluster: Cluster): Record<string, string> {
  const names: Record<string, string> = {};
  for (const machine of cluster.machines) {
    for (const { sandbox, task } of machine.executor?.containers.values() ?? []) {
      if (sandbox === undefined) continue;
      const instance = task.slot === 0 ? task.nodeId : task.slot;
      const name = `${task.serviceAnnotations.name}.${instance}`;
      names[sandbox.namespace.name] = `${machine.name}/${name}`;
    }
    for (const { networkSandbox, name } of machine.host?.daemon.list() ?? []) {
      if (networkSandbox?.config.isHostNetwork !== false) continue;
      names[networkSandbox.namespace.name] ??= `${machine.name}/${name}`;
    }
    if (!cluster.hasLeader) continue;
    for (const { id, spec } of cluster.leader.control.networks()) {
      const { name } = spec.annotations;
      names[`${machine.name}/1-${id.slice(0, 10)}`] = `${machine.name}/overlay ${name}`;
      names[`${machine.name}/lb_${id.slice(0, 9)}`] = `${machine.name}/lb ${name}`;
    }
  }
  return names;
}

/** The host of a namespace: what stands before the slash. */
export function hostOfNamespace(namespace: string): string {
  const slash = namespace.indexOf('/');
  return slash < 0 ? namespace : namespace.slice(0, slash);
}

/** `voting-app_vote.2 on worker-1`, `worker-1` for a host's own namespace. */
export function placeOfNamespace(
  namespace: string,
  names: Readonly<Record<string, string>>,
): string {
  const name = names[namespace] ?? namespace;
  const host = hostOfNamespace(name);
  return host === name ? name : `${name.slice(host.length + 1)} on ${host}`;
}
