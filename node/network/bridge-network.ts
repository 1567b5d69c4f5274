/**
 * A bridge network on one host: the bridge device with the gateway's address, its rules, and the
 * endpoints of containers on it (`drivers/bridge/bridge.go`).
 */
import { Bridge } from '../../net/device/bridge.ts';
import type { Device } from '../../net/device/device.ts';
import { createVethPair } from '../../net/device/veth.ts';
import type { Namespace } from '../../net/namespace.ts';
import { assert } from '../../sim/assert.ts';
import { formatIpv4Address, type Ipv4Address, type Mac, macOfIpv4 } from '../../wire/addresses.ts';
import { type IpAddress, lastIpOf } from '../../wire/ip-address.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import { type BridgeFacts, layoutOf, type PortMapping } from '../firewall/bridge-rules.ts';
import type { GatewayMode } from '../firewall/gateway-mode.ts';
import { RuleWriter } from '../firewall/writer.ts';
import type { Identifiers } from '../host/identifiers.ts';
import type { LocalPool } from '../ipam/local-pools.ts';
import { type Announcements, announceRepeatedly, DEFAULT_ANNOUNCEMENTS } from './announcements.ts';
import { BridgeIpv6, type BridgeIpv6Host, type BridgeIpv6Options } from './bridge-ipv6.ts';
import type { NetworkPlane, PlaneEndpoint } from './network-plane.ts';

/** What a bridge network is made from. */
export interface BridgeNetworkOptions {
  readonly id: string;
  readonly name: string;
  readonly device: string;
  readonly pool: LocalPool;
  /** Default: the first address of the pool. */
  readonly gateway?: Ipv4Address | undefined;
  /** Default: three times, a second apart. */
  readonly announcements?: Announcements;
  readonly hasIcc: boolean;
  readonly hasMasquerade: boolean;
  readonly isInternal: boolean;
  readonly mtuBytes: number;
  /** The daemon runs without userland proxy: the bridge sends packets back where they came from. */
  readonly isHairpin?: boolean;
  /** `com.docker.network.host_ipv4`: what packets that leave get as their source. */
  readonly sourceAddress?: string | undefined;
  /** Default: `nat`. */
  readonly gatewayMode?: GatewayMode;
  readonly trustedInterfaces?: readonly string[];
  /** The bridge gets no address; default: it gets the gateway's. */
  readonly inhibitsAddress?: boolean;
  /** Absent without IPv6. */
  readonly ipv6?: BridgeIpv6Options | undefined;
}

/** What a bridge network needs of its host. */
export interface BridgeHost extends BridgeIpv6Host {
  readonly identifiers: Identifiers;
}

/** One container's attachment. */
export interface BridgeEndpoint extends PlaneEndpoint {
  /** The port on the bridge. */
  readonly port: Device;
  readonly mappings: PortMapping[];
  /** Those of them that lead to its IPv6 address. */
  readonly mappings6: PortMapping[];
}

/** A bridge network. */
export class BridgeNetwork implements NetworkPlane {
  readonly id: string;
  readonly name: string;
  readonly pool: LocalPool;
  /** Absent on an isolated network. */
  readonly gateway: Ipv4Address | undefined;
  readonly bridge: Bridge;
  /** Absent without IPv6. */
  readonly ipv6: BridgeIpv6 | undefined;
  readonly facts: BridgeFacts;
  readonly mtuBytes: number;
  readonly defaultRoute: 'gateway' | 'none';
  readonly endpoints = new Map<string, BridgeEndpoint>();
  readonly #announcements: Announcements;
  readonly #host: BridgeHost;
  readonly #writer: RuleWriter;

  constructor(host: BridgeHost, options: BridgeNetworkOptions) {
    this.#announcements = options.announcements ?? DEFAULT_ANNOUNCEMENTS;
    this.#host = host;
    this.id = options.id;
    this.name = options.name;
    this.pool = options.pool;
    this.mtuBytes = options.mtuBytes;
    const { isInternal, gatewayMode = 'nat', inhibitsAddress = false } = options;
    const isIsolated = gatewayMode === 'isolated';
    const hasGateway = !isIsolated && !(inhibitsAddress && isInternal);
    const gateway = hasGateway ? (options.gateway ?? options.pool.take()) : undefined;
    assert(!hasGateway || gateway !== undefined, `no room for a gateway in ${options.name}`);
    this.gateway = gateway;
    const hidesGateway = isInternal && host.engine.hidesInternalGateway;
    this.defaultRoute = hidesGateway || !hasGateway ? 'none' : 'gateway';
    this.facts = {
      device: options.device,
      subnet: options.pool.subnet,
      isInternal: options.isInternal,
      hasMasquerade: options.hasMasquerade,
      hasIcc: options.hasIcc,
      isHairpin: options.isHairpin ?? false,
      sourceAddress: options.sourceAddress,
      gatewayMode,
      trustedInterfaces: options.trustedInterfaces ?? [],
    };
    const { namespace, identifiers, engine } = host;
    const mac = engine.hasMacFromAddress ? identifiers.bridgeMac() : identifiers.mac();
    this.bridge = new Bridge(options.device, mac, options.mtuBytes);
    namespace.addDevice(this.bridge);
    namespace.sysctls.set(`net.ipv6.conf.${options.device}.accept_ra`, 0);
    if (this.facts.isHairpin) {
      namespace.sysctls.set(`net.ipv4.conf.${options.device}.route_localnet`, 1);
    }
    const prefixLength = options.pool.subnet.lengthBits;
    const broadcast = lastIpOf(options.pool.subnet);
    if (gateway !== undefined && !inhibitsAddress) {
      namespace.addAddress(this.bridge, { address: gateway, prefixLength, broadcast });
    }
    namespace.setUp(this.bridge, true);
    this.#writer = new RuleWriter(namespace.tables);
    layoutOf(engine).addNetwork(this.#writer, this.facts, engine);
    const { ipv6 } = options;
    if (ipv6 !== undefined) this.ipv6 = new BridgeIpv6(host, this.bridge, this.facts, ipv6);
  }

  /** Puts a container on the network with the next free address; `undefined` when none is left. */
  attach(sandbox: Namespace, interfaceName: string): BridgeEndpoint | undefined {
    const address = this.pool.take();
    return address === undefined ? undefined : this.join(sandbox, interfaceName, address);
  }

  join(
    sandbox: Namespace,
    interfaceName: string,
    address: Ipv4Address,
    chosenMac?: Mac | undefined,
    given6?: IpAddress | undefined,
  ): BridgeEndpoint {
    const { namespace, identifiers, engine } = this.#host;
    const ownMac = engine.hasMacFromAddress ? macOfIpv4(address) : identifiers.mac();
    const mac = chosenMac ?? ownMac;
    const portName = identifiers.veth();
    const [device, port] = createVethPair(
      identifiers.veth(),
      mac,
      portName,
      identifiers.mac(),
      this.mtuBytes,
    );
    namespace.addDevice(device);
    namespace.addDevice(port);
    namespace.setMaster(port, this.bridge);
    if (this.facts.isHairpin) port.bridgePort!.isHairpin = true;
    namespace.moveDevice(device, sandbox, interfaceName);
    const prefixLength = this.pool.subnet.lengthBits;
    const broadcast = lastIpOf(this.pool.subnet);
    sandbox.addAddress(device, { address, prefixLength, broadcast });
    sandbox.setUp(device, true);
    namespace.setUp(port, true);
    const address6 = given6 === undefined ? undefined : this.ipv6?.join(sandbox, device, given6);
    const id = identifiers.id();
    const endpoint = { id, address, address6, mac, device, port, mappings: [], mappings6: [] };
    this.endpoints.set(endpoint.id, endpoint);
    layoutOf(engine).addEndpoint(this.#writer, this.facts, formatIpv4Address(address));
    if (engine.announcesAddresses) {
      const isThere = () => this.endpoints.get(id) === endpoint;
      announceRepeatedly(namespace.world, this.#announcements, device, address, isThere);
    }
    return endpoint;
  }

  /** Publishes ports of an endpoint, from the highest container port down. */
  publish(endpoint: BridgeEndpoint, mappings: readonly PortMapping[]): void {
    const { engine } = this.#host;
    for (const mapping of mappings) {
      if (isIpv6Text(mapping.containerAddress)) {
        endpoint.mappings6.push(mapping);
        this.ipv6?.publish(mapping);
        continue;
      }
      endpoint.mappings.push(mapping);
      layoutOf(engine).mapPort(this.#writer, this.facts, mapping, engine);
      this.#forgetFlows(mapping);
    }
  }

  /** Takes an endpoint's published ports back, with what conntrack knows of it. */
  unpublish(endpoint: BridgeEndpoint): void {
    const { namespace, engine } = this.#host;
    const layout = layoutOf(engine);
    for (const mapping of endpoint.mappings.splice(0)) {
      layout.unmapPort(this.#writer, this.facts, mapping, engine);
      this.#forgetFlows(mapping);
    }
    for (const mapping of endpoint.mappings6.splice(0)) this.ipv6?.unpublish(mapping);
    namespace.connections.deleteByAddress(endpoint.address);
  }

  /** Writes all its rules once more where they are missing, its endpoints' and their ports' too. */
  writeRules(): void {
    const { engine } = this.#host;
    const layout = layoutOf(engine);
    layout.addNetwork(this.#writer, this.facts, engine);
    for (const { address, mappings } of this.endpoints.values()) {
      layout.addEndpoint(this.#writer, this.facts, formatIpv4Address(address));
      for (const mapping of mappings) layout.mapPort(this.#writer, this.facts, mapping, engine);
    }
    const endpoints = [...this.endpoints.values()];
    this.ipv6?.writeRules(endpoints.flatMap(({ address6 }) => address6 ?? []));
    for (const { mappings6 } of endpoints) {
      for (const mapping of mappings6) this.ipv6?.publish(mapping);
    }
  }

  /** Takes its own rules away and writes them again, which puts them on top where order counts. */
  renewRules(): void {
    const { engine } = this.#host;
    if (engine.layout !== 'nftables')
      layoutOf(engine).removeNetwork(this.#writer, this.facts, engine);
    this.ipv6?.removeRules();
    this.writeRules();
  }

  remove(): void {
    const { namespace, engine } = this.#host;
    layoutOf(engine).removeNetwork(this.#writer, this.facts, engine);
    this.ipv6?.removeRules();
    namespace.removeDevice(this.bridge);
  }

  /** A UDP flow would go on as it began, past the rules of now, for as long as it is kept alive. */
  #forgetFlows({ protocol, hostPort }: PortMapping): void {
    const { namespace, engine } = this.#host;
    if (protocol !== 'udp' || !engine.forgetsUdpFlows) return;
    namespace.connections.deleteByDestinationPort(IpProtocol.udp, hostPort);
  }

  /** Takes a container off the network and gives its address back. */
  detach(endpoint: BridgeEndpoint): void {
    this.leave(endpoint);
    this.pool.release(endpoint.address);
  }

  leave({ id }: PlaneEndpoint): void {
    const endpoint = this.endpoints.get(id);
    if (endpoint === undefined) return;
    const { namespace, engine } = this.#host;
    this.unpublish(endpoint);
    const address = formatIpv4Address(endpoint.address);
    layoutOf(engine).removeEndpoint(this.#writer, this.facts, address);
    if (endpoint.address6 !== undefined) this.ipv6?.leave(endpoint.address6);
    namespace.removeDevice(endpoint.port);
    this.endpoints.delete(id);
  }
}

function isIpv6Text(address: string): boolean {
  return address.includes(':');
}
