/**
 * The pages of rules (docs/membership.md, docs/networkdb.md): each rule names the tests that play it,
 * which are there, and each transcript of what the page is about stands beside some rule.
 */
import type { TextFile } from './sources.ts';

/** A page, and the folder of the code that it is about, from which its files may be named. */
interface Page {
  readonly path: string;
  readonly folder: string;
}

const PAGES: readonly Page[] = [
  { path: 'docs/membership.md', folder: 'gossip/' },
  { path: 'docs/networkdb.md', folder: 'gossip/networkdb/' },
];

/** Rules that no test plays, tests and code that are not there, transcripts of no rule. */
export function playedProblems(files: readonly TextFile[]): string[] {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const transcripts = files
    .filter(({ path }) => path.includes('/testdata/'))
    .map(({ path }) => path);
  return PAGES.flatMap((page) => pageProblems(page, texts, transcripts));
}

function pageProblems(
  { path, folder }: Page,
  texts: ReadonlyMap<string, string>,
  transcripts: readonly string[],
): string[] {
  const text = texts.get(path);
  if (text === undefined) return [];
  const named = new Set<string>();
  const problems = text.split('\n').flatMap((line, i) => {
    const [, row = ''] = /^\| (.*) \|$/.exec(line) ?? [];
    const cells = row.split(' | ');
    const cell = cells.pop()!;
    if (cell === '' || cell === 'Played in' || /^-+$/.test(cell)) return [];
    const wrong = [
      ...codeProblems(cells, folder, texts),
      ...testProblems(cell, texts, transcripts, named),
    ];
    return wrong.map((problem) => `${path}:${i + 1} ${problem}`);
  });
  const own = `${folder}testdata/`;
  const left = transcripts
    .filter((one) => one.startsWith(own))
    .filter((one) => !named.has(one.slice(own.length)));
  return [...problems, ...left.map((one) => `${one}: no rule of ${path} is played by it`)];
}

/** Files of code that the cells name, from the page's folder or from the root. */
function codeProblems(
  cells: readonly string[],
  folder: string,
  texts: ReadonlyMap<string, string>,
): string[] {
  const named = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+\.ts)`/g)]);
  return named
    .filter(([, name]) => !texts.has(name!) && !texts.has(folder + name!))
    .map(([, name]) => `there is no ${name}`);
}

function testProblems(
  cell: string,
  texts: ReadonlyMap<string, string>,
  transcripts: readonly string[],
  named: Set<string>,
): string[] {
  const found = [...cell.matchAll(/`([^`]+)`(?: "([^"]+)")?/g)];
  if (found.length === 0) return ['no test plays the rule'];
  return found.flatMap(([, name, title]) => {
    if (name!.endsWith('.txt') && !name!.includes('/')) {
      named.add(name!);
      const isThere = transcripts.some((path) => path.endsWith(`/testdata/${name}`));
      return isThere ? [] : [`there is no transcript ${name}`];
    }
    const text = texts.get(name!);
    if (text === undefined) return [`there is no ${name}`];
    return title === undefined || text.includes(title) ? [] : [`${name} has no "${title}"`];
  });
}
