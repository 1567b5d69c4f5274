/**
 * How often hosts acted on what was no longer so, from the first event of the timeline or the first
 * container that ends by itself on: told by comparing what they act on with where the containers are.
 *
 * Before that nobody watches, so a run in which nothing happens pays nothing.
 */
import type { Cluster } from '../../cluster/cluster.ts';
import type { Machine } from '../../cluster/machine.ts';
import type { BeliefWatch } from '../../net/belief-watch.ts';
import { CONTAINER_STATE } from '../../node/agent/executor.ts';
import type { Ipv4Address, Mac } from '../../wire/addresses.ts';

/** Counts stale answers, packets and connections. */
export class StalenessRecord implements BeliefWatch {
  /** DNS answers that named a task that has ended. */
  nameAnswerCount = 0;
  /** Frames sent to a host that has no such endpoint. */
  tunnelPacketCount = 0;
  /** New connections that ipvs gave to a task that has ended. */
  connectionCount = 0;
  isWatching = false;
  readonly #cluster: Cluster;
  /** Addresses of running containers and their hosts, unless something has happened since. */
  #running: Map<Ipv4Address, Machine> | undefined;
  /** Addresses that containers have had. */
  readonly #known = new Set<Ipv4Address>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    cluster.world.observations.subscribe(CONTAINER_STATE, ({ node, a, text }) => {
      if (a === 0) this.start();
      else this.#know(node, text);
    });
  }

  /** Something happens: from now on all hosts are watched. */
  start(): void {
    this.#running = undefined;
    if (this.isWatching) return;
    this.isWatching = true;
    for (const { index } of this.#cluster.machines) this.watch(index);
  }

  /** Watches a host, which may have booted since the others were. */
  watch(index: number): void {
    const { host } = this.#cluster.machines[index]!;
    if (this.isWatching && host !== undefined) host.counters.beliefs = this;
  }

  onTunnel(vni: number, mac: Mac, remote: Ipv4Address): void {
    const machine = this.#cluster.machines.find((m) => m.addresses.has(remote));
    const networks = machine?.isOn === true ? machine.executor?.networksIfAny?.networks : undefined;
    const network = networks?.find(({ overlay }) => overlay.options.vni === vni);
    for (const endpoint of network?.overlay.endpoints.values() ?? []) {
      if (endpoint.mac === mac) return;
    }
    this.tunnelPacketCount++;
  }

  onSchedule(destination: Ipv4Address): void {
    if (this.#hasEnded(destination)) this.connectionCount++;
  }

  onNameAnswer(addresses: readonly Ipv4Address[]): void {
    if (addresses.some((address) => this.#hasEnded(address))) this.nameAnswerCount++;
  }

  /** True for the address of a container that is gone; a VIP never was one. */
  #hasEnded(address: Ipv4Address): boolean {
    if (!this.#known.has(address)) return false;
    this.#running ??= this.#runningNow();
    return this.#running.get(address)?.isOn !== true;
  }

  #know(node: number, name: string): void {
    this.#running = undefined;
    for (const container of this.#cluster.machines[node]?.executor?.containers.values() ?? []) {
      if (container.name !== name) continue;
      for (const { address } of container.sandbox?.endpoints ?? []) this.#known.add(address);
    }
  }

  #runningNow(): Map<Ipv4Address, Machine> {
    const running = new Map<Ipv4Address, Machine>();
    for (const machine of this.#cluster.machines) {
      for (const { state, sandbox } of machine.executor?.containers.values() ?? []) {
        if (state !== 'running') continue;
        for (const { address } of sandbox?.endpoints ?? []) running.set(address, machine);
      }
    }
    return running;
  }
}
