/**
 * The clock on the wall of the simulation: virtual time began with 1970, as captures have it.
 */
import { MICROSECOND_NS, SECOND_NS } from '../../sim/time.ts';

const DAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'];

/** Seconds of the day as `hh:mm:ss`. */
function timeOfDay(atNs: number): string {
  const seconds = Math.floor(atNs / SECOND_NS) % 86_400;
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** `Thu Jan 01 00:00:35 UTC 1970`; days are counted within the first January. */
export function wallClockText(atNs: number): string {
  const day = Math.floor(atNs / SECOND_NS / 86_400);
  const date = String(day + 1).padStart(2, '0');
  return `${DAYS[day % 7]} Jan ${date} ${timeOfDay(atNs)} UTC 1970`;
}

/** `00:00:35.123456`, as tcpdump prints. */
export function microsecondText(atNs: number): string {
  const fraction = Math.floor((atNs % SECOND_NS) / MICROSECOND_NS);
  return `${timeOfDay(atNs)}.${String(fraction).padStart(6, '0')}`;
}
