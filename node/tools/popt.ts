/**
 * Command line options as the library popt reads them: short ones may stand together, long ones are
 * written out, and what is no option is left over. Options come in the order in which they stand, and
 * the first that cannot be read ends the reading (`poptGetNextOpt`).
 */

/** An option: its names, and whether a word belongs to it. */
export interface PoptOption {
  readonly long: string;
  readonly short?: string;
  /** `maybe`: the next word, unless that is an option itself. */
  readonly takes?: 'word' | 'maybe';
}

/** An option that was given, by its long name. */
export interface PoptItem {
  readonly name: string;
  readonly value: string | undefined;
}

/** What stood on a command line. */
export interface PoptLine {
  readonly items: readonly PoptItem[];
  readonly operands: readonly string[];
  /** The word that could not be read and why, in popt's words. */
  readonly error: string | undefined;
}

/** Reads the words behind the program's name. */
export function readPopt(words: readonly string[], options: readonly PoptOption[]): PoptLine {
  const items: PoptItem[] = [];
  const operands: string[] = [];
  let next = 0;
  /** The word of an option, glued to it or the next one; null when it is missing. */
  const wordOf = ({ takes }: PoptOption, glued: string | undefined): string | undefined | null => {
    if (glued !== undefined) return glued;
    if (next === words.length) return takes === 'maybe' ? undefined : null;
    if (takes === 'maybe' && words[next]!.startsWith('-')) return undefined;
    return words[next++]!;
  };
  while (next < words.length) {
    const word = words[next++]!;
    if (word === '--') {
      operands.push(...words.slice(next));
      break;
    }
    if (word.length < 2 || word[0] !== '-') {
      operands.push(word);
      continue;
    }
    for (const { option, glued } of optionsOf(word, options)) {
      if (option === undefined) return { items, operands, error: `${word}: unknown option` };
      const value = option.takes === undefined ? undefined : wordOf(option, glued);
      if (value === null) return { items, operands, error: `${word}: missing argument` };
      items.push({ name: option.long, value });
    }
  }
  return { items, operands, error: undefined };
}

interface Spelled {
  readonly option: PoptOption | undefined;
  readonly glued?: string | undefined;
}

/** The options of one word, and what is glued to the last of them. */
function* optionsOf(word: string, options: readonly PoptOption[]): IterableIterator<Spelled> {
  if (word.startsWith('--')) {
    const [name, ...rest] = word.slice(2).split('=');
    const option = options.find(({ long }) => long === name);
    yield { option, glued: rest.length > 0 ? rest.join('=') : undefined };
    return;
  }
  for (let at = 1; at < word.length; at++) {
    const option = options.find(({ short }) => short === word[at]);
    const rest = word.slice(at + 1).replace(/^=/, '');
    const isLast = option === undefined || option.takes !== undefined;
    yield { option, glued: isLast && rest !== '' ? rest : undefined };
    if (isLast) return;
  }
}
