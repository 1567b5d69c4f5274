/**
 * Which devices `ip link show` and `ip address show` list: `[dev NAME] [up] [master NAME]
 * [type KIND]`.
 */
import type { Device } from '../../../net/device/device.ts';
import type { Namespace } from '../../../net/namespace.ts';
import { deviceOf, IpFailure, type Words } from './words.ts';

/** The devices that the rest of a command line selects. */
export function selectDevices(namespace: Namespace, words: Words): Device[] {
  let devices = [...namespace.devices.list()];
  while (words.first !== undefined) {
    if (words.maybe('up')) devices = devices.filter((device) => device.isUp);
    else if (words.maybe('master')) {
      const master = deviceOf(namespace, words.value());
      devices = devices.filter((device) => device.master === master);
    } else if (words.maybe('type')) {
      const kind = words.value();
      devices = devices.filter((device) => device.kind === kind);
    } else {
      words.maybe('dev');
      const name = words.value();
      const device = namespace.deviceByName(name.split('@')[0]!);
      if (device === undefined) throw new IpFailure(1, `Device "${name}" does not exist.`);
      devices = devices.filter((each) => each === device);
    }
  }
  return devices;
}
