/**
 * The `socket` match: does a socket of this host wait for the packet? None here is transparent.
 * Mirrors `extensions/libxt_socket.c` and `net/netfilter/xt_socket.c`.
 */
import type { Match, MatchKind } from '../../extension.ts';
import { Hook } from '../../hook.ts';
import type { Inspection } from '../../inspection.ts';
import { hasReceiver } from './sender.ts';

const OPTIONS = ['--transparent', '--nowildcard', '--restore-skmark'] as const;

class SocketMatch implements Match {
  readonly #given = new Set<string>();

  option(name: string): string | undefined {
    this.#given.add(name);
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  matches(inspection: Inspection): boolean {
    return !this.#given.has('--transparent') && hasReceiver(inspection);
  }

  save(): string {
    return OPTIONS.filter((option) => this.#given.has(option))
      .map((option) => ` ${option}`)
      .join('');
  }

  list(): string {
    return ` socket${this.save()}`;
  }
}

/** `-m socket`. */
export const socketMatch: MatchKind = {
  name: 'socket',
  options: OPTIONS,
  plain: OPTIONS,
  hooks: [Hook.prerouting, Hook.input],
  create: () => new SocketMatch(),
};
