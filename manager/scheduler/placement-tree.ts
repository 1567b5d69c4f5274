/**
 * Spread preferences as a tree of label values (swarmkit `manager/scheduler/decision_tree.go`,
 * `nodeset.go`).
 *
 * Each level divides the nodes by the value of one label (absent is the empty value); branches
 * appear in the order in which their first node is met, the leaves hold the nodes.
 */
import type { Node } from '../objects/node.ts';
import type { NodeInfo } from './node-info.ts';

/** A branch or a leaf of the tree. */
export interface PlacementTree {
  /** How many active tasks of the service its nodes run already. */
  taskCount: number;
  /** The nodes of a leaf that can run the task; those of a branch are in `branches`. */
  readonly nodes: NodeInfo[];
  /** The branches by label value; `undefined` in a leaf. */
  readonly branches: Map<string, PlacementTree> | undefined;
}

/** The tree of the given nodes for one service and its spread descriptors. */
export function buildPlacementTree(
  nodes: Iterable<NodeInfo>,
  serviceId: string,
  preferences: readonly string[],
  passes: (info: NodeInfo) => boolean,
): PlacementTree {
  const root = newTree(preferences.length === 0);
  for (const info of nodes) {
    const taskCount = info.activeTaskCountOf(serviceId);
    let tree = root;
    tree.taskCount += taskCount;
    for (let level = 0; level < preferences.length; level++) {
      const value = labelOf(preferences[level]!, info.node);
      let branch = tree.branches!.get(value);
      if (branch === undefined) {
        branch = newTree(level === preferences.length - 1);
        tree.branches!.set(value, branch);
      }
      tree = branch;
      tree.taskCount += taskCount;
    }
    if (passes(info)) tree.nodes.push(info);
  }
  return root;
}

function newTree(isLeaf: boolean): PlacementTree {
  return { taskCount: 0, nodes: [], branches: isLeaf ? undefined : new Map() };
}

function labelOf(descriptor: string, node: Node): string {
  const nodeLabel = 'node.labels.';
  const engineLabel = 'engine.labels.';
  if (descriptor.startsWith(nodeLabel)) {
    return node.spec.labels[descriptor.slice(nodeLabel.length)] ?? '';
  }
  if (descriptor.startsWith(engineLabel)) {
    return node.description?.engineLabels[descriptor.slice(engineLabel.length)] ?? '';
  }
  return '';
}
