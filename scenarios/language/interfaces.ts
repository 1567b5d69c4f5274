/**
 * Network cards beside `eth0` as scenarios give them to nodes: `interfaces: { eth1: workers }`.
 */
import type { AddressChoices } from '../../cluster/host-addresses.ts';
import { type NodeNames, selectNodes } from './node-names.ts';
import type { Scenario } from './scenario.ts';

/** The cards of a node: `eth0`, and those that it was given. */
export function interfacesOf(
  cluster: Scenario['cluster'],
  nodes: NodeNames,
  node: number,
): readonly string[] {
  const given = Object.entries(cluster.interfaces).filter(([, selector]) =>
    [selector].flat().some((part) => selectNodes(nodes, part)?.includes(node) === true),
  );
  return ['eth0', ...given.map(([name]) => name).sort()];
}

/** The cards of a node, and the addresses that it tells the others. */
export function addressChoicesOf(
  cluster: Scenario['cluster'],
  nodes: NodeNames,
  node: number,
): AddressChoices {
  const facts = cluster.nodes[nodes.names[node]!];
  return {
    furtherCards: interfacesOf(cluster, nodes, node).slice(1),
    advertise: facts?.['advertise-addr'],
    dataPath: facts?.['data-path-addr'],
  };
}
