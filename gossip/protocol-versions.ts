/**
 * The six version bytes that a node tells of itself (`Vsn`), and whether nodes that meet understand
 * each other (memberlist `memberlist.go` `verifyProtocol`).
 */
import { DOCKER_VSN, NodeState } from '../wire/memberlist/message.ts';
import type { SwimConfig } from './constants.ts';

/** A node as far as its versions matter. */
export interface VersionedNode {
  readonly name: string;
  /** One of {@link NodeState}. */
  readonly state: number;
  /** Fewer than six bytes count as zeros. */
  readonly vsn: Uint8Array;
}

/** What a node tells that tells no versions, once others tell of it. */
export const NO_VERSIONS: Uint8Array = new Uint8Array(6);

const interned = new Map<string, Uint8Array>([[DOCKER_VSN.join(), DOCKER_VSN]]);

/** The version bytes of a member with this configuration; one array for all that are equal. */
export function vsnOf(config: SwimConfig): Uint8Array {
  const bytes = [
    config.protocolVersionMin,
    config.protocolVersionMax,
    config.protocolVersion,
    config.delegateProtocolMin,
    config.delegateProtocolMax,
    config.delegateProtocolVersion,
  ];
  const key = bytes.join();
  let vsn = interned.get(key);
  if (vsn === undefined) interned.set(key, (vsn = Uint8Array.from(bytes)));
  return vsn;
}

/** True for versions that no alive message may claim; two bytes or fewer claim nothing. */
export function isBadVsn(vsn: Uint8Array | undefined): boolean {
  if (vsn === undefined || vsn.length < 3) return false;
  return vsn[0] === 0 || vsn[1] === 0 || vsn[0]! > vsn[1]!;
}

/** Upstream's text about a node that the others do not understand, `undefined` if there is none. */
export function verifyProtocol(
  remote: readonly VersionedNode[],
  local: readonly VersionedNode[],
): string | undefined {
  let protocolMin = 0;
  let protocolMax = 255;
  let delegateMin = 0;
  let delegateMax = 255;
  const all = [...remote, ...local];
  for (const { state, vsn } of all) {
    if (state !== NodeState.alive || vsn.length < 6) continue;
    protocolMin = Math.max(protocolMin, vsn[0]!);
    protocolMax = Math.min(protocolMax, vsn[1]!);
    delegateMin = Math.max(delegateMin, vsn[3]!);
    delegateMax = Math.min(delegateMax, vsn[4]!);
  }
  for (const { name, vsn } of all) {
    const [protocol, delegate] = vsn.length < 6 ? [0, 0] : [vsn[2]!, vsn[5]!];
    if (protocol < protocolMin || protocol > protocolMax) {
      const range = `[${protocolMin}, ${protocolMax}]`;
      return `Node '${name}' protocol version (${protocol}) is incompatible: ${range}`;
    }
    if (delegate < delegateMin || delegate > delegateMax) {
      const range = `[${delegateMin}, ${delegateMax}]`;
      return `Node '${name}' delegate protocol version (${delegate}) is incompatible: ${range}`;
    }
  }
  return undefined;
}
