/**
 * One Docker host from boot to power-off: the kernel's first namespace with the uplink, and what
 * dockerd makes at its start: iptables chains, `docker0`, and later, when the swarm needs it,
 * `docker_gwbridge`.
 *
 * A host that boots again is a new `Host`; what survives on disk is its owner's business.
 */
import type { Device } from '../../net/device/device.ts';
import { HostCounters } from '../../net/host-counters.ts';
import { DEFAULT_KERNEL, type KernelRelease, kernelOf } from '../../net/kernel-release.ts';
import { Namespace } from '../../net/namespace.ts';
import { Xfrm } from '../../net/xfrm/xfrm.ts';
import { assert } from '../../sim/assert.ts';
import type { World } from '../../sim/world.ts';
import { OverlayEncryption } from '../../vxlan/encryption.ts';
import { formatIpv4Address, type Ipv4Address, type Prefix } from '../../wire/addresses.ts';
import { type IpAddress, type IpPrefix, isIpv6Address } from '../../wire/ip-address.ts';
import { VXLAN_PORT } from '../../wire/vxlan.ts';
import { Daemon } from '../daemon/daemon.ts';
import { EngineProcess } from '../daemon/engine-process.ts';
import { Refusal } from '../daemon/refusal.ts';
import type { IpamConfig } from '../daemon/requests.ts';
import type { LocalResolver } from '../dns/host-resolver.ts';
import { type EngineVersion, withNftables } from '../engine-version.ts';
import { layoutOf } from '../firewall/bridge-rules.ts';
import { Firewalld } from '../firewall/firewalld.ts';
import { RuleWriter } from '../firewall/writer.ts';
import { LocalPools } from '../ipam/local-pools.ts';
import type { BridgeEndpoint, BridgeNetwork } from '../network/bridge-network.ts';
import { PLAIN_BRIDGE } from '../network/bridge-options.ts';
import { LocalNetwork, type LocalNetworkFacts } from '../network/local-network.ts';
import { LocalNetworks } from '../network/local-networks.ts';
import {
  type DaemonConfig,
  DEFAULT_DAEMON_CONFIG,
  type NetworkHost,
} from '../network/network-host.ts';
import { DriverRegistry } from '../plugins/driver-registry.ts';
import { PluginFolder } from '../plugins/plugin-folder.ts';
import { PortAllocator } from '../publish/port-allocator.ts';
import type { Identifiers } from './identifiers.ts';
import type { KernelModule } from './kernel-modules.ts';

/** The name of the bridge by which swarm sandboxes reach the outside. */
export const GATEWAY_BRIDGE = 'docker_gwbridge';

/** What a host boots from. */
export interface HostOptions {
  readonly world: World;
  readonly index: number;
  readonly name: string;
  readonly engine: EngineVersion;
  /** The address of the uplink with its subnet. */
  readonly address: Prefix;
  readonly gateway: Ipv4Address;
  readonly uplink: Device;
  /** Cards beside the uplink. */
  readonly furtherCards?: readonly HostCard[];
  /** Where the others send VXLAN to; default: the uplink's address. */
  readonly dataPathAddress?: IpAddress;
  /** What dockerd is bound to; default: the uplink's address. */
  readonly bindAddress?: IpAddress;
  /** The uplink's IPv6 address, if it has one. */
  readonly address6?: IpPrefix | undefined;
  readonly identifiers: Identifiers;
  /** Its `resolv.conf`; default: no server. */
  readonly resolver?: ResolverConfig | undefined;
  /** What its kernel lacks; default: nothing. */
  readonly missingModules?: readonly KernelModule[] | undefined;
  /** Its kernel; default: the newest. */
  readonly kernel?: KernelRelease | undefined;
  /** How its daemon is started; default: without flags. */
  readonly config?: DaemonConfig | undefined;
  /** UDP port of VXLAN (`--data-path-port`); default 4789. */
  readonly dataPathPort?: number | undefined;
  /** Its `/etc/hosts`; default: itself under its name. */
  readonly hostsFile?: string | undefined;
  /** firewalld runs; default: it is not installed. */
  readonly hasFirewalld?: boolean | undefined;
  /** The host that ran from the same disk before: networks and containers are still there. */
  readonly before?: Host | undefined;
}

/** A network card with its address. */
interface HostCard {
  readonly uplink: Device;
  readonly address: Prefix;
  readonly address6?: IpPrefix | undefined;
}

/** What a host's `resolv.conf` says: DNS servers in order, and domains to search names in. */
export interface ResolverConfig {
  readonly servers: readonly Ipv4Address[];
  readonly search: readonly string[];
  readonly options?: readonly string[];
  /** The DNS server on the host itself, when that is whom the file names. */
  readonly local?: LocalResolver | undefined;
}

/** Where process ids and dockerd's file descriptors begin. */
const FIRST_PID = 999;
const FIRST_DESCRIPTOR = 27;

const NO_RESOLVER: ResolverConfig = { servers: [], search: [] };

/** A running host. */
export class Host implements NetworkHost {
  readonly world: World;
  readonly index: number;
  readonly name: string;
  readonly engine: EngineVersion;
  /** Its VTEP (`--data-path-addr`). */
  readonly dataPathAddress: IpAddress;
  /** Where VXLAN is heard (`--data-path-port`). */
  readonly dataPathPort: number;
  readonly identifiers: Identifiers;
  readonly counters: HostCounters;
  /** The initial namespace. */
  readonly namespace: Namespace;
  readonly resolver: ResolverConfig;
  readonly config: DaemonConfig;
  readonly hostsFile: string;
  readonly writer: RuleWriter;
  readonly ip6Writer: RuleWriter | undefined;
  readonly docker0: BridgeNetwork;
  /** IPsec for encrypted overlays. */
  readonly encryption: OverlayEncryption;
  /** Where plugins listen. */
  readonly plugins = new PluginFolder();
  /** The drivers that are plugins. */
  readonly drivers: DriverRegistry;
  /** The networks of scope local, the predefined ones first. */
  readonly networks: LocalNetworks;
  /** Every namespace of the host by its file name (`default`, `ingress_sbox`, `1-…`, `lb_…`). */
  readonly namespaces = new Map<string, Namespace>();
  /** The host ports that containers hold. */
  readonly ports = new PortAllocator();
  /** dockerd's process id. */
  daemonPid: number;
  readonly process = new EngineProcess(this);
  /** The engine, as the `docker` command sees it. */
  readonly daemon: Daemon;
  /** Absent where it is not installed. */
  readonly firewalld: Firewalld | undefined;
  /** False once the power is off; programs and timers of the host then do nothing. */
  isOn = true;
  readonly #missingModules: readonly KernelModule[];
  /** The uplink first. */
  readonly #cards: readonly HostCard[];
  /** The daemon has switched forwarding on, so that it answers for what is forwarded. */
  #dropsForwarded = false;
  #dropsForwarded6 = false;
  #lastPid = FIRST_PID;
  #lastDescriptor = FIRST_DESCRIPTOR;

  constructor(options: HostOptions) {
    const { world, index, name, engine, address, uplink } = options;
    const { furtherCards = [], dataPathAddress = address.address, before } = options;
    this.world = world;
    this.index = index;
    this.name = name;
    this.dataPathAddress = dataPathAddress;
    this.dataPathPort = options.dataPathPort ?? VXLAN_PORT;
    this.identifiers = options.identifiers;
    this.#cards = [{ uplink, address, address6: options.address6 }, ...furtherCards];
    this.resolver = options.resolver ?? NO_RESOLVER;
    this.#missingModules = options.missingModules ?? [];
    this.config = options.config ?? DEFAULT_DAEMON_CONFIG;
    this.engine = this.config.usesNftables ? withNftables(engine) : engine;
    const { address: own } = address;
    this.hostsFile =
      options.hostsFile ?? `127.0.0.1\tlocalhost\n${formatIpv4Address(own)}\t${name}\n`;
    const { kernel } = options;
    this.counters = new HostCounters(
      world,
      kernel === undefined ? DEFAULT_KERNEL : kernelOf(kernel),
    );
    this.namespace = new Namespace(world, { name, nodeIndex: index, host: this.counters });
    this.namespaces.set('default', this.namespace);
    this.#bootKernel(options.gateway);
    this.writer = new RuleWriter(this.namespace.tables);
    const writesIp6tables = this.config.writesIp6tables ?? this.engine.writesIp6tables;
    if (writesIp6tables && this.engine.layout !== 'nftables') {
      this.ip6Writer = new RuleWriter(this.namespace.ipv6.tables);
    }
    if (options.hasFirewalld === true) this.firewalld = new Firewalld(this);
    const xfrm = new Xfrm(this.namespace, this.hasModule('esp'));
    this.namespace.xfrm = xfrm;
    this.encryption = new OverlayEncryption({
      xfrm,
      address: this.dataPathAddress,
      bindAddress: options.bindAddress ?? this.dataPathAddress,
      port: engine.encryptsAnyPort ? this.dataPathPort : VXLAN_PORT,
      generation: engine.networkDbGeneration,
      hashesShortAddresses: engine.hashesShortAddresses,
    });
    this.daemonPid = this.nextPid();
    const pools = new LocalPools(engine.rotatesPools, this.config.pools);
    this.drivers = new DriverRegistry(this);
    this.networks = new LocalNetworks(this, pools, this.drivers);
    for (const [network, driver] of [
      ['host', 'host'],
      ['none', 'null'],
    ] as const) {
      const facts = before?.networks.find(network)?.facts ?? this.#addressless(network, driver);
      this.networks.add(new LocalNetwork(facts, undefined));
    }
    this.#writeChains();
    if (before !== undefined) this.networks.restore(before.networks.list());
    this.docker0 = this.#createOwnBridge('bridge', 'docker0', true);
    this.#finishStart();
    this.daemon = new Daemon(this, before?.daemon);
    this.daemon.lifecycle.restore();
    this.daemon.lifecycle.startByPolicy();
  }

  /** The version of IP between the hosts: up to Docker 24 IPv4, whatever is advertised. */
  get tunnelFamily(): 'ipv4' | 'ipv6' {
    const isVersion6 = isIpv6Address(this.dataPathAddress);
    return isVersion6 && this.engine.hasIpv6Transport ? 'ipv6' : 'ipv4';
  }

  /** Writes the rules about what passes between the hosts (`transportIPTable`). */
  get tunnelWriter(): RuleWriter {
    if (this.tunnelFamily === 'ipv4') return this.writer;
    return this.ip6Writer ?? new RuleWriter(this.namespace.ipv6.tables);
  }

  /** True when the kernel has a module. */
  hasModule(module: KernelModule): boolean {
    return !this.#missingModules.includes(module);
  }

  /** `eth0`. */
  get uplink(): Device {
    return this.#cards[0]!.uplink;
  }

  /** A new namespace of this host: `fileName` is what `ip netns` would show. */
  createNamespace(fileName: string): Namespace {
    const namespace = new Namespace(this.world, {
      name: `${this.name}/${fileName}`,
      nodeIndex: this.index,
      host: this.counters,
      initial: this.namespace,
    });
    const scope = this.engine.hasIpv6Loopback ? 'default' : 'all';
    namespace.sysctls.set(`net.ipv6.conf.${scope}.disable_ipv6`, 1);
    namespace.setUp(namespace.loopback, true);
    this.namespaces.set(fileName, namespace);
    return namespace;
  }

  /** Destroys a namespace with everything in it. */
  destroyNamespace(fileName: string): void {
    this.namespaces.get(fileName)?.destroy();
    this.namespaces.delete(fileName);
  }

  /** `docker_gwbridge`, made when it is first needed. */
  get gatewayBridge(): BridgeNetwork {
    return this.gatewayBridgeIfAny ?? this.#createOwnBridge(GATEWAY_BRIDGE, GATEWAY_BRIDGE, false);
  }

  /** `docker_gwbridge`, if it was made. */
  get gatewayBridgeIfAny(): BridgeNetwork | undefined {
    return this.networks.find(GATEWAY_BRIDGE)?.plane as BridgeNetwork | undefined;
  }

  /** Gives a sandbox its way out: an interface on a bridge and the default route. */
  attachGateway(
    sandbox: Namespace,
    interfaceName: string,
    bridge: BridgeNetwork = this.gatewayBridge,
  ): BridgeEndpoint {
    const endpoint = bridge.attach(sandbox, interfaceName);
    assert(endpoint !== undefined, `no available addresses on ${bridge.name}`);
    sandbox.addRoute({
      destination: 0,
      prefixLength: 0,
      gateway: bridge.gateway,
      device: endpoint.device,
    });
    return endpoint;
  }

  /** The next process id. */
  nextPid(): number {
    return this.#lastPid++;
  }

  /** dockerd with a new file descriptor, as `ss` prints it. */
  daemonProgram(): string {
    return `"dockerd",pid=${this.daemonPid},fd=${this.#lastDescriptor++}`;
  }

  /** Its role in a swarm. */
  get swarmRole(): 'manager' | 'worker' | undefined {
    const { swarm } = this.process;
    if (swarm === undefined) return undefined;
    return swarm.isManager ? 'manager' : 'worker';
  }

  /** What new subnets must not overlap: the host's routes and its name servers. */
  usedPrefixes(): Prefix[] {
    const routes = this.namespace
      .routesOf()
      .filter(({ prefixLength }) => prefixLength > 0)
      .map(({ destination, prefixLength }) => ({ address: destination, lengthBits: prefixLength }));
    return [...routes, ...this.resolver.servers.map((address) => ({ address, lengthBits: 32 }))];
  }

  /** Does what only dockerd can do: now, when its process goes on, or never when it has ended. */
  inEngine(action: () => void): void {
    this.process.run(action);
  }

  /** dockerd's process is another one. */
  renewDaemonProcess(): void {
    this.daemonPid = this.nextPid();
    this.#lastDescriptor = FIRST_DESCRIPTOR;
    this.drivers.restart();
    const ipam = (name: string) => this.drivers.ipam(name);
    for (const { plugged } of this.networks.list()) plugged?.restart(ipam, this.engine);
  }

  /** Writes all rules of iptables that are missing, after somebody else took them away. */
  rewriteRules(): void {
    if (this.engine.layout === 'nftables') return;
    const layout = layoutOf(this.engine);
    this.#startLayout();
    if (this.#dropsForwarded) layout.dropForwarded(this.writer);
    if (this.#dropsForwarded6 && this.ip6Writer !== undefined) layout.dropForwarded(this.ip6Writer);
    this.networks.rewriteRules(this.networks.list());
    this.#finishStart();
    this.daemon.lifecycle.networking.rewriteLinkRules();
    if (this.engine.rewritesIngress) this.process.swarm?.rewriteRules();
  }

  /**
   * A daemon that has started again writes its rules anew: those of user networks in the order of
   * their ids, and docker0's last, which is another network now, unless containers have lived on.
   */
  restartNetworks(): void {
    this.#writeChains();
    const networks = this.networks.listById();
    if (networks.some(({ endpoints }) => endpoints.size > 0)) this.networks.rewriteRules(networks);
    else {
      this.networks.rewriteRules(networks.filter(({ name }) => name !== 'bridge'));
      const old = this.networks.find('bridge')!;
      const { gateway, pool } = this.docker0;
      const ipam = [{ ...old.facts.ipam[0], subnet: pool.subnet, gateway: gateway! }];
      const createdAtNs = this.world.nowNs;
      const facts = { ...old.facts, id: this.identifiers.id(), createdAtNs, ipam };
      this.networks.replace(old, new LocalNetwork(facts, old.plane));
      this.docker0.renewRules();
    }
    this.#finishStart();
  }

  /** The power goes: nothing of this host sends, receives or runs any more. */
  powerOff(): void {
    this.isOn = false;
    this.daemon.lifecycle.crash();
    for (const { uplink } of this.#cards) this.namespace.setUp(uplink, false);
    for (const namespace of this.namespaces.values()) namespace.destroy();
  }

  #bootKernel(gateway: Ipv4Address): void {
    const { namespace } = this;
    namespace.setUp(namespace.loopback, true);
    for (const { uplink, address, address6 } of this.#cards) {
      uplink.queueLength = 1000;
      namespace.addDevice(uplink);
      namespace.addAddress(uplink, { address: address.address, prefixLength: address.lengthBits });
      namespace.setUp(uplink, true);
      if (address6 === undefined) continue;
      // its duplicates were looked for long before dockerd starts
      const { dad_transmits: transmits } = uplink.ipv6;
      uplink.ipv6.dad_transmits = 0;
      const { address: own, lengthBits: prefixLength } = address6;
      namespace.ipv6.addresses.add(uplink, { address: own, prefixLength });
      uplink.ipv6.dad_transmits = transmits;
    }
    const { uplink, address } = this.#cards[0]!;
    if (gateway === address.address) return;
    namespace.addRoute({ destination: 0, prefixLength: 0, gateway, device: uplink });
  }

  /** The chains that all networks' rules go to, and forwarding. */
  #writeChains(): void {
    const layout = layoutOf(this.engine);
    // iptables is tried out first, which loads the filter table before any other.
    if (this.engine.layout !== 'nftables') this.namespace.tables.run('-L -n');
    this.#startLayout();
    const { sysctls } = this.namespace;
    if (!this.config.setsForwarding || sysctls.number('net.ipv4.ip_forward') !== 0) return;
    sysctls.set('net.ipv4.ip_forward', 1);
    this.#dropsForwarded = true;
    layout.dropForwarded(this.writer);
  }

  /** The chains of both families. */
  #startLayout(): void {
    const layout = layoutOf(this.engine);
    for (const writer of [this.writer, this.ip6Writer]) {
      if (writer !== undefined) layout.start(writer, this.engine, !this.config.hasUserlandProxy);
    }
  }

  #finishStart(): void {
    for (const writer of [this.writer, this.ip6Writer]) {
      if (writer !== undefined) layoutOf(this.engine).finishStart(writer, this.engine);
    }
  }

  forwardIpv6(): void {
    const { sysctls } = this.namespace;
    if (!this.config.setsForwarding || sysctls.ipv6.all.forwarding !== 0) return;
    sysctls.set('net.ipv6.conf.all.forwarding', 1);
    if (this.ip6Writer === undefined || !this.engine.writesIp6tables) return;
    this.#dropsForwarded6 = true;
    layoutOf(this.engine).dropForwarded(this.ip6Writer);
  }

  /** docker0's IPv6 subnet, if it gets one. */
  #defaultIpv6Subnet(): IpamConfig | undefined {
    const { hasIpv6 = false, bridgeIpv6Range: subnet } = this.config;
    if (!hasIpv6) return undefined;
    if (subnet !== undefined) return { subnet };
    return this.engine.hasUniqueLocalPrefix ? {} : undefined;
  }

  /** What one of the networks that have no addresses is. */
  #addressless(name: string, driver: string): LocalNetworkFacts {
    return {
      id: this.identifiers.id(),
      name,
      driver,
      createdAtNs: this.world.nowNs,
      isInternal: false,
      isAttachable: false,
      options: NO_OPTIONS,
      labels: NO_OPTIONS,
      isByUser: false,
      ipam: [],
    };
  }

  /** docker0 or docker_gwbridge. */
  #createOwnBridge(name: string, device: string, isDefault: boolean): BridgeNetwork {
    const { config } = this;
    const hasIcc = isDefault && config.hasIcc;
    const hasMasquerade = !isDefault || config.hasMasquerade;
    const options = ownBridgeOptions(device, isDefault, { ...config, hasIcc, hasMasquerade });
    const { bridgeAddress: bip, bridgeRange: range } = config;
    const subnet =
      isDefault && bip !== undefined
        ? { subnet: bip, gateway: bip.address, ...(range === undefined ? {} : { range }) }
        : undefined;
    const network = this.networks.createOwnBridge(
      {
        id: this.identifiers.id(),
        name,
        createdAtNs: this.world.nowNs,
        isAttachable: false,
        options,
        labels: NO_OPTIONS,
      },
      { ...PLAIN_BRIDGE, device, hasIcc, hasMasquerade },
      subnet,
      isDefault,
      isDefault ? this.#defaultIpv6Subnet() : undefined,
    );
    assert(!(network instanceof Refusal), 'all predefined address pools have been fully subnetted');
    return network.plane as BridgeNetwork;
  }
}

const NO_OPTIONS: ReadonlyMap<string, string> = new Map();

/** What `docker network inspect` shows of a bridge that the daemon made. */
function ownBridgeOptions(
  device: string,
  isDefault: boolean,
  config: DaemonConfig,
): ReadonlyMap<string, string> {
  const prefix = 'com.docker.network.bridge.';
  const options: [string, string][] = [
    [`${prefix}enable_icc`, String(config.hasIcc)],
    [`${prefix}enable_ip_masquerade`, String(config.hasMasquerade)],
    [`${prefix}name`, device],
  ];
  if (isDefault) {
    options.unshift([`${prefix}default_bridge`, 'true']);
    const binding = config.publishAddress === '' ? '0.0.0.0' : config.publishAddress;
    options.splice(3, 0, [`${prefix}host_binding_ipv4`, binding]);
    options.push(['com.docker.network.driver.mtu', String(config.mtuBytes)]);
  }
  return new Map(options);
}
