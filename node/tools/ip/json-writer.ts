/**
 * JSON as iproute2 writes it (`-j`, and `-p` for people): lib/json_writer.c.
 */

/** What can be written. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** A document, with its line end; pretty as `-p` makes it. */
export function jsonDocument(value: Json, isPretty: boolean): string {
  return `${isPretty ? pretty(value, 0) : JSON.stringify(value)}\n`;
}

function pretty(value: Json, depth: number): string {
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item) => pretty(item, depth + 1));
    return items.length === 0 ? '[ ]' : `[ ${items.join(',')} ]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, own]) => own !== undefined);
  if (fields.length === 0) return '{}';
  const indent = '    '.repeat(depth + 1);
  const lines = fields.map(([key, own]) => `${indent}"${key}": ${pretty(own!, depth + 1)}`);
  return `{\n${lines.join(',\n')}\n${'    '.repeat(depth)}}`;
}
