/**
 * Network cards beside `eth0` as scenarios give them to nodes: `interfaces: { eth1: workers }`.
 */
import { type AddressChoices, firstIpv6Text, HostAddresses } from '../../cluster/host-addresses.ts';
import { formatIp } from '../../wire/ip-address.ts';
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

/** The addresses of a node's cards, as texts. */
export function addressesOf(
  cluster: Scenario['cluster'],
  nodes: NodeNames,
  node: number,
): readonly string[] {
  const furtherCards = interfacesOf(cluster, nodes, node).slice(1);
  const { cards } = new HostAddresses(node, { furtherCards, hasIpv6: cluster.ipv6 !== 'none' });
  return cards.flatMap(({ prefix, prefix6 }) => {
    const all = prefix6 === undefined ? [prefix] : [prefix, prefix6];
    return all.map(({ address }) => formatIp(address));
  });
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
    hasIpv6: cluster.ipv6 !== 'none',
    nat: facts?.nat,
    advertise: facts?.['advertise-addr'] ?? advertisedOf(cluster, node),
    dataPath: facts?.['data-path-addr'],
  };
}

/** What a node advertises that was told nothing. */
function advertisedOf(cluster: Scenario['cluster'], node: number): string {
  return cluster.ipv6 === 'advertised' ? firstIpv6Text(node) : 'eth0';
}
