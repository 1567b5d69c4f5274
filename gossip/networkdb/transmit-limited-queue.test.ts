/** memberlist's queue: its order, its limits and its replacements. */
import { expect, test } from 'vitest';
import { retransmitLimit, TransmitLimitedQueue } from './transmit-limited-queue.ts';

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
  const subject = {};
  const finished: string[] = [];
  queue.queue('old', 10, subject, () => finished.push('old'));
  queue.queue('other', 10);
  pull(queue, 1000);
  queue.queue('new', 20, subject);
  expect(finished).toEqual(['old']);
  expect(queue.count).toBe(2);
  expect(pull(queue, 1000)).toBe('new other');
});
