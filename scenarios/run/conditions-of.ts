/**
 * From a scenario's `underlay` to the underlay's base conditions: the cluster's, then those of a
 * host on everything that it sends and receives, then those of a pair.
 */
import { DEFAULT_CONDITIONS, type LinkConditions } from '../../cluster/underlay/conditions.ts';
import type { Underlay } from '../../cluster/underlay/underlay.ts';
import { type NodeNames, selectNodes } from '../language/node-names.ts';
import type { Scenario } from '../language/scenario.ts';

type Wanted = Scenario['cluster']['underlay'];
type Link = Pick<
  Wanted,
  'latency' | 'loss' | 'duplicate' | 'reorder' | 'bandwidth' | 'mtu' | 'too-long'
>;

/** The conditions that hold where nothing else is said. */
export function baseConditions(wanted: Wanted): LinkConditions {
  return overlay(DEFAULT_CONDITIONS, wanted);
}

/** Sets what is special about hosts and pairs. */
export function applyConditions(underlay: Underlay, wanted: Wanted, nodes: NodeNames): void {
  const all = nodes.names.map((_, i) => i);
  const conditions = new Map<string, LinkConditions>();
  const change = (from: number, to: number, link: Link) => {
    const key = `${from} ${to}`;
    const changed = overlay(conditions.get(key) ?? baseConditions(wanted), link);
    conditions.set(key, changed);
    underlay.paths.setBase(from, to, changed);
  };
  for (const selector of [wanted['mac-filter'] ?? []].flat()) {
    for (const host of selectNodes(nodes, selector) ?? []) underlay.filterMacs(host);
  }
  for (const selector of [wanted['bad-tunnel-offload'] ?? []].flat()) {
    for (const host of selectNodes(nodes, selector) ?? []) underlay.spoilTunnels(host);
  }
  for (const [selector, link] of Object.entries(wanted.hosts ?? {})) {
    for (const host of selectNodes(nodes, selector) ?? []) {
      for (const other of all) {
        if (other === host) continue;
        change(host, other, link);
        change(other, host, link);
      }
    }
  }
  for (const pair of wanted.pairs ?? []) {
    for (const left of selectNodes(nodes, pair.between[0]) ?? []) {
      for (const right of selectNodes(nodes, pair.between[1]) ?? []) {
        if (left === right) continue;
        change(left, right, pair);
        change(right, left, pair);
      }
    }
  }
}

function overlay(base: LinkConditions, link: Link): LinkConditions {
  return {
    latency: link.latency ?? base.latency,
    lossRatio: link.loss ?? base.lossRatio,
    duplicateRatio: link.duplicate ?? base.duplicateRatio,
    reorderRatio: link.reorder ?? base.reorderRatio,
    bandwidthBitsPerSecond: link.bandwidth ?? base.bandwidthBitsPerSecond,
    mtuBytes: link.mtu ?? base.mtuBytes,
    tooLong: link['too-long'] ?? base.tooLong,
  };
}
