/**
 * Alerts in words: what is wrong and where, in a headline that needs no explanation, and how much.
 */
import type { Alert, AlertCause } from '../../../protocols/alert.ts';
import { formatCount, formatDuration, formatMoney, formatRate, formatShare } from './format.ts';

/** As protocols/pulse.ts names all sources or regions, which this page does not bundle. */
const ALL_NAMES = '(all)';

/** The worst first: what stops everything, what loses money or events, what may be good news. */
const CAUSES_BY_SEVERITY: readonly AlertCause[] = [
  'total_outage',
  'runaway_spend',
  'source_outage',
  'conversion_feed_outage',
  'missing_partner',
  'lost_events',
  'engine_behind',
  'unusual',
  'viral_trend',
  'conversion_surge',
];
const MAY_BE_GOOD: ReadonlySet<AlertCause> = new Set(['viral_trend', 'conversion_surge']);

const KIND_NAMES: Readonly<Record<Alert['kind'], string>> = {
  runaway_spend: 'spend',
  event_rate: 'events',
  conversions: 'conversions',
  conversion_rate: 'conversion rate',
  revenue: 'revenue',
  fill_rate: 'fill rate',
  spend_rate: 'spend',
  decision_rate: 'decisions',
  lag: 'lag',
};

/** Alerts that are not resolved, the worst first; nobody's before somebody's. */
export function pressing(alerts: readonly Alert[]): readonly Alert[] {
  const open = alerts.filter((alert) => alert.status !== 'resolved');
  return open.sort(
    (a, b) =>
      Number(a.status === 'acknowledged') - Number(b.status === 'acknowledged') ||
      CAUSES_BY_SEVERITY.indexOf(a.cause) - CAUSES_BY_SEVERITY.indexOf(b.cause) ||
      Math.abs(b.z ?? 0) - Math.abs(a.z ?? 0) ||
      a.since_ms - b.since_ms,
  );
}

/** `bad` is something that is lost while it lasts; `warn` is something to look at. */
export function severityOf(alert: Alert): 'bad' | 'warn' {
  const isHarmless = MAY_BE_GOOD.has(alert.cause) || alert.cause === 'unusual';
  return isHarmless ? 'warn' : 'bad';
}

/** Where: ` from ios in EU`, ` in EU`, ` of campaign X`; empty for everything. */
export function placeOf({ scope }: Alert): string {
  if (scope.campaign !== undefined) return ` of campaign ${scope.campaign}`;
  const source = isNamed(scope.source) ? ` from ${scope.source}` : '';
  const region = isNamed(scope.region) ? ` in ${scope.region}` : '';
  return `${source}${region}`;
}

/** What was watched and where: `events from ios`, `revenue in US`. */
export function subjectOf(alert: Alert): string {
  return `${KIND_NAMES[alert.kind]}${placeOf(alert)}`;
}

/** Below this share of what was expected, hardly anything comes; above, only too little. */
const HARDLY = 0.25;

/** What is wrong and where: `Outage: nothing from ios`. */
export function headlineOf(alert: Alert): string {
  const place = placeOf(alert);
  switch (alert.cause) {
    case 'total_outage':
    case 'source_outage':
      return lacking(alert, 'Outage: ', 'events');
    case 'missing_partner':
      return `Partner missing: nothing${place}`;
    case 'conversion_feed_outage':
      return alert.kind === 'conversion_rate'
        ? `Conversion rate far too low${place}`
        : lacking(alert, '', 'conversions');
    case 'runaway_spend':
      return `Runaway spend${place}`;
    case 'lost_events':
      return `Events are being lost${place}`;
    case 'engine_behind':
      return 'The engine is behind';
    case 'viral_trend':
      return `Surge: far more events${place} than usual`;
    case 'conversion_surge':
      return `Surge: far more conversions${place} than usual`;
    case 'unusual':
      return `Unusually ${alert.direction} ${subjectOf(alert)}`;
  }
}

/** Nothing, hardly anything, or too little of something. */
function lacking(alert: Alert, opening: string, what: string): string {
  const place = placeOf(alert);
  const isOfOne = place !== '' && what === 'events';
  if (alert.found === 0) return sentence(`${opening}${isOfOne ? 'nothing' : `no ${what}`}${place}`);
  if (alert.found < HARDLY * alert.expected) {
    return sentence(`${opening}${isOfOne ? 'hardly anything' : `hardly any ${what}`}${place}`);
  }
  return `Far fewer ${what}${place} than usual`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** Shares, which read better in per cent than as `received/sent`. */
const SHARE_UNITS: ReadonlySet<string> = new Set(['received/sent', 'conversions/visit']);

/** A figure with its unit: money with its currency, shares in per cent, times in words. */
export function alertFigure(figure: number, unit: string, currency: string): string {
  if (SHARE_UNITS.has(unit)) return formatShare(figure);
  if (unit === 'micros') return formatMoney(figure, currency);
  if (unit === 's') return formatDuration(figure * 1000);
  const [, per] = /^units\/(\w+)$/.exec(unit) ?? [];
  if (per !== undefined) return `${formatMoney(figure * 1_000_000, currency)} a ${per}`;
  const text = Number.isInteger(figure) ? formatCount(figure) : formatRate(figure);
  return `${text} ${unit}`;
}

function isNamed(name: string | undefined): name is string {
  return name !== undefined && name !== ALL_NAMES;
}
