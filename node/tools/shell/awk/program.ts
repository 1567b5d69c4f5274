/**
 * The grammar of awk programs, as far as people type them between pipes: patterns and actions,
 * expressions, `if`, `for`, `while`, arrays, `print` and `printf`.
 */

/** An expression. */
export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'expression'; readonly value: RegExp }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'field'; readonly index: Expression }
  | { readonly kind: 'element'; readonly name: string; readonly index: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression }
  | {
      readonly kind: 'choice';
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    }
  | {
      readonly kind: 'assign';
      readonly operator: string;
      readonly target: Expression;
      readonly value: Expression;
    }
  | {
      readonly kind: 'step';
      readonly by: number;
      readonly isBefore: boolean;
      readonly target: Expression;
    }
  | { readonly kind: 'in'; readonly index: Expression; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly operands: readonly Expression[] };

/** A statement. */
export type Statement =
  | { readonly kind: 'evaluate'; readonly expression: Expression }
  | { readonly kind: 'print' | 'printf'; readonly operands: readonly Expression[] }
  | {
      readonly kind: 'if';
      readonly condition: Expression;
      readonly yes: readonly Statement[];
      readonly no: readonly Statement[];
    }
  | { readonly kind: 'while'; readonly condition: Expression; readonly body: readonly Statement[] }
  | {
      readonly kind: 'each';
      readonly variable: string;
      readonly array: string;
      readonly body: readonly Statement[];
    }
  | { readonly kind: 'next' | 'exit' }
  | { readonly kind: 'delete'; readonly name: string; readonly index: Expression | undefined };

/** When something is done: `BEGIN`, `END`, for lines that fit, for all. */
export interface Rule {
  readonly when: 'begin' | 'end' | 'line';
  readonly pattern: Expression | undefined;
  readonly body: readonly Statement[];
}

const TOKEN = new RegExp(
  [
    String.raw`\s*(?:#[^\n]*)?(?:(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)`,
    String.raw`"((?:[^"\\]|\\.)*)"`,
    String.raw`([A-Za-z_]\w*)`,
    String.raw`(\+\+|--|&&|\|\||[-+*/%=!<>]=|!~|[-+*/%^=!<>~?:;,(){}[\]$\n]))`,
  ].join('|'),
  'y',
);

interface Token {
  readonly kind: 'number' | 'text' | 'name' | 'mark' | 'end';
  readonly text: string;
}

/** Something that is no program. */
export class AwkSyntaxError extends Error {}

/** Reads a program; throws {@link AwkSyntaxError}. */
export function parseAwk(source: string): Rule[] {
  return new Parser(source).rules();
}

/** Binary operators by precedence, the weakest first; the empty one puts texts together. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['~', '!~'],
  ['<', '<=', '==', '!=', '>', '>='],
  [''],
  ['+', '-'],
  ['*', '/', '%'],
];

class Parser {
  readonly #source: string;
  #at = 0;
  #token: Token = { kind: 'end', text: '' };
  /** Where the present token begins. */
  #from = 0;

  constructor(source: string) {
    this.#source = source;
    this.#next();
  }

  rules(): Rule[] {
    const rules: Rule[] = [];
    for (;;) {
      this.#skipEnds();
      if (this.#token.kind === 'end') return rules;
      const isBegin = this.#takeName('BEGIN');
      const isEnd = !isBegin && this.#takeName('END');
      const when = isBegin ? 'begin' : isEnd ? 'end' : 'line';
      const pattern = when === 'line' && !this.#is('{') ? this.#expression() : undefined;
      const body: Statement[] = this.#is('{') ? this.#block() : [{ kind: 'print', operands: [] }];
      rules.push({ when, pattern, body });
    }
  }

  #block(): Statement[] {
    this.#expect('{');
    const body: Statement[] = [];
    for (;;) {
      this.#skipEnds();
      if (this.#take('}')) return body;
      body.push(...this.#statement());
    }
  }

  #body(): Statement[] {
    while (this.#take('\n'));
    return this.#is('{') ? this.#block() : this.#statement();
  }

  #statement(): Statement[] {
    if (this.#is('{')) return this.#block();
    if (this.#takeName('if')) {
      this.#expect('(');
      const condition = this.#expression();
      this.#expect(')');
      const yes = this.#body();
      const place = [this.#at, this.#from, this.#token] as const;
      this.#skipEnds();
      if (this.#takeName('else')) return [{ kind: 'if', condition, yes, no: this.#body() }];
      [this.#at, this.#from, this.#token] = place;
      return [{ kind: 'if', condition, yes, no: [] }];
    }
    if (this.#takeName('while')) {
      this.#expect('(');
      const condition = this.#expression();
      this.#expect(')');
      return [{ kind: 'while', condition, body: this.#body() }];
    }
    if (this.#takeName('for')) return this.#for();
    const statement = this.#simple();
    if (!this.#is('}') && this.#token.kind !== 'end' && !this.#take(';')) this.#expect('\n');
    return [statement];
  }

  #for(): Statement[] {
    this.#expect('(');
    const each = /\s*(\w+)\s+in\s+(\w+)\s*\)/y;
    each.lastIndex = this.#from;
    const found = each.exec(this.#source);
    if (found !== null) {
      this.#at = each.lastIndex;
      this.#next();
      return [{ kind: 'each', variable: found[1]!, array: found[2]!, body: this.#body() }];
    }
    const first = this.#is(';') ? [] : [this.#simple()];
    this.#expect(';');
    const condition: Expression = this.#is(';') ? { kind: 'number', value: 1 } : this.#expression();
    this.#expect(';');
    const step = this.#is(')') ? [] : [this.#simple()];
    this.#expect(')');
    return [...first, { kind: 'while', condition, body: [...this.#body(), ...step] }];
  }

  #simple(): Statement {
    for (const kind of ['print', 'printf'] as const) {
      if (!this.#takeName(kind)) continue;
      const isEmpty = [';', '\n', '}'].some((mark) => this.#is(mark)) || this.#token.kind === 'end';
      if (isEmpty) return { kind, operands: [] };
      const first = this.#expression();
      // parentheses round all operands
      const operands = first.kind === 'call' && first.name === ',' ? [...first.operands] : [first];
      while (this.#take(',')) operands.push(this.#expression());
      return { kind, operands };
    }
    if (this.#takeName('next')) return { kind: 'next' };
    if (this.#takeName('exit')) return { kind: 'exit' };
    if (this.#takeName('delete')) {
      const name = this.#name();
      if (!this.#take('[')) return { kind: 'delete', name, index: undefined };
      const index = this.#expression();
      this.#expect(']');
      return { kind: 'delete', name, index };
    }
    return { kind: 'evaluate', expression: this.#expression() };
  }

  #expression(): Expression {
    const left = this.#choice();
    const operator = ['=', '+=', '-=', '*=', '/=', '%='].find((mark) => this.#is(mark));
    if (operator === undefined) return left;
    this.#next();
    return {
      kind: 'assign',
      operator: operator.slice(0, -1),
      target: left,
      value: this.#expression(),
    };
  }

  #choice(): Expression {
    const condition = this.#in();
    if (!this.#take('?')) return condition;
    const yes = this.#expression();
    this.#expect(':');
    return { kind: 'choice', condition, yes, no: this.#expression() };
  }

  #in(): Expression {
    const index = this.#level(0);
    return this.#takeName('in') ? { kind: 'in', index, name: this.#name() } : index;
  }

  #level(depth: number): Expression {
    const operators = LEVELS[depth];
    if (operators === undefined) return this.#unary();
    let left = this.#level(depth + 1);
    for (;;) {
      const isJoin = operators[0] === '' && this.#beginsOperand();
      const operator = isJoin ? '' : operators.find((mark) => mark !== '' && this.#is(mark));
      if (operator === undefined) return left;
      if (!isJoin) this.#next();
      left = { kind: 'binary', operator, left, right: this.#level(depth + 1) };
    }
  }

  #beginsOperand(): boolean {
    const { kind, text } = this.#token;
    if (kind === 'name') return text !== 'in';
    return (
      kind === 'number' || kind === 'text' || (kind === 'mark' && ['$', '(', '!'].includes(text))
    );
  }

  #unary(): Expression {
    for (const operator of ['!', '-', '+']) {
      if (this.#take(operator)) return { kind: 'unary', operator, operand: this.#unary() };
    }
    for (const [mark, by] of [
      ['++', 1],
      ['--', -1],
    ] as const) {
      if (this.#take(mark)) return { kind: 'step', by, isBefore: true, target: this.#power() };
    }
    return this.#power();
  }

  #power(): Expression {
    const left = this.#postfix();
    if (!this.#take('^')) return left;
    return { kind: 'binary', operator: '^', left, right: this.#unary() };
  }

  #postfix(): Expression {
    const target = this.#primary();
    if (this.#take('++')) return { kind: 'step', by: 1, isBefore: false, target };
    if (this.#take('--')) return { kind: 'step', by: -1, isBefore: false, target };
    return target;
  }

  #primary(): Expression {
    const { kind, text } = this.#token;
    if (kind === 'mark' && (text === '/' || text === '/=')) return this.#regularExpression();
    if (this.#take('$')) return { kind: 'field', index: this.#postfixOperand() };
    if (this.#take('(')) {
      const first = this.#expression();
      const operands = [first];
      while (this.#take(',')) operands.push(this.#expression());
      this.#expect(')');
      return operands.length === 1 ? first : { kind: 'call', name: ',', operands };
    }
    this.#next();
    if (kind === 'number') return { kind: 'number', value: Number(text) };
    if (kind === 'text') return { kind: 'text', value: text };
    if (kind !== 'name') throw new AwkSyntaxError(text);
    if (this.#take('[')) {
      const index = this.#expression();
      this.#expect(']');
      return { kind: 'element', name: text, index };
    }
    if (!this.#is('(')) {
      return text === 'length'
        ? { kind: 'call', name: text, operands: [] }
        : { kind: 'variable', name: text };
    }
    this.#next();
    const operands: Expression[] = [];
    while (!this.#take(')')) {
      operands.push(this.#expression());
      this.#take(',');
    }
    return { kind: 'call', name: text, operands };
  }

  /** `$NF`, `$1`, `$(i + 1)`, `$i++`. */
  #postfixOperand(): Expression {
    if (this.#take('++')) return { kind: 'step', by: 1, isBefore: true, target: this.#primary() };
    return this.#primary();
  }

  #regularExpression(): Expression {
    const body = /((?:[^/\\[\n]|\\.|\[[^\]\n]*\])*)\//y;
    body.lastIndex = this.#from + 1;
    const found = body.exec(this.#source);
    if (found === null) throw new AwkSyntaxError('/');
    this.#at = body.lastIndex;
    this.#next();
    return { kind: 'expression', value: new RegExp(found[1]!) };
  }

  #name(): string {
    const { kind, text } = this.#token;
    if (kind !== 'name') throw new AwkSyntaxError(text);
    this.#next();
    return text;
  }

  #skipEnds(): void {
    while (this.#take(';') || this.#take('\n'));
  }

  #is(mark: string): boolean {
    return this.#token.kind === 'mark' && this.#token.text === mark;
  }

  #take(mark: string): boolean {
    if (!this.#is(mark)) return false;
    this.#next();
    return true;
  }

  #takeName(name: string): boolean {
    if (this.#token.kind !== 'name' || this.#token.text !== name) return false;
    this.#next();
    return true;
  }

  #expect(mark: string): void {
    if (!this.#take(mark)) throw new AwkSyntaxError(this.#token.text);
  }

  #next(): void {
    const blanks = /(?:[ \t]|\\\n|#[^\n]*)*/y;
    blanks.lastIndex = this.#at;
    blanks.exec(this.#source);
    this.#from = blanks.lastIndex;
    if (this.#source[this.#from] === '\n') {
      this.#at = this.#from + 1;
      this.#token = { kind: 'mark', text: '\n' };
      return;
    }
    TOKEN.lastIndex = this.#from;
    const match = TOKEN.exec(this.#source);
    if (match === null) {
      if (this.#from < this.#source.length) throw new AwkSyntaxError(this.#source[this.#from]!);
      this.#token = { kind: 'end', text: '' };
      return;
    }
    this.#at = TOKEN.lastIndex;
    const [, number, text, name, mark] = match;
    if (number !== undefined) this.#token = { kind: 'number', text: number };
    else if (text !== undefined) this.#token = { kind: 'text', text: unescaped(text) };
    else if (name !== undefined) this.#token = { kind: 'name', text: name };
    else this.#token = { kind: 'mark', text: mark! };
  }
}

function unescaped(text: string): string {
  const letters: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
  return text.replaceAll(/\\(.)/g, (_, c: string) => letters[c] ?? c);
}
