/**
 * What is published of the live figures each second: how every group stands, campaigns, velocity.
 */
import type { Alert } from '../../../protocols/alert.ts';
import { type LiveFrame, MAX_FRAME_GROUPS, SMALL_GROUPS } from '../../../protocols/live-figures.ts';
import { FUNNEL_STATES, PULSE_FIGURES } from '../../../protocols/pulse.ts';
import type { EventTimeSums } from './event-time-sums.ts';
import type { Group, Groups } from './groups.ts';
import { countOf, FIGURE, SHORT_WINDOW_S, SPEND, WINS } from './metrics.ts';
import { dayOf, type Moves, RELATIVE_ERROR } from './moves.ts';
import { isLeftOut, type Partition, partition, visitorDay } from './small-groups.ts';
import type { Watch } from './watch.ts';

const MINUTE_SECONDS = 60;
const MS_PER_SECOND = 1_000;
/** The 97.5 % point of the normal distribution. */
const Z_95 = 1.959963984540054;

type Standing = LiveFrame['all'];
type Figures = Standing['minute'];

/** What a frame is made of. */
export interface FrameSources {
  readonly groups: Groups;
  readonly watch: Watch;
  readonly moves: Moves;
  /** Moves by from * 6 + to. */
  readonly moveSums: EventTimeSums;
  /** The first second that is not closed; undefined before any is. */
  readonly openSecond: number | undefined;
}

/** Rows of groups as a frame shows them. */
export interface ShownGroups {
  readonly sources: LiveFrame['sources'];
  readonly groups: LiveFrame['groups'];
  readonly small_groups: LiveFrame['small_groups'];
}

/** How all stands. */
export function standingOfAll(of: FrameSources): Standing {
  return standingOf([of.groups.all], of);
}

/** How sources and pairs stand, with small ones put together (small-groups.ts). O(groups). */
export function shownGroups(of: FrameSources, minUsers: number | undefined): ShownGroups {
  const [bySource, byPair] = partitions(of, minUsers);
  const sources = bySource.named.map((group) => {
    return { source: group.source, ...standingOf([group], of) };
  });
  const groups = byPair.named.map((group) => {
    const { source, region } = group;
    return { source, region, ...standingOf([group], of) };
  });
  if (bySource.small.length > 0) {
    sources.push({ source: SMALL_GROUPS, ...standingOf(bySource.small, of) });
  }
  if (byPair.small.length > 0) {
    const names = { source: SMALL_GROUPS, region: SMALL_GROUPS };
    groups.push({ ...names, ...standingOf(byPair.small, of) });
  }
  const count = byPair.small.length;
  return {
    sources,
    groups,
    small_groups: minUsers === undefined ? null : { min_users: minUsers, count },
  };
}

/** Alerts without those about groups that are small. O(groups log groups + alerts * groups). */
export function shownAlerts(
  alerts: readonly Alert[],
  of: FrameSources,
  minUsers: number | undefined,
): Alert[] {
  if (minUsers === undefined) return [...alerts];
  const [bySource, byPair] = partitions(of, minUsers);
  return alerts.filter(({ scope }) => !isLeftOut(scope, bySource, byPair));
}

/** Campaigns, those that spent most first; the others together. O(campaigns log campaigns). */
export function shownCampaigns(groups: Groups): LiveFrame['campaigns'] {
  const rows = [...groups.campaigns].map(([campaign, { total, minute }]) => ({
    campaign,
    spend_micros_minute: minute[SPEND] as number,
    spend_micros: total[SPEND] as number,
    wins_minute: minute[WINS] as number,
  }));
  return rows.sort((a, b) => b.spend_micros - a.spend_micros).slice(0, MAX_FRAME_GROUPS);
}

/** Who moves along the funnel, on the UTC day of the watermark. O(transitions x bins). */
export function shownVelocity(of: FrameSources): LiveFrame['velocity'] {
  const { openSecond, moves, moveSums } = of;
  if (openSecond === undefined) return [];
  return moves.of(dayOf(openSecond - 1)).map(([name, { count, sketch }]) => {
    const [from, to] = name.split('>') as [(typeof FUNNEL_STATES)[number], typeof name];
    const states: readonly string[] = FUNNEL_STATES;
    const place = states.indexOf(from) * states.length + states.indexOf(to);
    const at = (quantile: number): number | null =>
      sketch.count === 0 ? null : sketch.getValueAtQuantile(quantile);
    return {
      from,
      to,
      users_minute: moveSums.minute[place] as number,
      users_today: count,
      p50_ms: at(0.5),
      p90_ms: at(0.9),
      p99_ms: at(0.99),
      relative_error: RELATIVE_ERROR,
    };
  });
}

/** Sources, and pairs of source and region. */
function partitions(of: FrameSources, minUsers?: number): [sources: Partition, pairs: Partition] {
  const sources = shownOf([...of.groups.sources.values()], of, minUsers);
  return [sources, shownOf(of.groups.pairs, of, minUsers)];
}

/** All are named, as many as a frame holds; with a least number of users those that have them. */
function shownOf(groups: readonly Group[], of: FrameSources, minUsers?: number): Partition {
  if (minUsers === undefined) return { named: groups.slice(0, MAX_FRAME_GROUPS), small: [] };
  return partition(groups, visitorDay(of.groups, of.openSecond), minUsers);
}

function standingOf(groups: readonly Group[], of: FrameSources): Standing {
  const sum = (pick: (sums: EventTimeSums) => readonly number[]): number[] =>
    PULSE_FIGURES.map((_, i) =>
      groups.reduce((all, { sums }) => all + (pick(sums)[i] as number), 0),
    );
  const minute = sum((sums) => sums.minute);
  const hour = sum((sums) => sums.hour);
  const total = sum((sums) => sums.total);
  const expected = expectedOf(groups, of);
  const day = visitorDay(of.groups, of.openSecond);
  const events = minute[FIGURE.events] as number;
  return {
    minute: named(minute),
    total: named(total),
    visitors_today: groups.reduce((all, { visitors }) => all + (visitors.get(day) ?? 0), 0),
    conversion_rate_hour: share(hour),
    conversion_rate: share(total),
    fill_rate_hour: fillRate(hour),
    fill_rate: fillRate(total),
    expected_events_per_s: expected,
    fill_by_arrival:
      expected === null || expected === 0
        ? null
        : Math.min(1, events / (expected * MINUTE_SECONDS)),
  };
}

/** Events a second that the detectors expect; null if one of them knows too little. */
function expectedOf(groups: readonly Group[], of: FrameSources): number | null {
  const { openSecond, watch } = of;
  if (openSecond === undefined) return null;
  let sum = 0;
  for (const { key } of groups) {
    const series = watch.find('event_rate', key);
    const expected = series?.expectedAt((openSecond - SHORT_WINDOW_S) * MS_PER_SECOND);
    if (expected === undefined) return null;
    sum += countOf(expected) / SHORT_WINDOW_S;
  }
  return sum;
}

function named(figures: readonly number[]): Figures {
  return Object.fromEntries(PULSE_FIGURES.map((name, i) => [name, figures[i]])) as Figures;
}

/** Conversions over visits, with Wilson's interval (1927), inside 0 … 1. */
function share(figures: readonly number[]): Standing['conversion_rate'] {
  const visits = figures[FIGURE.visits] as number;
  const conversions = figures[FIGURE.conversions] as number;
  if (visits <= 0) return null;
  // A visit may convert twice; the interval is one of shares.
  const rate = Math.max(0, Math.min(1, conversions / visits));
  const z2 = (Z_95 * Z_95) / visits;
  const middle = rate + z2 / 2;
  const half = Math.sqrt(z2 * (rate * (1 - rate) + z2 / 4));
  const low = rate === 0 ? 0 : (middle - half) / (1 + z2);
  const high = rate === 1 ? 1 : (middle + half) / (1 + z2);
  return { estimate: conversions / visits, low, high };
}

/** Received over received and missing, at most 1; null without either. */
function fillRate(figures: readonly number[]): number | null {
  const events = figures[FIGURE.events] as number;
  const sent = events + (figures[FIGURE.missing] as number);
  if (events <= 0 && sent <= 0) return null;
  return Math.min(1, events / Math.max(sent, 1));
}
