/**
 * Colour and alignment for terminals. Colour is a parameter, never a guess of this file: `bin/` says
 * whether the output is a terminal and whether NO_COLOR is set.
 */

/** What a text means, which decides its colour. */
export type Tone = 'good' | 'bad' | 'quiet' | 'strong' | 'fault';

const CODES: Readonly<Record<Tone, string>> = {
  good: '32',
  bad: '31',
  quiet: '2',
  strong: '1',
  fault: '33',
};

/** Paints a text, or leaves it. */
export type Paint = (tone: Tone, text: string) => string;

/** A painter with colours, or one without. */
export function painter(hasColour: boolean): Paint {
  if (!hasColour) return (_tone, text) => text;
  return (tone, text) => `\u001b[${CODES[tone]}m${text}\u001b[0m`;
}

/** How wide a text is on a terminal: colour codes take no room. */
function widthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape code starts with one
  return [...text.replace(/\u001b\[[0-9;]*m/g, '')].length;
}

/** One column: to which side its cells stand. */
export type Alignment = 'left' | 'right';

/** Aligns rows to columns, two spaces apart; the last column is not padded. */
export function table(rows: readonly (readonly string[])[], sides: readonly Alignment[]): string {
  const widths = sides.map((_, column) =>
    Math.max(0, ...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const padding = ' '.repeat(Math.max(0, widths[column]! - widthOf(cell)));
          if (sides[column] === 'right') return padding + cell;
          return column === row.length - 1 ? cell : cell + padding;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
