/**
 * Whether a tag's value fits the pattern of a query's filter. serf's patterns are Go's, which match
 * in linear time; ours need more for some, and come from anybody: those that repeat more than
 * {@link REPEATS_MAX} parts or choose in groups as often, or that repeat groups, are taken as not
 * fitting, and so are those that are wrong.
 */

/** Each multiplies the time that matching takes by the length of the value, which is short. */
const REPEATS_MAX = 2;
const PATTERN_LENGTH_MAX = 256;

/** True when the value fits somewhere, as with Go's `MatchString`. */
export function isTagMatch(pattern: string, value: string): boolean {
  if (pattern.length > PATTERN_LENGTH_MAX) return false;
  const bare = pattern.replace(/\\./g, '').replace(/\[[^\]]*\]/g, 'x');
  const repeats = bare.includes('(') ? /[*+{?|]/g : /[*+{?]/g;
  const repeatCount = bare.match(repeats)?.length ?? 0;
  if (repeatCount > REPEATS_MAX || /\)[*+{?]/.test(bare)) return false;
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    return false;
  }
}
