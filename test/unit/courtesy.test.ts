/** Courtesy to one user: spacing, caps, dates and quiet hours, of one campaign and of all. */
import { describe, expect, test } from 'vitest';
import { holdAuction } from '../../actors/campaign/auction.ts';
import type { Campaign } from '../../protocols/campaign.ts';
import { type Courtesy, courtesySchema, type QuietHours } from '../../protocols/courtesy.ts';
import type { Settings } from '../../protocols/settings.ts';
import { exposureOf, grantedCase, inputOf } from '../auction-cases.ts';
import { BASE_MS, campaignWith, DAY_MS, HOUR_MS, MINUTE_MS, settingsWith } from '../generators.ts';

interface Given {
  readonly campaign?: Partial<Campaign>;
  readonly settings?: Partial<Settings>;
  /** Hours from the event to each win, negative ones to later ones. */
  readonly hoursAgo?: readonly number[];
  readonly by?: string;
  readonly zone?: string;
  readonly atMs?: number;
}

function why({
  campaign,
  settings,
  hoursAgo = [],
  by = 'sale',
  zone = 'UTC',
  atMs = BASE_MS,
}: Given) {
  const frequency = courtesySchema.parse({});
  const exposures = hoursAgo.map((hours, n) => exposureOf(by, atMs - hours * HOUR_MS, n));
  const drawn = grantedCase([campaignWith('sale', { frequency, ...campaign })], {
    ...{ settings: settingsWith(settings ?? {}), exposures, zone, atMs },
  });
  return holdAuction(inputOf(drawn)).candidates[0]?.excluded ?? 'may bid';
}

/** A courtesy, as the campaign's own and as everybody's, with the names of its reasons. */
const SCOPES = [
  {
    ...{ scope: 'of the campaign', by: 'sale' },
    of: (courtesy: Partial<Courtesy>): Given => {
      return { campaign: { frequency: courtesySchema.parse(courtesy) } };
    },
    ...{ spacing: 'min_spacing', cap: 'frequency_cap', calendar: 'calendar_cap' },
  },
  {
    ...{ scope: 'of all campaigns', by: 'other' },
    of: (courtesy: Partial<Courtesy>): Given => {
      return { settings: { courtesy: courtesySchema.parse(courtesy) } };
    },
    ...{ spacing: 'overall_spacing', cap: 'overall_cap', calendar: 'overall_calendar_cap' },
  },
];

describe.each(SCOPES)(
  'wins that the user has seen, $scope',
  ({ by, of, spacing, cap, calendar }) => {
    const seen = (courtesy: Partial<Courtesy>, ...hoursAgo: number[]) =>
      why({ ...of(courtesy), by, hoursAgo });
    const MS = 1 / HOUR_MS;

    test('the last one was too short ago, or too soon after', () => {
      const minute = { min_spacing_s: 60 };
      const near = [1 / 60 - MS, 1 / 60, -1 / 60 + MS, -1 / 60].map((hours) => seen(minute, hours));
      expect(near).toEqual([spacing, 'may bid', spacing, 'may bid']);
      expect(seen({ min_spacing_s: 0 }, 0)).toBe('may bid');
    });

    test('as many as allowed within 24 hours, either way', () => {
      const two = { max_per_day: 2 };
      expect(seen(two, 23)).toBe('may bid');
      expect(seen(two, 23, 1)).toBe(cap);
      expect(seen(two, 24, 1)).toBe('may bid');
      expect(seen(two, 24 - MS, 1)).toBe(cap);
      expect(seen(two, -2, -1)).toBe(cap);
    });

    test('as many as allowed within any of several windows', () => {
      const windows = {
        windows: [
          { max: 1, within_s: 60 },
          { max: 2, within_s: 30 * 86_400 },
        ],
      };
      expect(seen(windows, 1 / 60 - MS)).toBe(cap);
      expect(seen(windows, 1 / 60)).toBe('may bid');
      expect(seen(windows, 700, 600)).toBe(cap);
      expect(seen(windows, 720, 600)).toBe('may bid');
    });

    test("as many as allowed on one date of the user's calendar", () => {
      const one = { max_per_calendar_day: 1 };
      // BASE_MS is 20:00 in UTC and 22:00 in Berlin.
      const on = (zone: string, hours: number) => why({ ...of(one), by, zone, hoursAgo: [hours] });
      expect([20, 20 + MS, -4 + MS, -4].map((hours) => on('UTC', hours))).toEqual([
        ...[calendar, 'may bid', calendar, 'may bid'],
      ]);
      expect([22, 22 + MS, -2 + MS, -2].map((hours) => on('Europe/Berlin', hours))).toEqual([
        ...[calendar, 'may bid', calendar, 'may bid'],
      ]);
      expect(seen({ max_per_calendar_day: 2 }, 1)).toBe('may bid');
      expect(seen({ max_per_calendar_day: 2 }, 1, 2)).toBe(calendar);
    });

    test('a date has 25 hours when clocks go back', () => {
      // 2024-10-27 23:30 in Berlin; the date began 24.5 hours ago.
      const atMs = Date.UTC(2024, 9, 27, 22, 30);
      const on = (hours: number) =>
        why({
          ...of({ max_per_calendar_day: 1 }),
          by,
          zone: 'Europe/Berlin',
          atMs,
          hoursAgo: [hours],
        });
      expect([24.5, 24.5 + MS].map(on)).toEqual([calendar, 'may bid']);
    });

    test('a full memory must reach back as far as the courtesy asks', () => {
      // Wins of long ago, but for the first one: no other cap counts them.
      const full = (courtesy: Partial<Courtesy>, hours: number) =>
        seen(courtesy, hours, ...new Array<number>(31).fill(5_000));
      const roomy = { max_per_day: 32 };
      // Whoever's they are, the campaign's own courtesy is asked first.
      expect(full(roomy, 24 - MS)).toBe('frequency_cap');
      expect(full(roomy, 24)).toBe('may bid');
      const month = { windows: [{ max: 32, within_s: 30 * 86_400 }] };
      expect([720 - MS, 720].map((hours) => full(month, hours))).toEqual([cap, 'may bid']);
      const dated = { max_per_calendar_day: 9 };
      expect([48 - MS, 48].map((hours) => full(dated, hours))).toEqual([cap, 'may bid']);
      const spaced = { min_spacing_s: 60 * 3_600 };
      expect([60 - MS, 60].map((hours) => full(spaced, hours))).toEqual([spacing, 'may bid']);
      expect(seen(roomy, 1, ...new Array<number>(30).fill(5_000))).toBe('may bid');
    });
  },
);

test("another campaign's wins count only for what holds for all", () => {
  const strict = courtesySchema.parse({
    max_per_day: 1,
    min_spacing_s: 60,
    max_per_calendar_day: 1,
  });
  expect(why({ campaign: { frequency: strict }, by: 'other', hoursAgo: [0, 1] })).toBe('may bid');
});

describe('quiet hours', () => {
  const SCHOOL: QuietHours = { from: '08:00', until: '13:00' };
  const NIGHT: QuietHours = { from: '22:00', until: '06:30' };
  const at = (quiet_hours: QuietHours, utc: number, zone = 'UTC', isAll = false) =>
    why({
      ...(isAll ? { settings: { quiet_hours } } : { campaign: { quiet_hours } }),
      zone,
      atMs: utc,
    });
  const on = (hour: number, minute: number, ms = 0) => Date.UTC(2024, 0, 15, hour, minute) + ms;

  test.each([false, true])('from their beginning to before their end (of all: %s)', (isAll) => {
    const times = [on(8, 0, -1), on(8, 0), on(13, 0, -1), on(13, 0)];
    expect(times.map((ms) => at(SCHOOL, ms, 'UTC', isAll))).toEqual([
      ...['may bid', 'quiet_hours', 'quiet_hours', 'may bid'],
    ]);
  });

  test('over midnight', () => {
    const times = [on(21, 59), on(22, 0), on(23, 59), on(0, 0), on(6, 30, -1), on(6, 30)];
    expect(times.map((ms) => at(NIGHT, ms))).toEqual([
      ...['may bid', 'quiet_hours', 'quiet_hours', 'quiet_hours', 'quiet_hours', 'may bid'],
    ]);
  });

  test("by the user's own clock", () => {
    expect(at(NIGHT, on(3, 0), 'America/New_York')).toBe('quiet_hours');
    expect(at(NIGHT, on(2, 59), 'America/New_York')).toBe('may bid');
    // Kathmandu is 5:45 ahead.
    expect(at(SCHOOL, on(2, 15), 'Asia/Kathmandu')).toBe('quiet_hours');
    expect(at(SCHOOL, on(2, 14), 'Asia/Kathmandu')).toBe('may bid');
  });

  test('by the clock on the wall where clocks change', () => {
    const early: QuietHours = { from: '02:00', until: '03:00' };
    const utc = (month: number, day: number, hour: number, minute: number) =>
      at(early, Date.UTC(2024, month, day, hour, minute), 'Europe/Berlin');
    // On 27 October the hour from 2 to 3 comes twice; on 31 March it is left out.
    expect([utc(9, 26, 23, 59), utc(9, 27, 0, 0), utc(9, 27, 1, 59), utc(9, 27, 2, 0)]).toEqual([
      ...['may bid', 'quiet_hours', 'quiet_hours', 'may bid'],
    ]);
    expect([utc(2, 31, 0, 59), utc(2, 31, 1, 0)]).toEqual(['may bid', 'may bid']);
  });

  test('of the campaign and of all campaigns each count', () => {
    const both = { campaign: { quiet_hours: SCHOOL }, settings: { quiet_hours: NIGHT } };
    const times = [on(9, 0), on(23, 0), on(15, 0)];
    expect(times.map((atMs) => why({ ...both, atMs }))).toEqual([
      ...['quiet_hours', 'quiet_hours', 'may bid'],
    ]);
  });
});

test('a cap that has passed lets the campaign bid again', () => {
  const frequency = courtesySchema.parse({ max_per_day: 1 });
  const wonMs = BASE_MS;
  const named = [0, DAY_MS - MINUTE_MS, DAY_MS].map((ms) =>
    why({ campaign: { frequency }, atMs: wonMs + ms, hoursAgo: [ms / HOUR_MS] }),
  );
  expect(named).toEqual(['frequency_cap', 'frequency_cap', 'may bid']);
});
