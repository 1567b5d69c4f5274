/**
 * `--restart`: whether a container that has ended is started again, and how long dockerd waits before
 * it does (moby `container/restartmanager`, docker/cli `opts.ParseRestartPolicy`).
 */
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { EngineVersion } from '../engine-version.ts';
import { invalid, type Refusal } from './refusal.ts';

/** The first wait; each further one is twice as long. */
const BACKOFF_NS_MIN = 100 * MILLISECOND_NS;
const BACKOFF_NS_MAX = 60 * SECOND_NS;
/** A container that ran so long begins with the shortest wait again. */
const STABLE_NS = 10 * SECOND_NS;

/** What was asked for; any name, as the client passes it on. */
export interface RestartPolicy {
  readonly name: string;
  /** For `on-failure`; 0 for any number. */
  readonly retriesMax: number;
}

/** Nobody asked for anything. */
export const NO_RESTART: RestartPolicy = { name: 'no', retriesMax: 0 };

/** True for a policy that starts nothing again. */
export function isNone({ name }: RestartPolicy): boolean {
  return name === 'no' || name === '';
}

/** Reads `on-failure:3`, or says what the client says of it. */
export function parseRestartPolicy(text: string): RestartPolicy | string {
  if (text === '') return NO_RESTART;
  const at = text.indexOf(':');
  if (at < 0) return { name: text, retriesMax: 0 };
  const head = 'invalid restart policy format:';
  if (at === 0) return `${head} no policy provided before colon`;
  const retries = text.slice(at + 1);
  if (retries === '') return { name: text.slice(0, at), retriesMax: 0 };
  if (!/^[+-]?\d+$/.test(retries)) return `${head} maximum retry count must be an integer`;
  return { name: text.slice(0, at), retriesMax: Number(retries) };
}

/** What dockerd says of a policy that there is not; `undefined` when there is. */
export function policyRefusal(
  { name, retriesMax }: RestartPolicy,
  engine: EngineVersion,
): Refusal | undefined {
  if (name === '') return undefined;
  const isNew = engine.hasPlainErrors;
  const head = isNew ? 'invalid restart policy: ' : '';
  if (name === 'on-failure') {
    if (retriesMax >= 0) return undefined;
    return invalid(`${head}maximum retry count cannot be negative`);
  }
  if (!['always', 'unless-stopped', 'no'].includes(name)) {
    const known = "'no', 'always', 'on-failure', or 'unless-stopped'";
    return invalid(
      isNew
        ? `${head}unknown policy '${name}'; use one of ${known}`
        : `invalid restart policy '${name}'`,
    );
  }
  if (retriesMax === 0) return undefined;
  if (!isNew) return invalid(`maximum retry count cannot be used with restart policy '${name}'`);
  const sign = retriesMax < 0 ? ' and cannot be negative' : '';
  return invalid(`${head}maximum retry count can only be used with 'on-failure'${sign}`);
}

/** The restarts of one container since somebody started it. */
export class RestartManager {
  readonly #policy: RestartPolicy;
  #count = 0;
  #backoffNs = 0;
  /** Somebody has ended the container: its policy is not asked. */
  isCancelled = false;

  constructor(policy: RestartPolicy) {
    this.#policy = policy;
  }

  /**
   * How long to wait before the container is started again, in ns; `undefined` when it is not.
   * `wasStopped`: somebody stopped it, or dockerd itself is about to end.
   */
  backoffNsAfter(exitCode: number, wasStopped: boolean, ranNs: number): number | undefined {
    if (this.isCancelled || isNone(this.#policy)) return undefined;
    if (ranNs >= STABLE_NS) this.#backoffNs = 0;
    this.#backoffNs =
      this.#backoffNs === 0 ? BACKOFF_NS_MIN : Math.min(2 * this.#backoffNs, BACKOFF_NS_MAX);
    if (!this.#isWanted(exitCode, wasStopped)) return undefined;
    this.#count++;
    return this.#backoffNs;
  }

  #isWanted(exitCode: number, wasStopped: boolean): boolean {
    const { name, retriesMax } = this.#policy;
    if (name === 'always') return true;
    if (name === 'unless-stopped') return !wasStopped;
    return exitCode !== 0 && (retriesMax === 0 || this.#count < retriesMax);
  }
}
