/**
 * The `TOS` and `DSCP` targets: change the byte of the header that says how a packet is served.
 * Mirrors `extensions/libxt_TOS.c`, `libxt_DSCP.c` and `net/netfilter/xt_DSCP.c`.
 */
import { isIpv6 } from '../../../../wire/ip.ts';
import { setTos } from '../../../../wire/ipv4.ts';
import { setTrafficClass } from '../../../../wire/ipv6/header.ts';
import { Outcome, type Target, type TargetKind } from '../../extension.ts';
import {
  byteText,
  parseDscpClass,
  parseTos,
  serviceByteOf,
  tosName,
} from '../../header/service-type.ts';
import type { Inspection } from '../../inspection.ts';
import { type MaskedValue, outOfRange, parseByte } from '../../options.ts';
import { parseUnsigned32 } from '../../protocols.ts';

const DSCP_MASK = 0xfc;

/** Clears the bits of a mask and flips those of a value; both targets are forms of it. */
class ServiceTarget implements Target {
  readonly #isDscp: boolean;
  #change: MaskedValue | undefined = undefined;

  constructor(isDscp: boolean) {
    this.#isDscp = isDscp;
  }

  option(name: string, text: string): string | undefined {
    const change = this.#isDscp ? readDscp(name, text) : readTos(name, text);
    if (typeof change === 'string') return change;
    this.#change = change;
    return undefined;
  }

  finish(): string | undefined {
    if (this.#change !== undefined) return undefined;
    return this.#isDscp
      ? 'DSCP target: Parameter --set-dscp is required'
      : 'TOS: An action is required';
  }

  run({ bytes, at }: Inspection): Outcome {
    const { value, mask } = this.#change!;
    const service = ((serviceByteOf(bytes, at) & ~mask) ^ value) & 0xff;
    if (isIpv6(bytes, at)) setTrafficClass(bytes, at, service);
    else setTos(bytes, at, service);
    return Outcome.next;
  }

  save(): string {
    const { value, mask } = this.#change!;
    if (this.#isDscp) return ` --set-dscp ${byteText(value >> 2)}`;
    return ` --set-tos ${byteText(value)}/${byteText(mask)}`;
  }

  list(isNumeric: boolean): string {
    const { value, mask } = this.#change!;
    if (this.#isDscp) return ` DSCP set ${byteText(value >> 2)}`;
    const name = tosName(this.#change!);
    if (!isNumeric) {
      if (name !== undefined) return `  TOS set${name}`;
      if (mask === 0) return ` TOS xor ${byteText(value)}`;
      if (value === 0) return ` TOS and ${byteText(~mask & 0xff)}`;
      if (value === mask) return ` TOS or ${byteText(value)}`;
    }
    return ` TOS set ${byteText(value)}/${byteText(mask)}`;
  }
}

function readDscp(name: string, text: string): MaskedValue | string {
  const dscp = name === '--set-dscp-class' ? parseDscpClass(text) : parseUnsigned32(text);
  if (typeof dscp === 'string') return dscp;
  if (dscp === undefined || dscp > 63) return outOfRange('DSCP', name, 0, 63);
  return { value: dscp << 2, mask: DSCP_MASK };
}

function readTos(name: string, text: string): MaskedValue | string {
  if (name === '--set-tos') return parseTos(text);
  const bits = parseByte(text);
  if (bits === undefined) return outOfRange('TOS', name, 0, 255);
  if (name === '--and-tos') return { value: 0, mask: ~bits & 0xff };
  return { value: bits, mask: name === '--or-tos' ? bits : 0 };
}

/** `-j TOS`. */
export const tosTarget: TargetKind = {
  name: 'TOS',
  options: ['--set-tos=', '--and-tos=', '--or-tos=', '--xor-tos='],
  exclusive: [['--set-tos', '--and-tos', '--or-tos', '--xor-tos']],
  tables: ['mangle'],
  create: () => new ServiceTarget(false),
};

/** `-j DSCP`. */
export const dscpTarget: TargetKind = {
  name: 'DSCP',
  options: ['--set-dscp=', '--set-dscp-class='],
  exclusive: [['--set-dscp', '--set-dscp-class']],
  tables: ['mangle'],
  create: () => new ServiceTarget(true),
};
