/**
 * `bridge` of iproute2 6.1: `fdb` (show, add, append, replace, del, flush) of bridges and VXLAN
 * devices, `link` show and set. Mirrors iproute2 bridge/fdb.c and bridge/link.c.
 */

import { Bridge } from '../../../net/device/bridge.ts';
import type { BridgePort } from '../../../net/device/bridge-port.ts';
import type { Device } from '../../../net/device/device.ts';
import type { Namespace } from '../../../net/namespace.ts';
import { bridgeFdbText } from '../../../net/show/bridge-fdb.ts';
import { linkText } from '../../../net/show/link.ts';
import type { ForwardingState } from '../../../vxlan/forwarding-table.ts';
import { VxlanDevice } from '../../../vxlan/vxlan-device.ts';
import { type Mac, parseMac } from '../../../wire/addresses.ts';
import type { IpAddress } from '../../../wire/ip-address.ts';
import type { Process } from '../process.ts';
import { fdbJson, portsJson } from './json.ts';
import { type Json, jsonDocument } from './json-writer.ts';
import { commandOf, IpFailure, refused, Words, wrong } from './words.ts';

const USAGE = `Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }
       bridge [ -force ] -batch filename
where  OBJECT := { link | fdb | mdb | vlan | vni | monitor }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] |
                    -o[neline] | -t[imestamp] | -n[etns] name |
                    -c[ompressvlans] -color -p[retty] -j[son] }
`;

/** `bridge [options] object [command]`. */
export function bridge(process: Process, argv: readonly string[]): void {
  const words = new Words(argv);
  const { namespace } = process.place;
  try {
    process.print(run(namespace, words));
    process.exit(0);
  } catch (error) {
    if (!(error instanceof IpFailure)) throw error;
    // whatever is wrong, bridge returns -1, but for an argument's value
    const status = error.status === INVALID_VALUE ? INVALID_VALUE : 255;
    process.fail(status, `${error.message}\n`);
  }
}

/** `-EINVAL` as an exit status. */
const INVALID_VALUE = 234;

function run(namespace: Namespace, words: Words): string {
  let hasStatistics = false;
  let hasDetails = false;
  let isJson = false;
  let isPretty = false;
  while (words.first?.startsWith('-') === true) {
    if (words.maybe('-s', '-statistics', '-stats')) hasStatistics = true;
    else if (words.maybe('-d', '-details')) hasDetails = true;
    else if (words.maybe('-j', '-json')) isJson = true;
    else if (words.maybe('-p', '-pretty')) isPretty = true;
    else if (!words.maybe('-4', '-c', '-color')) break;
  }
  const print = (text: string, read: (text: string) => Json) =>
    isJson ? jsonDocument(read(text), isPretty) : text;
  const word = words.next();
  if (word === undefined) throw wrong(USAGE.trimEnd());
  const isShow = words.first === undefined || /^(s(h(ow?)?)?|l(ist|st))$/.test(words.first);
  switch (commandOf(word, ['link', 'fdb', 'vlan', 'mdb'])) {
    case 'link': {
      const text = link(namespace, words, hasDetails && !isJson);
      return isShow ? print(text, portsJson) : text;
    }
    case 'fdb': {
      const text = fdb(namespace, words, hasStatistics);
      return isShow ? print(text, fdbJson) : text;
    }
    case 'vlan':
      return isJson ? jsonDocument(vlansJson(namespace), isPretty) : vlanText(namespace);
    case 'mdb':
      // nobody listens for who wants which group
      return isJson ? jsonDocument([{ mdb: [], router: {} }], isPretty) : '';
    default:
      if (word.startsWith('-')) throw wrong(`Option "${word}" is unknown, try "bridge help".`);
      throw wrong(`Object "${word}" is unknown, try "bridge help".`);
  }
}

/** Bridges without VLANs and their ports: all in VLAN 1, untagged. */
function membersOfVlans(namespace: Namespace): Device[] {
  return namespace.devices
    .list()
    .filter((device) => device instanceof Bridge || device.bridgePort !== undefined);
}

function vlanText(namespace: Namespace): string {
  const lines = membersOfVlans(namespace).map(
    ({ name }) => `${name.padEnd(18)}1 PVID Egress Untagged\n`,
  );
  return `port              vlan-id  \n${lines.join('')}`;
}

function vlansJson(namespace: Namespace): Json {
  const vlans = [{ vlan: 1, flags: ['PVID', 'Egress Untagged'] }];
  return membersOfVlans(namespace).map(({ name }) => ({ ifname: name, vlans }));
}

function fdb(namespace: Namespace, words: Words, hasStatistics: boolean): string {
  const word = words.next() ?? 'show';
  const commands = ['add', 'append', 'replace', 'delete', 'show', 'lst', 'list'] as const;
  const command = commandOf(word, commands);
  switch (command) {
    case 'show':
    case 'lst':
    case 'list':
      return showFdb(namespace, words, hasStatistics);
    case undefined:
      throw wrong(`Command "${word}" is unknown, try "bridge fdb help".`);
    default:
      changeFdb(namespace, words, command);
      return '';
  }
}

function showFdb(namespace: Namespace, words: Words, hasStatistics: boolean): string {
  let lines = bridgeFdbText(namespace, hasStatistics).split('\n').slice(0, -1);
  const deviceOfLine = (line: string) => / dev (\S+) /.exec(line)?.[1] ?? '';
  while (words.first !== undefined) {
    if (words.maybe('br')) {
      const master = words.device(namespace);
      if (!(master instanceof Bridge)) throw wrong(`"${master.name}" is not a bridge`);
      const members = new Set([master.name, ...master.ports.map(({ device }) => device.name)]);
      lines = lines.filter((line) => members.has(deviceOfLine(line)));
    } else if (words.maybe('dynamic')) {
      lines = lines.filter((line) => !/ permanent| static/.test(line));
    } else if (words.maybe('state')) {
      const state = words.value();
      lines = lines.filter((line) => line.endsWith(` ${state}`));
    } else {
      words.maybe('dev', 'brport');
      const { name } = words.device(namespace);
      const mine = lines.filter((line) => deviceOfLine(line) === name);
      lines = mine.map((line) => line.replace(` dev ${name} `, ' '));
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** What a command about one entry says. */
interface EntrySpecification {
  readonly mac: Mac;
  readonly device: Device;
  readonly remote: IpAddress | undefined;
  readonly isMaster: boolean;
  readonly isSelf: boolean;
  readonly isLocal: boolean;
  readonly isStatic: boolean;
  readonly isDynamic: boolean;
}

function changeFdb(
  namespace: Namespace,
  words: Words,
  command: 'add' | 'append' | 'replace' | 'delete',
): void {
  const entry = entryOf(namespace, words);
  const { device, isMaster } = entry;
  if (isMaster) {
    const port = device.bridgePort;
    if (port === undefined) throw refused('Operation not supported');
    changeBridge(namespace, entry, port, command);
  } else if (device instanceof VxlanDevice) changeVxlan(device, entry, command);
  else if (device instanceof Bridge) throw refused('Operation not supported');
  else if (command === 'delete') device.removeExtraMac(entry.mac);
  else device.addExtraMac(entry.mac);
}

function changeBridge(
  namespace: Namespace,
  { mac, isLocal }: EntrySpecification,
  port: BridgePort,
  command: string,
): void {
  const { nowNs } = namespace.world;
  const { fdb: entries } = port.bridge;
  const known = entries.find(mac, nowNs);
  if (command === 'delete') {
    if (known?.port !== port) throw refused('No such file or directory');
    entries.remove(mac);
    return;
  }
  if (command === 'append') throw refused('Operation not supported');
  if (command === 'add' && known !== undefined) throw refused('File exists');
  entries.add(mac, port, isLocal, nowNs);
}

function changeVxlan(
  device: VxlanDevice,
  { mac, remote, isLocal, isStatic, isDynamic }: EntrySpecification,
  command: string,
): void {
  const { fdb: entries, underlay } = device;
  const { nowNs } = underlay.world;
  if (command === 'delete') {
    const known = entries.find(mac, nowNs)?.remote ?? (mac === 0 ? entries.defaults[0] : undefined);
    if (known === undefined) throw refused('No such file or directory');
    if (mac === 0) entries.removeDefault(remote ?? known);
    else entries.remove(mac, remote ?? known);
    return;
  }
  if (remote === undefined) throw refused('Invalid argument');
  if (!device.fits(remote)) throw refused('Address family not supported by protocol');
  if (mac === 0) {
    if (command === 'add' && entries.defaults.length > 0) throw refused('File exists');
    if (command === 'replace') for (const other of entries.defaults) entries.removeDefault(other);
    entries.addDefault(remote);
    return;
  }
  let state: ForwardingState = isLocal || !isDynamic ? 'permanent' : 'learned';
  if (isStatic) state = 'static';
  if (command === 'replace') entries.replace(mac, remote, nowNs, state);
  else if (!entries.add(mac, remote, nowNs, state) && command === 'add') {
    throw refused('File exists');
  }
}

function entryOf(namespace: Namespace, words: Words): EntrySpecification {
  let macText: string | undefined;
  let device: Device | undefined;
  let remote: IpAddress | undefined;
  let isMaster = false;
  let isSelf = false;
  let isLocal = false;
  let isStatic = false;
  let isDynamic = false;
  while (words.first !== undefined) {
    if (words.maybe('dev')) device = words.device(namespace);
    else if (words.maybe('dst')) remote = words.address();
    else if (words.maybe('self')) isSelf = true;
    else if (words.maybe('master')) isMaster = true;
    else if (words.maybe('local', 'permanent')) isLocal = true;
    else if (words.maybe('static', 'temp')) isStatic = true;
    else if (words.maybe('dynamic')) isDynamic = true;
    else if (words.maybe('use', 'extern_learn')) isLocal = false;
    else {
      words.maybe('to');
      macText = words.value();
    }
  }
  if (device === undefined || macText === undefined) {
    throw wrong('Device and address are required arguments.');
  }
  const mac = parseMac(macText);
  if (mac === undefined) throw wrong(`Invalid mac address ${macText}`);
  return { mac, device, remote, isMaster, isSelf, isLocal, isStatic, isDynamic };
}

function link(namespace: Namespace, words: Words, hasDetails: boolean): string {
  const word = words.next() ?? 'show';
  switch (commandOf(word, ['set', 'show', 'lst', 'list'])) {
    case 'set':
      setPort(namespace, words);
      return '';
    case undefined:
      throw wrong(`Command "${word}" is unknown, try "bridge link help".`);
    default: {
      const wanted = words.maybe('dev') ? words.device(namespace) : undefined;
      return namespace.devices
        .list()
        .filter((device) => wanted === undefined || device === wanted)
        .map((device) => portLine(namespace, device, hasDetails))
        .join('');
    }
  }
}

/** `7: veth1@if6: <BROADCAST,…> mtu 1500 master br0 state forwarding priority 32 cost 2 ` */
function portLine(namespace: Namespace, device: Device, hasDetails: boolean): string {
  const port = device.bridgePort;
  if (port === undefined) return '';
  const head = /^(.*?> mtu \d+) /.exec(linkText(namespace, { device: device.name }))?.[1] ?? '';
  const state = port.isForwarding ? 'forwarding' : 'disabled';
  const { priority, cost } = port;
  const line = `${head} master ${port.bridge.name} state ${state} priority ${priority} cost ${cost} \n`;
  return hasDetails ? `${line}    ${portDetails(port)} \n` : line;
}

/** The second line of `bridge -d link`. */
function portDetails(port: BridgePort): string {
  const flags: readonly (readonly [string, boolean])[] = [
    ['hairpin', port.isHairpin],
    ['guard', false],
    ['root_block', false],
    ['fastleave', false],
    ['learning', port.isLearning],
    ['flood', port.isFlooding],
    ['mcast_flood', port.isMulticastFlooding],
    ['bcast_flood', port.isBroadcastFlooding],
  ];
  const words = flags.map(([name, isOn]) => `${name} ${isOn ? 'on' : 'off'}`);
  const isolated = port.isIsolated ? 'on' : 'off';
  const rest = `mcast_router 1 mcast_to_unicast off neigh_suppress off vlan_tunnel off isolated ${isolated}`;
  return `${words.join(' ')} ${rest} locked off`;
}

function setPort(namespace: Namespace, words: Words): void {
  if (!words.maybe('dev')) throw wrong('Device is a required argument.');
  const device = words.device(namespace);
  const port = device.bridgePort;
  if (port === undefined) throw refused('Operation not supported');
  const isOn = (name: string): boolean => {
    const word = words.value();
    if (word === 'on' || word === 'off') return word === 'on';
    const text = `Error: argument of "${name}" must be one of "off", "on", not "${word}"`;
    throw new IpFailure(INVALID_VALUE, text);
  };
  while (words.first !== undefined) {
    if (words.maybe('hairpin')) port.isHairpin = isOn('hairpin');
    else if (words.maybe('learning')) port.isLearning = isOn('learning');
    else if (words.maybe('flood')) port.isFlooding = isOn('flood');
    else if (words.maybe('mcast_flood')) port.isMulticastFlooding = isOn('mcast_flood');
    else if (words.maybe('bcast_flood')) port.isBroadcastFlooding = isOn('bcast_flood');
    else if (words.maybe('isolated')) port.isIsolated = isOn('isolated');
    else if (words.maybe('cost')) port.cost = words.number('invalid cost');
    else if (words.maybe('priority')) port.priority = words.number('invalid priority');
    else if (words.maybe('self', 'master')) continue;
    else throw wrong(`bridge link set: "${words.value()}" is not simulated`);
  }
}
