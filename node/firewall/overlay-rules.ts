/**
 * The rules of an encrypted overlay on the host: VXLAN packets of its VNI are marked on their way
 * out, so that IPsec takes them, and dropped on their way in when they did not come out of IPsec
 * (`drivers/overlay/encryption.go`, `programMangle` and `programInput`).
 *
 * Docker takes the rules of a plain overlay out as well, in case an earlier one with its VNI was
 * encrypted; that is why the mangle table of every swarm node is loaded.
 */
import type { RuleWriter } from './writer.ts';

/** Mark of VXLAN packets that IPsec has to take. */
const ENCRYPTION_MARK = '0xd0c4e3';

/** Writes the rules of an encrypted overlay, as Docker up to 22 does. */
export function writeOverlayEncryption(writer: RuleWriter, vni: number): void {
  const vxlan = matchVni(vni);
  writer.append('mangle', 'OUTPUT', `-p udp ${vxlan} -j MARK --set-mark ${ENCRYPTION_MARK}`);
  writer.insert('filter', 'INPUT', `-p udp -m policy --dir in --pol ipsec ${vxlan} -j ACCEPT`);
  writer.insert('filter', 'INPUT', `-p udp -m policy --dir in --pol none ${vxlan} -j DROP`);
}

/** Makes sure that none of the rules of an encrypted overlay with this VNI are there. */
export function forgetOverlayEncryption(writer: RuleWriter, vni: number): void {
  const vxlan = matchVni(vni);
  writer.remove('mangle', 'OUTPUT', `-p udp ${vxlan} -j MARK --set-mark ${ENCRYPTION_MARK}`);
  writer.remove('filter', 'INPUT', `-p udp -m policy --dir in --pol ipsec ${vxlan} -j ACCEPT`);
  writer.remove('filter', 'INPUT', `-p udp -m policy --dir in --pol none ${vxlan} -j DROP`);
}

/** The u32 expression finds the VNI behind an IPv4 header of any length. */
function matchVni(vni: number): string {
  const value = (vni << 8) >>> 0;
  const expression = `0>>22&0x3C@12&0xFFFFFF00=${value}`;
  return `-m udp --dport 4789 -m u32 --u32 ${expression}`;
}
