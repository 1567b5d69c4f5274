/**
 * Loading for commands: reads scenario files from disk, prints every issue with its source line to
 * stderr, and ends the command with status 2 when one is an error.
 */
import { readFileSync } from 'node:fs';
import { formatIssue } from '../scenarios/language/issue.ts';
import {
  checkFile,
  type LoadedScenario,
  type LoadResult,
  loadScenario,
  type Overrides,
} from '../scenarios/load.ts';
import { CommandFailure, ExitStatus } from './exit-status.ts';

/** The text of a file, or `undefined` when it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Loads a scenario and prints its issues; `undefined` when there are errors. */
export function loadAndReport(file: string, overrides?: Overrides): LoadedScenario | undefined {
  const result = loadScenario(file, readText, overrides);
  reportIssues(result);
  return result.loaded;
}

/** Reads a scenario or a stack file and prints its issues; true when none is an error. */
export function checkAndReport(file: string): boolean {
  const result = checkFile(file, readText);
  reportIssues(result);
  return !result.issues.some((issue) => !issue.isWarning);
}

/** Loads a scenario or ends the command. */
export function loadOrFail(file: string, overrides?: Overrides): LoadedScenario {
  const loaded = loadAndReport(file, overrides);
  if (loaded === undefined) throw new CommandFailure(ExitStatus.wrongInput, '');
  return loaded;
}

/** Parses `--set key=value` flags. */
export function parseOverrides(settings: readonly string[]): Overrides {
  const overrides = new Map<string, string>();
  for (const setting of settings) {
    const equals = setting.indexOf('=');
    if (equals < 1) {
      const message = `--set wants key=value, not '${setting}'\n  hint: such as --set cluster.workers=8`;
      throw new CommandFailure(ExitStatus.wrongInput, message);
    }
    overrides.set(setting.slice(0, equals), setting.slice(equals + 1));
  }
  return overrides;
}

function reportIssues(result: Omit<LoadResult, 'loaded'>): void {
  for (const issue of result.issues) {
    process.stderr.write(`${formatIssue(issue, result.sources.get(issue.file))}\n`);
  }
  const errors = result.issues.filter((issue) => !issue.isWarning).length;
  if (errors > 0) process.stderr.write(`${errors} ${errors === 1 ? 'error' : 'errors'}\n`);
}
