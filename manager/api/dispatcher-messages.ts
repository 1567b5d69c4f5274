/**
 * What agents and managers say to each other: swarmkit's `Dispatcher` service
 * (`api/dispatcher.proto`) as plain messages over one ordered, reliable connection per pair.
 *
 * A gRPC call is a request and a response with the same `callId`; a stream is a request that is
 * answered by many messages until an `rpcError` with its `callId` ends it. Call ids are chosen by
 * the agent and never used twice by it. Whoever carries the messages must keep their order and must
 * deliver each at most once; it need not deliver them at all (both sides have timeouts), and tells
 * the agent about a refused or reset connection.
 */
import type { EncryptionKey } from '../objects/cluster.ts';
import type { Node, NodeDescription } from '../objects/node.ts';
import type { Task, TaskStatus } from '../objects/task.ts';

/** gRPC status codes that the dispatcher and the control API answer with. */
export type RpcCode =
  | 'Unknown'
  | 'InvalidArgument'
  | 'DeadlineExceeded'
  | 'NotFound'
  | 'AlreadyExists'
  | 'PermissionDenied'
  | 'FailedPrecondition'
  | 'Aborted'
  | 'Unimplemented'
  | 'Unavailable';

/** Opens the session stream; `sessionId` is empty or the id of the session to take up again. */
export interface SessionRequest {
  readonly kind: 'sessionRequest';
  readonly callId: number;
  readonly nodeId: string;
  readonly sessionId: string;
  readonly description: NodeDescription;
  /** The address from which the agent connects. */
  readonly address: string;
}

/** The agent is alive; sent at once after registration and then every answered period. */
export interface HeartbeatRequest {
  readonly kind: 'heartbeatRequest';
  readonly callId: number;
  readonly nodeId: string;
  readonly sessionId: string;
}

/** Opens the assignments stream. */
export interface AssignmentsRequest {
  readonly kind: 'assignmentsRequest';
  readonly callId: number;
  readonly nodeId: string;
  readonly sessionId: string;
}

/** One task's observed state, as its agent saw it. */
export interface TaskStatusUpdate {
  readonly taskId: string;
  readonly status: TaskStatus;
}

/** Reports task states. */
export interface UpdateTaskStatusRequest {
  readonly kind: 'updateTaskStatusRequest';
  readonly callId: number;
  readonly nodeId: string;
  readonly sessionId: string;
  readonly updates: readonly TaskStatusUpdate[];
}

/** The agent gives a session up; its streams end. A broken connection means the same. */
export interface SessionClose {
  readonly kind: 'sessionClose';
  readonly nodeId: string;
  readonly sessionId: string;
}

/** A manager that agents may call, with its weight. */
export interface WeightedPeer {
  readonly nodeId: string;
  readonly nodeIndex: number;
  readonly address: string;
  readonly weight: number;
}

/** An element of the session stream: the first one carries the new session's id. */
export interface SessionMessage {
  readonly kind: 'sessionMessage';
  readonly callId: number;
  readonly sessionId: string;
  /** The node's object with its load-balancer attachments. */
  readonly node: Node;
  readonly managers: readonly WeightedPeer[];
  readonly networkBootstrapKeys: readonly EncryptionKey[];
}

/** Answers a heartbeat: the next one is due after this span. */
export interface HeartbeatResponse {
  readonly kind: 'heartbeatResponse';
  readonly callId: number;
  readonly periodNs: number;
}

/** A change of a node's assignments. */
export type AssignmentChange =
  | { readonly action: 'update'; readonly task: Task }
  | { readonly action: 'remove'; readonly taskId: string };

/** An element of the assignments stream: first all (complete), then changes (incremental). */
export interface AssignmentsMessage {
  readonly kind: 'assignmentsMessage';
  readonly callId: number;
  readonly type: 'complete' | 'incremental';
  /** Counters as text: "1", "2", ...; an agent that sees a gap opens the stream anew. */
  readonly appliesTo: string;
  readonly resultsIn: string;
  readonly changes: readonly AssignmentChange[];
}

/** Answers a status report. */
export interface UpdateTaskStatusResponse {
  readonly kind: 'updateTaskStatusResponse';
  readonly callId: number;
}

/** Ends a call or a stream with an error. */
export interface RpcError {
  readonly kind: 'rpcError';
  readonly callId: number;
  readonly code: RpcCode;
  readonly message: string;
}

/** What an agent sends to a manager. */
export type AgentMessage =
  | SessionRequest
  | HeartbeatRequest
  | AssignmentsRequest
  | UpdateTaskStatusRequest
  | SessionClose;

/** What a manager sends to an agent. */
export type DispatcherMessage =
  | SessionMessage
  | HeartbeatResponse
  | AssignmentsMessage
  | UpdateTaskStatusResponse
  | RpcError;

/** Every message between agents and managers. */
export type ManagerMessage = AgentMessage | DispatcherMessage;
