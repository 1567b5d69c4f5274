/**
 * A swarm of one manager and some workers on fake hosts, for tests of the manager plane.
 *
 * Messages take 300 µs; a host can be cut off (messages vanish) or killed.
 */
import { MICROSECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { Agent } from '../agent/agent.ts';
import { answerOf } from '../control/result.ts';
import { Manager } from '../manager.ts';
import { NodeDirectory } from '../node-directory.ts';
import type { Node } from '../objects/node.ts';
import { NodeRole } from '../objects/node.ts';
import type { Service, ServiceSpec } from '../objects/service.ts';
import type { Task } from '../objects/task.ts';
import { TaskState } from '../objects/task-state.ts';
import { FakeHost } from './fake-host.ts';

const LATENCY_NS = 300 * MICROSECOND_NS;

/** One manager (node 0) and workers (nodes 1 to N). */
export class FakeSwarm {
  readonly world: World;
  readonly directory: NodeDirectory;
  readonly manager: Manager;
  readonly hosts: FakeHost[] = [];
  readonly agents: Agent[] = [];
  readonly #cutOff = new Set<number>();

  constructor(workerCount: number, seed = 'manager test') {
    this.world = new World(seed);
    const { world } = this;
    this.directory = new NodeDirectory(world.chance);
    this.manager = new Manager({
      world,
      nodeIndex: 0,
      nodeId: this.directory.admit(0),
      directory: this.directory,
      send: (to, message) => this.#carry(0, to, () => this.agents[to]!.onMessage(0, message)),
    });
    this.manager.onStart();
    for (let index = 0; index <= workerCount; index++) this.#join(index);
  }

  /** The id of a node. */
  nodeId(index: number): string {
    return this.directory.idOf(index)!;
  }

  /** The stored node object. */
  node(index: number): Node {
    return this.manager.store.view.node(this.nodeId(index))!;
  }

  /** Lets time pass. */
  run(seconds: number): void {
    this.world.queue.runUntil(this.world.nowNs + Math.round(seconds * SECOND_NS));
  }

  /** Creates a service and expects it to be accepted. */
  createService(spec: ServiceSpec): Service {
    const result = answerOf<Service>((reply) => this.manager.control.createService(spec, reply));
    if (!result.ok) throw new Error(result.refusal.message);
    return result.value;
  }

  /** The tasks of a service that are wanted and run. */
  runningTasks(serviceId: string): Task[] {
    return this.manager.store.view
      .tasksOfService(serviceId)
      .filter((task) => task.status.state === TaskState.running)
      .filter((task) => task.desiredState === TaskState.running);
  }

  /** Where a service's running tasks are: node indexes, sorted. */
  placement(serviceId: string): number[] {
    return this.runningTasks(serviceId)
      .map((task) => this.directory.indexOf(task.nodeId))
      .sort((a, b) => a - b);
  }

  /** The host loses its power. */
  kill(index: number): void {
    this.agents[index]!.crash();
    this.hosts[index]!.isDead = true;
    this.hosts[index]!.running.clear();
    this.#cutOff.add(index);
  }

  /** The host has power again; its containers are gone, its agent remembers its tasks. */
  revive(index: number): void {
    this.hosts[index]!.isDead = false;
    this.#cutOff.delete(index);
    this.agents[index]!.restart();
  }

  /** Messages to and from the host vanish. */
  cutOff(index: number): void {
    this.#cutOff.add(index);
  }

  /** Messages arrive again. */
  reconnect(index: number): void {
    this.#cutOff.delete(index);
  }

  #join(index: number): void {
    const { world } = this;
    const host = new FakeHost(world, index === 0 ? 'manager-1' : `worker-${index}`);
    this.hosts.push(host);
    const nodeId = index === 0 ? this.nodeId(0) : this.directory.admit(index);
    if (index > 0) {
      this.manager.control.admitNode({ nodeId, role: NodeRole.worker }, () => {});
    }
    const agent = new Agent({
      world,
      nodeIndex: index,
      nodeId,
      address: `192.168.0.${index + 10}`,
      executor: host,
      send: (to, message) =>
        this.#carry(index, to, () => this.manager.onAgentMessage(index, message)),
      managers: [0],
      isManager: index === 0,
    });
    this.agents.push(agent);
    agent.onStart();
  }

  #carry(from: number, to: number, deliver: () => void): void {
    this.world.queue.scheduleCallback(this.world.nowNs + LATENCY_NS, () => {
      if (this.#cutOff.has(from) || this.#cutOff.has(to)) return;
      deliver();
    });
  }
}

/** A replicated service of an idle image. */
export function replicated(
  name: string,
  replicas: number,
  more: Partial<ServiceSpec> = {},
): ServiceSpec {
  return {
    annotations: { name, labels: {} },
    task: { container: { image: 'idle:1' } },
    mode: { kind: 'replicated', replicas },
    ...more,
  };
}
