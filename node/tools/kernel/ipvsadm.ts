/**
 * `ipvsadm` 1.31: virtual services, their real servers and connections, listed and changed.
 * Mirrors ipvsadm.c (`parse_options`, `process_options`) and the kernel's answers (ip_vs_ctl.c).
 */
import { Ipvs } from '../../../ipvs/ipvs.ts';
import type { ForwardMethod, Service, ServiceKey } from '../../../ipvs/service.ts';
import {
  formatConnections,
  formatPersistence,
  formatRates,
  formatRules,
  formatServices,
  formatStatistics,
  formatThresholds,
  formatTimeouts,
} from '../../../ipvs/show.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import { type Ipv4Address, parseIpv4Address } from '../../../wire/addresses.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import { type Options, parseOptions } from '../options.ts';
import type { Process } from '../process.ts';

/** A kernel without ip_vs. */
const NO_MODULE = `Can't initialize ipvs: Protocol not available
Are you sure that IP Virtual Server is built in the kernel or as module?
`;

const TRY_HELP = "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n";

/** The commands: letter, long name. */
const COMMANDS: readonly (readonly [string, string])[] = [
  ['A', 'add-service'],
  ['E', 'edit-service'],
  ['D', 'delete-service'],
  ['C', 'clear'],
  ['S', 'save'],
  ['a', 'add-server'],
  ['e', 'edit-server'],
  ['d', 'delete-server'],
  ['L', 'list'],
  ['l', 'list'],
  ['Z', 'zero'],
];

const LONGS = {
  'add-service': 'flag',
  'edit-service': 'flag',
  'delete-service': 'flag',
  clear: 'flag',
  save: 'flag',
  'add-server': 'flag',
  'edit-server': 'flag',
  'delete-server': 'flag',
  list: 'flag',
  zero: 'flag',
  'tcp-service': 'value',
  'udp-service': 'value',
  'sctp-service': 'value',
  'fwmark-service': 'value',
  scheduler: 'value',
  persistent: 'value',
  netmask: 'value',
  'real-server': 'value',
  gatewaying: 'flag',
  ipip: 'flag',
  masquerading: 'flag',
  weight: 'value',
  'u-threshold': 'value',
  'l-threshold': 'value',
  numeric: 'flag',
  connection: 'flag',
  stats: 'flag',
  rate: 'flag',
  timeout: 'flag',
  thresholds: 'flag',
  'persistent-conn': 'flag',
  set: 'flag',
  exact: 'flag',
  sort: 'flag',
} as const;

/** Why the kernel or ipvsadm refused. */
interface Refusal {
  readonly status: number;
  readonly text: string;
}

/** `ipvsadm [command] [options]`; without a command, a list. */
export function ipvsadm(process: Process, argv: readonly string[]): void {
  if (process.place.daemon?.host.hasModule('ip_vs') === false) {
    process.fail(2, NO_MODULE);
    return;
  }
  const letters = 'AEDCSaedLlZt:u:f:s:p:M:r:gimw:x:y:nc46';
  const options = parseOptions('ipvsadm', argv, letters, LONGS);
  if (typeof options === 'string') {
    process.fail(2, `${options}\n${TRY_HELP}`);
    return;
  }
  if (options.has('set')) {
    setTimeouts(process, options.operands);
    return;
  }
  const commands = COMMANDS.filter(([letter, long]) => options.has(letter, long));
  const [command = 'L'] = commands.map(([letter]) => letter);
  if (new Set(commands.map(([, long]) => long)).size > 1) {
    process.fail(2, `multiple commands specified\n${TRY_HELP}`);
    return;
  }
  if (command === 'L' || command === 'l' || command === 'S') {
    list(process, options, command === 'S');
    return;
  }
  const refusal = change(process, options, command);
  if (refusal === undefined) process.exit(0);
  else process.fail(refusal.status, refusal.text);
}

/** `--set <tcp> <tcpfin> <udp>`, in s; 0 leaves one as it is. */
function setTimeouts(process: Process, words: readonly string[]): void {
  const seconds = words.map(Number);
  if (words.length !== 3 || seconds.some((value) => !Number.isInteger(value) || value < 0)) {
    const text =
      words.length === 3 ? 'illegal timeout value' : '--set option requires 3 timeout values';
    process.fail(2, `${text}\n${TRY_HELP}`);
    return;
  }
  const { namespace } = process.place;
  const ipvs = Ipvs.of(namespace) ?? new Ipvs(namespace);
  ipvs.timeouts.set(seconds[0]!, seconds[1]!, seconds[2]!);
  process.exit(0);
}

function list(process: Process, options: Options, isSave: boolean): void {
  const ipvs = Ipvs.of(process.place.namespace);
  if (isSave) process.print(formatRules(ipvs));
  else if (options.has('timeout')) process.print(formatTimeouts(ipvs?.timeouts));
  else if (options.has('thresholds')) process.print(formatThresholds(ipvs));
  else if (options.has('persistent-conn')) process.print(formatPersistence(ipvs));
  else if (options.has('c', 'connection')) process.print(formatConnections(ipvs));
  else if (options.has('stats')) process.print(formatStatistics(ipvs));
  else if (options.has('rate')) process.print(formatRates(ipvs));
  else process.print(formatServices(ipvs));
  process.exit(0);
}

function change(process: Process, options: Options, command: string): Refusal | undefined {
  const { namespace } = process.place;
  if (command === 'C') {
    const ipvs = Ipvs.of(namespace);
    for (const { key } of ipvs?.services ?? []) ipvs?.removeService(key);
    return undefined;
  }
  if (command === 'Z') {
    for (const service of Ipvs.of(namespace)?.services ?? []) zero(service);
    return undefined;
  }
  const key = serviceKeyOf(options);
  if (key === undefined) return missing('service-address', command);
  if ('status' in key) return key;
  const ipvs = Ipvs.of(namespace) ?? new Ipvs(namespace);
  if (command === 'A') {
    const added = ipvs.addService(key, options.value('s', 'scheduler') ?? 'wlc');
    return typeof added === 'string' ? refused(added) : persist(added, options);
  }
  const service = ipvs.serviceOf(key);
  if (service === undefined) {
    return refused(
      command === 'a' || command === 'e' || command === 'd'
        ? 'Service not defined'
        : 'No such service',
    );
  }
  switch (command) {
    case 'D':
      ipvs.removeService(key);
      return undefined;
    case 'E': {
      const error = ipvs.editService(key, options.value('s', 'scheduler') ?? 'wlc');
      return error === undefined ? persist(service, options) : refused(error);
    }
    default:
      return changeServer(service, options, command);
  }
}

/** `-p <seconds>`, and `-M <netmask>` for clients that are one to it. */
function persist(service: Service, options: Options): Refusal | undefined {
  const timeout = options.value('p', 'persistent');
  if (timeout === undefined) {
    service.persistence = undefined;
    return undefined;
  }
  const seconds = Number(timeout);
  if (!Number.isInteger(seconds) || seconds < 1) {
    return illegal('illegal timeout for persistent service');
  }
  const netmask = parseIpv4Address(options.value('M', 'netmask') ?? '255.255.255.255');
  const maskBits = netmask === undefined ? -1 : Math.clz32(~netmask);
  if (maskBits < 1) return illegal('illegal virtual server persistent mask specified');
  service.persistence = { timeoutNs: seconds * SECOND_NS, maskBits };
  return undefined;
}

function changeServer(service: Service, options: Options, command: string): Refusal | undefined {
  const text = options.value('r', 'real-server');
  if (text === undefined) return missing('real-server', command);
  const servicePort = 'fwmark' in service.key ? 0 : service.key.port;
  const end = endOf(text, servicePort);
  if (end === undefined) return illegal(`illegal real server address[:port] specified`);
  const { address, port } = end;
  if (command === 'd') {
    return service.remove(address, port) ? undefined : refused('No such destination');
  }
  const weight = Number(options.value('w', 'weight') ?? 1);
  if (!Number.isInteger(weight) || weight < 0) return illegal('illegal weight specified');
  if (command === 'a') {
    if (!service.add(address, port, weight, methodOf(options))) {
      return refused('Destination already exists');
    }
  } else if (!service.setWeight(address, port, weight)) return refused('No such destination');
  else service.find(address, port)!.method = methodOf(options);
  const upper = Number(options.value('x', 'u-threshold') ?? 0);
  service.setThresholds(address, port, upper, Number(options.value('y', 'l-threshold') ?? 0));
  return undefined;
}

function methodOf(options: Options): ForwardMethod {
  if (options.has('m', 'masquerading')) return 'masq';
  return options.has('i', 'ipip') ? 'tunnel' : 'route';
}

function serviceKeyOf(options: Options): ServiceKey | Refusal | undefined {
  const mark = options.value('f', 'fwmark-service');
  if (mark !== undefined) {
    const fwmark = Number(mark);
    return Number.isInteger(fwmark) && fwmark > 0 ? { fwmark } : illegal('illegal firewall mark');
  }
  for (const [letter, long, protocol] of PROTOCOLS) {
    const text = options.value(letter, long);
    if (text === undefined) continue;
    const end = endOf(text, 0);
    return end === undefined
      ? illegal('illegal virtual server address[:port] specified')
      : { protocol, ...end };
  }
  return undefined;
}

const PROTOCOLS: readonly (readonly [string, string, number])[] = [
  ['t', 'tcp-service', IpProtocol.tcp],
  ['u', 'udp-service', IpProtocol.udp],
  ['sctp-service', 'sctp-service', IpProtocol.sctp],
];

function endOf(
  text: string,
  defaultPort: number,
): { address: Ipv4Address; port: number } | undefined {
  const [addressText = '', portText] = text.split(':');
  const address = parseIpv4Address(addressText);
  const port = portText === undefined ? defaultPort : Number(portText);
  if (address === undefined || !Number.isInteger(port) || port > 65_535) return undefined;
  return { address, port };
}

function zero(service: Service): void {
  for (const each of [service, ...service.destinations]) {
    each.connectionCount = 0;
    each.inPackets = 0;
    each.outPackets = 0;
    each.inBytes = 0;
    each.outBytes = 0;
  }
}

function refused(text: string): Refusal {
  return { status: 255, text: `${text}\n` };
}

function illegal(text: string): Refusal {
  return { status: 2, text: `${text}\n${TRY_HELP}` };
}

function missing(option: string, command: string): Refusal {
  const name = COMMANDS.find(([letter]) => letter === command)?.[1] ?? '';
  return {
    status: 2,
    text: `You need to supply the '${option}' option for the '${name}' command\n${TRY_HELP}`,
  };
}
