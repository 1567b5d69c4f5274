/**
 * The UDP sockets of VXLAN: one per host namespace and port, shared by all vxlan devices of the
 * host and demultiplexed by VNI (`vxlan_sock_add`, `vxlan_rcv`).
 */
import type { Namespace } from '../net/namespace.ts';
import type { Packet } from '../net/packet.ts';
import { headerBytesOf, sourceOf } from '../wire/ipv4.ts';
import { UDP_HEADER_BYTES } from '../wire/udp.ts';
import { parseVxlan, VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';
import type { VxlanDevice } from './vxlan-device.ts';

/** One socket and the devices behind it. */
class VtepSocket {
  readonly #namespace: Namespace;
  readonly #byVni = new Map<number, VxlanDevice>();

  constructor(namespace: Namespace, port: number) {
    this.#namespace = namespace;
    namespace.sockets.bindKernelUdp(port, (packet) => this.#receive(packet));
  }

  /** False when another device has the VNI already. */
  add(device: VxlanDevice): boolean {
    if (this.#byVni.has(device.vni)) return false;
    this.#byVni.set(device.vni, device);
    return true;
  }

  remove(device: VxlanDevice): void {
    if (this.#byVni.get(device.vni) === device) this.#byVni.delete(device.vni);
  }

  #receive(packet: Packet): void {
    const outer = packet.start;
    const header = outer + headerBytesOf(packet.bytes, outer) + UDP_HEADER_BYTES;
    const vni = parseVxlan(packet.bytes, header, packet.end);
    if (vni === undefined) {
      this.#namespace.drop(packet, 'vxlan', 'malformed VXLAN header');
      return;
    }
    const device = this.#byVni.get(vni);
    if (device === undefined) {
      this.#namespace.drop(packet, 'vxlan', `no vxlan device has VNI ${vni}`);
      return;
    }
    const remote = sourceOf(packet.bytes, outer);
    packet.start = header + VXLAN_HEADER_BYTES;
    device.decapsulate(packet, remote);
  }
}

const socketsOfNamespace = new WeakMap<Namespace, Map<number, VtepSocket>>();

/** Puts a device behind the socket of its port; false when its VNI is taken ("file exists"). */
export function attachToSocket(namespace: Namespace, device: VxlanDevice): boolean {
  let sockets = socketsOfNamespace.get(namespace);
  if (sockets === undefined) {
    sockets = new Map();
    socketsOfNamespace.set(namespace, sockets);
  }
  let socket = sockets.get(device.port);
  if (socket === undefined) {
    socket = new VtepSocket(namespace, device.port);
    sockets.set(device.port, socket);
  }
  return socket.add(device);
}

/** Takes a device from its socket. */
export function detachFromSocket(namespace: Namespace, device: VxlanDevice): void {
  socketsOfNamespace.get(namespace)?.get(device.port)?.remove(device);
}
