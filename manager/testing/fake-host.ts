/**
 * A host without containers, for tests of the manager plane: every operation of its controllers
 * takes a fixed span, and tests decide when a task's container ends.
 */
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import type { ControllerDone, Executor, TaskController } from '../api/executor.ts';
import type { Node, NodeDescription } from '../objects/node.ts';
import type { ContainerStatus, Task } from '../objects/task.ts';

/** How long a fake host takes. */
export interface FakeTimes {
  readonly prepareNs: number;
  readonly startNs: number;
  readonly shutdownNs: number;
}

/** Preparing and starting in 100 ms each, stopping in 2 s as a well-behaved container does. */
const QUICK_TIMES: FakeTimes = {
  prepareNs: 100 * MILLISECOND_NS,
  startNs: 100 * MILLISECOND_NS,
  shutdownNs: 2 * SECOND_NS,
};

/** The exit code of a container that went with its host. */
const KILLED = 137;

/** A host whose containers are records. */
export class FakeHost implements Executor {
  readonly #world: World;
  readonly #hostname: string;
  times: FakeTimes;
  /** Containers that run, by task id, with the function that ends them. */
  readonly running = new Map<string, (exitCode: number) => void>();
  /** Tasks whose container exits at once with this code. */
  exitCodeOf: (task: Task) => number | undefined = () => undefined;
  node: Node | undefined;
  removedCount = 0;
  /** True while the host has no power: nothing that it does comes to an end. */
  isDead = false;

  constructor(world: World, hostname: string, times: FakeTimes = QUICK_TIMES) {
    this.#world = world;
    this.#hostname = hostname;
    this.times = times;
  }

  describe(): NodeDescription {
    return {
      hostname: this.#hostname,
      platform: { os: 'linux', architecture: 'x86_64' },
      resources: { nanoCpus: 4e9, memoryBytes: 8 * 2 ** 30 },
      engineVersion: '28.5.0',
      engineLabels: {},
      plugins: [],
    };
  }

  configure(node: Node): void {
    this.node = node;
  }

  setManagers(): void {}

  setNetworkBootstrapKeys(): void {}

  controllerOf(initial: Task): TaskController {
    let task = initial;
    let waiting: ControllerDone | undefined;
    let isShutDown = false;
    const later = (spanNs: number, done: ControllerDone) => {
      this.#world.queue.scheduleCallback(this.#world.nowNs + spanNs, () => {
        if (!this.isDead) done(undefined);
      });
    };
    const end = (exitCode: number) => {
      this.running.delete(task.id);
      const done = waiting;
      waiting = undefined;
      done?.(exitCode === 0 ? undefined : failure(exitCode));
    };
    return {
      update: (changed) => {
        task = changed;
      },
      prepare: (done) => later(this.times.prepareNs, done),
      start: (done) =>
        later(this.times.startNs, (error) => {
          this.running.set(task.id, end);
          done(error);
        }),
      wait: (done) => {
        const isGone = !this.running.has(task.id);
        const exitCode = isGone ? KILLED : this.exitCodeOf(task);
        if (exitCode !== undefined) {
          this.running.delete(task.id);
          done(exitCode === 0 ? undefined : failure(exitCode));
          return;
        }
        waiting = done;
      },
      shutdown: (done) => {
        if (isShutDown) {
          done(undefined);
          return;
        }
        later(this.times.shutdownNs, (error) => {
          isShutDown = true;
          this.running.delete(task.id);
          done(error);
        });
      },
      cancel: () => {
        waiting = undefined;
      },
      remove: (done) => {
        this.running.delete(task.id);
        this.removedCount++;
        done(undefined);
      },
      containerStatus: (): ContainerStatus => ({
        containerId: `c-${task.id}`,
        pid: 1,
        exitCode: 0,
      }),
    };
  }
}

function failure(exitCode: number) {
  return { message: `task: non-zero exit (${exitCode})`, isTemporary: false };
}
