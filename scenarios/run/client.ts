/**
 * Who sends and where to: the stacks and addresses that scenarios and commands name in a word
 * (`outside`, a node, a service, and `worker-1/web` for a container that somebody started by hand).
 */
import type { Cluster } from '../../cluster/cluster.ts';
import type { StandaloneContainer } from '../../node/daemon/standalone-container.ts';
import type { StubResolver } from '../../node/dns/stub-resolver.ts';
import { type IpAddress, parseIp } from '../../wire/ip-address.ts';

/** A stack that sends; a source of 0 lets it choose its address. */
export interface Client extends StubResolver {
  readonly source: number;
}

/**
 * Whose stack sends: the outside world's, a node's, a container's, or that of the `number`-th of a
 * service's containers, modulo their count; `undefined` while none of that name runs.
 */
export function clientOf(cluster: Cluster, from: string, number: number): Client | undefined {
  if (from === 'outside') {
    return { namespace: cluster.outside, search: [], source: cluster.outsideAddress };
  }
  const container = containerOf(cluster, from)?.networkSandbox;
  if (container !== undefined) {
    const { namespace, search, servers } = container;
    return { namespace, search, servers, source: 0 };
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

/** A container that somebody started by hand, by its node and its name. */
function containerOf(cluster: Cluster, name: string): StandaloneContainer | undefined {
  const [node, container = ''] = name.split('/');
  const machine = cluster.machines.find((m) => m.name === node);
  if (container === '' || machine?.isOn !== true) return undefined;
  return machine.host!.daemon.find(container);
}

/** Which of two addresses somebody is asked at who has one of either family. */
export type AddressFamily = 'ipv4' | 'ipv6';

/**
 * A node's address, that of a container on the first of its networks that has one of this family, or
 * a literal one; `undefined` for names that the client must resolve.
 */
export function addressOfHost(
  cluster: Cluster,
  host: string,
  family: AddressFamily = 'ipv4',
): IpAddress | undefined {
  for (const { endpoint } of containerOf(cluster, host)?.attachments.values() ?? []) {
    const address = family === 'ipv6' ? endpoint?.address6 : endpoint?.address;
    if (address !== undefined) return address;
  }
  const machine = cluster.machines.find((m) => m.name === host);
  return machine?.addresses.first.address ?? parseIp(host);
}
