import { expect, test } from 'vitest';
import { observationKind } from './observations.ts';
import { Trace } from './trace.ts';
import { World } from './world.ts';

const dead = observationKind('test-membership.dead');
const moved = observationKind('test-task.moved');

function observeFour(world: World): void {
  world.observe(dead, 3, 5);
  world.queue.runUntil(1_500_000_001);
  world.observe(moved, -1, 7, 8, 'web.1 to\nworker-2');
  world.observe(dead, 0, 6);
  world.observe(dead, 1, 9);
}

test('all observations, as lines', () => {
  const world = new World('7');
  const trace = Trace.watch(world.observations);
  observeFour(world);
  expect(trace.format(['manager-1'])).toBe(
    [
      '0.000000000 3 test-membership.dead 5 0',
      '1.500000001 - test-task.moved 7 8 web.1 to\\nworker-2',
      '1.500000001 manager-1 test-membership.dead 6 0',
      '1.500000001 1 test-membership.dead 9 0',
      '',
    ].join('\n'),
  );
});

test('the last two, and one kind only', () => {
  const world = new World('7');
  const last = Trace.watch(world.observations, { limit: 2 });
  const deaths = Trace.watch(world.observations, { kinds: [dead], limit: 100 });
  const none = Trace.watch(world.observations, { limit: 0 });
  observeFour(world);
  expect(last.list().map(({ a }) => a)).toEqual([6, 9]);
  expect([last.count, last.droppedCount]).toEqual([2, 2]);
  expect(deaths.list().map(({ a }) => a)).toEqual([5, 6, 9]);
  expect([none.count, none.droppedCount, none.format()]).toEqual([0, 4, '']);
  observeFour(world);
  world.observe(dead, 1, 10);
  expect(last.list().map(({ a }) => a)).toEqual([9, 10]);
});

test('watching changes neither the digest nor the count', () => {
  const run = (watches: boolean) => {
    const world = new World('7');
    if (watches) Trace.watch(world.observations);
    observeFour(world);
    return [world.observations.digest.text, world.observations.count];
  };
  expect(run(true)).toEqual(run(false));
});
