/**
 * The options of a bridge network (`com.docker.network.bridge.…` and its kin) as the bridge driver
 * reads them (`networkConfiguration.fromLabels`).
 */
import { invalid, Refusal } from '../daemon/refusal.ts';

/** What the options ask for; a field that nobody set is the driver's default. */
export interface BridgeWishes {
  readonly device?: string;
  readonly hasIcc: boolean;
  readonly hasMasquerade: boolean;
  readonly mtuBytes?: number;
  readonly sourceAddress?: string;
  /** Where its ports are published for which nobody says where; empty for everywhere. */
  readonly publishAddress?: string;
}

const PREFIX = 'com.docker.network.bridge.';

/** Reads the options; those of other drivers are left alone. */
export function bridgeWishesOf(options: ReadonlyMap<string, string>): BridgeWishes | Refusal {
  const hasIcc = booleanOf(options, `${PREFIX}enable_icc`);
  const hasMasquerade = booleanOf(options, `${PREFIX}enable_ip_masquerade`);
  if (hasIcc instanceof Refusal) return hasIcc;
  if (hasMasquerade instanceof Refusal) return hasMasquerade;
  const device = options.get(`${PREFIX}name`);
  const mtuText = options.get('com.docker.network.driver.mtu');
  const mtuBytes = mtuText === undefined ? undefined : Number(mtuText);
  if (mtuBytes !== undefined && !Number.isInteger(mtuBytes)) {
    return parseRefusal('com.docker.network.driver.mtu', mtuText!);
  }
  const sourceAddress = options.get('com.docker.network.host_ipv4');
  const publishAddress = options.get(`${PREFIX}host_binding_ipv4`);
  return {
    hasIcc,
    hasMasquerade,
    ...(device === undefined ? {} : { device }),
    ...(mtuBytes === undefined ? {} : { mtuBytes }),
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
    ...(publishAddress === undefined || publishAddress === '0.0.0.0' ? {} : { publishAddress }),
  };
}

const TRUE = ['1', 't', 'T', 'true', 'TRUE', 'True'];
const FALSE = ['0', 'f', 'F', 'false', 'FALSE', 'False'];

/** As Go's `strconv.ParseBool`; true when nobody says. */
function booleanOf(options: ReadonlyMap<string, string>, name: string): boolean | Refusal {
  const text = options.get(name);
  if (text === undefined || TRUE.includes(text)) return true;
  return FALSE.includes(text) ? false : parseRefusal(name, text);
}

function parseRefusal(name: string, text: string): Refusal {
  const why = `strconv.${name.endsWith('mtu') ? 'Atoi' : 'ParseBool'}: parsing "${text}"`;
  return invalid(`failed to parse ${name} value: ${text} (${why}: invalid syntax)`);
}
