/**
 * Who sends and where to: the stacks and addresses that scenarios and commands name in a word
 * (`outside`, a node, a service).
 */
import type { Cluster } from '../../cluster/cluster.ts';
import type { StubResolver } from '../../node/dns/stub-resolver.ts';
import { parseIpv4Address } from '../../wire/addresses.ts';

/** A stack that sends; a source of 0 lets it choose its address. */
export interface Client extends StubResolver {
  readonly source: number;
}

/**
 * Whose stack sends: the outside world's, a node's, or that of the `number`-th of a service's
 * containers, modulo their count; `undefined` while none of that name runs.
 */
export function clientOf(cluster: Cluster, from: string, number: number): Client | undefined {
  if (from === 'outside') {
    return { namespace: cluster.outside, search: [], source: cluster.outsideAddress };
  }
  const machine = cluster.machines.find((m) => m.name === from);
  if (machine !== undefined) {
    if (!machine.isOn || machine.host === undefined) return undefined;
    return { namespace: machine.host.namespace, search: [], source: 0 };
  }
  const containers = cluster.machines.flatMap((m) =>
    m.isOn ? [...(m.executor?.containers.values() ?? [])] : [],
  );
  const mine = containers.filter(
    (c) => c.state === 'running' && c.task.serviceAnnotations.name.endsWith(`_${from}`),
  );
  const sandbox = mine[number % Math.max(1, mine.length)]?.sandbox;
  if (sandbox === undefined) return undefined;
  return { namespace: sandbox.namespace, search: sandbox.search, source: 0 };
}

/** A node's address, or a literal one; `undefined` for names that the client must resolve. */
export function addressOfHost(cluster: Cluster, host: string): number | undefined {
  const machine = cluster.machines.find((m) => m.name === host);
  return machine?.addresses.first.address ?? parseIpv4Address(host);
}
