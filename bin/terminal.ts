/**
 * What commands know of the terminal: whether to colour, how to show progress. Data goes to stdout,
 * everything else to stderr, and progress only where stderr is a terminal.
 */
import { writeFileSync } from 'node:fs';
import { CommandFailure, ExitStatus } from './exit-status.ts';

const DEFAULT_WIDTH_COLUMNS = 80;

/** True when stdout may be coloured: a terminal, and NO_COLOR is not set (no-color.org). */
export function stdoutHasColour(): boolean {
  return hasColour(process.stdout.isTTY === true);
}

/** True when stderr may be coloured. */
export function stderrHasColour(): boolean {
  return hasColour(process.stderr.isTTY === true);
}

function hasColour(isTerminal: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '' && FORCE_COLOR !== '0') return true;
  return isTerminal && TERM !== 'dumb';
}

/**
 * False where characters beyond ASCII would not be shown: a locale that names another encoding than
 * UTF-8, or the Linux console, whose fonts lack most of them. No locale at all says nothing.
 */
export function stdoutHasUnicode(): boolean {
  const { LC_ALL, LC_CTYPE, LANG, TERM } = process.env;
  const locale = [LC_ALL, LC_CTYPE, LANG].find((one) => one !== undefined && one !== '');
  if (TERM === 'linux' && process.stdout.isTTY === true) return false;
  return locale === undefined || /utf-?8/i.test(locale);
}

/** How wide the report may be: the terminal, or eighty columns. */
export function stdoutWidthColumns(): number {
  return process.stdout.columns ?? DEFAULT_WIDTH_COLUMNS;
}

/** A line on stderr that tells how far long work is; silent unless stderr is a terminal. */
export class Progress {
  readonly #label: string;
  readonly #isShown = process.stderr.isTTY === true;
  #lastPercent = -1;

  constructor(label: string) {
    this.#label = label;
  }

  /** Shows `ratio` in [0, 1] with a note. */
  update(ratio: number, note = ''): void {
    if (!this.#isShown) return;
    const percent = Math.floor(ratio * 100);
    if (percent === this.#lastPercent && note === '') return;
    this.#lastPercent = percent;
    const width = 24;
    const filled = Math.round(ratio * width);
    const bar = '█'.repeat(filled) + '░'.repeat(width - filled);
    process.stderr.write(`\r\u001b[2K${this.#label} ${bar} ${percent}% ${note}`);
  }

  /** Clears the line. */
  done(): void {
    if (this.#isShown) process.stderr.write('\r\u001b[2K');
  }
}

/** Writes a document to a file, or to stdout for `-`. */
export function writeDocument(target: string, text: string): void {
  if (target === '-') {
    process.stdout.write(text);
    return;
  }
  try {
    writeFileSync(target, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(ExitStatus.wrongInput, `cannot write ${target}: ${reason}`);
  }
}
