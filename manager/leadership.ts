/**
 * Everything that runs on the leader only, from becoming leader to losing it (swarmkit
 * `manager/manager.go`, `becomeLeader`, `becomeFollower`).
 *
 * Nothing here survives: a new leader builds it again from the store. Commits reach the components
 * in one fixed order.
 */
import { drawBelow } from '../sim/chance.ts';
import type { World } from '../sim/world.ts';
import { Allocator } from './allocator/allocator.ts';
import { NetworkAllocator, POOL_LOTS } from './allocator/network-allocator.ts';
import type { AgentMessage, DispatcherMessage } from './api/dispatcher-messages.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import { KeyManager } from './keymanager/key-manager.ts';
import type { NodeDirectory } from './node-directory.ts';
import { DEFAULT_CLUSTER_SPEC } from './objects/cluster.ts';
import type { IdSource } from './objects/ids.ts';
import { ConstraintEnforcer } from './orchestrator/constraint-enforcer.ts';
import { GlobalOrchestrator } from './orchestrator/global.ts';
import { ReplicatedOrchestrator } from './orchestrator/replicated.ts';
import { RestartSupervisor } from './orchestrator/restart-supervisor.ts';
import { TaskReaper } from './orchestrator/task-reaper.ts';
import { UpdateSupervisor } from './orchestrator/updater.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import type { StoreEvent } from './store/change.ts';
import type { Store } from './store/store.ts';
import type { TimerGroup } from './timer-group.ts';

/** What a leader needs. */
export interface LeadershipParts {
  readonly world: World;
  readonly store: Store;
  readonly timers: TimerGroup;
  readonly directory: NodeDirectory;
  readonly ids: IdSource;
  readonly managerId: string;
  readonly send: (toNodeIndex: number, message: DispatcherMessage) => void;
}

interface Component {
  onStart?(): void;
  onCommit?(events: readonly StoreEvent[]): void;
}

/** The components of one leader. */
export class Leadership {
  readonly #parts: LeadershipParts;
  readonly #dispatcher: Dispatcher;
  readonly #components: readonly Component[];
  #unwatch: (() => void) | undefined;

  constructor(parts: LeadershipParts) {
    this.#parts = parts;
    const { directory, ids, store, timers, world } = parts;
    const spec = store.view.cluster()?.spec ?? DEFAULT_CLUSTER_SPEC;
    const networks = new NetworkAllocator(
      spec.defaultAddressPool,
      spec.subnetLengthBits,
      lots(world),
    );
    const restarts = new RestartSupervisor(world, store, timers, ids);
    const globalRestarts = new RestartSupervisor(world, store, timers, ids);
    const updates = new UpdateSupervisor({ world, store, timers, ids, restarts });
    const globalUpdates = new UpdateSupervisor({
      world,
      store,
      timers,
      ids,
      restarts: globalRestarts,
    });
    this.#dispatcher = new Dispatcher(parts);
    this.#components = [
      new KeyManager(world, store, timers),
      this.#dispatcher,
      new Allocator(world, store, networks),
      new Scheduler(world, store, timers, directory),
      new ConstraintEnforcer(world, store),
      new TaskReaper(store, timers),
      // A failed task is replaced before its update hears of it: what a rollback then finds in the
      // slot is a task of the failed spec, as upstream's updater does.
      restarts,
      new ReplicatedOrchestrator(world, store, ids, restarts, updates),
      updates,
      globalRestarts,
      new GlobalOrchestrator(world, store, ids, globalRestarts, globalUpdates),
      globalUpdates,
    ] satisfies readonly Component[];
  }

  /** Starts the components in upstream's order. */
  onStart(): void {
    this.#unwatch = this.#parts.store.watch((events) => {
      for (const component of this.#components) component.onCommit?.(events);
    });
    for (const component of this.#components) component.onStart?.();
  }

  /** Takes a message from an agent. */
  onAgentMessage(fromNodeIndex: number, message: AgentMessage): void {
    this.#dispatcher.onMessage(fromNodeIndex, message);
  }

  /** Ends the components; with `isOrderly`, agents are told. */
  stop(isOrderly: boolean): void {
    if (isOrderly) this.#dispatcher.onStop();
    this.#unwatch?.();
    this.#parts.timers.stop();
  }
}

/** One lot after the other. */
function lots(world: World): () => number {
  const key = world.chance.key('allocator.pool');
  let count = 0;
  return () => drawBelow(key, POOL_LOTS, count++);
}
