/**
 * Figures as people read them. All of the page's numbers go through here, so that they look alike.
 *
 * Pure: times are rendered in the browser's time zone, moments to compare with are handed in.
 */

/** What stands for a figure that is not known. */
export const UNKNOWN = '–';

const MICROS_PER_UNIT = 1_000_000;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const LOCALE = 'en-GB';

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(LOCALE, {
  ...({ hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false } as const),
});
const dayAndClock = new Intl.DateTimeFormat(LOCALE, {
  ...({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' } as const),
  hour12: false,
});
const moneyFormats = new Map<string, Intl.NumberFormat>();

/**
 * An amount: whole units from 1,000 on, two decimals below. `isShort` says thousands and millions
 * with a letter, for places that are narrow.
 */
export function formatMoney(
  micros: number | null | undefined,
  currency: string,
  isShort = false,
): string {
  if (!isKnown(micros)) return UNKNOWN;
  const units = micros / MICROS_PER_UNIT;
  const isCompact = isShort && Math.abs(units) >= 10_000;
  const decimals = isCompact ? 1 : Math.abs(units) >= 1_000 ? 0 : 2;
  return withBigM(moneyFormat(currency, decimals, isCompact).format(units));
}

/** A count, whole, with separators of thousands; `isShort` says them with a letter. */
export function formatCount(count: number | null | undefined, isShort = false): string {
  if (!isKnown(count)) return UNKNOWN;
  if (!isShort || Math.abs(count) < 10_000) return whole.format(count);
  return withBigM(compact.format(count));
}

/** A rate per second or minute, or a ratio such as ROAS: as many decimals as its size deserves. */
export function formatRate(rate: number | null | undefined): string {
  if (!isKnown(rate)) return UNKNOWN;
  const size = Math.abs(rate);
  const decimals = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return new Intl.NumberFormat(LOCALE, {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  }).format(rate);
}

/** A share as per cent; below 10 % with `decimals` (1) of them, 100 % only if it is all. */
export function formatShare(share: number | null | undefined, decimals = 1): string {
  if (!isKnown(share)) return UNKNOWN;
  const percent = share * 100;
  const shown = new Intl.NumberFormat(LOCALE, {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  const nearly = 100 - 10 ** -decimals;
  if (percent < 100 && percent > nearly) return `${shown.format(nearly)} %`;
  return percent === 100 ? '100 %' : `${shown.format(percent)} %`;
}

/** How long something takes or took, in its two greatest units: `350 ms`, `4.2 s`, `3 h 05 min`. */
export function formatDuration(ms: number | null | undefined): string {
  if (!isKnown(ms)) return UNKNOWN;
  if (ms < 0) return `−${formatDuration(-ms)}`;
  if (ms < SECOND_MS) return `${ms < 10 ? trimmed(ms) : Math.round(ms)} ms`;
  if (ms < 99_950) return `${trimmed(ms / SECOND_MS)} s`;
  const minutes = Math.round(ms / MINUTE_MS);
  if (ms < 10 * MINUTE_MS) return twoUnits(Math.round(ms / SECOND_MS), 60, 'min', 's');
  if (minutes < 60) return `${minutes} min`;
  if (ms < DAY_MS) return twoUnits(minutes, 60, 'h', 'min');
  return twoUnits(Math.round(ms / HOUR_MS), 24, 'd', 'h');
}

/** A time of day to the second, in the browser's time zone. */
export function formatClock(ms: number | null | undefined): string {
  return isKnown(ms) ? clock.format(ms) : UNKNOWN;
}

/** The time of day, with the date if that is another day than `nowMs`. */
export function formatMoment(ms: number, nowMs: number): string {
  const isToday = new Date(ms).toDateString() === new Date(nowMs).toDateString();
  return isToday ? clock.format(ms) : dayAndClock.format(ms);
}

/** How long ago, in one unit: `now`, `12 s ago`, `3 min ago`, `5 h ago`, `2 d ago`. */
export function formatAgo(ms: number | null | undefined, nowMs: number): string {
  if (!isKnown(ms)) return UNKNOWN;
  const age = nowMs - ms;
  if (age < SECOND_MS) return 'now';
  if (age < MINUTE_MS) return `${Math.floor(age / SECOND_MS)} s ago`;
  if (age < HOUR_MS) return `${Math.floor(age / MINUTE_MS)} min ago`;
  if (age < 2 * DAY_MS) return `${Math.floor(age / HOUR_MS)} h ago`;
  return `${Math.floor(age / DAY_MS)} d ago`;
}

function isKnown(figure: number | null | undefined): figure is number {
  return figure !== null && figure !== undefined && Number.isFinite(figure);
}

/** British English writes millions as `m`, which reads as minutes or milli. */
function withBigM(text: string): string {
  return text.replace(/m$/, 'M');
}

function trimmed(figure: number): string {
  return figure >= 10 ? figure.toFixed(figure >= 99.95 ? 0 : 1) : figure.toFixed(1);
}

function twoUnits(small: number, per: number, great: string, little: string): string {
  const rest = small % per;
  const first = `${Math.floor(small / per)} ${great}`;
  return rest === 0 ? first : `${first} ${String(rest).padStart(2, '0')} ${little}`;
}

function moneyFormat(currency: string, decimals: number, isCompact: boolean): Intl.NumberFormat {
  const key = `${currency} ${decimals} ${isCompact}`;
  const known = moneyFormats.get(key);
  if (known !== undefined) return known;
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const notation = isCompact ? ({ notation: 'compact' } as const) : {};
  // The settings' currency is any three letters; what Intl does not know, it shows as they are.
  const made = new Intl.NumberFormat(LOCALE, {
    ...digits,
    ...notation,
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
  });
  moneyFormats.set(key, made);
  return made;
}
