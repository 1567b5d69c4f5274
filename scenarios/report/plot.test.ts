/**
 * Curves as a terminal shows them.
 */
import { expect, test } from 'vitest';
import { plotCurve, plotEcdf } from './plot.ts';

const formatX = (x: number): string => `${x}s`;

test('an empirical distribution climbs from nothing to everything', () => {
  const values = Array.from({ length: 64 }, (_, i) => 5 + i * i);
  const plot = plotEcdf(values, { widthColumns: 50, heightRows: 5, formatX });
  expect(plot).toMatchInlineSnapshot(`
    "100% ┤⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⣀⣀⣀⡤⠤⠤⠤⠖⠒⠒⠒⠒⠋⠉
         │⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⣀⣀⣀⣠⠤⠤⠖⠒⠒⠚⠉⠉⠉⠉
     50% ┤⠀⠀⠀⠀⠀⠀⠀⣀⣠⠤⠴⠒⠒⠚⠉⠉⠁
         │⠀⢀⣠⠴⠒⠋⠉⠁
      0% ┤⡼⠉
          5s                1989.5s              3974s"
  `);
});

test('two values are two steps', () => {
  const plot = plotEcdf([1, 2], { widthColumns: 34, heightRows: 3, formatX });
  expect(plot).toMatchInlineSnapshot(`
    "100% ┤⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢸
     50% ┤⡖⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠚
      0% ┤⡇
          1s          1.5s          2s"
  `);
});

test('a curve may go down and below zero', () => {
  const points = Array.from({ length: 9 }, (_, x) => ({ x, y: (x - 4) ** 2 - 8 }));
  const options = { widthColumns: 40, heightRows: 7, formatX, formatY: String };
  expect(plotCurve(points, options)).toMatchInlineSnapshot(`
    " 8 ┤⠑⡄⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⠎
       │⠀⠈⢢⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⡰⠁
       │⠀⠀⠀⠑⡄⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⠎
     0 ┤⠀⠀⠀⠀⠈⠢⡀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⠔⠁
       │⠀⠀⠀⠀⠀⠀⠈⠑⢄⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⡠⠊⠁
       │⠀⠀⠀⠀⠀⠀⠀⠀⠀⠑⠢⢄⡀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⡠⠔⠊
    -8 ┤⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠈⠑⠒⠤⠤⣀⣀⠤⠤⠒⠊⠁
        0s               4s               8s"
  `);
});

test('a curve is drawn without Unicode where it must be', () => {
  const values = Array.from({ length: 64 }, (_, i) => 5 + i * i);
  const plot = plotEcdf(values, { widthColumns: 50, heightRows: 5, formatX, isAscii: true });
  expect(plot).toMatchInlineSnapshot(`
    "100% +                             ........:''''''
         |                ......:'''''''
     50% +       ...:''''''
         | ..:''''
      0% +:'
          5s                1989.5s              3974s"
  `);
});

test('one place is no curve', () => {
  expect(plotEcdf([], { widthColumns: 50, heightRows: 5, formatX })).toBe('');
  expect(plotEcdf([3, 3, 3], { widthColumns: 50, heightRows: 5, formatX })).toBe('');
});

test.each([0, 30, 31, 79, 200])('no line is wider than %i columns, or thirty', (widthColumns) => {
  const plot = plotEcdf([1, 2, 5, 9], { widthColumns, heightRows: 4, formatX });
  const widths = plot.split('\n').map((line) => line.length);
  expect(Math.max(...widths)).toBeLessThanOrEqual(Math.max(30, widthColumns));
});
