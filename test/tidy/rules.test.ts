/** The tidy rules themselves: what each must catch, and what it must let pass. */
import { expect, test } from 'vitest';
import { determinismProblems } from './determinism.ts';
import { circleProblems, floorProblems } from './floors.ts';
import { playedProblems } from './played.ts';
import {
  docstringProblems,
  exportProblems,
  fileNameProblems,
  machineProblems,
  moduleCommentProblems,
  switchedOffProblems,
} from './prose.ts';
import { fileProblems, folderProblems, functionProblems, lineProblems } from './sizes.ts';
import { type Source, sourceOf } from './sources.ts';

const check = (
  rule: (sources: Source[]) => string[],
  ...files: [path: string, text: string][]
): string[] => rule(files.map(([path, text]) => sourceOf(path, text)));

test('floors: upward, sideways and outside', () => {
  const floor = (path: string, text: string) => check(floorProblems, [path, text]).length;
  expect(floor('net/a.ts', "import { x } from '../wire/b.ts';")).toBe(0);
  expect(floor('net/device/a.ts', "import { x } from '../bridge/b.ts';")).toBe(0);
  expect(floor('net/a.ts', "import type { x } from '../node/b.ts';")).toBe(1);
  expect(floor('gossip/a.ts', "import { x } from '../net/b.ts';")).toBe(1);
  expect(floor('vxlan/a.ts', "export { x } from '../ipvs/b.ts';")).toBe(1);
  expect(floor('net/a.ts', "type X = import('../ipvs/b.ts').X;")).toBe(1);
  expect(floor('net/a.ts', "import { x } from 'node:fs';")).toBe(1);
  expect(floor('net/a.test.ts', "import { x } from 'node:fs';")).toBe(0);
  expect(floor('gossip/a.ts', "import { x } from 'node:crypto';")).toBe(0);
  expect(floor('scenarios/a.ts', "import { readFileSync } from 'node:fs';")).toBe(0);
  expect(floor('scenarios/a.ts', "import { x } from '../sweep/b.ts';")).toBe(1);
  expect(floor('sweep/a.ts', "import { x } from 'tinypool';")).toBe(0);
  expect(floor('ui/a.ts', "import type { x } from '../api/b.ts';")).toBe(0);
  expect(floor('ui/a.ts', "import { x } from '../api/b.ts';")).toBe(1);
  expect(floor('api/a.ts', "import { x } from '../bin/b.ts';")).toBe(1);
  expect(floor('bin/a.ts', "import { x } from '../api/b.ts';")).toBe(0);
});

test('circles: at run time only, each once', () => {
  const a = "import { b } from './b.ts';";
  const b = "import { c } from './c.ts';";
  expect(
    check(circleProblems, ['x/a.ts', a], ['x/b.ts', b], ['x/c.ts', "import { a } from './a.ts';"]),
  ).toEqual([
    'x/a.ts:1 runtime circle x/a.ts -> x/b.ts -> x/c.ts -> x/a.ts: use import type, or split a file',
  ]);
  const typed = "import type { a } from './a.ts';";
  expect(check(circleProblems, ['x/a.ts', a], ['x/b.ts', b], ['x/c.ts', typed])).toEqual([]);
});

test('determinism: the global, not a name that looks like it', () => {
  const count = (text: string, path = 'net/a.ts') =>
    check(determinismProblems, [path, text]).length;
  expect(count('const now = Date.now();')).toBe(1);
  expect(count('const x = Math.random() + Math.floor(1);')).toBe(1);
  expect(count('export async function f() { await g(); }')).toBe(2);
  expect(count('type X = Promise<number>;')).toBe(1);
  expect(count('names.sort((a, b) => a.localeCompare(b));')).toBe(1);
  expect(count('const { env } = process;')).toBe(1);
  expect(count('for (const process of host.processes) stop(process);')).toBe(0);
  expect(count('const x = { Date: 1 }; x.Date = message.process;')).toBe(0);
  expect(count('interface Inspect { Date: string }')).toBe(0);
  expect(count('const now = Date.now();', 'sweep/a.ts')).toBe(0);
  expect(count('const now = Date.now();', 'net/a.test.ts')).toBe(0);
});

test('sizes', () => {
  const lines = (count: number) => '  step();\n'.repeat(count);
  const fn = (count: number) => `/** f */\nexport function f() {\n${lines(count)}}\n`;
  expect(check(functionProblems, ['net/a.ts', fn(78)])).toEqual([]);
  expect(check(functionProblems, ['net/a.ts', fn(79)])).toEqual([
    'net/a.ts:2 f has 81 lines, at most 80: move a part with a name of its own out',
  ]);
  expect(check(functionProblems, ['a.test.ts', `describe('x', () => {\n${lines(99)}});`])).toEqual(
    [],
  );
  expect(check(fileProblems, ['net/a.ts', lines(600)])).toEqual([]);
  expect(check(fileProblems, ['net/a.ts', lines(601)]).length).toBe(1);
  expect(check(lineProblems, ['net/a.ts', `\n// ${'é'.repeat(118)}`])).toEqual([
    'net/a.ts:2 121 columns, at most 120: break the line',
  ]);
  const folder = (count: number, end: string) =>
    Array.from({ length: count }, (_, i) => sourceOf(`net/a${i}${end}`, ''));
  expect(folderProblems(folder(21, '.ts')).length).toBe(1);
  expect(folderProblems([...folder(20, '.ts'), ...folder(20, '.test.ts')])).toEqual([]);
});

test('prose', () => {
  const head = '/**\n * What it is.\n * Why so.\n */\n';
  expect(check(moduleCommentProblems, ['net/a.ts', `${head}import 'x';`])).toEqual([]);
  expect(check(moduleCommentProblems, ['bin/a.ts', `#!/usr/bin/env node\n${head}`])).toEqual([]);
  expect(check(moduleCommentProblems, ['net/a.ts', "import 'x';"]).length).toBe(1);
  expect(check(moduleCommentProblems, ['net/a.ts', '/** Short. */\nlet x;']).length).toBe(1);
  const documented = '/** A. */\nexport const a = 1;\n/** F. */\nexport function f(): void {}';
  expect(check(docstringProblems, ['net/a.ts', documented])).toEqual([]);
  const bare = 'export const a = 1;\nexport interface I {}\nconst b = 2;\n// no\nexport class C {}';
  expect(check(docstringProblems, ['net/a.ts', bare]).map((p) => p.split(' ')[0])).toEqual([
    'net/a.ts:1',
    'net/a.ts:2',
    'net/a.ts:5',
  ]);
  expect(check(exportProblems, ['net/a.ts', 'export default 1;']).length).toBe(1);
  expect(check(exportProblems, ['net/a.ts', 'export default function f() {}']).length).toBe(1);
  expect(check(exportProblems, ['vitest.config.ts', 'export default {};'])).toEqual([]);
  expect(check(exportProblems, ['net/a.ts', "export * from './b.ts';"]).length).toBe(1);
  const names = ['net/utils.ts', 'net/common/a.ts', 'net/fooBar.ts', 'net/index.ts', 'net/ok-1.ts'];
  expect(fileNameProblems(names.map((path) => sourceOf(path, ''))).length).toBe(4);
});

test('rules and the tests that play them', () => {
  const played = (cell: string) =>
    playedProblems([
      sourceOf(
        'docs/networkdb.md',
        `| Rule | Played in |\n| --- | --- |\n| a tie loses | ${cell} |`,
      ),
      sourceOf('gossip/networkdb/testdata/ties.txt', ''),
      sourceOf('a/a.test.ts', "test('a tie', () => {});"),
    ]);
  expect(played('`ties.txt`, `a/a.test.ts` "a tie"')).toEqual([]);
  expect(played('`ties.txt`, `a/a.test.ts` "a knot"')).toHaveLength(1);
  expect(played('`ties.txt`, `b/b.test.ts`')).toHaveLength(1);
  expect(played('`a/a.test.ts`')).toHaveLength(1);
  expect(played('nowhere')).toHaveLength(2);
  const withCode = (code: string) =>
    check(
      playedProblems,
      ['docs/membership.md', `| Rule | Code | Played in |\n| a | ${code} | \`b.test.ts\` |`],
      ['gossip/a.ts', ''],
      ['b.test.ts', ''],
    );
  expect(withCode('`a.ts`')).toEqual([]);
  expect(withCode('`gossip/a.ts`, `c.ts`')).toHaveLength(1);
});

test('machines and switched-off tests', () => {
  // put together here, so that a search of the sources finds true cases only
  const folder = '/ho' + 'me/somebody/x';
  const relative = 'net/wo' + 'rk/a, ./tm' + 'p/b, /var/run/docker.sock';
  const skipped = 'it.sk' + "ip('x'); test.each([]).on" + "ly('y');";
  expect(check(machineProblems, ['docs/a.ts', `see ${folder}`]).length).toBe(1);
  expect(check(machineProblems, ['docs/a.ts', relative])).toEqual([]);
  expect(check(switchedOffProblems, ['a.test.ts', skipped])).toEqual([
    'a.test.ts:1 it.skip: a test runs or is deleted',
    'a.test.ts:1 test.each([]).only: a test runs or is deleted',
  ]);
  expect(check(switchedOffProblems, ['a.test.ts', "test.runIf(x)('y'); a.only();"])).toEqual([]);
});
