/**
 * The options of a bridge network (`com.docker.network.bridge.…` and its kin) as the bridge driver
 * reads them (`networkConfiguration.fromLabels`).
 */
import { invalid, Refusal } from '../daemon/refusal.ts';
import type { EngineVersion } from '../engine-version.ts';
import { type GatewayMode, gatewayModesOf } from '../firewall/gateway-mode.ts';
import { type Announcements, announcementsOf, DEFAULT_ANNOUNCEMENTS } from './announcements.ts';

/** What the options ask for; a field that nobody set is the driver's default. */
export interface BridgeWishes {
  readonly device?: string;
  readonly hasIcc: boolean;
  readonly hasMasquerade: boolean;
  readonly mtuBytes?: number;
  readonly sourceAddress?: string;
  /** Where its ports are published for which nobody says where; empty for everywhere. */
  readonly publishAddress?: string;
  readonly gatewayMode: GatewayMode;
  readonly gatewayMode6: GatewayMode;
  /** `com.docker.network.host_ipv6` */
  readonly sourceAddress6?: string;
  readonly trustedInterfaces: readonly string[];
  readonly announcements: Announcements;
  /** The bridge gets no IPv4 address, though containers go by it. */
  readonly inhibitsAddress: boolean;
}

/** A bridge for which nobody wishes anything. */
export const PLAIN_BRIDGE: BridgeWishes = {
  hasIcc: true,
  hasMasquerade: true,
  gatewayMode: 'nat',
  gatewayMode6: 'nat',
  trustedInterfaces: [],
  announcements: DEFAULT_ANNOUNCEMENTS,
  inhibitsAddress: false,
};

/** The first version that trusts interfaces, and the first whose endpoints tell their addresses. */
const TRUST_MAJOR = 28;
const ANNOUNCES_MAJOR = 28;

const PREFIX = 'com.docker.network.bridge.';

/** Reads the options; those of other drivers are left alone. */
export function bridgeWishesOf(
  options: ReadonlyMap<string, string>,
  { major }: EngineVersion,
): BridgeWishes | Refusal {
  const hasIcc = booleanOf(options, `${PREFIX}enable_icc`, true);
  const hasMasquerade = booleanOf(options, `${PREFIX}enable_ip_masquerade`, true);
  const inhibitsAddress = booleanOf(options, `${PREFIX}inhibit_ipv4`, false);
  if (inhibitsAddress instanceof Refusal) return inhibitsAddress;
  const announcements = major >= ANNOUNCES_MAJOR ? announcementsOf(options) : DEFAULT_ANNOUNCEMENTS;
  if (announcements instanceof Refusal) return announcements;
  const gatewayMode = gatewayModeOf(options, major, 'ipv4');
  if (gatewayMode instanceof Refusal) return gatewayMode;
  const gatewayMode6 = gatewayModeOf(options, major, 'ipv6');
  if (gatewayMode6 instanceof Refusal) return gatewayMode6;
  if (hasIcc instanceof Refusal) return hasIcc;
  if (hasMasquerade instanceof Refusal) return hasMasquerade;
  const device = options.get(`${PREFIX}name`);
  const mtuText = options.get('com.docker.network.driver.mtu');
  const mtuBytes = mtuText === undefined ? undefined : Number(mtuText);
  if (mtuBytes !== undefined && !Number.isInteger(mtuBytes)) {
    return parseRefusal('com.docker.network.driver.mtu', mtuText!);
  }
  const sourceAddress = options.get('com.docker.network.host_ipv4');
  const sourceAddress6 = options.get('com.docker.network.host_ipv6');
  const publishAddress = options.get(`${PREFIX}host_binding_ipv4`);
  return {
    hasIcc,
    hasMasquerade,
    gatewayMode,
    gatewayMode6,
    trustedInterfaces: trustedOf(options, major),
    announcements,
    inhibitsAddress,
    ...(device === undefined ? {} : { device }),
    ...(mtuBytes === undefined ? {} : { mtuBytes }),
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
    ...(sourceAddress6 === undefined ? {} : { sourceAddress6 }),
    ...(publishAddress === undefined || publishAddress === '0.0.0.0' ? {} : { publishAddress }),
  };
}

const TRUE = ['1', 't', 'T', 'true', 'TRUE', 'True'];
const FALSE = ['0', 'f', 'F', 'false', 'FALSE', 'False'];

function gatewayModeOf(
  options: ReadonlyMap<string, string>,
  major: number,
  family: 'ipv4' | 'ipv6',
): GatewayMode | Refusal {
  const name = `${PREFIX}gateway_mode_${family}`;
  const text = options.get(name);
  const modes = gatewayModesOf(major);
  if (text === undefined || modes.length === 0) return 'nat';
  const mode = modes.find((known) => known === text);
  if (mode !== undefined) return mode;
  return invalid(`failed to parse ${name} value: ${text} (unknown gateway mode ${text})`);
}

function trustedOf(options: ReadonlyMap<string, string>, major: number): string[] {
  if (major < TRUST_MAJOR) return [];
  const text = options.get(`${PREFIX}trusted_host_interfaces`) ?? '';
  return text.split(':').filter((name) => name !== '');
}

/** As Go's `strconv.ParseBool`. */
function booleanOf(
  options: ReadonlyMap<string, string>,
  name: string,
  byDefault: boolean,
): boolean | Refusal {
  const text = options.get(name);
  if (text === undefined) return byDefault;
  if (TRUE.includes(text)) return true;
  return FALSE.includes(text) ? false : parseRefusal(name, text);
}

function parseRefusal(name: string, text: string): Refusal {
  const why = `strconv.${name.endsWith('mtu') ? 'Atoi' : 'ParseBool'}: parsing "${text}"`;
  return invalid(`failed to parse ${name} value: ${text} (${why}: invalid syntax)`);
}
