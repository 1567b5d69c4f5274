/**
 * Finds the settings with the lowest load that meet the goals, within a budget of trials.
 *
 * Formulas choose the settings to begin with and rule out what cannot be fast enough. Then come
 * rounds: all settings have the same seeds, the best so far have their trials doubled, which takes
 * the luck out of them, and settings one step beside the best join. What is reported in the
 * end comes from seeds that the search has not seen, because the best of many has also been lucky.
 * The cheapest setting that seems to meet the goals is then tried until the intervals say so; when
 * they say that it does not, it is the next one's turn. Nothing depends on who runs the trials.
 */
import type { ClusterInit } from '../../../scenarios/gossip/established-cluster.ts';
import type { Pool } from '../../pool.ts';
import {
  type Candidate,
  candidateOf,
  configWith,
  keyOfCandidate,
  neighboursOf,
} from './candidate.ts';
import { expectedCost, firstCandidates } from './first-candidates.ts';
import { type Assessment, assess, type Goals, verdictOfBoth } from './goals.ts';
import { isBetter, paretoFront } from './pareto-front.ts';
import { measurePushPulls, TRIAL, type TrialOutcome } from './trial.ts';

/** The share of the budget that goes to the search; the rest confirms what it found. */
const SEARCH_RATIO = 0.6;
/** The share of the search that goes to the settings that formulas choose. */
const FIRST_RATIO = 0.4;
/** Trials of a setting when it joins; each round in which it is among the best doubles them. */
const FIRST_TRIALS = 2;
const SEARCH_TRIALS_MAX = 16;
/** How many of the best are tried again in a round, whose neighbours may join, and how many. */
const SURVIVORS = 4;
const PARENTS = 4;
const NEWCOMERS = 6;
/** How many settings of a front are confirmed. */
const FRONT_MAX = 6;
/** Trials of a setting of the front, at least, and in each step of the confirmation. */
const CONFIRM_TRIALS = 8;
/** A kill that takes so many times longer than the goal counts as never detected. */
const PATIENCE = 3;

/** What the search is told: conditions and base configuration, goals, and how many trials it has. */
export interface TuneInit {
  readonly cluster: ClusterInit;
  readonly goals: Goals;
  readonly budget: number;
}

/** A setting and what its trials say. */
export interface Tried {
  readonly candidate: Candidate;
  readonly assessment: Assessment;
}

/** What was found. */
export interface TuneResult {
  /** The configuration to begin with. */
  readonly base: Tried;
  /** Ascending load; with fresh seeds. */
  readonly front: readonly Tried[];
  /**
   * The cheapest that surely meets the goals, or else the cheapest of the front that does not fail
   * them; `undefined` when all fail.
   */
  readonly recommended: Tried | undefined;
  /** Of all that were tried, the one that misses the goals by the least. */
  readonly nearest: Tried;
  /** All that were tried in the search. */
  readonly tried: readonly Tried[];
  readonly trialCount: number;
}

/** Runs the search; `onProgress` hears the share of the budget that is spent, and on what. */
export async function tune(
  init: TuneInit,
  pool: Pool,
  onProgress: (ratio: number, what: string) => void = () => {},
): Promise<TuneResult> {
  const search = new Search(init, pool, onProgress);
  const tried = await search.explore();
  return search.confirm(tried);
}

class Search {
  readonly #init: TuneInit;
  readonly #pool: Pool;
  readonly #onProgress: (ratio: number, what: string) => void;
  readonly #trials = new Map<string, TrialOutcome[]>();
  readonly #pushPullBytes = new Map<number, number>();
  readonly #base: Candidate;
  readonly #roundTripNs: number;
  #spent = 0;

  constructor(init: TuneInit, pool: Pool, onProgress: (ratio: number, what: string) => void) {
    this.#init = init;
    this.#pool = pool;
    this.#onProgress = onProgress;
    this.#base = candidateOf(init.cluster.config);
    this.#roundTripNs = 2 * init.cluster.latencyNsMax;
  }

  /** All settings that had trials, with what all of their trials say. */
  async explore(): Promise<Tried[]> {
    const { cluster, goals, budget } = this.#init;
    const budgetTrials = budget * SEARCH_RATIO;
    const firstCount = Math.max(2, Math.floor((budgetTrials * FIRST_RATIO) / FIRST_TRIALS));
    const first = [this.#base, ...firstCandidates(cluster, goals, firstCount - 1)];
    const known = new Map<string, Tried>();
    let tried = await this.#search(first, FIRST_TRIALS);
    for (;;) {
      for (const one of tried) known.set(keyOfCandidate(one.candidate), one);
      if (this.#spent >= budgetTrials) return [...known.values()];
      const best = [...known.values()].sort(isBetter);
      const survivors = best
        .filter((one) => one.assessment.trialCount < SEARCH_TRIALS_MAX)
        .slice(0, SURVIVORS);
      const fresh = best
        .slice(0, PARENTS)
        .flatMap((one) => neighboursOf(one.candidate, this.#roundTripNs))
        .filter((one) => !known.has(keyOfCandidate(one)));
      const newcomers = this.#mostPromising(fresh);
      if (survivors.length + newcomers.length === 0) return best;
      tried = await this.#search(newcomers, FIRST_TRIALS);
      for (const { candidate, assessment } of survivors) {
        tried.push(...(await this.#search([candidate], 2 * assessment.trialCount)));
      }
    }
  }

  /** Those that formulas expect to meet the goals with the least load, each once. */
  #mostPromising(candidates: readonly Candidate[]): Candidate[] {
    const { cluster, goals } = this.#init;
    const costs = new Map(
      candidates.map((candidate) => [
        keyOfCandidate(candidate),
        { candidate, cost: expectedCost(cluster, goals, candidate) },
      ]),
    );
    return [...costs.values()]
      .sort((a, b) => a.cost - b.cost)
      .slice(0, NEWCOMERS)
      .map((one) => one.candidate);
  }

  #search(candidates: readonly Candidate[], trialCount: number): Promise<Tried[]> {
    return this.#try(candidates, trialCount, 'search', 'searching');
  }

  /**
   * Fresh seeds for the front and the base, then the cheapest until its intervals decide. When all
   * of the front fail, those come that seemed good and were beaten.
   */
  async confirm(tried: readonly Tried[]): Promise<TuneResult> {
    const { budget } = this.#init;
    const halved = tried.filter((one) => one.assessment.trialCount > FIRST_TRIALS);
    const front = paretoFront(halved).slice(0, FRONT_MAX);
    const reserve = halved
      .filter((one) => one.assessment.violation === 0 && !front.includes(one))
      .sort(isBetter)
      .map((one) => one.candidate);
    const all = [this.#base, ...front.map((one) => one.candidate)];
    const [base, ...entries] = await this.#confirm(all, CONFIRM_TRIALS);
    let at = leaderOf(entries);
    while (this.#spent < budget) {
      if (at < 0) {
        const next = reserve.shift();
        if (next === undefined) break;
        entries.push(...(await this.#confirm([next], CONFIRM_TRIALS)));
      } else {
        const { candidate, assessment } = entries[at]!;
        if (verdictOfBoth(assessment) === 'met') break;
        const trialCount = assessment.trialCount + CONFIRM_TRIALS;
        entries.splice(at, 1, ...(await this.#confirm([candidate], trialCount)));
      }
      at = leaderOf(entries);
    }
    const sure = entries.filter((one) => verdictOfBoth(one.assessment) === 'met').sort(isBetter);
    const recommended = sure[0] ?? entries[at];
    return {
      base: base!,
      front: withoutBeaten(entries, recommended),
      recommended,
      nearest: [base!, ...entries].sort(isBetter)[0]!,
      tried,
      trialCount: this.#spent,
    };
  }

  #confirm(candidates: readonly Candidate[], trialCount: number): Promise<Tried[]> {
    return this.#try(candidates, trialCount, 'confirm', 'confirming');
  }

  /** Gives each candidate so many trials, those of a phase that it has included. */
  async #try(
    candidates: readonly Candidate[],
    trialCount: number,
    phase: string,
    what: string,
  ): Promise<Tried[]> {
    const { cluster, goals, budget } = this.#init;
    const jobs = candidates.flatMap((candidate) => {
      const had = this.#trialsOf(candidate, phase).length;
      return Array.from({ length: Math.max(0, trialCount - had) }, (_, i) => ({
        candidate,
        init: {
          ...cluster,
          config: configWith(cluster.config, candidate),
          seed: `${cluster.seed}/${phase}/${had + i}`,
          patienceNs: PATIENCE * goals.detectWithinNs,
        },
      }));
    });
    const outcomes = await this.#pool.runAll(
      TRIAL,
      jobs.map((job) => job.init),
      () => this.#onProgress(Math.min(1, ++this.#spent / budget), what),
    );
    for (const [i, { candidate }] of jobs.entries()) {
      this.#trialsOf(candidate, phase).push(outcomes[i]!);
    }
    return candidates.map((candidate) => {
      const trials = this.#trialsOf(candidate, phase);
      return { candidate, assessment: assess(trials, this.#pushPullsOf(candidate), goals) };
    });
  }

  #trialsOf(candidate: Candidate, phase: string): TrialOutcome[] {
    const key = `${phase} ${keyOfCandidate(candidate)}`;
    const known = this.#trials.get(key);
    if (known !== undefined) return known;
    const trials: TrialOutcome[] = [];
    this.#trials.set(key, trials);
    return trials;
  }

  /** What push/pulls cost with this interval, measured once; no other tunable changes it. */
  #pushPullsOf(candidate: Candidate): number {
    const intervalNs = candidate['push-pull-interval'];
    const known = this.#pushPullBytes.get(intervalNs);
    if (known !== undefined) return known;
    const { cluster } = this.#init;
    const config = { ...cluster.config, pushPullIntervalNs: intervalNs };
    const bytes = measurePushPulls({ ...cluster, config });
    this.#pushPullBytes.set(intervalNs, bytes);
    return bytes;
  }
}

/** The cheapest that meets the goals as measured, or else the cheapest that may; -1 for none. */
function leaderOf(entries: readonly Tried[]): number {
  const hopeful = entries
    .filter((one) => verdictOfBoth(one.assessment) !== 'failed')
    .sort(isBetter);
  return hopeful[0] === undefined ? -1 : entries.indexOf(hopeful[0]);
}

/** The front of what was confirmed, by ascending load, and the recommended in any case. */
function withoutBeaten(entries: readonly Tried[], recommended: Tried | undefined): Tried[] {
  const front = paretoFront(entries);
  if (recommended === undefined || front.includes(recommended)) return front;
  return [recommended, ...front].sort(
    (a, b) => a.assessment.bytes.value - b.assessment.bytes.value,
  );
}
