/**
 * `ip link add … type vxlan`: the words of iproute2 6.1 and what the kernel refuses.
 * Mirrors iproute2 ip/iplink_vxlan.c (`vxlan_parse_opt`) and `vxlan_config_validate`
 * (drivers/net/vxlan/vxlan_core.c).
 */
import type { Device } from '../../../net/device/device.ts';
import type { Namespace } from '../../../net/namespace.ts';
import type { PortRange } from '../../../net/socket/ports.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import { VXLAN_OVERHEAD_BYTES, VXLAN6_OVERHEAD_BYTES } from '../../../vxlan/outer-headers.ts';
import { VxlanDevice, type VxlanOptions } from '../../../vxlan/vxlan-device.ts';
import { isMulticastAddress, type Mac } from '../../../wire/addresses.ts';
import { formatIp, type IpAddress, isIpv6Address } from '../../../wire/ip-address.ts';
import { isIpv6Multicast } from '../../../wire/ipv6/scope.ts';
import { IpFailure, type Words, wrong } from './words.ts';

/** The kernel's own choice where `dstport` is left out, which is not IANA's 4789. */
const DEFAULT_VXLAN_PORT = 8472;

const PORT_ADVICE =
  'vxlan: destination port not specified\n' +
  'Will use Linux kernel default (non-standard value)\n' +
  "Use 'dstport 4789' to get the IANA assigned value\n" +
  "Use 'dstport 0' to get default and quiet this message\n";

const USAGE = `Usage: ... vxlan id VNI
		[ { group | remote } IP_ADDRESS ]
		[ local ADDR ]
		[ ttl TTL ]
		[ tos TOS ]
		[ df DF ]
		[ flowlabel LABEL ]
		[ dev PHYS_DEV ]
		[ dstport PORT ]
		[ srcport MIN MAX ]
		[ [no]learning ]
		[ [no]proxy ]
		[ [no]rsc ]
		[ [no]l2miss ]
		[ [no]l3miss ]
		[ ageing SECONDS ]
		[ maxaddress NUMBER ]
		[ [no]udpcsum ]
		[ [no]udp6zerocsumtx ]
		[ [no]udp6zerocsumrx ]
		[ [no]remcsumtx ] [ [no]remcsumrx ]
		[ [no]external ] [ gbp ] [ gpe ]
		[ [no]vnifilter ]

Where:	VNI	:= 0-16777215
	ADDR	:= { IP_ADDRESS | any }
	TOS	:= { NUMBER | inherit }
	TTL	:= { 1..255 | auto | inherit }
	DF	:= { unset | set | inherit }
	LABEL := 0-1048575`;

/** What has been read so far. */
interface Draft {
  vni?: number;
  port?: number;
  remote?: IpAddress;
  local?: IpAddress;
  lower?: Device;
  sourcePorts?: PortRange;
  ttl?: number | 'inherit';
  tos?: number | 'inherit';
  df?: 'unset' | 'set' | 'inherit';
  flowLabel?: number;
  ageNs?: number;
  maxAddresses?: number;
  flags: Map<Flag, boolean>;
}

/** What is said with a word, and denied with `no` before it. */
const FLAGS = [
  'learning',
  'proxy',
  'l2miss',
  'l3miss',
  'udpcsum',
  'udp6zerocsumtx',
  'udp6zerocsumrx',
] as const;
type Flag = (typeof FLAGS)[number];

/** Makes the device; `isVersion6` as `ip -6` says. What the command prints on stderr is `advice`. */
export function newVxlan(
  name: string,
  mac: Mac,
  namespace: Namespace,
  words: Words,
  isVersion6: boolean,
): { device: VxlanDevice; advice: string } {
  const draft: Draft = { flags: new Map() };
  while (words.first !== undefined) readOption(draft, namespace, words);
  const { vni, remote, local, lower, flags, flowLabel } = draft;
  if (vni === undefined) throw new IpFailure(1, 'vxlan: missing virtual network identifier');
  const ends = [remote, local].filter((address) => address !== undefined);
  const isOver6 = ends.length === 0 ? isVersion6 : isIpv6Address(ends[0]!);
  if (ends.some((address) => isIpv6Address(address) !== isOver6)) throw wrongFamily(ends);
  if (flowLabel !== undefined && !isOver6) {
    throw new IpFailure(2, 'Error: Label attribute only applies to IPv6 VXLAN devices.');
  }
  if (draft.sourcePorts !== undefined && draft.sourcePorts.last < draft.sourcePorts.first) {
    throw new IpFailure(2, 'Error: Invalid source port range.');
  }
  const overhead = isOver6 ? VXLAN6_OVERHEAD_BYTES : VXLAN_OVERHEAD_BYTES;
  const device = new VxlanDevice({
    ...chosen(draft),
    name,
    mac,
    vni,
    mtuBytes: lower === undefined ? 1500 : lower.mtu - overhead,
    underlay: namespace,
    port: draft.port || DEFAULT_VXLAN_PORT,
    family: isOver6 ? 'ipv6' : 'ipv4',
    isLearning: flags.get('learning') ?? true,
    isProxy: flags.get('proxy') ?? false,
    tellsL2Misses: flags.get('l2miss') ?? false,
    tellsL3Misses: flags.get('l3miss') ?? false,
    hasChecksum: flags.get('udpcsum') ?? true,
    zeroChecksum6Tx: flags.get('udp6zerocsumtx') ?? false,
    zeroChecksum6Rx: flags.get('udp6zerocsumrx') ?? false,
  });
  if (device.register() !== undefined) {
    throw new IpFailure(2, 'Error: A VXLAN device with the specified VNI already exists.');
  }
  return { device, advice: draft.port === undefined ? PORT_ADVICE : '' };
}

/** The options that are handed on as they are, those that were given. */
function chosen(draft: Draft): Partial<VxlanOptions> {
  const { remote, local, sourcePorts, ttl, tos, df, flowLabel, ageNs, maxAddresses } = draft;
  const all = { remote, local, sourcePorts, ttl, tos, df, flowLabel, ageNs, maxAddresses };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function readOption(draft: Draft, namespace: Namespace, words: Words): void {
  if (words.maybe('id', 'vni')) draft.vni = words.number('invalid id', 0, 0xff_ffff);
  else if (words.maybe('remote')) draft.remote = remoteOf(words);
  else if (words.maybe('group')) refuseGroup(words);
  else if (words.maybe('local')) draft.local = words.address();
  else if (words.maybe('dev')) draft.lower = words.device(namespace);
  else if (words.maybe('dstport')) draft.port = words.number('dst port', 0, 65_535);
  else if (words.maybe('srcport', 'port')) {
    const first = words.number('min port', 0, 65_535);
    draft.sourcePorts = { first, last: words.number('max port', 0, 65_535) };
  } else if (words.maybe('ttl', 'hoplimit')) draft.ttl = ttlOf(words);
  else if (words.maybe('tos', 'dsfield')) {
    draft.tos = words.maybe('inherit') ? 'inherit' : words.number('bad TOS value', 0, 255);
  } else if (words.maybe('df')) draft.df = dfOf(words);
  else if (words.maybe('flowlabel', 'label')) {
    draft.flowLabel = words.number('invalid flowlabel', 0, 0xf_ffff);
  } else if (words.maybe('ageing')) draft.ageNs = ageOf(words);
  else if (words.maybe('maxaddress')) draft.maxAddresses = words.number('max addresses');
  else readFlag(draft, words);
}

function readFlag(draft: Draft, words: Words): void {
  for (const flag of FLAGS) {
    if (words.maybe(flag)) {
      draft.flags.set(flag, true);
      return;
    }
    if (words.maybe(`no${flag}`)) {
      draft.flags.set(flag, false);
      return;
    }
  }
  throw new IpFailure(1, `vxlan: unknown command "${words.value()}"?\n${USAGE}`);
}

function remoteOf(words: Words): IpAddress {
  const text = words.first ?? '';
  const address = words.address();
  const isGroup = isIpv6Address(address) ? isIpv6Multicast(address) : isMulticastAddress(address);
  if (isGroup) throw wrong(`Error: argument "${text}" is wrong: invalid remote address`);
  return address;
}

/** Groups would need a device and multicast routing between hosts. */
function refuseGroup(words: Words): never {
  const text = words.first ?? '';
  const address = words.address();
  const isGroup = isIpv6Address(address) ? isIpv6Multicast(address) : isMulticastAddress(address);
  if (!isGroup) throw wrong(`Error: argument "${text}" is wrong: invalid group address`);
  if (!words.rest().includes('dev')) {
    throw new IpFailure(1, "vxlan: 'group' requires 'dev' to be specified");
  }
  throw wrong('ip link add type vxlan group is not simulated');
}

function ttlOf(words: Words): number | 'inherit' {
  if (words.maybe('inherit')) return 'inherit';
  return words.maybe('auto') ? 0 : words.number('TTL must be <= 255', 0, 255);
}

function dfOf(words: Words): 'unset' | 'set' | 'inherit' {
  const text = words.value();
  if (text === 'unset' || text === 'set' || text === 'inherit') return text;
  throw wrong(`Error: argument "${text}" is wrong: DF must be 'unset', 'set' or 'inherit'`);
}

/** The kernel takes 0 and `none` for its default. */
function ageOf(words: Words): number {
  const seconds = words.maybe('none') ? 0 : words.number('ageing timer');
  return (seconds || 300) * SECOND_NS;
}

/** The second address of the two families is wrong, whichever came first. */
function wrongFamily([first, second]: readonly IpAddress[]): IpFailure {
  const family = isIpv6Address(first!) ? 'inet6' : 'inet';
  return new IpFailure(
    1,
    `Error: ${family} address is expected rather than "${formatIp(second!)}".`,
  );
}
