/**
 * The words of nft's language, with where they stand, for errors that underline them.
 * Mirrors the scanner of nftables (`src/scanner.l`) as far as rules are written with it.
 */

/** One word; a quoted one without its quotes. */
export interface Word {
  readonly text: string;
  /** Offset in the line, from 0. */
  readonly at: number;
  readonly isQuoted: boolean;
}

const PATTERN = /"([^"]*)"|#.*|[{}:;,&]|==|!=|=|[^\s{}:;,&="!]+/g;

/** The words of one line; what follows a `#` is left out. */
export function wordsOf(line: string): Word[] {
  const words: Word[] = [];
  for (const match of line.matchAll(PATTERN)) {
    if (match[0].startsWith('#')) break;
    const isQuoted = match[1] !== undefined;
    words.push({ text: match[1] ?? match[0], at: match.index, isQuoted });
  }
  return words;
}

/** A refusal: what is wrong, and the words that it is about. */
export class NftProblem extends Error {
  readonly at: number;
  readonly lengthChars: number;

  constructor(message: string, word: Word | undefined, lineLength: number) {
    super(message);
    this.at = word?.at ?? lineLength;
    this.lengthChars = word === undefined ? 1 : word.text.length + (word.isQuoted ? 2 : 0);
  }
}

/** Reads words one after the other. */
export class WordReader {
  readonly #words: readonly Word[];
  readonly #lineLength: number;
  #at = 0;

  constructor(words: readonly Word[], lineLength: number) {
    this.#words = words;
    this.#lineLength = lineLength;
  }

  /** True when nothing is left. */
  get isAtEnd(): boolean {
    return this.#at >= this.#words.length;
  }

  /** The text of the next word; empty at the end. */
  get next(): string {
    return this.#words[this.#at]?.text ?? '';
  }

  /** The next word, left where it is. */
  peek(): Word | undefined {
    return this.#words[this.#at];
  }

  /** The next word; a problem at the end. */
  take(): Word {
    const word = this.#words[this.#at];
    if (word === undefined) throw this.unexpected();
    this.#at++;
    return word;
  }

  /** Takes the next word if it is this one. */
  takeIf(text: string): boolean {
    const word = this.#words[this.#at];
    if (word === undefined || word.isQuoted || word.text !== text) return false;
    this.#at++;
    return true;
  }

  /** Takes `{ … }` with what is in it, to be read later. */
  takeBlock(): WordReader {
    const start = this.#at;
    let depth = 0;
    do {
      const { text, isQuoted } = this.take();
      if (!isQuoted && text === '{') depth++;
      if (!isQuoted && text === '}') depth--;
    } while (depth > 0);
    return new WordReader(this.#words.slice(start, this.#at), this.#lineLength);
  }

  /** Takes this word, or is a problem. */
  must(text: string): void {
    if (!this.takeIf(text)) throw this.unexpected();
  }

  /** `syntax error, unexpected …` about the next word. */
  unexpected(): NftProblem {
    const word = this.#words[this.#at];
    if (word === undefined) return this.problem('syntax error, unexpected newline');
    const what = /^\d+$/.test(word.text)
      ? 'number'
      : /^[a-z]+$/.test(word.text)
        ? word.text
        : 'string';
    return this.problem(`syntax error, unexpected ${word.isQuoted ? 'quoted string' : what}`, word);
  }

  /** A problem with a word. */
  problem(message: string, word?: Word): NftProblem {
    return new NftProblem(message, word, this.#lineLength);
  }
}
