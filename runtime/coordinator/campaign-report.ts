/**
 * Campaigns as operators see them: what partitions have reported, summed, beside what the campaign
 * actors have decided. Pure functions of both and the time.
 */
import { dayWindow } from '../../actors/calendar.ts';
import { type Lift, liftOf, type TrialSums, unitedSums } from '../../actors/campaign/lift.ts';
import { reachOf, windowOf } from '../../actors/campaign/windows.ts';
import type { Campaign } from '../../protocols/campaign.ts';
import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import type {
  CampaignChange,
  CampaignDetail,
  CampaignReport,
  CampaignsReport,
  LiftReport,
} from '../../protocols/campaign-services.ts';
import { ALL_CAMPAIGNS, type DeliveryCell } from '../../protocols/cells.ts';
import type { Exclusion } from '../../protocols/decision.ts';
import type { Micros } from '../../protocols/money.ts';
import type { Settings } from '../../protocols/settings.ts';
import type { CellView } from './cell-view.ts';

/** Of one message with campaigns: a server takes up to 1 MB, and the rest of it is small. */
export const MAX_PART_BYTES = 900_000;
const MICROS_PER_CENT = 10_000;

/** What reports are made from. */
export interface CampaignFigures {
  readonly view: Pick<CellView, 'cells'>;
  readonly campaigns: Iterable<CampaignActorState>;
  readonly settings: Settings;
  readonly nowMs: number;
}

/** The partitions' cells, by what they are about. */
interface CellIndex {
  readonly deliveries: ReadonlyMap<string, readonly (readonly [partition: number, DeliveryCell])[]>;
  readonly suppressed: ReadonlyMap<string, Partial<Record<Exclusion, number>>>;
  /** By `<campaign>.<ppm>`. */
  readonly trials: ReadonlyMap<string, readonly TrialSums[]>;
}

/**
 * All campaigns after one, by id, in as many reports as messages are needed: at least one.
 *
 * @param after an id; only campaigns with a greater one are reported.
 * Cost: O(cells of all partitions), once for all parts.
 */
export function* campaignParts(
  { view, campaigns, settings, nowMs }: CampaignFigures,
  after = '',
): Generator<CampaignsReport> {
  const index = indexOf(view);
  const lift = liftReport(index, ALL_CAMPAIGNS, settings.holdout_ppm);
  const sorted = [...campaigns].filter(({ campaign }) => campaign.id > after).sort(byId);
  let part: CampaignReport[] = [];
  let bytes = 0;
  for (const actor of sorted) {
    const report = reportOf(actor, index, nowMs);
    const more = Buffer.byteLength(JSON.stringify(report)) + 1;
    if (part.length > 0 && bytes + more > MAX_PART_BYTES) {
      yield { campaigns: part, lift };
      part = [];
      bytes = 0;
    }
    part.push(report);
    bytes += more;
  }
  if (part.length > 0 || sorted.length === 0) yield { campaigns: part, lift };
}

/** Some campaigns, as many as one message holds. */
export function campaignsReport(figures: CampaignFigures, after?: string): CampaignsReport {
  const { value } = campaignParts(figures, after).next();
  return value as CampaignsReport;
}

/** One campaign in full. O(cells of all partitions). */
export function campaignDetail(
  { view, nowMs }: Pick<CampaignFigures, 'view' | 'nowMs'>,
  actor: CampaignActorState,
  credit: CampaignDetail['credit'],
  changes: readonly CampaignChange[],
): CampaignDetail {
  const index = indexOf(view);
  const partitions = (index.deliveries.get(actor.campaign.id) ?? [])
    .map(([partition, { grant, spent_micros }]) => ({ partition, grant, spent_micros }))
    .sort((a, b) => a.partition - b.partition);
  return { ...reportOf(actor, index, nowMs), partitions, credit, changes: [...changes] };
}

function reportOf(actor: CampaignActorState, index: CellIndex, nowMs: number): CampaignReport {
  const { campaign, status, version, revision } = actor;
  const { id, time_zone, daily_micros, hourly_micros, house, holdout_ppm } = campaign;
  const partitions = index.deliveries.get(id) ?? [];
  const cells = partitions.map(([, cell]) => cell);
  const sum = (field: SummedField): number => cells.reduce((all, cell) => all + cell[field], 0);
  const spent_micros = sum('spent_micros');
  const value_micros = sum('value_micros');
  return {
    campaign,
    status,
    version,
    revision,
    granted_micros: grantedMicros(actor, new Map(partitions), nowMs),
    spent_micros,
    spent_today_micros: daily_micros === undefined ? null : spentToday(cells, time_zone, nowMs),
    spent_this_hour_micros: hourly_micros === undefined ? null : spentThisHour(cells, nowMs),
    unbilled_micros: sum('unbilled_micros'),
    wins: sum('wins'),
    shown: sum('shown'),
    clicked: sum('clicked'),
    dismissed: sum('dismissed'),
    converted: sum('converted'),
    value_micros,
    roas: spent_micros === 0 ? null : value_micros / spent_micros,
    suppressed: index.suppressed.get(id) ?? {},
    // A house campaign holds nobody out: it wins only what nobody else does.
    lift: liftReport(index, id, house ? 0 : holdout_ppm),
  };
}

type SummedField = {
  [K in keyof DeliveryCell]: DeliveryCell[K] extends number ? K : never;
}[keyof DeliveryCell];

/** Whether a partition's window is still running: what it spent in it is of this hour or day. */
function isRunning({ grant }: DeliveryCell, nowMs: number): boolean {
  return grant !== null && grant.until_ms > nowMs;
}

/** Of partitions whose window is over, what they spent in it may still have been today. */
function spentToday(cells: readonly DeliveryCell[], timeZone: string, nowMs: number): Micros {
  const { fromMs } = dayWindow(timeZone, nowMs);
  const ofToday = cells.filter(
    (cell) => isRunning(cell, nowMs) || (cell.grant?.day_from_ms ?? 0) >= fromMs,
  );
  return ofToday.reduce((all, { day_micros }) => all + day_micros, 0);
}

function spentThisHour(cells: readonly DeliveryCell[], nowMs: number): Micros {
  return cells.reduce((all, cell) => {
    return isRunning(cell, nowMs) ? all + cell.window_micros : all;
  }, 0);
}

/** What partitions have spent or may spend, under what they have and what is under way to them. */
function grantedMicros(
  { campaign, grants }: CampaignActorState,
  cells: ReadonlyMap<number, DeliveryCell>,
  nowMs: number,
): Micros {
  const window = windowOf(campaign, nowMs);
  const partitions = new Set([...cells.keys(), ...Object.keys(grants).map(Number)]);
  let granted = 0;
  for (const partition of partitions) {
    granted += reachOf(grants[partition], cells.get(partition), window).total;
  }
  return granted;
}

function indexOf(view: Pick<CellView, 'cells'>): CellIndex {
  const deliveries = new Map<string, (readonly [number, DeliveryCell])[]>();
  for (const [partition, id, cell] of view.cells('delivery')) {
    pushTo(deliveries, id, [partition, cell] as const);
  }
  const suppressed = new Map<string, Partial<Record<Exclusion, number>>>();
  for (const [, , { campaigns }] of view.cells('suppressed')) {
    for (const [id, reasons] of Object.entries(campaigns)) {
      const sums = suppressed.get(id) ?? {};
      for (const [reason, times] of Object.entries(reasons) as [Exclusion, number][]) {
        sums[reason] = (sums[reason] ?? 0) + times;
      }
      suppressed.set(id, sums);
    }
  }
  const trials = new Map<string, TrialSums[]>();
  for (const [, key, { treated, control }] of view.cells('trial')) {
    const control_ppm = Number(key.slice(key.lastIndexOf('.') + 1));
    pushTo(trials, key, { treated, control, control_ppm });
  }
  return { deliveries, suppressed, trials };
}

function pushTo<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** Of the trial with the present share of users held out; earlier shares were other trials. */
function liftReport({ trials }: CellIndex, id: string, control_ppm: number): LiftReport | null {
  if (control_ppm === 0) return null;
  const sums = unitedSums([noneOf(control_ppm), ...(trials.get(`${id}.${control_ppm}`) ?? [])]);
  const { treated, control } = sums;
  const { conversionRate, revenueCents, relative, isSplitAsPlanned, isProven } = liftOf(sums);
  return {
    control_ppm,
    treated: armReport(treated),
    control: armReport(control),
    conversion_rate: conversionRate,
    revenue_micros_per_user: inMicros(revenueCents),
    relative,
    is_split_as_planned: isSplitAsPlanned,
    is_proven: isProven,
  };
}

function noneOf(control_ppm: number): TrialSums {
  const arm = { users: 0, converted: 0, revenue_cents: 0, revenue_cents_squared: 0 };
  return { treated: arm, control: arm, control_ppm };
}

function armReport({ users, converted, revenue_cents }: TrialSums['treated']) {
  const conversion_rate = users === 0 ? null : converted / users;
  return { users, converted, conversion_rate, revenue_micros: revenue_cents * MICROS_PER_CENT };
}

function inMicros(cents: Lift['revenueCents']): LiftReport['revenue_micros_per_user'] {
  if (cents === null) return null;
  return {
    estimate: cents.estimate * MICROS_PER_CENT,
    low: cents.low * MICROS_PER_CENT,
    high: cents.high * MICROS_PER_CENT,
  };
}

function byId(a: { readonly campaign: Campaign }, b: { readonly campaign: Campaign }): number {
  return a.campaign.id < b.campaign.id ? -1 : 1;
}
