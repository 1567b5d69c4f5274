/**
 * `ip link add`: the devices that can be made by hand: dummy, bridge, veth and VLAN.
 * Mirrors iproute2 ip/iplink.c (`iplink_parse`) and its link_*.c files.
 */
import { Bridge } from '../../../net/device/bridge.ts';
import type { Device } from '../../../net/device/device.ts';
import { Dummy } from '../../../net/device/dummy.ts';
import { createVethPair } from '../../../net/device/veth.ts';
import { Vlan } from '../../../net/device/vlan.ts';
import type { Namespace } from '../../../net/namespace.ts';
import { type Mac, parseMac } from '../../../wire/addresses.ts';
import type { Process } from '../process.ts';
import { IpFailure, refused, type Words, wrong } from './words.ts';

/** `ip link add [link PARENT] [name] NAME [address MAC] [mtu N] type KIND …`. */
export function addLink(process: Process, namespace: Namespace, words: Words): string {
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
    throw wrong('Not enough information: "type" argument is required');
  }
  const kind = words.value();
  if (name === undefined && kind !== 'veth') {
    throw new IpFailure(2, 'Not enough information: "name" argument is required');
  }
  const chosen = name ?? freeName(namespace, kind);
  if (namespace.deviceByName(chosen) !== undefined) throw refused('File exists');
  const devices = create(process, namespace, { kind, name: chosen, mac, parent }, words);
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
}

function create(
  process: Process,
  namespace: Namespace,
  { kind, name, mac = randomMac(process), parent }: NewLink,
  words: Words,
): Device[] {
  switch (kind) {
    case 'dummy':
      return [new Dummy(name, mac, 1500)];
    case 'bridge':
      return [new Bridge(name, mac)];
    case 'veth': {
      let peer = freeName(namespace, 'veth');
      if (words.maybe('peer')) {
        words.maybe('name');
        peer = words.value();
      }
      if (namespace.deviceByName(peer) !== undefined) throw refused('File exists');
      const [left, right] = createVethPair(name, mac, peer, randomMac(process), 1500);
      return [right, left];
    }
    case 'vlan': {
      if (parent === undefined) throw refused('No such device');
      if (!words.maybe('id')) throw wrong('Error: "id" is required');
      const id = words.number('id is invalid', 1, 4094);
      return [new Vlan(name, parent, id)];
    }
    default:
      throw new IpFailure(2, `Error: Unknown device type: ${kind} cannot be made by hand here.`);
  }
}

/** The first of `veth0`, `veth1`, … that nobody has. */
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
