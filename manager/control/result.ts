/**
 * How control calls answer: a value, or a refusal with gRPC's code and Docker's text.
 *
 * A write is answered when it is committed, which for a lone manager is before the call returns and
 * with raft is later; so the answer goes to a function. {@link answerOf} turns the first case into
 * a return value.
 */
import { assert } from '../../sim/assert.ts';
import type { RpcCode } from '../api/dispatcher-messages.ts';

/** Why a call was not done. */
export interface Refusal {
  readonly code: RpcCode;
  readonly message: string;
}

/** A value or a refusal. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

/** Hears the answer of a call, exactly once. */
export type Reply<T> = (result: Result<T>) => void;

/** An answer with a value. */
export function accepted<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** An answer with a refusal. */
export function refused(code: RpcCode, message: string): { ok: false; refusal: Refusal } {
  return { ok: false, refusal: { code, message } };
}

/** The answer of a call that is answered before it returns, as all calls to a lone manager are. */
export function answerOf<T>(call: (reply: Reply<T>) => void): Result<T> {
  let answer: Result<T> | undefined;
  call((result) => {
    answer = result;
  });
  assert(answer !== undefined, 'control call was not answered at once');
  return answer;
}

/** The text of a refusal as the Engine API prints it: `rpc error: code = NotFound desc = ...`. */
export function formatRefusal(refusal: Refusal): string {
  return `rpc error: code = ${refusal.code} desc = ${refusal.message}`;
}
