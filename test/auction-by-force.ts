/**
 * The auction as docs/semantics.md tells it, and nothing else: every campaign on its own, every
 * price by trying bids, dates by the platform's calendar, rules by the library's own evaluation,
 * money in big integers. It shares hashes and constants with the engine, no code.
 */
import { Environment } from '@marcbachmann/cel-js';
import { HOLDOUT_SEED } from '../actors/campaign/holdout.ts';
import { hash64 } from '../actors/hash.ts';
import { type Campaign, SIGNALS } from '../protocols/campaign.ts';
import type { CampaignCell, DeliveryCell } from '../protocols/cells.ts';
import type { Courtesy, QuietHours } from '../protocols/courtesy.ts';
import { type Candidate, type Exclusion, exclusionSchema } from '../protocols/decision.ts';
import { RULE_WORDS, type RuleOccasion } from '../protocols/rule-facts.ts';
import type { Settings } from '../protocols/settings.ts';
import type { FusedState } from '../protocols/user-snapshot.ts';

/** All that decides an auction, as a log says it. */
export interface AuctionCase {
  readonly cells: readonly Pick<CampaignCell, 'campaign' | 'version' | 'status'>[];
  readonly deliveries: Readonly<Record<string, DeliveryCell>>;
  readonly clockMs: number;
  readonly user: string;
  readonly read: RuleOccasion;
  readonly exposures: FusedState['exposures'];
  readonly zone: string;
  readonly atMs: number;
  readonly trigger: Campaign['triggers'][number] | undefined;
  readonly settings: Settings;
}

interface Judged {
  readonly campaign: Campaign;
  readonly candidate: Candidate;
  readonly out: Exclusion | undefined;
}

/** What the auction must come to. */
export function auctionByForce(drawn: AuctionCase) {
  const { settings, read } = drawn;
  const placement = Object.entries(settings.placements).find(([name]) => name === read.placement);
  const places = placement?.[1].slots ?? 1;
  const reserve = placement?.[1].reserve_micros ?? settings.reserve_micros;
  const judged = drawn.cells.map((cell) => judge(cell, drawn, reserve));
  const standing = judged.filter(({ out }) => out === undefined).sort(firstToLast);
  const others = judged.filter(({ out }) => out !== undefined).sort(idOrder);
  const excluded: Partial<Record<Exclusion, number>> = {};
  for (const reason of exclusionSchema.options) {
    const count = others.filter(({ out }) => out === reason).length;
    if (count > 0) excluded[reason] = count;
  }
  const counted = exclusionSchema.options.slice(exclusionSchema.options.indexOf('quiet_hours'));
  return {
    candidates: [...standing, ...others].slice(0, 64).map(({ candidate }) => candidate),
    excluded,
    wins: standing.slice(0, places).map((winner, i) => {
      return { campaign: winner.campaign.id, ...priceOf(winner, standing[i + 1], drawn, reserve) };
    }),
    heldOut: ghosts(judged, drawn, places),
    suppressed: others.flatMap(({ campaign, out }) =>
      out !== undefined && counted.includes(out) ? [[campaign.id, out]] : [],
    ),
    reserveMicros: reserve,
  };
}

function judge(
  { campaign, version, status }: AuctionCase['cells'][number],
  drawn: AuctionCase,
  reserve: number,
): Judged {
  const { base, weights } = campaign.quality;
  const parts: Record<string, number> = { base };
  for (const name of SIGNALS) {
    const weight = weights[name];
    if (weight !== undefined) parts[name] = weight * drawn.read.signals[name];
  }
  const sum = Object.values(parts).reduce((a, b) => a + b, 0);
  const factors = campaign.multipliers.filter(({ when }) => doesHold(when, drawn.read));
  const product = factors.reduce((all, { factor }) => all * factor, 1);
  const factor = held(product, 0.125, 8);
  const quality = held(sum, 0.01, 1) * factor;
  const bid_micros = campaign.house ? 0 : campaign.bid_micros;
  const quality_ppm = Math.round(quality * 1_000_000);
  const candidate: Candidate = {
    ...{ campaign: campaign.id, version, bid_micros, quality_ppm },
    score: Number(BigInt(bid_micros) * BigInt(quality_ppm)),
    ...(campaign.priority === 5 ? {} : { priority: campaign.priority }),
  };
  const out =
    misfit(campaign, status, drawn) ??
    (campaign.house ? undefined : (heldBack(campaign, drawn) ?? late(candidate, drawn, reserve)));
  const isOut = isControl(drawn.user, campaign.id, campaign.holdout_ppm);
  const all = isControl(drawn.user, '(all)', drawn.settings.holdout_ppm);
  const last =
    out ?? (campaign.house ? undefined : isOut ? 'holdout' : all ? 'holdout_all' : undefined);
  if (last !== undefined)
    return { campaign, candidate: { ...candidate, excluded: last }, out: last };
  const made = factor === 1 ? { contributions: parts } : { contributions: parts, factor };
  return { campaign, candidate: { ...candidate, ...made }, out: undefined };
}

function held(value: number, least: number, most: number): number {
  return [least, value, most].sort((a, b) => a - b)[1] as number;
}

function misfit(campaign: Campaign, status: string, drawn: AuctionCase): Exclusion | undefined {
  const { atMs, trigger, read } = drawn;
  if (status !== 'live') return 'not_live';
  if (trigger !== undefined && (campaign.house || !campaign.triggers.some((t) => t === trigger))) {
    return 'not_triggered';
  }
  const named = campaign.placements;
  if (read.placement !== undefined && named.length > 0 && named.indexOf(read.placement) < 0) {
    return 'wrong_placement';
  }
  const { starts_at_ms = 0, ends_at_ms = Number.POSITIVE_INFINITY } = campaign.schedule ?? {};
  if (!(starts_at_ms <= atMs && atMs < ends_at_ms)) return 'not_scheduled';
  const misses = Object.entries(campaign.targeting).some(([name, { min, max }]) => {
    const value = read.signals[name as keyof typeof read.signals];
    return value < min || value > max;
  });
  if (misses) return 'targeting';
  return campaign.rule === undefined || doesHold(campaign.rule, read) ? undefined : 'rule';
}

function heldBack(campaign: Campaign, drawn: AuctionCase): Exclusion | undefined {
  const { settings, exposures, clockMs } = drawn;
  if (isQuiet(campaign.quiet_hours, drawn) || isQuiet(settings.quiet_hours, drawn)) {
    return 'quiet_hours';
  }
  const own = exposures.filter((win) => win.campaign === campaign.id);
  const discourtesy =
    breach(campaign.frequency, own, drawn, ['min_spacing', 'frequency_cap', 'calendar_cap']) ??
    breach(settings.courtesy, exposures, drawn, [
      ...(['overall_spacing', 'overall_cap', 'overall_calendar_cap'] as const),
    ]);
  if (discourtesy !== undefined) return discourtesy;
  const delivery = drawn.deliveries[campaign.id];
  const grant = delivery?.grant;
  if (!delivery || !grant) return 'no_grant';
  if (clockMs < grant.from_ms || clockMs >= grant.until_ms) return 'no_grant';
  const names = { total: 'budget', day: 'daily_budget', hour: 'hourly_budget', pacing: 'pacing' };
  const left = grant.allow_micros - delivery.window_micros;
  return left < campaign.bid_micros ? (names[grant.limited_by] as Exclusion) : undefined;
}

function late(candidate: Candidate, drawn: AuctionCase, reserve: number): Exclusion | undefined {
  return reaches(candidate.bid_micros, candidate.quality_ppm, drawn, reserve)
    ? undefined
    : 'below_reserve';
}

/** Whether a bid of this quality reaches the reserve. */
function reaches(bid: number, ppm: number, { settings }: AuctionCase, reserve: number): boolean {
  if (settings.reserve_kind === 'unweighted') return bid >= reserve;
  return BigInt(bid) * BigInt(ppm) >= BigInt(reserve) * 1_000_000n;
}

function breach(
  courtesy: Courtesy,
  wins: FusedState['exposures'],
  { exposures, atMs, zone }: AuctionCase,
  [near, many, date]: readonly [Exclusion, Exclusion, Exclusion],
): Exclusion | undefined {
  const { min_spacing_s, max_per_day, max_per_calendar_day, windows = [] } = courtesy;
  const nearer = (seconds: number) => wins.filter(({ t }) => Math.abs(t - atMs) < seconds * 1_000);
  if (nearer(min_spacing_s).length > 0) return near;
  if (nearer(86_400).length >= max_per_day) return many;
  if (windows.some(({ max, within_s }) => nearer(within_s).length >= max)) return many;
  const hours = max_per_calendar_day === undefined ? 24 : 48;
  const reach = [hours * 3_600, min_spacing_s, ...windows.map(({ within_s }) => within_s)];
  const first = exposures.length >= 32 ? exposures[0] : undefined;
  if (first && reach.some((seconds) => Math.abs(first.t - atMs) < seconds * 1_000)) return many;
  if (max_per_calendar_day === undefined) return undefined;
  const today = wallClock(zone, atMs).date;
  const onDate = wins.filter(({ t }) => wallClock(zone, t).date === today);
  return onDate.length >= max_per_calendar_day ? date : undefined;
}

function isQuiet(hours: QuietHours | undefined, { zone, atMs }: AuctionCase): boolean {
  if (hours === undefined) return false;
  const { time } = wallClock(zone, atMs);
  const { from, until } = hours;
  return until < from ? time >= from || time < until : time >= from && time < until;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** The date as yyyy-mm-dd and the time as hh:mm that people in a zone read. */
export function wallClock(timeZone: string, ms: number): { date: string; time: string } {
  let clock = clocks.get(timeZone);
  if (clock === undefined) {
    const two = '2-digit';
    clock = new Intl.DateTimeFormat('en-GB', {
      ...({ timeZone, hourCycle: 'h23', year: 'numeric', month: two, day: two } as const),
      ...({ hour: two, minute: two } as const),
    });
    clocks.set(timeZone, clock);
  }
  const parts = Object.fromEntries(clock.formatToParts(ms).map(({ type, value }) => [type, value]));
  const { year, month, day, hour, minute } = parts;
  return { date: `${year}-${month}-${day}`, time: `${hour}:${minute}` };
}

const environment = new Environment();
for (const name of SIGNALS) environment.registerVariable(name, 'double');
for (const name of RULE_WORDS) environment.registerVariable(name, 'string');
let interests: RuleOccasion['interests'] = {};
environment.registerFunction('interest(string): double', (topic: string) => interests[topic] ?? 0);
const parsed = new Map<string, ReturnType<Environment['parse']>>();

function doesHold(rule: string, read: RuleOccasion): boolean {
  const evaluate = parsed.get(rule) ?? environment.parse(rule);
  parsed.set(rule, evaluate);
  interests = read.interests;
  const words = Object.fromEntries(RULE_WORDS.map((word) => [word, read[word] ?? '']));
  try {
    return evaluate({ ...read.signals, ...words }) === true;
  } catch {
    return false;
  }
}

/** By rank: negative if `a` comes before `b`. */
function firstToLast(a: Judged, b: Judged): number {
  if (a.campaign.house !== b.campaign.house) return a.campaign.house ? 1 : -1;
  if (a.campaign.priority !== b.campaign.priority) return b.campaign.priority - a.campaign.priority;
  const weight = ({ campaign, candidate }: Judged): number =>
    campaign.house ? candidate.quality_ppm : candidate.score;
  return weight(b) - weight(a) || idOrder(a, b);
}

function idOrder(a: Judged, b: Judged): number {
  return a.campaign.id < b.campaign.id ? -1 : 1;
}

/** The least bid that reaches the reserve and still ranks before the next, by halving. */
function priceOf(winner: Judged, next: Judged | undefined, drawn: AuctionCase, reserve: number) {
  if (winner.campaign.house) return { priceMicros: 0, priceSetter: 'house' };
  const { quality_ppm, bid_micros } = winner.candidate;
  const least = (suffices: (bid: number) => boolean): number => {
    let [low, high] = [0, bid_micros];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (suffices(middle)) high = middle;
      else low = middle + 1;
    }
    return high;
  };
  const isBefore = (bid: number): boolean => {
    const score = Number(BigInt(bid) * BigInt(quality_ppm));
    const candidate = { ...winner.candidate, bid_micros: bid, score };
    return next === undefined || firstToLast({ ...winner, candidate }, next) < 0;
  };
  const asked = least((bid) => reaches(bid, quality_ppm, drawn, reserve));
  const price = least((bid) => reaches(bid, quality_ppm, drawn, reserve) && isBefore(bid));
  const priceSetter = price > asked && next !== undefined ? next.campaign.id : 'reserve';
  return { priceMicros: price, priceSetter };
}

function ghosts(judged: readonly Judged[], drawn: AuctionCase, places: number): readonly string[] {
  if (isControl(drawn.user, '(all)', drawn.settings.holdout_ppm)) {
    return judged.some(({ out }) => out === 'holdout_all') ? ['(all)'] : [];
  }
  const bidders = judged.filter(({ campaign, out }) => out === undefined && !campaign.house);
  return judged
    .filter(({ out }) => out === 'holdout')
    .filter((ghost) => bidders.filter((b) => firstToLast(b, ghost) < 0).length < places)
    .sort(firstToLast)
    .slice(0, 64)
    .map(({ campaign }) => campaign.id);
}

/** Whether a user is in the control group of a campaign, or of "(all)". */
export function isControl(user: string, campaign: string, ppm: number): boolean {
  const n = BigInt(`0x${hash64(`${user}\n${campaign}`, HOLDOUT_SEED).slice(0, 8)}`);
  return n * 1_000_000n < BigInt(ppm) * 2n ** 32n;
}
