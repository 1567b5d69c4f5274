/**
 * The `physdev` match: the bridge ports of a bridged packet.
 *
 * A bridged packet knows the port that it leaves by from FORWARD on.
 * Mirrors `extensions/libxt_physdev.c` and `net/netfilter/xt_physdev.c`.
 */
import type { Match, MatchKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';

const NAME_MAX = 15;

function tooLong(name: string): string {
  return `interface name \`${name}' must be shorter than IFNAMSIZ (${NAME_MAX})`;
}

class PhysdevMatch implements Match {
  #in = '';
  #isInNegated = false;
  #out = '';
  #isOutNegated = false;
  /** True or false where it must be so, undefined where it does not matter. */
  #isIn: boolean | undefined = undefined;
  #isOut: boolean | undefined = undefined;
  #isBridged: boolean | undefined = undefined;

  option(name: string, value: string, isNegated: boolean): string | undefined {
    switch (name) {
      case '--physdev-in':
        if (value.length > NAME_MAX) return tooLong(value);
        this.#in = value;
        this.#isInNegated = isNegated;
        break;
      case '--physdev-out':
        if (value.length > NAME_MAX) return tooLong(value);
        this.#out = value;
        this.#isOutNegated = isNegated;
        break;
      case '--physdev-is-in':
        this.#isIn = !isNegated;
        break;
      case '--physdev-is-out':
        this.#isOut = !isNegated;
        break;
      default:
        this.#isBridged = !isNegated;
    }
    return undefined;
  }

  finish(): string | undefined {
    return this.save() === '' ? 'PHYSDEV: no physdev option specified' : undefined;
  }

  /** What a host sends itself has no port yet. */
  allowedHooks(): readonly Hook[] | undefined {
    const needsOut = this.#isOut !== undefined || this.#out !== '';
    if (!needsOut || this.#isBridged === true) return undefined;
    return [Hook.prerouting, Hook.input, Hook.forward, Hook.postrouting];
  }

  hookRefusal(): string {
    const where = 'only supported in the FORWARD and POSTROUTING chains with bridged traffic';
    return `xt_physdev: --physdev-out and --physdev-is-out ${where}`;
  }

  matches(inspection: Inspection): boolean {
    const { inPort: port, outPort } = inspection.packet;
    const isBridged =
      port !== undefined &&
      inspection.outDevice !== undefined &&
      inspection.inDevice === inspection.outDevice;
    if (this.#isBridged !== undefined && isBridged !== this.#isBridged) return false;
    if (this.#isIn !== undefined && (port !== undefined) !== this.#isIn) return false;
    if (this.#isOut !== undefined && isBridged !== this.#isOut) return false;
    if (this.#in !== '' && isNamed(this.#in, port?.name) === this.#isInNegated) return false;
    return this.#out === '' || isNamed(this.#out, outPort?.name) !== this.#isOutNegated;
  }

  save(): string {
    let text = '';
    if (this.#isIn !== undefined) text += `${not(!this.#isIn)} --physdev-is-in`;
    if (this.#in !== '') text += `${not(this.#isInNegated)} --physdev-in ${this.#in}`;
    if (this.#isOut !== undefined) text += `${not(!this.#isOut)} --physdev-is-out`;
    if (this.#out !== '') text += `${not(this.#isOutNegated)} --physdev-out ${this.#out}`;
    if (this.#isBridged !== undefined) text += `${not(!this.#isBridged)} --physdev-is-bridged`;
    return text;
  }

  list(): string {
    return ` PHYSDEV match${this.save()}`;
  }
}

function not(isNegated: boolean): string {
  return isNegated ? ' !' : '';
}

function isNamed(pattern: string, name: string | undefined): boolean {
  if (name === undefined) return false;
  return pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** `-m physdev`. */
export const physdevMatch: MatchKind = {
  name: 'physdev',
  options: [
    '--physdev-in=',
    '--physdev-out=',
    '--physdev-is-in',
    '--physdev-is-out',
    '--physdev-is-bridged',
  ],
  create: () => new PhysdevMatch(),
};
