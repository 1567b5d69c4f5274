/**
 * `ip link`, `ip -d link` and `ip -s link` as iproute2 6.1 prints them.
 *
 * What Docker makes has no transmit queue, so that its lines end with `group default ` and a space.
 * Mirrors iproute2 ip/ipaddress.c (`print_linkinfo`) and the kernel's operational states.
 */
import { formatMac } from '../../wire/addresses.ts';
import type { Device } from '../device/device.ts';
import type { Namespace } from '../namespace.ts';
import { linkDetailText } from './link-detail.ts';

/** What is printed beside the two lines of a device. */
export interface LinkOptions {
  /** `-d` */
  readonly hasDetails?: boolean;
  /** `-s` */
  readonly hasStatistics?: boolean;
  /** Only the device of this name. */
  readonly device?: string;
  /** Names of namespaces that `ip netns` knows, for `link-netns`. */
  readonly namespaceNames?: ReadonlyMap<Namespace, string>;
}

/** `ip link show`, ending with a newline unless it is empty. */
export function linkText(namespace: Namespace, options: LinkOptions = {}): string {
  let text = '';
  for (const device of namespace.devices.list()) {
    if (options.device !== undefined && device.name !== options.device) continue;
    text += linkHead(namespace, device, options, 'mode DEFAULT ');
    if (options.hasStatistics === true) text += statisticsText(device);
  }
  return text;
}

/** The first two lines of a device, which `ip addr` prints too (without `mode`). */
export function linkHead(
  namespace: Namespace,
  device: Device,
  options: LinkOptions,
  mode: string,
): string {
  const qdisc = device.isUp ? queueDisciplineOf(device) : 'noop';
  const master = device.master === undefined ? '' : `master ${device.master.name} `;
  const queue = device.queueLength === 0 ? '' : `qlen ${device.queueLength}`;
  const flags = linkFlags(namespace, device).join(',');
  let text = `${device.index}: ${linkName(namespace, device)}: <${flags}> mtu ${device.mtu}`;
  text += ` qdisc ${qdisc} ${master}state ${operationalStateOf(device)} ${mode}`;
  text += `group default ${queue}\n`;
  const isLoopback = device.kind === 'loopback';
  const broadcast = isLoopback ? '00:00:00:00:00:00' : 'ff:ff:ff:ff:ff:ff';
  text += `    link/${isLoopback ? 'loopback' : 'ether'} ${formatMac(device.mac)} brd ${broadcast}`;
  text += linkNamespaceText(namespace, device, options);
  if (options.hasDetails === true) text += linkDetailText(device);
  return `${text}\n`;
}

/** `eth0@if5` for a link into another namespace, `v0@v1` within one. */
function linkName(namespace: Namespace, device: Device): string {
  const where = device.linkNamespace;
  if (where === undefined) return device.name;
  if (where !== namespace) return `${device.name}@if${(device.linked ?? device).index}`;
  return device.linked === undefined ? device.name : `${device.name}@${device.linked.name}`;
}

/** The kernel's `operstate`, as `ip` spells it. */
function operationalStateOf(device: Device): string {
  if (!device.isUp) return 'DOWN';
  switch (device.kind) {
    case 'loopback':
    case 'dummy':
    case 'vxlan':
      return 'UNKNOWN';
    default:
      if (device.hasCarrier) return 'UP';
      return device.linked === undefined ? 'DOWN' : 'LOWERLAYERDOWN';
  }
}

/** The flags between angle brackets. */
function linkFlags(namespace: Namespace, device: Device): string[] {
  const flags: string[] = [];
  const { isUp, hasCarrier, kind, linked } = device;
  if (isUp && !hasCarrier) flags.push('NO-CARRIER');
  if (kind === 'loopback') flags.push('LOOPBACK');
  else flags.push('BROADCAST');
  if (kind !== 'loopback' && kind !== 'dummy') flags.push('MULTICAST');
  if (kind === 'dummy' || (kind === 'ipvlan' && !device.usesNeighbours)) flags.push('NOARP');
  if (device.isPromiscuous) flags.push('PROMISC');
  if (isUp) flags.push('UP');
  if (isUp && hasCarrier) flags.push('LOWER_UP');
  if (linked !== undefined && linked.namespace === namespace && !linked.isUp) {
    flags.push('M-DOWN');
  }
  return flags;
}

function queueDisciplineOf(device: Device): string {
  return device.kind === 'ethernet' ? 'fq_codel' : 'noqueue';
}

function linkNamespaceText(namespace: Namespace, device: Device, options: LinkOptions): string {
  const where = device.linkNamespace;
  if (where === undefined || where === namespace) return '';
  const name = options.namespaceNames?.get(where);
  if (name !== undefined) return ` link-netns ${name}`;
  return ` link-netnsid ${namespace.devices.namespaceIdOf(where)}`;
}

function statisticsText(device: Device): string {
  const { statistics: s } = device;
  const cells = (numbers: readonly number[]): string =>
    numbers.map((number, i) => String(number).padStart(STATISTICS_WIDTHS[i]!)).join(' ');
  const rx = cells([s.rxBytes, s.rxPackets, s.rxErrors, s.rxDropped, 0, s.rxMulticast]);
  const tx = cells([
    s.txBytes,
    s.txPackets,
    s.txErrors,
    s.txDropped,
    s.txCarrierErrors,
    s.collisions,
  ]);
  return (
    `    RX:  bytes packets errors dropped  missed   mcast           \n    ${rx} \n` +
    `    TX:  bytes packets errors dropped carrier collsns           \n    ${tx} \n`
  );
}

const STATISTICS_WIDTHS = [10, 7, 6, 7, 7, 7];
