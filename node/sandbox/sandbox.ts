/**
 * A container's sandbox: its network namespace, the networks that it joins in order, its way out and
 * its names (`libnetwork/sandbox.go`, `default_gateway.go`).
 */
import type { Namespace } from '../../net/namespace.ts';
import { assert } from '../../sim/assert.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import type { Refusal } from '../daemon/refusal.ts';
import type { PortBinding } from '../daemon/requests.ts';
import type { NameView, VisibleNetwork } from '../dns/answer.ts';
import { EMBEDDED_DNS_ADDRESS, EmbeddedDns } from '../dns/embedded-dns.ts';
import type { Host } from '../host/host.ts';
import type { BridgeEndpoint, BridgeNetwork } from '../network/bridge-network.ts';
import type { SwarmNetwork } from '../network/swarm-network.ts';
import { PublishedPorts } from '../publish/published-ports.ts';
import { searchOf } from './container-files.ts';
import { setContainerSysctls, withoutIpv6 } from './container-sysctls.ts';

/** A sandbox' place on a swarm network. */
export interface SandboxEndpoint {
  readonly id: string;
  readonly network: SwarmNetwork;
  readonly address: Ipv4Address;
  readonly interfaceName: string;
}

/** The network side of one container. */
export class Sandbox implements NameView {
  readonly id: string;
  readonly namespace: Namespace;
  readonly endpoints: SandboxEndpoint[] = [];
  /** True for a container that has the host's network: nothing here is its own. */
  readonly isShared: boolean;
  /** Absent where the host's servers answer. */
  readonly dns: EmbeddedDns | undefined;
  readonly #host: Host;
  readonly #fileName: string;
  #interfaceCount = 0;
  #gateway: BridgeEndpoint | undefined;
  #gatewayBridge: BridgeNetwork | undefined;
  #ports: PublishedPorts | undefined;

  constructor(host: Host, isShared = false) {
    this.#host = host;
    this.isShared = isShared;
    this.id = host.identifiers.id();
    this.#fileName = this.id.slice(0, 12);
    this.namespace = isShared ? host.namespace : host.createNamespace(this.#fileName);
    if (isShared) return;
    this.namespace.tables.run('-L -n');
    setContainerSysctls(this.namespace, host.engine);
    this.dns = new EmbeddedDns(host, this.namespace, this);
  }

  /** The networks whose names it can ask for: overlays before ingress. */
  get networks(): VisibleNetwork[] {
    const inOrder = [...this.endpoints].sort(
      (a, b) => Number(a.network.isIngress) - Number(b.network.isIngress),
    );
    return inOrder.map(({ network }) => ({
      name: network.name,
      records: network.records,
      aliases: NO_ALIASES,
    }));
  }

  /** The domains in which programs of the container search names. */
  get search(): readonly string[] {
    return searchOf(this.#host.config.dnsSearch, this.#host.resolver);
  }

  /** The servers that its programs ask. */
  get servers(): readonly Ipv4Address[] {
    return this.isShared ? this.#host.resolver.servers : [EMBEDDED_DNS_ADDRESS];
  }

  /** The end on `docker_gwbridge` or the default bridge, once it has one. */
  get gateway(): BridgeEndpoint | undefined {
    return this.#gateway;
  }

  /** Joins a network as the next `eth`. */
  join(network: SwarmNetwork, address: Ipv4Address): SandboxEndpoint {
    const id = this.#host.identifiers.id();
    const interfaceName = `eth${this.#interfaceCount++}`;
    const joined = withoutIpv6(this.namespace, () =>
      network.overlay.join(id, this.namespace, interfaceName, address),
    );
    assert(typeof joined !== 'string', "the load balancer has opened the network's only subnet");
    const endpoint = { id, network, address, interfaceName };
    this.endpoints.push(endpoint);
    return endpoint;
  }

  /**
   * Takes packets to a service's virtual address as its own, without answering for it by ARP, as
   * direct server return needs it (`DisableARPForVIP`, `AddLoopbackAliasIP`).
   */
  takeVirtualAddress({ interfaceName }: SandboxEndpoint, vip: Ipv4Address): void {
    const { namespace } = this;
    namespace.sysctls.set(`net.ipv4.conf.${interfaceName}.arp_ignore`, 1);
    namespace.sysctls.set(`net.ipv4.conf.${interfaceName}.arp_announce`, 2);
    namespace.addAddress(namespace.loopback, { address: vip, prefixLength: 32 });
  }

  /**
   * Gets the way out: by `docker_gwbridge`, unless all its networks are internal, and by the default
   * bridge when it has none.
   */
  maybeAttachGateway(): void {
    if (this.#gateway !== undefined || this.isShared) return;
    const isAlone = this.endpoints.length === 0;
    if (!isAlone && this.endpoints.every(({ network }) => network.isInternal)) return;
    const bridge = isAlone ? this.#host.docker0 : this.#host.gatewayBridge;
    const name = `eth${this.#interfaceCount++}`;
    this.#gateway = withoutIpv6(this.namespace, () =>
      this.#host.attachGateway(this.namespace, name, bridge),
    );
    this.#gatewayBridge = bridge;
  }

  /** Publishes ports of the node at the way out; why not, if one cannot be had. */
  publish(bindings: readonly PortBinding[]): Refusal | undefined {
    const endpoint = this.#gateway;
    if (endpoint === undefined) return undefined;
    this.#ports = new PublishedPorts(this.#host, bindings);
    return this.#ports.publishAt({
      bridge: this.#gatewayBridge!,
      endpoint,
      name: `gateway_${this.#fileName}`,
      publishAddress: undefined,
    });
  }

  /** dockerd is gone: nobody answers questions for names, or holds ports. */
  letGo(): void {
    this.dns?.close();
    this.#ports?.letGo();
  }

  /** Leaves all networks and destroys the namespace. */
  destroy(): void {
    for (const { network, id } of this.endpoints) network.overlay.leave(id);
    this.#ports?.publishAt(undefined);
    if (this.#gateway !== undefined) this.#gatewayBridge?.detach(this.#gateway);
    if (!this.isShared) this.#host.destroyNamespace(this.#fileName);
  }
}

const NO_ALIASES: ReadonlyMap<string, string> = new Map();
