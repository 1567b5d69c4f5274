/**
 * JSON as Go's `encoding/json` writes and reads it: nothing that HTML
 * could take for its own goes out unescaped, and the keys of what comes in fit in any case.
 */

/** A value on one line, or with so many spaces for each level (`MarshalIndent`). */
export function goJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, undefined, indent).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The object in a text, or what Go says of a text that holds none. */
export function decodeGoJson(text: string): Record<string, unknown> | string {
  if (text.trim() === '') return 'EOF';
  try {
    const value: unknown = JSON.parse(text);
    if (value === null) return {};
    if (typeof value === 'object' && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
    const kind = Array.isArray(value)
      ? 'array'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value;
    return `json: cannot unmarshal ${kind} into Go value`;
  } catch {
    const [first = ''] = text.trimStart();
    if ('{["tfn-0123456789'.includes(first)) return 'unexpected EOF';
    return `invalid character '${first}' looking for beginning of value`;
  }
}

/** A field of an object by its name in any case, the exact one first. */
export function fieldOf(object: Record<string, unknown>, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name];
  const lower = name.toLowerCase();
  const key = Object.keys(object).find((candidate) => candidate.toLowerCase() === lower);
  return key === undefined ? undefined : object[key];
}

/** A text field; empty when it is absent or something else. */
export function textField(object: Record<string, unknown>, name: string): string {
  const value = fieldOf(object, name);
  return typeof value === 'string' ? value : '';
}

/** A field that is an object; `undefined` when it is absent, null or something else. */
export function objectField(
  object: Record<string, unknown>,
  name: string,
): Record<string, unknown> | undefined {
  const value = fieldOf(object, name);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Record<string, unknown>;
}
