/**
 * The engine's side of swarmkit's agent: what the node says of itself, what its node object means
 * for its networks, and a controller for every task (moby `daemon/cluster/executor/container`).
 */
import type { WeightedPeer } from '../../manager/api/dispatcher-messages.ts';
import type { Executor, TaskController } from '../../manager/api/executor.ts';
import type { EncryptionKey } from '../../manager/objects/cluster.ts';
import { isIngressNetwork } from '../../manager/objects/network.ts';
import type { Node, NodeDescription } from '../../manager/objects/node.ts';
import type { Task } from '../../manager/objects/task.ts';
import { assert } from '../../sim/assert.ts';
import { observationKind } from '../../sim/observations.ts';
import type { Host } from '../host/host.ts';
import { GossipKeyring } from '../network/gossip-keyring.ts';
import type { SwarmNetworks } from '../network/swarm-networks.ts';
import type { Container } from './container.ts';
import { ContainerController } from './container-controller.ts';

/** A container of a task started (a = 1) or ended (a = 0) on a host; text is the task's name. */
export const CONTAINER_STATE = observationKind('container.state');

/** What a machine has, unless the scenario says otherwise. */
const NODE_RESOURCES = { nanoCpus: 4_000_000_000, memoryBytes: 8 * 1024 ** 3 };

const KILLED_EXIT_CODE = 137;

/** Starts the host's part in the gossip; `onJoined` when it has joined the others (or has not). */
export type StartGossip = (
  managers: readonly WeightedPeer[],
  onJoined: (networks: SwarmNetworks) => void,
) => void;

/** Hears the keys that decrypt the host's gossip, whenever they were set; the first encrypts. */
export type OnKeys = (keys: readonly string[]) => void;

/** The executor of one host. */
export class HostExecutor implements Executor {
  readonly host: Host;
  /** All containers of tasks on this host, in the order of their creation. */
  readonly containers = new Map<string, Container>();
  readonly gossipKeyring: GossipKeyring;
  /** dockerd's process has ended: nothing of it does anything any more. */
  isOver = false;
  readonly #controllers = new Map<string, ContainerController>();
  readonly #startGossip: StartGossip;
  readonly #onKeys: OnKeys;
  #networks: SwarmNetworks | undefined;
  #managers: readonly WeightedPeer[] = [];
  #node: Node | undefined;
  readonly #waiting: (() => void)[] = [];
  #isStarted = false;
  #hasIngress = false;

  constructor(host: Host, startGossip: StartGossip, onKeys: OnKeys) {
    this.host = host;
    this.#startGossip = startGossip;
    this.#onKeys = onKeys;
    this.gossipKeyring = new GossipKeyring((update) => host.encryption.updateKeys(update));
  }

  /** The swarm networks; there are none before the gossip has started. */
  get networks(): SwarmNetworks {
    assert(this.#networks !== undefined, 'the gossip has not started');
    return this.#networks;
  }

  /** The swarm networks, if the gossip has started. */
  get networksIfAny(): SwarmNetworks | undefined {
    return this.#networks;
  }

  /** Runs an action once the gossip has started. */
  whenNetworked(action: () => void): void {
    if (this.#networks !== undefined) action();
    else this.#waiting.push(action);
  }

  describe(): NodeDescription {
    return {
      hostname: this.host.name,
      platform: { os: 'linux', architecture: 'x86_64' },
      resources: NODE_RESOURCES,
      engineVersion: this.host.engine.text,
      engineLabels: {},
      plugins: ['Network/bridge', 'Network/host', 'Network/null', 'Network/overlay'],
    };
  }

  configure(node: Node): void {
    this.#node = node;
    const networks = this.#networks;
    if (networks === undefined) return;
    const addresses = new Map<string, number>();
    for (const attachment of node.attachments) {
      const address = attachment.addresses[0]?.address;
      if (address !== undefined) addresses.set(attachment.network.id, address);
    }
    networks.setBalancerAddresses(addresses);
    const ingress = node.attachments.find((a) => isIngressNetwork(a.network));
    if (ingress === undefined || this.#hasIngress) return;
    this.#hasIngress = true;
    networks.use(ingress.network, () => {});
  }

  setManagers(managers: readonly WeightedPeer[]): void {
    this.#managers = managers;
  }

  setNetworkBootstrapKeys(keys: readonly EncryptionKey[]): void {
    if (keys.length === 0 || this.gossipKeyring.setKeys(keys) !== undefined) return;
    if (this.#isStarted) {
      this.#onKeys(this.gossipKeyring.keys);
      return;
    }
    this.#isStarted = true;
    this.gossipKeyring.start();
    this.host.encryption.setKeys(this.gossipKeyring.dataKeys);
    this.#onKeys(this.gossipKeyring.keys);
    this.#startGossip(this.#managers, (networks) => {
      if (!this.host.isOn || this.isOver) return;
      this.#networks = networks;
      if (this.#node !== undefined) this.configure(this.#node);
      for (const action of this.#waiting.splice(0)) action();
    });
  }

  controllerOf(task: Task): TaskController {
    const controller = new ContainerController(this, task);
    this.#controllers.set(task.id, controller);
    return controller;
  }

  /** A task has been removed with its container. */
  forget(taskId: string): void {
    this.containers.delete(taskId);
    this.#controllers.delete(taskId);
  }

  /** dockerd is told to end: stops all containers and leaves all networks; `onDone` when it has. */
  shutDown(onDone: () => void): void {
    let left = 1;
    const isDone = () => {
      if (--left > 0) return;
      this.#networks?.leaveAll();
      onDone();
    };
    for (const controller of this.#controllers.values()) {
      left++;
      controller.endWithEngine(isDone);
    }
    isDone();
  }

  /** The node leaves the swarm: its tasks' containers are removed as they are (`Cluster.Leave`). */
  removeAll(): void {
    for (const controller of [...this.#controllers.values()]) {
      controller.cancel();
      controller.remove(() => {});
    }
    this.#networks?.leaveAll();
  }

  /** dockerd was killed: containers go on without names, and nobody holds the published ports. */
  letGo(): void {
    this.isOver = true;
    for (const { sandbox } of this.containers.values()) sandbox?.letGo();
    this.#networks?.letGo();
  }

  /** Puts away what a killed dockerd left on the host: its containers, and the networks' sandboxes. */
  abandon(): void {
    this.isOver = true;
    for (const container of this.containers.values()) {
      if (container.state !== 'running') continue;
      container.program?.kill(KILLED_EXIT_CODE);
      container.state = 'exited';
      container.sandbox?.destroy();
      this.noteContainer(container, false);
    }
    this.#networks?.abandon();
  }

  /** A container started or ended: everybody above may want to know. */
  noteContainer(container: Container, isRunning: boolean): void {
    this.host.world.observe(
      CONTAINER_STATE,
      this.host.index,
      isRunning ? 1 : 0,
      container.exitCode,
      container.name,
    );
  }
}
