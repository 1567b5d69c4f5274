/**
 * With shortcuts and without (and so with views stored once and with a row each) the same happens:
 * random small clusters with loss, cuts, pauses, crashes, joins and leaves have the same digest and
 * the same counters in both modes.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MILLISECOND_NS } from '../sim/time.ts';
import { DOCKER, LAN, LOCAL } from './constants.ts';
import { Counter } from './counters.ts';
import { TestCluster } from './testing/test-cluster.ts';

type Act =
  | {
      readonly kind: 'crash' | 'start' | 'pause' | 'resume' | 'leave' | 'update';
      readonly a: number;
    }
  | { readonly kind: 'cut' | 'heal'; readonly a: number; readonly b: number }
  | { readonly kind: 'loss'; readonly percent: number }
  | { readonly kind: 'add'; readonly a: number };

interface Step {
  readonly afterMs: number;
  readonly act: Act;
}

const member = fc.nat(59);

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('crash', 'start', 'pause', 'resume', 'leave', 'update'),
    a: member,
  }),
  fc.record({ kind: fc.constantFrom('cut', 'heal'), a: member, b: member }),
  fc.record({ kind: fc.constant('loss' as const), percent: fc.constantFrom(0, 0, 20) }),
  fc.record({ kind: fc.constant('add' as const), a: member }),
);

const step: fc.Arbitrary<Step> = fc.record({ afterMs: fc.nat(6000), act });

const run = fc.record({
  seed: fc.nat(9999),
  count: fc.oneof(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 2, max: 30 })),
  config: fc.constantFrom(LAN, DOCKER, LOCAL),
  latencyMs: fc.constantFrom(0.2, 3),
  isSpread: fc.boolean(),
  isEstablished: fc.boolean(),
  steps: fc.array(step, { maxLength: 12 }),
});

type Run = typeof run extends fc.Arbitrary<infer T> ? T : never;

test('the same happens with shortcuts and without', () => {
  const property = fc.property(run, (init) => {
    expect(outcomeOf(init, true)).toEqual(outcomeOf(init, false));
  });
  fc.assert(property, { numRuns: 60 });
});

function outcomeOf(init: Run, shortcuts: boolean): unknown {
  const cluster = new TestCluster({
    seed: String(init.seed),
    count: init.count,
    config: init.config,
    shortcuts,
    latencyMaxNs: init.latencyMs * MILLISECOND_NS,
    startAtNs: (i) => (init.isSpread ? i * 37 * MILLISECOND_NS : 0),
  });
  const { swim, world } = cluster;
  cluster.run(3000 * MILLISECOND_NS);
  if (init.isEstablished) swim.establish();
  else for (let i = 1; i < init.count; i++) swim.join(i, [0]);
  for (const { afterMs, act } of init.steps) {
    cluster.run(afterMs * MILLISECOND_NS);
    perform(cluster, act);
  }
  cluster.run(45_000 * MILLISECOND_NS);
  const counters = Object.values(Counter).map((counter) => swim.totalOf(counter));
  const each = Array.from({ length: swim.memberCount }, (_, i) => [
    swim.counterOf(i, Counter.packetsSent),
    swim.counterOf(i, Counter.packetBytesSent),
    swim.awarenessOf(i),
    swim.membersOf(i).join(' '),
  ]);
  return { digest: world.observations.digest.text, counters, each };
}

function perform(cluster: TestCluster, act: Act): void {
  const { swim, underlay } = cluster;
  const memberAt = (index: number): number => index % swim.memberCount;
  switch (act.kind) {
    case 'crash':
      swim.crash(memberAt(act.a));
      break;
    case 'start': {
      const one = memberAt(act.a);
      if (swim.isUp(one)) break;
      swim.start(one);
      swim.join(one, [memberAt(one + 1)]);
      break;
    }
    case 'pause':
      swim.pause(memberAt(act.a));
      break;
    case 'resume':
      swim.resume(memberAt(act.a));
      break;
    case 'leave':
      swim.leave(memberAt(act.a), 2000 * MILLISECOND_NS);
      break;
    case 'update':
      if (swim.isRunning(memberAt(act.a))) swim.updateMeta(memberAt(act.a), Uint8Array.of(act.a));
      break;
    case 'cut':
      swim.beforeUnderlayChange();
      underlay.cut(memberAt(act.a), memberAt(act.b));
      break;
    case 'heal':
      swim.beforeUnderlayChange();
      underlay.heal(memberAt(act.a), memberAt(act.b));
      break;
    case 'loss':
      swim.beforeUnderlayChange();
      underlay.conditions = { ...underlay.conditions, lossRatio: act.percent / 100 };
      break;
    case 'add': {
      const one = cluster.add();
      swim.join(one, [memberAt(act.a)]);
      break;
    }
  }
}
