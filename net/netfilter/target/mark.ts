/**
 * The `MARK` target: changes bits of the packet's mark.
 *
 * All its options are forms of one: clear the bits of a mask, then flip those of a value.
 * Mirrors `extensions/libxt_MARK.c` (revision 2) and `net/netfilter/xt_mark.c`.
 */

import { Outcome, type Target, type TargetKind } from '../extension.ts';
import { HOOK_NAMES } from '../hook.ts';
import type { Inspection } from '../inspection.ts';
import { badInteger, type MaskedValue, parseMaskedValue } from '../options.ts';
import { hexText, parseUnsigned32 } from '../protocols.ts';

/** Of which there is one. */
export const MARK_OPTIONS: readonly string[] = [
  '--set-xmark',
  '--set-mark',
  '--and-mark',
  '--or-mark',
  '--xor-mark',
];

/** Reads one of the `--…-mark` options; a string is iptables' error text. */
export function parseMarkOption(
  extension: string,
  name: string,
  text: string,
): MaskedValue | string {
  if (name === '--set-mark' || name === '--set-xmark') {
    const parsed = parseMaskedValue(text);
    if (parsed === undefined) return badInteger(extension, name);
    if (name === '--set-xmark') return parsed;
    return { value: parsed.value, mask: (parsed.mask | parsed.value) >>> 0 };
  }
  const bits = parseUnsigned32(text);
  if (bits === undefined) return badInteger(extension, name);
  if (name === '--and-mark') return { value: 0, mask: ~bits >>> 0 };
  return { value: bits, mask: name === '--or-mark' ? bits : 0 };
}

/** `set 0x1`, `and 0x5`, `xset 0x1/0xff`. */
export function markChangeText({ value, mask }: MaskedValue): string {
  if (mask === 0) return `xor ${hexText(value)}`;
  if (mask === 0xffff_ffff) return `set ${hexText(value)}`;
  if (value === 0) return `and ${hexText(~mask)}`;
  if (value === mask) return `or ${hexText(value)}`;
  return `xset ${hexText(value)}/${hexText(mask)}`;
}

class MarkTarget implements Target {
  #change: MaskedValue | undefined = undefined;

  option(name: string, value: string): string | undefined {
    const change = parseMarkOption('MARK', name, value);
    if (typeof change === 'string') return change;
    this.#change = change;
    return undefined;
  }

  finish(): string | undefined {
    if (this.#change !== undefined) return undefined;
    return 'MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required';
  }

  run(inspection: Inspection): Outcome {
    const { packet } = inspection;
    const { value, mask } = this.#change!;
    const before = packet.mark;
    packet.mark = ((before & ~mask) ^ value) >>> 0;
    if (packet.way !== undefined && packet.mark !== before) {
      const { world, name } = inspection.namespace;
      const detail = `mark ${hexText(before)} -> ${hexText(packet.mark)}`;
      packet.way.add(world.nowNs, name, 'rewrite', HOOK_NAMES[inspection.hook], 'mark', detail);
    }
    return Outcome.next;
  }

  save(): string {
    const { value, mask } = this.#change!;
    return ` --set-xmark ${hexText(value)}/${hexText(mask)}`;
  }

  list(): string {
    return ` MARK ${markChangeText(this.#change!)}`;
  }
}

/** `-j MARK`. */
export const markTarget: TargetKind = {
  name: 'MARK',
  options: ['--set-xmark=', '--set-mark=', '--and-mark=', '--or-mark=', '--xor-mark='],
  exclusive: [MARK_OPTIONS],
  create: () => new MarkTarget(),
};
