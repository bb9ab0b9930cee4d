/** Days and hours of time zones, held against the platform's own calendar. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dayWindow, hourWindow, localTime } from '../../actors/calendar.ts';
import { DAY_MS, HOUR_MS, holds, MINUTE_MS } from '../generators.ts';

/** Zones with every kind of oddity, and all the others. */
const ODD_ZONES = [
  ...['UTC', 'Europe/Berlin', 'America/New_York', 'America/St_Johns', 'Australia/Lord_Howe'],
  ...['Pacific/Apia', 'America/Sao_Paulo', 'America/Havana', 'Africa/Casablanca', 'Asia/Kathmandu'],
  ...['Asia/Tehran', 'Asia/Beirut', 'America/Asuncion', 'Africa/Cairo', 'Asia/Amman', 'Asia/Gaza'],
];
const zone = fc.oneof(
  fc.constantFrom(...ODD_ZONES),
  fc.constantFrom(...Intl.supportedValuesOf('timeZone')),
);
const time = fc.integer({ min: 0, max: Date.UTC(2060, 0, 1) });

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the platform's calendar shows, as a day number and minutes. */
function shown(timeZone: string, ms: number): { day: number; minute: number } {
  let format = formats.get(timeZone);
  if (format === undefined) {
    const digits = { year: 'numeric', month: 'numeric', day: 'numeric' } as const;
    const clock = { hour: 'numeric', minute: 'numeric', hourCycle: 'h23' } as const;
    format = new Intl.DateTimeFormat('en-US', { timeZone, ...digits, ...clock });
    formats.set(timeZone, format);
  }
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0 } = parts;
  return { day: Date.UTC(year, month - 1, day) / DAY_MS, minute: hour * 60 + minute };
}

test('date and time of day are those of the platform, whatever the zone and time', () => {
  holds(
    fc.property(zone, time, (name, ms) => {
      expect(localTime(name, ms)).toEqual(shown(name, ms));
    }),
    3_000,
  );
});

test('around every change of clocks too', () => {
  for (const name of ODD_ZONES) {
    for (const changeMs of changes(name)) {
      for (const offset of [-HOUR_MS, -MINUTE_MS, -1, 0, 1, MINUTE_MS, HOUR_MS]) {
        const ms = changeMs + offset;
        expect({ name, ms, ...localTime(name, ms) }).toEqual({ name, ms, ...shown(name, ms) });
      }
    }
  }
});

const known = new Map<string, readonly number[]>();

/** When a zone's clocks were changed between 2005 and 2027, to the minute. */
function changes(name: string): readonly number[] {
  const found = known.get(name) ?? findChanges(name);
  known.set(name, found);
  return found;
}

function findChanges(name: string): number[] {
  const offset = (ms: number): number => {
    const { day, minute } = shown(name, ms);
    return day * DAY_MS + minute * MINUTE_MS - ms;
  };
  const found: number[] = [];
  const endMs = Date.UTC(2027, 0, 1);
  for (let ms = Date.UTC(2005, 0, 1); ms < endMs; ms += DAY_MS) {
    if (offset(ms) === offset(ms + DAY_MS)) continue;
    let [low, high] = [ms, ms + DAY_MS];
    while (high - low > MINUTE_MS) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS;
      if (offset(middle) === offset(low)) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found;
}

/** Times near changes of clocks as well as any. */
const nearChange = fc
  .constantFrom(...ODD_ZONES)
  .chain((name) =>
    fc.tuple(
      fc.constant(name),
      fc.constantFrom(...changes(name), Date.UTC(2024, 5, 1)),
      fc.integer({ min: -30 * HOUR_MS, max: 30 * HOUR_MS }),
    ),
  )
  .map(([name, ms, offset]) => [name, ms + offset] as const);
const anywhere = fc.oneof(nearChange, fc.tuple(zone, time));

describe('days and hours', () => {
  test('follow each other without gap or overlap, and contain the time asked for (C1)', () => {
    holds(
      fc.property(anywhere, ([name, ms]) => {
        for (const windowOf of [dayWindow, hourWindow]) {
          const { fromMs, untilMs } = windowOf(name, ms);
          expect(fromMs).toBeLessThanOrEqual(ms);
          expect(untilMs).toBeGreaterThan(ms);
          expect(windowOf(name, untilMs).fromMs).toBe(untilMs);
          expect(windowOf(name, fromMs - 1).untilMs).toBe(fromMs);
          expect(windowOf(name, untilMs - 1)).toEqual({ fromMs, untilMs });
        }
      }),
      2_000,
    );
  });

  test('an hour lies in one day and is at most 60 minutes (C1)', () => {
    holds(
      fc.property(anywhere, ([name, ms]) => {
        const hour = hourWindow(name, ms);
        const day = dayWindow(name, ms);
        expect(hour.untilMs - hour.fromMs).toBeLessThanOrEqual(HOUR_MS);
        expect(hour.fromMs).toBeGreaterThanOrEqual(day.fromMs);
        expect(hour.untilMs).toBeLessThanOrEqual(day.untilMs);
      }),
      2_000,
    );
  });

  test('a day begins when its date does, to the millisecond', () => {
    holds(
      fc.property(anywhere, ([name, ms]) => {
        const { fromMs, untilMs } = dayWindow(name, ms);
        const begun = shown(name, fromMs).day;
        expect(shown(name, fromMs - 1).day).toBeLessThan(begun);
        // Put back over midnight, clocks show the last date once more.
        expect(begun - shown(name, ms).day).toBeLessThanOrEqual(1);
        expect(shown(name, ms).day).toBeLessThanOrEqual(begun);
        expect(shown(name, untilMs).day).toBeGreaterThan(begun);
      }),
      2_000,
    );
  });
});
