/**
 * The pages of rules (docs/networkdb.md): each rule names the tests that play it, which are there,
 * and each transcript of NetworkDB stands beside some rule.
 */
import type { TextFile } from './sources.ts';

const PAGE = 'docs/networkdb.md';
const OWN_TRANSCRIPTS = 'gossip/networkdb/testdata/';

/** Rules that no test plays, tests that are not there, transcripts of no rule. */
export function playedProblems(files: readonly TextFile[]): string[] {
  const page = files.find(({ path }) => path === PAGE);
  if (page === undefined) return [];
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const transcripts = files
    .filter(({ path }) => path.includes('/testdata/'))
    .map(({ path }) => path);
  const named = new Set<string>();
  const problems = page.lines.flatMap((line, i) => {
    const cell = /^\| .* \| (.*) \|$/.exec(line)?.[1];
    if (cell === undefined || cell === 'Played in' || /^-+$/.test(cell)) return [];
    const wrong = problemsOf(cell, texts, transcripts, named);
    return wrong.map((problem) => `${PAGE}:${i + 1} ${problem}`);
  });
  const left = transcripts
    .filter((path) => path.startsWith(OWN_TRANSCRIPTS))
    .filter((path) => !named.has(path.slice(OWN_TRANSCRIPTS.length)));
  return [...problems, ...left.map((path) => `${path}: no rule of ${PAGE} is played by it`)];
}

function problemsOf(
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
