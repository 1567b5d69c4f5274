/**
 * The `cpu` and `devgroup` matches: which CPU handles the packet, and to which group its device
 * belongs. There is one CPU, and every device is in group 0.
 * Mirrors `extensions/libxt_cpu.c` and `libxt_devgroup.c`.
 */
import type { Match, MatchKind } from '../../extension.ts';
import { Hook } from '../../hook.ts';
import { type MaskedValue, maskedValueText, outOfRange, parseMaskedValue } from '../../options.ts';
import { parseUnsigned32 } from '../../protocols.ts';
import { fieldMatchKind } from '../field/field-match.ts';

const ONLY_CPU = 0;
const ONLY_GROUP = 0;

/** `-m cpu`. */
export const cpuMatch = fieldMatchKind<{ readonly cpu: number }>({
  name: 'cpu',
  options: ['--cpu'],
  parse: (text, option) => {
    const cpu = parseUnsigned32(text);
    return cpu === undefined ? outOfRange('cpu', option, 0, 0xffff_ffff) : { cpu };
  },
  holds: (_, { cpu }) => cpu === ONLY_CPU,
  save: ({ cpu }, not) => ` ${not}--cpu ${cpu}`,
  list: ({ cpu }, isNegated) => ` cpu ${isNegated ? '! ' : ''}${cpu}`,
});

type Side = 'src' | 'dst';

class DevgroupMatch implements Match {
  readonly #groups = new Map<Side, { readonly value: MaskedValue; readonly isNegated: boolean }>();

  option(name: string, text: string, isNegated: boolean): string | undefined {
    const value = parseMaskedValue(text);
    if (value === undefined) {
      return `devgroup: could not map name ${text} to an integer value for option "${name}".\n`;
    }
    this.#groups.set(name === '--src-group' ? 'src' : 'dst', { value, isNegated });
    return undefined;
  }

  finish(): string | undefined {
    if (this.#groups.size > 0) return undefined;
    return "devgroup match: You must specify either '--src-group' or '--dst-group'";
  }

  allowedHooks(): readonly Hook[] {
    const hooks = new Set(Object.values(Hook));
    if (this.#groups.has('src'))
      for (const hook of [Hook.output, Hook.postrouting]) hooks.delete(hook);
    if (this.#groups.has('dst'))
      for (const hook of [Hook.prerouting, Hook.input]) hooks.delete(hook);
    return [...hooks];
  }

  matches(): boolean {
    for (const { value, isNegated } of this.#groups.values()) {
      if (((ONLY_GROUP & value.mask) === value.value) === isNegated) return false;
    }
    return true;
  }

  save(): string {
    return this.#text('--', groupText);
  }

  list(isNumeric: boolean): string {
    return this.#text('', isNumeric ? maskedValueText : groupText);
  }

  #text(dashes: string, word: (group: MaskedValue) => string): string {
    let text = '';
    for (const side of ['src', 'dst'] as const) {
      const group = this.#groups.get(side);
      if (group === undefined) continue;
      text += `${group.isNegated ? ' !' : ''} ${dashes}${side}-group ${word(group.value)}`;
    }
    return text;
  }
}

/** Group 0 has a name (`/etc/iproute2/group`). */
function groupText({ value, mask }: MaskedValue): string {
  return value === 0 && mask === 0xffff_ffff ? 'default' : maskedValueText({ value, mask });
}

/** `-m devgroup`. */
export const devgroupMatch: MatchKind = {
  name: 'devgroup',
  options: ['--src-group=', '--dst-group='],
  create: () => new DevgroupMatch(),
};
