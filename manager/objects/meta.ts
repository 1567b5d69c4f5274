/**
 * What every object of the store has: swarmkit's `Meta` and `Annotations` (`api/types.proto`).
 *
 * Objects are immutable values: a change is a new object under the same id, and the store stamps
 * the version (the index of the change that wrote it) and the instants.
 */

/** Stamped by the store: the index of the last change and the instants of creation and change. */
export interface Meta {
  /** The index of the last committed change of this object; 0 before it is stored. */
  readonly version: number;
  readonly createdAtNs: number;
  readonly updatedAtNs: number;
}

/** The meta of an object that is not stored yet. */
export const NO_META: Meta = { version: 0, createdAtNs: 0, updatedAtNs: 0 };

/** Labels by name. */
export type Labels = Readonly<Record<string, string>>;

/** An object's name and labels. */
export interface Annotations {
  readonly name: string;
  readonly labels: Labels;
}

/** Any value that JSON can hold; for what the manager carries and does not understand. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };
