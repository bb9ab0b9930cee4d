/**
 * What an incident may mean: its cause for programs, and two sentences for people.
 */
import type { AlertCause } from '../../../protocols/alert.ts';
import type { StoredIncident } from '../../../protocols/live-snapshot.ts';
import { ALL_NAMES } from '../../../protocols/pulse.ts';
import type { Direction, Metric } from './metrics.ts';
import type { Series } from './series.ts';

/** The part of what was expected below which something counts as stopped. */
const STOPPED = 0.05;

/** The cause that is most likely. */
export function causeOf(
  { metric, level }: Series,
  direction: Direction,
  expected: number,
  found: number,
): AlertCause {
  const isLow = direction === 'low';
  switch (metric.kind) {
    case 'event_rate':
      if (!isLow) return 'viral_trend';
      if (level === 'all') return 'total_outage';
      if (level === 'source') return 'source_outage';
      return found <= STOPPED * expected ? 'missing_partner' : 'lost_events';
    case 'conversions':
      return isLow ? 'conversion_feed_outage' : 'conversion_surge';
    case 'conversion_rate':
      return isLow ? 'conversion_feed_outage' : 'unusual';
    case 'fill_rate':
      return 'lost_events';
    case 'spend_rate':
    case 'runaway_spend':
      return 'runaway_spend';
    case 'lag':
      return 'engine_behind';
    case 'revenue':
    case 'decision_rate':
      return 'unusual';
    default:
      return metric.kind satisfies never;
  }
}

const ADVICE: Readonly<Record<AlertCause, string>> = {
  runaway_spend:
    'The targeting may be too wide, the bid too high, or the traffic not genuine. Look at its ' +
    'receipts, and pause it if that is not what you want.',
  source_outage:
    'The source, or the way from it to the engine, may be down. Ask whoever runs it, and look at ' +
    'its last events.',
  total_outage:
    'Nothing in particular is missing, so what all sources share may be down: the network, the ' +
    'gateway, or a release of the application. Look there first.',
  viral_trend:
    'Something may be spreading, a campaign may have begun, or a robot may be at work. Look ' +
    'where the visits come from, and whether budgets last.',
  conversion_feed_outage:
    'Events go on as usual, so the checkout or the feed of conversions may be broken. Try an ' +
    'order yourself, and look at the feed.',
  conversion_surge:
    'An offer may be selling well, or conversions may be sent twice or at a wrong price. Compare ' +
    'them with the orders in the shop.',
  missing_partner: 'This source no longer sends from this region. Ask the partner who serves it.',
  lost_events:
    'Events are getting lost on their way, or somebody sends fewer. Look at the application that ' +
    'sends them, and its network.',
  engine_behind:
    'The engine cannot keep up, or a partition has no worker. Look at the workers and their ' +
    'queues.',
  unusual: 'Nothing in particular explains it. Look at what changed at that time.',
};

/** What stopped or jumped, since when, from what to what, what it may be and what to do. */
export function meaningOf(series: Series, incident: StoredIncident): string {
  const { metric } = series;
  const { direction, since_ms } = incident;
  const expected = metric.inUnits(incident.before);
  const found = metric.windowInUnits(incident.worst);
  const cause = causeOf(series, direction, expected, found);
  const change = direction === 'low' ? 'fell' : 'rose';
  const clock = new Date(since_ms).toISOString().slice(11, 19);
  return (
    `${subjectOf(series)} ${change} from ${amounts(metric, expected, found)} at ${clock} UTC. ` +
    ADVICE[cause]
  );
}

const FIGURES: Readonly<Record<string, string>> = {
  event_rate: 'Events',
  conversions: 'Conversions',
  conversion_rate: 'The conversion rate',
  revenue: 'The value of conversions',
  fill_rate: 'The share of events that arrive',
  spend_rate: 'Spend',
  decision_rate: 'Decisions',
  lag: 'The time by which figures are behind',
};

function subjectOf({ metric, level, key }: Series): string {
  const figure = FIGURES[metric.kind] as string;
  switch (level) {
    case 'all':
      return figure;
    case 'campaign':
      return `${figure} of campaign ${key}`;
    case 'source':
      return `${figure} from ${key.slice(0, -1 - ALL_NAMES.length)}`;
    case 'pair': {
      const slash = key.lastIndexOf('/');
      return `${figure} from ${key.slice(0, slash)} in region ${key.slice(slash + 1)}`;
    }
    default:
      return level satisfies never;
  }
}

/** From what to what: shares in percent, anything else in its unit. */
function amounts({ kind, unit }: Metric, expected: number, found: number): string {
  if (kind !== 'fill_rate' && kind !== 'conversion_rate') {
    return `${shown(expected)} to ${shown(found)} ${unit.replace(/^units\//, 'units a ')}`;
  }
  return `${shown(100 * expected)} % to ${shown(100 * found)} %`;
}

/** Three digits that count. */
function shown(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
