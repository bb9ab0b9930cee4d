/**
 * Reads stored messages of every released version. A message carries its version in `v`; older
 * ones are brought forward step by step, newer ones are refused rather than misread.
 */

import { campaignSchema } from './campaign.ts';
import { FOREVER_MS, type Grant } from './grant.ts';
import { settingsSchema } from './settings.ts';

/** A stored message that this release cannot read. */
export class UnreadableVersion extends Error {
  override readonly name = 'UnreadableVersion';
}

/** What brings version n to n + 1, by n. */
type Upcasters = Readonly<Record<number, (older: Record<string, unknown>) => object>>;

/** The current version and the way there, per kind of stored message. */
const KINDS = {
  user: { current: 4, upcasters: { 1: userFrom1, 2: asVersion3, 3: asVersion4 } as Upcasters },
  checkpoint: { current: 1, upcasters: {} as Upcasters },
  cell: { current: 2, upcasters: { 1: cellFrom1 } as Upcasters },
  decision: { current: 1, upcasters: {} as Upcasters },
  receipt: { current: 3, upcasters: { 1: receiptFrom1, 2: receiptFrom2 } as Upcasters },
  deadLetter: { current: 1, upcasters: {} as Upcasters },
  control: { current: 2, upcasters: { 1: controlFrom1 } as Upcasters },
  campaignActor: { current: 2, upcasters: { 1: campaignActorFrom1 } as Upcasters },
  campaignChange: { current: 1, upcasters: {} as Upcasters },
  alert: { current: 2, upcasters: { 1: alertFrom1 } as Upcasters },
  demand: { current: 1, upcasters: {} as Upcasters },
  pathJournal: { current: 2, upcasters: { 1: pathJournalFrom1 } as Upcasters },
  pulse: { current: 1, upcasters: {} as Upcasters },
  ledgerEntry: { current: 1, upcasters: {} as Upcasters },
  erasure: { current: 1, upcasters: {} as Upcasters },
  channelsHead: { current: 1, upcasters: {} as Upcasters },
  pathChunk: { current: 1, upcasters: {} as Upcasters },
  liveHead: { current: 1, upcasters: {} as Upcasters },
  liveGroups: { current: 1, upcasters: {} as Upcasters },
  liveSeries: { current: 1, upcasters: {} as Upcasters },
  liveMoves: { current: 1, upcasters: {} as Upcasters },
  dayCredits: { current: 2, upcasters: { 1: dayCreditsFrom1 } as Upcasters },
  model: { current: 1, upcasters: {} as Upcasters },
  coordinatorCheckpoint: { current: 1, upcasters: {} as Upcasters },
} as const;

/**
 * Brings a stored message to the current version.
 *
 * @throws UnreadableVersion if it has no version or one newer than this release knows.
 */
export function upcast(kind: keyof typeof KINDS, stored: unknown): Record<string, unknown> {
  const { current, upcasters } = KINDS[kind];
  let message = stored as Record<string, unknown>;
  let version = typeof message === 'object' && message !== null ? message.v : undefined;
  while (version !== current) {
    const step = typeof version === 'number' ? upcasters[version] : undefined;
    if (step === undefined) {
      throw new UnreadableVersion(
        `${kind}: expected version ${current} or older, found ${JSON.stringify(version)}; ` +
          'run a release at least as new as the one that wrote it',
      );
    }
    message = step(message) as Record<string, unknown>;
    version = message.v;
  }
  return message;
}

/** Version 1 knew six concepts, so no campaign could read the others; it explained no scores. */
function receiptFrom1(older: Record<string, unknown>): object {
  const signals = { price_sensitivity: 0, loyalty: 0, ...(older.signals as object) };
  return { ...older, v: 2, signals };
}

/** Only breakers raised alerts, about campaigns, and nobody could acknowledge them. */
function alertFrom1(older: Record<string, unknown>): object {
  const scope = { campaign: older.key };
  const since = { acknowledged: null, direction: 'high', z: null, cause: 'runaway_spend' };
  return { ...older, ...since, v: 2, scope };
}

interface UserRecord1 {
  readonly seen: readonly [firstMs: number, nowMs: number, lapsesAtMs: number];
  readonly interests: Readonly<Record<string, readonly [weight: number, atMs: number, ...1[]]>>;
}

/** What a mention took in version 1 of what was missing to 1. */
const GAIN_1 = 0.2;
/** A weight of 1 would be endlessly many mentions; this one is 21. */
const MOST_1 = 0.99;

/**
 * Features start anew: evidence was of other kinds and over other times, and no sum of it says
 * what the new sums are. An observed interest becomes the mentions that made its weight, w = 1 -
 * (1 - gain)^n; a declared one stays. Times of interests are now relative to the user's clock.
 */
function userFrom1(older: Record<string, unknown>): object {
  const { numbers: _, ...kept } = older;
  const { seen, interests } = older as unknown as UserRecord1;
  const mentioned = Object.entries(interests).map(([topic, [weight, atMs, declared]]) => {
    const sinceMs = seen[1] - atMs;
    if (declared === 1) return [topic, [weight, sinceMs, 1]];
    const mentions = Math.log(1 / (1 - Math.min(weight, MOST_1))) / Math.log(1 / (1 - GAIN_1));
    return [topic, [mentions, sinceMs]];
  });
  return { ...kept, v: 2, interests: Object.fromEntries(mentioned) };
}

/** Version 3 adds wins' outcomes, trials and a time zone, all of which version 2 has none of. */
function asVersion3(older: Record<string, unknown>): object {
  return { ...older, v: 3 };
}

/** Version 4 adds since when users are where they are in the funnel, which is not known before. */
function asVersion4(older: Record<string, unknown>): object {
  return { ...older, v: 4 };
}

/** One place per decision, and nothing noted but signals. */
function receiptFrom2(older: Record<string, unknown>): object {
  const { price_micros, price_setter, ...kept } = older;
  const { decision } = older as unknown as Receipt2;
  const { winner_campaign: campaign } = decision.orchestration;
  const wins = campaign === null ? [] : [{ campaign, price_micros, price_setter }];
  return { ...kept, v: 3, wins, held_out: [] };
}

interface Receipt2 {
  readonly decision: { readonly orchestration: { readonly winner_campaign: string | null } };
}

/** A budget without a window: all that was ever granted. */
function grantFrom1(granted: number): Grant {
  const always = { from_ms: 0, until_ms: FOREVER_MS, day_from_ms: 0 };
  return { ...always, allow_micros: granted, limited_by: 'total' };
}

/** Cells do not say of which kind they are: fields tell. */
function cellFrom1(older: Record<string, unknown>): object {
  if ('granted_micros' in older) {
    const { granted_micros, ...delivery } = older as {
      granted_micros: number;
      spent_micros: number;
    };
    return {
      ...delivery,
      v: 2,
      grant: granted_micros === 0 ? null : grantFrom1(granted_micros),
      ...{ grant_version: 0, window_micros: delivery.spent_micros, day_micros: 0 },
      ...{ unbilled_micros: 0, converted: 0, value_micros: 0 },
    };
  }
  if ('accepted' in older) return { ...older, v: 2, log_ms: 0 };
  if ('campaign' in older)
    return { ...older, v: 2, campaign: campaignSchema.parse(older.campaign) };
  if ('settings' in older)
    return { ...older, v: 2, settings: settingsSchema.parse(older.settings) };
  return { ...older, v: 2 };
}

/** Only grants have changed: they were sums without windows. */
function controlFrom1(older: Record<string, unknown>): object {
  if (older.type !== 'grants.put') return { ...older, v: 2 };
  const { granted_micros, ...kept } = older as { granted_micros?: Record<string, number> };
  const grants = Object.entries(granted_micros ?? {}).map(([id, micros]) => [
    id,
    grantFrom1(micros),
  ]);
  return { ...kept, v: 2, grants: Object.fromEntries(grants) };
}

/** Version 1 counted no pairs of channel and campaign: the days that it credits have none. */
function pathJournalFrom1(older: Record<string, unknown>): object {
  return { ...older, v: 2, has_pairs: false };
}

/** As above; but where no campaign was credited, none was missed. */
function dayCreditsFrom1(older: Record<string, unknown>): object {
  const isComplete = Object.keys(older.campaign as object).length === 0;
  return { ...older, v: 2, pair: isComplete ? {} : null };
}

/** Whether partitions have taken in what they were told is not known: it counts as under way. */
function campaignActorFrom1(older: Record<string, unknown>): object {
  const { granted_micros, campaign, ...kept } = older as {
    granted_micros: Record<string, number>;
    campaign: unknown;
  };
  const told = Object.entries(granted_micros).map(([partition, micros]) => [
    partition,
    { version: 1, grant: grantFrom1(micros), before: null },
  ]);
  return {
    ...kept,
    v: 2,
    campaign: campaignSchema.parse(campaign),
    revision: 1,
    grants: Object.fromEntries(told),
  };
}
