/**
 * The `u32` match: arithmetic on words of the packet; Docker finds the VNI in VXLAN with it.
 * Mirrors `extensions/libxt_u32.c` and `net/netfilter/xt_u32.c`.
 */
import { readU32 } from '../../../wire/bytes.ts';
import type { Match, MatchKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { mustBeSpecified } from '../options.ts';
import { hexText } from '../protocols.ts';

type Operator = '&' | '<<' | '>>' | '@';

interface Step {
  readonly operator: Operator;
  readonly number: number;
}

interface Test {
  readonly start: number;
  readonly steps: Step[];
  readonly ranges: { readonly min: number; readonly max: number }[];
}

const ABRUPT_END = 'u32: abrupt end of input after location specifier';

/** Reads the little language of `--u32`. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The tests, or iptables' error text. */
  read(): Test[] | string {
    const tests: Test[] = [];
    for (;;) {
      const test = this.#readTest();
      if (typeof test === 'string') return test;
      tests.push(test);
      if (this.#isAtEnd()) return tests;
      this.#take('&');
      if (!this.#take('&')) return this.#error("a second '&' was expected");
    }
  }

  #error(reason: string): string {
    return `u32: at char ${this.#at}: ${reason}`;
  }

  #skipBlanks(): void {
    while (this.#text[this.#at] === ' ') this.#at++;
  }

  #isAtEnd(): boolean {
    this.#skipBlanks();
    return this.#at >= this.#text.length;
  }

  #take(token: string): boolean {
    this.#skipBlanks();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #readNumber(): number | undefined {
    this.#skipBlanks();
    const found = /^(0x[0-9a-f]+|\d+)/i.exec(this.#text.slice(this.#at));
    if (found === null) return undefined;
    const word = found[0]!;
    const isOctal = /^0[0-7]+$/.test(word);
    const number = isOctal ? Number.parseInt(word, 8) : Number(word);
    if (number > 0xffff_ffff) return undefined;
    this.#at += word.length;
    return number;
  }

  #readTest(): Test | string {
    if (this.#isAtEnd()) return ABRUPT_END;
    const start = this.#readNumber();
    if (start === undefined) return this.#error('not a number or out of range');
    const test: Test = { start, steps: [], ranges: [] };
    while (!this.#take('=')) {
      if (this.#isAtEnd()) return ABRUPT_END;
      const operator = (['<<', '>>', '&', '@'] as const).find((token) => this.#take(token));
      if (operator === undefined) return this.#error('operator expected');
      const number = this.#readNumber();
      if (number === undefined) return this.#error('not a number or out of range');
      test.steps.push({ operator, number });
    }
    if (this.#isAtEnd()) return 'u32: test ended with no value specified';
    do {
      const min = this.#readNumber();
      if (min === undefined) return this.#error('not a number or out of range');
      const max = this.#take(':') ? this.#readNumber() : min;
      if (max === undefined) return this.#error('not a number or out of range');
      test.ranges.push({ min, max });
    } while (this.#take(','));
    const isEnded = this.#isAtEnd() || this.#text[this.#at] === '&';
    return isEnded ? test : this.#error('expected "," or "&&"');
  }
}

function testText({ start, steps, ranges }: Test): string {
  const location = steps.map(({ operator, number }) => operator + hexText(number)).join('');
  const values = ranges.map(({ min, max }) =>
    min === max ? hexText(min) : `${hexText(min)}:${hexText(max)}`,
  );
  return `${hexText(start)}${location}=${values.join(',')}`;
}

/** Evaluates one test on the packet in [at, end). */
function holds(test: Test, bytes: Uint8Array, at: number, end: number): boolean {
  let base = at;
  if (end - base < 4 || test.start > end - base - 4) return false;
  let value = readU32(bytes, base + test.start);
  const { steps, ranges } = test;
  for (let i = 0; i < steps.length; i++) {
    const { operator, number } = steps[i]!;
    switch (operator) {
      case '&':
        value = (value & number) >>> 0;
        break;
      case '<<':
        value = (value << number) >>> 0;
        break;
      case '>>':
        value >>>= number;
        break;
      case '@':
        base += value;
        if (end - base < 4 || number > end - base - 4) return false;
        value = readU32(bytes, base + number);
        break;
    }
  }
  for (let i = 0; i < ranges.length; i++) {
    const { min, max } = ranges[i]!;
    if (value >= min && value <= max) return true;
  }
  return false;
}

class U32Match implements Match {
  #tests: Test[] = [];
  #isNegated = false;

  option(_name: string, value: string, isNegated: boolean): string | undefined {
    const tests = new Reader(value).read();
    if (typeof tests === 'string') return tests;
    this.#tests = tests;
    this.#isNegated = isNegated;
    return undefined;
  }

  finish(): string | undefined {
    return this.#tests.length === 0 ? mustBeSpecified('u32', '--u32') : undefined;
  }

  /** No word is shifted by its length or more (`u32_mt_checkentry`). */
  isAllowed(): boolean {
    const steps = this.#tests.flatMap((test) => test.steps);
    return !steps.some(({ operator, number }) => operator.length === 2 && number > 31);
  }

  matches(inspection: Inspection): boolean {
    const { bytes, at, end } = inspection;
    for (let i = 0; i < this.#tests.length; i++) {
      if (!holds(this.#tests[i]!, bytes, at, end)) return this.#isNegated;
    }
    return !this.#isNegated;
  }

  get #text(): string {
    return `"${this.#tests.map(testText).join('&&')}"`;
  }

  save(): string {
    return `${this.#isNegated ? ' !' : ''} --u32 ${this.#text}`;
  }

  list(): string {
    return ` u32${this.#isNegated ? ' !' : ''} ${this.#text}`;
  }
}

/** `-m u32`. */
export const u32Match: MatchKind = {
  name: 'u32',
  options: ['--u32='],
  create: () => new U32Match(),
};
