/**
 * What a shell's line means: words with their expansions, commands, and how they depend on each other
 * (POSIX' Shell Command Language, 2.3 to 2.10).
 */

/** A part of a word. */
export type WordPart =
  | { readonly kind: 'text'; readonly text: string; readonly isQuoted: boolean }
  | {
      readonly kind: 'parameter';
      readonly name: string;
      /** `:-`, `=`, `#` …; `length` for `${#name}`; empty for none. */
      readonly operator: string;
      readonly word: Word;
      readonly isQuoted: boolean;
    }
  | { readonly kind: 'command'; readonly body: List; readonly isQuoted: boolean }
  | { readonly kind: 'arithmetic'; readonly word: Word; readonly isQuoted: boolean };

/** One word before it is expanded. */
export type Word = readonly WordPart[];

/** Where a descriptor goes, or comes from. */
export type Redirection =
  | {
      readonly kind: 'write' | 'append' | 'read' | 'duplicate';
      readonly descriptor: number;
      readonly word: Word;
    }
  | { readonly kind: 'text'; readonly descriptor: number; readonly word: Word };

/** `NAME=word` in front of a command. */
export interface Assignment {
  readonly name: string;
  readonly word: Word;
}

/** One command. */
export type Command = { readonly redirections: readonly Redirection[] } & (
  | {
      readonly kind: 'simple';
      readonly assignments: readonly Assignment[];
      readonly words: readonly Word[];
    }
  | { readonly kind: 'group' | 'subshell'; readonly body: List }
  | {
      readonly kind: 'if';
      readonly clauses: readonly { readonly condition: List; readonly body: List }[];
      readonly otherwise: List | undefined;
    }
  | { readonly kind: 'while' | 'until'; readonly condition: List; readonly body: List }
  | {
      readonly kind: 'for';
      readonly name: string;
      /** Undefined for the positional parameters. */
      readonly words: readonly Word[] | undefined;
      readonly body: List;
    }
  | {
      readonly kind: 'case';
      readonly word: Word;
      readonly clauses: readonly { readonly patterns: readonly Word[]; readonly body: List }[];
    }
  | { readonly kind: 'function'; readonly name: string; readonly body: Command }
);

/** Commands that hand on to each other. */
export interface Pipeline {
  readonly commands: readonly Command[];
  readonly isNegated: boolean;
}

/** Pipelines that depend on how the one before ended. */
export interface Sequence {
  readonly first: Pipeline;
  readonly rest: readonly { readonly operator: '&&' | '||'; readonly pipeline: Pipeline }[];
  readonly isBackground: boolean;
}

/** Sequences one after the other. */
export type List = readonly Sequence[];
