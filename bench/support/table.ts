/**
 * Results as an aligned table: text to the left, numbers to the right.
 *
 * Absolute times differ between machines by a factor of five; a table therefore has a column of
 * ratios against a reference that was measured in the same run.
 */

/** The rows under their header, columns two blanks apart; a cell that is a number stands right. */
export function formatTable(header: readonly string[], rows: readonly string[][]): string {
  const widths = header.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]!.length)),
  );
  const isNumeric = header.map((_, i) => rows.every((row) => /^[\d.,]*[a-z%]*$/.test(row[i]!)));
  const format = (row: readonly string[]): string =>
    row
      .map((cell, i) => (isNumeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width));
  return [header, rule, ...rows].map(format).join('\n');
}
