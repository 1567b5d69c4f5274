/**
 * The `TCPOPTSTRIP` target: overwrites options of a TCP header with no-operations.
 * Mirrors `extensions/libxt_TCPOPTSTRIP.c` and `net/netfilter/xt_TCPOPTSTRIP.c`.
 */
import { readU16, writeU16 } from '../../../../wire/bytes.ts';
import { adjustChecksum16 } from '../../../../wire/checksum.ts';
import { IpProtocol } from '../../../../wire/ipv4.ts';
import { Outcome, type RuleHead, type Target, type TargetKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { mustBeSpecified } from '../../options.ts';
import { parseUnsigned32 } from '../../protocols.ts';

const NO_OPERATION = 1;
const NAMES: Readonly<Record<string, number>> = {
  mss: 2,
  wscale: 3,
  'sack-permitted': 4,
  sack: 5,
  timestamp: 8,
  md5: 19,
};

class TcpoptstripTarget implements Target {
  readonly #kinds = new Set<number>();

  option(_name: string, text: string): string | undefined {
    for (const word of text.split(',')) {
      const kind = NAMES[word] ?? parseUnsigned32(word);
      if (kind === undefined || kind > 255) return `Bad TCP option value "${word}"`;
      if (kind < 2) return 'Option value may not be 0 or 1';
      this.#kinds.add(kind);
    }
    return undefined;
  }

  finish(): string | undefined {
    return this.#kinds.size === 0 ? mustBeSpecified('TCPOPTSTRIP', '--strip-options') : undefined;
  }

  isAllowed({ protocol, isProtocolNegated }: RuleHead): boolean {
    return protocol === IpProtocol.tcp && !isProtocolNegated;
  }

  run(inspection: Inspection): Outcome {
    const { bytes, transportAt, end } = inspection;
    if (!inspection.hasTransport(20)) return Outcome.next;
    const stop = Math.min(end, transportAt + (bytes[transportAt + 12]! >> 4) * 4);
    for (let at = transportAt + 20; at < stop; ) {
      const kind = bytes[at]!;
      if (kind === 0) break;
      const lengthBytes = kind === NO_OPERATION ? 1 : Math.max(bytes[at + 1] ?? 1, 1);
      if (this.#kinds.has(kind)) blank(bytes, transportAt, at, Math.min(at + lengthBytes, stop));
      at += lengthBytes;
    }
    return Outcome.next;
  }

  save(): string {
    return ` --strip-options ${this.#numbers()}`;
  }

  list(isNumeric: boolean): string {
    return ` TCPOPTSTRIP options ${this.#numbers(isNumeric ? String : nameOf)}`;
  }

  #numbers(word: (kind: number) => string = String): string {
    const kinds = [...this.#kinds].sort((a, b) => a - b);
    return kinds.map((kind) => word(kind)).join(',');
  }
}

function nameOf(kind: number): string {
  return Object.keys(NAMES).find((name) => NAMES[name] === kind) ?? String(kind);
}

/** Makes the bytes of [from, to) no-operations, and the checksum right again. */
function blank(bytes: Uint8Array, transportAt: number, from: number, to: number): void {
  const checksumAt = transportAt + 16;
  for (let at = from; at < to; at++) {
    const word = at - ((at - transportAt) & 1);
    const before = readU16(bytes, word);
    bytes[at] = NO_OPERATION;
    const checksum = readU16(bytes, checksumAt);
    writeU16(bytes, checksumAt, adjustChecksum16(checksum, before, readU16(bytes, word)));
  }
}

/** `-j TCPOPTSTRIP`. */
export const tcpoptstripTarget: TargetKind = {
  name: 'TCPOPTSTRIP',
  options: ['--strip-options='],
  tables: ['mangle'],
  create: () => new TcpoptstripTarget(),
};
