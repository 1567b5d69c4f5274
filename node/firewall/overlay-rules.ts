/**
 * The rules of an encrypted overlay on the host: VXLAN packets of its VNI are marked on their way
 * out, so that IPsec takes them, and dropped on their way in when they did not come out of IPsec
 * (`drivers/overlay/encryption.go`, `programMangle` and `programInput`). Up to 22 a second rule accepts
 * what did come out of it.
 *
 * Docker takes the rules of a plain overlay out as well, in case an earlier one with its VNI was
 * encrypted; that is why the mangle table of every swarm node is loaded.
 */
import { ENCRYPTION_MARK } from '../../vxlan/encryption.ts';
import type { EngineVersion } from '../engine-version.ts';
import type { RuleWriter, TableName } from './writer.ts';

/** One rule and where it goes. */
interface OverlayRule {
  readonly table: TableName;
  readonly chain: string;
  readonly text: string;
}

/** What tells an overlay's packets on the host. */
export interface OverlayPath {
  readonly vni: number;
  /** UDP port of VXLAN. */
  readonly port: number;
}

/** Writes the rules of an encrypted overlay. */
export function writeOverlayEncryption(
  writer: RuleWriter,
  engine: EngineVersion,
  path: OverlayPath,
): void {
  const [mark, ...input] = rulesOf(engine, path);
  writer.append(mark.table, mark.chain, mark.text);
  for (const rule of input) writer.insert(rule.table, rule.chain, rule.text);
}

/** Makes sure that none of the rules of an encrypted overlay with this VNI are there. */
export function forgetOverlayEncryption(
  writer: RuleWriter,
  engine: EngineVersion,
  path: OverlayPath,
): void {
  for (const rule of rulesOf(engine, path)) writer.remove(rule.table, rule.chain, rule.text);
}

/** The mark, then what is inserted into INPUT, the last one on top. */
function rulesOf(
  engine: EngineVersion,
  { vni, port }: OverlayPath,
): [OverlayRule, ...OverlayRule[]] {
  const vxlan = `-m udp --dport ${port} ${matchVni(engine, vni)}`;
  const input = (policy: 'ipsec' | 'none', target: string): OverlayRule => {
    const text = `-p udp -m policy --dir in --pol ${policy} ${vxlan} -j ${target}`;
    return { table: 'filter', chain: 'INPUT', text };
  };
  const mark = `-p udp ${vxlan} -j MARK --set-mark ${ENCRYPTION_MARK}`;
  return [
    { table: 'mangle', chain: 'OUTPUT', text: mark },
    ...(engine.acceptsDecrypted ? [input('ipsec', 'ACCEPT')] : []),
    input('none', 'DROP'),
  ];
}

/** Both expressions find the VNI behind an IPv4 header of any length. */
function matchVni(engine: EngineVersion, vni: number): string {
  if (!engine.matchesVniByBpf) {
    return `-m u32 --u32 0>>22&0x3C@12&0xFFFFFF00=${(vni << 8) >>> 0}`;
  }
  const program = [
    '32 0 0 4294963252', // the offset of the UDP header
    '7 0 0 0',
    '64 0 0 4', // four bytes, of which the last is reserved
    '116 0 0 8',
    `21 1 0 ${vni}`,
    '6 0 0 0',
    '6 0 0 4294967295',
  ];
  return `-m bpf --bytecode "${program.length},${program.join(',')}"`;
}
