/**
 * swarmlab as a library: one call runs a scenario, from a file or written as an object, and returns
 * its result, inside anybody's test.
 *
 * ```ts
 * import { simulate } from 'swarmlab';
 * const result = simulate('scenarios/crash.yaml', { seed: '7' });
 * expect(result.verdict).toBe('passed');
 * ```
 */
import { readFileSync } from 'node:fs';
import { formatIssue, type Issue } from './language/issue.ts';
import type { ScenarioInput } from './language/scenario.ts';
import { loadScenario, loadScenarioObject } from './load.ts';
import type { RunResult } from './result.ts';
import { runScenario } from './run/run-scenario.ts';

/** How to simulate. */
export interface SimulateOptions {
  /** Default: the scenario's own, or 1. */
  readonly seed?: string | number;
  /** Overrides of the scenario: `{ 'cluster.workers': 8 }`. */
  readonly set?: Readonly<Record<string, string | number | boolean>>;
  /** For a scenario object: the directory to which its `stack` is relative; default the current. */
  readonly directory?: string;
  /** False executes every step literally; the result is the same. */
  readonly shortcuts?: boolean;
}

/** A scenario that cannot be run; `issues` says where and why. */
export class ScenarioError extends Error {
  override name = 'ScenarioError';
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[], text: string) {
    super(text);
    this.issues = issues;
  }
}

/** Runs a scenario (a file's path, or the scenario itself); throws {@link ScenarioError} if wrong. */
export function simulate(
  scenario: string | ScenarioInput,
  options: SimulateOptions = {},
): RunResult {
  const overrides = new Map(
    Object.entries(options.set ?? {}).map(([key, value]) => [key, String(value)]),
  );
  const { loaded, issues, sources } =
    typeof scenario === 'string'
      ? loadScenario(scenario, readText, overrides)
      : loadScenarioObject(scenario, options.directory ?? '', readText, overrides);
  if (loaded === undefined) {
    const text = issues.map((issue) => formatIssue(issue, sources.get(issue.file))).join('\n');
    throw new ScenarioError(issues, `the scenario is wrong:\n${text}`);
  }
  const seed = options.seed === undefined ? undefined : String(options.seed);
  return runScenario(loaded, { seed, shortcuts: options.shortcuts ?? true }).result;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
