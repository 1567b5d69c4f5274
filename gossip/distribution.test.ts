/**
 * The simulated members do what the real ones did: every distribution of the measured runs of
 * hashicorp/memberlist (`test/fixtures/memberlist-measured`) could be of 200 simulated runs of the
 * same experiment, by the two-sample test of Kolmogorov and Smirnov at 1 %.
 */
import { expect, test } from 'vitest';
import { compare } from './testing/measured-fixture.ts';

/** Eight of its runs had late timers and asked for help: their steady traffic is not that of idle members. */
const RESTLESS = 'local-n10';

test.each(['lan-n10', 'local-n10', 'lan-n50', 'local-n50'])(
  '%s: what the real memberlist did',
  (file) => {
    const comparison = { isInStep: false, hasSteady: file !== RESTLESS, significance: () => 0.01 };
    expect(compare(file, comparison)).toEqual([[], 0]);
  },
);
