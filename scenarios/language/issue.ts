/**
 * What is wrong with a scenario or a compose file, as data: where, what, and what would mend it.
 * Wrong input is never an exception; the caller collects issues, prints them and exits with 2.
 */

/** One mistake, or one warning. */
export interface Issue {
  /** Stable word for programs, such as `unknown-key`. */
  readonly code: string;
  readonly message: string;
  /** The file as the user named it. */
  readonly file: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  /** Where in the document: `timeline[0].crash`. */
  readonly path: string;
  /** What the user may have meant, or could do; empty when there is nothing to say. */
  readonly hint: string;
  readonly isWarning: boolean;
}

/** `file:line:column: error: message`, the source line with a caret, and the hint. */
export function formatIssue(issue: Issue, source: string | undefined): string {
  const severity = issue.isWarning ? 'warning' : 'error';
  const head = `${issue.file}:${issue.line}:${issue.column}: ${severity}: ${issue.message}`;
  const text = source?.split('\n')[issue.line - 1];
  const lines = [head];
  if (text !== undefined && text.trim() !== '') {
    const number = String(issue.line);
    lines.push(`  ${number} | ${text}`);
    lines.push(`  ${' '.repeat(number.length)} | ${' '.repeat(issue.column - 1)}^`);
  }
  if (issue.hint !== '') lines.push(`  hint: ${issue.hint}`);
  return lines.join('\n');
}

/** The candidate that is nearest to a misspelt word, if any is near enough. */
function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  const farthest = Math.min(Math.max(2, Math.floor(word.length / 3)), word.length - 1);
  let bestDistance = farthest + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** The hint for a misspelt word: the nearest candidate, or all of them when they are few. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  if (near !== undefined) return `did you mean '${near}'?`;
  if (candidates.length === 0) return '';
  const shown = candidates.slice(0, 12).join(', ');
  return `known are: ${shown}${candidates.length > 12 ? ', …' : ''}`;
}

/** Optimal string alignment distance: insert, delete, replace, swap neighbours. */
function editDistance(a: string, b: string): number {
  const width = b.length + 1;
  const rows = [Array.from({ length: width }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j < width; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + (isSame ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, rows[i - 2]![j - 2]! + 1);
      }
      row.push(cost);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
