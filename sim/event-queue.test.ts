import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type EventHandle, EventQueue, NO_EVENT } from './event-queue.ts';
import { HOUR_NS, SECOND_NS } from './time.ts';

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
  expect(() => queue.scheduleCallback(Number.NaN, () => {})).toThrow(/in the past/);
});

/** The queue as one would specify it: a list that is sorted whenever somebody looks. */
class SortedList {
  nowNs = 0;
  #sequence = 0;
  #entries: { atNs: number; sequence: number; id: number }[] = [];

  schedule(atNs: number, id: number): void {
    this.#entries.push({ atNs, sequence: this.#sequence++, id });
    this.#entries.sort((a, b) => a.atNs - b.atNs || a.sequence - b.sequence);
  }

  cancel(id: number): boolean {
    const at = this.#entries.findIndex((entry) => entry.id === id);
    if (at >= 0) this.#entries.splice(at, 1);
    return at >= 0;
  }

  get nextAtNs(): number {
    return this.#entries[0]?.atNs ?? Number.POSITIVE_INFINITY;
  }

  get pendingCount(): number {
    return this.#entries.length;
  }

  take(): number {
    const entry = this.#entries.shift()!;
    this.nowNs = entry.atNs;
    return entry.id;
  }
}

const verb = fc.constantFrom<'schedule' | 'cancel' | 'step' | 'run' | 'look'>(
  ...(['schedule', 'schedule', 'schedule', 'schedule', 'schedule'] as const),
  ...(['cancel', 'cancel', 'step', 'run', 'run', 'look'] as const),
);

/** What to do, with a number and an instant: at or next to one of the next boundaries, or soon. */
const command = fc.record({
  verb,
  number: fc.nat(),
  boundaryNs: fc.constantFrom(2 ** 17, 2 ** 31, 2 ** 41),
  boundaryCount: fc.nat(2),
  offsetNs: fc.oneof(
    fc.constantFrom(0, 0, 1, 2 ** 17, 2 ** 31, 2 ** 41, -1, -(2 ** 17), -(2 ** 31)),
    fc.integer({ min: 0, max: 3 * SECOND_NS }),
  ),
});

test('any sequence of commands does what a sorted list does, over hours as over nanoseconds', () => {
  const property = fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
    const queue = new EventQueue();
    const list = new SortedList();
    const handles: EventHandle[] = [];
    const fired: number[] = [];
    const expected: number[] = [];
    const kind = queue.registerKind((id, followsAfterNs, _c, nowNs) => {
      fired.push(id);
      if (followsAfterNs > 0) queue.schedule(nowNs + followsAfterNs, kind, id + 1000);
    });
    const followsAfterNsOf = (id: number): number => (id % 7 === 3 ? 1 + id * 100_000 : 0);
    const fireOne = (): void => {
      const id = list.take();
      expected.push(id);
      if (id < 1000 && id % 7 === 3) list.schedule(list.nowNs + followsAfterNsOf(id), id + 1000);
    };
    commands.forEach(({ verb, number, boundaryNs, boundaryCount, offsetNs }, i) => {
      const { nowNs } = queue;
      const boundary = (Math.floor(nowNs / boundaryNs) + boundaryCount) * boundaryNs;
      const atNs = Math.max(nowNs, boundary + offsetNs);
      if (verb === 'schedule') {
        handles[i] = queue.schedule(atNs, kind, i, followsAfterNsOf(i));
        list.schedule(atNs, i);
      } else if (verb === 'cancel') {
        const id = number % (i + 1);
        const handle = handles[id] ?? NO_EVENT;
        expect(queue.isPending(handle)).toBe(list.cancel(id));
        queue.cancel(handle);
      } else if (verb === 'step') {
        for (let count = 0; count < number % 5; count++) {
          if (list.pendingCount > 0) fireOne();
          queue.step();
        }
      } else if (verb === 'run') {
        while (list.nextAtNs <= atNs) fireOne();
        queue.runUntil(atNs);
        list.nowNs = atNs;
      } else {
        expect(queue.nextAtNs).toBe(list.nextAtNs);
      }
      expect(fired).toEqual(expected);
      expect([queue.nowNs, queue.pendingCount]).toEqual([list.nowNs, list.pendingCount]);
      expect(queue.firedCount).toBe(fired.length);
    });
  });
  fc.assert(property, { numRuns: 1000 });
});

test.each([0, 1, 2 ** 17, 2 ** 17 - 1, 2 ** 31, 2 ** 31 + 2 ** 17, 2 ** 41, 12_345_678_901])(
  'events of one instant that were scheduled from near and from far: 2^42 + %d ns',
  (offsetNs) => {
    const queue = new EventQueue();
    const list = new SortedList();
    const targetNs = 2 ** 42 + offsetNs;
    const fired: number[] = [];
    const expected: number[] = [];
    const kind = queue.registerKind((id) => fired.push(id));
    let id = 0;
    const schedule = (): void => {
      for (const atNs of [targetNs, targetNs - 1, targetNs + 1, targetNs]) {
        if (atNs < queue.nowNs) continue;
        queue.schedule(atNs, kind, id);
        list.schedule(atNs, id++);
      }
    };
    // keeps the wheel busy, so that what lies beyond it must be noticed and not fallen back on
    const metronome = queue.registerKind((_a, _b, _c, nowNs) => {
      if (nowNs < targetNs) queue.schedule(nowNs + SECOND_NS, metronome);
    });
    queue.schedule(0, metronome);
    queue.step();
    schedule();
    for (const bits of [42, 41.5, 41, 36, 32, 31.5, 31, 30, 18, 17, 16.5, 16, 3, 1, 0]) {
      const leadNs = Math.floor(2 ** bits);
      if (leadNs <= targetNs) queue.scheduleCallback(targetNs - leadNs, schedule);
    }
    while (queue.step());
    while (list.pendingCount > 0) expected.push(list.take());
    expect(fired.length).toBeGreaterThan(40);
    expect(fired).toEqual(expected);
  },
);

test.each([2 ** 33, 2 ** 42])('a lone event %d ns ahead is not passed by a busy wheel', (atNs) => {
  const queue = new EventQueue();
  let firedAtNs = 0;
  const metronome = queue.registerKind((_a, _b, _c, nowNs) => {
    queue.schedule(nowNs + SECOND_NS, metronome);
  });
  queue.schedule(0, metronome);
  queue.scheduleCallback(atNs, () => {
    firedAtNs = queue.nowNs;
  });
  queue.runUntil(atNs);
  expect(firedAtNs).toBe(atNs);
});

test('slots of cancelled events come back, also when they lie hours ahead', () => {
  const queue = new EventQueue();
  const fired: number[] = [];
  const kind = queue.registerKind((a) => fired.push(a));
  const spans = [1, 2 ** 18, SECOND_NS, 60 * SECOND_NS, 2 * HOUR_NS];
  let keepAlive = NO_EVENT;
  for (let i = 0; i < 50_000; i++) {
    queue.cancel(keepAlive);
    keepAlive = queue.schedule(queue.nowNs + spans[i % 5]! + i, kind, i);
    if (i % 10_000 === 0) queue.schedule(queue.nowNs + spans[(i / 10_000) % 4]!, kind, i);
  }
  expect(queue.pendingCount).toBe(6);
  // a handle is generation * 2^31 + slot: at most 8192 dead events keep theirs
  expect(keepAlive % 2 ** 31).toBeLessThan(8300);
  queue.runUntil(3 * HOUR_NS);
  expect(fired).toEqual([0, 40_000, 10_000, 20_000, 30_000, 49_999]);
  expect(queue.nextAtNs).toBe(Number.POSITIVE_INFINITY);
});

test('an event beyond 2^32 ticks, and one at the end of virtual time', () => {
  const queue = new EventQueue();
  const fired: number[] = [];
  const last = Number.MAX_SAFE_INTEGER;
  for (const atNs of [last, 2 ** 50 + 1, 2 ** 50, last - 1]) {
    queue.scheduleCallback(atNs, (nowNs) => fired.push(nowNs));
  }
  while (queue.step());
  expect(fired).toEqual([2 ** 50, 2 ** 50 + 1, last - 1, last]);
});
