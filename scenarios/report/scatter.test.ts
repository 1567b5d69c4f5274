/** Points as a terminal shows them. */
import { expect, test } from 'vitest';
import { plotScatter } from './scatter.ts';

const OPTIONS = { widthColumns: 34, heightRows: 4, formatX: String, formatY: String };

test('corners, and a later point over an earlier one', () => {
  const marks = [
    { x: 1, y: 10, text: 'a' },
    { x: 9, y: 40, text: 'b' },
    { x: 5, y: 25, text: 'c' },
    { x: 9, y: 40, text: '@' },
  ];
  expect(plotScatter(marks, OPTIONS)).toMatchInlineSnapshot(`
    "40 ┤                             @
       │
       │               c
    10 ┤a
        1                            9"
  `);
});

test('one point and none', () => {
  expect(plotScatter([{ x: 3, y: 3, text: 'o' }], { ...OPTIONS, isAscii: true })).toContain('o');
  expect(plotScatter([], OPTIONS)).toBe('');
});
