/** After chaos, healing and quiet time all members of a network hold equal tables: 500 schedules. */
import { expect, test } from 'vitest';
import { Chaos, MIXTURES } from './testing/chaos.ts';

test.each(MIXTURES)('$generations converge in 100 schedules', ({ generations }) => {
  for (let seed = 0; seed < 100; seed++) {
    const chaos = new Chaos(`chaos-${seed}-${'x'.repeat(seed % 5)}`, generations);
    chaos.run();
    expect(chaos.differences(), `seed ${seed}`).toEqual([]);
  }
});
