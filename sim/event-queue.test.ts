import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventQueue } from './event-queue.ts';

test('events fire in order of time, then of scheduling, whatever was cancelled', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.nat(50), cancel: fc.boolean() }), { maxLength: 300 }),
      (plan) => {
        const queue = new EventQueue();
        const fired: number[] = [];
        const kind = queue.registerKind((a) => fired.push(a));
        const handles = plan.map((entry, i) =>
          i % 3 === 0
            ? queue.scheduleCallback(entry.at, () => fired.push(i))
            : queue.schedule(entry.at, kind, i),
        );
        plan.forEach((entry, i) => {
          if (entry.cancel) expect(queue.cancel(handles[i]!)).toBe(true);
        });
        queue.runUntil(50);
        const expected = plan
          .map((entry, i) => ({ ...entry, i }))
          .filter((entry) => !entry.cancel)
          .sort((x, y) => x.at - y.at || x.i - y.i)
          .map((entry) => entry.i);
        expect(fired).toEqual(expected);
        for (const handle of handles) expect(queue.cancel(handle)).toBe(false);
      },
    ),
  );
});

test('an event may schedule and cancel others, and the past is refused', () => {
  const queue = new EventQueue();
  const log: string[] = [];
  const later = queue.scheduleCallback(20, () => log.push('never'));
  queue.scheduleCallback(10, (nowNs) => {
    log.push(`first at ${nowNs}`);
    queue.cancel(later);
    queue.scheduleCallback(10, () => log.push('same instant, afterwards'));
  });
  queue.runUntil(100);
  expect(log).toEqual(['first at 10', 'same instant, afterwards']);
  expect(queue.nowNs).toBe(100);
  expect(() => queue.scheduleCallback(99, () => {})).toThrow(/1 ns in the past/);
});
