/** memberlist's queue: its order, its limits and its replacements. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_SUBJECT, retransmitLimit, TransmitLimitedQueue } from './transmit-limited-queue.ts';

test.each([
  [1, 4],
  [9, 4],
  [10, 8],
  [99, 8],
  [100, 12],
  [999, 12],
  [1000, 16],
])('%i nodes: %i transmissions', (nodes, limit) => {
  expect(retransmitLimit(nodes)).toBe(limit);
});

function pull(queue: TransmitLimitedQueue<string>, limitBytes: number, limit = 4): string {
  const out: string[] = [];
  queue.pull(4, limitBytes, limit, out);
  return out.join(' ');
}

test('takes the largest that fits, among equals the newest', () => {
  const queue = new TransmitLimitedQueue<string>();
  queue.queue('small', 10);
  queue.queue('old', 50);
  queue.queue('new', 50);
  queue.queue('large', 100);
  expect(pull(queue, 120)).toBe('large small');
  expect(pull(queue, 120)).toBe('new old');
  expect(pull(queue, 60)).toBe('new');
});

test('counts one transmission per pull and ends at the limit', () => {
  const queue = new TransmitLimitedQueue<string>();
  const finished: string[] = [];
  queue.queue('a', 10, undefined, () => finished.push('a'));
  expect([1, 2, 3, 4, 5].map(() => pull(queue, 1000))).toEqual(['a', 'a', 'a', 'a', '']);
  expect(finished).toEqual(['a']);
  expect(queue.count).toBe(0);
});

test('prefers what was sent less often', () => {
  const queue = new TransmitLimitedQueue<string>();
  queue.queue('first', 90);
  expect(pull(queue, 1000)).toBe('first');
  queue.queue('second', 10);
  expect(pull(queue, 100)).toBe('second');
  expect(pull(queue, 100)).toBe('first');
});

test('a message replaces the queued one of its subject, whatever its age', () => {
  const queue = new TransmitLimitedQueue<string>();
  const subject = 7;
  const finished: string[] = [];
  queue.queue('old', 10, subject, () => finished.push('old'));
  queue.queue('other', 10);
  pull(queue, 1000);
  queue.queue('new', 20, subject);
  expect(finished).toEqual(['old']);
  expect(queue.count).toBe(2);
  expect(pull(queue, 1000)).toBe('new other');
});

test('agrees with a sorted list on random use', () => {
  interface Item {
    readonly id: number;
    readonly size: number;
    readonly subject: number;
    transmits: number;
  }
  const operation = fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 4 }), fc.nat(3));
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200, size: 'max' }), (operations) => {
      const queue = new TransmitLimitedQueue<number>();
      const subjects = [NO_SUBJECT, 1, 2, 3];
      let naive: Item[] = [];
      let nextId = 0;
      for (const [kind, size, pick] of operations) {
        if (kind < 6) {
          const subject = subjects[pick]!;
          naive = naive.filter((item) => subject === NO_SUBJECT || item.subject !== subject);
          naive.push({ id: nextId, size, subject, transmits: 0 });
          queue.queue(nextId++, size, subject);
          continue;
        }
        const out: number[] = [];
        queue.pull(1, kind * 2, 3, out);
        expect(out).toEqual(pullNaively(naive, kind * 2));
        naive = naive.filter((item) => item.transmits < 3);
        expect(queue.count).toBe(naive.length);
      }
    }),
    { seed: 11, numRuns: 300 },
  );

  function pullNaively(items: Item[], limitBytes: number): number[] {
    const taken: Item[] = [];
    let freeBytes = limitBytes - 1;
    for (let tier = 0; tier < 3; tier++) {
      for (;;) {
        const fitting = items.filter(
          (item) => item.transmits === tier && item.size <= freeBytes && !taken.includes(item),
        );
        const best = fitting.sort((a, b) => b.size - a.size || b.id - a.id)[0];
        if (best === undefined || freeBytes <= 0) break;
        taken.push(best);
        freeBytes -= best.size + 1;
      }
    }
    for (const item of taken) item.transmits++;
    return taken.map((item) => item.id);
  }
});
