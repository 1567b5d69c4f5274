/**
 * Tunables of the dispatcher (swarmkit `manager/dispatcher/dispatcher.go`, `nodes.go`).
 */
import { HOUR_NS, MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';

/** Heartbeat periods are drawn from the configured one plus or minus this. */
export const HEARTBEAT_EPSILON_NS = 500 * MILLISECOND_NS;
/** A node is down after so many periods without a heartbeat. */
export const GRACE_PERIOD_MULTIPLIER = 3;
/** The same for a node that has not registered since the leader started. */
export const GRACE_PERIOD_MULTIPLIER_UNKNOWN = 6;
/** So many registrations of one node are allowed ... */
export const RATE_LIMIT_COUNT = 3;
/** ... unless this span passed since the last one. */
export const RATE_LIMIT_PERIOD_NS = 8 * SECOND_NS;
/** Node and task states are written in batches at this interval ... */
export const MAX_BATCH_INTERVAL_NS = 100 * MILLISECOND_NS;
/** ... or when so many wait. */
export const MAX_BATCH_ITEMS = 10000;
/** Assignments are sent this long after the last change ... */
export const BATCHING_WAIT_TIME_NS = 100 * MILLISECOND_NS;
/** ... or when there are so many. */
export const MODIFICATION_BATCH_LIMIT = 100;
/** Tasks of a node that is down for so long are orphaned. */
export const NODE_DOWN_PERIOD_NS = 24 * HOUR_NS;
