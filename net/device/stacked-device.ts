/**
 * A device on top of another one of the same host: a VLAN subinterface, a macvlan, an ipvlan.
 *
 * It has carrier while its parent has, is never longer than its parent allows, and goes with it.
 * Mirrors what net/8021q/vlan.c, drivers/net/macvlan.c and drivers/net/ipvlan/ipvlan_main.c do on
 * the parent's notifications (`vlan_device_event`, `macvlan_device_event`, `ipvlan_device_event`).
 */
import type { Mac } from '../../wire/addresses.ts';
import { Device, type FrameHandler } from './device.ts';

/** What the three kinds have in common. */
export abstract class StackedDevice extends Device {
  readonly parent: Device;
  /** True for a passthru macvlan, which its parent leaves all frames to. */
  takesEveryFrame = false;

  constructor(name: string, parent: Device, mac: Mac) {
    super(name, mac, parent.mtu);
    this.parent = parent;
    this.linked = parent;
    parent.uppers.push(this);
  }

  override get hasCarrier(): boolean {
    return this.isUp && this.parent.hasCarrier;
  }

  /** The parent went up or down. */
  onParentUp(): void {
    this.namespace?.devices.noteCarrier(this);
  }

  /** The parent's MTU has changed: nothing longer than it may leave. */
  onParentMtu(): void {
    if (this.mtu > this.parent.mtu) this.followMtu();
  }

  /** The parent's MAC address has changed from `old`. */
  onParentMac(_old: Mac): void {}

  override onRemove(): void {
    const { uppers } = this.parent;
    const place = uppers.indexOf(this);
    if (place >= 0) uppers.splice(place, 1);
  }

  /** Takes the parent's MTU. */
  protected followMtu(): void {
    this.mtu = this.parent.mtu;
    this.namespace?.devices.noteMtu(this);
  }

  /** Takes the parent's MAC address. */
  protected followMac(): void {
    if (this.namespace === undefined) this.mac = this.parent.mac;
    else this.namespace.devices.changeMac(this, this.parent.mac);
  }

  /** The last of its kind on a parent lets go of the parent's frames. */
  protected release(handler: FrameHandler): void {
    const isLast = !this.parent.uppers.some((upper) => upper.kind === this.kind);
    if (isLast && this.parent.frameHandler === handler) this.parent.frameHandler = undefined;
  }
}

/**
 * What `ip link add` says instead of stacking a macvlan or an ipvlan on `parent`; undefined when it
 * may. A device's frames have one taker: a bridge, macvlans or ipvlans; a passthru macvlan is alone.
 */
export function stackingError(
  parent: Device,
  kind: 'macvlan' | 'ipvlan',
  isPassthru = false,
): string | undefined {
  const present = parent.uppers.filter((upper) => upper.kind !== 'vlan');
  if (kind === 'macvlan' && present.some((upper) => upper.kind === 'macvlan')) {
    const hasPassthru = parent.uppers.some((upper) => upper.takesEveryFrame);
    return isPassthru || hasPassthru ? 'RTNETLINK answers: Invalid argument' : undefined;
  }
  const isTaken = parent.master !== undefined || present.some((upper) => upper.kind !== kind);
  return isTaken ? 'RTNETLINK answers: Device or resource busy' : undefined;
}
