/**
 * Campaigns as marketers compare them: budgets and pace, what they won, what they cause.
 *
 * Pure: from reports, the frame and attribution to rows.
 */
import type { CampaignReport, LiftReport } from '../../../protocols/campaign-services.ts';
import type { LiveFrame } from '../../../protocols/live-figures.ts';
import type { AttributionReport } from '../../../protocols/services.ts';

type Status = CampaignReport['status'];

export interface Budget {
  readonly label: 'in all' | 'today' | 'this hour';
  readonly spentMicros: number;
  readonly ofMicros: number;
  /** 0 to 1. */
  readonly share: number;
}

export interface CampaignRow {
  readonly id: string;
  readonly name: string;
  readonly status: Status;
  readonly isHouse: boolean;
  readonly budgets: readonly Budget[];
  readonly spendMicrosMinute: number;
  readonly winsMinute: number;
  readonly wins: number;
  readonly roas: number | null;
  readonly lift: LiftReport | null;
  /** Markov credit, of touches that name the campaign; null while attribution knows none. */
  readonly credit: { readonly conversions: number; readonly valueMicros: number } | null;
}

const STATUS_ORDER: readonly Status[] = [
  'throttled',
  'live',
  'exhausted',
  'paused',
  'draft',
  'ended',
];

/** A row per campaign: those that need a look first, then by what they spend and have spent. */
export function campaignRows(
  reports: Iterable<CampaignReport>,
  frame: Pick<LiveFrame, 'campaigns'> | undefined,
  attribution: Pick<AttributionReport, 'campaigns'> | undefined,
): readonly CampaignRow[] {
  const minutes = new Map(frame?.campaigns.map((each) => [each.campaign, each]));
  const credits = new Map(attribution?.campaigns.map((each) => [each.campaign, each.models]));
  const rows = [...reports].map((report) => {
    const { id, name, house } = report.campaign;
    const minute = minutes.get(id);
    const credit = credits.get(id)?.markov;
    return {
      spentMicros: report.spent_micros,
      row: {
        ...{ id, name, status: report.status, isHouse: house, budgets: budgetsOf(report) },
        spendMicrosMinute: minute?.spend_micros_minute ?? 0,
        winsMinute: minute?.wins_minute ?? 0,
        wins: report.wins,
        roas: report.roas,
        lift: report.lift,
        credit:
          credit === undefined
            ? null
            : { conversions: credit.conversions, valueMicros: credit.value_micros },
      } satisfies CampaignRow,
    };
  });
  return rows
    .sort(
      (a, b) =>
        STATUS_ORDER.indexOf(a.row.status) - STATUS_ORDER.indexOf(b.row.status) ||
        b.spentMicros - a.spentMicros ||
        a.row.name.localeCompare(b.row.name),
    )
    .map(({ row }) => row);
}

function budgetsOf({ campaign, ...report }: CampaignReport): readonly Budget[] {
  if (campaign.house) return [];
  const budgets = [budget('in all', report.spent_micros, campaign.budget_micros)];
  if (campaign.daily_micros !== undefined) {
    budgets.push(budget('today', report.spent_today_micros ?? 0, campaign.daily_micros));
  }
  if (campaign.hourly_micros !== undefined) {
    budgets.push(budget('this hour', report.spent_this_hour_micros ?? 0, campaign.hourly_micros));
  }
  return budgets;
}

function budget(label: Budget['label'], spentMicros: number, ofMicros: number): Budget {
  const share = ofMicros > 0 ? Math.min(1, Math.max(0, spentMicros / ofMicros)) : 1;
  return { label, spentMicros, ofMicros, share };
}

/** What a holdout shows, in a word and a tone: what it proves, or why it proves nothing. */
export function liftVerdict(
  lift: LiftReport | null,
): 'no holdout' | 'split is off' | 'too little yet' | 'not proven' | 'proven' {
  if (lift === null) return 'no holdout';
  if (!lift.is_split_as_planned) return 'split is off';
  if (lift.relative.estimate === null) return 'too little yet';
  return lift.is_proven ? 'proven' : 'not proven';
}
