/**
 * What a user's own clock and calendar show, from the platform's own words for it: dates and times
 * of day as texts, which compare as they follow each other.
 */

/** Zones with a formatter at hand; the same zone may be written in many ways. */
const MAX_FORMATS = 1_000;

const formats = new Map<string, Intl.DateTimeFormat>();

/** A local date, as `2026-03-29`, and a time of day, as `02:30`. */
interface LocalTime {
  readonly date: string;
  readonly time: string;
}

/** What calendar and clock show in a time zone at a Unix time. */
export function localTimeOf(zone: string, ms: number): LocalTime {
  const parts = formatOf(zone).formatToParts(ms);
  const of = (type: Intl.DateTimeFormatPartTypes): string =>
    parts.find((part) => part.type === type)?.value ?? '';
  return {
    date: `${of('year')}-${of('month')}-${of('day')}`,
    time: `${of('hour')}:${of('minute')}`,
  };
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const two = '2-digit';
  const date = { year: 'numeric', month: two, day: two } as const;
  const time = { hour: two, minute: two, hourCycle: 'h23' } as const;
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, ...date, ...time });
  if (formats.size >= MAX_FORMATS) formats.clear();
  formats.set(zone, format);
  return format;
}
