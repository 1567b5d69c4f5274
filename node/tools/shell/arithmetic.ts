/**
 * `$((…))`: C's integer expressions, with names for variables (POSIX 2.6.4).
 */

/** Reads and sets variables. */
export interface ArithmeticVariables {
  get(name: string): string;
  set(name: string, value: string): void;
}

/** Operators of two sides by precedence, the weakest first. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<=', '>=', '<', '>'],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];
const TOKENS =
  /\s*(0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|<<=|>>=|\|\||&&|<<|>>|[-+*/%&|^<>=!]=|[-+*/%&|^<>=!~?:()])/y;

/** The value of an expression; an error text when it has none. */
export function evaluateArithmetic(text: string, variables: ArithmeticVariables): number | string {
  const tokens: string[] = [];
  TOKENS.lastIndex = 0;
  let end = 0;
  for (let match = TOKENS.exec(text); match !== null; match = TOKENS.exec(text)) {
    tokens.push(match[1]!);
    end = TOKENS.lastIndex;
  }
  if (text.slice(end).trim() !== '') return `arithmetic expression: expecting primary: "${text}"`;
  if (tokens.length === 0) return 0;
  const reader = new Reader(tokens, variables);
  const value = reader.assignment();
  if (reader.problem !== '') return `${reader.problem}: "${text}"`;
  return reader.isDone ? value : `arithmetic expression: expecting EOF: "${text}"`;
}

class Reader {
  readonly #tokens: readonly string[];
  readonly #variables: ArithmeticVariables;
  #at = 0;
  problem = '';

  constructor(tokens: readonly string[], variables: ArithmeticVariables) {
    this.#tokens = tokens;
    this.#variables = variables;
  }

  get isDone(): boolean {
    return this.#at === this.#tokens.length;
  }

  assignment(): number {
    const [name = '', operator = ''] = this.#tokens.slice(this.#at, this.#at + 2);
    const isName = /^[A-Za-z_]/.test(name);
    if (!isName || !/^(?:[-+*/%&|^]|<<|>>)?=$/.test(operator)) return this.#choice();
    this.#at += 2;
    const right = this.assignment();
    const before = this.#valueOf(name);
    const value = operator === '=' ? right : this.#apply(operator.slice(0, -1), before, right);
    this.#variables.set(name, String(value));
    return value;
  }

  #choice(): number {
    const condition = this.#level(0);
    if (!this.#take('?')) return condition;
    const [yes, no] = [this.assignment(), this.#take(':') ? this.assignment() : 0];
    return condition !== 0 ? yes : no;
  }

  #level(depth: number): number {
    const operators = LEVELS[depth];
    if (operators === undefined) return this.#unary();
    let left = this.#level(depth + 1);
    for (;;) {
      const operator = operators.find((one) => this.#tokens[this.#at] === one);
      if (operator === undefined) return left;
      this.#at++;
      left = this.#apply(operator, left, this.#level(depth + 1));
    }
  }

  #unary(): number {
    if (this.#take('-')) return -this.#unary();
    if (this.#take('+')) return this.#unary();
    if (this.#take('!')) return this.#unary() === 0 ? 1 : 0;
    if (this.#take('~')) return ~this.#unary();
    if (this.#take('(')) {
      const value = this.assignment();
      if (!this.#take(')'))
        this.problem = 'arithmetic expression: expecting `)`'.replaceAll('`', "'");
      return value;
    }
    const token = this.#tokens[this.#at++];
    if (token === undefined || !/^\w/.test(token)) {
      this.problem = 'arithmetic expression: expecting primary';
      return 0;
    }
    return /^\d/.test(token) ? Number(token) : this.#valueOf(token);
  }

  #valueOf(name: string): number {
    const value = Number(this.#variables.get(name) || 0);
    return Number.isNaN(value) ? 0 : Math.trunc(value);
  }

  #apply(operator: string, a: number, b: number): number {
    if ((operator === '/' || operator === '%') && b === 0) {
      this.problem = 'arithmetic expression: division by zero';
      return 0;
    }
    const results: Readonly<Record<string, () => number | boolean>> = {
      '||': () => a !== 0 || b !== 0,
      '&&': () => a !== 0 && b !== 0,
      '|': () => a | b,
      '^': () => a ^ b,
      '&': () => a & b,
      '==': () => a === b,
      '!=': () => a !== b,
      '<=': () => a <= b,
      '>=': () => a >= b,
      '<': () => a < b,
      '>': () => a > b,
      '<<': () => a << b,
      '>>': () => a >> b,
      '+': () => a + b,
      '-': () => a - b,
      '*': () => a * b,
      '/': () => Math.trunc(a / b),
      '%': () => a % b,
    };
    return Number(results[operator]!());
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }
}
