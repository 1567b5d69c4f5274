/**
 * `ip route`: show, get, add, append, change, replace, del, flush.
 * Mirrors iproute2 ip/iproute.c and the kernel's answers (net/ipv4/fib_frontend.c, fib_trie.c).
 */
import {
  type RouteProtocol,
  type RouteSpecification,
  RouteTableId,
  type RouteType,
  Scope,
} from '../../../net/ip/route.ts';
import type { Routes } from '../../../net/ip/routes.ts';
import type { Ipv6Routes } from '../../../net/ip6/routes.ts';
import type { Namespace } from '../../../net/namespace.ts';
import {
  ipv6RouteGetText,
  ipv6RouteText,
  routeGetText,
  routeText,
} from '../../../net/show/route.ts';
import { ANY_IPV6, isIpv6Address } from '../../../wire/ip-address.ts';
import type { IpFormat } from './format.ts';
import { addressOf, commandOf, IpFailure, prefixOf, refused, type Words, wrong } from './words.ts';

const COMMANDS = [
  'add',
  'append',
  'change',
  'delete',
  'replace',
  'show',
  'list',
  'get',
  'flush',
  'help',
] as const;

const TYPES: readonly RouteType[] = [
  'unicast',
  'local',
  'broadcast',
  'multicast',
  'throw',
  'unreachable',
  'prohibit',
  'blackhole',
];

const PROTOCOLS: readonly RouteProtocol[] = [
  'kernel',
  'boot',
  'static',
  'dhcp',
  'bird',
  'redirect',
];

/** Runs `ip route WORDS`; what it prints. */
export function ipRoute(namespace: Namespace, words: Words, format: IpFormat): string {
  const word = words.next() ?? 'show';
  const command = commandOf(word, COMMANDS);
  switch (command) {
    case 'show':
    case 'list':
      return show(namespace, words, format.family);
    case 'get':
      return get(namespace, words);
    case 'add':
    case 'append': {
      const route = specificationOf(namespace, words, format.family);
      const error = routesOf(namespace, route).add(route);
      if (error !== undefined) throw new IpFailure(2, error);
      return '';
    }
    case 'change':
    case 'replace': {
      const route = specificationOf(namespace, words, format.family);
      const error = routesOf(namespace, route).replace(route);
      if (error !== undefined) throw new IpFailure(2, error);
      return '';
    }
    case 'delete': {
      const fields = fieldsOf(namespace, words, format.family);
      if (!routesOf(namespace, fields).take(fields)) throw refused('No such process');
      return '';
    }
    case 'flush':
      return flush(namespace, words, format.family);
    default:
      throw wrong(`Command "${word}" is unknown, try "ip route help".`);
  }
}

/** The number of a table that is given by name or number. */
export function routeTableOf(word: string): number {
  const named = Object.entries(RouteTableId).find(([name]) => name === word)?.[1];
  if (named !== undefined) return named;
  if (/^\d+$/.test(word)) return Number(word);
  throw wrong(`Error: argument "${word}" is wrong: table id value is invalid\n`);
}

function show(namespace: Namespace, words: Words, family: IpFormat['family']): string {
  let table: number | undefined = RouteTableId.main;
  let device: string | undefined;
  let prefix: string | undefined;
  let protocol: string | undefined;
  while (words.first !== undefined) {
    if (words.maybe('table')) {
      const word = words.value();
      table = word === 'all' ? undefined : routeTableOf(word);
    } else if (words.maybe('dev', 'oif')) device = words.device(namespace).name;
    else if (words.maybe('proto', 'protocol')) protocol = words.value();
    else {
      words.maybe('exact', 'to');
      prefix = words.value();
      prefixOf(prefix);
    }
  }
  const textOf = family === 6 ? ipv6RouteText : routeText;
  const text = table === undefined ? allTablesText(namespace, textOf) : textOf(namespace, table);
  let lines = text.split('\n').slice(0, -1);
  if (prefix !== undefined) lines = lines.filter((line) => line.split(' ').includes(prefix));
  if (protocol !== undefined) lines = lines.filter((line) => line.includes(` proto ${protocol} `));
  if (device !== undefined) {
    const said = `dev ${device} `;
    // what was asked for is not said again
    lines = lines.filter((line) => line.includes(said)).map((line) => line.replace(said, ''));
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** `table all`: main first, the others named. */
function allTablesText(namespace: Namespace, textOf: typeof routeText): string {
  const local = textOf(namespace, RouteTableId.local);
  return textOf(namespace) + local.replaceAll(/ dev (\S+) /g, ' dev $1 table local ');
}

function get(namespace: Namespace, words: Words): string {
  let destination: number | undefined;
  let mark = 0;
  while (words.first !== undefined) {
    if (words.maybe('mark')) mark = words.number('Invalid mark value');
    else if (words.maybe('from', 'iif', 'oif', 'uid')) {
      throw wrong('ip route get: only a destination and a mark are simulated');
    } else {
      words.maybe('to');
      destination = addressOf(words.value().split('/')[0]!);
    }
  }
  if (destination === undefined) throw new IpFailure(1, 'need at least a destination address');
  const textOf = isIpv6Address(destination) ? ipv6RouteGetText : routeGetText;
  const text = textOf(namespace, destination, mark);
  if (text.startsWith('RTNETLINK')) throw new IpFailure(2, text.trimEnd());
  return text;
}

/** The routing of the family that a route is of. */
function routesOf({ ipv6, routes }: Namespace, { destination = 0 }: Fields): Routes | Ipv6Routes {
  return isIpv6Address(destination) ? ipv6.routes : routes;
}

function specificationOf(
  namespace: Namespace,
  words: Words,
  family: IpFormat['family'],
): RouteSpecification {
  const fields = fieldsOf(namespace, words, family);
  const { destination, prefixLength } = fields;
  if (destination === undefined || prefixLength === undefined) {
    throw new IpFailure(1, 'Error: a destination is required.');
  }
  return { ...fields, destination, prefixLength };
}

type Fields = { -readonly [K in keyof RouteSpecification]?: RouteSpecification[K] };

function fieldsOf(namespace: Namespace, words: Words, family: IpFormat['family']): Fields {
  const fields: Fields = {};
  while (words.first !== undefined) {
    const type = TYPES.find((each) => each === words.first);
    if (type !== undefined) {
      words.next();
      fields.type = type;
    } else if (words.maybe('via')) {
      words.maybe('inet', 'inet6');
      fields.gateway = words.address();
    } else if (words.maybe('dev', 'oif')) fields.device = words.device(namespace);
    else if (words.maybe('src')) fields.preferredSource = words.address();
    else if (words.maybe('metric', 'priority', 'preference')) {
      fields.metric = words.number('"metric" value is invalid\n');
    } else if (words.maybe('table')) fields.table = routeTableOf(words.value());
    else if (words.maybe('mtu')) {
      words.maybe('lock');
      fields.mtu = words.number('"mtu" value is invalid\n');
    } else if (words.maybe('scope')) fields.scope = scopeOf(words.value());
    else if (words.maybe('proto', 'protocol')) fields.protocol = protocolOf(words.value());
    else if (words.maybe('onlink')) fields.isOnLink = true;
    else takeDestination(fields, words, family);
  }
  // `default via fd00::1` needs no -6
  const { gateway = 0 } = fields;
  if (fields.prefixLength === 0 && isIpv6Address(gateway)) fields.destination = ANY_IPV6;
  return fields;
}

function takeDestination(fields: Fields, words: Words, family: IpFormat['family']): void {
  words.maybe('to');
  if (fields.destination !== undefined) {
    const word = words.value();
    throw wrong(`Error: either "to" is duplicate, or "${word}" is a garbage.`);
  }
  const { address, lengthBits } = prefixOf(words.value(), family);
  fields.destination = address;
  fields.prefixLength = lengthBits;
}

function scopeOf(word: string): Scope {
  const found = Object.entries(Scope).find(([name]) => name === word);
  if (found === undefined) throw wrong(`Error: argument "${word}" is wrong: invalid "scope" value`);
  return found[1];
}

function protocolOf(word: string): RouteProtocol {
  const found = PROTOCOLS.find((protocol) => protocol === word);
  if (found === undefined) {
    throw wrong(`Error: argument "${word}" is wrong: "protocol" value is invalid`);
  }
  return found;
}

/** `ip route flush [table T] [dev D] [PREFIX]`: all routes that have the fields. */
function flush(namespace: Namespace, words: Words, family: IpFormat['family']): string {
  if (words.first === undefined) {
    throw new IpFailure(1, '"ip route flush" requires arguments.');
  }
  if (words.maybe('cache')) {
    namespace.routes.invalidate();
    return '';
  }
  const fields = fieldsOf(namespace, words, family);
  const routes = family === 6 ? namespace.ipv6.routes : routesOf(namespace, fields);
  while (routes.take(fields));
  return '';
}
