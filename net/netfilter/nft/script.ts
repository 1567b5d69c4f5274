/**
 * The text of `nft -f`: blocks of tables, chains, sets and maps, `define` and comments, as the
 * commands that they stand for, each with the line where it is written.
 * Mirrors nftables' `src/scanner.l` and the nesting of `src/parser_bison.y`.
 */

/** A command of a script. */
export interface ScriptCommand {
  readonly text: string;
  /** From 1 on. */
  readonly line: number;
}

/** A statement of a script: words, and what stands in its braces. */
interface Statement {
  readonly head: string;
  readonly line: number;
  /** The statements in its braces; undefined when it has none. */
  readonly body: readonly Statement[] | undefined;
}

/** The commands of a script in the order in which they must run. */
export function commandsOf(script: string): ScriptCommand[] {
  const commands: ScriptCommand[] = [];
  const reader = new ScriptReader(withDefines(script));
  for (const statement of reader.statements()) expand(statement, commands);
  return commands;
}

/** Replaces `$NAME` by what `define NAME = …` says; comments go. */
function withDefines(script: string): string {
  const values = new Map<string, string>();
  const lines = script.replaceAll(/\\\n/g, ' ').split('\n');
  return lines
    .map((line) => {
      const bare = line.replace(/^((?:[^"#]|"[^"]*")*)#.*$/, '$1');
      const text = bare.replaceAll(/\$(\w+)/g, (whole, name: string) => values.get(name) ?? whole);
      const define = /^\s*(?:re)?define\s+(\w+)\s*=\s*(.*)$/.exec(text);
      if (define === null) return text;
      values.set(define[1]!, define[2]!.trim());
      return '';
    })
    .join('\n');
}

/** A block of a table stands for commands that make its parts, chains before the rules in them. */
function expand({ head, line, body }: Statement, commands: ScriptCommand[]): void {
  const table = /^(?:add\s+|create\s+)?table\s+(.+)$/.exec(head)?.[1];
  if (body === undefined) {
    if (head !== '') commands.push({ text: head, line });
    return;
  }
  if (table === undefined) {
    commands.push({ text: `${head} { ${flat(body)} }`, line });
    return;
  }
  commands.push({ text: `add table ${table}`, line });
  const rules: ScriptCommand[] = [];
  for (const part of body) {
    const [kind = '', name = ''] = part.head.split(/\s+/);
    const inner = part.body ?? [];
    if (kind !== 'chain') {
      // a map's elements may lead to chains that come later
      const isLate = ({ head: text }: Statement) => kind === 'map' && text.startsWith('elements');
      const facts = flat(inner.filter((statement) => !isLate(statement)));
      commands.push({ text: `add ${kind} ${table} ${name} { ${facts} }`, line: part.line });
      for (const { head: elements, line: at } of inner.filter(isLate)) {
        const block = elements.replace(/^elements\s*=\s*/, '');
        rules.push({ text: `add element ${table} ${name} ${block}`, line: at });
      }
      continue;
    }
    const isHead = ({ head: text }: Statement) => /^(type|policy)\s/.test(text);
    const base = inner.filter(isHead);
    const block = base.length === 0 ? '' : ` { ${flat(base)} }`;
    commands.push({ text: `add chain ${table} ${name}${block}`, line: part.line });
    for (const rule of inner.filter((statement) => !isHead(statement))) {
      rules.push({ text: `add rule ${table} ${name} ${rule.head}`, line: rule.line });
    }
  }
  commands.push(...rules);
}

function flat(statements: readonly Statement[]): string {
  return statements.map(({ head }) => `${head};`).join(' ');
}

/** Reads statements, which end with a line, a `;` or a `}`. */
class ScriptReader {
  readonly #script: string;
  #at = 0;
  #line = 1;

  constructor(script: string) {
    this.#script = script;
  }

  /** Up to the closing brace, or to the end. */
  statements(): Statement[] {
    const statements: Statement[] = [];
    let head = '';
    let line = this.#line;
    const take = (body?: readonly Statement[]) => {
      const text = head.trim().replaceAll(/\s+/g, ' ');
      if (text !== '' || body !== undefined) statements.push({ head: text, line, body });
      head = '';
    };
    for (; this.#at < this.#script.length; this.#at++) {
      const c = this.#script[this.#at]!;
      if (head.trim() === '') line = this.#line;
      if (c === '\n') this.#line++;
      if (c === '"') {
        const end = this.#script.indexOf('"', this.#at + 1);
        const stop = end < 0 ? this.#script.length : end + 1;
        head += this.#script.slice(this.#at, stop);
        this.#at = stop - 1;
      } else if (c === '{' && isInline(head)) head += this.#inlineBlock();
      else if (c === '{') {
        this.#at++;
        take(this.statements());
      } else if (c === '}') break;
      else if (c === '\n' || c === ';') take();
      else head += c;
    }
    take();
    return statements;
  }

  /** A set within a rule, with its braces and on however many lines. */
  #inlineBlock(): string {
    const start = this.#at;
    let depth = 0;
    for (; this.#at < this.#script.length; this.#at++) {
      const c = this.#script[this.#at]!;
      if (c === '\n') this.#line++;
      if (c === '{') depth++;
      if (c === '}' && --depth === 0) break;
    }
    return this.#script.slice(start, this.#at + 1).replaceAll(/\s+/g, ' ');
  }
}

/** Braces behind these words hold statements of their own; all others belong to the line. */
function isInline(head: string): boolean {
  const text = head.trim();
  const isBlock = /^((add|create)\s+)?table\s+\S+(\s+\S+)?$/.test(text);
  return !isBlock && !/^(chain|set|map)\s+\S+$/.test(text);
}
