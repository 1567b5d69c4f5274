/**
 * `ip link`: show (with -s, -d, -o, -br), set, del. What `ip link add` makes is in new-link.ts.
 * Mirrors iproute2 ip/iplink.c and the kernel's answers (net/core/rtnetlink.c).
 */
import { Bridge } from '../../../net/device/bridge.ts';
import type { Device } from '../../../net/device/device.ts';
import { Macvlan } from '../../../net/device/macvlan.ts';
import type { Namespace } from '../../../net/namespace.ts';
import { linkText } from '../../../net/show/link.ts';
import { VxlanDevice } from '../../../vxlan/vxlan-device.ts';
import { formatMac, parseMac } from '../../../wire/addresses.ts';
import { enslave } from '../enslave.ts';
import type { Process } from '../process.ts';
import { briefHead } from './address.ts';
import { selectDevices } from './filter.ts';
import type { IpFormat } from './format.ts';
import { takeBridgeOptions, takeMacvlanOptions } from './kind-options.ts';
import { netnsOf } from './netns.ts';
import { addLink } from './new-link.ts';
import { commandOf, deviceOf, IpFailure, refused, type Words, wrong } from './words.ts';

/** Runs `ip link WORDS` in a process' place; what it prints. */
export function ipLink(
  process: Process,
  namespace: Namespace,
  words: Words,
  format: IpFormat,
): string {
  const word = words.next() ?? 'show';
  switch (commandOf(word, ['add', 'set', 'change', 'delete', 'show', 'list', 'lst', 'help'])) {
    case 'show':
    case 'list':
    case 'lst':
      return show(namespace, words, format);
    case 'set':
    case 'change':
      return set(process, namespace, words);
    case 'delete':
      return remove(namespace, words);
    case 'add':
      return addLink(process, namespace, words, format.family === 6);
    default:
      throw wrong(`Command "${word}" is unknown, try "ip link help".`);
  }
}

function show(namespace: Namespace, words: Words, format: IpFormat): string {
  return selectDevices(namespace, words)
    .map((device) => {
      const { hasDetails, hasStatistics } = format;
      const text = linkText(namespace, { device: device.name, hasDetails, hasStatistics });
      if (format.isBrief) {
        const flags = /<[^>]*>/.exec(text)?.[0] ?? '<>';
        return `${briefHead(text)}${formatMac(device.mac)} ${flags} \n`;
      }
      return format.isOneLine ? `${text.trimEnd().replaceAll('\n', '\\')}\n` : text;
    })
    .join('');
}

function set(process: Process, namespace: Namespace, words: Words): string {
  if (words.first === undefined) {
    throw wrong('Not enough information: "dev" argument is required.');
  }
  if (words.maybe('link')) words.device(namespace);
  words.maybe('dev');
  const device = deviceOf(namespace, words.value());
  while (words.first !== undefined) change(process, namespace, device, words);
  return '';
}

function change(process: Process, namespace: Namespace, device: Device, words: Words): void {
  if (words.maybe('up')) up(namespace, device);
  else if (words.maybe('down')) namespace.setUp(device, false);
  else if (words.maybe('mtu')) {
    const mtuBytes = words.number('Invalid "mtu" value\n');
    if (mtuBytes < 68) throw new IpFailure(2, 'Error: mtu less than device minimum.');
    if (mtuBytes > 65_535) throw new IpFailure(2, 'Error: mtu greater than device maximum.');
    namespace.setMtu(device, mtuBytes);
  } else if (words.maybe('address')) {
    const text = words.value();
    const mac = parseMac(text);
    if (mac === undefined) throw new IpFailure(1, `"${text}" is invalid lladdr.`);
    namespace.setMac(device, mac);
  } else if (words.maybe('name')) rename(namespace, device, words.value());
  else if (words.maybe('master')) {
    const name = words.value();
    const master = namespace.deviceByName(name);
    if (master === undefined) {
      throw wrong(`Error: argument "${name}" is wrong: Device does not exist\n`);
    }
    if (!(master instanceof Bridge)) throw refused('Operation not supported');
    const refusal = enslave(device, master);
    if (refusal !== undefined) throw new IpFailure(2, refusal.netlink);
  } else if (words.maybe('nomaster')) namespace.setMaster(device, undefined);
  else if (words.maybe('promisc')) setPromiscuous(device, words.value());
  else if (words.maybe('txqueuelen', 'qlen')) {
    device.queueLength = words.number('Invalid "txqueuelen" value\n');
  } else if (words.maybe('netns')) {
    namespace.moveDevice(device, netnsOf(process, words.value()));
  } else if (words.maybe('type')) changeKind(device, words);
  else {
    const word = words.value();
    throw wrong(`Error: either "dev" is duplicate, or "${word}" is a garbage.`);
  }
}

function changeKind(device: Device, words: Words): void {
  const kind = words.value();
  if (kind === 'bridge' && device instanceof Bridge) takeBridgeOptions(device, words);
  else if (kind === 'macvlan' && device instanceof Macvlan) takeMacvlanOptions(device, words);
  else throw refused('Operation not supported');
  if (words.first !== undefined) throw wrong(`Error: ${kind}: unknown command "${words.first}"?`);
}

/** Up, unless the socket that a VXLAN needs is somebody else's. */
function up(namespace: Namespace, device: Device): void {
  const busy = device instanceof VxlanDevice && !device.isUp && device.openSocket() !== undefined;
  if (busy) throw refused('Address already in use');
  namespace.setUp(device, true);
}

function rename(namespace: Namespace, device: Device, name: string): void {
  if (name === '' || name.length > 15) {
    throw wrong(`Error: argument "${name}" is wrong: "name" not a valid ifname`);
  }
  if (namespace.deviceByName(name) !== undefined) throw refused('File exists');
  namespace.rename(device, name);
}

function setPromiscuous(device: Device, word: string): void {
  if (word !== 'on' && word !== 'off') {
    const text = `Error: argument of "promisc" must be "on" or "off", not "${word}"`;
    throw new IpFailure(1, text);
  }
  const isOn = word === 'on';
  if (device.isPromiscuous === isOn) return;
  device.isPromiscuous = isOn;
  device.promiscuity += isOn ? 1 : -1;
}

function remove(namespace: Namespace, words: Words): string {
  words.maybe('dev');
  const name = words.value();
  const device = deviceOf(namespace, name);
  if (device.kind === 'loopback' || device.kind === 'ethernet') {
    throw refused('Operation not supported');
  }
  namespace.removeDevice(device);
  return '';
}
