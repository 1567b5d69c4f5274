/**
 * The `comment` match, which matches everything.
 *
 * It carries a text for people, in `iptables-save` quoted as a shell would need it.
 * Mirrors `extensions/libxt_comment.c`.
 */
import type { Match, MatchKind } from '../extension.ts';
import { mustBeSpecified, quotedText } from '../options.ts';

class CommentMatch implements Match {
  #comment: string | undefined = undefined;

  option(_name: string, value: string): string | undefined {
    if (value.length > 255) return 'COMMENT must be shorter than 256 characters';
    this.#comment = value;
    return undefined;
  }

  finish(): string | undefined {
    return this.#comment === undefined ? mustBeSpecified('comment', '--comment') : undefined;
  }

  matches(): boolean {
    return true;
  }

  save(): string {
    return ` --comment${quotedText(this.#comment!)}`;
  }

  list(): string {
    return ` /* ${this.#comment} */`;
  }
}

/** `-m comment`. */
export const commentMatch: MatchKind = {
  name: 'comment',
  options: ['--comment='],
  plain: ['--comment'],
  create: () => new CommentMatch(),
};
