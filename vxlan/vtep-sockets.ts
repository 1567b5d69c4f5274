/**
 * The UDP sockets of VXLAN: one per host namespace, port and version of IP, shared by all vxlan devices
 * of the host that are up and demultiplexed by VNI. The first device opens it, the last one that goes
 * closes it, and from then on the port answers with ICMP port unreachable, as any closed one.
 * Mirrors `vxlan_vni_in_use`, `vxlan_sock_add`, `vxlan_sock_release` and `vxlan_rcv`
 * (drivers/net/vxlan/vxlan_core.c).
 */
import type { Namespace } from '../net/namespace.ts';
import type { Packet } from '../net/packet.ts';
import { Errno } from '../net/socket/errno.ts';
import { headerBytesOf, isIpv6, sourceOf } from '../wire/ip.ts';
import { tosOf } from '../wire/ipv4.ts';
import { trafficClassOf } from '../wire/ipv6/header.ts';
import { UDP_HEADER_BYTES } from '../wire/udp.ts';
import { parseVxlan, VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';
import type { VxlanDevice } from './vxlan-device.ts';

/** One socket and the devices behind it. */
class VtepSocket {
  readonly #namespace: Namespace;
  readonly #byVni = new Map<number, VxlanDevice>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  get isUnused(): boolean {
    return this.#byVni.size === 0;
  }

  find(vni: number): VxlanDevice | undefined {
    return this.#byVni.get(vni);
  }

  add(device: VxlanDevice): void {
    this.#byVni.set(device.vni, device);
  }

  remove(device: VxlanDevice): void {
    if (this.#byVni.get(device.vni) === device) this.#byVni.delete(device.vni);
  }

  receive(packet: Packet): void {
    const { bytes, start: outer } = packet;
    const header = outer + headerBytesOf(bytes, outer) + UDP_HEADER_BYTES;
    const vni = parseVxlan(bytes, header, packet.end);
    if (vni === undefined) {
      this.#namespace.drop(packet, 'vxlan', 'malformed VXLAN header');
      return;
    }
    const device = this.#byVni.get(vni);
    if (device === undefined) {
      this.#namespace.drop(packet, 'vxlan', 'no vxlan device has this VNI');
      return;
    }
    const remote = sourceOf(bytes, outer);
    const tos = isIpv6(bytes, outer) ? trafficClassOf(bytes, outer) : tosOf(bytes, outer);
    packet.start = header + VXLAN_HEADER_BYTES;
    device.decapsulate(packet, remote, tos);
  }
}

/** What one host namespace has of VXLAN. */
class Vteps {
  /** Every device that has its socket there, up or not. */
  readonly devices = new Set<VxlanDevice>();
  /** By {@link keyOf}. */
  readonly sockets = new Map<string, VtepSocket>();
}

const vtepsOfNamespace = new WeakMap<Namespace, Vteps>();

function vtepsOf(namespace: Namespace): Vteps {
  let vteps = vtepsOfNamespace.get(namespace);
  if (vteps === undefined) {
    vteps = new Vteps();
    vtepsOfNamespace.set(namespace, vteps);
  }
  return vteps;
}

function keyOf({ family, port }: VxlanDevice): string {
  return `${family} ${port}`;
}

/** Gives a new device its VNI; `file exists` when another one with its port and family has it. */
export function registerVtep(device: VxlanDevice): string | undefined {
  const { devices } = vtepsOf(device.underlay);
  for (const other of devices) {
    if (other.vni === device.vni && keyOf(other) === keyOf(device)) return 'file exists';
  }
  devices.add(device);
  return undefined;
}

/** Takes a device's VNI back. */
export function unregisterVtep(device: VxlanDevice): void {
  closeVtep(device);
  vtepsOf(device.underlay).devices.delete(device);
}

/**
 * Puts a device that goes up behind the socket of its port; `address already in use` when a program
 * has the port.
 */
export function openVtep(device: VxlanDevice): string | undefined {
  const { underlay, port, family } = device;
  const { sockets } = vtepsOf(underlay);
  const key = keyOf(device);
  let socket = sockets.get(key);
  if (socket === undefined) {
    const opened = new VtepSocket(underlay);
    const takesNoChecksum = device.zeroChecksum6Rx;
    const receive = (packet: Packet) => opened.receive(packet);
    const errno = underlay.sockets.bindKernelUdp(port, receive, family, takesNoChecksum);
    if (errno !== Errno.none) return 'address already in use';
    sockets.set(key, opened);
    socket = opened;
  }
  socket.add(device);
  return undefined;
}

/** Takes a device from its socket. */
export function closeVtep(device: VxlanDevice): void {
  const { underlay, port, family } = device;
  const { sockets } = vtepsOf(underlay);
  const socket = sockets.get(keyOf(device));
  if (socket === undefined) return;
  socket.remove(device);
  if (!socket.isUnused) return;
  sockets.delete(keyOf(device));
  underlay.sockets.unbindKernelUdp(port, family);
}

/** The device of a host that hears what this one would send to the host itself. */
export function vtepHere(device: VxlanDevice): VxlanDevice | undefined {
  return vtepsOf(device.underlay).sockets.get(keyOf(device))?.find(device.vni);
}
