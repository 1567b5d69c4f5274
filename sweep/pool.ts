/**
 * Where many equal pieces of work run: one after the other in this thread, or on worker threads
 * (tinypool). Outputs come back in the order of the inputs, so who ran what changes no result.
 */
import { Tinypool } from 'tinypool';

/** A function of plain data that a worker thread finds by its file and name. */
export interface Work<In, Out> {
  readonly run: (input: In) => Out;
  /** `import.meta.url` of the file that exports it. */
  readonly url: string;
  readonly name: string;
}

/** Runs work on inputs. */
export interface Pool {
  /** The outputs in the order of the inputs; `onEnd` is called as each is there. */
  runAll<In, Out>(
    work: Work<In, Out>,
    inputs: readonly In[],
    onEnd?: (output: Out, index: number) => void,
  ): Promise<Out[]>;
  /** Ends its threads. */
  close(): Promise<void>;
}

/** Runs in this thread, in order. */
export const inlinePool: Pool = {
  runAll: async (work, inputs, onEnd = () => {}) =>
    inputs.map((input, index) => {
      const output = work.run(input);
      onEnd(output, index);
      return output;
    }),
  close: async () => {},
};

/** Runs on so many worker threads, which are kept until it is closed. */
export function threadPool(threadCount: number): Pool {
  const pool = new Tinypool({
    filename: import.meta.url,
    minThreads: 1,
    maxThreads: threadCount,
    isolateWorkers: false,
  });
  return {
    runAll: (work, inputs, onEnd = () => {}) =>
      Promise.all(
        inputs.map(async (input, index) => {
          const output = await pool.run(input, { filename: work.url, name: work.name });
          onEnd(output, index);
          return output;
        }),
      ),
    close: () => pool.destroy(),
  };
}
