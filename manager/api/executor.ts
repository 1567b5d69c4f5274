/**
 * What an agent needs of its host: swarmkit's `Executor` and `Controller` (`agent/exec`).
 *
 * The agent machine decides *when* a task is prepared, started, stopped and removed; the host's
 * controller does it and answers through a callback, at the same instant or later. An operation
 * that the agent has cancelled may still call back; the agent ignores that.
 */
import type { EncryptionKey } from '../objects/cluster.ts';
import type { Node, NodeDescription } from '../objects/node.ts';
import type { ContainerStatus, Task } from '../objects/task.ts';
import type { WeightedPeer } from './dispatcher-messages.ts';

/** Why an operation failed. */
export interface ControllerError {
  /** The text of the task's Err field, such as `task: non-zero exit (1)`. */
  readonly message: string;
  /** A temporary error does not end the task; the operation is tried again after 1 s. */
  readonly isTemporary: boolean;
}

/** Hears the end of an operation; `undefined` is success. */
export type ControllerDone = (error: ControllerError | undefined) => void;

/** Does what one task needs on its host (swarmkit `exec.Controller`). */
export interface TaskController {
  /** The task's definition changed (desired state, networks); before the next operation. */
  update(task: Task): void;
  /** Networks, image, container created. Calling it again when prepared must succeed. */
  prepare(done: ControllerDone): void;
  /** Starts the container; with a health check, done when healthy. Idempotent. */
  start(done: ControllerDone): void;
  /** Done when the container ends: success for exit code 0, else an error. */
  wait(done: ControllerDone): void;
  /**
   * Stops gracefully: binding off, 2 s for gossip, stop signal, grace period, kill. When called
   * again while stopping, the later callback hears the end.
   */
  shutdown(done: ControllerDone): void;
  /** The operation under way was cancelled: its goal no longer matters; done is not awaited. */
  cancel(): void;
  /** Removes the container by force, with everything that belongs to it. */
  remove(done: ControllerDone): void;
  /** What is known of the container; `undefined` before it exists. */
  containerStatus(): ContainerStatus | undefined;
}

/** The host as its agent sees it (swarmkit `exec.Executor`). */
export interface Executor {
  describe(): NodeDescription;
  /** The node object changed: its load-balancer attachments (ingress first), role, labels. */
  configure(node: Node): void;
  /** The manager list of the newest session message. */
  setManagers(managers: readonly WeightedPeer[]): void;
  setNetworkBootstrapKeys(keys: readonly EncryptionKey[]): void;
  controllerOf(task: Task): TaskController;
}
