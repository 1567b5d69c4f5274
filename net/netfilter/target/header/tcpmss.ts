/**
 * The `TCPMSS` target: lowers the MSS that a SYN offers.
 * Mirrors `extensions/libxt_TCPMSS.c` and `net/netfilter/xt_TCPMSS.c`.
 */
import { readU16, writeU16 } from '../../../../wire/bytes.ts';
import { adjustChecksum16 } from '../../../../wire/checksum.ts';
import { IpProtocol } from '../../../../wire/ipv4.ts';
import { TcpFlag } from '../../../../wire/tcp.ts';
import { Outcome, type RuleHead, type Target, type TargetKind } from '../../extension.ts';
import { offsetOfMss } from '../../header/tcp-options.ts';
import type { Inspection } from '../../inspection.ts';
import { badInteger } from '../../options.ts';

class TcpmssTarget implements Target {
  #mss: number | undefined = undefined;
  #clamps = false;

  option(name: string, value: string): string | undefined {
    if (name === '--clamp-mss-to-pmtu') {
      this.#clamps = true;
      return undefined;
    }
    if (!/^\d+$/.test(value) || Number(value) > 65_495) return badInteger('TCPMSS', name);
    this.#mss = Number(value);
    return undefined;
  }

  finish(): string | undefined {
    if (this.#clamps || this.#mss !== undefined) return undefined;
    return 'TCPMSS target: At least one parameter is required';
  }

  isAllowed(head: RuleHead): boolean {
    return head.protocol === IpProtocol.tcp && !head.isProtocolNegated;
  }

  run(inspection: Inspection): Outcome {
    const { bytes, transportAt, end, outDevice } = inspection;
    if (!inspection.hasTransport(20)) return Outcome.next;
    if ((bytes[transportAt + 13]! & TcpFlag.syn) === 0) return Outcome.next;
    let wanted = this.#mss;
    if (wanted === undefined) {
      if (outDevice === undefined) return Outcome.next;
      wanted = outDevice.mtu - 40;
    }
    const at = offsetOfMss(bytes, transportAt, end);
    const old = at < 0 ? 0 : readU16(bytes, at);
    if (old <= wanted) return Outcome.next;
    writeU16(bytes, at, wanted);
    const checksum = readU16(bytes, transportAt + 16);
    writeU16(bytes, transportAt + 16, adjustMss(checksum, at - transportAt, old, wanted));
    return Outcome.next;
  }

  save(): string {
    return this.#clamps ? ' --clamp-mss-to-pmtu' : ` --set-mss ${this.#mss}`;
  }

  list(): string {
    return this.#clamps ? ' TCPMSS clamp to PMTU' : ` TCPMSS set ${this.#mss}`;
  }
}

/** The checksum after the MSS changed; behind an odd option it lies across two words. */
function adjustMss(checksum: number, offset: number, old: number, wanted: number): number {
  if ((offset & 1) === 0) return adjustChecksum16(checksum, old, wanted);
  const swap = (word: number) => ((word & 255) << 8) | (word >> 8);
  return adjustChecksum16(checksum, swap(old), swap(wanted));
}

/** `-j TCPMSS`. */
export const tcpmssTarget: TargetKind = {
  name: 'TCPMSS',
  family: 'ipv4',
  options: ['--set-mss=', '--clamp-mss-to-pmtu'],
  tables: ['mangle', 'filter', 'raw'],
  create: () => new TcpmssTarget(),
};
