/**
 * The names of a cluster's nodes and how scenarios select them: by name, by rack, by role
 * (`workers`, `managers`), `all`, by pattern (`worker-*`), or by a list of these.
 */

import { z } from 'zod';

/** How a scenario names nodes: one, a list, `workers`, `managers`, `all`, a rack, `worker-*`. */
export const nodes = z
  .union([z.string(), z.array(z.string()).min(1)])
  .meta({ description: 'a node, a rack, workers, managers, all, a pattern worker-*, or a list' });

/** The nodes that a scenario declares, in the order of their indexes: managers first. */
export interface NodeNames {
  readonly names: readonly string[];
  readonly managerCount: number;
  readonly racks: Readonly<Record<string, readonly string[]>>;
}

/** `manager-1`, …, `worker-1`, …. */
export function nodeNamesOf(cluster: {
  readonly managers: number;
  readonly workers: number;
  readonly racks: Readonly<Record<string, readonly string[]>>;
}): NodeNames {
  const numbered = (role: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${role}-${i + 1}`);
  return {
    names: [...numbered('manager', cluster.managers), ...numbered('worker', cluster.workers)],
    managerCount: cluster.managers,
    racks: cluster.racks,
  };
}

/** The indexes that one selector names, in ascending order; `undefined` when it names none. */
export function selectNodes(nodes: NodeNames, selector: string): number[] | undefined {
  const all = nodes.names.map((_, i) => i);
  if (selector === 'all') return all;
  if (selector === 'managers') return all.filter((i) => i < nodes.managerCount);
  if (selector === 'workers') return all.filter((i) => i >= nodes.managerCount);
  const rack = Object.hasOwn(nodes.racks, selector) ? nodes.racks[selector] : undefined;
  if (rack !== undefined) {
    const members = rack.flatMap((member) => selectNodes({ ...nodes, racks: {} }, member) ?? []);
    return [...new Set(members)].sort((a, b) => a - b);
  }
  if (selector.includes('*')) {
    const escaped = selector.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
    const pattern = new RegExp(`^${escaped}$`);
    const matching = all.filter((i) => pattern.test(nodes.names[i]!));
    return matching.length === 0 ? undefined : matching;
  }
  const index = nodes.names.indexOf(selector);
  return index < 0 ? undefined : [index];
}

/** Everything that a selector may be, for hints. */
export function selectorsOf(nodes: NodeNames): string[] {
  return [...nodes.names, ...Object.keys(nodes.racks), 'workers', 'managers', 'all'];
}
