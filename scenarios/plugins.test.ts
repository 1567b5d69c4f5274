/**
 * The library's scenarios of plugins: what they expect comes true, and a packet between their
 * containers goes the way that the style has, as files of `testdata/plugin-walks/` have it
 * (`REWRITE=1` writes them anew).
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SECOND_NS } from '../sim/time.ts';
import { explainProbe } from './explain/explain-probe.ts';
import { loadScenario } from './load.ts';
import { formatExplanation } from './report/explanation.ts';
import { runScenario } from './run/run-scenario.ts';

const FOLDER = `${import.meta.dirname}/library/plugins`;
const STYLES = readdirSync(FOLDER).map((name) => name.replace('.yaml', ''));

test.each(STYLES)('%s', (style) => {
  const { loaded, issues } = loadScenario(`${FOLDER}/${style}.yaml`, (path) =>
    readFileSync(path, 'utf8'),
  );
  expect(issues).toEqual([]);
  const { expectations } = runScenario(loaded!).result;
  expect(expectations.filter(({ met }) => !met)).toEqual([]);
  const probe = { from: 'worker-1/web', host: 'worker-2/web', port: 80, atNs: 24 * SECOND_NS };
  const explanation = explainProbe(loaded!, probe);
  const text = formatExplanation(explanation, { hasColour: false, isWhole: false });
  const file = new URL(`testdata/plugin-walks/${style}.txt`, import.meta.url);
  if (process.env['REWRITE'] === '1') writeFileSync(file, text);
  else expect(text).toBe(readFileSync(file, 'utf8'));
});
