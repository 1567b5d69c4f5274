/**
 * The VXLAN header (RFC 7348): 8 bytes between the outer UDP header and the inner Ethernet frame.
 *
 * Linux (`vxlan_rcv` in drivers/net/vxlan/vxlan_core.c) wants the I flag and, without extensions,
 * every other flag and reserved bit to be 0; {@link hasValidFlags} is that test.
 */
import { readU24, readU32, writeU32 } from './bytes.ts';

/** Length of the VXLAN header. */
export const VXLAN_HEADER_BYTES = 8;

/** The UDP port that Docker's overlay networks use unless `--data-path-port` says otherwise. */
export const VXLAN_PORT = 4789;

/** The largest VNI: 24 bits. */
const VNI_MAX = 0xff_ffff;

/** The VXLAN network identifier. */
function vniOf(bytes: Uint8Array, at: number): number {
  return readU24(bytes, at + 4);
}

/** True when the I flag is set and nothing else is. */
function hasValidFlags(bytes: Uint8Array, at: number): boolean {
  return readU32(bytes, at) === 0x0800_0000 && bytes[at + 7] === 0;
}

/** Writes the 8 bytes of a header. */
export function writeVxlanHeader(bytes: Uint8Array, at: number, vni: number): void {
  writeU32(bytes, at, 0x0800_0000);
  writeU32(bytes, at + 4, (vni & VNI_MAX) << 8);
}

/** The VNI of the header at `at`; `undefined` when cut short or its flags are not valid. */
export function parseVxlan(bytes: Uint8Array, at: number, end: number): number | undefined {
  if (end - at < VXLAN_HEADER_BYTES || !hasValidFlags(bytes, at)) return undefined;
  return vniOf(bytes, at);
}
