/**
 * One overlay network on one host: the namespace `1-<first 10 of the id>` with `br0` and `vxlan0`,
 * and the endpoints of local containers on it (`drivers/overlay/ov_network.go`, `joinleave.go`).
 *
 * The namespace is made with the first local endpoint and goes with the last; the peer database
 * stays, and the next namespace has the next number (`2-…`).
 */
import { Bridge } from '../net/device/bridge.ts';
import { createVethPair, type Veth } from '../net/device/veth.ts';
import type { Namespace } from '../net/namespace.ts';
import { assert } from '../sim/assert.ts';
import { type Ipv4Address, type Mac, macOfIpv4, type Prefix } from '../wire/addresses.ts';
import { type Peer, PeerDatabase } from './peer-database.ts';
import { VxlanDevice } from './vxlan-device.ts';

/** Bytes that VXLAN puts around an inner packet. */
export const VXLAN_OVERHEAD_BYTES = 50;

/** What the overlay driver needs of its host. */
export interface OverlayHost {
  /** The host's first namespace, in which the tunnel's socket is. */
  readonly namespace: Namespace;
  createNamespace(fileName: string): Namespace;
  destroyNamespace(fileName: string): void;
  /** A random MAC address, and a name for a veth end. */
  readonly identifiers: { mac(): Mac; veth(): string };
}

/** What is allocated for an overlay network. */
export interface OverlayOptions {
  readonly id: string;
  readonly subnet: Prefix;
  readonly gateway: Ipv4Address;
  readonly vni: number;
  /** MTU of the underlay that the driver reckons with; 1500 unless the user chose one. */
  readonly underlayMtuBytes?: number;
  readonly port?: number;
}

/** A local endpoint. */
export interface OverlayEndpoint {
  readonly id: string;
  readonly address: Ipv4Address;
  readonly mac: Mac;
  /** The end in the container. */
  readonly device: Veth;
}

/** The parts of the namespace while it is there. */
interface Sandbox {
  readonly fileName: string;
  readonly namespace: Namespace;
  readonly bridge: Bridge;
  readonly vxlan: VxlanDevice;
}

/** An overlay network on one host. */
export class OverlayNetwork {
  readonly id: string;
  readonly options: OverlayOptions;
  readonly peers = new PeerDatabase();
  readonly mtuBytes: number;
  readonly endpoints = new Map<string, OverlayEndpoint>();
  readonly #host: OverlayHost;
  #epoch = 0;
  #sandbox: Sandbox | undefined;
  #portCount = 0;

  constructor(host: OverlayHost, options: OverlayOptions) {
    this.#host = host;
    this.id = options.id;
    this.options = options;
    this.mtuBytes = (options.underlayMtuBytes ?? 1500) - VXLAN_OVERHEAD_BYTES;
  }

  /** The namespace with `br0` and `vxlan0`, while a local endpoint exists. */
  get namespace(): Namespace | undefined {
    return this.#sandbox?.namespace;
  }

  /** `vxlan0`, while a local endpoint exists. */
  get vxlan(): VxlanDevice | undefined {
    return this.#sandbox?.vxlan;
  }

  /** Attaches a container's namespace as `interfaceName`. */
  join(
    endpointId: string,
    container: Namespace,
    interfaceName: string,
    address: Ipv4Address,
  ): OverlayEndpoint {
    this.#sandbox ??= this.#createSandbox();
    const { namespace, bridge } = this.#sandbox;
    const host = this.#host.namespace;
    const { identifiers } = this.#host;
    const mac = macOfIpv4(address);
    const names = [identifiers.veth(), identifiers.veth()] as const;
    const [device, port] = createVethPair(
      names[0],
      mac,
      names[1],
      identifiers.mac(),
      this.mtuBytes,
    );
    host.addDevice(device);
    host.addDevice(port);
    host.moveDevice(port, namespace, `veth${this.#portCount++}`);
    namespace.setMaster(port, bridge);
    namespace.setUp(port, true);
    host.moveDevice(device, container, interfaceName);
    const prefixLength = this.options.subnet.lengthBits;
    container.addAddress(device, { address, prefixLength });
    container.setUp(device, true);
    const endpoint = { id: endpointId, address, mac, device };
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

  /** A remote endpoint came (a create event of `overlay_peer_table`). */
  addPeer(peer: Peer): void {
    this.peers.add(peer);
  }

  /** A remote endpoint went. */
  removePeer(peer: Peer): void {
    this.peers.remove(peer);
  }

  /** Takes the namespace down; the peer database stays. */
  destroySandbox(): void {
    const sandbox = this.#sandbox;
    if (sandbox === undefined) return;
    this.peers.detach();
    this.#sandbox = undefined;
    this.#portCount = 0;
    this.#host.destroyNamespace(sandbox.fileName);
  }

  #createSandbox(): Sandbox {
    const { identifiers, namespace: host } = this.#host;
    const { vni, gateway, subnet, port } = this.options;
    const fileName = `${++this.#epoch}-${this.id.slice(0, 10)}`;
    const namespace = this.#host.createNamespace(fileName);
    const bridge = new Bridge('br0', identifiers.mac(), this.mtuBytes, false);
    namespace.addDevice(bridge);
    namespace.addAddress(bridge, { address: gateway, prefixLength: subnet.lengthBits });
    const hex = vni.toString(16).padStart(6, '0');
    const vxlan = new VxlanDevice({
      name: `vx-${hex}-${this.id.slice(0, 5)}`,
      mac: identifiers.mac(),
      mtuBytes: this.mtuBytes,
      vni,
      underlay: host,
      ...(port === undefined ? {} : { port }),
    });
    host.addDevice(vxlan);
    assert(vxlan.open(), `error creating vxlan interface: file exists (VNI ${vni})`);
    host.moveDevice(vxlan, namespace, 'vxlan0');
    namespace.setMaster(vxlan, bridge);
    namespace.setUp(bridge, true);
    namespace.setUp(vxlan, true);
    this.peers.attach(vxlan);
    return { fileName, namespace, bridge, vxlan };
  }
}
