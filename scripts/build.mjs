// Compiles the sources to dist/, beside them the data files that the program reads, and the
// scenario's JSON Schema that editors use.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
rmSync('dist', { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
const data = 'scenarios/compose/format/published';
cpSync(data, `dist/${data}`, { recursive: true });
if (existsSync('dist/bin/swarmlab.js')) chmodSync('dist/bin/swarmlab.js', 0o755);
if (existsSync('dist/bin/write-schema.js')) {
  execFileSync(process.execPath, ['dist/bin/write-schema.js'], { stdio: 'inherit' });
}
