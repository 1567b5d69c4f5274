/**
 * A task's container on its host: created, started, running, ended. It owns the sandbox and the
 * program; whoever started it hears of its end once.
 */
import type { ContainerStatus, Task } from '../../manager/objects/task.ts';
import type { Host } from '../host/host.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { RunningProgram } from '../workload/running-program.ts';

/** What a container is doing. */
export type ContainerState = 'created' | 'running' | 'exited';

/** One container. */
export class Container {
  readonly id: string;
  readonly name: string;
  readonly task: Task;
  readonly pid: number;
  state: ContainerState = 'created';
  exitCode = 0;
  startedAtNs = 0;
  sandbox: Sandbox | undefined;
  program: RunningProgram | undefined;
  readonly #onEnd: (() => void)[] = [];

  constructor(host: Host, task: Task, name: string, pid: number) {
    this.id = host.identifiers.id();
    this.name = name;
    this.task = task;
    this.pid = pid;
  }

  /** Calls back when the container has ended; at once when it has already. */
  whenEnded(callback: () => void): void {
    if (this.state === 'exited') callback();
    else this.#onEnd.push(callback);
  }

  /** Nobody is there any more who would wait for its end. */
  forgetWaiters(): void {
    this.#onEnd.length = 0;
  }

  /** The process ended. */
  becomeExited(exitCode: number): void {
    if (this.state === 'exited') return;
    this.state = 'exited';
    this.exitCode = exitCode;
    for (const callback of this.#onEnd.splice(0)) callback();
  }

  /** What swarmkit keeps of it. */
  get status(): ContainerStatus {
    return { containerId: this.id, pid: this.pid, exitCode: this.exitCode };
  }
}
