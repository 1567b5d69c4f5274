/**
 * Nodes: the machines of the cluster (swarmkit `api/objects.proto`: `Node`; `types.proto`:
 * `NodeDescription`, `NodeStatus`; `specs.proto`: `NodeSpec`).
 */
import type { Labels, Meta } from './meta.ts';
import type { NetworkAttachment } from './network.ts';
import type { Platform, Resources } from './task-spec.ts';

/** What a node is for, with swarmkit's numbers. */
export const NodeRole = { worker: 0, manager: 1 } as const;
/** One of {@link NodeRole}. */
export type NodeRole = (typeof NodeRole)[keyof typeof NodeRole];

/** Whether a node takes tasks, with swarmkit's numbers. */
export const NodeAvailability = { active: 0, pause: 1, drain: 2 } as const;
/** One of {@link NodeAvailability}. */
export type NodeAvailability = (typeof NodeAvailability)[keyof typeof NodeAvailability];

/** What the dispatcher knows of a node, with swarmkit's numbers. */
export const NodeState = { unknown: 0, down: 1, ready: 2, disconnected: 3 } as const;
/** One of {@link NodeState}. */
export type NodeState = (typeof NodeState)[keyof typeof NodeState];

const STATE_NAMES: readonly string[] = ['unknown', 'down', 'ready', 'disconnected'];

/** What an operator asks of a node. */
export interface NodeSpec {
  readonly labels: Labels;
  readonly role: NodeRole;
  readonly availability: NodeAvailability;
}

/** What a node says of itself when it registers. */
export interface NodeDescription {
  readonly hostname: string;
  readonly platform: Platform;
  readonly resources: Resources;
  readonly engineVersion: string;
  readonly engineLabels: Labels;
  /** Plugins as `Type/name`, such as `Network/overlay`. */
  readonly plugins: readonly string[];
}

/** The dispatcher's opinion of a node. */
export interface NodeStatus {
  readonly state: NodeState;
  readonly message: string;
  /** The address from which the node registered. */
  readonly address: string;
}

/** A machine of the cluster. */
export interface Node {
  readonly id: string;
  readonly meta: Meta;
  readonly spec: NodeSpec;
  /** The role that is in effect (the certificate's). */
  readonly role: NodeRole;
  /** `undefined` until the node registers for the first time. */
  readonly description: NodeDescription | undefined;
  readonly status: NodeStatus;
  /** One load-balancer attachment per network that is used on the node; ingress first. */
  readonly attachments: readonly NetworkAttachment[];
}

/** The state as the Engine API prints it. */
export function formatNodeState(state: NodeState): string {
  return STATE_NAMES[state]!;
}

/** The node's host name, or its id before it has registered. */
export function hostnameOf(node: Node): string {
  return node.description?.hostname ?? node.id;
}
