/**
 * Starting a new task when its delay is over and the task that it replaces has stopped (swarmkit
 * `manager/orchestrator/restart/restart.go`, `DelayStart`).
 *
 * The new task waits with desired state READY. It becomes RUNNING after the delay and, when there
 * is an old task to wait for, after that one has stopped, its node is down or gone, or 60 s have
 * passed since the delay began.
 */
import { MINUTE_NS } from '../../sim/time.ts';
import { NodeState } from '../objects/node.ts';
import type { Task } from '../objects/task.ts';
import { TaskState } from '../objects/task-state.ts';
import type { StoreEvent } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { Timer, TimerGroup } from '../timer-group.ts';

const TASK_TIMEOUT_NS = MINUTE_NS;

interface DelayedStart {
  readonly newTaskId: string;
  readonly oldTaskId: string;
  readonly oldNodeId: string;
  isDelayOver: boolean;
  isOldStopped: boolean;
  delayTimer: Timer | undefined;
  timeoutTimer: Timer | undefined;
  readonly listeners: (() => void)[];
}

/** All tasks that wait for their start. */
export class DelayedStarts {
  readonly #store: Store;
  readonly #timers: TimerGroup;
  readonly #starts = new Map<string, DelayedStart>();

  constructor(store: Store, timers: TimerGroup) {
    this.#store = store;
    this.#timers = timers;
  }

  /** True while the task waits. */
  isWaiting(taskId: string): boolean {
    return this.#starts.has(taskId);
  }

  /**
   * Starts a task after `delayNs` and, with `old`, after that one has stopped; calls back when the
   * start is committed, or at once when the task waits for nothing.
   */
  delay(newTaskId: string, old: Task | undefined, delayNs: number, done?: () => void): void {
    this.cancel(newTaskId);
    const stored = old === undefined ? undefined : this.#store.view.task(old.id);
    const mustWait = stored !== undefined && stored.status.state <= TaskState.running;
    const start: DelayedStart = {
      newTaskId,
      oldTaskId: mustWait ? stored.id : '',
      oldNodeId: mustWait ? stored.nodeId : '',
      isDelayOver: delayNs <= 0,
      isOldStopped: !mustWait,
      delayTimer: undefined,
      timeoutTimer: undefined,
      listeners: done === undefined ? [] : [done],
    };
    this.#starts.set(newTaskId, start);
    if (delayNs > 0) {
      start.delayTimer = this.#timers.after(delayNs, () => {
        start.isDelayOver = true;
        this.#maybeStart(start);
      });
    }
    if (mustWait) {
      start.timeoutTimer = this.#timers.after(TASK_TIMEOUT_NS, () => {
        start.isOldStopped = true;
        this.#maybeStart(start);
      });
    }
    this.#maybeStart(start);
  }

  /** Calls back when a waiting task has been started. */
  onceStarted(taskId: string, done: () => void): void {
    this.#starts.get(taskId)?.listeners.push(done);
  }

  /** Forgets a start; nobody is called back. */
  cancel(taskId: string): void {
    const start = this.#starts.get(taskId);
    if (start === undefined) return;
    this.#timers.cancel(start.delayTimer);
    this.#timers.cancel(start.timeoutTimer);
    this.#starts.delete(taskId);
  }

  /** Sees old tasks stop and nodes go down. */
  onCommit(events: readonly StoreEvent[]): void {
    if (this.#starts.size === 0) return;
    for (const event of events) {
      for (const start of [...this.#starts.values()]) {
        if (start.isOldStopped || !hasStopped(event, start)) continue;
        start.isOldStopped = true;
        this.#maybeStart(start);
      }
    }
  }

  /** Gives a waiting task the desired state RUNNING, now. */
  startNow(taskId: string, done?: () => void): void {
    this.#store.update((tx) => {
      const task = tx.task(taskId);
      if (task === undefined || task.desiredState >= TaskState.running) return;
      tx.update('task', { ...task, desiredState: TaskState.running });
    }, done);
  }

  #maybeStart(start: DelayedStart): void {
    if (!start.isDelayOver || !start.isOldStopped) return;
    this.cancel(start.newTaskId);
    this.startNow(start.newTaskId, () => {
      for (const listener of start.listeners) listener();
    });
  }
}

function hasStopped(event: StoreEvent, start: DelayedStart): boolean {
  if (event.table === 'task') {
    if (event.object.id !== start.oldTaskId) return false;
    return event.action === 'remove' || event.object.status.state > TaskState.running;
  }
  if (event.table !== 'node' || event.object.id !== start.oldNodeId) return false;
  return event.action === 'remove' || event.object.status.state === NodeState.down;
}
