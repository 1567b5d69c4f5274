/**
 * Making a device a port of a bridge, with the kernel's refusals (net/bridge/br_if.c, `br_add_if`).
 */
import { Bridge } from '../../net/device/bridge.ts';
import type { Device } from '../../net/device/device.ts';

/** Why a device cannot become a port: what netlink says, and what `strerror` says. */
export interface EnslaveRefusal {
  readonly netlink: string;
  readonly text: string;
}

/** Adds a device to a bridge, if the kernel lets it. */
export function enslave(device: Device, bridge: Bridge): EnslaveRefusal | undefined {
  if (device instanceof Bridge) {
    const text = 'Too many levels of symbolic links';
    return { netlink: 'Error: Can not enslave a bridge to a bridge.', text };
  }
  if (device.kind === 'loopback') {
    return { netlink: 'RTNETLINK answers: Invalid argument', text: 'Invalid argument' };
  }
  device.namespace.setMaster(device, bridge);
  return undefined;
}
