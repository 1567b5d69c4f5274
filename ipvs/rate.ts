/**
 * The rates that `ipvsadm --rate` prints (`ip_vs_est.c`): every 2 s a sample of each counter moves its
 * average by a quarter of the difference. Fixed point as the kernel's: connections and packets in
 * 1/1024, bytes in 1/32.
 *
 * Nothing waits for the samples: they are caught up with before anything is counted or shown.
 */
import { SECOND_NS } from '../sim/time.ts';
import type { Traffic } from './service.ts';

const PERIOD_NS = 2 * SECOND_NS;
/** After so many idle periods every average is 0. */
const PERIODS_MAX = 120;

const COUNTERS = [
  'connectionCount',
  'inPackets',
  'outPackets',
  'inBytes',
  'outBytes',
] as const satisfies readonly (keyof Traffic)[];

/** What a rate is held in: a shift per sample of 2 s, and one for what is shown. */
interface Scale {
  readonly sampleFactor: number;
  readonly shift: number;
}

const EVENTS: Scale = { sampleFactor: 512, shift: 10 };
const BYTES: Scale = { sampleFactor: 16, shift: 5 };
const SCALES: readonly Scale[] = [EVENTS, EVENTS, EVENTS, BYTES, BYTES];

/** The averages of one service or destination. */
interface Averages {
  readonly last: number[];
  readonly averages: number[];
}

/** The rates of one namespace's services and destinations. */
export class RateEstimator {
  readonly #all: () => Iterable<Traffic>;
  readonly #of = new WeakMap<Traffic, Averages>();
  /** The instant of the next sample, in ns; read before every packet. */
  nextNs: number;

  /** `all` tells what is there to be sampled. */
  constructor(nowNs: number, all: () => Iterable<Traffic>) {
    this.#all = all;
    this.nextNs = nowNs + PERIOD_NS;
  }

  /** Takes the samples that are due. */
  catchUp(nowNs: number): void {
    if (nowNs < this.nextNs) return;
    const dueCount = 1 + Math.floor((nowNs - this.nextNs) / PERIOD_NS);
    this.nextNs += dueCount * PERIOD_NS;
    for (const traffic of this.#all()) this.#sample(traffic, Math.min(dueCount, PERIODS_MAX));
  }

  /** Connections, packets in and out, and bytes in and out per second, rounded up. */
  ratesOf(traffic: Traffic): readonly number[] {
    const { averages } = this.#averagesOf(traffic);
    return averages.map((average, i) => {
      const { shift } = SCALES[i]!;
      return Math.floor((average + (1 << (shift - 1)) - 1) / (1 << shift));
    });
  }

  /** What was counted since the last sample belongs to the first period; the others were idle. */
  #sample(traffic: Traffic, dueCount: number): void {
    const { last, averages } = this.#averagesOf(traffic);
    for (const [i, counter] of COUNTERS.entries()) {
      // less than before: the counters were zeroed in between
      const rate = Math.max(0, traffic[counter] - last[i]!) * SCALES[i]!.sampleFactor;
      last[i] = traffic[counter];
      let average = averages[i]! + Math.floor((rate - averages[i]!) / 4);
      for (let idle = 1; idle < dueCount && average > 0; idle++)
        average += Math.floor(-average / 4);
      averages[i] = average;
    }
  }

  #averagesOf(traffic: Traffic): Averages {
    let found = this.#of.get(traffic);
    if (found === undefined) {
      found = { last: COUNTERS.map(() => 0), averages: COUNTERS.map(() => 0) };
      this.#of.set(traffic, found);
    }
    return found;
  }
}
