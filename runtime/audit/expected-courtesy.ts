/**
 * Whether a user may be bothered now, from docs/semantics.md ("Who may bid"): quiet hours, and caps
 * on wins by distance in time and by the user's calendar.
 */
import type { Campaign } from '../../protocols/campaign.ts';
import { type Courtesy, MAX_EXPOSURES, type QuietHours } from '../../protocols/courtesy.ts';
import type { Exclusion } from '../../protocols/decision.ts';
import type { Settings } from '../../protocols/settings.ts';
import type { Exposure } from '../../protocols/user-snapshot.ts';
import { localTimeOf } from './expected-calendar.ts';

const DAY_MS = 86_400_000;

/** When an auction is held, and on whom. */
export interface Moment {
  readonly t: number;
  /** The zone of the user's clock. */
  readonly zone: string;
  /** The wins that are remembered, in the order in which they were decided. */
  readonly wins: readonly Pick<Exposure, 'campaign' | 't'>[];
}

/** Which kind of cap is reached. */
type Reached = 'spacing' | 'cap' | 'calendar';

const OWN: Readonly<Record<Reached, Exclusion>> = {
  spacing: 'min_spacing',
  cap: 'frequency_cap',
  calendar: 'calendar_cap',
};
const OVERALL: Readonly<Record<Reached, Exclusion>> = {
  spacing: 'overall_spacing',
  cap: 'overall_cap',
  calendar: 'overall_calendar_cap',
};

/** The first reason why courtesy keeps a campaign back. */
export function discourtesyOf(
  { id, frequency, quiet_hours }: Campaign,
  moment: Moment,
  settings: Settings,
): Exclusion | undefined {
  const isQuiet = [quiet_hours, settings.quiet_hours].some(
    (hours) => hours !== undefined && isWithin(hours, localTimeOf(moment.zone, moment.t).time),
  );
  if (isQuiet) return 'quiet_hours';
  const own = reachedBy(moment, frequency, ({ campaign }) => campaign === id);
  if (own !== undefined) return OWN[own];
  const overall = reachedBy(moment, settings.courtesy, () => true);
  return overall === undefined ? undefined : OVERALL[overall];
}

function isWithin({ from, until }: QuietHours, time: string): boolean {
  return from < until ? from <= time && time < until : from <= time || time < until;
}

function reachedBy(
  { t, zone, wins }: Moment,
  { min_spacing_s, max_per_day, windows = [], max_per_calendar_day }: Courtesy,
  counts: (win: Moment['wins'][number]) => boolean,
): Reached | undefined {
  const counted = wins.filter(counts);
  const nearerThan = (ms: number): number =>
    counted.filter((win) => Math.abs(t - win.t) < ms).length;
  if (nearerThan(min_spacing_s * 1_000) > 0) return 'spacing';
  const spans = [{ max: max_per_day, within_s: DAY_MS / 1_000 }, ...windows];
  if (spans.some(({ max, within_s }) => nearerThan(within_s * 1_000) >= max)) return 'cap';
  const reaches = [min_spacing_s * 1_000, ...spans.map(({ within_s }) => within_s * 1_000)];
  if (max_per_calendar_day !== undefined) reaches.push(2 * DAY_MS);
  const [first] = wins;
  const mayForget = first !== undefined && wins.length >= MAX_EXPOSURES;
  if (mayForget && Math.abs(t - first.t) < Math.max(...reaches)) return 'cap';
  if (max_per_calendar_day === undefined) return undefined;
  const { date } = localTimeOf(zone, t);
  const today = counted.filter((win) => localTimeOf(zone, win.t).date === date);
  return today.length >= max_per_calendar_day ? 'calendar' : undefined;
}
