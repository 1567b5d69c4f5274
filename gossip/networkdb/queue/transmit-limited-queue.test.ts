/** memberlist's queue: its order, its limits and its replacements. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Broadcast,
  NO_SUBJECT,
  retransmitLimit,
  TransmitLimitedQueue,
} from './transmit-limited-queue.ts';

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

interface Named extends Broadcast {
  readonly name: string;
}

function message(name: string, sizeBytes: number, subject: number = NO_SUBJECT): Named {
  return { name, sizeBytes, subject };
}

function pull(queue: TransmitLimitedQueue<Named>, limitBytes: number, limit = 4): string {
  const out: Named[] = [];
  queue.pull(4, limitBytes, limit, out);
  return out.map(({ name }) => name).join(' ');
}

test('takes the largest that fits, among equals the newest', () => {
  const queue = new TransmitLimitedQueue<Named>();
  queue.queue(message('small', 10));
  queue.queue(message('old', 50));
  queue.queue(message('new', 50));
  queue.queue(message('large', 100));
  expect(pull(queue, 120)).toBe('large small');
  expect(pull(queue, 120)).toBe('new old');
  expect(pull(queue, 60)).toBe('new');
});

test('counts one transmission per pull and ends at the limit', () => {
  const queue = new TransmitLimitedQueue<Named>();
  const finished: string[] = [];
  queue.queue(message('a', 10), () => finished.push('a'));
  expect([1, 2, 3, 4, 5].map(() => pull(queue, 1000))).toEqual(['a', 'a', 'a', 'a', '']);
  expect(finished).toEqual(['a']);
  expect(queue.count).toBe(0);
});

test('prefers what was sent less often', () => {
  const queue = new TransmitLimitedQueue<Named>();
  queue.queue(message('first', 90));
  expect(pull(queue, 1000)).toBe('first');
  queue.queue(message('second', 10));
  expect(pull(queue, 100)).toBe('second');
  expect(pull(queue, 100)).toBe('first');
});

test('a message replaces the queued one of its subject, whatever its age', () => {
  const queue = new TransmitLimitedQueue<Named>();
  const finished: string[] = [];
  queue.queue(message('old', 10, 7), () => finished.push('old'));
  queue.queue(message('other', 10));
  pull(queue, 1000);
  queue.queue(message('new', 20, 7));
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
  const operation = fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 4 }), fc.nat(20));
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200, size: 'max' }), (operations) => {
      const queue = new TransmitLimitedQueue<Named>();
      let naive: Item[] = [];
      let nextId = 0;
      for (const [kind, size, pick] of operations) {
        if (kind < 6) {
          const subject = pick < 6 ? NO_SUBJECT : pick;
          naive = naive.filter((item) => subject === NO_SUBJECT || item.subject !== subject);
          naive.push({ id: nextId, size, subject, transmits: 0 });
          queue.queue(message(String(nextId++), size, subject));
          continue;
        }
        const out: Named[] = [];
        queue.pull(1, kind * 2, 3, out);
        expect(out.map(({ name }) => Number(name))).toEqual(pullNaively(naive, kind * 2));
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
