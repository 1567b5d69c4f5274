/**
 * `ip link add`: dummy, bridge, veth, VLAN, macvlan, ipvlan and VXLAN devices, made by hand.
 * Mirrors iproute2 ip/iplink.c (`iplink_parse`) and its link_*.c files.
 */
import { Bridge } from '../../../net/device/bridge.ts';
import type { Device } from '../../../net/device/device.ts';
import { Dummy } from '../../../net/device/dummy.ts';
import { Ipvlan } from '../../../net/device/ipvlan.ts';
import { Macvlan } from '../../../net/device/macvlan.ts';
import { stackingError } from '../../../net/device/stacked-device.ts';
import { createVethPair } from '../../../net/device/veth.ts';
import { Vlan } from '../../../net/device/vlan.ts';
import type { Namespace } from '../../../net/namespace.ts';
import { type Mac, parseMac } from '../../../wire/addresses.ts';
import type { Process } from '../process.ts';
import { takeBridgeOptions, takeMacvlanOptions } from './kind-options.ts';
import { netnsOf } from './netns.ts';
import { newVxlan } from './new-vxlan.ts';
import { IpFailure, refused, type Words, wrong } from './words.ts';

/** `ip link add [link PARENT] [name] NAME [address MAC] [mtu N] type KIND …`. */
export function addLink(
  process: Process,
  namespace: Namespace,
  words: Words,
  isVersion6: boolean,
): string {
  let parent: Device | undefined;
  let name: string | undefined;
  let mac: Mac | undefined;
  let mtuBytes: number | undefined;
  while (words.first !== undefined && words.first !== 'type') {
    if (words.maybe('link')) parent = words.device(namespace);
    else if (words.maybe('address')) mac = parseMac(words.value());
    else if (words.maybe('mtu')) mtuBytes = words.number('Invalid "mtu" value\n');
    else if (words.maybe('up')) throw refused('Operation not supported');
    else {
      words.maybe('name', 'dev');
      name = words.value();
    }
  }
  if (!words.maybe('type')) {
    throw new IpFailure(1, 'Not enough information: "type" argument is required');
  }
  const kind = words.value();
  const chosen = name ?? freeName(namespace, kind);
  if (chosen.length > 15) throw new IpFailure(2, 'Error: Attribute failed policy validation.');
  if (namespace.deviceByName(chosen) !== undefined) throw refused('File exists');
  const devices = create(
    process,
    namespace,
    { kind, name: chosen, mac, parent, isVersion6 },
    words,
  );
  for (const device of devices) {
    if (device.namespace === undefined) namespace.addDevice(device);
    device.queueLength = 1000;
    if (mtuBytes !== undefined) namespace.setMtu(device, mtuBytes);
  }
  return '';
}

interface NewLink {
  readonly kind: string;
  readonly name: string;
  readonly mac: Mac | undefined;
  readonly parent: Device | undefined;
  /** `ip -6` */
  readonly isVersion6: boolean;
}

function create(
  process: Process,
  namespace: Namespace,
  { kind, name, mac = randomMac(process), parent, isVersion6 }: NewLink,
  words: Words,
): Device[] {
  switch (kind) {
    case 'dummy':
      return [new Dummy(name, mac, 1500)];
    case 'bridge': {
      const bridge = new Bridge(name, mac);
      takeBridgeOptions(bridge, words);
      return [bridge];
    }
    case 'veth': {
      let peer = freeName(namespace, 'veth');
      let peerNamespace = namespace;
      if (words.maybe('peer')) {
        words.maybe('name');
        peer = words.value();
        if (words.maybe('netns')) peerNamespace = netnsOf(process, words.value());
      }
      if (peerNamespace.deviceByName(peer) !== undefined) throw refused('File exists');
      const [left, right] = createVethPair(name, mac, peer, randomMac(process), 1500);
      if (peerNamespace !== namespace) peerNamespace.addDevice(right);
      return [right, left];
    }
    case 'vlan': {
      if (parent === undefined) throw refused('No such device');
      if (!words.maybe('id')) throw wrong('Error: "id" is required');
      const id = words.number('id is invalid', 1, 4094);
      return [new Vlan(name, parent, id)];
    }
    case 'macvlan':
      return [createMacvlan(name, mac, parent, words)];
    case 'ipvlan':
      return [createIpvlan(name, parent, words)];
    case 'vxlan': {
      const { device, advice } = newVxlan(name, mac, namespace, words, isVersion6);
      process.complain(advice);
      return [device];
    }
    default:
      throw new IpFailure(2, 'Error: Unknown device type.');
  }
}

function createMacvlan(name: string, mac: Mac, parent: Device | undefined, words: Words): Device {
  const mode = words.maybe('mode') ? words.value() : 'vepa';
  const modes = ['private', 'vepa', 'bridge', 'passthru', 'source'] as const;
  const known = modes.find((each) => each === mode);
  if (known === undefined) {
    const wish = '"private", "vepa", "bridge", "passthru" or "source"';
    throw new IpFailure(1, `Error: argument of "mode" must be ${wish}, not "${mode}"`);
  }
  if (parent === undefined) throw refused('No such device');
  const error = stackingError(parent, 'macvlan', known === 'passthru');
  if (error !== undefined) throw new IpFailure(2, error);
  const device = new Macvlan(name, parent, mac, known);
  takeMacvlanOptions(device, words);
  return device;
}

function createIpvlan(name: string, parent: Device | undefined, words: Words): Device {
  const mode = words.maybe('mode') ? words.value() : 'l3';
  const known = (['l2', 'l3', 'l3s'] as const).find((each) => each === mode);
  if (known === undefined) {
    throw wrong(`Error: argument of "mode" must be either "l2", "l3" or "l3s"`);
  }
  const flag = (['bridge', 'private', 'vepa'] as const).find((each) => words.maybe(each));
  if (parent === undefined) throw refused('No such device');
  const error = stackingError(parent, 'ipvlan');
  if (error !== undefined) throw new IpFailure(2, error);
  return new Ipvlan(name, parent, known, flag);
}

/** The first of `veth0`, `veth1`, …, `bridge0`, … that nobody has. */
function freeName(namespace: Namespace, kind: string): string {
  let number = 0;
  while (namespace.deviceByName(`${kind}${number}`) !== undefined) number++;
  return `${kind}${number}`;
}

/** A local unicast address, as `eth_hw_addr_random` draws them. */
function randomMac(process: Process): Mac {
  const high = ((process.draw() & 0xfc00) | 0x0200) >>> 0;
  return high * 0x1_0000_0000 + process.draw();
}
