/**
 * Instants of virtual time as dockerd writes them: virtual time began with 1970, as captures have it.
 * And spans as `docker ps` words them (docker/go-units).
 */
import { SECOND_NS } from '../../sim/time.ts';

const SECONDS_OF_DAY = 86_400;
/** Days from 0000-03-01, from which leap days come last, to 1970-01-01. */
const FIRST_DAY = 719_468;

/** `1970-01-01T00:00:12.5Z`, RFC 3339 with as many digits of the second as there are. */
export function instantText(atNs: number | undefined): string {
  if (atNs === undefined) return '0001-01-01T00:00:00Z';
  const seconds = Math.floor(atNs / SECOND_NS);
  const nanoseconds = atNs - seconds * SECOND_NS;
  const fraction = String(nanoseconds).padStart(9, '0').replace(/0+$/, '');
  const day = dateText(Math.floor(seconds / SECONDS_OF_DAY));
  const rest = seconds % SECONDS_OF_DAY;
  const clock = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60]
    .map((number) => String(number).padStart(2, '0'))
    .join(':');
  return `${day}T${clock}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** The date so many days after the first, by Hinnant's `civil_from_days`. */
function dateText(days: number): string {
  const all = days + FIRST_DAY;
  const era = Math.floor(all / 146_097);
  const dayOfEra = all - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return [String(year), String(month).padStart(2, '0'), String(day).padStart(2, '0')].join('-');
}

/** `Less than a second`, `1 second`, `10 seconds`, `About a minute`, … (`units.HumanDuration`). */
export function spanText(spanNs: number): string {
  const seconds = Math.floor(spanNs / SECOND_NS);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}
