/**
 * `docker network`: create, rm, connect, disconnect, ls, inspect, prune (docker/cli
 * `command/network`), with the checks of subnets, ranges and gateways that the client makes itself.
 */

import { answerOf, type Steps } from '../../sim/steps.ts';
import { parseIpv4Address } from '../../wire/addresses.ts';
import {
  type IpAddress,
  type IpPrefix,
  ipPrefixesOverlap,
  isInPrefix,
  isIpv6Address,
  maskedIp,
  parseIp,
  parseIpPrefix,
} from '../../wire/ip-address.ts';
import type { Daemon } from '../daemon/daemon.ts';
import { jsonText } from '../daemon/inspect/json.ts';
import { networkJson } from '../daemon/inspect/network.ts';
import { networkLsText } from '../daemon/listings.ts';
import { Refusal } from '../daemon/refusal.ts';
import type { EndpointRequest, IpamConfig, NetworkRequest } from '../daemon/requests.ts';
import type { LocalNetwork } from '../network/local-network.ts';
import { type Command, type CommandResult, commandOf, fail, refuse, succeed } from './command.ts';
import type { ParsedFlags } from './flags.ts';
import { keyValuesOf } from './key-values.ts';

const ANY = Number.POSITIVE_INFINITY;

/** What the user asked for, or the client's complaint. */
function requestOf(flags: ParsedFlags): NetworkRequest | string {
  const ipam = ipamOf(flags);
  const driver = flags.text('ipam-driver');
  if (typeof ipam === 'string') return ipam;
  return {
    name: flags.words[0]!,
    driver: flags.text('driver') === '' ? 'bridge' : flags.text('driver'),
    isInternal: flags.has('internal'),
    isAttachable: flags.has('attachable'),
    options: keyValuesOf(flags.list('opt')),
    labels: keyValuesOf(flags.list('label')),
    ipam,
    isOfSwarm: flags.text('scope') === 'swarm',
    isIpv6: flags.has('ipv6'),
    isConfigOnly: flags.has('config-only'),
    ...(flags.text('config-from') === '' ? {} : { configFrom: flags.text('config-from') }),
    ...(driver === '' ? {} : { ipamDriver: driver }),
    ipamOptions: keyValuesOf(flags.list('ipam-opt')),
  };
}

/** Subnets with the ranges, gateways and auxiliary addresses that lie in them (`consolidateIpam`). */
function ipamOf(flags: ParsedFlags): IpamConfig[] | string {
  const subnets: IpPrefix[] = [];
  for (const text of flags.list('subnet')) {
    const prefix = parseIpPrefix(text);
    if (prefix === undefined) return `invalid CIDR address: ${text}`;
    if (subnets.some((other) => ipPrefixesOverlap(other, prefix))) {
      return 'multiple overlapping subnet configuration is not supported';
    }
    const { address, lengthBits } = prefix;
    subnets.push({ address: maskedIp(address, lengthBits), lengthBits });
  }
  if (
    flags.list('ip-range').length > subnets.length ||
    flags.list('gateway').length > subnets.length
  ) {
    return 'every ip-range or gateway must have a corresponding subnet';
  }
  const configs: IpamConfig[] = subnets.map((subnet) => ({ subnet }));
  for (const text of flags.list('ip-range')) {
    const range = parseIpPrefix(text);
    if (range === undefined) return `invalid CIDR address: ${text}`;
    const at = subnets.findIndex((subnet) => isInPrefix(subnet, range.address));
    if (at < 0) return `no matching subnet for range ${text}`;
    configs[at] = { ...configs[at]!, range };
  }
  for (const text of flags.list('gateway')) {
    const address = parseIp(text);
    const at = placeOf(subnets, address);
    if (at < 0) return `no matching subnet for gateway ${text}`;
    configs[at] = { ...configs[at]!, gateway: address! };
  }
  for (const [name, text] of keyValuesOf(flags.list('aux-address'))) {
    const address = parseIp(text);
    const at = placeOf(subnets, address);
    if (at < 0) return `no matching subnet for aux-address ${text}`;
    const auxiliary = new Map(configs[at]!.auxiliary);
    configs[at] = { ...configs[at]!, auxiliary: auxiliary.set(name, address!) };
  }
  return configs;
}

function placeOf(subnets: readonly IpPrefix[], address: IpAddress | undefined): number {
  if (address === undefined) return -1;
  return subnets.findIndex((subnet) => isInPrefix(subnet, address));
}

function* create(daemon: Daemon, flags: ParsedFlags): Steps<CommandResult> {
  const request = requestOf(flags);
  if (typeof request === 'string') return fail(1, `${request}\n`);
  const network = yield* answerOf<LocalNetwork | Refusal>((resume) =>
    daemon.createNetwork(request, resume),
  );
  return network instanceof Refusal ? refuse(network) : succeed(`${network.id}\n`);
}

function* connect(daemon: Daemon, flags: ParsedFlags): Steps<CommandResult> {
  const [network = '', container = ''] = flags.words;
  const text = flags.text('ip');
  const address = text === '' ? undefined : parseIpv4Address(text);
  if (text !== '' && address === undefined) {
    return fail(1, `Error response from daemon: invalid IPv4 address: ${text}\n`);
  }
  const text6 = flags.text('ip6');
  const address6 = text6 === '' ? undefined : parseIp(text6);
  if (text6 !== '' && (address6 === undefined || !isIpv6Address(address6))) {
    return fail(1, `Error response from daemon: invalid IPv6 address: ${text6}\n`);
  }
  const request: EndpointRequest = {
    ...(address === undefined ? {} : { address }),
    ...(address6 === undefined ? {} : { address6 }),
    aliases: flags.list('alias'),
    links: flags.list('link'),
    gatewayPriority: Number(flags.text('gw-priority')),
    ...(flags.list('driver-opt').length === 0
      ? {}
      : { driverOptions: keyValuesOf(flags.list('driver-opt')) }),
  };
  const refusal = yield* answerOf<Refusal | undefined>((resume) =>
    daemon.connect(network, container, request, resume),
  );
  return refusal === undefined ? succeed('') : refuse(refusal);
}

function list(daemon: Daemon, flags: ParsedFlags): CommandResult {
  const isWhole = flags.has('no-trunc');
  const networks = daemon.host.networks
    .list()
    .map(({ id, name, facts: { driver, scope = 'local' } }) => ({ id, name, driver, scope }));
  if (!flags.has('quiet')) return succeed(networkLsText(networks, isWhole));
  networks.sort((a, b) => (a.name < b.name ? -1 : 1));
  return succeed(networks.map(({ id }) => `${isWhole ? id : id.slice(0, 12)}\n`).join(''));
}

/** Of each network that is named; what there is not is complained about. */
function inspect(daemon: Daemon, names: readonly string[]): CommandResult {
  const found = [];
  let stderr = '';
  for (const name of names) {
    const network = daemon.host.networks.find(name);
    if (network !== undefined) found.push(networkJson(network, daemon.host.engine));
    else if (daemon.host.engine.major < 24) stderr += `Error: No such network: ${name}\n`;
    else stderr += `Error response from daemon: network ${name} not found\n`;
  }
  return { stdout: jsonText(found), stderr, exitCode: stderr === '' ? 0 : 1 };
}

function remove(daemon: Daemon, names: readonly string[]): CommandResult {
  let stdout = '';
  let stderr = '';
  for (const name of names) {
    const removed = daemon.removeNetwork(name);
    if (!(removed instanceof Refusal)) stdout += `${name}\n`;
    else if (removed.status === 404 && daemon.host.engine.major < 24) {
      stderr += `Error: No such network: ${name}\n`;
    } else stderr += `Error response from daemon: ${removed.message}\n`;
  }
  return { stdout, stderr, exitCode: stderr === '' ? 0 : 1 };
}

function prune(daemon: Daemon): CommandResult {
  const unused = daemon.host.networks
    .list()
    .filter((network) => network.isUserDefined && network.facts.isByUser)
    .filter(({ facts }) => facts.isConfigOnly !== true)
    .filter(({ endpoints }) => endpoints.size === 0);
  for (const { id } of unused) daemon.removeNetwork(id);
  if (unused.length === 0) return succeed('');
  return succeed(`Deleted Networks:\n${unused.map(({ name }) => `${name}\n`).join('')}\n`);
}

/** The commands. */
export const NETWORK_COMMANDS: readonly Command[] = [
  commandOf(
    {
      name: 'network create',
      usage: '[OPTIONS] NETWORK',
      description: 'Create a network',
      flags: {
        attachable: { kind: 'switch' },
        'aux-address': { kind: 'list' },
        'config-from': { kind: 'text' },
        'config-only': { kind: 'switch' },
        driver: { kind: 'text', letter: 'd' },
        gateway: { kind: 'list' },
        internal: { kind: 'switch' },
        ipv6: { kind: 'switch' },
        'ipam-driver': { kind: 'text' },
        'ipam-opt': { kind: 'list' },
        'ip-range': { kind: 'list' },
        label: { kind: 'list' },
        opt: { kind: 'list', letter: 'o' },
        scope: { kind: 'text' },
        subnet: { kind: 'list' },
      },
      words: [1, 1],
    },
    create,
  ),
  commandOf(
    {
      name: 'network rm',
      usage: 'NETWORK [NETWORK...]',
      description: 'Remove one or more networks',
      flags: { force: { kind: 'switch', letter: 'f' } },
      words: [1, ANY],
    },
    (daemon, { words }) => remove(daemon, words),
  ),
  commandOf(
    {
      name: 'network connect',
      usage: '[OPTIONS] NETWORK CONTAINER',
      description: 'Connect a container to a network',
      flags: {
        alias: { kind: 'list' },
        'driver-opt': { kind: 'list' },
        'gw-priority': { kind: 'text' },
        ip: { kind: 'text' },
        ip6: { kind: 'text' },
        link: { kind: 'list' },
      },
      words: [2, 2],
    },
    connect,
  ),
  commandOf(
    {
      name: 'network disconnect',
      usage: '[OPTIONS] NETWORK CONTAINER',
      description: 'Disconnect a container from a network',
      flags: { force: { kind: 'switch', letter: 'f' } },
      words: [2, 2],
    },
    (daemon, { words }) => {
      const refusal = daemon.disconnect(words[0]!, words[1]!);
      return refusal === undefined ? succeed('') : refuse(refusal);
    },
  ),
  commandOf(
    {
      name: 'network ls',
      usage: '[OPTIONS]',
      description: 'List networks',
      flags: { 'no-trunc': { kind: 'switch' }, quiet: { kind: 'switch', letter: 'q' } },
      words: [0, 0],
    },
    list,
  ),
  commandOf(
    {
      name: 'network inspect',
      usage: '[OPTIONS] NETWORK [NETWORK...]',
      description: 'Display detailed information on one or more networks',
      flags: { verbose: { kind: 'switch', letter: 'v' } },
      words: [1, ANY],
    },
    (daemon, { words }) => inspect(daemon, words),
  ),
  commandOf(
    {
      name: 'network prune',
      usage: '[OPTIONS]',
      description: 'Remove all unused networks',
      flags: { force: { kind: 'switch', letter: 'f' } },
      words: [0, 0],
    },
    (daemon) => prune(daemon),
  ),
];
