/**
 * What `npm pack` ships works where it is installed: the program runs the library's scenarios, and
 * `import { simulate } from 'swarmlab'` runs one inside somebody's test. `npm test` has built it.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from './support/runs.ts';

const home = mkdtempSync(join(tmpdir(), 'swarmlab-package-'));
const installed = join(home, 'node_modules/swarmlab');

beforeAll(() => {
  const words = ['pack', '--ignore-scripts', '--json', '--pack-destination', home];
  const output = execFileSync('npm', words, { cwd: ROOT, encoding: 'utf8', stdio: PIPED });
  const [{ filename }] = JSON.parse(output) as [{ filename: string }];
  mkdirSync(installed, { recursive: true });
  const tarball = join(home, filename);
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  // Only what the package says that it needs, from here instead of a registry.
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies as object)) {
    const link = join(home, 'node_modules', name);
    mkdirSync(join(link, '..'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link);
  }
  mkdirSync(join(home, 'node_modules/.bin'));
  symlinkSync('../swarmlab/dist/bin/swarmlab.js', join(home, 'node_modules/.bin/swarmlab'));
  writeFileSync(join(home, 'package.json'), '{ "type": "module", "private": true }');
});

afterAll(() => rmSync(home, { recursive: true }));

const PIPED: ('ignore' | 'pipe')[] = ['ignore', 'pipe', 'pipe'];

const run = (program: string, ...words: string[]) =>
  execFileSync(program, words, { cwd: home, encoding: 'utf8', stdio: PIPED });

test('npx swarmlab runs a scenario of the library', () => {
  const file = 'node_modules/swarmlab/scenarios/library/voting-app-worker-crash.yaml';
  const output = run('npx', '--no-install', 'swarmlab', 'run', file);
  expect(output).toContain('worker-2');
  expect(output).toMatch(/verdict +passed/);
});

test('import { simulate } runs a scenario that is written as an object', () => {
  const program = `
    import { simulate, ScenarioError } from 'swarmlab';
    const result = simulate({
      name: 'two nodes', cluster: { managers: 1, workers: 1 },
      timeline: [{ at: '10s', crash: 'worker-1' }], until: '30s',
      expect: ['membership of worker-1 is dead everywhere within 15s of crash'],
    }, { seed: 7 });
    let code = '';
    try {
      simulate({ name: 'wrong', until: '30s', nonsense: 1 });
    } catch (error) {
      if (error instanceof ScenarioError) code = error.issues[0].code;
    }
    console.log(JSON.stringify({ verdict: result.verdict, seed: result.seed, code }));
  `;
  writeFileSync(join(home, 'use.js'), program);
  const output = JSON.parse(run(process.execPath, 'use.js'));
  expect(output).toEqual({ verdict: 'passed', seed: '7', code: 'unknown-key' });
});

test('it ships its types, schema and stories, and no tests', () => {
  for (const file of [
    'dist/index.d.ts',
    'dist/scenarios/scenario.schema.json',
    'scenarios/library/voting-app.compose.yaml',
    'LICENSE',
    'README.md',
  ]) {
    expect(existsSync(join(installed, file)), file).toBe(true);
  }
  const files = run('find', 'node_modules/swarmlab', '-name', '*.test.*').split('\n');
  expect(files.filter((file) => file !== '')).toEqual([]);
});
