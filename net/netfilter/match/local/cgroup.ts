/**
 * The `cgroup` match: the net_cls class of the socket that sent the packet, which is 0 for all
 * programs here; cgroups of version 2 (`--path`) there are none. Mirrors `extensions/libxt_cgroup.c`.
 */
import type { Match, MatchKind } from '../../extension.ts';
import { Hook } from '../../hook.ts';
import type { Inspection } from '../../inspection.ts';
import { badInteger } from '../../options.ts';
import { parseUnsigned32 } from '../../protocols.ts';
import { hasSender } from './sender.ts';

class CgroupMatch implements Match {
  #classId: number | undefined = undefined;
  #path = '';
  #isNegated = false;

  option(name: string, text: string, isNegated: boolean): string | undefined {
    this.#isNegated = isNegated;
    if (name === '--path') {
      this.#path = text;
      return undefined;
    }
    this.#classId = parseUnsigned32(text);
    return this.#classId === undefined ? badInteger('cgroup', name) : undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  isAllowed(): boolean {
    return this.#classId !== undefined && this.#path === '';
  }

  matches(inspection: Inspection): boolean {
    return hasSender(inspection) && (this.#classId === 0) !== this.#isNegated;
  }

  save(): string {
    return `${this.#isNegated ? ' !' : ''} --cgroup ${this.#classId}`;
  }

  list(): string {
    return ` cgroup ${this.#isNegated ? '! ' : ''}${this.#classId}`;
  }
}

/** `-m cgroup`. */
export const cgroupMatch: MatchKind = {
  name: 'cgroup',
  options: ['--cgroup=', '--path='],
  hooks: [Hook.input, Hook.output, Hook.postrouting],
  create: () => new CgroupMatch(),
};
