/**
 * One machine of the cluster through all its boots: what its disk and its role keep (node id, agent
 * memory, manager store), and the host that runs now, if it has power.
 */

import type { SwimConfig } from '../gossip/constants.ts';
import { nodeMetaOf } from '../gossip/networkdb/generation.ts';
import type { NetworkDb } from '../gossip/networkdb/network-db.ts';
import type { Swim } from '../gossip/swim.ts';
import { changedKeyring, type KeyringChange } from '../gossip/transport/keyring-change.ts';
import type { RunInstants, Starvation } from '../gossip/transport/starvation.ts';
import { Agent } from '../manager/agent/agent.ts';
import type { ManagerMessage, WeightedPeer } from '../manager/api/dispatcher-messages.ts';
import type { Executor } from '../manager/api/executor.ts';
import type { Manager } from '../manager/manager.ts';
import type { KernelRelease } from '../net/kernel-release.ts';
import { HostExecutor } from '../node/agent/executor.ts';
import { HostResolver } from '../node/dns/host-resolver.ts';
import type { EngineVersion } from '../node/engine-version.ts';
import { Host, type ResolverConfig } from '../node/host/host.ts';
import { Identifiers } from '../node/host/identifiers.ts';
import type { KernelModule } from '../node/host/kernel-modules.ts';
import type { DaemonConfig } from '../node/network/network-host.ts';
import { SwarmNetworks } from '../node/network/swarm-networks.ts';
import type { World } from '../sim/world.ts';
import { macOfIpv4 } from '../wire/addresses.ts';
import { formatIp, type IpAddress, parseIp } from '../wire/ip-address.ts';
import type { GossipKeys } from './gossip-keys.ts';
import type { HostAddresses } from './host-addresses.ts';
import { NatBox } from './nat-box.ts';
import type { Underlay } from './underlay/underlay.ts';
import { Uplink } from './underlay/uplink.ts';

/** MTU of a host's network card. */
const UPLINK_MTU_BYTES = 1500;

/** What a machine is and what it is connected to. */
export interface MachineParts {
  readonly world: World;
  readonly underlay: Underlay;
  readonly swim: Swim;
  readonly db: NetworkDb;
  readonly gossipKeys: GossipKeys;
  readonly index: number;
  readonly name: string;
  readonly nodeId: string;
  readonly engine: EngineVersion;
  /** Where its gossip may differ from the cluster's. */
  readonly gossip: Partial<SwimConfig>;
  /** How its daemon is started. */
  readonly daemon: DaemonConfig;
  /** By how much its clock is fast, as a ratio. */
  readonly clockDriftRatio: number;
  readonly addresses: HostAddresses;
  readonly gateway: number;
  readonly resolver: ResolverConfig;
  /** UDP port of VXLAN. */
  readonly dataPathPort: number;
  /** What its kernel lacks. */
  readonly missingModules: readonly KernelModule[];
  /** Its kernel; the newest if undefined. */
  readonly kernel: KernelRelease | undefined;
  readonly hasFirewalld: boolean;
  /** Set on manager nodes. */
  readonly manager: Manager | undefined;
  /** The address from which its agent connects to managers. */
  readonly managementAddress: IpAddress;
  /** Indexes of the managers that the machine knows from joining. */
  readonly managers: readonly number[];
  readonly send: (to: number, message: ManagerMessage) => void;
  /** Told with every new member, which is a new daemon on this machine. */
  readonly onMember: (machine: Machine, member: number) => void;
  /** Told when the engine's process has ended, or runs again, while the host goes on. */
  readonly onEngine: (machine: Machine, isUp: boolean) => void;
}

/** What the engine's process does for the swarm; `stopped` when it has ended, or left, and the host goes on. */
export type MachineState = 'off' | 'running' | 'paused' | 'stopped';

const NO_SWARM = 'This node is not part of a swarm';

/** There is one manager, so that nothing else than this can be said to it. */
const LAST_MANAGER =
  'You are attempting to leave the swarm on a node that is participating as a manager. ' +
  'Removing the last manager erases all current state of the swarm. ' +
  'Use `--force` to ignore this message. ';

/** One machine. */
export class Machine {
  readonly index: number;
  readonly name: string;
  readonly nodeId: string;
  readonly engine: EngineVersion;
  readonly addresses: HostAddresses;
  readonly manager: Manager | undefined;
  readonly agent: Agent;
  state: MachineState = 'off';
  bootCount = 0;
  /** The host that runs now; the last one while the power is off. */
  host: Host | undefined;
  executor: HostExecutor | undefined;
  /** The member index of the daemon that runs now. */
  member: number | undefined;
  /** How the engine's process is starved of CPU, if it is. */
  starvation: Starvation | undefined;
  /** True once the node has left the swarm, which no restart undoes. */
  hasLeft = false;
  /** True while the engine's process waits for a CPU. */
  #isWaiting = false;
  /** Rises with every starvation and its end; what belongs to an earlier one is over. */
  #waits = 0;
  /** The names of its gossip keys, once they have changed; the daemon finds them when it starts. */
  keyring: readonly string[] | undefined;
  readonly #parts: MachineParts;
  readonly #identifiers: Identifiers;
  readonly #natBox: NatBox | undefined;

  constructor(parts: MachineParts) {
    this.#parts = parts;
    this.index = parts.index;
    this.name = parts.name;
    this.nodeId = parts.nodeId;
    this.engine = parts.engine;
    this.addresses = parts.addresses;
    this.manager = parts.manager;
    this.#identifiers = new Identifiers(parts.world.chance, parts.index);
    this.#natBox = natBoxOf(parts);
    this.agent = new Agent({
      world: parts.world,
      nodeIndex: parts.index,
      nodeId: parts.nodeId,
      address: formatIp(parts.managementAddress),
      executor: this.#currentExecutor(),
      send: parts.send,
      managers: parts.managers,
      isManager: parts.manager !== undefined,
    });
  }

  /** True while the machine has power. */
  get isOn(): boolean {
    return this.state !== 'off';
  }

  /** The machine boots: kernel, engine, manager, agent. */
  boot(): void {
    const { world, underlay, index, name, engine, addresses, gateway, resolver } = this.#parts;
    const [card, ...furtherCards] = addresses.cards.map(({ segment, prefix, prefix6 }) => {
      if (segment === 0 && this.#natBox !== undefined) {
        return { uplink: this.#natBox.plug(), address: addresses.inside!.prefix };
      }
      const mac = macOfIpv4(prefix.address);
      const uplink = new Uplink(segment, mac, UPLINK_MTU_BYTES, index, underlay);
      underlay.attach(uplink);
      return { uplink, address: prefix, address6: prefix6 };
    });
    this.host = new Host({
      world,
      index,
      name,
      engine,
      ...card!,
      furtherCards,
      dataPathAddress: addresses.dataPath,
      bindAddress: addresses.bind,
      gateway: addresses.inside?.gateway ?? gateway,
      resolver,
      config: this.#parts.daemon,
      identifiers: this.#identifiers,
      missingModules: this.#parts.missingModules,
      kernel: this.#parts.kernel,
      dataPathPort: this.#parts.dataPathPort,
      hasFirewalld: this.#parts.hasFirewalld,
      before: this.host,
    });
    if (resolver.local !== undefined) new HostResolver(this.host.namespace, resolver.local);
    this.host.process.swarm = {
      isManager: this.manager !== undefined,
      stop: (onDone) => this.#stopEngine(onDone),
      kill: () => this.#killEngine(),
      rewriteRules: () => this.executor?.networksIfAny?.rewriteRules(),
      cleanUp: () => this.executor?.abandon(),
      start: () => {
        this.#startEngine();
        this.#parts.onEngine(this, true);
      },
    };
    this.#startEngine();
  }

  /** The engine's process begins: executor, manager, agent. */
  #startEngine(): void {
    const { gossipKeys, index } = this.#parts;
    this.executor = new HostExecutor(
      this.host!,
      (managers, onJoined) => this.#startGossip(managers, onJoined),
      (keys) => gossipKeys.set(index, keys),
    );
    this.state = 'running';
    if (this.hasLeft) return;
    const isFirst = this.bootCount++ === 0;
    if (isFirst) this.manager?.onStart();
    else this.manager?.restart();
    if (isFirst) this.agent.onStart();
    else this.agent.restart();
  }

  /** The engine's process is told to end: it leaves the gossip, and nobody else is told. */
  #stopEngine(onDone: () => void): void {
    const { executor, host } = this;
    const { db } = this.#parts;
    this.#becomeStopped();
    this.manager?.stop();
    const end = () => {
      if (this.host !== host || this.state !== 'stopped') return;
      this.#endMember();
      executor!.isOver = true;
      onDone();
    };
    executor!.shutDown(() => {
      if (this.member === undefined) end();
      else db.close(this.member, end);
    });
  }

  /**
   * `docker swarm leave`: the tasks' containers are removed, without the time that a drain gives their
   * connections, and the gossip hears of it; the manager is not told. The refusal of a node that may not.
   */
  leaveSwarm(): string | undefined {
    if (this.hasLeft || this.state !== 'running') return NO_SWARM;
    if (this.manager !== undefined) return LAST_MANAGER;
    this.hasLeft = true;
    this.#becomeStopped();
    const { executor, host } = this;
    executor!.removeAll();
    executor!.isOver = true;
    const end = () => {
      if (this.host === host) this.#endMember();
    };
    if (this.member !== undefined) this.#parts.db.close(this.member, end);
    return undefined;
  }

  /** The engine's process is gone; its containers go on. */
  #killEngine(): void {
    this.#becomeStopped();
    this.manager?.crash();
    this.#endMember();
    this.executor?.letGo();
  }

  #becomeStopped(): void {
    this.state = 'stopped';
    this.#waits++;
    this.#isWaiting = false;
    this.agent.crash();
    this.#parts.onEngine(this, false);
  }

  /** Its member in the gossip is no more. */
  #endMember(): void {
    if (this.member === undefined) return;
    this.#parts.swim.crash(this.member);
    this.#parts.db.stop(this.member);
    this.#parts.gossipKeys.set(this.index, []);
    this.member = undefined;
  }

  /** The power goes. */
  powerOff(): void {
    if (this.state === 'off') return;
    this.state = 'off';
    this.#waits++;
    this.#isWaiting = false;
    this.agent.crash();
    this.manager?.crash();
    this.#endMember();
    for (const container of this.executor?.containers.values() ?? []) {
      container.program?.kill(137);
      const wasRunning = container.state === 'running';
      container.state = 'exited';
      if (wasRunning) this.executor?.noteContainer(container, false);
    }
    this.host?.powerOff();
  }

  /** The engine's process is stopped; kernel and containers go on. */
  pause(): void {
    if (this.state !== 'running') return;
    this.state = 'paused';
    this.#hold();
    this.manager?.pause();
    if (this.member !== undefined) this.#parts.swim.pause(this.member);
  }

  /** The engine's process goes on. */
  resume(): void {
    if (this.state !== 'paused') return;
    this.state = 'running';
    if (this.member !== undefined) this.#parts.swim.resume(this.member);
    if (!this.#isWaiting) this.#goOn();
  }

  /** The engine's process has to wait for a CPU: whatever it receives or is to do is late. */
  starve(starvation: Starvation): void {
    this.starvation = starvation;
    if (this.member === undefined) return;
    const instants = this.#parts.swim.starve(this.member, starvation);
    this.#waits++;
    this.#wait(instants, this.#waits);
  }

  /** Installs, uses or removes a key of the daemon's gossip; the text of what forbids it. */
  changeKeyring(change: KeyringChange, key: string): string | undefined {
    const { swim } = this.#parts;
    if (this.member === undefined || !swim.isUp(this.member)) return 'the engine does not run';
    const keyring = changedKeyring(swim.keyringOf(this.member), change, key);
    if (typeof keyring === 'string') return keyring;
    this.keyring = keyring;
    swim.setKeyring(this.member, keyring);
    return undefined;
  }

  /** The engine's process has a CPU whenever it needs one. */
  relieve(): void {
    this.starvation = undefined;
    if (this.member !== undefined) this.#parts.swim.relieve(this.member);
    this.#endWait();
  }

  /** Plays the spans of a starvation for what of the process is not membership's. */
  #wait(instants: RunInstants, number: number): void {
    const { endNs, mustWait } = instants.next();
    if (mustWait && !this.#isWaiting) {
      this.#isWaiting = true;
      if (this.state === 'running') this.#hold();
    }
    this.#parts.world.queue.scheduleCallback(endNs, () => {
      if (this.#waits !== number) return;
      this.#runOnce();
      this.#wait(instants, number);
    });
  }

  /** The wait is over: the process does what has waited. */
  #runOnce(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    if (this.state === 'running') this.#goOn();
  }

  /** Ends a starvation, if there is one. */
  #endWait(): void {
    this.#waits++;
    this.#runOnce();
  }

  /** What is due for agent, manager, NetworkDB and the rest of the daemon waits. */
  #hold(): void {
    this.host?.process.pause();
    this.agent.pause();
    this.manager?.wait();
    if (this.member !== undefined) this.#parts.db.pause(this.member);
  }

  #goOn(): void {
    if (this.member !== undefined) this.#parts.db.resume(this.member);
    this.manager?.resume();
    this.agent.resume();
    this.host?.process.resume();
  }

  #startGossip(
    managers: readonly WeightedPeer[],
    onJoined: (networks: SwarmNetworks) => void,
  ): void {
    const { swim, db, engine } = this.#parts;
    const address = this.addresses.advertise;
    const name = this.#identifiers.hex(12);
    const member = swim.memberCount;
    db.addNode({
      node: member,
      name,
      hostname: this.name,
      address,
      generation: engine.networkDbRules,
    });
    this.member = member;
    this.#parts.onMember(this, member);
    const { gossip, clockDriftRatio } = this.#parts;
    const config = this.keyring === undefined ? gossip : { ...gossip, keyring: this.keyring };
    const meta = nodeMetaOf(engine.networkDbRules);
    const init = { name, address, config, clockDriftRatio };
    swim.addMember(meta === undefined ? init : { ...init, meta });
    if (this.starvation !== undefined) this.starve(this.starvation);
    const bootstrap = managers
      .map((peer) => ({ address: parseIp(peer.address) ?? 0, port: 0 }))
      .filter((peer) => peer.address !== address && peer.address !== 0);
    const networks = new SwarmNetworks(this.host!, db, member);
    this.#tellPlugins(this.host!, member);
    if (bootstrap.length === 0) onJoined(networks);
    else db.join(member, bootstrap, () => onJoined(networks));
  }

  /** Drivers that are plugins hear of the nodes of the swarm. */
  #tellPlugins({ drivers, plugins, dataPathAddress }: Host, member: number): void {
    if (plugins.isEmpty) return;
    drivers.noteNode(dataPathAddress);
    this.#parts.db.watchNodes(member, (kind, _subject, address) => {
      if (kind === 'create') drivers.noteNode(address);
      else drivers.forgetNode(address);
    });
  }

  /** The executor of whichever host runs now. */
  #currentExecutor(): Executor {
    const current = () => this.executor!;
    return {
      describe: () => current().describe(),
      configure: (node) => current().configure(node),
      setManagers: (managers) => current().setManagers(managers),
      setNetworkBootstrapKeys: (keys) => current().setNetworkBootstrapKeys(keys),
      controllerOf: (task) => current().controllerOf(task),
    };
  }
}

/** The box in front of a machine, if it is behind NAT. */
function natBoxOf({ addresses, ...parts }: MachineParts): NatBox | undefined {
  if (addresses.inside === undefined) return undefined;
  const { kind, prefix: inside, gateway } = addresses.inside;
  const { world, underlay, index, name, dataPathPort } = parts;
  const { first: outside } = addresses;
  return new NatBox({ world, underlay, index, name, dataPathPort, kind, outside, inside, gateway });
}
