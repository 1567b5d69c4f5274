/**
 * The UDP sockets of VXLAN: one per host namespace and port, shared by all vxlan devices of the host
 * and demultiplexed by VNI. The first device opens it, the last one that goes closes it, and from then
 * on the port answers with ICMP port unreachable, as any closed one.
 * Mirrors `vxlan_sock_add`, `vxlan_sock_release` and `vxlan_rcv` (drivers/net/vxlan/vxlan_core.c).
 */
import type { Namespace } from '../net/namespace.ts';
import type { Packet } from '../net/packet.ts';
import { Errno } from '../net/socket/errno.ts';
import { headerBytesOf, sourceOf, tosOf } from '../wire/ipv4.ts';
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
    const outer = packet.start;
    const header = outer + headerBytesOf(packet.bytes, outer) + UDP_HEADER_BYTES;
    const vni = parseVxlan(packet.bytes, header, packet.end);
    if (vni === undefined) {
      this.#namespace.drop(packet, 'vxlan', 'malformed VXLAN header');
      return;
    }
    const device = this.#byVni.get(vni);
    if (device === undefined) {
      this.#namespace.drop(packet, 'vxlan', 'no vxlan device has this VNI');
      return;
    }
    const remote = sourceOf(packet.bytes, outer);
    const tos = tosOf(packet.bytes, outer);
    packet.start = header + VXLAN_HEADER_BYTES;
    device.decapsulate(packet, remote, tos);
  }
}

const socketsOfNamespace = new WeakMap<Namespace, Map<number, VtepSocket>>();

/**
 * Puts a device behind the socket of its port. The kernel's error text otherwise: `file exists` when
 * another device of the host has the VNI, `address already in use` when a program has the port.
 */
export function attachToSocket(namespace: Namespace, device: VxlanDevice): string | undefined {
  let sockets = socketsOfNamespace.get(namespace);
  if (sockets === undefined) {
    sockets = new Map();
    socketsOfNamespace.set(namespace, sockets);
  }
  let socket = sockets.get(device.port);
  if (socket === undefined) {
    socket = new VtepSocket(namespace);
    const opened = socket;
    const errno = namespace.sockets.bindKernelUdp(device.port, (packet) => opened.receive(packet));
    if (errno !== Errno.none) return 'address already in use';
    sockets.set(device.port, socket);
  }
  if (socket.find(device.vni) !== undefined) return 'file exists';
  socket.add(device);
  return undefined;
}

/** Takes a device from its socket. */
export function detachFromSocket(namespace: Namespace, device: VxlanDevice): void {
  const sockets = socketsOfNamespace.get(namespace);
  const socket = sockets?.get(device.port);
  if (sockets === undefined || socket === undefined) return;
  socket.remove(device);
  if (!socket.isUnused) return;
  sockets.delete(device.port);
  namespace.sockets.unbindKernelUdp(device.port);
}
