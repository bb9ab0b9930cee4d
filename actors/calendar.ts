/**
 * Clocks and calendars of time zones: local dates and times, and the days and hours that budgets
 * are for. The platform's time zone data decides; the same data gives the same answer always.
 *
 * Owns what it remembers of zones, within bounds; it changes how fast an answer comes, never what
 * it is.
 *
 * Invariants:
 *   C1 A zone's day windows follow each other without gap or overlap, and so do its hour windows.
 *      No hour window lies in two days.
 */
import { Temporal } from 'temporal-polyfill';

/** Zones remembered at once; there are some 600 names, and more in other spellings. */
const MAX_ZONES = 1_000;
/** Stretches remembered per zone: at two a year, a generation. */
const MAX_STRETCHES = 64;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const EPOCH = new Temporal.PlainDate(1970, 1, 1);

/** A date and a time of day as a wall clock and a calendar show them. */
export interface LocalTime {
  /** Days from 1970-01-01 to the date. */
  readonly day: number;
  /** Whole minutes since midnight by the clock on the wall, 0 … 1439. */
  readonly minute: number;
}

/** A stretch of time, Unix ms, without its end. */
export interface TimeWindow {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A time in which a zone's clocks are not changed. */
interface Stretch extends TimeWindow {
  readonly offsetMs: number;
}

interface Zone {
  /** The one used last comes first. */
  readonly stretches: Stretch[];
  day: TimeWindow;
}

const NEVER: TimeWindow = { fromMs: 0, untilMs: 0 };
const zones = new Map<string, Zone>();

/**
 * What calendar and clock show.
 *
 * @param zone as IANA names it.
 * @param ms Unix time.
 * @throws RangeError if the platform does not know the zone, or no calendar reaches so far.
 * Cost: some 50 ns, but microseconds to milliseconds when a zone or a stretch is new.
 */
export function localTime(zone: string, ms: number): LocalTime {
  const localMs = ms + stretchAt(zoneOf(zone), zone, ms).offsetMs;
  const day = Math.floor(localMs / DAY_MS);
  return { day, minute: Math.floor((localMs - day * DAY_MS) / MINUTE_MS) };
}

/**
 * The calendar day that a time belongs to: 24 hours, or more or less where clocks are changed.
 * Where they are put back over midnight, what comes twice belongs to the date that began first.
 *
 * @throws RangeError as `localTime` does.
 */
export function dayWindow(zone: string, ms: number): TimeWindow {
  const known = zoneOf(zone);
  if (holds(known.day, ms)) return known.day;
  let { day } = localTime(zone, ms);
  while (startOfDay(zone, day + 1) <= ms) day++;
  known.day = { fromMs: startOfDay(zone, day), untilMs: startOfDay(zone, day + 1) };
  return known.day;
}

/**
 * The hour by the wall clock that a time belongs to: at most 60 minutes, less where clocks are
 * changed by or at less than whole hours. An hour that comes twice is two windows.
 *
 * @throws RangeError as `localTime` does.
 */
export function hourWindow(zone: string, ms: number): TimeWindow {
  const { fromMs, untilMs, offsetMs } = stretchAt(zoneOf(zone), zone, ms);
  const startMs = Math.floor((ms + offsetMs) / HOUR_MS) * HOUR_MS - offsetMs;
  const day = dayWindow(zone, ms);
  return {
    fromMs: Math.max(startMs, fromMs, day.fromMs),
    untilMs: Math.min(startMs + HOUR_MS, untilMs, day.untilMs),
  };
}

function zoneOf(name: string): Zone {
  let zone = zones.get(name);
  if (zone === undefined) {
    if (zones.size >= MAX_ZONES) zones.clear();
    zone = { stretches: [], day: NEVER };
    zones.set(name, zone);
  }
  return zone;
}

function stretchAt({ stretches }: Zone, name: string, ms: number): Stretch {
  const [last] = stretches;
  if (last !== undefined && holds(last, ms)) return last;
  const at = stretches.findIndex((stretch) => holds(stretch, ms));
  const stretch = at < 0 ? readStretch(name, ms) : (stretches[at] as Stretch);
  if (at >= 0) stretches.splice(at, 1);
  else if (stretches.length >= MAX_STRETCHES) stretches.pop();
  stretches.unshift(stretch);
  return stretch;
}

function readStretch(name: string, ms: number): Stretch {
  const time = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(name);
  // Of a change right now, `previous` would be the one before.
  const next = time.getTimeZoneTransition('next')?.epochMilliseconds ?? Number.POSITIVE_INFINITY;
  const since = time.add({ milliseconds: 1 }).getTimeZoneTransition('previous');
  return {
    fromMs: since?.epochMilliseconds ?? Number.NEGATIVE_INFINITY,
    untilMs: next,
    offsetMs: time.offsetNanoseconds / 1_000_000,
  };
}

/** The first moment of a date; of one that a zone has left out, that of the next. */
function startOfDay(zone: string, day: number): number {
  return EPOCH.add({ days: day }).toZonedDateTime(zone).epochMilliseconds;
}

function holds({ fromMs, untilMs }: TimeWindow, ms: number): boolean {
  return ms >= fromMs && ms < untilMs;
}
