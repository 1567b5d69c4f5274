/**
 * Text on its way from one program to another: what a pipe, a file or a here text gives to standard
 * input. What comes before anybody reads is kept.
 */

/** Somebody who reads. */
export interface TextReader {
  readonly onText: (text: string) => void;
  readonly onEnd: () => void;
}

/** A pipe with one reader. */
export class TextPipe {
  #waiting = '';
  #isEnded = false;
  #reader: TextReader | undefined;

  /** A pipe that holds a text, and nothing after it. */
  static of(text: string): TextPipe {
    const pipe = new TextPipe();
    pipe.write(text);
    pipe.end();
    return pipe;
  }

  /** Puts text in. */
  write(text: string): void {
    if (this.#isEnded) return;
    if (this.#reader === undefined) this.#waiting += text;
    else this.#reader.onText(text);
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#reader?.onEnd();
  }

  /** Reads from now on, what has waited first. */
  read(reader: TextReader): void {
    this.#reader = reader;
    const waiting = this.#waiting;
    this.#waiting = '';
    if (waiting !== '') reader.onText(waiting);
    if (this.#isEnded && this.#reader === reader) reader.onEnd();
  }

  /**
   * Reads one line, without its end, and lets go of the rest for whoever reads next; undefined when
   * nothing more comes.
   */
  readLine(onLine: (line: string | undefined) => void): void {
    let text = '';
    const finish = (line: string | undefined, rest: string) => {
      this.#reader = undefined;
      this.#waiting = rest;
      onLine(line);
    };
    this.read({
      onText: (more) => {
        text += more;
        const end = text.indexOf('\n');
        if (end >= 0 && this.#reader !== undefined) finish(text.slice(0, end), text.slice(end + 1));
      },
      onEnd: () => {
        if (this.#reader !== undefined) finish(text === '' ? undefined : text, '');
      },
    });
  }

  /** Reads everything, and then hands it over. */
  readAll(onText: (text: string) => void): void {
    let whole = '';
    const take = (text: string) => {
      whole += text;
    };
    this.read({ onText: take, onEnd: () => onText(whole) });
  }
}
