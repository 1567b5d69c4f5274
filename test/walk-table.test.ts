/**
 * The walks that docs/explain.md lists are written down in the files that it names, with an answer or
 * with the reason for which there is none; and none is written down that the list lacks.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ROOT } from './support/runs.ts';

const FOLDER = `${ROOT}/test/testdata/packet-walks`;
const TEXT = readFileSync(`${ROOT}/docs/explain.md`, 'utf8');

/** The files of each walk; `as W1` stands for those of W1. */
const LISTED = new Map<string, string[]>();
for (const [, walk, cell] of TEXT.matchAll(/^\| (W\d+[a-d]?) \|.*\| (.+) \|$/gm)) {
  const other = /as (W\d+)/.exec(cell!)?.[1];
  const files = [...cell!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
  LISTED.set(walk!, [...(LISTED.get(other ?? '') ?? []), ...files]);
}

/** The walks of a file: their titles, each with its tables. */
function walksOf(file: string): { title: string; tables: string }[] {
  const parts = readFileSync(`${FOLDER}/${file}.txt`, 'utf8').split(/^== /m).slice(1);
  return parts.map((part) => {
    const end = part.indexOf('\n');
    return { title: part.slice(0, end), tables: part.slice(end) };
  });
}

test.each([...LISTED])('%s', (walk, files) => {
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) {
    const mine = walksOf(file).filter(({ title }) => title.startsWith(`${walk} `));
    expect(mine, file).not.toEqual([]);
    for (const { title, tables } of mine) {
      const packetCount = tables.match(/^-- /gm)?.length ?? 0;
      const isOver = packetCount === 2 || /^ +to mend it: /m.test(tables);
      expect(isOver, `${file}: ${title} has an answer or a reason`).toBe(true);
    }
  }
});

test('all walks are listed', () => {
  const files = readdirSync(FOLDER).map((name) => name.replace('.txt', ''));
  const titles = files.flatMap((file) => walksOf(file).map(({ title }) => title.split(' ')[0]!));
  const walks = new Set(titles.filter((word) => /^W\d/.test(word)));
  expect([...walks].filter((walk) => !LISTED.has(walk))).toEqual([]);
  expect(walks.size).toBe(18);
});
