/**
 * `ipvsadm` 1.31: virtual services, their real servers and connections, listed and changed.
 * Mirrors ipvsadm.c (`process_options`), libipvs' words and the kernel's answers (ip_vs_ctl.c).
 */
import { Ipvs } from '../../../ipvs/ipvs.ts';
import type { Service } from '../../../ipvs/service.ts';
import {
  formatConnections,
  formatPersistence,
  formatRates,
  formatRules,
  formatServices,
  formatStatistics,
  formatThresholds,
  formatTimeouts,
  formatTunnels,
  type Listing,
} from '../../../ipvs/show.ts';
import type { Namespace } from '../../../net/namespace.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import type { Ipv4Address } from '../../../wire/addresses.ts';
import type { Process } from '../process.ts';
import { type CommandLine, IpvsadmFailure, readCommandLine } from './command-line.ts';

/** A kernel without ip_vs. */
const NO_MODULE = `Can't initialize ipvs: Protocol not available
Are you sure that IP Virtual Server is built in the kernel or as module?
`;

const VERSION = 'ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n';

const NOT_UNICAST = 'Invalid operation.  Possibly wrong module version, address not unicast, ...';

/** What the kernel refuses ends ipvsadm with -1. */
function refused(text: string): IpvsadmFailure {
  return new IpvsadmFailure(255, text);
}

/** `ipvsadm [command] [options]`; without a command, a list. */
export function ipvsadm(process: Process, argv: readonly string[]): void {
  if (process.place.daemon?.host.hasModule('ip_vs') === false) {
    process.fail(2, NO_MODULE);
    return;
  }
  const words = argv.length === 0 ? ['-L'] : argv;
  attempt(process, () => {
    const line = readCommandLine(words);
    if (line.command === 'restore') {
      process.stdin.readAll((text) => attempt(process, () => restore(process, text)));
    } else {
      process.print(run(process.place.namespace, line));
      process.exit(0);
    }
  });
}

/** Does something, and ends the process with what is wrong. */
function attempt(process: Process, action: () => void): void {
  try {
    action();
  } catch (failure) {
    if (!(failure instanceof IpvsadmFailure)) throw failure;
    process.fail(failure.status, `${failure.message}\n`);
  }
}

/** `-R`: a command per line; what the kernel refuses stops nothing, and the last line decides. */
function restore(process: Process, text: string): void {
  let status = 0;
  for (const line of text.split('\n')) {
    const words = line.replace(/#.*/, '').split(/[ \t\r]+/);
    const argv = words.filter((word) => word !== '' && word !== 'ipvsadm');
    if (argv.length === 0) continue;
    try {
      process.print(run(process.place.namespace, readCommandLine(argv)));
      status = 0;
    } catch (failure) {
      if (!(failure instanceof IpvsadmFailure) || failure.status !== 255) throw failure;
      process.complain(`${failure.message}\n`);
      status = failure.status;
    }
  }
  process.exit(status);
}

/** Runs one command; the text that it prints. */
function run(namespace: Namespace, line: CommandLine): string {
  const { command, given, service: key } = line;
  const ipvs = Ipvs.of(namespace);
  switch (command) {
    case 'version':
      return VERSION;
    case 'list':
      return list(ipvs, line);
    case 'save':
      return formatRules(ipvs, { isNumeric: given.has('numeric') });
    case 'clear':
      for (const service of ipvs?.services ?? []) ipvs?.removeService(service.key);
      return '';
    case 'zero': {
      const services = key === undefined ? (ipvs?.services ?? []) : [serviceOf(ipvs, line)];
      for (const service of services) zero(service);
      return '';
    }
    case 'set': {
      const [tcp, tcpFin, udp] = line.timeouts;
      (ipvs ?? new Ipvs(namespace)).timeouts.set(tcp!, tcpFin!, udp!);
      return '';
    }
    case 'add-service': {
      const added = (ipvs ?? new Ipvs(namespace)).addService(key!, line.scheduler);
      if (typeof added === 'string') throw refused(added);
      become(added, line);
      return '';
    }
    case 'edit-service': {
      const error = ipvs?.editService(key!, line.scheduler) ?? missing(ipvs, line);
      if (error !== undefined) throw refused(error);
      become(serviceOf(ipvs, line), line);
      return '';
    }
    case 'delete-service':
      serviceOf(ipvs, line);
      ipvs!.removeService(key!);
      return '';
    default:
      changeServer(serviceOf(ipvs, line), line);
      return '';
  }
}

/** Without any service there is no balancer yet. */
function missing(ipvs: Ipvs | undefined, { command }: CommandLine): string | undefined {
  if (ipvs !== undefined) return undefined;
  return command.endsWith('-server') ? 'Service not defined' : 'No such service';
}

function serviceOf(ipvs: Ipvs | undefined, line: CommandLine): Service {
  const service = ipvs?.serviceOf(line.service!);
  if (service !== undefined) return service;
  throw refused(line.command.endsWith('-server') ? 'Service not defined' : 'No such service');
}

function list(ipvs: Ipvs | undefined, line: CommandLine): string {
  const has = (option: string) => line.given.has(option);
  if (has('daemon')) return '';
  if (has('timeout')) return formatTimeouts(ipvs?.timeouts);
  const listing: Listing = {
    isNumeric: has('numeric'),
    isExact: has('exact'),
    isUnsorted: has('nosort'),
    ...(has('service-address') ? { only: serviceOf(ipvs, line) } : {}),
  };
  if (has('connection')) return formatConnections(ipvs, listing, has('persistent-conn'));
  if (has('stats')) return formatStatistics(ipvs, listing);
  if (has('rate')) return formatRates(ipvs, listing);
  if (has('thresholds')) return formatThresholds(ipvs, listing);
  if (has('persistent-conn')) return formatPersistence(ipvs, listing);
  return has('tun-info') ? formatTunnels(ipvs, listing) : formatServices(ipvs, listing);
}

/** What a service has beside its scheduler. */
function become(service: Service, line: CommandLine): void {
  const { persistentSeconds, maskBits, schedulerFlags, isOnePacket } = line;
  service.persistence =
    persistentSeconds === undefined
      ? undefined
      : { timeoutNs: persistentSeconds * SECOND_NS, maskBits };
  service.schedulerFlags = schedulerFlags;
  service.isOnePacket = isOnePacket;
}

function changeServer(service: Service, line: CommandLine): void {
  const { command, server, method, weight, upperThreshold, lowerThreshold } = line;
  const { address } = server!;
  const { key } = service;
  // where packets go as they are, their port stays
  const keepsPort = !('fwmark' in key) && method !== 'masq' && command !== 'delete-server';
  const port = keepsPort ? key.port : server!.port;
  if (command === 'delete-server') {
    if (!service.remove(address, port)) throw refused('No such destination');
    return;
  }
  if (!isUnicast(address)) throw refused(NOT_UNICAST);
  if (lowerThreshold > upperThreshold) throw refused('Numerical result out of range');
  if (command === 'add-server') {
    if (!service.add(address, port, weight, method)) throw refused('Destination already exists');
  } else if (!service.setWeight(address, port, weight)) throw refused('No such destination');
  service.find(address, port)!.method = method;
  service.setThresholds(address, port, upperThreshold, lowerThreshold);
}

function isUnicast(address: Ipv4Address): boolean {
  const firstByte = address >>> 24;
  return firstByte > 0 && (firstByte < 224 || (firstByte >= 240 && address !== 0xffff_ffff));
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
