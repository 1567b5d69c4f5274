/**
 * `ip address`: show (with -4, -6, -o, -br, -d), add, del, flush.
 * Mirrors iproute2 ip/ipaddress.c and the kernel's answers (net/ipv4/devinet.c).
 */
import type { Device } from '../../../net/device/device.ts';
import { Scope } from '../../../net/ip/route.ts';
import type { Namespace } from '../../../net/namespace.ts';
import { addressText } from '../../../net/show/address.ts';
import { broadcastOf } from '../../../wire/addresses.ts';
import { isIpv6Address } from '../../../wire/ip-address.ts';
import { selectDevices } from './filter.ts';
import type { IpFormat } from './format.ts';
import { commandOf, IpFailure, prefixOf, refused, type Words, wrong } from './words.ts';

/** Runs `ip address WORDS`; what it prints. */
export function ipAddress(namespace: Namespace, words: Words, format: IpFormat): string {
  const word = words.next() ?? 'show';
  switch (
    commandOf(word, ['add', 'change', 'replace', 'delete', 'show', 'list', 'flush', 'help'])
  ) {
    case 'add':
      return add(namespace, words, false);
    case 'change':
    case 'replace':
      return add(namespace, words, true);
    case 'delete':
      return remove(namespace, words);
    case 'flush':
      for (const device of selectDevices(namespace, words)) {
        if (format.family !== 6) namespace.addresses.flush(device);
        if (format.family !== 4) namespace.ipv6.addresses.flush(device);
      }
      return '';
    case 'show':
    case 'list':
      return show(namespace, words, format);
    default:
      throw wrong(`Command "${word}" is unknown, try "ip address help".`);
  }
}

function show(namespace: Namespace, words: Words, format: IpFormat): string {
  return selectDevices(namespace, words)
    .map((device) => deviceText(namespace, device, format))
    .join('');
}

function deviceText(namespace: Namespace, device: Device, format: IpFormat): string {
  const { hasDetails, hasStatistics } = format;
  const whole = addressText(namespace, { device: device.name, hasDetails, hasStatistics });
  const lines = whole.split('\n').slice(0, -1);
  const head = lines.filter((line) => !/^ {4}inet6? |^ {7}valid_lft/.test(line));
  const addresses = lines.flatMap((line, i) =>
    /^ {4}inet6? /.test(line) ? [[line, lines[i + 1] ?? '']] : [],
  );
  const family = format.family === 4 ? '    inet ' : '    inet6 ';
  const chosen =
    format.family === 0 ? addresses : addresses.filter(([line]) => line!.startsWith(family));
  if (format.family !== 0 && chosen.length === 0) return '';
  if (format.isBrief) {
    const cells = chosen.map(([line]) => `${line!.trim().split(' ')[1]} `);
    return `${briefHead(head[0]!)}${cells.join('')}\n`;
  }
  if (format.isOneLine) {
    const name = head[0]!.split(': ')[1]!.split('@')[0]!;
    return chosen.map((pair) => `${device.index}: ${name}${pair.join('\\')}\n`).join('');
  }
  const shown = format.family === 0 ? head : head.slice(0, 1);
  return [...shown, ...chosen.flat()].map((line) => `${line}\n`).join('');
}

/** `eth0@if5         UP             `, of a device's first line. */
export function briefHead(line: string): string {
  const name = line.split(': ')[1]!;
  const state = / state (\S+)/.exec(line)?.[1] ?? 'UNKNOWN';
  return `${name.padEnd(16)} ${state.padEnd(14)} `;
}

function add(namespace: Namespace, words: Words, mayReplace: boolean): string {
  const specification = specificationOf(namespace, words);
  const { prefix, device, scope, label, broadcast } = specification;
  const { address, lengthBits } = prefix;
  if (isIpv6Address(address)) {
    const { skipsDetection } = specification;
    const wanted = { address, prefixLength: lengthBits, skipsDetection };
    const error = namespace.ipv6.addresses.add(device, wanted);
    if (error !== undefined && !mayReplace) throw new IpFailure(2, error);
    return '';
  }
  const isAdded = namespace.addAddress(device, {
    address,
    prefixLength: lengthBits,
    ...(scope === undefined ? {} : { scope }),
    ...(label === undefined ? {} : { label }),
    ...(broadcast === undefined ? {} : { broadcast }),
  });
  if (!isAdded && !mayReplace) throw new IpFailure(2, 'Error: ipv4: Address already assigned.');
  return '';
}

function remove(namespace: Namespace, words: Words): string {
  const { prefix, device } = specificationOf(namespace, words);
  if (isIpv6Address(prefix.address)) {
    const { addresses } = namespace.ipv6;
    if (addresses.remove(device, prefix.address, prefix.lengthBits)) return '';
    throw refused('Cannot assign requested address');
  }
  if (!namespace.removeAddress(device, prefix.address, prefix.lengthBits)) {
    throw new IpFailure(2, 'Error: ipv4: Address not found.');
  }
  return '';
}

function specificationOf(namespace: Namespace, words: Words) {
  let prefix: ReturnType<typeof prefixOf> | undefined;
  let device: Device | undefined;
  let scope: Scope | undefined;
  let label: string | undefined;
  let broadcastText: string | undefined;
  let skipsDetection = false;
  while (words.first !== undefined) {
    if (words.maybe('dev')) device = words.device(namespace);
    else if (words.maybe('brd', 'broadcast')) broadcastText = words.value();
    else if (words.maybe('nodad')) skipsDetection = true;
    else if (words.maybe('label')) label = words.value();
    else if (words.maybe('scope')) {
      const word = words.value();
      const found = Object.entries(Scope).find(([name]) => name === word);
      if (found === undefined)
        throw wrong(`Error: argument "${word}" is wrong: invalid scope value.`);
      scope = found[1];
    } else {
      words.maybe('local');
      const word = words.value();
      if (prefix !== undefined) {
        throw wrong(`Error: either "local" is duplicate, or "${word}" is a garbage.`);
      }
      prefix = prefixOf(word);
    }
  }
  if (device === undefined) {
    throw new IpFailure(1, 'Not enough information: "dev" argument is required.');
  }
  if (prefix === undefined) throw refused('Operation not supported');
  let broadcast: number | undefined;
  if (broadcastText === '+') broadcast = broadcastOf(prefix);
  else if (broadcastText !== undefined) broadcast = prefixOf(broadcastText).address;
  return { prefix, device, scope, label, broadcast, skipsDetection };
}
