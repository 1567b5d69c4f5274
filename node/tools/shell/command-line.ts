/**
 * The grammar of a shell's command line, as far as it is simulated: pipelines, what joins them, and
 * redirections. Variables, loops and substitutions are not read.
 */
import { splitWords } from '../../../net/netfilter/command-words.ts';

/** What stands behind a pipeline. */
export type Connector = ';' | '&&' | '||' | '&';

/** Where a descriptor goes, or comes from. */
export type Redirection =
  | { readonly kind: 'write' | 'append'; readonly descriptor: number; readonly path: string }
  | { readonly kind: 'duplicate'; readonly descriptor: number; readonly of: number }
  | { readonly kind: 'read'; readonly path: string }
  | { readonly kind: 'text'; readonly text: string };

/** One program of a pipeline. */
export interface Command {
  readonly argv: readonly string[];
  readonly redirections: readonly Redirection[];
}

/** Programs that hand on to each other, and how the next pipeline depends on them. */
export interface Pipeline {
  readonly commands: readonly Command[];
  readonly connector: Connector;
}

const PIECES = /"(?:[^"\\]|\\.)*"|'[^']*'|\\[\s\S]|&&|\|\||&>|>>|>&|<<<|[;&|\n<>]|[^"'\\;&|\n<>]+/g;
/** `<<WORD … WORD`: the lines between become a here text. */
const HERE_DOCUMENT = /<<-?[ \t]*(['"]?)(\w+)\1([^\n]*)\n([\s\S]*?\n)??[ \t]*\2(?=\n|$)/g;

/** The pipelines of a line; the shell's complaint when it is none. */
export function pipelinesOf(line: string): Pipeline[] | string {
  const reader = new Reader();
  const whole = line.replaceAll(HERE_DOCUMENT, (_, _quote, _word, rest: string, text = '') => {
    return `<<<'${text.replace(/\n$/, '').replaceAll("'", `'\\''`)}'${rest}`;
  });
  for (const piece of whole.match(PIECES) ?? []) {
    if (/^\s*[({]|\$|`/.test(piece) && !piece.startsWith("'")) {
      return 'sh: subshells, variables and substitutions are not simulated\n';
    }
    const wrong = reader.take(piece);
    if (wrong !== '') return `sh: 1: Syntax error: ${wrong} unexpected\n`;
  }
  const wrong = reader.end();
  return wrong === '' ? reader.pipelines : `sh: 1: Syntax error: ${wrong} unexpected\n`;
}

/** Takes pieces in; its methods answer what is unexpected, and '' where nothing is. */
class Reader {
  readonly pipelines: Pipeline[] = [];
  #commands: Command[] = [];
  #argv: string[] = [];
  #redirections: Redirection[] = [];
  #text = '';
  /** A redirection that waits for its word. */
  #open: ((word: string) => readonly Redirection[]) | undefined;

  take(piece: string): string {
    switch (piece) {
      case ';':
      case '&&':
      case '||':
      case '&':
        return this.#endPipeline(piece);
      case '\n':
        return this.#isBlank() && this.#commands.length === 0 ? '' : this.#endPipeline(';');
      case '|':
        return this.#endCommand('"|"');
      case '<':
        return this.#redirect((path) => [{ kind: 'read', path }]);
      case '<<<':
        return this.#redirect((word) => [{ kind: 'text', text: `${word}\n` }]);
      case '>':
      case '>>': {
        const kind = piece === '>' ? 'write' : 'append';
        const descriptor = this.#descriptor();
        return this.#redirect((path) => [{ kind, descriptor, path }]);
      }
      case '>&': {
        const descriptor = this.#descriptor();
        return this.#redirect((word) => [{ kind: 'duplicate', descriptor, of: Number(word) }]);
      }
      case '&>':
        return this.#redirect((path) => [
          { kind: 'write', descriptor: 1, path },
          { kind: 'duplicate', descriptor: 2, of: 1 },
        ]);
      default:
        this.#text += piece;
        return '';
    }
  }

  end(): string {
    if (this.#isBlank() && this.#commands.length === 0) return '';
    const wrong = this.#endPipeline(';');
    return wrong === '' ? '' : 'end of file';
  }

  /** `2>` is about descriptor 2 when the digit stands alone. */
  #descriptor(): number {
    const digit = /(?:^|\s)([12])$/.exec(this.#text)?.[1];
    if (digit === undefined) return 1;
    this.#text = this.#text.slice(0, -1);
    return Number(digit);
  }

  #redirect(open: (word: string) => readonly Redirection[]): string {
    const wrong = this.#flush();
    this.#open = open;
    return wrong;
  }

  /** Makes words of the text; the first one belongs to a redirection that waits. */
  #flush(): string {
    const words = splitWords(this.#text);
    this.#text = '';
    if (this.#open !== undefined) {
      const word = words.shift();
      if (word === undefined) return 'redirection';
      this.#redirections.push(...this.#open(word));
      this.#open = undefined;
    }
    this.#argv.push(...words);
    return '';
  }

  #endCommand(unexpected: string): string {
    const wrong = this.#flush();
    if (wrong !== '') return wrong;
    if (this.#argv.length === 0) return unexpected;
    this.#commands.push({ argv: this.#argv, redirections: this.#redirections });
    this.#argv = [];
    this.#redirections = [];
    return '';
  }

  #endPipeline(connector: Connector): string {
    if (this.#isBlank() && this.#commands.length === 0) {
      return connector === ';' && this.pipelines.length > 0 ? '' : `"${connector}"`;
    }
    const wrong = this.#endCommand(`"${connector}"`);
    if (wrong !== '') return wrong;
    this.pipelines.push({ commands: this.#commands, connector });
    this.#commands = [];
    return '';
  }

  #isBlank(): boolean {
    return this.#text.trim() === '' && this.#argv.length === 0 && this.#open === undefined;
  }
}
