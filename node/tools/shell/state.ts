/**
 * What a shell knows: variables, positional parameters, functions, how the last command ended.
 */
import type { Command } from './syntax.ts';

/** The environment in which commands of a container or a host begin. */
const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['HOME', '/root'],
  ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  ['PWD', '/'],
  ['IFS', ' \t\n'],
];

/** One shell; a subshell has a copy. */
export class ShellState {
  readonly variables: Map<string, string>;
  readonly functions: Map<string, Command>;
  positional: readonly string[];
  /** `$0`. */
  readonly name: string;
  status = 0;
  /** `set -e`, `set -u`, `set -x`. */
  readonly flags: Set<string>;
  /** `$!`. */
  lastJob = 0;

  constructor(name = 'sh', positional: readonly string[] = [], from?: ShellState) {
    this.name = name;
    this.positional = positional;
    this.variables = new Map(from?.variables ?? ENVIRONMENT);
    this.functions = new Map(from?.functions);
    this.flags = new Set(from?.flags);
    this.status = from?.status ?? 0;
    this.lastJob = from?.lastJob ?? 0;
  }

  /** A copy, whose changes nobody here sees. */
  copy(): ShellState {
    return new ShellState(this.name, this.positional, this);
  }

  /** A parameter's value; undefined for one that is not set. */
  get(name: string): string | undefined {
    switch (name) {
      case '?':
        return String(this.status);
      case '#':
        return String(this.positional.length);
      case '@':
      case '*':
        return this.positional.join(' ');
      case '$':
        return '1';
      case '!':
        return this.lastJob === 0 ? '' : String(this.lastJob);
      case '-':
        return [...this.flags].join('');
      case '0':
        return this.name;
      default:
        return /^\d+$/.test(name) ? this.positional[Number(name) - 1] : this.variables.get(name);
    }
  }
}

/** A pattern of the shell as an expression: `*`, `?`, `[a-z]`, and letters. */
export function patternOf(pattern: string): RegExp {
  const body = pattern.replaceAll(
    /\\(.)|([*?])|\[(!?)([^\]]+)\]|([.+^${}()|[\]\\/])/g,
    (
      _,
      literal: string | undefined,
      wild: string | undefined,
      not: string | undefined,
      set: string | undefined,
      special: string | undefined,
    ) => {
      if (literal !== undefined) return literal.replace(/[^\w]/, '\\$&');
      if (wild !== undefined) return wild === '*' ? '.*' : '.';
      if (set !== undefined) return `[${not === '!' ? '^' : ''}${set.replaceAll('\\', '\\\\')}]`;
      return `\\${special}`;
    },
  );
  return new RegExp(`^(?:${body})$`, 's');
}
