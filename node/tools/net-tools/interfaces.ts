/**
 * `ifconfig` of net-tools 2.10, and its table of interfaces (`ifconfig -s`, `netstat -i`).
 * Mirrors ifconfig.c and lib/interface.c.
 */
import type { Device } from '../../../net/device/device.ts';
import type { Namespace } from '../../../net/namespace.ts';
import {
  formatIpv4Address,
  formatMac,
  parseIpv4Address,
  prefixMask,
} from '../../../wire/addresses.ts';
import { formatIp, LOOPBACK_IPV6 } from '../../../wire/ip-address.ts';
import { isLinkLocal } from '../../../wire/ipv6/scope.ts';
import type { Process } from '../process.ts';

/** `IFF_…`, in the order in which ifconfig names them, with the letters of its table. */
const FLAGS = [
  ['UP', 0x1, 'U'],
  ['BROADCAST', 0x2, 'B'],
  ['LOOPBACK', 0x8, 'L'],
  ['RUNNING', 0x40, 'R'],
  ['NOARP', 0x80, 'O'],
  ['PROMISC', 0x100, 'P'],
  ['ALLMULTI', 0x200, 'A'],
  ['MULTICAST', 0x1000, 'M'],
] as const;
/** The order of the letters in the table. */
const LETTERS = 'ABLMPORU';

/** `ifconfig [-a] [-s] [DEVICE [ADDRESS] [netmask MASK] [broadcast ADDRESS] [mtu N] [up|down]]`. */
export function ifconfig(process: Process, argv: readonly string[]): void {
  const { namespace } = process.place;
  const words = [...argv];
  const isAll = take(words, '-a');
  const isShort = take(words, '-s');
  const [option] = words;
  if (option?.startsWith('-') === true) {
    const what = `ifconfig: option \`${option}' not recognised.\n`;
    process.fail(1, `${what}ifconfig: \`--help' gives usage information.\n`);
    return;
  }
  const [name, ...changes] = words;
  if (name !== undefined && changes.length > 0) {
    change(process, name, changes);
    return;
  }
  const found = name === undefined ? sorted(namespace) : [namespace.deviceByName(name)];
  const [first] = found;
  if (name !== undefined && first === undefined) {
    process.fail(1, `${name}: error fetching interface information: Device not found\n`);
    return;
  }
  const devices = found.filter((one) => one !== undefined);
  const shown = devices.filter(({ isUp }) => isAll || name !== undefined || isUp);
  if (isShort) process.print(SHORT_HEAD + shown.map((one) => tableLine(namespace, one)).join(''));
  else process.print(shown.map((one) => interfaceText(namespace, one)).join(''));
  process.exit(0);
}

function take(words: string[], option: string): boolean {
  const at = words.indexOf(option);
  if (at >= 0) words.splice(at, 1);
  return at >= 0;
}

function sorted(namespace: Namespace): Device[] {
  return [...namespace.devices.list()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function flagsOf(device: Device): number {
  const { kind } = device;
  let flags = kind === 'loopback' ? 0x8 : 0x2;
  if (device.isUp) flags |= 0x1;
  if (device.isUp && device.hasCarrier) flags |= 0x40;
  if (kind === 'dummy' || (kind === 'ipvlan' && !device.usesNeighbours)) flags |= 0x80;
  if (device.isPromiscuous) flags |= 0x100;
  if (kind !== 'loopback' && kind !== 'dummy') flags |= 0x1000;
  return flags;
}

/** One interface as plain `ifconfig` prints it. */
export function interfaceText(namespace: Namespace, device: Device): string {
  const flags = flagsOf(device);
  const names = FLAGS.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  const lines = [`${device.name}: flags=${flags}<${names.join(',')}>  mtu ${device.mtu}`];
  const own = namespace.addresses.of(device).find(({ label }) => label === device.name);
  if (own !== undefined) {
    const { address, prefixLength, broadcast } = own;
    const end = broadcast === 0 ? '' : `  broadcast ${formatIpv4Address(broadcast)}`;
    const mask = formatIpv4Address(prefixMask(prefixLength));
    lines.push(`        inet ${formatIpv4Address(address)}  netmask ${mask}${end}`);
  }
  for (const { address, prefixLength } of namespace.ipv6.addresses.of(device)) {
    let scope = '0x0<global>';
    if (address === LOOPBACK_IPV6) scope = '0x10<host>';
    else if (isLinkLocal(address)) scope = '0x20<link>';
    lines.push(`        inet6 ${formatIp(address)}  prefixlen ${prefixLength}  scopeid ${scope}`);
  }
  const { statistics: s, queueLength } = device;
  const isLoopback = device.kind === 'loopback';
  const hardware = isLoopback ? 'loop' : `ether ${formatMac(device.mac)}`;
  const title = isLoopback ? 'Local Loopback' : 'Ethernet';
  lines.push(
    `        ${hardware}  txqueuelen ${queueLength}  (${title})`,
    `        RX packets ${s.rxPackets}  bytes ${s.rxBytes} (${scaled(s.rxBytes)})`,
    `        RX errors ${s.rxErrors}  dropped ${s.rxDropped}  overruns 0  frame 0`,
    `        TX packets ${s.txPackets}  bytes ${s.txBytes} (${scaled(s.txBytes)})`,
    `        TX errors ${s.txErrors}  dropped ${s.txDropped} overruns 0  carrier 0  collisions 0`,
  );
  return `${lines.join('\n')}\n\n`;
}

/** `426.0 B`, `1.1 MiB`, cut and not rounded. */
function scaled(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let power = 0;
  while (power < units.length - 1 && bytes > 1024 ** (power + 1)) power++;
  const tenths = Math.floor((bytes * 10) / 1024 ** power);
  return `${Math.floor(tenths / 10)}.${tenths % 10} ${units[power]}`;
}

const SHORT_HEAD =
  'Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n';
const TABLE_HEAD =
  'Kernel Interface table\n' +
  'Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n';

/** `netstat -i [-a]`. */
export function interfaceTable(namespace: Namespace, isAll: boolean): string {
  const shown = sorted(namespace).filter(({ isUp }) => isAll || isUp);
  return TABLE_HEAD + shown.map((device) => tableLine(namespace, device)).join('');
}

function tableLine(_namespace: Namespace, device: Device): string {
  const { statistics: s } = device;
  const flags = flagsOf(device);
  const letters = [...LETTERS].filter((letter) =>
    FLAGS.some(([, bit, own]) => own === letter && (flags & bit) !== 0),
  );
  const cell = (value: number, width: number) => String(value).padStart(width);
  const received = `${cell(s.rxPackets, 9)}${cell(s.rxErrors, 7)}${cell(s.rxDropped, 7)} 0     `;
  const sent = `${cell(s.txPackets, 9)}${cell(s.txErrors, 7)}${cell(s.txDropped, 7)}      0`;
  const head = `${device.name.slice(0, 16).padEnd(16)}${cell(device.mtu, 5)}`;
  return `${head}${received}${sent} ${letters.join('') || '[NO FLAGS]'}\n`;
}

/** Changes an interface, word by word, as ifconfig does: what came before a wrong word stays done. */
function change(process: Process, name: string, words: readonly string[]): void {
  const { namespace } = process.place;
  const device = namespace.deviceByName(name);
  if (device === undefined) {
    const [first = ''] = words;
    const isAddress = parseIpv4Address(first) !== undefined;
    const lines = isAddress ? ['SIOCSIFADDR: No such device\n'] : [];
    lines.push(`${name}: ERROR while getting interface flags: No such device\n`);
    process.fail(1, lines.join(''));
    return;
  }
  let mask: number | undefined;
  let address: number | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === 'up' || word === 'down') namespace.setUp(device, word === 'up');
    else if (word === 'mtu') namespace.setMtu(device, Number(words[++at] ?? device.mtu));
    else if (word === 'promisc' || word === '-promisc') {
      const isOn = word === 'promisc';
      if (device.isPromiscuous !== isOn) device.promiscuity += isOn ? 1 : -1;
      device.isPromiscuous = isOn;
    } else if (word === 'netmask') mask = parseIpv4Address(words[++at] ?? '');
    else if (word === 'broadcast') at++;
    else {
      address = parseIpv4Address(word);
      if (address === undefined) {
        process.fail(
          1,
          `${word}: Host name lookup failure\nifconfig: \`--help' gives usage information.\n`,
        );
        return;
      }
    }
  }
  if (address !== undefined || mask !== undefined) setAddress(namespace, device, address, mask);
  process.exit(0);
}

function setAddress(
  namespace: Namespace,
  device: Device,
  given: number | undefined,
  mask: number | undefined,
): void {
  const present = namespace.addresses.of(device).find(({ label }) => label === device.name);
  const address = given ?? present?.address;
  if (address === undefined) return;
  const prefixLength = mask === undefined ? classOf(address) : lengthOf(mask);
  namespace.addresses.flush(device);
  namespace.setUp(device, true);
  const broadcast = (address | (prefixLength === 32 ? 0 : 0xffff_ffff >>> prefixLength)) >>> 0;
  namespace.addAddress(device, { address, prefixLength, broadcast });
}

/** The prefix length of an address' class, which ifconfig takes where nobody gives a mask. */
function classOf(address: number): number {
  if (address >>> 31 === 0) return 8;
  return address >>> 30 === 2 ? 16 : 24;
}

function lengthOf(mask: number): number {
  let length = 0;
  while (length < 32 && (mask & (0x8000_0000 >>> length)) !== 0) length++;
  return length;
}
