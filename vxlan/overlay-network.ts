/**
 * One overlay network on one host: its namespace `1-<first 10 of the id>`, the endpoints of local
 * containers on it, and the peer database.
 *
 * The namespace is made with the first local endpoint and goes with the last; the peer database
 * stays, and the next namespace has the next number (`2-…`). Local peers are not programmed; remote
 * ones are as soon as there is a namespace, and may bring a further subnet's devices into being. A
 * namespace whose first subnet could not be made stays, as dockerd's does, and a later join that
 * succeeds does not program the peers that were known before.
 * Mirrors moby drivers/overlay (ov_network.go, joinleave.go, ostweaks_linux.go).
 */
import { createVethPair, type Veth } from '../net/device/veth.ts';
import type { Namespace } from '../net/namespace.ts';
import {
  broadcastOf,
  formatIpv4Address,
  type Ipv4Address,
  type Mac,
  macOfIpv4,
  networkOf,
  type Prefix,
  prefixContains,
} from '../wire/addresses.ts';
import { type EarlyDriver, EarlyPeerDatabase } from './early-peer-database.ts';
import type { OverlayEncryption } from './encryption.ts';
import { VXLAN_OVERHEAD_BYTES } from './outer-headers.ts';
import { OverlaySandbox, type OverlaySubnet, type Segment } from './overlay-sandbox.ts';
import { type Peer, PeerDatabase, type Peers } from './peer-database.ts';
import type { ProgrammingGeneration } from './peer-programming.ts';
import type { VxlanDevice } from './vxlan-device.ts';

/** What ESP adds: SPI, sequence, IV, padding length, next header, ICV; the rest is rounding. */
const ENCRYPTION_OVERHEAD_BYTES = 26;

/** What the driver raises the kernel's neighbour thresholds to (`ostweaks_linux.go`). */
const NEIGHBOUR_THRESHOLDS: readonly (readonly [string, number])[] = [
  ['net.ipv4.neigh.default.gc_thresh1', 8192],
  ['net.ipv4.neigh.default.gc_thresh2', 49_152],
  ['net.ipv4.neigh.default.gc_thresh3', 65_536],
];

/** What the overlay driver needs of its host. */
export interface OverlayHost {
  /** The host's first namespace, in which the tunnel's socket is. */
  readonly namespace: Namespace;
  createNamespace(fileName: string): Namespace;
  destroyNamespace(fileName: string): void;
  /** A random MAC address, and a name for a veth end. */
  readonly identifiers: { mac(): Mac; veth(): string };
  /** IPsec, for networks that are encrypted. */
  readonly encryption?: Pick<OverlayEncryption, 'addPeer' | 'removePeer'>;
  /** Whose way of programming peers it is; default 1 (up to 28). */
  readonly engine?: { readonly overlayDriver: OverlayDriver };
}

/** Which overlay driver: one of 2017, or that of a generation of NetworkDB. */
export type OverlayDriver = EarlyDriver | ProgrammingGeneration;

/** What is allocated for an overlay network; `subnet`, `gateway` and `vni` are the first subnet's. */
export interface OverlayOptions extends OverlaySubnet {
  readonly id: string;
  readonly moreSubnets?: readonly OverlaySubnet[];
  /** MTU of the underlay that the driver reckons with; 1500 unless the user chose one. */
  readonly underlayMtuBytes?: number;
  /** `--opt encrypted`: leaves room for ESP in the MTU. */
  readonly isEncrypted?: boolean;
  /** `--data-path-port`; default 4789. */
  readonly port?: number;
  /** The version of IP between the hosts; default IPv4. */
  readonly family?: 'ipv4' | 'ipv6';
  /** Told of a subnet before its devices are made. */
  readonly beforeSegment?: (subnet: OverlaySubnet) => void;
  /** Hears what dockerd would log about peers. */
  readonly onWarning?: (text: string) => void;
}

/** A local endpoint. */
export interface OverlayEndpoint {
  readonly id: string;
  readonly address: Ipv4Address;
  readonly mac: Mac;
  /** The subnet that its address is of. */
  readonly subnet: Prefix;
  /** The end in the container. */
  readonly device: Veth;
}

/** The MTU of an overlay's devices, in bytes, over an underlay of `underlayMtuBytes`. */
export function overlayMtuBytes(underlayMtuBytes: number, isEncrypted: boolean): number {
  const plainBytes = underlayMtuBytes - VXLAN_OVERHEAD_BYTES;
  return isEncrypted ? (plainBytes - ENCRYPTION_OVERHEAD_BYTES) & ~3 : plainBytes;
}

/** An overlay network on one host. */
export class OverlayNetwork {
  readonly id: string;
  readonly options: OverlayOptions;
  readonly peers: Peers;
  readonly mtuBytes: number;
  readonly endpoints = new Map<string, OverlayEndpoint>();
  readonly #host: OverlayHost;
  /** In the order of the network's configuration. */
  readonly subnets: readonly OverlaySubnet[];
  #epoch = 0;
  #sandbox: OverlaySandbox | undefined;

  constructor(host: OverlayHost, options: OverlayOptions) {
    const { id, underlayMtuBytes = 1500, isEncrypted = false, moreSubnets = [] } = options;
    this.#host = host;
    this.id = id;
    this.options = options;
    this.subnets = [options, ...moreSubnets];
    this.mtuBytes = overlayMtuBytes(underlayMtuBytes, isEncrypted);
    this.peers = peersOf(host.engine?.overlayDriver ?? 1, options.onWarning);
    raiseNeighbourThresholds(host.namespace);
  }

  /** The namespace with bridge and vxlan device, while a local endpoint exists. */
  get namespace(): Namespace | undefined {
    return this.#sandbox?.namespace;
  }

  /** `vxlan0`, while a local endpoint exists. */
  get vxlan(): VxlanDevice | undefined {
    return this.#sandbox?.segments[0]?.vxlan;
  }

  /** The device of the subnet that an address is of, if it is there. */
  vxlanOf(address: Ipv4Address): VxlanDevice | undefined {
    const { segments = [] } = this.#sandbox ?? {};
    return segments.find(({ subnet }) => prefixContains(subnet.subnet, address))?.vxlan;
  }

  /**
   * Attaches a container's namespace as `interfaceName`; the MAC address follows the address. Makes
   * the overlay's namespace and the devices of the address' subnet, if they are not there; dockerd's
   * error text when that fails (the VNI is in use).
   */
  join(
    endpointId: string,
    container: Namespace,
    interfaceName: string,
    address: Ipv4Address,
    mac: Mac = macOfIpv4(address),
  ): OverlayEndpoint | string {
    if (this.#subnetOf(address) === undefined) {
      return `could not find subnet for endpoint ${endpointId}`;
    }
    const segment = this.#openSegment(address);
    if (typeof segment === 'string') return `network sandbox join failed: ${segment}`;
    const sandbox = this.#sandbox!;
    const { namespace: host, identifiers } = this.#host;
    const name = identifiers.veth();
    const portName = identifiers.veth();
    const [device, port] = createVethPair(name, mac, portName, identifiers.mac(), this.mtuBytes);
    host.addDevice(device);
    host.addDevice(port);
    sandbox.addPort(port, segment);
    host.moveDevice(device, container, interfaceName);
    const { subnet } = segment.subnet;
    container.addAddress(device, {
      address,
      prefixLength: subnet.lengthBits,
      broadcast: broadcastOf(subnet),
    });
    container.setUp(device, true);
    this.#addRoutes(container, device, segment.subnet);
    const endpoint = { id: endpointId, address, mac, subnet, device };
    this.endpoints.set(endpointId, endpoint);
    this.peers.add({ endpointId, address, mac, vtep: 0 });
    return endpoint;
  }

  /** Detaches a local endpoint; the namespace goes with the last one. */
  leave(endpointId: string): void {
    const endpoint = this.endpoints.get(endpointId);
    if (endpoint === undefined) return;
    this.endpoints.delete(endpointId);
    const { address, mac, device } = endpoint;
    this.peers.remove({ endpointId, address, mac, vtep: 0 });
    device.namespace.removeDevice(device);
    if (this.endpoints.size === 0) this.destroySandbox();
  }

  /** A remote endpoint came (`overlay_peer_table`); what dockerd logs when that fails. */
  addPeer(peer: Peer): string | undefined {
    if (this.#isSecured && !this.#claims(peer)) this.#encryption?.addPeer(peer.vtep);
    return this.peers.add(peer);
  }

  /** A remote endpoint went; what dockerd logs when that fails. */
  removePeer(peer: Peer): string | undefined {
    if (this.#isSecured && this.#claims(peer)) this.#encryption?.removePeer(peer.vtep);
    return this.peers.remove(peer);
  }

  /** Takes the namespace down; the peer database stays. */
  destroySandbox(): void {
    const sandbox = this.#sandbox;
    if (sandbox === undefined) return;
    this.peers.detach();
    for (const { vtep } of this.#remotePeers) this.#encryption?.removePeer(vtep);
    this.#sandbox = undefined;
    this.#host.destroyNamespace(sandbox.fileName);
  }

  #openSegment(address: Ipv4Address): Segment | string {
    const subnet = this.#subnetOf(address);
    if (subnet === undefined) {
      return `couldn't find the subnet "${formatIpv4Address(address)}" in network "${this.id}"`;
    }
    const isNew = this.#sandbox === undefined;
    this.#sandbox ??= this.#createSandbox();
    if (isNew) {
      this.peers.attach((peerAddress) => this.#deviceOf(peerAddress));
      for (const { vtep } of this.#remotePeers) this.#encryption?.addPeer(vtep);
    }
    const segment = this.#sandbox.segmentOf(subnet);
    // the driver replays in the call that made the namespace, or never
    if (isNew && typeof segment !== 'string') this.peers.replay();
    return segment;
  }

  #subnetOf(address: Ipv4Address): OverlaySubnet | undefined {
    return this.subnets.find(({ subnet }) => prefixContains(subnet, address));
  }

  /** True while its packets are encrypted. */
  get #isSecured(): boolean {
    return this.#encryption !== undefined && this.#sandbox !== undefined;
  }

  get #encryption() {
    return this.options.isEncrypted === true ? this.#host.encryption : undefined;
  }

  get #remotePeers(): Peer[] {
    return this.peers.peers.filter(({ vtep }) => vtep !== 0);
  }

  #claims({ endpointId, vtep }: Peer): boolean {
    return this.peers.peers.some((one) => one.endpointId === endpointId && one.vtep === vtep);
  }

  #deviceOf(address: Ipv4Address): VxlanDevice | string {
    const segment = this.#openSegment(address);
    return typeof segment === 'string' ? segment : segment.vxlan;
  }

  #createSandbox(): OverlaySandbox {
    const { identifiers, namespace: host } = this.#host;
    const fileName = `${++this.#epoch}-${this.id.slice(0, 10)}`;
    return new OverlaySandbox({
      networkId: this.id,
      fileName,
      namespace: this.#host.createNamespace(fileName),
      host,
      mtuBytes: this.mtuBytes,
      port: this.options.port,
      family: this.options.family ?? 'ipv4',
      beforeSegment: this.options.beforeSegment,
      nextMac: () => identifiers.mac(),
    });
  }

  /** The network's other subnets are reached by the gateway of the container's own. */
  #addRoutes(container: Namespace, device: Veth, own: OverlaySubnet): void {
    for (const other of this.subnets) {
      if (other === own) continue;
      container.addRoute({
        destination: networkOf(other.subnet),
        prefixLength: other.subnet.lengthBits,
        gateway: own.gateway,
        device,
      });
    }
  }
}

function peersOf(driver: OverlayDriver, onWarning?: (text: string) => void): Peers {
  return typeof driver === 'string'
    ? new EarlyPeerDatabase(driver, onWarning)
    : new PeerDatabase(driver, onWarning);
}

/** Raises the thresholds that are lower; the first overlay network of a host does it. */
function raiseNeighbourThresholds(host: Namespace): void {
  for (const [name, value] of NEIGHBOUR_THRESHOLDS) {
    if (host.sysctls.number(name) < value) host.sysctls.set(name, value);
  }
}
