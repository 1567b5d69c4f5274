/**
 * `awk [-F SEPARATOR] [-v NAME=VALUE] PROGRAM [FILE…]`, as mawk of Debian 12 is used between pipes.
 */
import { parseOptions } from '../../options.ts';
import type { Process } from '../../process.ts';
import { readLines } from '../text-tools.ts';
import { formatted } from '../words-tools.ts';
import { AwkSyntaxError, type Expression, parseAwk, type Rule, type Statement } from './program.ts';

/** What a variable holds; text that looks like a number compares as one when it was read. */
type Value = number | string;

/** `awk` */
export function awk(process: Process, argv: readonly string[]): void {
  const options = parseOptions('awk', argv, '+F:v:');
  if (typeof options === 'string') {
    process.fail(2, `${options.replace('invalid option --', 'not an option:')}\n`);
    return;
  }
  const [source, ...paths] = options.operands;
  if (source === undefined) {
    process.fail(2, 'usage: awk [-F fs][-v var=value][prog | -f progfile][file ...]\n');
    return;
  }
  let rules: Rule[];
  try {
    rules = parseAwk(source);
  } catch (error) {
    if (!(error instanceof AwkSyntaxError)) throw error;
    process.fail(2, `awk: line 1: syntax error at or near ${error.message || 'end of file'}\n`);
    return;
  }
  const machine = new Machine(process);
  machine.variables.set('FS', options.value('F') ?? ' ');
  for (const { name, value } of options.given) {
    if (name === 'v')
      machine.variables.set(value.split('=')[0]!, value.slice(value.indexOf('=') + 1));
  }
  machine.run(rules, 'begin');
  if (machine.isOver || rules.every(({ when }) => when === 'begin')) {
    process.exit(0);
    return;
  }
  readLines(process, 'awk', paths, {
    onLine: (line) => {
      machine.take(line);
      machine.run(rules, 'line');
      return !machine.isOver;
    },
    onEnd: () => machine.run(rules, 'end'),
  });
}

/** What ends a rule before its time. */
class Leave extends Error {}

class Machine {
  readonly variables = new Map<string, Value>([
    ['NR', 0],
    ['NF', 0],
    ['OFS', ' '],
    ['ORS', '\n'],
  ]);
  readonly #arrays = new Map<string, Map<string, Value>>();
  readonly #process: Process;
  #line = '';
  #fields: string[] = [];
  isOver = false;

  constructor(process: Process) {
    this.#process = process;
  }

  /** The next line. */
  take(line: string): void {
    this.variables.set('NR', Number(this.variables.get('NR')) + 1);
    this.#setLine(line);
  }

  run(rules: readonly Rule[], when: Rule['when']): void {
    for (const { when: own, pattern, body } of rules) {
      if (own !== when || (this.isOver && when !== 'end')) continue;
      if (pattern !== undefined && !isTrue(this.#value(pattern))) continue;
      try {
        this.#statements(body);
      } catch (error) {
        if (!(error instanceof Leave)) throw error;
        return;
      }
    }
  }

  #setLine(line: string): void {
    this.#line = line;
    const separator = String(this.variables.get('FS'));
    if (separator === ' ')
      this.#fields = line
        .trim()
        .split(/[ \t]+/)
        .filter((field) => field !== '');
    else if (line === '') this.#fields = [];
    else
      this.#fields = line.split(
        separator.length === 1 && separator !== '|' ? separator : new RegExp(separator),
      );
    this.variables.set('NF', this.#fields.length);
  }

  #statements(body: readonly Statement[]): void {
    for (const statement of body) this.#statement(statement);
  }

  #statement(statement: Statement): void {
    switch (statement.kind) {
      case 'evaluate':
        this.#value(statement.expression);
        return;
      case 'print': {
        const operands = statement.operands.map((operand) => textOf(this.#value(operand)));
        const text =
          operands.length === 0 ? this.#line : operands.join(String(this.variables.get('OFS')));
        this.#process.print(text + String(this.variables.get('ORS')));
        return;
      }
      case 'printf': {
        const [format = '', ...rest] = statement.operands.map((operand) =>
          textOf(this.#value(operand)),
        );
        this.#process.print(formatted(format, rest).text);
        return;
      }
      case 'if':
        this.#statements(isTrue(this.#value(statement.condition)) ? statement.yes : statement.no);
        return;
      case 'while':
        while (isTrue(this.#value(statement.condition))) this.#statements(statement.body);
        return;
      case 'each':
        for (const key of [...this.#arrayOf(statement.array).keys()]) {
          this.variables.set(statement.variable, key);
          this.#statements(statement.body);
        }
        return;
      case 'delete':
        if (statement.index === undefined) this.#arrays.delete(statement.name);
        else this.#arrayOf(statement.name).delete(textOf(this.#value(statement.index)));
        return;
      default:
        if (statement.kind === 'exit') this.isOver = true;
        throw new Leave();
    }
  }

  #arrayOf(name: string): Map<string, Value> {
    const known = this.#arrays.get(name);
    if (known !== undefined) return known;
    const made = new Map<string, Value>();
    this.#arrays.set(name, made);
    return made;
  }

  #value(expression: Expression): Value {
    switch (expression.kind) {
      case 'number':
      case 'text':
        return expression.value;
      case 'expression':
        return Number(expression.value.test(this.#line));
      case 'variable':
        return this.variables.get(expression.name) ?? '';
      case 'field': {
        const index = numberOf(this.#value(expression.index));
        return index === 0 ? this.#line : (this.#fields[index - 1] ?? '');
      }
      case 'element':
        return this.#arrayOf(expression.name).get(textOf(this.#value(expression.index))) ?? '';
      case 'in':
        return Number(this.#arrayOf(expression.name).has(textOf(this.#value(expression.index))));
      case 'unary': {
        const value = this.#value(expression.operand);
        if (expression.operator === '!') return Number(!isTrue(value));
        return expression.operator === '-' ? -numberOf(value) : numberOf(value);
      }
      case 'choice':
        return this.#value(
          isTrue(this.#value(expression.condition)) ? expression.yes : expression.no,
        );
      case 'assign': {
        const { operator, target } = expression;
        const given = this.#value(expression.value);
        const value =
          operator === ''
            ? given
            : arithmetic(operator, numberOf(this.#value(target)), numberOf(given));
        this.#assign(target, value);
        return value;
      }
      case 'step': {
        const before = numberOf(this.#value(expression.target));
        this.#assign(expression.target, before + expression.by);
        return expression.isBefore ? before + expression.by : before;
      }
      case 'call':
        return this.#call(expression.name, expression.operands);
      default:
        return this.#binary(expression);
    }
  }

  #assign(target: Expression, value: Value): void {
    if (target.kind === 'variable') this.variables.set(target.name, value);
    else if (target.kind === 'element') {
      this.#arrayOf(target.name).set(textOf(this.#value(target.index)), value);
    } else if (target.kind === 'field') {
      const index = numberOf(this.#value(target.index));
      if (index === 0) {
        this.#setLine(textOf(value));
        return;
      }
      while (this.#fields.length < index) this.#fields.push('');
      this.#fields[index - 1] = textOf(value);
      this.variables.set('NF', this.#fields.length);
      this.#line = this.#fields.join(String(this.variables.get('OFS')));
    }
  }

  #binary(expression: Extract<Expression, { kind: 'binary' }>): Value {
    const { operator } = expression;
    const left = this.#value(expression.left);
    if (operator === '&&') return Number(isTrue(left) && isTrue(this.#value(expression.right)));
    if (operator === '||') return Number(isTrue(left) || isTrue(this.#value(expression.right)));
    if (operator === '~' || operator === '!~') {
      return Number(this.#patternOf(expression.right).test(textOf(left)) === (operator === '~'));
    }
    const right = this.#value(expression.right);
    if (operator === '') return textOf(left) + textOf(right);
    if (/^[<>=!]/.test(operator)) return Number(compare(operator, left, right));
    return arithmetic(operator, numberOf(left), numberOf(right));
  }

  #patternOf(expression: Expression): RegExp {
    return expression.kind === 'expression'
      ? expression.value
      : new RegExp(textOf(this.#value(expression)));
  }

  #call(name: string, operands: readonly Expression[]): Value {
    const value = (index: number): Value =>
      operands[index] === undefined ? '' : this.#value(operands[index]);
    switch (name) {
      case 'length':
        return operands.length === 0 ? this.#line.length : this.#length(operands[0]!);
      case 'substr': {
        const start = numberOf(value(1)) - 1;
        const end = operands.length > 2 ? start + numberOf(value(2)) : undefined;
        return textOf(value(0)).slice(Math.max(0, start), end);
      }
      case 'index':
        return textOf(value(0)).indexOf(textOf(value(1))) + 1;
      case 'split': {
        const [, array] = operands;
        const separator = operands.length > 2 ? textOf(value(2)) : ' ';
        const text = textOf(value(0));
        const parts = separator === ' ' ? text.trim().split(/\s+/) : text.split(separator);
        if (array?.kind === 'variable') {
          this.#arrays.set(array.name, new Map(parts.map((part, i) => [String(i + 1), part])));
        }
        return text === '' ? 0 : parts.length;
      }
      case 'sub':
      case 'gsub': {
        const target: Expression = operands[2] ?? {
          kind: 'field',
          index: { kind: 'number', value: 0 },
        };
        const { source } = this.#patternOf(operands[0]!);
        const before = textOf(this.#value(target));
        const pattern = new RegExp(source, name === 'gsub' ? 'g' : '');
        const count = before.match(pattern)?.length ?? 0;
        const by = textOf(value(1))
          .replaceAll('$', '$$$$')
          .replaceAll(/\\&|&/g, (mark) => (mark === '&' ? '$&' : '&'));
        if (count > 0) this.#assign(target, before.replace(pattern, by));
        return name === 'gsub' ? count : Math.min(count, 1);
      }
      case 'match': {
        const found = this.#patternOf(operands[1]!).exec(textOf(value(0)));
        this.variables.set('RSTART', found === null ? 0 : found.index + 1);
        this.variables.set('RLENGTH', found === null ? -1 : found[0].length);
        return found === null ? 0 : found.index + 1;
      }
      case 'sprintf': {
        const [format = '', ...rest] = operands.map((operand) => textOf(this.#value(operand)));
        return formatted(format, rest).text;
      }
      case 'tolower':
        return textOf(value(0)).toLowerCase();
      case 'toupper':
        return textOf(value(0)).toUpperCase();
      case 'int':
        return Math.trunc(numberOf(value(0)));
      default:
        return '';
    }
  }

  #length(operand: Expression): number {
    const isArray = operand.kind === 'variable' && this.#arrays.has(operand.name);
    return isArray ? this.#arrayOf(operand.name).size : textOf(this.#value(operand)).length;
  }
}

function isTrue(value: Value): boolean {
  return typeof value === 'number'
    ? value !== 0
    : value !== '' && !/^\s*[-+]?0+(\.0*)?\s*$/.test(value);
}

/** `OFMT` is `%.6g`, whole numbers as they are. */
function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

function numberOf(value: Value): number {
  if (typeof value === 'number') return value;
  return Number(/^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?/.exec(value)?.[0] ?? 0);
}

const LOOKS_NUMERIC = /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/;

function compare(operator: string, left: Value, right: Value): boolean {
  const areNumbers = [left, right].every(
    (value) => typeof value === 'number' || LOOKS_NUMERIC.test(value),
  );
  const [a, b] = areNumbers ? [numberOf(left), numberOf(right)] : [textOf(left), textOf(right)];
  switch (operator) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    default:
      return a >= b;
  }
}

function arithmetic(operator: string, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '%':
      return a % b;
    default:
      return a ** b;
  }
}
