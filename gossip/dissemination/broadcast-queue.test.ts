/** The queue's tiers against memberlist's rule taken at its word: one list, sorted before each use. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BroadcastQueue } from './broadcast-queue.ts';

interface Waiting {
  readonly name: number;
  readonly rumor: { readonly sizeBytes: number };
  readonly id: number;
  transmits: number;
}

/** `getBroadcasts` as it reads. */
class PlainQueue {
  waiting: Waiting[] = [];
  #nextId = 1;

  add(name: number, rumor: Waiting['rumor']): void {
    this.waiting = this.waiting.filter((one) => one.name !== name);
    this.waiting.push({ name, rumor, id: this.#nextId++, transmits: 0 });
  }

  take(overheadBytes: number, limitBytes: number, transmitLimit: number): Waiting['rumor'][] {
    const taken: Waiting['rumor'][] = [];
    let usedBytes = 0;
    for (const one of this.list()) {
      if (usedBytes + overheadBytes + one.rumor.sizeBytes > limitBytes) continue;
      usedBytes += overheadBytes + one.rumor.sizeBytes;
      taken.push(one.rumor);
      one.transmits++;
    }
    this.waiting = this.waiting.filter((one) => one.transmits < transmitLimit);
    if (this.waiting.length === 0) this.#nextId = 1;
    return taken;
  }

  list(): Waiting[] {
    return [...this.waiting].sort(
      (a, b) => a.transmits - b.transmits || b.rumor.sizeBytes - a.rumor.sizeBytes || b.id - a.id,
    );
  }
}

const acts = fc.array(
  fc.oneof(
    fc.record({ name: fc.nat(30), sizeBytes: fc.constantFrom(20, 21, 40, 90) }),
    fc.record({ limitBytes: fc.constantFrom(10, 60, 200, 1400) }),
  ),
  { maxLength: 80 },
);

test('broadcasts leave in the order of their transmissions, sizes and ages', () => {
  const property = fc.property(acts, fc.integer({ min: 1, max: 6 }), (all, transmitLimit) => {
    const queue = new BroadcastQueue<Waiting['rumor']>();
    const plain = new PlainQueue();
    for (const act of all) {
      if ('name' in act) {
        const rumor = { sizeBytes: act.sizeBytes };
        queue.add(act.name, rumor);
        plain.add(act.name, rumor);
      } else {
        const taken: Waiting['rumor'][] = [];
        queue.take(2, act.limitBytes, transmitLimit, taken);
        expect(taken).toEqual(plain.take(2, act.limitBytes, transmitLimit));
      }
      expect(queue.list().map(({ name }) => name)).toEqual(plain.list().map(({ name }) => name));
    }
  });
  fc.assert(property, { numRuns: 200 });
});
