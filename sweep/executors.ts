/**
 * Where a sweep's jobs run: one after the other in this thread, or on worker threads (tinypool).
 */
import { Tinypool } from 'tinypool';
import type { Executor } from './job.ts';
import { runJob } from './run-job.ts';

/** Runs jobs in this thread, in order. */
export const inlineExecutor: Executor = async (jobs, onOutcome) => {
  for (const job of jobs) onOutcome(runJob(job));
};

/** Runs jobs on so many worker threads. */
export function threadsExecutor(threadCount: number): Executor {
  return async (jobs, onOutcome) => {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const pool = new Tinypool({
      filename: new URL(`./run-job.${extension}`, import.meta.url).href,
      minThreads: Math.min(threadCount, jobs.length),
      maxThreads: threadCount,
      isolateWorkers: false,
    });
    try {
      await Promise.all(
        jobs.map(async (job) => {
          try {
            onOutcome(await pool.run(job, { name: 'runJob' }));
          } catch (error) {
            const failure = error instanceof Error ? error.message : String(error);
            onOutcome({ seed: job.seed, result: undefined, failure });
          }
        }),
      );
    } finally {
      await pool.destroy();
    }
  };
}
