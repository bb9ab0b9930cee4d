/**
 * How often and when users may be bothered: caps on wins per user, by distance in time and by the
 * days of the user's own calendar, and quiet hours.
 */
import { z } from 'zod';

/** Wins that are remembered per user, over all campaigns; no cap can count more. */
export const MAX_EXPOSURES = 32;
export const MAX_COURTESY_WINDOWS = 4;
const MAX_WINDOW_S = 30 * 86_400;
const MAX_ZONE_CHARS = 64;

/** Any clock on earth, as IANA names it. */
export const timeZone = z
  .string()
  .max(MAX_ZONE_CHARS)
  .refine(isTimeZone, 'must be an IANA time zone such as "Europe/Berlin"');

const wins = z.int().min(1).max(MAX_EXPOSURES);

/** Caps on one user's wins; those of any 24 hours and windows by distance, either way. */
export const courtesySchema = z.strictObject({
  /** The most in any 24 hours. */
  max_per_day: wins.default(MAX_EXPOSURES),
  /** The most on one day of the user's calendar. */
  max_per_calendar_day: wins.optional(),
  /** The most within other times. */
  windows: z
    .array(z.strictObject({ max: wins, within_s: z.int().min(1).max(MAX_WINDOW_S) }))
    .max(MAX_COURTESY_WINDOWS)
    .optional(),
  /** The least time between two wins. */
  min_spacing_s: z.int().min(0).max(MAX_WINDOW_S).default(0),
});
export type Courtesy = z.infer<typeof courtesySchema>;

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as "22:00"');

/** From a time of day to another one, over midnight if that is earlier. */
export const quietHoursSchema = z
  .strictObject({ from: clockTime, until: clockTime })
  .refine(({ from, until }) => from !== until, 'from and until must differ');
export type QuietHours = z.infer<typeof quietHoursSchema>;

/** Zones that are known to exist: asking again costs as much as parsing an event. */
const knownZones = new Set<string>();
const MAX_KNOWN_ZONES = 1_000;

/** Whether this platform's calendar knows a zone. */
function isTimeZone(name: string): boolean {
  if (knownZones.has(name)) return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
  } catch {
    return false;
  }
  if (knownZones.size < MAX_KNOWN_ZONES) knownZones.add(name);
  return true;
}
