/**
 * The `TCPMSS` target: lowers the MSS that a SYN offers.
 * Mirrors `extensions/libxt_TCPMSS.c` and `net/netfilter/xt_TCPMSS.c`.
 */
import { readU16, writeU16 } from '../../../../wire/bytes.ts';
import { adjustChecksum16 } from '../../../../wire/checksum.ts';
import { IPV4_HEADER_BYTES, IpProtocol } from '../../../../wire/ipv4.ts';
import { IPV6_HEADER_BYTES } from '../../../../wire/ipv6/header.ts';
import { TCP_HEADER_BYTES, TcpFlag } from '../../../../wire/tcp.ts';
import { Outcome, type RuleHead, type Target, type TargetKind } from '../../extension.ts';
import { offsetOfMss } from '../../header/tcp-options.ts';
import { Hook } from '../../hook.ts';
import type { Inspection } from '../../inspection.ts';
import { outOfRange } from '../../options.ts';
import { parseUnsigned32 } from '../../protocols.ts';

const MSS_MAX = 65_535;

class TcpmssTarget implements Target {
  readonly #headerBytes: number;
  #mss: number | undefined = undefined;
  #clamps = false;

  /** `headerBytes`: the length of the IP header below the segment. */
  constructor(headerBytes: number) {
    this.#headerBytes = headerBytes;
  }

  option(name: string, value: string): string | undefined {
    // of the two options the later one counts
    this.#clamps = name === '--clamp-mss-to-pmtu';
    if (this.#clamps) return undefined;
    const mss = parseUnsigned32(value);
    if (mss === undefined || mss > MSS_MAX - this.#headerBytes) {
      return outOfRange('TCPMSS', name, 0, MSS_MAX - this.#headerBytes);
    }
    this.#mss = mss;
    return undefined;
  }

  finish(): string | undefined {
    if (this.#clamps || this.#mss !== undefined) return undefined;
    return 'TCPMSS target: At least one parameter is required';
  }

  isAllowed(head: RuleHead): boolean {
    const isTcp = head.protocol === IpProtocol.tcp && !head.isProtocolNegated;
    return isTcp && head.matches.some(({ match }) => match.demandsSyn === true);
  }

  allowedHooks(): readonly Hook[] | undefined {
    return this.#clamps ? [Hook.forward, Hook.output, Hook.postrouting] : undefined;
  }

  hookRefusal(): string {
    const hooks = 'FORWARD, OUTPUT and POSTROUTING hooks';
    return `xt_TCPMSS: path-MTU clamping only supported in ${hooks}`;
  }

  run(inspection: Inspection): Outcome {
    const { bytes, transportAt, end, outDevice } = inspection;
    if (!inspection.hasTransport(20)) return Outcome.next;
    if ((bytes[transportAt + 13]! & TcpFlag.syn) === 0) return Outcome.next;
    let wanted = this.#mss ?? 0;
    if (this.#clamps) {
      if (outDevice === undefined) return Outcome.next;
      wanted = outDevice.mtu - this.#headerBytes - TCP_HEADER_BYTES;
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
  options: ['--set-mss=', '--clamp-mss-to-pmtu'],
  create: ({ family }) =>
    new TcpmssTarget(family === 'ipv4' ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES),
};
