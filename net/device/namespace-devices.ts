/**
 * The devices of one namespace: indices, names, up and down, master, moving and removing.
 *
 * Each namespace counts its own indices from 1 (loopback); a device that moves keeps its index
 * unless somebody has it there. Going down takes the routes through a device and its neighbours;
 * coming up brings the routes that its addresses make. Namespace ids (`link-netnsid`) are given in
 * the order in which a namespace first learns of another, the lowest free one, as
 * `peernet2id_alloc` does.
 * Mirrors net/core/dev.c (`dev_new_index`, `__dev_change_net_namespace`).
 */
import { assert } from '../../sim/assert.ts';
import type { Mac } from '../../wire/addresses.ts';
import type { Namespace } from '../namespace.ts';
import { maybeAnnounceAll } from '../neighbour/arp.ts';
import type { Bridge } from './bridge.ts';
import type { Device } from './device.ts';

/** The devices of one namespace, in the order of their indices. */
export class NamespaceDevices {
  readonly #namespace: Namespace;
  readonly #byIndex: Device[] = [];
  readonly #byName = new Map<string, Device>();
  readonly #namespaceIds = new Map<Namespace, number>();
  #lastIndex = 0;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** All devices by ascending index; not to be changed. */
  list(): readonly Device[] {
    return this.#byIndex;
  }

  /** The device of this name. */
  byName(name: string): Device | undefined {
    return this.#byName.get(name);
  }

  /** The device with this ifindex. */
  byIndex(index: number): Device | undefined {
    return this.#byIndex.find((device) => device.index === index);
  }

  /** Brings a new device in. */
  add(device: Device): void {
    assert(!this.#byName.has(device.name), `a device ${device.name} is there already`);
    if (device.index === 0 || this.byIndex(device.index) !== undefined) {
      do this.#lastIndex++;
      while (this.byIndex(this.#lastIndex) !== undefined);
      device.index = this.#lastIndex;
    }
    device.namespace = this.#namespace;
    const { ipv4, ipv6 } = this.#namespace.sysctls;
    device.ipv4 = ipv4.addDevice(device.name);
    device.ipv6 = ipv6.addDevice(device.name);
    this.#byName.set(device.name, device);
    let place = this.#byIndex.length;
    while (place > 0 && this.#byIndex[place - 1]!.index > device.index) place--;
    this.#byIndex.splice(place, 0, device);
    device.onAdd();
  }

  /** Takes a device out with all that hangs on it, and destroys what cannot live without it. */
  remove(device: Device): void {
    if (this.#byName.get(device.name) !== device) return;
    for (const upper of [...device.uppers]) upper.namespace?.removeDevice(upper);
    this.#leave(device);
    device.onRemove();
  }

  /** Takes every device out, the last one first. */
  removeAll(): void {
    while (this.#byIndex.length > 0) this.remove(this.#byIndex[this.#byIndex.length - 1]!);
  }

  /** Moves a device; it arrives down, without addresses, master and settings. */
  move(device: Device, to: Namespace, newName: string): void {
    if (to === this.#namespace) {
      this.rename(device, newName);
      return;
    }
    const { isUp } = device;
    this.#leave(device);
    device.name = newName;
    to.devices.add(device);
    const linked = device.linkNamespace;
    if (linked !== undefined && linked !== to) {
      linked.devices.namespaceIdOf(to);
      to.devices.namespaceIdOf(linked);
    }
    if (isUp) device.linked?.namespace?.devices.noteCarrier(device.linked);
  }

  /** The id by which this namespace knows another (`link-netnsid`); given on first use. */
  namespaceIdOf(other: Namespace): number {
    const known = this.#namespaceIds.get(other);
    if (known !== undefined) return known;
    const taken = new Set(this.#namespaceIds.values());
    let id = 0;
    while (taken.has(id)) id++;
    this.#namespaceIds.set(other, id);
    return id;
  }

  /** The namespace is no more: those that knew it by an id may give the id to another. */
  forgetEverywhere(): void {
    for (const other of this.#namespaceIds.keys()) {
      other.devices.#namespaceIds.delete(this.#namespace);
    }
  }

  /** Gives a device another name; addresses keep their labels, as in Linux. */
  rename(device: Device, name: string): void {
    if (device.name === name) return;
    assert(!this.#byName.has(name), `a device ${name} is there already`);
    this.#byName.delete(device.name);
    const { ipv4, ipv6 } = this.#namespace.sysctls;
    ipv4.renameDevice(device.name, name);
    ipv6.renameDevice(device.name, name);
    device.name = name;
    this.#byName.set(name, device);
  }

  /** Sets a device up or down. */
  setUp(device: Device, isUp: boolean): void {
    if (device.isUp === isUp) return;
    const namespace = this.#namespace;
    device.isUp = isUp;
    if (isUp) namespace.addresses.onDeviceUp(device);
    else {
      namespace.neighbours.flush(device);
      namespace.neighbours.removeProxiesOf(device);
      namespace.routes.onDeviceDown(device, false);
      namespace.ipv6IfUsed?.onDeviceDown(device);
    }
    device.onUpChange();
    this.noteCarrier(device);
    if (isUp) maybeAnnounceAll(namespace, device);
    for (const upper of [...device.uppers]) upper.onParentUp();
    const linked = device.linked;
    if (linked?.namespace !== undefined) linked.namespace.devices.noteCarrier(linked);
  }

  /** Lets those who depend on a device's carrier look again. */
  noteCarrier(device: Device): void {
    if (!device.isUp) device.carrierSinceNs = undefined;
    else if (device.hasCarrier) device.carrierSinceNs ??= this.#namespace.world.nowNs;
    this.#namespace.routes.invalidate();
    this.#namespace.ipv6IfUsed?.addresses.sync(device);
    device.master?.onPortCarrier(device);
  }

  /** Makes a device a port of a bridge, or frees it. */
  setMaster(device: Device, bridge: Bridge | undefined): void {
    if (device.master === bridge) return;
    if (device.master !== undefined) device.master.removePort(device);
    if (bridge !== undefined) bridge.addPort(device);
    this.#namespace.routes.invalidate();
  }

  /** Changes the MAC address. */
  setMac(device: Device, mac: Mac): void {
    device.isMacChosen = true;
    this.changeMac(device, mac);
  }

  /** Changes the MAC address without making it the user's choice (a bridge takes a port's). */
  changeMac(device: Device, mac: Mac): void {
    if (device.mac === mac) return;
    const old = device.mac;
    device.mac = mac;
    this.#namespace.neighbours.flush(device);
    this.#namespace.ipv6IfUsed?.neighbours.flush(device);
    this.#namespace.ipv6IfUsed?.addresses.sync(device);
    if (device.master !== undefined) device.master.onPortMac(device, old);
    device.onOwnMac(old);
    maybeAnnounceAll(this.#namespace, device);
    for (const upper of device.uppers) upper.onParentMac(old);
  }

  /** Changes the MTU, in bytes. */
  setMtu(device: Device, mtuBytes: number): void {
    device.isMtuChosen = true;
    device.mtu = mtuBytes;
    this.noteMtu(device);
  }

  /** Lets those who depend on a device's MTU look again. */
  noteMtu(device: Device): void {
    device.master?.onPortMtu();
    for (const upper of device.uppers) upper.onParentMtu();
    this.#namespace.routes.invalidate();
    this.#namespace.ipv6IfUsed?.addresses.sync(device);
    this.#namespace.ipv6IfUsed?.routes.invalidate();
  }

  #leave(device: Device): void {
    const namespace = this.#namespace;
    this.setMaster(device, undefined);
    this.setUp(device, false);
    namespace.addresses.flush(device);
    namespace.routes.onDeviceDown(device, true);
    namespace.neighbours.flush(device);
    namespace.sysctls.ipv4.removeDevice(device.name);
    namespace.sysctls.ipv6.removeDevice(device.name);
    this.#byName.delete(device.name);
    this.#byIndex.splice(this.#byIndex.indexOf(device), 1);
  }
}
