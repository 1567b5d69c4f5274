/**
 * Where a sweep's jobs run: one after the other in this thread, or on worker threads. A job whose
 * worker dies is an outcome like any other.
 */
import type { Executor } from './job.ts';
import { threadPool } from './pool.ts';
import { runJob } from './run-job.ts';

/** Runs jobs in this thread, in order. */
export const inlineExecutor: Executor = async (jobs, onOutcome) => {
  for (const job of jobs) onOutcome(runJob(job));
};

/** Runs jobs on so many worker threads. */
export function threadsExecutor(threadCount: number): Executor {
  return async (jobs, onOutcome) => {
    const url = new URL(`./run-job.${import.meta.url.split('.').at(-1)}`, import.meta.url).href;
    const pool = threadPool(Math.min(threadCount, jobs.length));
    try {
      await Promise.all(
        jobs.map(async (job) => {
          try {
            const [outcome] = await pool.runAll({ run: runJob, url, name: 'runJob' }, [job]);
            onOutcome(outcome!);
          } catch (error) {
            const failure = error instanceof Error ? error.message : String(error);
            onOutcome({ seed: job.seed, result: undefined, failure });
          }
        }),
      );
    } finally {
      await pool.close();
    }
  };
}
