/**
 * Deletes tasks that nobody needs to see any more: more than the history keeps per place, and
 * those that were to be removed and have stopped (swarmkit `manager/orchestrator/taskreaper`).
 */
import { MILLISECOND_NS } from '../../sim/time.ts';
import { isGlobalService } from '../objects/service.ts';
import { restartPolicyOf } from '../objects/service-defaults.ts';
import type { Task } from '../objects/task.ts';
import { isTerminalState, TaskState } from '../objects/task-state.ts';
import type { StoreEvent } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { StoreReader } from '../store/tables.ts';
import type { Timer, TimerGroup } from '../timer-group.ts';
import { statusTimeOf } from './task-factory.ts';

const BATCHING_INTERVAL_NS = 250 * MILLISECOND_NS;
const MAX_DIRTY = 1000;
const DEFAULT_HISTORY = 5;

interface DirtyPlace {
  readonly serviceId: string;
  readonly slot: number;
  readonly nodeId: string;
}

/** Deletes old tasks; lives as long as one leadership. */
export class TaskReaper {
  readonly #store: Store;
  readonly #timers: TimerGroup;
  readonly #dirty = new Map<string, DirtyPlace>();
  readonly #cleanup = new Set<string>();
  #timer: Timer | undefined;

  constructor(store: Store, timers: TimerGroup) {
    this.#store = store;
    this.#timers = timers;
  }

  /** Finds what was left behind. */
  onStart(): void {
    for (const task of this.#store.view.tasks()) this.#maybeCleanUp(task);
    if (this.#cleanup.size > 0) this.#tick();
  }

  /** Reacts to a commit. */
  onCommit(events: readonly StoreEvent[]): void {
    const before = this.#dirty.size + this.#cleanup.size;
    let isTouched = false;
    for (const event of events) {
      if (event.table !== 'task' || event.action === 'remove') continue;
      if (event.action === 'create') {
        this.#markDirty(event.object);
        isTouched = true;
      } else {
        this.#maybeCleanUp(event.object);
      }
    }
    const size = this.#dirty.size + this.#cleanup.size;
    if (size === before && !isTouched) return;
    this.#timers.cancel(this.#timer);
    if (size > MAX_DIRTY) this.#tick();
    else this.#timer = this.#timers.after(BATCHING_INTERVAL_NS, () => this.#tick());
  }

  #markDirty(task: Task): void {
    const service = this.#store.view.service(task.serviceId);
    const nodeId = service !== undefined && isGlobalService(service) ? task.nodeId : '';
    const place = { serviceId: task.serviceId, slot: task.slot, nodeId };
    this.#dirty.set(`${place.serviceId}/${place.slot}/${place.nodeId}`, place);
  }

  #maybeCleanUp(task: Task): void {
    if (task.desiredState !== TaskState.remove) return;
    const { state } = task.status;
    if (state < TaskState.assigned || state >= TaskState.complete) this.#cleanup.add(task.id);
  }

  #tick(): void {
    this.#timer = undefined;
    this.#store.update((tx) => {
      const ids = new Set(this.#cleanup);
      this.#cleanup.clear();
      for (const [key, place] of this.#dirty) {
        if (this.#reapPlace(tx, place, ids)) this.#dirty.delete(key);
      }
      for (const id of ids) {
        const task = tx.task(id);
        if (task !== undefined) tx.remove('task', task);
      }
    });
  }

  /** Adds what is beyond the history to `ids`; true when the place is clean afterwards. */
  #reapPlace(reader: StoreReader, place: DirtyPlace, ids: Set<string>): boolean {
    const service = reader.service(place.serviceId);
    if (service === undefined) return true;
    const { maxAttempts } = restartPolicyOf(service.spec.task.restart);
    const limit = reader.cluster()?.spec.taskHistoryRetentionLimit ?? DEFAULT_HISTORY;
    let history = maxAttempts > 0 ? maxAttempts + 1 : limit;
    if (history < 0) return true;
    const tasks = reader
      .tasksOfService(place.serviceId)
      .filter((task) => task.slot === place.slot)
      .filter((task) => place.nodeId === '' || task.nodeId === place.nodeId);
    if (tasks.length <= history) return true;
    tasks.sort((a, b) => statusTimeOf(a) - statusTimeOf(b));
    let runningCount = 0;
    for (const task of tasks) {
      if (!isTerminalState(task.status.state) && !willNeverRun(task)) {
        runningCount++;
        continue;
      }
      ids.add(task.id);
      history++;
      if (tasks.length <= history) break;
    }
    return runningCount <= 1;
  }
}

function willNeverRun(task: Task): boolean {
  return task.status.state < TaskState.assigned && task.desiredState > TaskState.running;
}
