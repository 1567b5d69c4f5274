/**
 * Reads a shell's text, with dash's words for what is wrong.
 */
import type {
  Assignment,
  Command,
  List,
  Pipeline,
  Redirection,
  Sequence,
  Word,
  WordPart,
} from './syntax.ts';

/** What is wrong with a text. */
export class ShellSyntaxError extends Error {}

const RESERVED = [
  'if',
  'then',
  'else',
  'elif',
  'fi',
  'do',
  'done',
  'case',
  'esac',
  'while',
  'until',
  'for',
  '{',
  '}',
  '!',
  'in',
];
/** Words that end a list. */
const ENDS = ['then', 'else', 'elif', 'fi', 'do', 'done', 'esac', '}'];
const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;

/** The commands of a text; throws {@link ShellSyntaxError}. */
export function parseShell(text: string): List {
  const parser = new Parser(text);
  const list = parser.list();
  parser.expectEnd();
  return list;
}

class Parser {
  readonly #text: string;
  #at = 0;
  /** Here documents whose lines begin behind the next line end. */
  readonly #waiting: { end: string; isQuoted: boolean; fill: (word: Word) => void }[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  expectEnd(): void {
    this.#skipBlankLines();
    if (this.#at < this.#text.length) throw this.#unexpected();
  }

  list(): List {
    const sequences: Sequence[] = [];
    for (;;) {
      this.#skipBlankLines();
      if (this.#isAtListEnd()) return sequences;
      const sequence = this.#sequence();
      this.#skipBlanks();
      const isBackground = this.#peekOperator() === '&';
      sequences.push({ ...sequence, isBackground });
      if (isBackground || (this.#peek() === ';' && this.#peekOperator() === ';')) this.#at++;
      else if (this.#peek() !== '\n') return sequences;
    }
  }

  #isAtListEnd(): boolean {
    const operator = this.#peekOperator();
    if (this.#at >= this.#text.length || operator === ')' || operator === ';;') return true;
    return ENDS.includes(this.#peekReserved());
  }

  #sequence(): Omit<Sequence, 'isBackground'> {
    const first = this.#pipeline();
    const rest: { operator: '&&' | '||'; pipeline: Pipeline }[] = [];
    for (;;) {
      this.#skipBlanks();
      const operator = this.#peekOperator();
      if (operator !== '&&' && operator !== '||') return { first, rest };
      this.#at += 2;
      this.#skipBlankLines();
      rest.push({ operator, pipeline: this.#pipeline() });
    }
  }

  #pipeline(): Pipeline {
    this.#skipBlanks();
    const isNegated = this.#takeReserved('!');
    const commands = [this.#command()];
    for (;;) {
      this.#skipBlanks();
      if (this.#peekOperator() !== '|') return { commands, isNegated };
      this.#at++;
      this.#skipBlankLines();
      commands.push(this.#command());
    }
  }

  #command(): Command {
    this.#skipBlanks();
    const body = this.#compound();
    if (body === undefined) return this.#simple();
    const redirections: Redirection[] = [];
    for (;;) {
      this.#skipBlanks();
      const redirection = this.#redirection();
      if (redirection === undefined) return { ...body, redirections };
      redirections.push(...redirection);
    }
  }

  #compound(): Command | undefined {
    const redirections: Redirection[] = [];
    if (this.#peekOperator() === '(') {
      this.#at++;
      const body = this.list();
      this.#expectOperator(')');
      return { kind: 'subshell', body, redirections };
    }
    switch (this.#peekReserved()) {
      case '{': {
        this.#takeReserved('{');
        const body = this.list();
        this.#expectReserved('}');
        return { kind: 'group', body, redirections };
      }
      case 'if':
        return this.#if();
      case 'while':
      case 'until': {
        const kind = this.#takeReserved('while') ? 'while' : 'until';
        if (kind === 'until') this.#takeReserved('until');
        const condition = this.list();
        return { kind, condition, body: this.#doGroup(), redirections };
      }
      case 'for':
        return this.#for();
      case 'case':
        return this.#case();
      default:
        return this.#function();
    }
  }

  #if(): Command {
    const clauses: { condition: List; body: List }[] = [];
    this.#takeReserved('if');
    do {
      const condition = this.list();
      this.#expectReserved('then');
      clauses.push({ condition, body: this.list() });
    } while (this.#takeReserved('elif'));
    const otherwise = this.#takeReserved('else') ? this.list() : undefined;
    this.#expectReserved('fi');
    return { kind: 'if', clauses, otherwise, redirections: [] };
  }

  #for(): Command {
    this.#takeReserved('for');
    this.#skipBlanks();
    const name = NAME.exec(this.#rest)?.[0];
    if (name === undefined) throw new ShellSyntaxError('Bad for loop variable');
    this.#at += name.length;
    this.#skipBlankLines();
    let words: Word[] | undefined;
    if (this.#takeReserved('in')) {
      words = [];
      for (;;) {
        this.#skipBlanks();
        const word = this.#word();
        if (word === undefined) break;
        words.push(word);
      }
    }
    this.#skipBlanks();
    if (this.#peekOperator() === ';') this.#at++;
    return { kind: 'for', name, words, body: this.#doGroup(), redirections: [] };
  }

  #doGroup(): List {
    this.#skipBlankLines();
    this.#expectReserved('do');
    const body = this.list();
    this.#expectReserved('done');
    return body;
  }

  #case(): Command {
    this.#takeReserved('case');
    this.#skipBlanks();
    const word = this.#word() ?? [];
    this.#skipBlankLines();
    this.#expectReserved('in');
    const clauses: { patterns: Word[]; body: List }[] = [];
    for (;;) {
      this.#skipBlankLines();
      if (this.#takeReserved('esac')) return { kind: 'case', word, clauses, redirections: [] };
      if (this.#peekOperator() === '(') this.#at++;
      const patterns: Word[] = [];
      for (;;) {
        this.#skipBlanks();
        const pattern = this.#word();
        if (pattern === undefined) throw this.#unexpected();
        patterns.push(pattern);
        this.#skipBlanks();
        if (this.#peekOperator() !== '|') break;
        this.#at++;
      }
      this.#expectOperator(')');
      clauses.push({ patterns, body: this.list() });
      this.#skipBlankLines();
      if (this.#peekOperator() === ';;') this.#at += 2;
    }
  }

  #function(): Command | undefined {
    const head = /^([A-Za-z_][A-Za-z0-9_]*)[ \t]*\([ \t]*\)/.exec(this.#rest);
    if (head === null) return undefined;
    this.#at += head[0].length;
    this.#skipBlankLines();
    return { kind: 'function', name: head[1]!, body: this.#command(), redirections: [] };
  }

  #simple(): Command {
    const assignments: Assignment[] = [];
    const words: Word[] = [];
    const redirections: Redirection[] = [];
    for (;;) {
      this.#skipBlanks();
      const redirection = this.#redirection();
      if (redirection !== undefined) {
        redirections.push(...redirection);
        continue;
      }
      const assigned = words.length === 0 ? /^([A-Za-z_]\w*)=/.exec(this.#rest) : null;
      if (assigned !== null) {
        this.#at += assigned[0].length;
        assignments.push({ name: assigned[1]!, word: this.#word() ?? [] });
        continue;
      }
      const word = this.#word();
      if (word === undefined) break;
      words.push(word);
    }
    if (words.length + assignments.length + redirections.length === 0) throw this.#unexpected();
    return { kind: 'simple', assignments, words, redirections };
  }

  #redirection(): Redirection[] | undefined {
    const match = /^(?:(&>>?)|(\d?)(<<<|<<-?|>>|>&|<&|>\||<|>))/.exec(this.#rest);
    if (match === null) return undefined;
    const [whole, both, digit = '', operator = ''] = match;
    this.#at += whole.length;
    const descriptor = digit === '' ? (operator.startsWith('<') ? 0 : 1) : Number(digit);
    this.#skipBlanks();
    if (operator.startsWith('<<') && operator !== '<<<') return [this.#hereDocument(descriptor)];
    const word = this.#word();
    if (word === undefined) throw this.#unexpected('redirection');
    if (both !== undefined) {
      const one = [{ kind: 'text', text: '1', isQuoted: true }] as const;
      const kind = both === '&>' ? 'write' : 'append';
      return [
        { kind, descriptor: 1, word },
        { kind: 'duplicate', descriptor: 2, word: one },
      ];
    }
    if (operator === '<<<') {
      const end: WordPart = { kind: 'text', text: '\n', isQuoted: true };
      return [{ kind: 'text', descriptor, word: [...word, end] }];
    }
    if (operator.endsWith('&')) return [{ kind: 'duplicate', descriptor, word }];
    if (operator === '<') return [{ kind: 'read', descriptor, word }];
    return [{ kind: operator === '>>' ? 'append' : 'write', descriptor, word }];
  }

  #hereDocument(descriptor: number): Redirection {
    const word = this.#word() ?? [];
    const end = word.map((part) => (part.kind === 'text' ? part.text : '')).join('');
    const isQuoted = word.some((part) => part.kind === 'text' && part.isQuoted);
    const redirection: { kind: 'text'; descriptor: number; word: Word } = {
      kind: 'text',
      descriptor,
      word: [],
    };
    const fill = (text: Word) => {
      redirection.word = text;
    };
    this.#waiting.push({ end, isQuoted, fill });
    return redirection;
  }

  /** Takes the lines of here documents that were announced on the line that ends here. */
  #readHereDocuments(): void {
    for (const { end, isQuoted, fill } of this.#waiting.splice(0)) {
      let body = '';
      while (this.#at < this.#text.length) {
        const lineEnd = this.#text.indexOf('\n', this.#at);
        const line = this.#text.slice(this.#at, lineEnd < 0 ? undefined : lineEnd);
        this.#at = lineEnd < 0 ? this.#text.length : lineEnd + 1;
        if (line.trim() === end) break;
        body += `${line}\n`;
      }
      if (isQuoted) fill([{ kind: 'text', text: body, isQuoted: true }]);
      else fill(new Parser(body).quotedText());
    }
  }

  /** A whole text as if between double quotes, in which quotes are letters. */
  quotedText(): Word {
    const parts: WordPart[] = [];
    this.#quoted(parts, undefined);
    return parts;
  }

  #word(): Word | undefined {
    const parts: WordPart[] = [];
    let isWord = false;
    for (;;) {
      const c = this.#peek();
      if (c === '' || ' \t\n;&|<>()'.includes(c)) return isWord ? parts : undefined;
      if (c === '#' && !isWord) return undefined;
      isWord = true;
      if (c === "'") {
        const end = this.#text.indexOf("'", this.#at + 1);
        if (end < 0) throw new ShellSyntaxError('Unterminated quoted string');
        parts.push({ kind: 'text', text: this.#text.slice(this.#at + 1, end), isQuoted: true });
        this.#at = end + 1;
      } else if (c === '"') {
        this.#at++;
        parts.push({ kind: 'text', text: '', isQuoted: true });
        this.#quoted(parts, '"');
        this.#at++;
      } else if (c === '\\') {
        const next = this.#text[this.#at + 1];
        this.#at += 2;
        if (next !== '\n') parts.push({ kind: 'text', text: next ?? '\\', isQuoted: true });
      } else if (c === '$' || c === '`') parts.push(this.#expansion(false));
      else {
        const text = /^[^\s;&|<>()'"\\$`]+/.exec(this.#rest)![0];
        parts.push({ kind: 'text', text, isQuoted: false });
        this.#at += text.length;
      }
    }
  }

  /** Up to `end`, which stays; undefined for the text's end. */
  #quoted(parts: WordPart[], end: string | undefined): void {
    let text = '';
    const flush = () => {
      if (text !== '') parts.push({ kind: 'text', text, isQuoted: true });
      text = '';
    };
    for (;;) {
      const c = this.#peek();
      if (c === '' && end !== undefined) throw new ShellSyntaxError('Unterminated quoted string');
      if (c === '' || c === end) {
        flush();
        return;
      }
      const next = this.#text[this.#at + 1] ?? '';
      if (c === '\\' && '$`"\\\n'.includes(next)) {
        if (next !== '\n') text += next;
        this.#at += 2;
      } else if (c === '$' || c === '`') {
        flush();
        parts.push(this.#expansion(true));
      } else {
        text += c;
        this.#at++;
      }
    }
  }

  #expansion(isQuoted: boolean): WordPart {
    if (this.#peek() === '`') {
      const end = this.#text.indexOf('`', this.#at + 1);
      if (end < 0) throw new ShellSyntaxError('EOF in backquote substitution');
      const body = parseShell(this.#text.slice(this.#at + 1, end).replaceAll(/\\([$`\\])/g, '$1'));
      this.#at = end + 1;
      return { kind: 'command', body, isQuoted };
    }
    this.#at++;
    if (this.#rest.startsWith('((')) {
      this.#at += 2;
      const word = this.#arithmetic();
      return { kind: 'arithmetic', word, isQuoted };
    }
    if (this.#peek() === '(') {
      this.#at++;
      const body = this.list();
      this.#expectOperator(')');
      return { kind: 'command', body, isQuoted };
    }
    if (this.#peek() === '{') return this.#braced(isQuoted);
    const name = /^(?:[A-Za-z_]\w*|[0-9@*#?$!-])/.exec(this.#rest)?.[0];
    if (name === undefined) return { kind: 'text', text: '$', isQuoted };
    this.#at += name.length;
    return { kind: 'parameter', name, operator: '', word: [], isQuoted };
  }

  #braced(isQuoted: boolean): WordPart {
    this.#at++;
    const length = /^#(?=[A-Za-z_0-9@*])/.exec(this.#rest);
    if (length !== null) this.#at++;
    const name = /^(?:[A-Za-z_]\w*|\d+|[@*#?$!-])/.exec(this.#rest)?.[0];
    if (name === undefined) throw new ShellSyntaxError('Bad substitution');
    this.#at += name.length;
    const operator =
      length === null ? (/^(?::[-=?+]|[-=?+]|##?|%%?)/.exec(this.#rest)?.[0] ?? '') : 'length';
    if (length === null) this.#at += operator.length;
    const word = this.#bracedWord();
    return { kind: 'parameter', name, operator, word, isQuoted };
  }

  /** Up to `}`, behind it: blanks are letters, quotes are quotes. */
  #bracedWord(): Word {
    const parts: WordPart[] = [];
    for (;;) {
      const c = this.#peek();
      if (c === '') throw new ShellSyntaxError("Missing '}'");
      this.#at++;
      if (c === '}') return parts;
      if (c === "'") {
        const end = this.#text.indexOf("'", this.#at);
        if (end < 0) throw new ShellSyntaxError('Unterminated quoted string');
        parts.push({ kind: 'text', text: this.#text.slice(this.#at, end), isQuoted: true });
        this.#at = end + 1;
      } else if (c === '"') {
        this.#quoted(parts, '"');
        this.#at++;
      } else if (c === '\\') {
        parts.push({ kind: 'text', text: this.#peek(), isQuoted: true });
        this.#at++;
      } else if (c === '$' || c === '`') {
        this.#at--;
        parts.push(this.#expansion(false));
      } else parts.push({ kind: 'text', text: c, isQuoted: false });
    }
  }

  /** Up to `))`, behind it. */
  #arithmetic(): Word {
    const parts: WordPart[] = [];
    let depth = 0;
    let text = '';
    for (;;) {
      const c = this.#peek();
      if (c === '') throw new ShellSyntaxError("Missing '))'");
      if (depth === 0 && this.#rest.startsWith('))')) break;
      if (c === '$' || c === '`') {
        parts.push({ kind: 'text', text, isQuoted: true });
        text = '';
        parts.push(this.#expansion(true));
        continue;
      }
      if (c === '(') depth++;
      else if (c === ')') depth--;
      text += c;
      this.#at++;
    }
    this.#at += 2;
    parts.push({ kind: 'text', text, isQuoted: true });
    return parts;
  }

  get #rest(): string {
    return this.#text.slice(this.#at);
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #peekOperator(): string {
    return /^(?:&&|\|\||;;|[;&|()\n])/.exec(this.#text.slice(this.#at, this.#at + 2))?.[0] ?? '';
  }

  #peekReserved(): string {
    const word = /^(?:[a-z]+|[{}!])(?=[\s;&|()<>]|$)/.exec(
      this.#text.slice(this.#at, this.#at + 8),
    )?.[0];
    return word !== undefined && RESERVED.includes(word) ? word : '';
  }

  #takeReserved(word: string): boolean {
    this.#skipBlankLinesIf(word !== '!');
    if (this.#peekReserved() !== word) return false;
    this.#at += word.length;
    return true;
  }

  #expectReserved(word: string): void {
    if (!this.#takeReserved(word)) throw this.#unexpected(undefined, word);
  }

  #expectOperator(operator: string): void {
    this.#skipBlankLines();
    if (this.#peekOperator() !== operator) throw this.#unexpected(undefined, operator);
    this.#at += operator.length;
  }

  #skipBlanks(): void {
    for (;;) {
      const blank = /^(?:[ \t]+|\\\n|#[^\n]*)/.exec(this.#rest);
      if (blank === null) return;
      this.#at += blank[0].length;
    }
  }

  #skipBlankLinesIf(mayCrossLines: boolean): void {
    if (mayCrossLines) this.#skipBlankLines();
    else this.#skipBlanks();
  }

  #skipBlankLines(): void {
    for (;;) {
      this.#skipBlanks();
      if (this.#peek() !== '\n') return;
      this.#at++;
      this.#readHereDocuments();
    }
  }

  #unexpected(what?: string, expecting?: string): ShellSyntaxError {
    const operator = this.#peekOperator();
    let found = what ?? `"${operator === '' ? this.#peekReserved() || 'word' : operator}"`;
    if (what === undefined && operator === '' && this.#peekReserved() === '') found = 'word';
    if (operator === '\n') found = 'newline';
    if (this.#at >= this.#text.length && what === undefined) found = 'end of file';
    const hint = expecting === undefined ? '' : ` (expecting "${expecting}")`;
    return new ShellSyntaxError(`${found} unexpected${hint}`);
  }
}
