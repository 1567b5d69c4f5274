/**
 * The scheduler: gives PENDING tasks a node (swarmkit `manager/scheduler/scheduler.go`).
 *
 * Commits are debounced: a tick runs 50 ms after the last one, at most 1 s after the first. Tasks
 * that have a node already (global services) are only checked; the others are placed in groups of
 * one service version on the least loaded nodes. Nodes that are equal by every rule come in the
 * order of a keyed draw, where upstream has Go's random map order.
 */
import { type DrawKey, draw32 } from '../../sim/chance.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import type { NodeDirectory } from '../node-directory.ts';
import { type Task, taskStatusOf } from '../objects/task.ts';
import { TaskState } from '../objects/task-state.ts';
import type { StoreEvent } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { Timer, TimerGroup } from '../timer-group.ts';
import { FilterPipeline } from './filters.ts';
import { MAX_FAILURES, NodeInfo } from './node-info.ts';
import { buildPlacementTree, type PlacementTree } from './placement-tree.ts';

const COMMIT_DEBOUNCE_NS = 50 * MILLISECOND_NS;
const MAX_LATENCY_NS = SECOND_NS;

/** What became of a task in one tick: its value before and after. */
interface Decision {
  readonly old: Task;
  readonly next: Task;
}

/** The tasks of one service version, on their way to nodes. */
interface TaskGroup {
  readonly waiting: Map<string, Task>;
  readonly pipeline: FilterPipeline;
  readonly less: (a: NodeInfo, b: NodeInfo) => number;
}

/** Places tasks; lives as long as one leadership. */
export class Scheduler {
  readonly #world: World;
  readonly #store: Store;
  readonly #timers: TimerGroup;
  readonly #directory: NodeDirectory;
  readonly #tieKey: DrawKey;
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #tasks = new Map<string, Task>();
  readonly #unassigned = new Map<string, Task>();
  readonly #preassigned = new Set<string>();
  readonly #pendingPreassigned = new Map<string, Task>();
  #isTickRequired = false;
  #debounceTimer: Timer | undefined;
  #debounceStartedAtNs = 0;
  #groupCounter = 0;

  constructor(world: World, store: Store, timers: TimerGroup, directory: NodeDirectory) {
    this.#world = world;
    this.#store = store;
    this.#timers = timers;
    this.#directory = directory;
    this.#tieKey = world.chance.key('manager.scheduler.tie');
  }

  /** Reads the state of the cluster and schedules what waits. */
  onStart(): void {
    const { view } = this.#store;
    for (const node of view.nodes()) this.#nodes.set(node.id, new NodeInfo(node));
    for (const task of view.tasks()) this.#createTask(task);
    this.#schedule();
  }

  /** Reacts to a commit. */
  onCommit(events: readonly StoreEvent[]): void {
    for (const event of events) this.#handle(event);
    if (this.#debounceTimer !== undefined) {
      this.#timers.cancel(this.#debounceTimer);
      this.#debounceTimer = undefined;
      if (this.#world.nowNs - this.#debounceStartedAtNs > MAX_LATENCY_NS) this.#schedule();
      else this.#armDebounce();
    } else if (this.#isTickRequired || this.#pendingPreassigned.size > 0) {
      this.#debounceStartedAtNs = this.#world.nowNs;
      this.#armDebounce();
    }
  }

  #armDebounce(): void {
    this.#debounceTimer = this.#timers.after(COMMIT_DEBOUNCE_NS, () => this.#onDebounceTimer());
  }

  #onDebounceTimer(): void {
    this.#debounceTimer = undefined;
    this.#schedule();
  }

  #handle(event: StoreEvent): void {
    if (event.table === 'node') {
      if (event.action === 'remove') {
        this.#nodes.delete(event.object.id);
        return;
      }
      const info = this.#nodes.get(event.object.id);
      if (info === undefined) this.#nodes.set(event.object.id, new NodeInfo(event.object));
      else info.replaceNode(event.object);
      this.#isTickRequired = true;
    } else if (event.table === 'task') {
      if (event.action === 'create') this.#createTask(event.object);
      else if (event.action === 'update') this.#updateTask(event.object);
      else {
        this.#deleteTask(event.object);
        this.#isTickRequired = true;
      }
    }
  }

  #createTask(task: Task): void {
    const { state } = task.status;
    if (state < TaskState.pending || state > TaskState.running) return;
    this.#place(task);
  }

  #updateTask(task: Task): void {
    if (task.status.state < TaskState.pending) return;
    const old = this.#tasks.get(task.id);
    if (task.status.state > TaskState.running) {
      if (old === undefined) return;
      const hasFailed =
        task.status.state === TaskState.failed || task.status.state === TaskState.rejected;
      if (hasFailed && !this.#preassigned.has(task.id)) {
        this.#nodes.get(task.nodeId)?.taskFailed(task, this.#world.nowNs);
      }
      this.#deleteTask(old);
      this.#isTickRequired = true;
      return;
    }
    this.#place(task);
  }

  #place(task: Task): void {
    this.#tasks.set(task.id, task);
    if (task.nodeId === '') {
      this.#unassigned.set(task.id, task);
      this.#isTickRequired = true;
    } else if (task.status.state === TaskState.pending) {
      this.#preassigned.add(task.id);
      this.#pendingPreassigned.set(task.id, task);
    } else {
      this.#unassigned.delete(task.id);
      this.#pendingPreassigned.delete(task.id);
      this.#nodes.get(task.nodeId)?.addTask(task);
    }
  }

  #deleteTask(task: Task): void {
    this.#tasks.delete(task.id);
    this.#unassigned.delete(task.id);
    this.#preassigned.delete(task.id);
    this.#pendingPreassigned.delete(task.id);
    this.#nodes.get(task.nodeId)?.removeTask(task);
  }

  #schedule(): void {
    const decisions = new Map<string, Decision>();
    for (const task of this.#pendingPreassigned.values()) this.#checkPreassigned(task, decisions);
    if (this.#isTickRequired) {
      this.#isTickRequired = false;
      this.#tick(decisions);
    }
    this.#apply(decisions);
  }

  #checkPreassigned(task: Task, decisions: Map<string, Decision>): void {
    const info = this.#nodes.get(task.nodeId);
    if (info === undefined) return;
    const pipeline = new FilterPipeline(task);
    if (!pipeline.passes(info)) {
      const status = { ...task.status, timestampNs: this.#world.nowNs, err: pipeline.explain() };
      decisions.set(task.id, { old: task, next: { ...task, status } });
      return;
    }
    const message = 'scheduler confirmed task can run on preassigned node';
    const status = taskStatusOf(TaskState.assigned, message, this.#world.nowNs);
    const next = { ...task, status };
    info.addTask(next);
    decisions.set(task.id, { old: task, next });
    this.#pendingPreassigned.delete(task.id);
  }

  #tick(decisions: Map<string, Decision>): void {
    const groups = new Map<string, Map<string, Task>>();
    for (const task of this.#unassigned.values()) {
      const key = `${task.serviceId}/${task.specVersion}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, new Map([[task.id, task]]));
      else group.set(task.id, task);
    }
    this.#unassigned.clear();
    for (const waiting of groups.values()) this.#scheduleGroup(waiting, decisions);
  }

  #scheduleGroup(waiting: Map<string, Task>, decisions: Map<string, Decision>): void {
    const sample = waiting.values().next().value!;
    const group: TaskGroup = {
      waiting,
      pipeline: new FilterPipeline(sample),
      less: (a, b) => this.#compare(a, b, sample),
    };
    this.#groupCounter++;
    const preferences = sample.spec.placement?.preferences ?? [];
    const tree = buildPlacementTree(this.#nodes.values(), sample.serviceId, preferences, (info) =>
      group.pipeline.passes(info),
    );
    this.#scheduleOnTree(waiting.size, group, tree, decisions);
    for (const task of [...waiting.values()]) this.#noSuitableNode(task, group, decisions);
  }

  /** Negative when `a` is strictly better for the task than `b`, 0 when they are equal. */
  #compare(a: NodeInfo, b: NodeInfo, task: Task): number {
    const failuresA = a.recentFailureCountOf(task, this.#world.nowNs);
    const failuresB = b.recentFailureCountOf(task, this.#world.nowNs);
    if ((failuresA >= MAX_FAILURES || failuresB >= MAX_FAILURES) && failuresA !== failuresB) {
      return failuresA - failuresB;
    }
    const ofService = a.activeTaskCountOf(task.serviceId) - b.activeTaskCountOf(task.serviceId);
    return ofService !== 0 ? ofService : a.activeTaskCount - b.activeTaskCount;
  }

  #scheduleOnTree(
    count: number,
    group: TaskGroup,
    tree: PlacementTree,
    decisions: Map<string, Decision>,
  ): number {
    if (tree.branches === undefined) {
      return this.#scheduleOnNodes(count, group, tree.nodes, decisions);
    }
    let scheduled = 0;
    let usableTaskCount = tree.taskCount;
    const full = new Set<PlacementTree>();
    while (scheduled < count && full.size < tree.branches.size) {
      const branchCount = tree.branches.size - full.size;
      const total = usableTaskCount + count - scheduled;
      const desired = Math.floor(total / branchCount);
      let remainder = total % branchCount;
      for (const branch of tree.branches.values()) {
        if (full.has(branch)) continue;
        const before = branch.taskCount;
        if (before > desired || (before === desired && remainder === 0)) continue;
        const wanted = desired - before + (remainder > 0 ? 1 : 0);
        const done = this.#scheduleOnTree(wanted, group, branch, decisions);
        if (done < wanted) {
          full.add(branch);
          usableTaskCount -= before;
        } else if (remainder > 0) {
          remainder--;
        }
        scheduled += done;
      }
    }
    return scheduled;
  }

  #scheduleOnNodes(
    count: number,
    group: TaskGroup,
    candidates: readonly NodeInfo[],
    decisions: Map<string, Decision>,
  ): number {
    const nodes = this.#ordered(candidates, group);
    if (nodes.length === 0) return 0;
    const failed = new Set<number>();
    let scheduled = 0;
    let at = 0;
    for (const task of [...group.waiting.values()]) {
      const info = nodes[at % nodes.length]!;
      const message = 'scheduler assigned task to node';
      const status = taskStatusOf(TaskState.assigned, message, this.#world.nowNs);
      const next: Task = { ...task, nodeId: info.node.id, status };
      this.#tasks.set(task.id, next);
      info.addTask(next);
      decisions.set(task.id, { old: task, next });
      group.waiting.delete(task.id);
      scheduled++;
      if (scheduled === count) return scheduled;
      if (at + 1 >= nodes.length || group.less(nodes[at + 1]!, info) < 0) at++;
      const from = at;
      while (failed.has(at % nodes.length) || !group.pipeline.passes(nodes[at % nodes.length]!)) {
        failed.add(at % nodes.length);
        at++;
        if (at - from === nodes.length) return scheduled;
      }
    }
    return scheduled;
  }

  #ordered(candidates: readonly NodeInfo[], group: TaskGroup): NodeInfo[] {
    const group32 = this.#groupCounter;
    const ranked = candidates.map((info) => ({
      info,
      tie: draw32(this.#tieKey, group32, this.#directory.indexOf(info.node.id)),
    }));
    ranked.sort((a, b) => group.less(a.info, b.info) || a.tie - b.tie);
    return ranked.map(({ info }) => info);
  }

  #noSuitableNode(task: Task, group: TaskGroup, decisions: Map<string, Decision>): void {
    const service = this.#store.view.service(task.serviceId);
    if (service === undefined) return;
    let status = { ...task.status, timestampNs: this.#world.nowNs };
    if (service.specVersion > task.specVersion) {
      const isUnwanted = task.desiredState >= TaskState.shutdown;
      if (isUnwanted) status = { ...status, state: TaskState.shutdown, err: '' };
    } else {
      const explanation = group.pipeline.explain();
      const err = explanation === '' ? 'no suitable node' : `no suitable node (${explanation})`;
      status = { ...status, err };
    }
    const next = { ...task, status };
    if (status.state === TaskState.pending && service.specVersion <= task.specVersion) {
      this.#unassigned.set(task.id, next);
    }
    this.#tasks.set(task.id, next);
    decisions.set(task.id, { old: task, next });
  }

  #apply(decisions: Map<string, Decision>): void {
    if (decisions.size === 0) return;
    this.#store.update((tx) => {
      for (const { old, next } of decisions.values()) {
        const stored = tx.task(old.id);
        if (stored === undefined) {
          this.#deleteTask(next);
          continue;
        }
        const { state, message, err } = next.status;
        const before = stored.status;
        if (before.state === state && before.message === message && before.err === err) continue;
        if (before.state >= TaskState.assigned) continue;
        const { desiredState } = stored;
        tx.update('task', { ...stored, nodeId: next.nodeId, status: next.status, desiredState });
      }
    });
  }
}
