/**
 * The event queue under the hold model: so many events wait, and each that fires schedules one
 * successor up to two seconds later. `typed` and `callback` are the two ways to schedule; with
 * `cancel`, each event also schedules a timeout of half a second and cancels the one before it, as
 * a probe does. The reference is a binary heap of objects.
 */
import { drawBelow } from '../sim/chance.ts';
import { EventQueue, NO_EVENT } from '../sim/event-queue.ts';
import { nsPerOperation } from './support/measure.ts';
import { ObjectHeap } from './support/object-heap.ts';
import { formatTable } from './support/table.ts';

const EVENT_COUNT = 1_000_000;
const SPAN_NS = 2_000_000_000;
const TIMEOUT_NS = 500_000_000;

/** A way to run the hold model: fills a queue and returns what fires one event. */
type Contender = (pendingCount: number) => () => boolean;

/** Drawn beforehand: a draw costs as much as a third of what is measured. */
const DELAYS_NS = Float64Array.from({ length: 2 ** 16 }, (_, i) => 1 + drawBelow(7, SPAN_NS, i));

let drawCount = 0;

function delayNs(): number {
  drawCount = (drawCount + 1) & 0xffff;
  return DELAYS_NS[drawCount]!;
}

function typed(pendingCount: number): () => boolean {
  const queue = new EventQueue();
  const kind = queue.registerKind((a, _b, _c, nowNs) => {
    queue.schedule(nowNs + delayNs(), kind, a);
  });
  for (let i = 0; i < pendingCount; i++) queue.schedule(delayNs(), kind, i);
  return () => queue.step();
}

function typedWithCancel(pendingCount: number): () => boolean {
  const queue = new EventQueue();
  const timeouts = new Float64Array(pendingCount).fill(NO_EVENT);
  const timeout = queue.registerKind((a) => {
    timeouts[a] = NO_EVENT;
  });
  const kind = queue.registerKind((a, _b, _c, nowNs) => {
    queue.cancel(timeouts[a]!);
    timeouts[a] = queue.schedule(nowNs + TIMEOUT_NS, timeout, a);
    queue.schedule(nowNs + delayNs(), kind, a);
  });
  for (let i = 0; i < pendingCount; i++) queue.schedule(delayNs(), kind, i);
  return () => queue.step();
}

function callback(pendingCount: number): () => boolean {
  const queue = new EventQueue();
  const fire = (nowNs: number): void => {
    queue.scheduleCallback(nowNs + delayNs(), fire);
  };
  for (let i = 0; i < pendingCount; i++) queue.scheduleCallback(delayNs(), fire);
  return () => queue.step();
}

function objects(pendingCount: number): () => boolean {
  const queue = new ObjectHeap();
  const fire = (nowNs: number): void => queue.schedule(nowNs + delayNs(), fire);
  for (let i = 0; i < pendingCount; i++) queue.schedule(delayNs(), fire);
  return () => queue.step();
}

const contenders: readonly [string, Contender][] = [
  ['binary heap of objects', objects],
  ['EventQueue, callback', callback],
  ['EventQueue, typed', typed],
  ['EventQueue, typed, with cancel', typedWithCancel],
];

const rows: string[][] = [];
for (const pendingCount of [100, 10_000, 500_000]) {
  let referenceNs = 0;
  for (const [name, contender] of contenders) {
    const step = contender(pendingCount);
    const ns = nsPerOperation(
      EVENT_COUNT,
      () => {
        for (let i = 0; i < EVENT_COUNT; i++) step();
      },
      3,
    );
    if (contender === objects) referenceNs = ns;
    rows.push([
      name,
      pendingCount.toLocaleString('en'),
      ns.toFixed(0),
      (referenceNs / ns).toFixed(1),
    ]);
  }
}
console.log(formatTable(['queue', 'pending', 'ns per event', 'times faster'], rows));
