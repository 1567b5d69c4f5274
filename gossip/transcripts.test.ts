/**
 * One transcript per rule of membership: `testdata/*.txt` holds commands, `----`, and all that the
 * members observed, sent or hold. With `REWRITE=1` in the environment the files are rewritten.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { testTranscripts } from '../sim/testing/transcript.ts';
import { SwimScript } from './testing/swim-script.ts';

testTranscripts(new URL('./testdata/', import.meta.url), () => new SwimScript());

test('docs/membership.md names every transcript, and no other', () => {
  const text = readFileSync(new URL('../docs/membership.md', import.meta.url), 'utf8');
  const named = new Set([...text.matchAll(/`([a-z0-9.-]+\.txt)`/g)].map((match) => match[1]!));
  expect([...named].sort()).toEqual(readdirSync(new URL('./testdata/', import.meta.url)).sort());
});
