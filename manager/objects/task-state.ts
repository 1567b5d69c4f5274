/**
 * The states of a task, with swarmkit's protobuf numbers (`api/types.proto`, `TaskState`).
 *
 * A task's observed state only grows, and so does its desired state; the numbers have gaps so that
 * upstream could add states in between. Comparisons with `<` and `>` are therefore meaningful and
 * are how all of swarmkit reasons about tasks.
 */

/** swarmkit's task states and their protobuf numbers. */
export const TaskState = {
  new: 0,
  pending: 64,
  assigned: 192,
  accepted: 256,
  preparing: 320,
  ready: 384,
  starting: 448,
  running: 512,
  complete: 576,
  shutdown: 640,
  failed: 704,
  rejected: 768,
  remove: 800,
  orphaned: 832,
} as const;

/** One of swarmkit's task states. */
export type TaskState = (typeof TaskState)[keyof typeof TaskState];

const NAMES = new Map<number, string>(Object.entries(TaskState).map(([name, n]) => [n, name]));

/** The state as the Engine API prints it: `running`, `shutdown`, `orphaned`. */
export function formatTaskState(state: TaskState): string {
  return NAMES.get(state) ?? `state ${state}`;
}

/** True for states that a task does not leave: complete and beyond. */
export function isTerminalState(state: TaskState): boolean {
  return state > TaskState.running;
}
