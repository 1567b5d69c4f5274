/**
 * Command line options as GNU `getopt_long` reads them, with its words for what is wrong.
 */

/** What a long option takes. */
export type LongOptions = Readonly<Record<string, 'flag' | 'value'>>;

/** An option as it was given: its letter or its long name, and its value ('' for a flag). */
export interface GivenOption {
  readonly name: string;
  readonly value: string;
}

/** The options and operands of a command line. */
export class Options {
  readonly given: readonly GivenOption[];
  readonly operands: readonly string[];

  constructor(given: readonly GivenOption[], operands: readonly string[]) {
    this.given = given;
    this.operands = operands;
  }

  /** True when one of the names was given. */
  has(...names: string[]): boolean {
    return this.given.some((option) => names.includes(option.name));
  }

  /** The value of the last option of these names. */
  value(...names: string[]): string | undefined {
    return this.given.findLast((option) => names.includes(option.name))?.value;
  }
}

/**
 * Reads a command line. `letters` is getopt's (`c:n`: c takes a value, n does not; a `+` in front
 * stops at the first operand). An error is getopt's own, such as `ping: invalid option -- 'z'`.
 */
export function parseOptions(
  tool: string,
  argv: readonly string[],
  letters: string,
  longs: LongOptions = {},
): Options | string {
  const stopsEarly = letters.startsWith('+');
  const given: GivenOption[] = [];
  const operands: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === '--') {
      operands.push(...argv.slice(at + 1));
      break;
    }
    if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const spelling = word.slice(2, equals < 0 ? undefined : equals);
      const name = longNameOf(spelling, longs);
      if (name === undefined) return `${tool}: unrecognized option '${word}'`;
      if (longs[name] === 'flag') {
        if (equals >= 0) return `${tool}: option '--${name}' doesn't allow an argument`;
        given.push({ name, value: '' });
        continue;
      }
      const value = equals < 0 ? argv[++at] : word.slice(equals + 1);
      if (value === undefined) return `${tool}: option '--${name}' requires an argument`;
      given.push({ name, value });
      continue;
    }
    if (word.length < 2 || word[0] !== '-') {
      operands.push(word);
      if (!stopsEarly) continue;
      operands.push(...argv.slice(at + 1));
      break;
    }
    for (let i = 1; i < word.length; i++) {
      const letter = word[i]!;
      const place = letter === ':' || letter === '+' ? -1 : letters.indexOf(letter);
      if (place < 0) return `${tool}: invalid option -- '${letter}'`;
      if (letters[place + 1] !== ':') {
        given.push({ name: letter, value: '' });
        continue;
      }
      const value = i + 1 < word.length ? word.slice(i + 1) : argv[++at];
      if (value === undefined) return `${tool}: option requires an argument -- '${letter}'`;
      given.push({ name: letter, value });
      break;
    }
  }
  return new Options(given, operands);
}

/** The long option of this name, or the only one that begins with it. */
function longNameOf(spelling: string, longs: LongOptions): string | undefined {
  if (Object.hasOwn(longs, spelling)) return spelling;
  const fitting = Object.keys(longs).filter((name) => name.startsWith(spelling));
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** A number with digits and at most one point, such as `0.2`; undefined for anything else. */
export function parseDecimal(text: string): number | undefined {
  return /^\d+(\.\d*)?$|^\.\d+$/.test(text) ? Number(text) : undefined;
}
