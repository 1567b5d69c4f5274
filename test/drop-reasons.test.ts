/**
 * Every reason with which the data plane drops a packet is explained: `explain --why-not` says what
 * would mend it. Reasons are taken from the sources, so that neither list can outgrow the other.
 */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { REMEDIES } from '../scenarios/explain/remedies.ts';
import { textFilesOf } from './tidy/sources.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

const DROPPING = /\b(?:drop|dropTransmit|noteDrop|refuse|abandon|unroutable)\(([^;]*?)\);/gs;
/** Functions whose result is a reason: their returns are reasons too. */
const DECIDING =
  /\bfunction (?:martianReason|validateSource|unfitReason)\b(.*?)\n\}|#refusalOf\b.*?\n {2}\}/gs;
const TEXT = /'([a-zA-Z][^']* [^']*|rp_filter)'/g;

function reasons(): Set<string> {
  const found = new Set<string>();
  for (const { path, text } of textFilesOf(root)) {
    if (!/^(net|vxlan|ipvs)\/.*(?<!\.test)\.ts$/.test(path)) continue;
    for (const pattern of [DROPPING, DECIDING]) {
      for (const [whole, body = whole] of text.matchAll(pattern)) {
        for (const [, reason] of body.matchAll(TEXT)) found.add(reason!);
      }
    }
  }
  return found;
}

/** Guards behind others: conntrack, or ipvs' own look-up, takes no packet that is cut so short. */
const UNREACHED: readonly string[] = ['nat: header is cut short', 'ICMP error is cut short'];

test('every reason of a drop is provoked by a test', () => {
  const tests = [...textFilesOf(root)]
    .filter(({ path }) => /\.test\.ts$|\/testdata\//.test(path))
    .filter(({ path }) => path !== 'test/drop-reasons.test.ts')
    .map(({ text }) => text)
    .join('\n');
  const missing = [...REMEDIES.keys()].filter((reason) => !tests.includes(reason));
  expect(missing).toEqual(UNREACHED);
});

test('every reason of a drop has a remedy, and every remedy its reason', () => {
  const inSources = reasons();
  expect([...inSources].filter((reason) => !REMEDIES.has(reason))).toEqual([]);
  expect([...REMEDIES.keys()].filter((reason) => !inSources.has(reason))).toEqual([]);
  expect(inSources.size).toBeGreaterThan(50);
});
