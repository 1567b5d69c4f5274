/**
 * A whole run: the library's voting app under 50 requests a second, with a worker that crashes and
 * comes back, for 180 virtual seconds; first as a new process does it, then with compiled code, then
 * under the profiler to see which folders the time goes to.
 *
 * The aim is 4 CPU seconds for the first run, all threads counted. The profile knows only the main
 * thread: compiling and collecting garbage also keep others busy.
 */
import { readFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector';
import { loadScenario } from '../scenarios/load.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { formatTable } from './support/table.ts';

const SCENARIO = 'scenarios/library/voting-app-worker-crash.yaml';
const VIRTUAL_SECONDS = 180;
const FOLDER_COUNT = 16;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** One run in CPU seconds of the process, and its digest. */
function run(): { cpuSeconds: number; digest: string } {
  const { loaded } = loadScenario(SCENARIO, read, new Map());
  if (loaded === undefined) throw new Error(`${SCENARIO} does not load`);
  const before = process.cpuUsage();
  const { result } = runScenario(loaded, { seed: '1', untilNs: VIRTUAL_SECONDS * 1e9 });
  const { user, system } = process.cpuUsage(before);
  return { cpuSeconds: (user + system) / 1e6, digest: result.digest };
}

/** The profile of what `work` does on this thread. */
function profileOf(work: () => void): Profiler.Profile {
  const session = new Session();
  let profile: Profiler.Profile | undefined;
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 500 });
  session.post('Profiler.start');
  work();
  session.post('Profiler.stop', (_error, stopped) => {
    profile = stopped.profile;
  });
  session.disconnect();
  if (profile === undefined) throw new Error('the profiler gave no profile');
  return profile;
}

/** `net/conntrack` of a compiled file's address; V8's own name for what is none of our files. */
function folderOf({ functionName, url }: { functionName: string; url: string }): string {
  const path = /\/dist\/(.+)$/.exec(url)?.[1];
  if (path === undefined) return functionName.startsWith('(') ? functionName : '(built in)';
  const parts = path.split('/').slice(0, -1);
  return parts.slice(0, 2).join('/');
}

/** Milliseconds of the thread's own time by folder, the most first. */
function timeByFolder({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile) {
  const folders = new Map(nodes.map(({ id, callFrame }) => [id, folderOf(callFrame)]));
  const times = new Map<string, number>();
  for (const [i, id] of samples.entries()) {
    const folder = folders.get(id)!;
    times.set(folder, (times.get(folder) ?? 0) + timeDeltas[i]! / 1000);
  }
  return [...times].sort((a, b) => b[1] - a[1]);
}

const cold = run();
const warm = [run(), run(), run()];
const least = Math.min(...warm.map(({ cpuSeconds }) => cpuSeconds));
const isSame = warm.every(({ digest }) => digest === cold.digest);
if (!isSame) throw new Error('two runs of one seed differ');
const perVirtual = (cpuSeconds: number): string => (VIRTUAL_SECONDS / cpuSeconds).toFixed(0);
console.log(
  formatTable(
    [`${VIRTUAL_SECONDS} virtual seconds`, 'CPU s', 'virtual s per CPU s'],
    [
      ['first run of a process', cold.cpuSeconds.toFixed(2), perVirtual(cold.cpuSeconds)],
      ['least of three more', least.toFixed(2), perVirtual(least)],
    ],
  ),
);

const times = timeByFolder(profileOf(run));
const total = times.reduce((sum, [, ms]) => sum + ms, 0);
const rows = times.slice(0, FOLDER_COUNT).map(([folder, ms]) => {
  return [folder, ms.toFixed(0), `${((100 * ms) / total).toFixed(1)}%`];
});
console.log(`\n${formatTable(['folder', 'ms', 'share'], rows)}`);
