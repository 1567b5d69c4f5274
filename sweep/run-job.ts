/**
 * Runs one job where it stands: in this thread, or in the worker thread that loads this file
 * (tinypool calls it by name). A run that fails with an exception is an outcome.
 */
import { readFileSync } from 'node:fs';
import { loadScenario } from '../scenarios/load.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import type { Job, JobOutcome } from './job.ts';

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Runs one job; the timeline stays behind, since a sweep of many seeds would only carry it. */
export function runJob(job: Job): JobOutcome {
  const { seed } = job;
  try {
    const { loaded, issues } = loadScenario(job.file, readText, new Map(job.settings));
    if (loaded === undefined) {
      const failure = issues.map((issue) => issue.message).join('; ');
      return { seed, result: undefined, failure };
    }
    const { result } = runScenario(loaded, { seed, shortcuts: job.shortcuts });
    return { seed, result: { ...result, timeline: [] }, failure: undefined };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    return { seed, result: undefined, failure };
  }
}
