/**
 * What a count of rare events says of their rate: the exact confidence interval of a Poisson mean
 * (Garwood 1936), which for no event at all is the "rule of three": at most 3.69 at 97.5 %.
 *
 * Its ends are found by bisection on the distribution function, so that no gamma function is needed.
 */

/** An interval that holds the true value with the confidence that was asked for. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

const BISECTIONS = 60;

/** The interval of the mean of which `count` events were seen; 95 % of confidence unless given. */
export function poissonInterval(count: number, confidence = 0.95): Interval {
  const tail = (1 - confidence) / 2;
  const low = count === 0 ? 0 : meanAt(1 - tail, count - 1);
  return { low, high: meanAt(tail, count) };
}

/** The mean at which at most `count` events come with that probability. */
function meanAt(probability: number, count: number): number {
  let low = 0;
  let high = 2 * count + 40;
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (shareUpTo(count, middle) > probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The probability of at most `count` events when `mean` are expected; in logarithms, term by term. */
function shareUpTo(count: number, mean: number): number {
  let logTerm = -mean;
  let sum = Math.exp(logTerm);
  for (let i = 1; i <= count; i++) {
    logTerm += Math.log(mean / i);
    sum += Math.exp(logTerm);
  }
  return Math.min(1, sum);
}
