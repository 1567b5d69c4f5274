/**
 * Tunables of the agent (swarmkit `agent/agent.go`, `session.go`, `task.go`).
 */
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';

/** Every call to the dispatcher ends after this. */
export const DISPATCHER_RPC_TIMEOUT_NS = 5 * SECOND_NS;
/** The back-off after the first failed session. */
const INITIAL_SESSION_FAILURE_BACKOFF_NS = 100 * MILLISECOND_NS;
/** The longest back-off. */
const MAX_SESSION_FAILURE_BACKOFF_NS = 8 * SECOND_NS;
/** A temporary failure of a task's operation is tried again after this. */
export const TASK_RETRY_NS = SECOND_NS;
/** A good or bad experience with a manager (swarmkit `remotes.go`). */
export const DEFAULT_OBSERVATION_WEIGHT = 10;

/** The back-off after one more failure: 100 ms + twice the last one, at most 8 s. */
export function nextBackoffNs(backoffNs: number): number {
  return Math.min(
    INITIAL_SESSION_FAILURE_BACKOFF_NS + 2 * backoffNs,
    MAX_SESSION_FAILURE_BACKOFF_NS,
  );
}
