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
    if (this.#isEnded) reader.onEnd();
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
