/**
 * Histograms as a terminal shows them.
 */
import { expect, test } from 'vitest';
import { plotHistogram } from './bars.ts';

const VALUES = Array.from({ length: 60 }, (_, i) => 4 + ((i * i) % 31) / 10);
const format = (value: number): string => `${value.toFixed(1)}s`;

test('ranges of a round width, with the empty ones', () => {
  const options = { widthColumns: 40, format };
  expect(plotHistogram([...VALUES, 8.1], options)).toMatchInlineSnapshot(`
    "4.0s  12  ██████████████████████▌
    4.5s  16  ██████████████████████████████
    5.0s   8  ███████████████
    5.5s  12  ██████████████████████▌
    6.0s   4  ███████▌
    6.5s   8  ███████████████
    7.0s   0
    7.5s   0
    8.0s   1  █▉"
  `);
  expect(plotHistogram(VALUES, { ...options, isAscii: true })).toMatchInlineSnapshot(`
    "4.0s  12  #######################
    4.5s  16  ##############################
    5.0s   8  ###############
    5.5s  12  #######################
    6.0s   4  ########
    6.5s   8  ###############"
  `);
});

test('one value and none', () => {
  expect(plotHistogram([7, 7], { widthColumns: 20, format: String })).toBe('7  2  ██████████████');
  expect(plotHistogram([], { widthColumns: 20, format: String })).toBe('');
});
