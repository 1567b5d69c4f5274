/**
 * `key=value` as flags say it again and again (`opts.ConvertKVStringsToMap` of docker/cli).
 */

/** The values by key, of labels, options and sysctls; a key alone has an empty value. */
export function keyValuesOf(list: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    list.map((text) => {
      const at = text.indexOf('=');
      return at < 0 ? ([text, ''] as const) : ([text.slice(0, at), text.slice(at + 1)] as const);
    }),
  );
}
