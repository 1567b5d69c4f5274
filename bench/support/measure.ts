/**
 * How long a piece of work takes: the least CPU time of several rounds, after a warm-up round.
 *
 * The least and not the mean, because noise (other processes, a collection of garbage that another
 * round caused) only ever adds.
 */

/** CPU nanoseconds per operation; `work` does `operationCount` of them each time it is called. */
export function nsPerOperation(operationCount: number, work: () => void, roundCount = 5): number {
  work();
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < roundCount; round++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, ((user + system) * 1000) / operationCount);
  }
  return least;
}
