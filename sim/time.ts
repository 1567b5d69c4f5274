/**
 * Virtual time: an integer count of nanoseconds since the start of the run, in a `number`.
 *
 * 2^53 ns are 104 days, which is longer than any scenario. Spans and instants share the unit; by
 * convention an instant's name ends in `AtNs` (or is `nowNs`) and a span's in `Ns`.
 */

/** One microsecond in nanoseconds. */
export const MICROSECOND_NS = 1_000;
/** One millisecond in nanoseconds. */
export const MILLISECOND_NS = 1_000_000;
/** One second in nanoseconds. */
export const SECOND_NS = 1_000_000_000;
/** One minute in nanoseconds. */
export const MINUTE_NS = 60 * SECOND_NS;
/** One hour in nanoseconds. */
export const HOUR_NS = 60 * MINUTE_NS;

const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: MICROSECOND_NS,
  µs: MICROSECOND_NS,
  ms: MILLISECOND_NS,
  s: SECOND_NS,
  m: MINUTE_NS,
  h: HOUR_NS,
};

/**
 * The span written as Go and Docker write it (`200ms`, `1m30s`, `1.5s`), in ns; `undefined` when
 * the text is not a duration. A sign is allowed, so that the caller can complain about it by name.
 */
export function parseDuration(text: string): number | undefined {
  const body = text.trim();
  const match = /^([+-]?)((?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+)$/.exec(body);
  if (match === null) return body === '0' ? 0 : undefined;
  let totalNs = 0;
  for (const part of match[2]!.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    totalNs += Number(part[1]) * UNIT_NS[part[2]!]!;
  }
  return Math.round(match[1] === '-' ? -totalNs : totalNs);
}

/** The span as people read it: `850ns`, `200µs`, `5.131s`, `2m3s`, at most three decimals. */
export function formatDuration(spanNs: number): string {
  if (spanNs < 0) return `-${formatDuration(-spanNs)}`;
  if (spanNs < MICROSECOND_NS) return `${spanNs}ns`;
  const microseconds = thousandthsOf(spanNs / MICROSECOND_NS);
  if (microseconds < 1000) return `${microseconds}µs`;
  const milliseconds = thousandthsOf(spanNs / MILLISECOND_NS);
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const seconds = thousandthsOf(spanNs / SECOND_NS);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  const rest = thousandthsOf(seconds - minutes * 60);
  if (minutes < 60) return rest === 0 ? `${minutes}m` : `${minutes}m${rest}s`;
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${rest}s`;
}

/** The instant as a timeline prints it: seconds with exactly nine decimals, the whole truth. */
export function formatInstant(atNs: number): string {
  const seconds = Math.floor(atNs / SECOND_NS);
  return `${seconds}.${String(atNs % SECOND_NS).padStart(9, '0')}`;
}

function thousandthsOf(value: number): number {
  return Math.round(value * 1000) / 1000;
}
