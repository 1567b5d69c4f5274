/**
 * `ip neighbour`: show, add, change, replace, del, flush. Mirrors iproute2 ip/ipneigh.c.
 */
import type { Device } from '../../../net/device/device.ts';
import type { Namespace } from '../../../net/namespace.ts';
import { NeighbourState } from '../../../net/neighbour/neighbour.ts';
import type { Neighbours } from '../../../net/neighbour/neighbours.ts';
import { neighbourProxyText, neighbourText } from '../../../net/show/neighbour.ts';
import { type Mac, parseMac } from '../../../wire/addresses.ts';
import { type IpAddress, isIpv6Address } from '../../../wire/ip-address.ts';
import type { IpFormat } from './format.ts';
import { addressOf, commandOf, IpFailure, refused, type Words, wrong } from './words.ts';

/** Runs `ip neighbour WORDS`; what it prints. */
export function ipNeighbour(namespace: Namespace, words: Words, { family }: IpFormat): string {
  const word = words.next() ?? 'show';
  const commands = ['add', 'change', 'replace', 'delete', 'get', 'show', 'list', 'flush'] as const;
  const command = commandOf(word, commands);
  switch (command) {
    case 'show':
    case 'list':
      return show(namespace, words, family);
    case 'add':
    case 'change':
    case 'replace':
      if (words.maybe('proxy')) {
        const { address, device } = proxyOf(namespace, words);
        neighboursOf(namespace, address).addProxy(address, device);
        return '';
      }
      return set(namespace, words, command);
    case 'delete': {
      if (words.maybe('proxy')) {
        const { address, device } = proxyOf(namespace, words);
        const isGone = neighboursOf(namespace, address).removeProxy(address, device);
        if (!isGone) throw refused('No such file or directory');
        return '';
      }
      const { device, address } = specificationOf(namespace, words);
      if (!neighboursOf(namespace, address).remove(device, address)) {
        throw refused('No such file or directory');
      }
      return '';
    }
    case 'flush':
      return flush(namespace, words);
    default:
      throw wrong(`Command "${word}" is unknown, try "ip neigh help".`);
  }
}

function show(namespace: Namespace, words: Words, family: IpFormat['family']): string {
  let device: string | undefined;
  let address: string | undefined;
  let state: string | undefined;
  let isOfProxies = false;
  while (words.first !== undefined) {
    if (words.maybe('dev')) device = words.device(namespace).name;
    else if (words.maybe('proxy')) isOfProxies = true;
    else if (words.maybe('nud')) state = words.value().toUpperCase();
    else {
      words.maybe('to');
      address = words.value();
    }
  }
  if (isOfProxies) return neighbourProxyText(namespace, device, family || undefined);
  const lines = neighbourText(namespace, device, family || undefined)
    .split('\n')
    .slice(0, -1);
  return lines
    .filter((line) => address === undefined || line.startsWith(`${address} `))
    .filter((line) => state === undefined || line.endsWith(`${state} `))
    .map((line) => `${line}\n`)
    .join('');
}

function set(namespace: Namespace, words: Words, command: 'add' | 'change' | 'replace'): string {
  const { device, address, mac, state } = specificationOf(namespace, words);
  const neighbours = neighboursOf(namespace, address);
  const isThere = neighbours.find(device, address) !== undefined;
  if (command === 'add' && isThere) throw refused('File exists');
  if (command === 'change' && !isThere) throw refused('No such file or directory');
  if (mac === undefined) throw new IpFailure(2, 'Error: No link layer address given.');
  if (state !== 'permanent' && state !== 'reachable' && state !== 'stale') {
    throw wrong(`Error: argument "${state}" is wrong: nud state is bad`);
  }
  if (state === 'permanent') {
    if (!neighbours.setPermanent(device, address, mac)) throw refused('No buffer space available');
  } else {
    const neighbour = neighbours.accept(device, address);
    if (neighbour === undefined) throw refused('No buffer space available');
    neighbours.learn(neighbour, mac, NeighbourState[state], true);
  }
  return '';
}

function flush(namespace: Namespace, words: Words): string {
  let device: Device | undefined;
  if (words.maybe('dev')) device = words.device(namespace);
  else if (!words.maybe('all')) throw new IpFailure(1, 'Flush requires arguments.');
  const { neighbours, ipv6 } = namespace;
  for (const neighbour of [...neighbours.list(), ...ipv6.neighbours.list()]) {
    const isKept = neighbour.state === NeighbourState.permanent;
    if (isKept || (device !== undefined && neighbour.device !== device)) continue;
    neighboursOf(namespace, neighbour.address).remove(neighbour.device, neighbour.address);
  }
  return '';
}

function neighboursOf({ neighbours, ipv6 }: Namespace, address: IpAddress): Neighbours {
  return isIpv6Address(address) ? ipv6.neighbours : neighbours;
}

/** `ADDRESS [dev D]`. */
function proxyOf(
  namespace: Namespace,
  words: Words,
): { address: IpAddress; device: Device | undefined } {
  const address = addressOf(words.value());
  return { address, device: words.maybe('dev') ? words.device(namespace) : undefined };
}

function specificationOf(namespace: Namespace, words: Words) {
  let device: Device | undefined;
  let addressText: string | undefined;
  let mac: Mac | undefined;
  let state = 'permanent';
  while (words.first !== undefined) {
    if (words.maybe('dev')) device = words.device(namespace);
    else if (words.maybe('nud')) state = words.value().toLowerCase();
    else if (words.maybe('lladdr')) {
      const text = words.value();
      mac = parseMac(text);
      if (mac === undefined) throw new IpFailure(2, 'Error: Invalid link address.');
    } else {
      words.maybe('to');
      addressText = words.value();
    }
  }
  if (device === undefined || addressText === undefined) {
    throw wrong('Device and destination are required arguments.');
  }
  return { device, address: addressOf(addressText), mac, state };
}
