/**
 * Work that has to wait for somebody's answer in between, written from top to bottom: a generator
 * that yields what it waits for. Nothing here takes time by itself; whoever answers does.
 *
 * ```ts
 * function* greet(peer: Peer): Steps<string> {
 *   const name = yield* answerOf<string>((resume) => peer.ask('name', resume));
 *   return `hello ${name}`;
 * }
 * ```
 */

/** Asks for something; whoever answers calls `resume`, once, now or later or never. */
type Question = (resume: (answer: unknown) => void) => void;

/** Work that ends in a `T`. */
export type Steps<T> = Generator<Question, T, unknown>;

/** Waits for an answer. */
export function* answerOf<T>(ask: (resume: (answer: T) => void) => void): Steps<T> {
  return (yield ask as Question) as T;
}

/** Does work as far as it goes now, and goes on with every answer; `onDone` hears how it ended. */
export function takeSteps<T>(steps: Steps<T>, onDone: (result: T) => void): void {
  const resume = (answer: unknown) => {
    const { done, value } = steps.next(answer);
    if (done === true) onDone(value);
    else value(resume);
  };
  resume(undefined);
}

/** Work that must not overlap: one after the other, in the order of coming. */
export class StepQueue {
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;

  /** True while nothing is done and nothing waits. */
  get isIdle(): boolean {
    return !this.#isBusy && this.#waiting.length === 0;
  }

  /** Does work when everything before it is done. */
  take<T>(steps: Steps<T>, onDone: (result: T) => void = () => {}): void {
    this.#waiting.push(() =>
      takeSteps(steps, (result) => {
        this.#isBusy = false;
        onDone(result);
        this.#next();
      }),
    );
    this.#next();
  }

  #next(): void {
    if (this.#isBusy) return;
    const start = this.#waiting.shift();
    if (start === undefined) return;
    this.#isBusy = true;
    start();
  }
}
