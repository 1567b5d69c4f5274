/**
 * `HostConfig` of `docker inspect`: what was asked for at the creation, and the defaults of all that
 * was not (moby `api/types/container/hostconfig.go` of each version).
 */
import type { EngineVersion } from '../../engine-version.ts';
import type { Daemon } from '../daemon.ts';
import { type PortBinding, portText } from '../requests.ts';
import type { StandaloneContainer } from '../standalone-container.ts';
import { type Json, sortedObject } from './json.ts';

/** The first version whose `ConsoleSize` stands further up, and that says no kernel memory. */
const CONSOLE_MAJOR = 23;
/** The first that hides the CPU's power consumption. */
const HIDES_POWER_MAJOR = 25;
/** The first that sorts hidden paths, and says null for no DNS servers. */
const SORTED_MAJOR = 29;

/** What is hidden in containers (moby `oci/defaults.go`). */
function maskedPathsOf({ major, masksInterrupts }: EngineVersion): string[] {
  const paths = [
    '/proc/asound',
    '/proc/acpi',
    ...(masksInterrupts ? ['/proc/interrupts'] : []),
    '/proc/kcore',
    '/proc/keys',
    '/proc/latency_stats',
    '/proc/timer_list',
    '/proc/timer_stats',
    '/proc/sched_debug',
    '/proc/scsi',
    '/sys/firmware',
    ...(major >= HIDES_POWER_MAJOR ? ['/sys/devices/virtual/powercap'] : []),
  ];
  return major >= SORTED_MAJOR ? paths.sort() : paths;
}

const READ_ONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** What was asked for. */
export function hostConfigJson(container: StandaloneContainer, daemon: Daemon): Json {
  const { request } = container;
  const { engine } = daemon.host;
  const isConsoleUp = engine.major >= CONSOLE_MAJOR;
  const links = daemon
    .linksOf(container)
    .map(({ child, alias }) => `/${child.name}:/${container.name}/${alias}`);
  return {
    Binds: null,
    ContainerIDFile: '',
    LogConfig: { Type: 'json-file', Config: {} },
    NetworkMode: request.networkMode,
    PortBindings: bindingsJson(request.bindings),
    RestartPolicy: {
      Name: request.restartPolicy.name,
      MaximumRetryCount: request.restartPolicy.retriesMax,
    },
    AutoRemove: request.isAutoRemoved,
    VolumeDriver: '',
    VolumesFrom: null,
    ...(isConsoleUp ? { ConsoleSize: [0, 0] } : {}),
    CapAdd: null,
    CapDrop: null,
    CgroupnsMode: 'private',
    Dns: engine.major >= SORTED_MAJOR ? orNull(request.dns) : request.dns,
    DnsOptions: request.dnsOptions,
    DnsSearch: request.dnsSearch,
    ExtraHosts: orNull(request.extraHosts),
    GroupAdd: null,
    IpcMode: 'private',
    Cgroup: '',
    Links: orNull(links),
    OomScoreAdj: 0,
    PidMode: '',
    Privileged: false,
    PublishAllPorts: request.publishesAll,
    ReadonlyRootfs: false,
    SecurityOpt: null,
    ...(request.sysctls.size === 0 ? {} : { Sysctls: sortedObject(request.sysctls) }),
    UTSMode: '',
    UsernsMode: '',
    ShmSize: 67_108_864,
    Runtime: 'runc',
    ...(isConsoleUp ? {} : { ConsoleSize: [0, 0] }),
    Isolation: '',
    ...resourcesOf(engine),
    MaskedPaths: maskedPathsOf(engine),
    ReadonlyPaths: READ_ONLY_PATHS,
  };
}

/** Nothing is limited. */
function resourcesOf({ major }: EngineVersion): Readonly<Record<string, Json>> {
  if (major < CONSOLE_MAJOR) return RESOURCES;
  const { KernelMemory, KernelMemoryTCP, ...rest } = RESOURCES;
  return rest;
}

const RESOURCES: Readonly<Record<string, Json>> = {
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: '',
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  KernelMemory: 0,
  KernelMemoryTCP: 0,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: null,
  PidsLimit: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
};

function bindingsJson(bindings: readonly PortBinding[]): Json {
  const byPort = new Map<string, Json[]>();
  for (const binding of bindings) {
    const key = portText(binding);
    const [first, last] = binding.hostPorts;
    const range = first === last ? String(first) : `${first}-${last}`;
    const entry = { HostIp: binding.hostAddress, HostPort: first === 0 ? '' : range };
    const own = byPort.get(key);
    if (own === undefined) byPort.set(key, [entry]);
    else own.push(entry);
  }
  return sortedObject(byPort);
}

function orNull(list: readonly string[]): Json {
  return list.length === 0 ? null : list;
}
