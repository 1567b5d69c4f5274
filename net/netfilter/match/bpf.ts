/**
 * The `bpf` match: a classic BPF program over the packet from its IP header on.
 *
 * Docker finds the VNI in VXLAN with it from version 24 on (`vniMatchBPF` in moby's
 * `drivers/overlay/encryption.go`), where it wrote `u32` before. All instructions of classic BPF
 * but division are here, and of the extensions the offset of the payload.
 * Mirrors `extensions/libxt_bpf.c` and `net/core/filter.c`.
 */
import { readU16, readU32 } from '../../../wire/bytes.ts';
import { headerBytesOf } from '../../../wire/ip.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import type { Match, MatchKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { cannotBeInverted, onlyOnce } from '../options.ts';

/** `SKF_AD_OFF + SKF_AD_PAY_OFFSET`. */
const PAYLOAD_OFFSET = 0xffff_f000 + 52;
const INSTRUCTIONS_MAX = 64;

interface Instruction {
  readonly code: number;
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  readonly constant: number;
}

/** Parses `N,code jt jf k,…`; a string is iptables' error text. */
function parseProgram(text: string): Instruction[] | string {
  const [countText = '', ...lines] = text.split(',');
  const count = Number.parseInt(countText, 10);
  if (Number.isNaN(count)) return 'bpf: error parsing program length';
  if (count === 0) return 'bpf: illegal zero length program';
  if (count > INSTRUCTIONS_MAX) return 'bpf: number of instructions exceeds maximum';
  const program: Instruction[] = [];
  for (const line of lines.slice(0, count)) {
    const words = line.trim().split(/\s+/).map(Number);
    const [code, jumpTrue, jumpFalse, constant] = words;
    if (constant === undefined || words.some((word) => !Number.isInteger(word) || word < 0)) {
      return `bpf: error at instr ${program.length}`;
    }
    program.push({ code: code!, jumpTrue: jumpTrue!, jumpFalse: jumpFalse!, constant });
  }
  if (program.length === count) return program;
  return 'bpf: parsed program length is less than the encoded length parameter';
}

/** True when the kernel's checker would take it: known codes, jumps inside, a return at the end. */
function isValidProgram(program: readonly Instruction[]): boolean {
  const last = program.at(-1);
  if (last === undefined || (last.code & 7) !== 6) return false;
  return program.every(({ code, jumpTrue, jumpFalse, constant }, index) => {
    if (!KNOWN_CODES.has(code)) return false;
    if (code === 0x05) return index + 1 + constant < program.length;
    if ((code & 7) !== 5) return true;
    return index + 1 + Math.max(jumpTrue, jumpFalse) < program.length;
  });
}

const KNOWN_CODES: ReadonlySet<number> = new Set([
  0x00, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x60, 0x80, 0x01, 0x61, 0x81, 0xb1, 0x02, 0x03, 0x04,
  0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c, 0x84, 0xa4, 0xac,
  0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d, 0x06, 0x16, 0x07, 0x87,
]);

const memory = new Uint32Array(16);

/** Runs a checked program; what it returns, 0 when it reads beyond the packet. */
function runProgram(program: readonly Instruction[], inspection: Inspection): number {
  const { bytes, at, end } = inspection;
  let a = 0;
  let x = 0;
  for (let pc = 0; pc < program.length; pc++) {
    const { code, jumpTrue, jumpFalse, constant } = program[pc]!;
    const operand = (code & 8) !== 0 ? x : constant;
    switch (code & 7) {
      case 0: {
        const value = load(code, constant, x, a, inspection);
        if (value < 0) return 0;
        a = value;
        break;
      }
      case 1:
        if (code === 0xb1) {
          if (at + constant >= end) return 0;
          x = (bytes[at + constant]! & 15) << 2;
        } else if (code === 0x61) x = memory[constant & 15]!;
        else x = code === 0x81 ? end - at : constant;
        break;
      case 2:
        memory[constant & 15] = a;
        break;
      case 3:
        memory[constant & 15] = x;
        break;
      case 4:
        a = calculate(code & 0xf0, a, operand);
        break;
      case 5:
        if (code === 0x05) pc += constant;
        else pc += isJump(code & 0xf0, a, operand) ? jumpTrue : jumpFalse;
        break;
      case 6:
        return code === 0x16 ? a : constant;
      default:
        if (code === 0x07) x = a;
        else a = x;
    }
  }
  return 0;
}

/** The value that a load gives, or -1 beyond the packet. */
function load(code: number, constant: number, x: number, a: number, packet: Inspection): number {
  const { bytes, at, end } = packet;
  if (code === 0x00) return constant;
  if (code === 0x60) return memory[constant & 15]!;
  if (code === 0x80) return end - at;
  if (code === 0x20 && constant === PAYLOAD_OFFSET) return payloadOffsetOf(packet);
  if (constant >= 0xffff_f000) return a;
  const offset = at + constant + ((code & 0x40) !== 0 ? x : 0);
  switch (code & 0x18) {
    case 0x00:
      return offset + 4 <= end ? readU32(bytes, offset) : -1;
    case 0x08:
      return offset + 2 <= end ? readU16(bytes, offset) : -1;
    default:
      return offset < end ? bytes[offset]! : -1;
  }
}

/** `skb_get_poff`: behind the transport header. */
function payloadOffsetOf({ bytes, at, transportAt, end, protocol }: Inspection): number {
  const ipBytes = headerBytesOf(bytes, at);
  if (protocol === IpProtocol.tcp) {
    return transportAt + 12 < end ? ipBytes + (bytes[transportAt + 12]! >> 4) * 4 : ipBytes;
  }
  return protocol === IpProtocol.udp || protocol === IpProtocol.icmp ? ipBytes + 8 : ipBytes;
}

function calculate(operation: number, a: number, operand: number): number {
  switch (operation) {
    case 0x00:
      return (a + operand) >>> 0;
    case 0x10:
      return (a - operand) >>> 0;
    case 0x20:
      return Math.imul(a, operand) >>> 0;
    case 0x40:
      return (a | operand) >>> 0;
    case 0x50:
      return (a & operand) >>> 0;
    case 0x60:
      return (a << operand) >>> 0;
    case 0x70:
      return a >>> operand;
    case 0x80:
      return -a >>> 0;
    default:
      return (a ^ operand) >>> 0;
  }
}

function isJump(operation: number, a: number, operand: number): boolean {
  if (operation === 0x10) return a === operand;
  if (operation === 0x20) return a > operand;
  if (operation === 0x30) return a >= operand;
  return (a & operand) !== 0;
}

class BpfMatch implements Match {
  #program: Instruction[] = [];

  option(name: string, value: string, isNegated: boolean): string | undefined {
    if (isNegated) return cannotBeInverted('bpf', name);
    if (this.#program.length > 0) return onlyOnce('bpf', name);
    const program = parseProgram(value);
    if (typeof program === 'string') return program;
    this.#program = program;
    return undefined;
  }

  finish(): string | undefined {
    return this.#program.length > 0 ? undefined : 'bpf: one of --bytecode or --pinned is required';
  }

  isAllowed(): boolean {
    return isValidProgram(this.#program);
  }

  matches(inspection: Inspection): boolean {
    return runProgram(this.#program, inspection) !== 0;
  }

  get #text(): string {
    const lines = this.#program.map(
      ({ code, jumpTrue, jumpFalse, constant }) => `${code} ${jumpTrue} ${jumpFalse} ${constant}`,
    );
    return lines.join(',');
  }

  save(): string {
    return ` --bytecode "${this.#program.length},${this.#text}"`;
  }

  list(): string {
    // the extension prints the NUL behind its text
    return `match bpf ${this.#text}\0`;
  }
}

/** `-m bpf`. */
export const bpfMatch: MatchKind = {
  name: 'bpf',
  options: ['--bytecode='],
  create: () => new BpfMatch(),
};
