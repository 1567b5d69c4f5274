/**
 * JSON as Go's `encoding/json` writes it: what HTML could take for its own is escaped.
 */

/** A value on one line. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
