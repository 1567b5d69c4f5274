/**
 * The interface of the host that a macvlan or ipvlan network stands on: one that is there, an
 * 802.1Q subinterface that the driver makes (`eth0.10`) and takes away again, or, when the user names
 * none, a dummy device that leads nowhere (`drivers/macvlan/macvlan_setup.go`).
 */
import type { Device } from '../../net/device/device.ts';
import { Dummy } from '../../net/device/dummy.ts';
import { Vlan } from '../../net/device/vlan.ts';
import type { Namespace } from '../../net/namespace.ts';
import type { Mac } from '../../wire/addresses.ts';
import { invalid, Refusal } from '../daemon/refusal.ts';

/** The VLAN ids that may be asked for. */
const VLAN_ID_MAX = 4094;

/** A parent, and whether it goes with the network. */
export interface ParentInterface {
  readonly device: Device;
  readonly isOwn: boolean;
}

/**
 * Finds or makes the parent of a network; `dummyName` is what it is called when the user named none,
 * such as `dm-0123456789ab`.
 */
export function parentInterfaceOf(
  namespace: Namespace,
  name: string | undefined,
  dummyName: string,
  dummyMac: () => Mac,
): ParentInterface | Refusal {
  const wanted = name ?? dummyName;
  const present = namespace.deviceByName(wanted);
  if (present !== undefined) return { device: present, isOwn: false };
  if (name === undefined) return made(namespace, new Dummy(wanted, dummyMac(), 1500));
  const vlan = subinterfaceOf(namespace, name);
  return vlan instanceof Refusal ? vlan : made(namespace, vlan);
}

function made(namespace: Namespace, device: Device): ParentInterface {
  namespace.addDevice(device);
  namespace.setUp(device, true);
  return { device, isOwn: true };
}

function subinterfaceOf(namespace: Namespace, name: string): Vlan | Refusal {
  const match = /^([^.]+)\.(\d+)$/.exec(name);
  const shape = `invalid subinterface vlan name ${name}, example formatting is eth0.10`;
  if (match === null) return invalid(shape);
  const id = Number(match[2]);
  if (id < 1 || id > VLAN_ID_MAX) {
    return invalid(`vlan id must be between 1-4094, received: ${id}`);
  }
  const parent = namespace.deviceByName(match[1]!);
  if (parent === undefined) {
    return invalid(
      `failed to find master interface ${match[1]} on the Docker host: Link not found`,
    );
  }
  return new Vlan(name, parent, id);
}
