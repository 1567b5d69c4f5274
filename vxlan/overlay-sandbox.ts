/**
 * The namespace of an overlay network on one host, and in it a bridge and a vxlan device for every
 * subnet that is in use: `br0` with `vxlan0` for the first, `br1` with `vxlan1` for the next.
 *
 * A vxlan device is made in the host's namespace, where its socket stays, and moved. A VNI that the
 * host has already (a namespace that a crashed daemon left) makes that fail.
 * Mirrors moby drivers/overlay/ov_network.go (`initSandbox`, `initSubnetSandbox`) and ov_utils.go.
 */
import { Bridge } from '../net/device/bridge.ts';
import type { Device } from '../net/device/device.ts';
import type { Namespace } from '../net/namespace.ts';
import {
  broadcastOf,
  formatPrefix,
  type Ipv4Address,
  type Mac,
  type Prefix,
} from '../wire/addresses.ts';
import { VxlanDevice } from './vxlan-device.ts';

/** What a device must be able to carry (`ETH_MIN_MTU`). */
const MTU_BYTES_MIN = 68;

/** One subnet of an overlay network. */
export interface OverlaySubnet {
  readonly subnet: Prefix;
  readonly gateway: Ipv4Address;
  readonly vni: number;
}

/** What the devices of a network have in common. */
export interface SandboxOptions {
  readonly networkId: string;
  readonly fileName: string;
  readonly namespace: Namespace;
  /** The host's first namespace. */
  readonly host: Namespace;
  readonly mtuBytes: number;
  readonly port: number | undefined;
  /** The version of IP of the VTEPs. */
  readonly family: 'ipv4' | 'ipv6';
  readonly beforeSegment: ((subnet: OverlaySubnet) => void) | undefined;
  readonly nextMac: () => Mac;
}

/** The devices of one subnet. */
export interface Segment {
  readonly subnet: OverlaySubnet;
  readonly bridge: Bridge;
  readonly vxlan: VxlanDevice;
}

/** The namespace of one network with its segments. */
export class OverlaySandbox {
  readonly fileName: string;
  readonly namespace: Namespace;
  readonly segments: Segment[] = [];
  readonly #options: SandboxOptions;
  #portCount = 0;

  constructor(options: SandboxOptions) {
    this.#options = options;
    this.fileName = options.fileName;
    this.namespace = options.namespace;
  }

  /** The devices of a subnet, made now if need be; dockerd's error text when they cannot be. */
  segmentOf(subnet: OverlaySubnet): Segment | string {
    const known = this.segments.find((segment) => segment.subnet === subnet);
    return known ?? this.#createSegment(subnet);
  }

  /** Takes a veth end from the host's namespace to a segment's bridge, as the next `veth<n>`. */
  addPort(port: Device, segment: Segment): void {
    const { namespace } = this;
    this.#options.host.moveDevice(port, namespace, `veth${this.#portCount++}`);
    namespace.setMaster(port, segment.bridge);
    namespace.setUp(port, true);
  }

  #createSegment(subnet: OverlaySubnet): Segment | string {
    const { namespace, host, networkId, mtuBytes, port, nextMac, beforeSegment, family } =
      this.#options;
    beforeSegment?.(subnet);
    const number = this.segments.length;
    const suffix = `${subnet.vni.toString(16).padStart(6, '0')}-${networkId.slice(0, 5)}`;
    const vxlan = new VxlanDevice({
      name: `vx-${suffix}`,
      mac: nextMac(),
      mtuBytes,
      vni: subnet.vni,
      underlay: host,
      family,
      ...(port === undefined ? {} : { port }),
    });
    const where = formatPrefix(subnet.subnet);
    const refused = `subnet sandbox join failed for "${where}": `;
    // the kernel wants 68 bytes at least
    const failure = mtuBytes < MTU_BYTES_MIN ? 'invalid argument' : vxlan.register();
    if (failure !== undefined) return `${refused}error creating vxlan interface: ${failure}`;
    const busy = vxlan.openSocket();
    if (busy !== undefined) {
      vxlan.onRemove();
      const what = `vxlan interface creation failed for subnet "${where}"`;
      return `${refused}${what}: failed to set link up: ${busy}`;
    }
    const bridge = new Bridge(`ov-${suffix}`, nextMac(), mtuBytes, false);
    namespace.addDevice(bridge);
    namespace.rename(bridge, `br${number}`);
    namespace.addAddress(bridge, {
      address: subnet.gateway,
      prefixLength: subnet.subnet.lengthBits,
      broadcast: broadcastOf(subnet.subnet),
    });
    namespace.setUp(bridge, true);
    host.addDevice(vxlan);
    host.moveDevice(vxlan, namespace, `vxlan${number}`);
    // the underlay becomes link-netnsid 0 before any container's namespace gets a number
    namespace.devices.namespaceIdOf(host);
    namespace.setMaster(vxlan, bridge);
    namespace.setUp(vxlan, true);
    const segment = { subnet, bridge, vxlan };
    this.segments.push(segment);
    return segment;
  }
}
