/**
 * After chaos, healing and quiet time all members of a network hold equal tables, and the same comes
 * of it with shortcuts as without. A share of the 500 schedules of `convergence.long.test.ts`.
 */
import { describe, expect, test } from 'vitest';
import { Chaos, MIXTURES } from './testing/chaos.ts';

describe.each(MIXTURES)('$generations', ({ generations }) => {
  test('converge in random schedules', () => {
    for (let seed = 0; seed < 10; seed++) {
      const chaos = new Chaos(`chaos-${seed}-${'x'.repeat(seed % 5)}`, generations);
      chaos.run();
      expect(chaos.differences()).toEqual([]);
    }
  });

  test('give the same digest with shortcuts and without', () => {
    for (let seed = 0; seed < 3; seed++) {
      const [fast, literal] = [true, false].map((shortcuts) => {
        const chaos = new Chaos(`literal-${seed}`, generations, shortcuts);
        chaos.run();
        return chaos.digest;
      });
      expect(fast).toBe(literal);
    }
  });
});
