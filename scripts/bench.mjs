// Compiles bench/ to dist/bench/ and runs every benchmark in it, or those named as arguments:
// `npm run bench -- event-queue`. Each runs in a process of its own, so that none warms another up.
// Arguments from the first flag on are the benchmark's: `npm run bench -- gossip-scale --only kill`.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.bench.json'], { stdio: 'inherit' });

const all = readdirSync('bench')
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3));
const words = process.argv.slice(2);
const flagAt = words.findIndex((word) => word.startsWith('-'));
const wanted = flagAt < 0 ? words : words.slice(0, flagAt);
const flags = flagAt < 0 ? [] : words.slice(flagAt);
const unknown = wanted.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}; there are: ${all.join(', ')}`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : all) {
  console.log(`\n${name}`);
  const command = ['--max-old-space-size=4096', `dist/bench/${name}.js`, ...flags];
  execFileSync(process.execPath, command, { stdio: 'inherit' });
}
