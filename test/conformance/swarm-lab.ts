/**
 * The lab's swarm, simulated: three nodes 192.168.56.101 to .103 of which the first leads, networks
 * and services made step by step as the lab's scripts made them, and the dumps of every namespace by
 * the names that the lab's files have.
 *
 * The lab's plain containers on attachable networks stand here as services of one task without a
 * VIP: their namespaces, peers and names are the same.
 */
import { Cluster } from '../../cluster/cluster.ts';
import type { Machine } from '../../cluster/machine.ts';
import { viewText } from '../../cluster/show/views.ts';
import type { Ipvs } from '../../ipvs/ipvs.ts';
import { answerOf, type Reply } from '../../manager/control/result.ts';
import { EndpointMode, PortProtocol, PublishMode } from '../../manager/objects/endpoint.ts';
import type { Network } from '../../manager/objects/network.ts';
import type { Namespace } from '../../net/namespace.ts';
import { formatPingResult, type PingOptions, PingSocket } from '../../net/socket/ping.ts';
import type { CloseReason } from '../../net/socket/tcp/handlers.ts';
import { engineVersionOf } from '../../node/engine-version.ts';
import type { KernelModule } from '../../node/host/kernel-modules.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { kindOfFrame } from './frame-kinds.ts';

/** What a lab service is made from. */
export interface LabService {
  readonly name: string;
  readonly network?: string;
  readonly replicas?: number;
  /** Names of the nodes that may run it; default any. */
  readonly node?: string;
  readonly isDnsrr?: boolean;
  readonly isGlobal?: boolean;
  readonly publish?: {
    readonly port: number;
    readonly target: number;
    readonly mode: 'ingress' | 'host';
  };
}

/** The simulated lab. */
export class SwarmLab {
  readonly cluster: Cluster;
  /** Services that stand for plain containers. */
  readonly #containers = new Set<string>();

  /**
   * A swarm of engine 20.10 that has formed, on kernels without these modules; the seed decides
   * which node gets which task.
   */
  constructor(missingModules: readonly KernelModule[] = [], seed = 'lab') {
    const engine = engineVersionOf('20.10')!;
    const nodes = [1, 2, 3].map((number) => ({
      name: `node${number}`,
      engine,
      isManager: number === 1,
      missingModules,
    }));
    this.cluster = new Cluster({ world: new World(seed), nodes });
    this.run(this.cluster.formedAtNs / SECOND_NS);
  }

  /** Lets time pass, in seconds. */
  run(seconds: number): void {
    const { queue } = this.cluster.world;
    queue.runUntil(queue.nowNs + Math.round(seconds * SECOND_NS));
  }

  /** `docker network create -d overlay --attachable`. */
  createNetwork(name: string, options: Readonly<Record<string, string>> = {}): void {
    const annotations = { name, labels: {} };
    const driverConfig = { name: 'overlay', options };
    this.#must<Network>((reply) =>
      this.#control.createNetwork({ annotations, driverConfig, attachable: true }, reply),
    );
    this.run(1);
  }

  /** `docker service create`, until its tasks run. */
  createService(wish: LabService): void {
    const { name, network, replicas = 1, node, publish } = wish;
    const { isDnsrr = false, isGlobal = false } = wish;
    const constraints = node === undefined ? [] : [`node.hostname==${node}`];
    const ports = publish === undefined ? [] : [portOf(publish)];
    this.#must((reply) =>
      this.#control.createService(
        {
          annotations: { name, labels: {} },
          task: {
            container: { image: 'nginx' },
            placement: { constraints },
            networks: network === undefined ? [] : [{ target: network }],
          },
          mode: isGlobal ? { kind: 'global' } : { kind: 'replicated', replicas },
          endpoint: { mode: isDnsrr ? EndpointMode.dnsrr : EndpointMode.vip, ports },
        },
        reply,
      ),
    );
    this.run(10);
  }

  /** A container on an attachable network. */
  runContainer(name: string, network: string, node: string): void {
    this.#containers.add(name);
    this.createService({ name, network, node, isDnsrr: true });
  }

  /** `docker service scale`, until it has settled. */
  scale(name: string, replicas: number): void {
    this.#must((reply) => this.#control.scaleService(name, replicas, reply));
    this.run(20);
  }

  /** `docker service rm`, until it has settled. */
  removeService(name: string): void {
    const found = this.#control.findService(name);
    if (!found.ok) throw new Error(found.refusal.message);
    this.#must((reply) => this.#control.removeService(found.value.id, reply));
    this.run(20);
  }

  /** A node by its number in the lab, from 1 on. */
  node(number: number): Machine {
    return this.cluster.machines[number - 1]!;
  }

  /**
   * The name of a namespace on a node: `host`, `ingress_sbox`, `1- net1`, `lb_ net1`, or that of
   * a container, `web.1`.
   */
  namespaceName(node: number, name: string): string {
    if (name === 'host') return 'default';
    const [prefix, network] = name.split(' ');
    if (network !== undefined) {
      const { id } = this.#network(network);
      return `${prefix}${id.slice(0, prefix === 'lb_' ? 9 : 10)}`;
    }
    for (const container of this.node(node).executor?.containers.values() ?? []) {
      const { serviceAnnotations, slot } = container.task;
      const own = this.containerName(serviceAnnotations.name, slot);
      if (container.sandbox !== undefined && own === name) {
        return container.sandbox.namespace.name.split('/')[1]!;
      }
    }
    return name;
  }

  /** What a tool prints in a namespace of a node; empty when there is no such namespace. */
  show(node: number, namespace: string, view: string): string {
    const name = this.namespaceName(node, namespace);
    return viewText(this.cluster, this.node(node), view, name) ?? '';
  }

  /** What a container is called: `web.1`, or `probe` for one that belongs to no service. */
  containerName(service: string, slot: number): string {
    return this.#containers.has(service) ? service : `${service}.${slot}`;
  }

  /** A namespace of a node, named as in {@link namespaceName}. */
  namespace(node: number, name: string): Namespace {
    const namespace = this.node(node).host?.namespaces.get(this.namespaceName(node, name));
    if (namespace === undefined) throw new Error(`node${node} has no ${name}`);
    return namespace;
  }

  /** Pings from a namespace, until all is answered or given up; the lines that ping prints. */
  ping(node: number, name: string, to: Ipv4Address, options: Partial<PingOptions> = {}): string[] {
    const { count = 1 } = options;
    const { sockets } = this.namespace(node, name);
    const { results } = PingSocket.start(sockets, { address: to, ...options });
    this.run(count + 2);
    return results.map((result) => formatPingResult(result).replace(/ time=.*/, ''));
  }

  /** Opens a TCP connection, waits, and closes it; what the program was told. */
  connect(node: number, name: string, to: Ipv4Address, port: number): 'connected' | CloseReason {
    const { sockets } = this.namespace(node, name);
    let told: 'connected' | CloseReason = 'timeout';
    const connection = sockets.connect({
      address: to,
      port,
      handlers: {
        onConnected: () => {
          told = 'connected';
        },
        onClosed: (reason) => {
          if (told !== 'connected') told = reason;
        },
      },
    });
    this.run(2);
    const answer = told;
    connection.close();
    this.run(1);
    return answer;
  }

  /** True when dockerd of a node listens on a port of all addresses, as `ss` of the lab shows it. */
  holdsPort(node: number, port: number): boolean {
    const lines = this.show(node, 'host', 'sockets').split('\n');
    return lines.some((line) => line.includes(` *:${port} `) && line.includes('"dockerd"'));
  }

  /** The balancer of a network on a node. */
  ipvs(node: number, network: string): Ipvs {
    const { id } = this.#network(network);
    const ipvs = this.node(node).executor?.networks.find(id)?.balancer?.ipvs;
    if (ipvs === undefined) throw new Error(`node${node} balances nothing on ${network}`);
    return ipvs;
  }

  /** The virtual address of a service on a network. */
  vipOf(service: string, network: string): Ipv4Address {
    const found = this.#control.findService(service);
    const { id } = this.#network(network);
    const vips = found.ok ? (found.value.endpoint?.virtualIps ?? []) : [];
    return vips.find(({ networkId }) => networkId === id)!.address.address;
  }

  /** The address of a container on its first network. */
  addressOf(node: number, name: string): Ipv4Address {
    const namespace = this.namespace(node, name);
    return namespace.addresses.of(namespace.deviceByName('eth0')!)[0]!.address;
  }

  /** The kinds of the frames that pass a device from now on, but for gossip. */
  capture(node: number, name: string, device: string): string[] {
    const kinds: string[] = [];
    const namespace = this.namespace(node, name);
    const tapped = namespace.deviceByName(device);
    if (tapped === undefined) throw new Error(`${name} of node${node} has no ${device}`);
    tapped.tap = (_device, { bytes, start, end }) => kinds.push(kindOfFrame(bytes, start, end));
    return kinds;
  }

  get #control() {
    return this.cluster.leader.control;
  }

  #network(name: string): Network {
    const found = this.#control.findNetwork(name);
    if (!found.ok) throw new Error(found.refusal.message);
    return found.value;
  }

  #must<T>(call: (reply: Reply<T>) => void): void {
    const result = answerOf<T>(call);
    if (!result.ok) throw new Error(result.refusal.message);
  }
}

function portOf({ port, target, mode }: NonNullable<LabService['publish']>) {
  return {
    name: '',
    protocol: PortProtocol.tcp,
    targetPort: target,
    publishedPort: port,
    publishMode: PublishMode[mode],
  };
}
