/**
 * What dockerd says of a container whose state forbids what somebody asks of it (moby
 * `daemon/errors.go`, `delete.go`, `pause.go`), in the words of the engine's version.
 */
import type { EngineVersion } from '../engine-version.ts';
import { conflict, failure, type Refusal } from './refusal.ts';
import type { StandaloneContainer } from './standalone-container.ts';

/** The first version that says why a namespace cannot be shared, and repeats a name as it came. */
const SAYS_STATE_MAJOR = 28;
/** The first version that says in lower case whom it cannot kill. */
const PLAIN_KILL_MAJOR = 27;
/** The first version that says of a paused container what it says in lower case. */
const PLAIN_PAUSE_MAJOR = 29;

/** The refusals of one engine. */
export class ContainerRefusals {
  readonly #engine: EngineVersion;

  constructor(engine: EngineVersion) {
    this.#engine = engine;
  }

  /** It does not run. */
  notRunning({ id }: StandaloneContainer): Refusal {
    const word = this.#engine.hasPlainErrors ? 'container' : 'Container';
    return conflict(`${word} ${id} is not running`);
  }

  /** Its policy is about to start it again. */
  restarting({ id }: StandaloneContainer): Refusal {
    return conflict(`Container ${id} is restarting, wait until the container is running`);
  }

  /** Why nothing can be run in it; `undefined` when something can. */
  cannotExec(container: StandaloneContainer): Refusal | undefined {
    if (container.state === 'restarting') return this.restarting(container);
    if (!container.isRunning) return this.notRunning(container);
    if (container.state !== 'paused') return undefined;
    return conflict(`Container ${container.id} is paused, unpause the container before exec`);
  }

  /** It is asked to be killed by this name, and does not run. */
  cannotKill(reference: string, container: StandaloneContainer): Refusal {
    const cannot = this.#engine.major >= PLAIN_KILL_MAJOR ? 'cannot' : 'Cannot';
    return conflict(
      `${cannot} kill container: ${reference}: ${this.notRunning(container).message}`,
    );
  }

  alreadyPaused({ id }: StandaloneContainer): Refusal {
    return conflict(`${this.#pauseWord} ${id} is already paused`);
  }

  notPaused({ id }: StandaloneContainer): Refusal {
    return failure(`${this.#pauseWord} ${id} is not paused`);
  }

  /** It is `running`, `paused` or `restarting`, and nobody said `--force`. */
  cannotRemove(reference: string, { id, name, state }: StandaloneContainer): Refusal {
    const isPaused = state === 'paused';
    if (this.#engine.hasPlainErrors) {
      const why = isPaused
        ? 'container is paused and must be unpaused first'
        : `container is ${state}: stop the container before removing or force remove`;
      const who = this.#engine.major >= SAYS_STATE_MAJOR ? reference : `/${name}`;
      return conflict(`cannot remove container "${who}": ${why}`);
    }
    const procedure = isPaused
      ? 'Unpause and then stop the container before attempting removal or force remove'
      : 'Stop the container before attempting removal or force remove';
    return conflict(`You cannot remove a ${state} container ${id}. ${procedure}`);
  }

  /** Its namespace cannot be shared. */
  cannotJoin(owner: StandaloneContainer): Refusal {
    if (this.#engine.major < SAYS_STATE_MAJOR) {
      if (owner.state === 'restarting') return this.restarting(owner);
      return conflict(`cannot join network of a non running container: ${owner.id}`);
    }
    if (owner.state === 'restarting') {
      const why = this.restarting(owner).message;
      return conflict(`cannot join network namespace of container: ${why}`);
    }
    const which = `container ${owner.name} is ${owner.state}`;
    return conflict(`cannot join network namespace of a non running container: ${which}`);
  }

  get #pauseWord(): string {
    return this.#engine.major >= PLAIN_PAUSE_MAJOR ? 'container' : 'Container';
  }
}
