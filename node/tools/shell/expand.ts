/**
 * From words to arguments: parameters, commands and arithmetic in their places, then the split into
 * fields (POSIX 2.6). There are no files to be named, so patterns stay as they are.
 */
import type { Steps } from '../../../sim/steps.ts';
import { evaluateArithmetic } from './arithmetic.ts';
import { patternOf, type ShellState } from './state.ts';
import type { List, Word, WordPart } from './syntax.ts';

/** An expansion that cannot be: the shell ends. */
export class ExpansionError extends Error {}

/** Runs commands and takes what they print. */
export type Substitution = (body: List) => Steps<string>;

/** A piece of expanded text; only what is not quoted is split. */
interface Piece {
  readonly text: string;
  readonly isQuoted: boolean;
  /** Another field begins in front of it (`"$@"`). */
  readonly isNewField?: boolean;
}

/** The fields of words: arguments. */
export function* expandWords(
  state: ShellState,
  words: readonly Word[],
  substitute: Substitution,
): Steps<string[]> {
  const fields: string[] = [];
  for (const word of words) {
    if (state.positional.length === 0 && isAllParameters(word)) continue;
    fields.push(...splitFields(yield* piecesOf(state, word, substitute)));
  }
  return fields;
}

/** `"$@"`, which is no word at all where there are no parameters. */
function isAllParameters(word: Word): boolean {
  const parts = word.filter((part) => part.kind !== 'text' || part.text !== '');
  const [only] = parts;
  return parts.length === 1 && only?.kind === 'parameter' && only.name === '@';
}

/** A word as one text, which nothing splits. */
export function* expandText(
  state: ShellState,
  word: Word,
  substitute: Substitution,
): Steps<string> {
  const pieces = yield* piecesOf(state, word, substitute);
  return pieces
    .map(({ text }, i) => (pieces[i]!.isNewField === true && i > 0 ? ' ' : '') + text)
    .join('');
}

/** A word as a pattern: what is quoted stands for itself. */
export function* expandPattern(
  state: ShellState,
  word: Word,
  substitute: Substitution,
): Steps<string> {
  const pieces = yield* piecesOf(state, word, substitute);
  const escaped = ({ text, isQuoted }: Piece) =>
    isQuoted ? text.replaceAll(/[*?[\]\\]/g, '\\$&') : text;
  return pieces.map(escaped).join('');
}

function* piecesOf(state: ShellState, word: Word, substitute: Substitution): Steps<Piece[]> {
  const pieces: Piece[] = [];
  for (const part of word) pieces.push(...(yield* pieceOf(state, part, substitute)));
  return pieces;
}

function* pieceOf(state: ShellState, part: WordPart, substitute: Substitution): Steps<Piece[]> {
  const { isQuoted } = part;
  switch (part.kind) {
    case 'text':
      return [part];
    case 'command': {
      const text = (yield* substitute(part.body)).replace(/\n+$/, '');
      return [{ text, isQuoted }];
    }
    case 'arithmetic': {
      const text = yield* expandText(state, part.word, substitute);
      const variables = {
        get: (name: string) => state.get(name) ?? '',
        set: (name: string, value: string) => void state.variables.set(name, value),
      };
      const value = evaluateArithmetic(text, variables);
      if (typeof value === 'string') throw new ExpansionError(value);
      return [{ text: String(value), isQuoted }];
    }
    default:
      return yield* parameterPieces(state, part, substitute);
  }
}

function* parameterPieces(
  state: ShellState,
  part: Extract<WordPart, { kind: 'parameter' }>,
  substitute: Substitution,
): Steps<Piece[]> {
  const { name, operator, word, isQuoted } = part;
  if (name === '@' && operator === '' && isQuoted) {
    return state.positional.map((text, i) => ({ text, isQuoted, isNewField: i > 0 }));
  }
  const value = state.get(name);
  const isMissing = value === undefined || (operator.startsWith(':') && value === '');
  const own = [{ text: value ?? '', isQuoted }];
  const alternative = function* (): Steps<Piece[]> {
    const pieces = yield* piecesOf(state, word, substitute);
    return pieces.map((piece) => ({ ...piece, isQuoted: isQuoted || piece.isQuoted }));
  };
  switch (operator.replace(':', '')) {
    case '':
      if (value === undefined && state.flags.has('u')) {
        throw new ExpansionError(`${name}: parameter not set`);
      }
      return own;
    case 'length':
      return [{ text: String((value ?? '').length), isQuoted }];
    case '-':
      return isMissing ? yield* alternative() : own;
    case '=': {
      if (!isMissing) return own;
      const text = yield* expandText(state, word, substitute);
      state.variables.set(name, text);
      return [{ text, isQuoted }];
    }
    case '+':
      return isMissing ? [] : yield* alternative();
    case '?': {
      if (!isMissing) return own;
      const text = yield* expandText(state, word, substitute);
      throw new ExpansionError(`${name}: ${text === '' ? 'parameter not set or null' : text}`);
    }
    default: {
      const pattern = yield* expandPattern(state, word, substitute);
      return [{ text: trimmed(value ?? '', operator, pattern), isQuoted }];
    }
  }
}

/** `${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}`: without the shortest or longest part that fits. */
function trimmed(text: string, operator: string, pattern: string): string {
  const expression = patternOf(pattern);
  const isFront = operator.startsWith('#');
  const isLongest = operator.length === 2;
  for (let i = 0; i <= text.length; i++) {
    const size = isLongest ? text.length - i : i;
    const part = isFront ? text.slice(0, size) : text.slice(text.length - size);
    if (!expression.test(part)) continue;
    return isFront ? text.slice(size) : text.slice(0, text.length - size);
  }
  return text;
}

/** Unquoted blanks end a field; what is empty and not quoted is none. */
function splitFields(pieces: readonly Piece[]): string[] {
  const fields: string[] = [];
  let field: string | undefined;
  const end = () => {
    if (field !== undefined) fields.push(field);
    field = undefined;
  };
  for (const { text, isQuoted, isNewField } of pieces) {
    if (isNewField === true) end();
    if (isQuoted) {
      field = (field ?? '') + text;
      continue;
    }
    text.split(/[ \t\n]+/).forEach((part, i) => {
      if (i > 0) end();
      if (part !== '') field = (field ?? '') + part;
    });
  }
  end();
  return fields;
}
