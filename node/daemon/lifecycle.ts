/**
 * The lives of containers on one host: started by hand or by their policies, stopped, frozen, killed,
 * and what becomes of them when dockerd ends or the power goes (moby `daemon/start.go`, `stop.go`,
 * `kill.go`, `monitor.go`, `restore` and `Shutdown` in `daemon.go`).
 */
import { observationKind } from '../../sim/observations.ts';
import { StepQueue, type Steps } from '../../sim/steps.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { Host } from '../host/host.ts';
import { healthAfterNs, isChecked, unhealthyAfterNs } from '../workload/health.ts';
import { RunningProgram } from '../workload/running-program.ts';
import { ContainerNetworking } from './container-networking.ts';
import type { ContainerRefusals } from './container-refusals.ts';
import type { ContainerProgram } from './daemon.ts';
import type { Link } from './links.ts';
import { conflict, type Refusal } from './refusal.ts';
import { type ContainerRequest, portText } from './requests.ts';
import { RestartManager } from './restart-policy.ts';
import type { ContainerHealth, StandaloneContainer } from './standalone-container.ts';

/** A container of `docker run` started (a = 1) or ended (a = 0, b = exit code); text is its name. */
const STANDALONE_STATE = observationKind('docker.container');

/** How long it may take for which nobody says. */
const STOP_GRACE_NS = 10 * SECOND_NS;
const KILLED_EXIT_CODE = 137;
/** What a container's exit code says when it ended while nobody looked. */
const UNKNOWN_EXIT_CODE = 255;
/** What it says when it could not be started. */
const NOT_STARTED_EXIT_CODE = 128;

/** Hears why something could not be done; `undefined` when it was. */
export type OnDone = (refusal: Refusal | undefined) => void;

/** All containers of the host. */
interface Containers {
  list(): readonly StandaloneContainer[];
  find(reference: string): StandaloneContainer | undefined;
  linksOf(container: StandaloneContainer): Link[];
  programOf(request: ContainerRequest, ports: readonly string[]): ContainerProgram;
}

/** The lives of one host's containers. */
export class Lifecycle {
  readonly networking: ContainerNetworking;
  readonly #host: Host;
  readonly #containers: Containers;
  readonly #refusals: ContainerRefusals;
  /** Takes a container off the list. */
  readonly #forget: (container: StandaloneContainer) => void;
  /** dockerd is about to end, or has ended: no policy is followed. */
  #isShuttingDown = false;

  constructor(
    host: Host,
    containers: Containers,
    refusals: ContainerRefusals,
    forget: (container: StandaloneContainer) => void,
  ) {
    this.#host = host;
    this.#containers = containers;
    this.#refusals = refusals;
    this.#forget = forget;
    this.networking = new ContainerNetworking(host, containers, refusals);
  }

  /** `docker start`; `onDone` hears why not, at once unless plugins have to be asked. */
  start(container: StandaloneContainer, onDone: OnDone): void {
    if (container.state === 'paused') {
      onDone(conflict('cannot start a paused container, try unpause instead'));
    } else if (container.isRunning || container.state === 'restarting') onDone(undefined);
    else this.#startAnew(container, onDone);
  }

  /**
   * `docker stop`: the process is asked to end, and killed when it does not; `onEnded` when it has
   * ended, at once if it had.
   */
  stop(container: StandaloneContainer, graceNs = graceNsOf(container), onEnded = () => {}): void {
    this.#expectEnd(container);
    this.#terminate(container, graceNs, onEnded);
  }

  /** `docker restart`; `onDone` hears why it could not start again, when it has ended. */
  restart(
    container: StandaloneContainer,
    graceNs = graceNsOf(container),
    onDone: OnDone = () => {},
  ): void {
    container.isRestartedByHand = container.isRunning;
    this.stop(container, graceNs, () => {
      container.isRestartedByHand = false;
      if (this.#isKnown(container)) this.#startAnew(container, onDone);
      else onDone(undefined);
    });
  }

  /** The process is killed, and no policy starts it again. */
  kill(container: StandaloneContainer): void {
    this.#expectEnd(container);
    this.end(container, KILLED_EXIT_CODE);
  }

  /** `docker pause`: the processes are frozen, the network is not. */
  pause(container: StandaloneContainer): Refusal | undefined {
    if (container.state === 'restarting') return this.#refusals.restarting(container);
    if (!container.isRunning) return this.#refusals.notRunning(container);
    if (container.state === 'paused') return this.#refusals.alreadyPaused(container);
    container.state = 'paused';
    container.program?.pause();
    return undefined;
  }

  /** `docker unpause` */
  unpause(container: StandaloneContainer): Refusal | undefined {
    if (container.state !== 'paused') return this.#refusals.notPaused(container);
    this.#thaw(container);
    return undefined;
  }

  /** The process of a container has ended with this status; its policy may start it again. */
  end(container: StandaloneContainer, exitCode: number): void {
    if (!container.isRunning) return;
    const { nowNs } = this.#host.world;
    const wasStopped = container.wasStopped || this.#isShuttingDown;
    const ranNs = nowNs - container.startedAtNs!;
    const backoffNs = container.restarts.backoffNsAfter(exitCode, wasStopped, ranNs);
    container.state = backoffNs === undefined ? 'exited' : 'restarting';
    container.exitCode = exitCode;
    container.finishedAtNs = nowNs;
    container.pid = 0;
    container.program?.kill(exitCode);
    container.program = undefined;
    container.health = undefined;
    this.networking.detach(container);
    this.#note(container, 0);
    if (backoffNs !== undefined) this.#restartLater(container, backoffNs);
    else if (!container.isRestartedByHand) this.#maybeAutoRemove(container);
    for (const onEnded of container.whenEnded.splice(0)) onEnded();
  }

  /**
   * dockerd ends as it is told to: no policy is followed any more, and every container is stopped,
   * unless they are to live on (`--live-restore`). `onDone` when all have ended.
   */
  shutDown(onDone: () => void): void {
    this.#isShuttingDown = true;
    const waiting = this.#containers.list().filter(({ state }) => state === 'restarting');
    for (const container of waiting) this.#giveUp(container);
    if (this.#host.config.livesOn && this.#containers.list().some(({ isRunning }) => isRunning)) {
      this.letGo();
      onDone();
      return;
    }
    let left = 1;
    const isDone = () => {
      if (--left === 0) onDone();
    };
    for (const container of this.#containers.list().filter(({ isRunning }) => isRunning)) {
      left++;
      container.restarts.isCancelled = true;
      this.#terminate(container, graceNsOf(container), isDone);
    }
    isDone();
  }

  /** dockerd is gone, and containers go on without it: no names, no proxies. */
  letGo(): void {
    this.#isShuttingDown = true;
    for (const { sandbox } of this.#containers.list()) sandbox?.letGo();
  }

  /** The power is gone: nothing runs any more, and nobody has written that down. */
  crash(): void {
    this.#isShuttingDown = true;
    for (const container of this.#containers.list()) container.program?.kill(KILLED_EXIT_CODE);
  }

  /**
   * dockerd starts and finds its containers (`Daemon.restore`): those that run although they should
   * not (without `--live-restore`) are killed, and those that have died meanwhile are noted.
   */
  restore(): void {
    for (const container of this.#containers.list()) {
      container.turns = new StepQueue();
      const isAlive = container.program !== undefined;
      if (isAlive && !this.#host.config.livesOn) {
        container.restarts.isCancelled = true;
        this.end(container, KILLED_EXIT_CODE);
      } else if (!isAlive && (container.isRunning || container.state === 'restarting')) {
        this.#bury(container);
      }
    }
    this.#isShuttingDown = false;
  }

  /** dockerd serves those again that have lived on: names, proxies. */
  takeUp(): void {
    for (const { sandbox } of this.#containers.list()) sandbox?.takeUp();
  }

  /** Starts what its policy wants to run, once the networks are there. */
  startByPolicy(): void {
    for (const container of this.#containers.list()) {
      if (container.isRunning) continue;
      if (this.#isWantedByPolicy(container)) this.#startAnew(container);
      else this.#maybeAutoRemove(container);
    }
  }

  #isWantedByPolicy(container: StandaloneContainer): boolean {
    const { exitCode, wasStopped, wasStarted, startedAtNs = 0, finishedAtNs = 0 } = container;
    container.restarts = new RestartManager(container.request.restartPolicy);
    const ranNs = finishedAtNs - startedAtNs;
    return (
      wasStarted && container.restarts.backoffNsAfter(exitCode, wasStopped, ranNs) !== undefined
    );
  }

  /** A container has ended while dockerd does not run: containerd keeps its status. */
  #endUnnoticed(container: StandaloneContainer, exitCode: number): void {
    container.program = undefined;
    container.exitCode = exitCode;
    container.finishedAtNs = this.#host.world.nowNs;
  }

  /** dockerd finds that a container that ran runs no more; after a loss of power nobody knows why. */
  #bury(container: StandaloneContainer): void {
    const { startedAtNs = 0, finishedAtNs = 0 } = container;
    if (finishedAtNs < startedAtNs) {
      container.exitCode = UNKNOWN_EXIT_CODE;
      container.finishedAtNs = this.#host.world.nowNs;
    }
    container.state = 'exited';
    container.pid = 0;
    this.networking.detach(container);
  }

  /** The health check begins, and says what it finds out. */
  #watchHealth(container: StandaloneContainer): void {
    const { program, request } = container;
    const { healthcheck } = request;
    container.health = isChecked(healthcheck) ? 'starting' : undefined;
    if (program === undefined || container.health === undefined) return;
    const { health } = program.spec;
    const { queue } = this.#host.world;
    const later = (spanNs: number | undefined, found: ContainerHealth) => {
      if (spanNs === undefined) return;
      queue.scheduleCallback(queue.nowNs + spanNs, () =>
        this.#host.inEngine(() => {
          if (container.program === program) container.health = found;
        }),
      );
    };
    later(healthAfterNs(healthcheck, health), 'healthy');
    later(unhealthyAfterNs(healthcheck, health), 'unhealthy');
  }

  #isKnown(container: StandaloneContainer): boolean {
    return this.#containers.find(container.id) === container;
  }

  #startAnew(container: StandaloneContainer, onDone: OnDone = () => {}): void {
    container.restarts = new RestartManager(container.request.restartPolicy);
    container.restartCount = 0;
    container.wasStopped = false;
    container.turns.take(this.#start(container), onDone);
  }

  *#start(container: StandaloneContainer): Steps<Refusal | undefined> {
    const { reservations } = this.networking;
    const isPlugged = reservations.areNeeded(container);
    const unreserved = isPlugged ? yield* reservations.takeAll(container) : undefined;
    if (isPlugged && (container.isRunning || !this.#isKnown(container))) {
      reservations.drop(container);
      return undefined;
    }
    const refusal = unreserved ?? this.networking.attach(container);
    if (isPlugged) reservations.drop(container);
    if (refusal !== undefined) {
      if (container.state === 'restarting') container.state = 'exited';
      container.error = refusal.message;
      container.exitCode = NOT_STARTED_EXIT_CODE;
      this.networking.detach(container);
      this.#maybeAutoRemove(container);
      return refusal;
    }
    container.state = 'running';
    container.error = '';
    container.exitCode = 0;
    container.pid = this.#host.nextPid();
    container.startedAtNs = this.#host.world.nowNs;
    container.wasStarted = true;
    this.#runProgram(container);
    this.#watchHealth(container);
    this.networking.updateLinkedHosts(container);
    this.#note(container, 1);
    return undefined;
  }

  /** Somebody ends a container, so that its policy is not asked. */
  #expectEnd(container: StandaloneContainer): void {
    container.restarts.isCancelled = true;
    container.wasStopped = true;
    if (container.state === 'restarting') this.#giveUp(container);
  }

  /** A container that was to start again does not. */
  #giveUp(container: StandaloneContainer): void {
    container.state = 'exited';
    this.#maybeAutoRemove(container);
  }

  /** SIGTERM, and SIGKILL when that is not enough. */
  #terminate(container: StandaloneContainer, graceNs: number, onEnded: () => void): void {
    const { program } = container;
    if (program === undefined) {
      onEnded();
      return;
    }
    container.whenEnded.push(onEnded);
    if (container.state === 'paused') this.#thaw(container);
    if (!program.spec.ignoresStopSignal) {
      this.end(container, 0);
      return;
    }
    const { queue } = this.#host.world;
    queue.scheduleCallback(queue.nowNs + graceNs, () => {
      if (container.program === program) this.end(container, KILLED_EXIT_CODE);
    });
  }

  #thaw(container: StandaloneContainer): void {
    container.state = 'running';
    container.program?.resume();
  }

  #restartLater(container: StandaloneContainer, backoffNs: number): void {
    const { restarts } = container;
    const { queue } = this.#host.world;
    container.restartCount++;
    queue.scheduleCallback(queue.nowNs + backoffNs, () =>
      this.#host.inEngine(() => {
        const isMeant = container.state === 'restarting' && container.restarts === restarts;
        if (isMeant && this.#isKnown(container)) {
          container.turns.take(this.#start(container));
        }
      }),
    );
  }

  #maybeAutoRemove(container: StandaloneContainer): void {
    if (container.request.isAutoRemoved) this.#forget(container);
  }

  #runProgram(container: StandaloneContainer): void {
    const { request } = container;
    const sandbox = container.networkSandbox!;
    const isShared = () =>
      container.sandbox !== sandbox ||
      request.networkMode === 'host' ||
      this.networking.isShared(sandbox, container);
    const { name, spec } = this.#containers.programOf(request, container.exposed.map(portText));
    const key = this.#host.world.chance.key(`docker.${container.id}`);
    const place = {
      namespace: sandbox.namespace,
      get search() {
        return sandbox.search;
      },
      get servers() {
        return sandbox.servers;
      },
      hosts: sandbox.hosts,
      get isShared() {
        return isShared();
      },
      process: { name, pid: container.pid },
    };
    container.program = new RunningProgram(this.#host, place, spec, key, (code) => {
      if (this.#host.process.isUp) this.#host.inEngine(() => this.end(container, code));
      else this.#endUnnoticed(container, code);
    });
    container.program.start(container.hostname);
  }

  #note({ name, exitCode }: StandaloneContainer, isRunning: 0 | 1): void {
    this.#host.world.observe(STANDALONE_STATE, this.#host.index, isRunning, exitCode, name);
  }
}

/** How long a container may take to end before it is killed. */
function graceNsOf({ request }: StandaloneContainer): number {
  return request.stopGraceNs ?? STOP_GRACE_NS;
}
