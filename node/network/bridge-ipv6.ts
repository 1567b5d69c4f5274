/**
 * The IPv6 half of a bridge network: its subnet and gateway, what containers get of it, and its rules
 * in ip6tables where dockerd writes those (`drivers/bridge/setup_ipv6.go`, `setup_ip_tables.go`).
 *
 * The bridge has the gateway's address, and up to 27 fe80::1 beside it. Addresses of containers skip duplicate address
 * detection, as libnetwork asks for.
 */
import type { Bridge } from '../../net/device/bridge.ts';
import type { Device } from '../../net/device/device.ts';
import type { Namespace } from '../../net/namespace.ts';
import { assert } from '../../sim/assert.ts';
import {
  ANY_IPV6,
  formatIp,
  type IpAddress,
  ipToInteger,
  ipv6OfInteger,
  parseIp,
} from '../../wire/ip-address.ts';
import type { EngineVersion } from '../engine-version.ts';
import { type BridgeFacts, layoutOf, type PortMapping } from '../firewall/bridge-rules.ts';
import type { GatewayMode } from '../firewall/gateway-mode.ts';
import type { RuleWriter } from '../firewall/writer.ts';
import type { LocalPool } from '../ipam/local-pools.ts';

/** Every bridge with IPv6 has it up to 27. */
const BRIDGE_LINK_LOCAL = parseIp('fe80::1')!;

/** What the IPv6 half of a bridge network is made from. */
export interface BridgeIpv6Options {
  readonly pool: LocalPool;
  /** Default: the first address of the pool. */
  readonly gateway?: IpAddress | undefined;
  readonly gatewayMode: GatewayMode;
  /** `com.docker.network.host_ipv6`: what packets that leave get as their source. */
  readonly sourceAddress?: string | undefined;
  /** Containers' addresses end in their MAC addresses (docker0 up to 27, with a /80 or shorter). */
  readonly isByMac?: boolean;
}

/** What it needs of its host. */
export interface BridgeIpv6Host {
  readonly namespace: Namespace;
  readonly engine: EngineVersion;
  /** Absent when dockerd leaves ip6tables alone. */
  readonly ip6Writer: RuleWriter | undefined;
  /** Forwards IPv6 from now on, and answers for it. */
  forwardIpv6(): void;
}

/** The IPv6 half of a bridge network. */
export class BridgeIpv6 {
  readonly pool: LocalPool;
  readonly gateway: IpAddress;
  readonly facts: BridgeFacts;
  readonly isByMac: boolean;
  readonly #host: BridgeIpv6Host;

  /** `ipv4`: the facts of the other half. */
  constructor(host: BridgeIpv6Host, bridge: Bridge, ipv4: BridgeFacts, options: BridgeIpv6Options) {
    this.#host = host;
    this.isByMac = options.isByMac ?? false;
    this.pool = options.pool;
    const gateway = options.gateway ?? options.pool.take();
    assert(gateway !== undefined, `no room for an IPv6 gateway on ${bridge.name}`);
    this.gateway = gateway;
    this.facts = {
      ...ipv4,
      subnet: options.pool.subnet,
      sourceAddress: options.sourceAddress,
      gatewayMode: options.gatewayMode,
    };
    const { namespace } = host;
    namespace.sysctls.set(`net.ipv6.conf.${bridge.name}.disable_ipv6`, 0);
    const { addresses } = namespace.ipv6;
    const { lengthBits: prefixLength } = this.pool.subnet;
    if (host.engine.hasBridgeLinkLocal) {
      addresses.add(bridge, { address: BRIDGE_LINK_LOCAL, prefixLength: 64 });
    }
    addresses.add(bridge, { address: gateway, prefixLength });
    host.forwardIpv6();
    this.#write((writer, engine) => layoutOf(engine).addNetwork(writer, this.facts, engine));
  }

  /** The next address, the wanted one, or the one that the MAC address makes. */
  take(wanted: IpAddress | undefined): IpAddress | undefined {
    return this.isByMac ? ANY_IPV6 : this.pool.take(wanted);
  }

  /** Gives the end in a container its address, and tells which. */
  join(sandbox: Namespace, device: Device, given: IpAddress): IpAddress {
    const { address: network } = this.pool.subnet;
    const own = ipToInteger(network) | BigInt(device.mac);
    const address = this.isByMac ? ipv6OfInteger(own) : given;
    for (const name of ['lo', device.name]) {
      sandbox.sysctls.set(`net.ipv6.conf.${name}.disable_ipv6`, 0);
    }
    const { lengthBits: prefixLength } = this.pool.subnet;
    sandbox.ipv6.addresses.add(device, { address, prefixLength, skipsDetection: true });
    this.#write((writer, engine) =>
      layoutOf(engine).addEndpoint(writer, this.facts, formatIp(address)),
    );
    return address;
  }

  /** Takes an endpoint's rules away, and its address back. */
  leave(address: IpAddress): void {
    this.pool.release(address);
    this.#write((writer, engine) =>
      layoutOf(engine).removeEndpoint(writer, this.facts, formatIp(address)),
    );
    this.#host.namespace.connections.deleteByAddress(address);
  }

  /** Writes the rules of a published port. */
  publish(mapping: PortMapping): void {
    this.#write((writer, engine) => layoutOf(engine).mapPort(writer, this.facts, mapping, engine));
  }

  /** Takes them back. */
  unpublish(mapping: PortMapping): void {
    this.#write((writer, engine) =>
      layoutOf(engine).unmapPort(writer, this.facts, mapping, engine),
    );
  }

  /** Writes the rules of the network and its endpoints where they are missing. */
  writeRules(addresses: readonly IpAddress[]): void {
    this.#write((writer, engine) => {
      const layout = layoutOf(engine);
      layout.addNetwork(writer, this.facts, engine);
      for (const each of addresses) layout.addEndpoint(writer, this.facts, formatIp(each));
    });
  }

  /** Takes the network's own rules away. */
  removeRules(): void {
    this.#write((writer, engine) => layoutOf(engine).removeNetwork(writer, this.facts, engine));
  }

  #write(action: (writer: RuleWriter, engine: EngineVersion) => void): void {
    const { ip6Writer, engine } = this.#host;
    if (ip6Writer !== undefined) action(ip6Writer, engine);
  }
}

/** Gives a container its default route by a gateway. */
export function routeByIpv6Gateway(sandbox: Namespace, device: Device, gateway: IpAddress): void {
  sandbox.ipv6.routes.add({ destination: ANY_IPV6, prefixLength: 0, gateway, device });
}
