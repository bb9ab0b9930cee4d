/**
 * The time of an event from a cell's bytes: ISO 8601, without a zone taken as UTC, or Unix time.
 *
 * Hot path: `2018-07-03T13:02:11Z` is read byte by byte, without a string, in a seventh of the time
 * that the regular expression takes for everything else.
 */

const DATE = String.raw`(\d{4})-(\d\d)-(\d\d)`;
const CLOCK = String.raw`(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?`;
const ZONE = String.raw`(Z|[+-]\d\d:?\d\d)`;
const ISO = new RegExp(`^${DATE}(?:[T ]${CLOCK}(?: ?${ZONE})?)?$`, 'i');
const UNIX = /^-?\d+(\.\d+)?$/;
/** Unix times below are seconds (until the year 5138), those from it milliseconds (since 1973). */
const MIN_UNIX_MS = 1e11;
const MAX_UNIX_MS = 1e14;

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const ZERO = 0x30;
const SHAPE = '....-..-..T..:..:..Z';

/** Milliseconds since 1970, or NaN if the bytes are no time. */
export function parseTimeMs(bytes: Buffer, start: number, end: number): number {
  if (end - start === SHAPE.length) {
    const fast = parseShape(bytes, start);
    if (!Number.isNaN(fast)) return fast;
  }
  return parseTimeText(bytes.toString('latin1', start, end));
}

function parseShape(bytes: Buffer, at: number): number {
  if (bytes[at + 4] !== 0x2d || bytes[at + 7] !== 0x2d || bytes[at + 10] !== 0x54) {
    return Number.NaN;
  }
  if (bytes[at + 13] !== 0x3a || bytes[at + 16] !== 0x3a || bytes[at + 19] !== 0x5a) {
    return Number.NaN;
  }
  const year = twoDigits(bytes, at) * 100 + twoDigits(bytes, at + 2);
  const clock = secondOfDay(
    twoDigits(bytes, at + 11),
    twoDigits(bytes, at + 14),
    twoDigits(bytes, at + 17),
  );
  return timeOf(year, twoDigits(bytes, at + 5), twoDigits(bytes, at + 8), clock);
}

function twoDigits(bytes: Buffer, at: number): number {
  const tens = (bytes[at] as number) - ZERO;
  const ones = (bytes[at + 1] as number) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** NaN for what no clock shows; a leap second is the second after it. */
function secondOfDay(hour: number, minute: number, second: number): number {
  const isClock = hour < 24 && minute < 60 && second <= 60;
  return isClock ? hour * 3600 + minute * 60 + second : Number.NaN;
}

/** NaN for a day that the calendar does not have. */
function timeOf(year: number, month: number, day: number, seconds: number): number {
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return Number.NaN;
  return daysSince1970(year, month, day) * DAY_MS + seconds * 1000;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days of the Gregorian calendar since 1970-01-01 (Hinnant, "chrono-compatible algorithms"). */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146_097 + yearOfEra * 365 + leapDays + dayOfYear - 719_468;
}

function parseTimeText(text: string): number {
  if (UNIX.test(text)) {
    const unix = Number(text);
    const ms = Math.abs(unix) < MIN_UNIX_MS ? unix * 1000 : unix;
    return Math.abs(ms) < MAX_UNIX_MS ? ms : Number.NaN;
  }
  const parts = ISO.exec(text);
  if (parts === null) return Number.NaN;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', zone] = parts;
  const clock = secondOfDay(Number(hour), Number(minute), Number(second));
  const ms = timeOf(Number(year), Number(month), Number(day), clock);
  return ms + Number(`0.${fraction}`) * 1000 - zoneMs(zone);
}

function zoneMs(zone = 'Z'): number {
  if (zone === 'Z' || zone === 'z') return 0;
  const digits = zone.slice(1).replace(':', '');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return (zone.startsWith('-') ? -1 : 1) * minutes * MINUTE_MS;
}
