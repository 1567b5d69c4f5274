/**
 * Veth pairs between a host and a container to be, as plugins make them: one end stays, as a port of
 * a bridge or by itself, the other waits under its name until the engine takes it.
 */
import { Bridge } from '../../../net/device/bridge.ts';
import type { Device } from '../../../net/device/device.ts';
import { createVethPair } from '../../../net/device/veth.ts';
import type { Mac } from '../../../wire/addresses.ts';
import { macOf, type PluginHost } from './sample-plugin.ts';

/** A pair of devices. */
export interface PairOptions {
  /** The end that stays on the host. */
  readonly hostName: string;
  readonly hostMac: Mac;
  /** The end that the container gets. */
  readonly name: string;
  readonly mac: Mac;
  readonly mtuBytes: number;
  readonly bridge?: Bridge;
}

/** Makes a pair on a host; the end that stays is up. */
export function addPair({ namespace }: PluginHost, options: PairOptions): Device {
  const { name, mac, hostName, hostMac, mtuBytes, bridge } = options;
  const [inner, outer] = createVethPair(name, mac, hostName, hostMac, mtuBytes);
  namespace.addDevice(inner);
  namespace.addDevice(outer);
  if (bridge !== undefined) namespace.setMaster(outer, bridge);
  namespace.setUp(outer, true);
  return outer;
}

/** Removes a pair by the end that stayed. */
export function removePair({ namespace }: PluginHost, hostName: string): void {
  const device = namespace.deviceByName(hostName);
  if (device !== undefined) namespace.removeDevice(device);
}

/** The bridge of this name on a host, made when it is first needed; frames through it pass iptables. */
export function bridgeOf(host: PluginHost, name: string, mtuBytes: number): Bridge {
  const { namespace } = host;
  const present = namespace.deviceByName(name);
  if (present instanceof Bridge) return present;
  const bridge = new Bridge(name, macOf(`${host.name} ${name}`), mtuBytes);
  namespace.addDevice(bridge);
  namespace.setUp(bridge, true);
  namespace.tables.run(`-I FORWARD -i ${name} -o ${name} -j ACCEPT`);
  return bridge;
}

/** Takes a bridge that {@link bridgeOf} made away, with the rule for it. */
export function removeBridge({ namespace }: PluginHost, name: string): void {
  const bridge = namespace.deviceByName(name);
  if (bridge === undefined) return;
  namespace.removeDevice(bridge);
  namespace.tables.run(`-D FORWARD -i ${name} -o ${name} -j ACCEPT`);
}
