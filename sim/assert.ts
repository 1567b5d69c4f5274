/**
 * Assertions that stay on in production: a broken invariant would corrupt a result, so the run
 * stops. `bin/` catches the error, prints seed, instant and the replay command, and exits with 70.
 */

/** A broken invariant of our own code. */
export class InvariantError extends Error {
  override name = 'InvariantError';
}

/** Stops the run unless `condition` holds; `message` names the invariant. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
