/**
 * How a command ends, as shells and CI see it. A command returns one of these; only `swarmlab.ts`
 * hands it to the process.
 */

/** Exit statuses. */
export const ExitStatus = {
  /** All expectations met. */
  met: 0,
  /** Some expectation not met. */
  notMet: 1,
  /** A wrong scenario, file or flag. */
  wrongInput: 2,
  /** Two runs of one seed differed. */
  nondeterministic: 3,
  /** A broken invariant of swarmlab itself. */
  internalError: 70,
} as const;
/** See {@link ExitStatus}. */
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** Ends a command with a status and a message for stderr. */
export class CommandFailure extends Error {
  override name = 'CommandFailure';
  /** An {@link ExitStatus}, or that of a simulated tool. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
