/**
 * Whether each service has all the tasks that it wants, over time: a service is healthy while as
 * many of its containers run, on hosts that have power, as its spec asks for.
 *
 * This is the truth and not the manager's opinion, which still counts the tasks of a dead node.
 */

/** One change of a service's health. */
export interface HealthChange {
  readonly atNs: number;
  readonly running: number;
  readonly wanted: number;
}

/** The health of all services of a run. */
export class ServiceHealth {
  readonly #changes = new Map<string, HealthChange[]>();

  /** Notes how many containers a service runs and how many it wants. */
  note(service: string, atNs: number, running: number, wanted: number): void {
    const changes = this.#changes.get(service);
    const change = { atNs, running, wanted };
    if (changes === undefined) {
      this.#changes.set(service, [change]);
      return;
    }
    const last = changes.at(-1)!;
    if (last.running === running && last.wanted === wanted) return;
    if (last.atNs === atNs) changes[changes.length - 1] = change;
    else changes.push(change);
  }

  /** All services that were seen. */
  get services(): string[] {
    return [...this.#changes.keys()];
  }

  /** The changes of one service, oldest first. */
  changesOf(service: string): readonly HealthChange[] {
    return this.#changes.get(service) ?? [];
  }

  /** When a service first was healthy. */
  firstHealthyAtNs(service: string): number | undefined {
    return this.changesOf(service).find(isHealthy)?.atNs;
  }

  /**
   * How long after `fromNs` the service was whole again: 0 when it never broke before `untilNs`,
   * `undefined` when it broke and was not whole again by then.
   */
  recoveryNs(service: string, fromNs: number, untilNs: number): number | undefined {
    let state: HealthChange | undefined;
    let brokenSinceNs: number | undefined;
    let recoveredAtNs: number | undefined;
    for (const change of this.changesOf(service)) {
      // what changes at the instant of the next event is its doing
      if (change.atNs >= untilNs) break;
      if (change.atNs <= fromNs) {
        state = change;
        continue;
      }
      if (brokenSinceNs === undefined && state !== undefined && !isHealthy(state)) {
        brokenSinceNs = fromNs;
      }
      state = change;
      if (!isHealthy(change)) {
        brokenSinceNs ??= change.atNs;
        recoveredAtNs = undefined;
      } else if (brokenSinceNs !== undefined) {
        recoveredAtNs ??= change.atNs;
      }
    }
    if (state === undefined) return undefined;
    if (brokenSinceNs === undefined) return isHealthy(state) ? 0 : undefined;
    return recoveredAtNs === undefined ? undefined : recoveredAtNs - fromNs;
  }
}

/** True when as many run as are wanted. */
export function isHealthy(change: HealthChange): boolean {
  return change.running >= change.wanted;
}
