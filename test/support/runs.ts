/**
 * How the tests of whole runs get their scenarios: from the library, or written inline.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScenarioInput } from '../../scenarios/language/scenario.ts';
import { type LoadedScenario, loadScenario, loadScenarioObject } from '../../scenarios/load.ts';
import { runScenario } from '../../scenarios/run/run-scenario.ts';

/** The repository. */
export const ROOT = join(import.meta.dirname, '../..');

/** The folder of the scenarios that come with swarmlab. */
export const LIBRARY = join(ROOT, 'scenarios/library');

/** The scenarios in it, by their files' names; `incidents/` has a test of its own. */
export const LIBRARY_NAMES = readdirSync(LIBRARY)
  .filter((file) => file.endsWith('.yaml') && !file.endsWith('.compose.yaml'))
  .map((file) => file.replace('.yaml', ''));

const NO_OVERRIDES: ReadonlyMap<string, string> = new Map();

/** A scenario of the library by its file's name; throws when it does not read. */
export function loadLibrary(name: string, overrides = NO_OVERRIDES): LoadedScenario {
  return loadedOf(loadScenario(join(LIBRARY, `${name}.yaml`), readText, overrides));
}

/** What a scenario of the library expects and does not find, with its own seed or another. */
export function missedExpectations(name: string, seed?: string): string[] {
  const { verdict, expectations } = runScenario(loadLibrary(name), { seed }).result;
  const missed = expectations.filter((outcome) => !outcome.met);
  if (missed.length === 0 && verdict !== 'passed') return [`verdict: ${verdict}`];
  return missed.map((outcome) => `${outcome.text}: ${outcome.measured}`);
}

/** A scenario written in a test; its stack is one of the library's or one of `files`. */
export function loadInline(
  scenario: ScenarioInput,
  files: Readonly<Record<string, string>> = {},
): LoadedScenario {
  const read = (path: string) => files[path.slice(path.lastIndexOf('/') + 1)] ?? readText(path);
  return loadedOf(loadScenarioObject(scenario, LIBRARY, read));
}

function loadedOf({ loaded, issues }: ReturnType<typeof loadScenario>): LoadedScenario {
  if (loaded === undefined) throw new Error(issues.map((issue) => issue.message).join('\n'));
  return loaded;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
