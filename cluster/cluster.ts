/**
 * All hosts, the underlay between them, the outside world, and what an operator can do to them.
 *
 * ```
 *            outside 198.51.100.7 ── 192.168.56.1 (default gateway of all hosts)
 *                                        │
 *   manager-1 .101 ── worker-1 .102 ── underlay ── worker-2 .103 ── …
 * ```
 * The cluster is where the floors meet that know nothing of each other: one gossip engine and one
 * NetworkDB for all hosts, a manager plane, and connections that carry their messages.
 */

import { DOCKER, type SwimConfig } from '../gossip/constants.ts';
import { NetworkDb } from '../gossip/networkdb/network-db.ts';
import { Swim } from '../gossip/swim.ts';
import type { Starvation } from '../gossip/transport/starvation.ts';
import type {
  AgentMessage,
  DispatcherMessage,
  ManagerMessage,
} from '../manager/api/dispatcher-messages.ts';
import { sizeBytesOf } from '../manager/api/message-size.ts';
import { Manager } from '../manager/manager.ts';
import { NodeDirectory } from '../manager/node-directory.ts';
import { type ClusterSpec, DEFAULT_CLUSTER_SPEC } from '../manager/objects/cluster.ts';
import { NodeAvailability, NodeRole } from '../manager/objects/node.ts';
import type { ComposeModel } from '../manager/stack/compose-model.ts';
import { type DeployedStack, deployStack } from '../manager/stack/deploy.ts';
import { HostCounters } from '../net/host-counters.ts';
import type { KernelRelease } from '../net/kernel-release.ts';
import { Namespace } from '../net/namespace.ts';
import type { AssociationSpec } from '../net/xfrm/xfrm.ts';
import { type LocalResolverName, resolverConfigOf } from '../node/dns/host-resolver.ts';
import type { EngineVersion } from '../node/engine-version.ts';
import type { ResolverConfig } from '../node/host/host.ts';
import type { KernelModule } from '../node/host/kernel-modules.ts';
import { type DaemonConfig, DEFAULT_DAEMON_CONFIG } from '../node/network/network-host.ts';
import { assert } from '../sim/assert.ts';
import { drawBelow } from '../sim/chance.ts';
import { MILLISECOND_NS, SECOND_NS } from '../sim/time.ts';
import type { World } from '../sim/world.ts';
import { macOfIpv4, parseIpv4Address } from '../wire/addresses.ts';
import { ControlConnections } from './control/connection.ts';
import { GossipKeys } from './gossip-keys.ts';
import { GossipNetwork } from './gossip-network.ts';
import {
  type AddressChoices,
  HOST_GATEWAY,
  HOST_PREFIX_LENGTH,
  HostAddresses,
} from './host-addresses.ts';
import { Machine } from './machine.ts';
import { NameServer, type NameServerOptions, withPublicServers } from './name-server.ts';
import { ClusterPlugins, type PluginPlacement } from './plugins.ts';
import type { LinkConditions } from './underlay/conditions.ts';
import { Exchanges, type PortState } from './underlay/exchange.ts';
import { Underlay } from './underlay/underlay.ts';
import { Uplink } from './underlay/uplink.ts';

/** The address of a client far away. */
const OUTSIDE_ADDRESS = parseIpv4Address('198.51.100.7')!;

/** The first machine boots within this span; the others join one after the other behind it. */
const FIRST_JOIN_NS = 500 * MILLISECOND_NS;
/** Two joins are this far apart on average, unless there are so many that all would take longer. */
const JOIN_GAP_NS = 500 * MILLISECOND_NS;
const JOINS_NS_MAX = 10 * SECOND_NS;
/** What the last machine needs to register and to be known to the others. */
const SETTLE_NS = SECOND_NS;
/** How long a machine takes from power to a running engine. */
const BOOT_MIN_NS = 5 * SECOND_NS;
const BOOT_MAX_NS = 9 * SECOND_NS;

/** One node as the user asks for it. */
export interface NodeOptions {
  readonly name: string;
  readonly engine: EngineVersion;
  readonly isManager: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly availability?: 'active' | 'pause' | 'drain';
  /** Where its gossip differs from the cluster's and its engine's. */
  readonly gossip?: Partial<SwimConfig>;
  /** How its daemon is started; without flags unless given. */
  readonly daemon?: DaemonConfig;
  /** By how much its clock is fast, as a ratio; 0 unless given. */
  readonly clockDriftRatio?: number;
  /** What its kernel lacks; default: nothing. */
  readonly missingModules?: readonly KernelModule[];
  /** Its kernel; the newest unless given. */
  readonly kernel?: KernelRelease | undefined;
  /** firewalld runs; default: it is not installed. */
  readonly hasFirewalld?: boolean;
  /** Its cards, and what it advertises. */
  readonly addresses?: AddressChoices;
}

/** What a cluster is made from. */
export interface ClusterOptions {
  readonly world: World;
  /** Managers first. */
  readonly nodes: readonly NodeOptions[];
  readonly conditions?: LinkConditions | undefined;
  /** Membership's configuration; Docker's unless given. */
  readonly gossip?: SwimConfig;
  /** What `docker swarm init` was told: heartbeats, address pools, the data path's port. */
  readonly spec?: Partial<ClusterSpec> | undefined;
  readonly shortcuts?: boolean;
  /** DNS servers of the outside world, in the order of every host's `resolv.conf`. */
  readonly nameServers?: readonly NameServerOptions[];
  /** The `search` of every host's `resolv.conf`. */
  readonly search?: readonly string[];
  /** Sample plugins and their central services; default none. */
  readonly plugins?: readonly PluginPlacement[];
  /** A DNS server on every host, which its `resolv.conf` names; it asks the others. */
  readonly localResolver?: LocalResolverName | undefined;
}

/** A simulated swarm. */
export class Cluster {
  readonly world: World;
  readonly underlay: Underlay;
  readonly swim: Swim;
  readonly db: NetworkDb;
  /** Who can decrypt whose gossip. */
  readonly gossipKeys: GossipKeys;
  readonly machines: Machine[] = [];
  readonly directory: NodeDirectory;
  /** A client's machine that is no host of the swarm. */
  readonly outside: Namespace;
  readonly outsideAddress = OUTSIDE_ADDRESS;
  /** The underlay's index of the outside. */
  readonly outsideIndex: number;
  /** The sample plugins on its hosts. */
  readonly plugins: ClusterPlugins;
  /** Told when a machine has booted. */
  onBoot: ((index: number) => void) | undefined;
  /** Told when a machine's engine has ended, or runs again, while the host goes on. */
  onEngine: ((index: number, isUp: boolean) => void) | undefined;
  readonly #clusterSpec: ClusterSpec;
  readonly #resolver: ResolverConfig;
  readonly #exchanges: Exchanges;
  readonly #control: ControlConnections<ManagerMessage>;
  readonly #machineOfMember: Machine[] = [];

  constructor(options: ClusterOptions) {
    const { world, nodes } = options;
    this.world = world;
    this.outsideIndex = nodes.length;
    this.underlay = new Underlay(world, nodes.length + 1, options.conditions);
    this.gossipKeys = new GossipKeys(world);
    this.#exchanges = new Exchanges(world, this.underlay, {
      portState: (host, from) => this.#portState(host, from),
    });
    const addresses = nodes.map((node, index) => new HostAddresses(index, node.addresses));
    const hostOf = (member: number) => this.machineOfMember(member).index;
    const reaches = (from: number, to: number) => addresses[from]!.sendsTo(addresses[to]!);
    this.swim = new Swim({
      world,
      underlay: new GossipNetwork(this.underlay, this.#exchanges, this.gossipKeys, hostOf, reaches),
      config: options.gossip ?? DOCKER,
      shortcuts: options.shortcuts ?? true,
    });
    this.db = new NetworkDb({
      world,
      carrier: this.swim,
      shortcuts: options.shortcuts ?? true,
    });
    this.swim.setDelegate(this.db);
    this.underlay.paths.beforeChange = () => this.swim.beforeUnderlayChange();
    this.gossipKeys.beforeChange = () => this.swim.beforeUnderlayChange();
    this.#control = new ControlConnections(world, this.underlay, nodes.length + 1, {
      processState: (host) => this.#processState(host),
      deliver: (from, to, message) => this.#deliver(from, to, message),
      reset: (host, peer) => this.machines[host]?.agent.onDisconnected(peer),
    });
    this.#clusterSpec = { ...DEFAULT_CLUSTER_SPEC, ...options.spec };
    this.directory = new NodeDirectory(world.chance);
    this.outside = this.#createOutside();
    const { nameServers = [], search = [] } = options;
    for (const server of withPublicServers(nameServers)) new NameServer(this.outside, server);
    const servers = nameServers.map(({ address }) => address);
    this.#resolver = resolverConfigOf(options.localResolver, servers, search);
    nodes.forEach((node, index) =>
      this.machines.push(this.#createMachine(node, index, nodes, addresses)),
    );
    this.plugins = new ClusterPlugins(world, this.machines, options.plugins ?? []);
    this.#scheduleBoots(nodes);
  }

  /** The manager that leads. */
  get leader(): Manager {
    const machine = this.machines.find((m) => m.manager !== undefined && m.isOn);
    assert(machine?.manager !== undefined, 'no manager is running');
    return machine.manager;
  }

  /** True when a manager runs that can take commands. */
  get hasLeader(): boolean {
    return this.machines.some((m) => m.manager?.isLeader === true && m.state === 'running');
  }

  /** What encrypted the overlays' packets, of the hosts that run now. */
  get espKeys(): readonly AssociationSpec[] {
    return this.machines.flatMap(({ host }) => host?.encryption.used ?? []);
  }

  /** By when every machine has joined and registered, in ns. */
  get formedAtNs(): number {
    return FIRST_JOIN_NS + this.machines.length * this.#joinGapNs + SETTLE_NS;
  }

  /** The machine on which a member runs or ran. */
  machineOfMember(member: number): Machine {
    return this.#machineOfMember[member]!;
  }

  /** `docker stack deploy`; the refusal's text when the manager says no. */
  deployStack(name: string, model: ComposeModel): DeployedStack | string {
    const result = deployStack(this.leader.control, name, model);
    return result.ok ? result.value : result.refusal.message;
  }

  /** The power of a machine goes. */
  crash(index: number): void {
    this.#control.drop(index);
    this.#exchanges.forgetNeighbours(index);
    this.machines[index]!.powerOff();
  }

  /** A machine boots; one that runs loses its power first. */
  restart(index: number): void {
    const machine = this.machines[index]!;
    if (machine.isOn) this.crash(index);
    const key = this.world.chance.key('cluster.boot');
    const span = BOOT_MAX_NS - BOOT_MIN_NS;
    const bootNs = BOOT_MIN_NS + drawBelow(key, span, index, machine.bootCount);
    const boots = machine.bootCount;
    this.world.queue.scheduleCallback(this.world.nowNs + bootNs, () => {
      if (!machine.isOn && machine.bootCount === boots) this.#boot(machine);
    });
  }

  /** The engine's process of a machine stops. */
  pause(index: number): void {
    this.machines[index]!.pause();
  }

  /** The engine's process of a machine goes on. */
  resume(index: number): void {
    this.machines[index]!.resume();
    this.#control.resume(index);
  }

  /** The engine's process of a machine has to wait for a CPU, also after it has booted again. */
  starve(index: number, starvation: Starvation): void {
    this.machines[index]!.starve(starvation);
  }

  /** The engine's process of a machine has a CPU whenever it needs one. */
  relieve(index: number): void {
    this.machines[index]!.relieve();
  }

  get #joinGapNs(): number {
    return Math.min(JOIN_GAP_NS, Math.floor(JOINS_NS_MAX / this.machines.length));
  }

  #createMachine(
    node: NodeOptions,
    index: number,
    nodes: readonly NodeOptions[],
    addresses: readonly HostAddresses[],
  ): Machine {
    const { world } = this;
    const nodeId = this.directory.admit(index);
    const managers = nodes.flatMap((other, i) => (other.isManager ? [i] : []));
    const send = (to: number, message: ManagerMessage) => {
      if (message.kind === 'sessionRequest') this.#control.open(index, to);
      this.#control.send(index, to, message, sizeBytesOf(message));
    };
    const manager = node.isManager
      ? new Manager({
          world,
          nodeIndex: index,
          nodeId,
          directory: this.directory,
          send,
          clusterSpec: this.#clusterSpec,
        })
      : undefined;
    return new Machine({
      world,
      underlay: this.underlay,
      swim: this.swim,
      db: this.db,
      gossipKeys: this.gossipKeys,
      index,
      name: node.name,
      nodeId,
      engine: node.engine,
      gossip: { memberlist: node.engine.memberlist, ...node.gossip },
      daemon: node.daemon ?? DEFAULT_DAEMON_CONFIG,
      clockDriftRatio: node.clockDriftRatio ?? 0,
      addresses: addresses[index]!,
      gateway: HOST_GATEWAY,
      resolver: this.#resolver,
      missingModules: node.missingModules ?? [],
      kernel: node.kernel,
      dataPathPort: this.#clusterSpec.dataPathPort,
      hasFirewalld: node.hasFirewalld ?? false,
      manager,
      managers,
      managementAddress: addresses[index]!.addressTo(addresses[managers[0]!]!),
      send,
      onMember: (machine, member) => {
        this.#machineOfMember[member] = machine;
      },
      onEngine: (machine, isUp) => {
        this.onEngine?.(machine.index, isUp);
        if (isUp) this.#control.drop(machine.index);
      },
    });
  }

  /** The first manager boots at once, the others join one after the other. */
  #scheduleBoots(nodes: readonly NodeOptions[]): void {
    const { queue } = this.world;
    const key = this.world.chance.key('cluster.join');
    const gapNs = this.#joinGapNs;
    nodes.forEach((node, index) => {
      const machine = this.machines[index]!;
      const slotNs = index === 0 ? 0 : FIRST_JOIN_NS + (index - 1) * gapNs;
      const atNs = slotNs + drawBelow(key, index === 0 ? FIRST_JOIN_NS : gapNs, index);
      queue.scheduleCallback(atNs, () => {
        if (index > 0) this.#admit(machine, node);
        this.#boot(machine);
      });
    });
  }

  #boot(machine: Machine): void {
    machine.boot();
    this.plugins.onBoot(machine.index);
    this.onBoot?.(machine.index);
  }

  #admit(machine: Machine, node: NodeOptions): void {
    const role = node.isManager ? NodeRole.manager : NodeRole.worker;
    const availability = NodeAvailability[node.availability ?? 'active'];
    const { nodeId } = machine;
    const labels = node.labels ?? {};
    this.leader.control.admitNode({ nodeId, role, availability, labels }, () => {});
  }

  #createOutside(): Namespace {
    const { world, underlay, outsideIndex } = this;
    const namespace = new Namespace(world, {
      name: 'outside',
      nodeIndex: -1,
      host: new HostCounters(world),
    });
    const uplink = new Uplink(0, macOfIpv4(HOST_GATEWAY), 1500, outsideIndex, underlay);
    namespace.setUp(namespace.loopback, true);
    namespace.addDevice(uplink);
    namespace.addAddress(uplink, { address: HOST_GATEWAY, prefixLength: HOST_PREFIX_LENGTH });
    namespace.addAddress(namespace.loopback, { address: OUTSIDE_ADDRESS, prefixLength: 32 });
    namespace.setUp(uplink, true);
    underlay.attach(uplink);
    return namespace;
  }

  #deliver(from: number, to: number, message: ManagerMessage): void {
    const machine = this.machines[to]!;
    if (isForManager(message)) machine.manager?.onAgentMessage(from, message);
    else machine.agent.onMessage(from, message);
  }

  #processState(host: number): 'up' | 'paused' | 'gone' | 'off' {
    const machine = this.machines[host];
    if (machine === undefined || machine.state === 'off') return 'off';
    if (machine.state === 'stopped') return 'gone';
    return machine.state === 'paused' ? 'paused' : 'up';
  }

  #portState(host: number, from: number): PortState {
    const machine = this.machines[host];
    if (machine === undefined || !machine.isOn) return 'silent';
    if (!this.machines[from]!.addresses.reaches(machine.addresses)) return 'unrouted';
    return machine.member === undefined ? 'closed' : 'open';
  }
}

function isForManager(message: ManagerMessage): message is AgentMessage {
  switch (message.kind) {
    case 'sessionRequest':
    case 'heartbeatRequest':
    case 'assignmentsRequest':
    case 'updateTaskStatusRequest':
    case 'sessionClose':
      return true;
    default: {
      const _other: DispatcherMessage = message;
      return false;
    }
  }
}
