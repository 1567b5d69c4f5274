/**
 * The node object of a machine that joins (swarmkit `ca/server.go`, `IssueNodeCertificate`).
 */
import { type Labels, NO_META } from '../objects/meta.ts';
import { type Node, type NodeAvailability, type NodeRole, NodeState } from '../objects/node.ts';

/** A node as the certificate authority creates it: unknown until it registers. */
export function newNode(
  id: string,
  role: NodeRole,
  availability: NodeAvailability,
  labels: Labels,
): Node {
  return {
    id,
    meta: NO_META,
    spec: { labels, role, availability },
    role,
    description: undefined,
    status: { state: NodeState.unknown, message: '', address: '' },
    attachments: [],
  };
}
