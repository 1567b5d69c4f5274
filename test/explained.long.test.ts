/**
 * Every scenario of the library that has traffic, explained: of each traffic the first request that failed,
 * or else the first that was answered. No hop is left without a word, no drop without a reason and a remedy,
 * and no failure without somebody to blame.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { explainRequest } from '../scenarios/explain/explain-request.ts';
import type { Explanation } from '../scenarios/explain/explanation.ts';
import { remedyOf } from '../scenarios/explain/remedies.ts';
import { LIBRARY, loadLibrary } from './support/runs.ts';

/** Twelve hours, and nothing that fails in them. */
const TOO_LONG = 'key-rotation';

const NAMES = ['', 'incidents/', 'plugins/']
  .flatMap((folder) => readdirSync(join(LIBRARY, folder)).map((file) => folder + file))
  .filter((file) => file.endsWith('.yaml') && !file.endsWith('.compose.yaml'))
  .map((file) => file.replace('.yaml', ''))
  .filter((name) => name !== TOO_LONG);

const SUBJECTS = NAMES.flatMap((name) => {
  const { traffic } = loadLibrary(name).scenario;
  return traffic
    .filter(({ to }) => !to.startsWith('dns:'))
    .map((each) => [name, each.name] as const);
});

/** What an explanation leaves open. */
function unexplained({ packets, outcome, diagnosis, planes, ...rest }: Explanation): string[] {
  const found: string[] = [];
  const isSilent = outcome === 'unresolved' || outcome === 'unreachable';
  if (packets.length === 0 && !isSilent) found.push('no packet');
  for (const packet of packets) {
    const what = `${packet.title} at ${packet.place}`;
    if (packet.place === '') found.push(`${what}: no place`);
    if (packet.fate === 'unfinished' && outcome === 'ok') found.push(`${what}: no end`);
    if (packet.fate === 'dropped' && packet.reason === '') found.push(`${what}: no reason`);
    if (packet.fate === 'dropped' && remedyOf(packet) === '') {
      found.push(`${what}: no remedy for ${packet.reason}`);
    }
    for (const { namespace, event, detail, place } of packet.steps) {
      const name = rest.namespaceNames[namespace] ?? namespace;
      if (/[0-9a-f]{12}$/.test(name)) found.push(`${what}: ${name} is nobody's name`);
      if (event === 'rewrite' && !/->/.test(detail)) found.push(`${what}: rewritten by ${place}`);
      if (event === 'schedule' && detail === '') found.push(`${what}: chosen without a word`);
    }
  }
  if (outcome === 'ok') return found;
  if (diagnosis === undefined) found.push('no diagnosis');
  else if (/no packet was sent$/.test(diagnosis.text)) found.push(diagnosis.text);
  if (diagnosis !== undefined && planes === undefined && !isSilent) found.push('nobody to blame');
  return found;
}

test.each(SUBJECTS)('%s: %s', (name, traffic) => {
  const loaded = loadLibrary(name);
  const failed = explainRequest(loaded, traffic, 'first-failed');
  const explanation = typeof failed === 'string' ? explainRequest(loaded, traffic, 1) : failed;
  expect(typeof explanation === 'string' ? explanation : unexplained(explanation)).toEqual([]);
});
