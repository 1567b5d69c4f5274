/**
 * `docker run` and `docker create`: from flags to a container (docker/cli `container/opts.go`). Flags
 * that have nothing to do with the network are read and forgotten.
 */
import { answerOf, type Steps } from '../../sim/steps.ts';
import { parseIpv4Address, parseMac } from '../../wire/addresses.ts';
import { type IpAddress, isIpv6Address, parseIp } from '../../wire/ip-address.ts';
import type { Daemon } from '../daemon/daemon.ts';
import { Refusal } from '../daemon/refusal.ts';
import type {
  ContainerPort,
  ContainerRequest,
  EndpointRequest,
  PortBinding,
} from '../daemon/requests.ts';
import { isNone, parseRestartPolicy } from '../daemon/restart-policy.ts';
import { flagText, notStartedText, runText } from './client-words.ts';
import {
  type Command,
  type CommandFacts,
  type CommandResult,
  commandOf,
  fail,
  succeed,
} from './command.ts';
import { parseExtraHost } from './extra-host.ts';
import type { FlagTable, ParsedFlags } from './flags.ts';
import { keyValuesOf } from './key-values.ts';
import { parseExpose, parsePublish } from './port-spec.ts';

const FLAGS: FlagTable = {
  'add-host': { kind: 'list' },
  alias: { kind: 'list' },
  detach: { kind: 'switch', letter: 'd' },
  dns: { kind: 'list' },
  'dns-option': { kind: 'list' },
  'dns-opt': { kind: 'list' },
  'dns-search': { kind: 'list' },
  domainname: { kind: 'text' },
  entrypoint: { kind: 'text' },
  env: { kind: 'list', letter: 'e' },
  expose: { kind: 'list' },
  hostname: { kind: 'text', letter: 'h' },
  init: { kind: 'switch' },
  interactive: { kind: 'switch', letter: 'i' },
  ip: { kind: 'text' },
  ip6: { kind: 'text' },
  label: { kind: 'list', letter: 'l' },
  link: { kind: 'list' },
  'mac-address': { kind: 'text' },
  name: { kind: 'text' },
  net: { kind: 'list' },
  'net-alias': { kind: 'list' },
  network: { kind: 'list' },
  'network-alias': { kind: 'list' },
  privileged: { kind: 'switch' },
  publish: { kind: 'list', letter: 'p' },
  'publish-all': { kind: 'switch', letter: 'P' },
  pull: { kind: 'text' },
  restart: { kind: 'text' },
  rm: { kind: 'switch' },
  sysctl: { kind: 'list' },
  tty: { kind: 'switch', letter: 't' },
  'cap-add': { kind: 'list' },
  'cap-drop': { kind: 'list' },
  volume: { kind: 'list', letter: 'v' },
};

/** Exit status of `docker run` when the container did not start. */
const NOT_STARTED = 125;

/** What the user asked for, or what is wrong with it. */
function requestOf(flags: ParsedFlags): ContainerRequest | string {
  const [image = '', ...command] = flags.words;
  const bindings: PortBinding[] = [];
  for (const spec of flags.list('publish')) {
    const parsed = parsePublish(spec);
    if (typeof parsed === 'string') return parsed;
    bindings.push(...parsed);
  }
  const exposed: ContainerPort[] = [];
  for (const spec of flags.list('expose')) {
    const parsed = parseExpose(spec);
    if (typeof parsed === 'string') return parsed;
    exposed.push(...parsed);
  }
  const mac = flags.text('mac-address') === '' ? undefined : parseMac(flags.text('mac-address'));
  if (flags.text('mac-address') !== '' && mac === undefined) {
    return `${flags.text('mac-address')} is not a valid mac address`;
  }
  const restartPolicy = parseRestartPolicy(flags.text('restart'));
  if (typeof restartPolicy === 'string') return restartPolicy;
  const places = placesOf(flags);
  if (typeof places === 'string') return places;
  const [networkMode, endpoints] = places;
  return {
    name: flags.text('name'),
    image,
    command,
    hostname: flags.text('hostname'),
    domainName: flags.text('domainname'),
    networkMode,
    endpoints,
    bindings,
    exposed,
    publishesAll: flags.has('publish-all'),
    links: isUserDefined(networkMode) ? [] : flags.list('link'),
    extraHosts: flags.list('add-host').flatMap((text) => {
      const parsed = parseExtraHost(text);
      return 'line' in parsed ? [parsed.line] : [];
    }),
    dns: flags.list('dns'),
    dnsSearch: flags.list('dns-search'),
    dnsOptions: [...flags.list('dns-option'), ...flags.list('dns-opt')],
    environment: flags.list('env'),
    labels: keyValuesOf(flags.list('label')),
    sysctls: keyValuesOf(flags.list('sysctl')),
    ...(mac === undefined ? {} : { mac }),
    isAutoRemoved: flags.has('rm'),
    restartPolicy,
  };
}

/** The network mode, and the places on networks: the flags' wishes are for the first. */
function placesOf(flags: ParsedFlags): [string, Map<string, EndpointRequest>] | string {
  const wanted = [...flags.list('network'), ...flags.list('net')];
  const modes = wanted.length === 0 ? ['default'] : wanted;
  const endpoints = new Map<string, EndpointRequest>();
  for (const [i, text] of modes.entries()) {
    const place = placeOf(text);
    if (typeof place === 'string') return place;
    const own = i === 0 ? withWishes(place.request, flags, place.name) : place.request;
    if (typeof own === 'string') return own;
    if (place.name.startsWith('container:')) continue;
    endpoints.set(place.name === 'default' ? 'bridge' : place.name, own);
  }
  const first = placeOf(modes[0]!);
  return typeof first === 'string' ? first : [first.name, endpoints];
}

/** `net` or `name=net,alias=a,ip=…,gw-priority=1`. */
function placeOf(text: string): { name: string; request: EndpointRequest } | string {
  if (!text.includes('=')) {
    return { name: text, request: { aliases: [], links: [], gatewayPriority: 0 } };
  }
  let name = '';
  let request: EndpointRequest = { aliases: [], links: [], gatewayPriority: 0 };
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const key = part.slice(0, Math.max(at, 0)).toLowerCase();
    const value = part.slice(at + 1);
    if (key === 'name') name = value;
    else if (key === 'alias') request = { ...request, aliases: [...request.aliases, value] };
    else if (key === 'driver-opt') {
      if (!value.includes('=')) return 'invalid key value pair format in driver options';
      const driverOptions = new Map([...(request.driverOptions ?? []), ...keyValuesOf([value])]);
      request = { ...request, driverOptions };
    } else if (key === 'gw-priority') request = { ...request, gatewayPriority: Number(value) };
    else if (key === 'ip' && parseIpv4Address(value) !== undefined) {
      request = { ...request, address: parseIpv4Address(value)! };
    } else if (key === 'ip6' && parseIpv6(value) !== undefined) {
      request = { ...request, address6: parseIpv6(value)! };
    } else if (key === 'mac-address' && parseMac(value) !== undefined) {
      request = { ...request, mac: parseMac(value)! };
    } else return `invalid field ${at < 0 ? part : key}`;
  }
  return name === '' ? 'network name/id is not specified' : { name, request };
}

function parseIpv6(text: string): IpAddress | undefined {
  const address = parseIp(text);
  return address !== undefined && isIpv6Address(address) ? address : undefined;
}

/** True for the name of a network that somebody made. */
function isUserDefined(mode: string): boolean {
  if (mode.startsWith('container:')) return false;
  return !['default', 'bridge', 'host', 'none'].includes(mode);
}

function withWishes(
  request: EndpointRequest,
  flags: ParsedFlags,
  name: string,
): EndpointRequest | string {
  const text = flags.text('ip');
  const address = text === '' ? undefined : parseIpv4Address(text);
  if (text !== '' && address === undefined) {
    return `Error response from daemon: invalid IPv4 address: ${text}`;
  }
  const text6 = flags.text('ip6');
  const address6 = text6 === '' ? undefined : parseIpv6(text6);
  if (text6 !== '' && address6 === undefined) {
    return `Error response from daemon: invalid IPv6 address: ${text6}`;
  }
  const aliases = [
    ...flags.list('network-alias'),
    ...flags.list('net-alias'),
    ...flags.list('alias'),
  ];
  return {
    ...request,
    ...(address === undefined ? {} : { address }),
    ...(address6 === undefined ? {} : { address6 }),
    aliases: [...request.aliases, ...aliases],
    links: isUserDefined(name) ? flags.list('link') : [],
  };
}

function create(daemon: Daemon, flags: ParsedFlags, name: string) {
  const { major } = daemon.host.engine;
  const refused = (why: string) => ({ result: fail(NOT_STARTED, runText(major, name, why)) });
  const complaint = hostComplaint(flags);
  if (complaint !== undefined) {
    return { result: fail(NOT_STARTED, flagText(major, { ...RUN_FACTS, name }, complaint)) };
  }
  const request = requestOf(flags);
  if (typeof request === 'string') return refused(request);
  if (request.isAutoRemoved && !isNone(request.restartPolicy)) {
    const clash =
      major < 28
        ? 'Conflicting options: --restart and --rm'
        : 'conflicting options: cannot specify both --restart and --rm';
    return refused(clash);
  }
  const container = daemon.create(request);
  if (container instanceof Refusal) {
    return refused(`Error response from daemon: ${container.message}`);
  }
  const isDiscarded = request.networkMode === 'host' && request.bindings.length > 0;
  const warning = isDiscarded
    ? 'WARNING: Published ports are discarded when using host network mode\n'
    : '';
  return { container, warning };
}

/** What pflag says of an `--add-host` that is none; `undefined` when all are. */
function hostComplaint(flags: ParsedFlags): string | undefined {
  for (const text of flags.list('add-host')) {
    const parsed = parseExtraHost(text);
    if ('line' in parsed) continue;
    return `invalid argument "${text}" for "--add-host" flag: ${parsed.error}`;
  }
  return undefined;
}

function* runContainer(daemon: Daemon, flags: ParsedFlags): Steps<CommandResult> {
  const made = create(daemon, flags, 'run');
  if (made.container === undefined) return made.result;
  const { container, warning } = made;
  const isDetached = flags.has('detach');
  const stdout = isDetached ? `${container.id}\n` : '';
  const refusal = yield* answerOf<Refusal | undefined>((resume) =>
    daemon.start(container.id, resume),
  );
  if (refusal === undefined) return succeed(stdout, warning);
  const why = `Error response from daemon: ${refusal.message}`;
  return fail(NOT_STARTED, warning + notStartedText(daemon.host.engine.major, why), stdout);
}

const RUN_FACTS: CommandFacts = {
  name: 'run',
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  description: 'Run a command in a new container',
  flags: FLAGS,
  words: [1, Number.POSITIVE_INFINITY],
  isInterspersed: false,
};

/** The commands that make containers. */
export const RUN_COMMANDS: readonly Command[] = [
  commandOf(RUN_FACTS, runContainer),
  commandOf(
    { ...RUN_FACTS, name: 'create', description: 'Create a new container' },
    (daemon, flags) => {
      const made = create(daemon, flags, 'create');
      if (made.container === undefined) return made.result;
      return succeed(`${made.container.id}\n`, made.warning);
    },
  ),
];
