/**
 * What a command line of `ipvsadm` asks for, and what is wrong with it, as `parse_options` and
 * `generic_opt_check` of ipvsadm.c (1.31) read it: the first option is the command, and every command
 * has options that it needs, takes and refuses.
 */
import { SchedulerFlag } from '../../../ipvs/schedulers/scheduler.ts';
import type { ForwardMethod, ServiceKey } from '../../../ipvs/service.ts';
import { type Ipv4Address, parseIpv4Address } from '../../../wire/addresses.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import { type PoptOption, readPopt } from '../popt.ts';

/** What an option may be to a command, besides refused. */
type Rule = 'needed' | 'taken' | 'exclusive';

/** The name that complaints give a command, and its options by the names that complaints give them. */
interface Command {
  readonly name: string;
  readonly options: Readonly<Record<string, Rule>>;
}

const SERVICE_OPTIONS = {
  'service-address': 'needed',
  scheduler: 'taken',
  persistent: 'taken',
  netmask: 'taken',
  ops: 'taken',
  'sched-flags': 'taken',
} as const;

const SERVER_OPTIONS = {
  'service-address': 'needed',
  'real-server': 'needed',
  'forwarding-method': 'taken',
  weight: 'taken',
  'u-threshold': 'taken',
  'l-threshold': 'taken',
  'tun-type': 'taken',
} as const;

const LIST_OPTIONS = {
  numeric: 'taken',
  connection: 'exclusive',
  'service-address': 'exclusive',
  timeout: 'exclusive',
  daemon: 'exclusive',
  stats: 'taken',
  rate: 'taken',
  thresholds: 'taken',
  'persistent-conn': 'taken',
  nosort: 'taken',
  exact: 'taken',
  'tun-info': 'taken',
} as const;

/** By their long options. */
const COMMANDS: Readonly<Record<string, Command>> = {
  'add-service': { name: 'add-service', options: SERVICE_OPTIONS },
  'edit-service': { name: 'edit-service', options: SERVICE_OPTIONS },
  'delete-service': { name: 'delete-service', options: { 'service-address': 'needed' } },
  clear: { name: 'flush', options: {} },
  list: { name: 'list', options: LIST_OPTIONS },
  'add-server': { name: 'add-server', options: SERVER_OPTIONS },
  'edit-server': { name: 'edit-server', options: SERVER_OPTIONS },
  'delete-server': {
    name: 'delete-server',
    options: { 'service-address': 'needed', 'real-server': 'needed' },
  },
  set: { name: 'set', options: {} },
  restore: { name: 'restore', options: {} },
  save: { name: 'save', options: { numeric: 'taken' } },
  zero: { name: 'zero', options: { 'service-address': 'taken' } },
  version: { name: 'version', options: {} },
};

/** Options in the order in which they are checked. */
const CHECKED = [
  'numeric',
  'connection',
  'service-address',
  'scheduler',
  'persistent',
  'netmask',
  'real-server',
  'forwarding-method',
  'weight',
  'u-threshold',
  'l-threshold',
  'timeout',
  'daemon',
  'stats',
  'rate',
  'thresholds',
  'persistent-conn',
  'nosort',
  'exact',
  'ops',
  'sched-flags',
  'tun-info',
  'tun-type',
];

/** What complaints call the options whose own name is another. */
const CALLED: Readonly<Record<string, string>> = {
  'tcp-service': 'service-address',
  'udp-service': 'service-address',
  'sctp-service': 'service-address',
  'fwmark-service': 'service-address',
  gatewaying: 'forwarding-method',
  ipip: 'forwarding-method',
  masquerading: 'forwarding-method',
};

const OPTIONS: readonly PoptOption[] = [
  { long: 'add-service', short: 'A' },
  { long: 'edit-service', short: 'E' },
  { long: 'delete-service', short: 'D' },
  { long: 'clear', short: 'C' },
  { long: 'list', short: 'L' },
  { long: 'list', short: 'l' },
  { long: 'zero', short: 'Z' },
  { long: 'add-server', short: 'a' },
  { long: 'edit-server', short: 'e' },
  { long: 'delete-server', short: 'd' },
  { long: 'set' },
  { long: 'version', short: 'v' },
  { long: 'restore', short: 'R' },
  { long: 'save', short: 'S' },
  { long: 'tcp-service', short: 't', takes: 'word' },
  { long: 'udp-service', short: 'u', takes: 'word' },
  { long: 'sctp-service', takes: 'word' },
  { long: 'fwmark-service', short: 'f', takes: 'word' },
  { long: 'scheduler', short: 's', takes: 'word' },
  { long: 'persistent', short: 'p', takes: 'maybe' },
  { long: 'netmask', short: 'M', takes: 'word' },
  { long: 'real-server', short: 'r', takes: 'word' },
  { long: 'masquerading', short: 'm' },
  { long: 'ipip', short: 'i' },
  { long: 'gatewaying', short: 'g' },
  { long: 'weight', short: 'w', takes: 'word' },
  { long: 'u-threshold', short: 'x', takes: 'word' },
  { long: 'l-threshold', short: 'y', takes: 'word' },
  { long: 'numeric', short: 'n' },
  { long: 'connection', short: 'c' },
  { long: 'timeout' },
  { long: 'daemon' },
  { long: 'stats' },
  { long: 'rate' },
  { long: 'thresholds' },
  { long: 'persistent-conn' },
  { long: 'nosort' },
  { long: 'sort' },
  { long: 'exact', short: 'X' },
  { long: 'ops', short: 'o' },
  { long: 'sched-flags', short: 'b', takes: 'word' },
  { long: 'tun-info' },
  { long: 'tun-type', takes: 'word' },
];

/** 31 days, in s. */
const TIMEOUT_SECONDS_MAX = 86_400 * 31;
/** `IPVS_SVC_PERSISTENT_TIMEOUT`, of `-p` without a number, in s. */
const PERSISTENT_SECONDS = 300;
const INT_MAX = 0x7fff_ffff;

/** Everything that a command line may say. */
export interface CommandLine {
  readonly command: string;
  /** Options by what complaints call them. */
  readonly given: ReadonlySet<string>;
  readonly service: ServiceKey | undefined;
  readonly scheduler: string;
  /** Bits of `SchedulerFlag`. */
  readonly schedulerFlags: number;
  readonly persistentSeconds: number | undefined;
  readonly maskBits: number;
  readonly isOnePacket: boolean;
  readonly server: { readonly address: Ipv4Address; readonly port: number } | undefined;
  readonly method: ForwardMethod;
  readonly weight: number;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  /** Of `--set`, in s. */
  readonly timeouts: readonly number[];
}

/** Why ipvsadm goes no further: its exit status, and what it says. */
export class IpvsadmFailure extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

const TRY_HELP = "Try `ipvsadm -h' or 'ipvsadm --help' for more information.";

/** `fail(2, …)`. */
function wrong(text: string): IpvsadmFailure {
  return new IpvsadmFailure(2, text);
}

/** Reads a command line; throws an {@link IpvsadmFailure}. */
export function readCommandLine(words: readonly string[]): CommandLine {
  const line = readPopt(words, OPTIONS);
  const [first, ...items] = line.items;
  if (first === undefined || COMMANDS[first.name] === undefined) {
    throw new IpvsadmFailure(255, TRY_HELP);
  }
  const command = first.name;
  const given = new Set<string>();
  const values = new Map<string, string | undefined>();
  let service: ServiceKey | undefined;
  let server: CommandLine['server'];
  for (const { name, value } of items) {
    if (COMMANDS[name] !== undefined) throw wrong(`invalid option \`${wordOf(name)}'`);
    if (name === 'sort') continue;
    const called = CALLED[name] ?? name;
    if (given.has(called)) throw wrong(`multiple '${called}' options specified`);
    given.add(called);
    values.set(name, value);
    if (called === 'service-address') service = serviceOf(name, value!);
    if (name === 'real-server') server = serverOf(value!, service);
    check(name, value);
  }
  if (line.error !== undefined) throw new IpvsadmFailure(255, line.error);
  const [timeouts, left] = operandsOf(command, line.operands);
  if (left !== undefined) throw wrong(`unexpected argument ${left}`);
  const scheduler = values.get('scheduler') ?? '';
  const flags = values.get('sched-flags') ?? '';
  const parsed: CommandLine = {
    command,
    given,
    service,
    scheduler: scheduler === '' ? 'wlc' : scheduler,
    schedulerFlags: flags === '' ? 0 : flagsOf(scheduler === '' ? 'wlc' : scheduler, flags),
    persistentSeconds: given.has('persistent')
      ? secondsOf(values.get('persistent') ?? `${PERSISTENT_SECONDS}`, 1)
      : undefined,
    maskBits: maskBitsOf(values.get('netmask')),
    isOnePacket: given.has('ops'),
    server,
    method: values.has('masquerading') ? 'masq' : values.has('ipip') ? 'tunnel' : 'route',
    weight: Number(values.get('weight') ?? 1),
    upperThreshold: Number(values.get('u-threshold') ?? 0),
    lowerThreshold: Number(values.get('l-threshold') ?? 0),
    timeouts,
  };
  checkOptions(COMMANDS[command]!, given);
  checkService(parsed);
  if (given.has('tun-type') && parsed.method !== 'tunnel') {
    throw wrong('Tunnel options conflict with forward method');
  }
  return parsed;
}

/** What a number may be, in the order of the command line. */
function check(name: string, value: string | undefined): void {
  if (name === 'weight' && !isWhole(value, 65_535)) throw wrong('illegal weight specified');
  if (name === 'u-threshold' && !isWhole(value, INT_MAX))
    throw wrong('illegal u_threshold specified');
  if (name === 'l-threshold' && !isWhole(value, INT_MAX))
    throw wrong('illegal l_threshold specified');
  if (name === 'tun-type' && value !== 'ipip') throw wrong('illegal tunnel type specified');
  if (name === 'persistent' && value !== undefined) secondsOf(value, 1);
  if (name === 'netmask') maskBitsOf(value);
}

/** `generic_opt_check`. */
function checkOptions({ name, options }: Command, given: ReadonlySet<string>): void {
  let exclusive: string | undefined;
  for (const option of CHECKED) {
    const rule = options[option];
    if (!given.has(option)) {
      if (rule !== 'needed') continue;
      throw wrong(`You need to supply the '${option}' option for the '${name}' command`);
    }
    if (rule === undefined) throw wrong(`Illegal '${option}' option with the '${name}' command`);
    if (rule !== 'exclusive') continue;
    if (exclusive !== undefined) {
      const both = `The option '${option}' conflicts with the '${exclusive}' option`;
      throw wrong(`${both} in the '${name}' command`);
    }
    exclusive = option;
  }
  const has = (...names: string[]) => names.some((option) => given.has(option));
  if (name !== 'list') return;
  if (
    (has('connection', 'timeout', 'daemon') && has('stats', 'rate', 'thresholds')) ||
    (has('timeout', 'daemon') && has('persistent-conn'))
  ) {
    throw wrong('options conflicts in the list command');
  }
}

function checkService({ command, service, persistentSeconds, isOnePacket }: CommandLine): void {
  if (command !== 'add-service' && command !== 'edit-service') return;
  if (service === undefined || 'fwmark' in service) return;
  if (service.port === 0 && persistentSeconds === undefined) {
    throw wrong('Zero port specified for non-persistent service');
  }
  if (isOnePacket && service.protocol !== IpProtocol.udp) {
    throw wrong('One-Packet Scheduling is only for UDP virtual services');
  }
}

/** The three timeouts of `--set`, and the first word that nobody wants. */
function operandsOf(
  command: string,
  operands: readonly string[],
): [timeouts: number[], left: string | undefined] {
  if (command !== 'set') return [[], operands[0]];
  if (operands.length < 3) throw wrong('--set option requires 3 timeout values');
  return [operands.slice(0, 3).map((word) => secondsOf(word, 0)), operands[3]];
}

function wordOf(name: string): string {
  const short = OPTIONS.find(({ long }) => long === name)?.short;
  return short === undefined ? `--${name}` : `-${short}`;
}

function serviceOf(name: string, value: string): ServiceKey {
  if (name === 'fwmark-service') {
    if (!isWhole(value, 0xffff_ffff) || Number(value) === 0) {
      throw wrong(`invalid fwmark value \`${value}' specified`);
    }
    return { fwmark: Number(value) };
  }
  const protocol = IpProtocol[name.slice(0, name.indexOf('-')) as 'tcp' | 'udp' | 'sctp'];
  const end = endOf(value, 0);
  if (end === undefined) throw wrong('illegal virtual server address[:port] specified');
  return { protocol, ...end };
}

function serverOf(value: string, service: ServiceKey | undefined) {
  const port = service === undefined || 'fwmark' in service ? 0 : service.port;
  const end = endOf(value, port);
  if (end === undefined) throw wrong('illegal real server address[:port] specified');
  return end;
}

function endOf(
  text: string,
  defaultPort: number,
): { address: Ipv4Address; port: number } | undefined {
  const [addressText = '', portText] = text.split(':');
  const address = parseIpv4Address(addressText);
  const isPort = portText === undefined || isWhole(portText, 65_535);
  if (address === undefined || !isPort) return undefined;
  return { address, port: portText === undefined ? defaultPort : Number(portText) };
}

function secondsOf(text: string, least: number): number {
  if (!isWhole(text, TIMEOUT_SECONDS_MAX) || Number(text) < least) {
    throw wrong(`invalid timeout value \`${text}' specified`);
  }
  return Number(text);
}

function maskBitsOf(text = '255.255.255.255'): number {
  const mask = parseIpv4Address(text);
  if (mask === undefined) throw wrong('illegal virtual server persistent mask specified');
  return Math.clz32(~mask);
}

/** `parse_sched_flags`. */
function flagsOf(scheduler: string, text: string): number {
  let flags = 0;
  for (const flag of text.split(',').filter((word) => word !== '')) {
    const named = NAMED_FLAGS.get(flag);
    const plain = PLAIN_FLAGS.indexOf(flag);
    if (plain >= 0) flags |= 1 << plain;
    else if (named === undefined) throw wrong(`invalid scheduler flag \`${flag}'`);
    else if (!flag.startsWith(`${scheduler}-`)) {
      throw wrong(`incompatible scheduler flag \`${flag}'`);
    } else flags |= named;
  }
  return flags;
}

const PLAIN_FLAGS = ['flag-1', 'flag-2', 'flag-3'];

const NAMED_FLAGS: ReadonlyMap<string, number> = new Map(
  ['sh', 'mh'].flatMap((scheduler) => [
    [`${scheduler}-fallback`, SchedulerFlag.fallback],
    [`${scheduler}-port`, SchedulerFlag.port],
  ]),
);

function isWhole(text: string | undefined, most: number): boolean {
  return text !== undefined && /^\d+$/.test(text) && Number(text) <= most;
}
