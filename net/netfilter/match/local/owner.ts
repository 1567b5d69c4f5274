/**
 * The `owner` match: whose socket sent the packet. Every simulated program is root's.
 * Mirrors `extensions/libxt_owner.c` and `net/netfilter/xt_owner.c`.
 */
import type { Match, MatchKind } from '../../extension.ts';
import { Hook } from '../../hook.ts';
import type { Inspection } from '../../inspection.ts';
import { hasSender } from './sender.ts';

/** User and group of every program. */
const ROOT = 0;
/** Names that a distribution has in `/etc/passwd` and `/etc/group`. */
const NAMES: Readonly<Record<string, number>> = {
  root: ROOT,
  daemon: 1,
  'www-data': 33,
  nogroup: 65_534,
  nobody: 65_534,
};

interface Ids {
  readonly min: number;
  readonly max: number;
  readonly isNegated: boolean;
}

class OwnerMatch implements Match {
  readonly #ids = new Map<'uid' | 'gid', Ids>();
  #existence: { readonly isNegated: boolean } | undefined = undefined;
  #hasGroups = false;

  option(name: string, text: string, isNegated: boolean): string | undefined {
    if (name === '--suppl-groups') {
      if (!this.#ids.has('gid')) {
        return 'owner: Bad value for "--suppl-groups" option: "you need to use --gid-owner first"';
      }
      this.#hasGroups = true;
      return undefined;
    }
    if (name === '--socket-exists') {
      this.#existence = { isNegated };
      return undefined;
    }
    const kind = name === '--uid-owner' ? 'uid' : 'gid';
    const [first = '', second = first] = text.split('-');
    const [min, max] = [NAMES[text] ?? idOf(first), NAMES[text] ?? idOf(second)];
    if (min === undefined || max === undefined) {
      return `owner: Bad value for "${name}" option: "${text}"`;
    }
    this.#ids.set(kind, { min, max, isNegated });
    return undefined;
  }

  finish(): string | undefined {
    if (this.#ids.size > 0 || this.#existence !== undefined) return undefined;
    return 'owner: At least one of --uid-owner, --gid-owner or --socket-exists is required';
  }

  matches(inspection: Inspection): boolean {
    const exists = hasSender(inspection);
    if (this.#existence !== undefined && exists === this.#existence.isNegated) return false;
    for (const { min, max, isNegated } of this.#ids.values()) {
      const holds = exists && ROOT >= min && ROOT <= max;
      if (holds === isNegated) return false;
    }
    return true;
  }

  save(): string {
    return this.#text((kind) => `--${kind}-owner `, '--socket-exists', ' --suppl-groups', true);
  }

  list(isNumeric: boolean): string {
    return this.#text(
      (kind) => `owner ${kind.toUpperCase()} match `,
      'owner socket exists',
      ' incl. suppl. groups',
      isNumeric,
    );
  }

  #text(
    head: (kind: 'uid' | 'gid') => string,
    exists: string,
    groups: string,
    isNumeric: boolean,
  ): string {
    let text = '';
    if (this.#existence !== undefined) text += `${this.#existence.isNegated ? ' !' : ''} ${exists}`;
    for (const kind of ['uid', 'gid'] as const) {
      const ids = this.#ids.get(kind);
      if (ids === undefined) continue;
      const only = isNumeric ? String(ids.min) : nameOf(ids.min);
      const range = ids.min === ids.max ? only : `${ids.min}-${ids.max}`;
      text += `${ids.isNegated ? ' !' : ''} ${head(kind)}${range}`;
    }
    return this.#hasGroups ? text + groups : text;
  }
}

function nameOf(id: number): string {
  return Object.keys(NAMES).find((name) => NAMES[name] === id) ?? String(id);
}

function idOf(text: string): number | undefined {
  return /^\d+$/.test(text) && Number(text) <= 0xffff_fffe ? Number(text) : undefined;
}

/** `-m owner`. */
export const ownerMatch: MatchKind = {
  name: 'owner',
  options: ['--uid-owner=', '--gid-owner=', '--socket-exists', '--suppl-groups'],
  plain: ['--suppl-groups'],
  hooks: [Hook.output, Hook.postrouting],
  create: () => new OwnerMatch(),
};
