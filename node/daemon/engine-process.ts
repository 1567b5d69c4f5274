/**
 * dockerd as a process of its host: it is stopped, killed and started again while the kernel goes on,
 * and with it what the kernel was told: rules, bridges, namespaces (moby `cmd/dockerd/daemon.go`).
 *
 * A daemon that is told to end (`systemctl stop docker`) leaves the swarm's networks and stops its
 * containers; one that is killed does neither. What it did not do then it does when it starts again.
 */
import type { Host } from '../host/host.ts';

/** What of a swarm lives in dockerd's process: agent, manager, gossip, service networks. */
export interface SwarmPart {
  readonly isManager: boolean;
  /** Stops its containers, leaves its networks and ends; `onDone` when it has. */
  stop(onDone: () => void): void;
  /** Ends without a word. */
  kill(): void;
  /** Writes the rules of published ports again, after somebody else took them away. */
  rewriteRules(): void;
  /** Puts away what a killed process left. */
  cleanUp(): void;
  start(): void;
}

/** `dead`: killed, and nothing of it has been put away. */
export type EngineState = 'running' | 'stopping' | 'stopped' | 'dead';

/** dockerd's process on one host. */
export class EngineProcess {
  state: EngineState = 'running';
  /** Absent on a host that is in no swarm. */
  swarm: SwarmPart | undefined;
  readonly #host: Host;
  /** Who waits for the process to have ended. */
  readonly #waiting: (() => void)[] = [];
  /** What dockerd has to do as soon as its process goes on; `undefined` unless SIGSTOP holds it. */
  #deferred: (() => void)[] | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  /** True while it answers: not stopped, not on its way there. */
  get isUp(): boolean {
    return this.state === 'running';
  }

  /** SIGTERM; `onStopped` when the process has ended, at once if it had. */
  stop(onStopped = () => {}): void {
    if (this.state === 'dead' || this.state === 'stopped') {
      onStopped();
      return;
    }
    this.#waiting.push(onStopped);
    this.whenAwake(() => {
      if (this.state === 'running') this.#shutDown();
    });
  }

  /** SIGKILL: containers go on without it. */
  kill(): void {
    if (this.state === 'dead' || this.state === 'stopped') return;
    this.swarm?.kill();
    this.#host.daemon.lifecycle.letGo();
    this.#end('dead');
  }

  /** The process starts, unless it runs; one that is about to end does so first. */
  start(): void {
    if (this.state === 'stopping') this.#waiting.push(() => this.start());
    if (this.isUp || this.state === 'stopping') return;
    const { daemon } = this.#host;
    this.state = 'running';
    this.#host.renewDaemonProcess();
    this.swarm?.cleanUp();
    daemon.lifecycle.restore();
    this.#host.restartNetworks();
    daemon.lifecycle.takeUp();
    daemon.lifecycle.startByPolicy();
    this.swarm?.start();
  }

  /** The process stands still, as SIGSTOP makes it; kernel and containers go on. */
  pause(): void {
    this.#deferred ??= [];
  }

  /** The process goes on with what has waited for it. */
  resume(): void {
    const deferred = this.#deferred ?? [];
    this.#deferred = undefined;
    for (const action of deferred) if (this.#host.isOn) action();
  }

  /** Does what only dockerd can do: now, when its process goes on, or never when it has ended. */
  run(action: () => void): void {
    if (this.isUp) this.whenAwake(action);
  }

  /** Does what only dockerd can do, even while it is about to end. */
  runToTheEnd(action: () => void): void {
    if (this.isUp || this.state === 'stopping') this.whenAwake(action);
  }

  /** Does what somebody asks of it: at once, unless the process stands still. */
  whenAwake(action: () => void): void {
    if (this.#deferred === undefined) action();
    else this.#deferred.push(action);
  }

  #shutDown(): void {
    this.state = 'stopping';
    let left = 2;
    const isDone = () => {
      if (--left === 0 && this.state === 'stopping') this.#end('stopped');
    };
    if (this.swarm === undefined) isDone();
    else this.swarm.stop(isDone);
    const { daemon, networks } = this.#host;
    daemon.lifecycle.shutDown(() => networks.whenReleased(isDone));
  }

  #end(state: 'stopped' | 'dead'): void {
    this.state = state;
    this.#deferred = undefined;
    for (const onStopped of this.#waiting.splice(0)) onStopped();
  }
}
