/**
 * The `time` match: time of day, days of the week and of the month, dates. Virtual time began on
 * Thursday, 1 January 1970, at midnight UTC, which is the kernel's time zone too.
 * Mirrors `extensions/libxt_time.c` and `net/netfilter/xt_time.c`.
 */
import { SECOND_NS } from '../../../../sim/time.ts';
import type { Match, MatchKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';

const DAY_SECONDS = 86_400;
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
/** The last second that fits 31 bits, which iptables takes for "never". */
const NEVER = 0x7fff_ffff;
const EVERY_WEEKDAY = 0xfe;
const EVERY_MONTHDAY = 0xffff_fffe;
/** The first weekday of virtual time: Thursday. */
const FIRST_WEEKDAY = 4;

class TimeMatch implements Match {
  #dayStart = 0;
  #dayStop = DAY_SECONDS - 1;
  #dateStart = 0;
  #dateStop = NEVER;
  /** Bit n for day n, from 1 on. */
  #weekdays = EVERY_WEEKDAY;
  #monthdays = EVERY_MONTHDAY;
  #isContiguous = false;
  #isKernelZone = false;

  option(name: string, text: string, isNegated: boolean): string | undefined {
    switch (name) {
      case '--timestart':
      case '--timestop': {
        const seconds = parseTimeOfDay(text);
        if (seconds === undefined) {
          const form = 'should be hh:mm[:ss] format and within the boundaries';
          return `invalid time "${text}" specified, ${form}`;
        }
        if (name === '--timestart') this.#dayStart = seconds;
        else this.#dayStop = seconds;
        return undefined;
      }
      case '--datestart':
      case '--datestop': {
        const seconds = parseDate(text);
        if (seconds === 'no such day') {
          const form = 'Should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]';
          return `Invalid date "${text}" specified. ${form}`;
        }
        if (seconds === undefined) {
          const form = 'should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]';
          return `invalid date "${text}" specified, ${form}`;
        }
        if (name === '--datestart') this.#dateStart = seconds;
        else this.#dateStop = seconds;
        return undefined;
      }
      case '--weekdays': {
        const bits = parseWeekdays(text);
        if (typeof bits === 'string') return bits;
        this.#weekdays = isNegated ? bits ^ EVERY_WEEKDAY : bits;
        return undefined;
      }
      case '--monthdays': {
        const bits = parseMonthdays(text);
        if (typeof bits === 'string') return bits;
        this.#monthdays = (isNegated ? ~bits & EVERY_MONTHDAY : bits) >>> 0;
        return undefined;
      }
      case '--contiguous':
        this.#isContiguous = true;
        return undefined;
      default:
        this.#isKernelZone = name === '--kerneltz';
        return undefined;
    }
  }

  finish(): string | undefined {
    if (!this.#isContiguous || this.#dayStart > this.#dayStop) return undefined;
    return 'time: --contiguous only makes sense when stoptime is smaller than starttime';
  }

  matches({ namespace }: Inspection): boolean {
    let stamp = Math.floor(namespace.world.nowNs / SECOND_NS);
    if (stamp < this.#dateStart || stamp > this.#dateStop) return false;
    const ofDay = stamp % DAY_SECONDS;
    if (this.#dayStart < this.#dayStop) {
      if (ofDay < this.#dayStart || ofDay > this.#dayStop) return false;
    } else {
      if (ofDay < this.#dayStart && ofDay > this.#dayStop) return false;
      // the hours after midnight belong to the day before
      if (this.#isContiguous && ofDay <= this.#dayStop) stamp -= DAY_SECONDS;
    }
    const days = Math.floor(stamp / DAY_SECONDS);
    const weekday = ((((days + FIRST_WEEKDAY - 1) % 7) + 7) % 7) + 1;
    if ((this.#weekdays & (1 << weekday)) === 0) return false;
    return ((this.#monthdays >>> ((((days % 31) + 31) % 31) + 1)) & 1) !== 0;
  }

  save(): string {
    let text = '';
    if (this.#hasDayTime) {
      const [start, stop] = [timeText(this.#dayStart), timeText(this.#dayStop)];
      text += ` --timestart ${start} --timestop ${stop}`;
    }
    if (this.#monthdays !== EVERY_MONTHDAY) text += ` --monthdays ${this.#monthdayNumbers()}`;
    if (this.#weekdays !== EVERY_WEEKDAY) text += ` --weekdays ${this.#weekdayNames()}`;
    if (this.#dateStart !== 0) text += ` --datestart ${dateText(this.#dateStart)}`;
    // iptables-save takes no end for one, because its own "never" is that of 64 bits
    text += ` --datestop ${dateText(this.#dateStop)}`;
    if (this.#isKernelZone) text += ' --kerneltz';
    return this.#isContiguous ? `${text} --contiguous` : text;
  }

  list(): string {
    let text = ' TIME';
    if (this.#hasDayTime) {
      text += ` from ${timeText(this.#dayStart)} to ${timeText(this.#dayStop)}`;
    }
    if (this.#weekdays !== EVERY_WEEKDAY) text += ` on ${this.#weekdayNames()}`;
    if (this.#monthdays !== EVERY_MONTHDAY) {
      const numbers = this.#monthdayNumbers().split(',');
      text += ` on ${numbers.map((day) => `${day}${ordinalOf(Number(day))}`).join(',')}`;
    }
    const words = (seconds: number) => dateText(seconds).replace('T', ' ');
    if (this.#dateStart !== 0) text += ` starting from ${words(this.#dateStart)}`;
    if (this.#dateStop !== NEVER) text += ` until date ${words(this.#dateStop)}`;
    if (!this.#isKernelZone) text += ' UTC';
    return this.#isContiguous ? `${text} contiguous` : text;
  }

  get #hasDayTime(): boolean {
    return this.#dayStart !== 0 || this.#dayStop !== DAY_SECONDS - 1;
  }

  #weekdayNames(): string {
    return DAYS.filter((_, i) => this.#weekdays & (1 << (i + 1))).join(',');
  }

  #monthdayNumbers(): string {
    const days = Array.from({ length: 31 }, (_, i) => i + 1);
    return days.filter((day) => (this.#monthdays >>> day) & 1).join(',');
  }
}

function parseTimeOfDay(text: string): number | undefined {
  const found = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?$/.exec(text);
  if (found === null) return undefined;
  const [hours, minutes, seconds] = [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  return hours * 3600 + minutes * 60 + seconds;
}

function parseDate(text: string): number | 'no such day' | undefined {
  const form = /^(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:T(\d\d?)(?::(\d\d?)(?::(\d\d?))?)?)?)?)?$/;
  const found = form.exec(text);
  if (found === null) return undefined;
  const [, year, month = 1, day = 1, hours = 0, minutes = 0, seconds = 0] = found.map(Number);
  const part = (value: number | undefined, other: number) =>
    value === undefined || Number.isNaN(value) ? other : value;
  if (part(month, 1) > 12 || part(day, 1) > 31) return 'no such day';
  const days = daysBefore(year!, part(month, 1), part(day, 1));
  return days * DAY_SECONDS + part(hours, 0) * 3600 + part(minutes, 0) * 60 + part(seconds, 0);
}

/** Days from 1970 to a date of the Gregorian calendar. */
function daysBefore(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const m = month <= 2 ? month + 9 : month - 3;
  const leaps = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return y * 365 + leaps + Math.floor((m * 153 + 2) / 5) + day - 1 - 719_468;
}

/** `1970-01-01T00:00:10` */
function dateText(seconds: number): string {
  const days = Math.floor(seconds / DAY_SECONDS);
  let year = 1970;
  while (daysBefore(year + 1, 1, 1) <= days) year++;
  let month = 1;
  while (month < 12 && daysBefore(year, month + 1, 1) <= days) month++;
  const day = days - daysBefore(year, month, 1) + 1;
  const two = (number: number) => String(number).padStart(2, '0');
  return `${year}-${two(month)}-${two(day)}T${timeText(seconds % DAY_SECONDS)}`;
}

/** `08:00:00` */
function timeText(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

function parseWeekdays(text: string): number | string {
  let bits = 0;
  for (const word of text.split(',')) {
    const named = DAYS.findIndex((day) => {
      return word.length >= 2 && day.toLowerCase().startsWith(word.toLowerCase().slice(0, 3));
    });
    const day = /^[1-7]$/.test(word) ? Number(word) : named + 1;
    if (day === 0) return `${word} is not a valid day specifier`;
    bits |= 1 << day;
  }
  return bits;
}

function parseMonthdays(text: string): number | string {
  let bits = 0;
  for (const word of text.split(',')) {
    const day = Number(word);
    if (!/^\d+$/.test(word) || day < 1 || day > 31)
      return `${word} is not a valid day for --monthdays`;
    bits |= 1 << day;
  }
  return bits >>> 0;
}

/** `st`, `nd`, `rd`, `th` */
function ordinalOf(day: number): string {
  // 11st, 12nd and 13rd, as iptables has it
  return ['th', 'st', 'nd', 'rd'][day % 10] ?? 'th';
}

/** `-m time`. */
export const timeMatch: MatchKind = {
  name: 'time',
  options: [
    '--timestart=',
    '--timestop=',
    '--datestart=',
    '--datestop=',
    '--weekdays=',
    '--monthdays=',
    '--contiguous',
    '--kerneltz',
    '--utc',
  ],
  plain: [
    '--timestart',
    '--timestop',
    '--datestart',
    '--datestop',
    '--contiguous',
    '--kerneltz',
    '--utc',
  ],
  exclusive: [['--utc', '--kerneltz']],
  create: () => new TimeMatch(),
};
