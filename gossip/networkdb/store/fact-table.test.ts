/**
 * The shared store against the obvious one: a map per node, reaped tick by tick. Random writes,
 * joins, leaves, waiting, and snapshots that are read after the sender and others have changed.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SECOND_NS } from '../../../sim/time.ts';
import { Fact, FactTable } from './fact-table.ts';
import { entryReapTick, networkReapTick, Population, ReapTicks } from './population.ts';
import type { Snapshot } from './snapshot.ts';

interface Value {
  readonly bytes: number;
}
type TestFact = Fact<number, Value>;

const NODES = 20;
const FACTS = 5;
const VALUES: readonly Value[] = [{ bytes: 3 }, { bytes: 5 }, { bytes: 7 }];

/** A node's holdings as moby keeps them. */
class Naive {
  readonly held = new Map<TestFact, { value: Value; residual: number }>();

  tick(): void {
    for (const [fact, entry] of [...this.held]) {
      if (entry.residual === 0) continue;
      if (entry.residual > 6) entry.residual -= 5;
      else this.held.delete(fact);
    }
  }

  copy(): [string, Value, number][] {
    const rows = [...this.held].map(([fact, { value, residual }]): [string, Value, number] => [
      fact.name,
      value,
      residual,
    ]);
    return rows.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }
}

class Model {
  nowNs = 0;
  readonly population = new Population();
  readonly ticks = new ReapTicks();
  readonly naive = Array.from({ length: NODES }, () => new Naive());
  readonly ticksDone: number[] = new Array(NODES).fill(0);
  readonly facts: TestFact[] = [];
  readonly table: FactTable<number, Value>;
  readonly flying: { snapshot: Snapshot<number, Value>; rows: [string, Value, number][] }[] = [];

  constructor() {
    for (let node = 0; node < NODES; node++) this.ticks.start(node, node * 1_100_000_000);
    for (let i = 0; i < FACTS; i++) this.facts.push(new Fact(i, `fact-${i}`));
    this.table = new FactTable({
      population: this.population,
      ticks: this.ticks,
      bytesOf: (value, residual) => value.bytes + (residual > 0 ? 100 + residual : 0),
      reapTickOf: entryReapTick,
      onAgreed: () => {},
    });
    this.wait(NODES * 2);
  }

  wait(seconds: number): void {
    this.nowNs += seconds * SECOND_NS;
    for (let node = 0; node < NODES; node++) {
      const tick = this.ticks.tickAt(node, this.nowNs);
      while (this.ticksDone[node]! < tick) {
        this.ticksDone[node]!++;
        this.naive[node]!.tick();
      }
    }
  }

  assign(node: number, at: number, value: Value | undefined, residual: number): void {
    const fact = this.facts[at]!;
    this.table.assign(fact, node, value, residual, this.nowNs);
    if (value === undefined) this.naive[node]!.held.delete(fact);
    else this.naive[node]!.held.set(fact, { value, residual });
  }

  toggle(node: number): void {
    if (this.population.has(node)) {
      this.table.release(node);
      this.population.remove(node);
      this.naive[node]!.held.clear();
    } else {
      this.population.add(node);
      this.table.admit(node);
    }
  }

  take(node: number): void {
    const snapshot = this.table.snapshot(node, this.nowNs);
    const rows = this.naive[node]!.copy();
    let bytes = 0;
    for (const [, value, residual] of rows) {
      bytes += value.bytes + (residual > 0 ? 100 + residual : 0);
    }
    expect(snapshot.bytes).toBe(bytes);
    this.flying.push({ snapshot, rows });
  }

  land(receiver: number): void {
    const flight = this.flying.shift();
    if (flight === undefined) return;
    const held = new Map(this.naive[receiver]!.copy().map(([name, value]) => [name, value]));
    const isFresh = ([name, value]: [string, Value, number]): boolean => held.get(name) !== value;
    const visited: [string, Value, number][] = [];
    flight.snapshot.visitNew(receiver, this.nowNs, (fact, value, residual) => {
      visited.push([fact.name, value, residual]);
    });
    flight.snapshot.release();
    const isMember = this.population.has(receiver);
    if (isMember) expect(visited).toEqual(flight.rows.filter(isFresh));
  }

  check(): void {
    for (let node = 0; node < NODES; node++) {
      const held: [string, Value, number][] = [];
      for (const fact of this.facts) {
        const value = this.table.valueOf(fact, node, this.nowNs);
        if (value === undefined) continue;
        held.push([fact.name, value, this.table.residualOf(fact, node, this.nowNs)]);
      }
      expect(held).toEqual(this.naive[node]!.copy());
    }
  }
}

const nodes = fc.integer({ min: 0, max: NODES - 1 });
const few = fc.integer({ min: 0, max: 3 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('assign' as const), fc.oneof(few, nodes), few) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('spread' as const), few, few) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('toggle' as const), fc.oneof(few, nodes), few) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('wait' as const), nodes, few) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('take' as const), fc.oneof(few, nodes), few) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('land' as const), fc.oneof(few, nodes), few) },
);

describe('the shared store', () => {
  test('holds for every node what the node would hold by itself', () => {
    const operation = fc.tuple(
      step,
      fc.integer({ min: 0, max: 3 }),
      fc.constantFrom(0, 0, 2, 9, 33),
    );
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 80, minLength: 10, size: 'max' }),
        (operations) => {
          const model = new Model();
          for (let node = 0; node < 6; node++) model.toggle(node);
          for (const [[kind, node, at], pick, residual] of operations) {
            const value = VALUES[pick];
            if (kind === 'assign')
              model.assign(node, at, value, value === undefined ? 0 : residual);
            if (kind === 'spread') {
              for (let other = 0; other < NODES; other++) {
                if (model.population.has(other))
                  model.assign(other, at, value, value ? residual : 0);
              }
            }
            if (kind === 'toggle') model.toggle(node);
            if (kind === 'wait') model.wait(node);
            if (kind === 'take') model.take(node);
            if (kind === 'land') model.land(node);
            model.check();
          }
        },
      ),
      { numRuns: 120, seed: 5 },
    );
  });

  test('keeps no column once all agree', () => {
    const model = new Model();
    for (let node = 0; node < NODES; node++) model.toggle(node);
    model.assign(0, 0, VALUES[0], 0);
    expect(model.table.hot.size).toBe(1);
    for (let node = 1; node < NODES; node++) model.assign(node, 0, VALUES[0], 0);
    expect(model.table.hot.size).toBe(0);
    expect(model.table.coldBytes).toBe(3);
    expect(model.facts[0]!.column).toBeUndefined();
  });

  test('forgets tombstones that every node has reaped', () => {
    const model = new Model();
    for (let node = 0; node < 4; node++) model.toggle(node);
    for (let node = 0; node < 4; node++) model.assign(node, 0, VALUES[0], 1800);
    model.wait(1805);
    model.table.snapshot(0, model.nowNs).release();
    expect(model.table.live.size).toBe(0);
  });
});

test.each([
  [1800, 359],
  [10, 1],
  [7, 1],
  [6, 0],
  [2, 0],
])('an entry with %i s left is removed %i passes later than the next', (residual, passes) => {
  expect(entryReapTick(residual)).toBe(passes + 1);
});

test('a left network with 1825 s goes at pass 366', () => {
  expect(networkReapTick(1825)).toBe(366);
});
