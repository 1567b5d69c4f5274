/**
 * Cases that each run in a process of their own, so that peak memory, compiled code and garbage are
 * the case's: the benchmark starts itself again for each, and a case answers with one line of JSON.
 */
import { execFileSync } from 'node:child_process';

const FLAG = '--case';

/** The case that this process was started for; `undefined` in the process that starts the cases. */
export function ownCase<Case>(): Case | undefined {
  const at = process.argv.indexOf(FLAG);
  return at < 0 ? undefined : (JSON.parse(process.argv[at + 1]!) as Case);
}

/** Runs a case in a process of its own; `undefined` when it dies, for instance out of memory. */
export function runCase<Case, Answer>(one: Case): Answer | undefined {
  const flags = ['--expose-gc', '--max-old-space-size=16384', process.argv[1]!];
  try {
    const text = execFileSync(process.execPath, [...flags, FLAG, JSON.stringify(one)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return JSON.parse(text) as Answer;
  } catch {
    return undefined;
  }
}

/** Answers from a case's process. */
export function answer(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
