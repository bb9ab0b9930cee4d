/**
 * The robust detector: a point is compared with the points just before it, its recent mean with the
 * last days, the point with the same time of earlier days, and the series with standing still.
 * Each comparison judges by the tail of its own history; the most surprised one counts.
 *
 * Owns the state of one series: bounded, plain JSON, a few kilobytes.
 *
 * Invariants:
 *   R1 The state is all that is known: written to JSON and read back it goes on to the same bits.
 *   R2 Scaling the series by a positive factor, or shifting it, changes no score but by rounding.
 *   R3 While an alert is open no tail learns: an incident is not what the next one is measured by.
 *   R4 Behind a gap a point is not compared with the points before the gap.
 *
 * Cost of a step: O(1), about 7 µs; O(96) once a quarter of an hour of event time.
 */
import { type AlertState, NO_ALERT, nextAlert } from './alert.ts';
import {
  type DayProfile,
  expectedAt,
  learnProfile,
  NO_PROFILE,
  profileDeviation,
} from './day-profile.ts';
import { isFlatline, learnStillness, NO_STILLNESS, type Stillness } from './flatline.ts';
import {
  learnMoments,
  type Memory,
  type Moments,
  NO_MOMENTS,
  standardised,
  zScore,
} from './moments.ts';
import { scoreOf, takeNews } from './news.ts';
import type { Point, Verdict } from './point.ts';
import { type Precedents, rememberPrecedent, surpriseAfter } from './precedents.ts';
import { learnSpacing, NO_SPACING, type Spacing, silenceSurprise, spacingMs } from './spacing.ts';
import {
  exponentialSurprise,
  learnTail,
  NORMAL_QUANTILE,
  PRIOR_TAIL,
  surprise,
  type Tail,
} from './tail.ts';

/** A point against the last three: what jumps. */
const JUMP_MEMORY: Memory = { meanPoints: 3, variancePoints: 2_000 };
/** The recent mean, an hour at five minutes, against a week: what moves by less, and stays. */
const RECENT_POINTS = 12;
const SHIFT_MEMORY: Memory = { meanPoints: 2_000, variancePoints: 2_000 };
/** Spacings without a point from which on the points before are no comparison any more. */
const GAP_SPACINGS = 12;

/** How rare a comparison's deviations are. */
interface Rarity {
  readonly tail: Tail;
  readonly precedents: Precedents;
}

/** Everything known of a series. */
export interface RobustState {
  readonly mode: 'robust';
  readonly version: 1;
  readonly spacing: Spacing;
  readonly jump: Moments;
  readonly recentCount: number;
  readonly recentMean: number;
  readonly shift: Moments;
  readonly profile: DayProfile;
  readonly stillness: Stillness;
  readonly jumpRarity: Rarity;
  readonly shiftRarity: Rarity;
  readonly seasonRarity: Rarity;
  readonly newsBar: number;
  readonly alert: AlertState;
}

const NO_RARITY: Rarity = { tail: PRIOR_TAIL, precedents: [] };

/** A series of which nothing is known. */
export const NEW_ROBUST: RobustState = {
  mode: 'robust',
  version: 1,
  spacing: NO_SPACING,
  jump: NO_MOMENTS,
  recentCount: 0,
  recentMean: 0,
  shift: NO_MOMENTS,
  profile: NO_PROFILE,
  stillness: NO_STILLNESS,
  jumpRarity: NO_RARITY,
  shiftRarity: NO_RARITY,
  seasonRarity: NO_RARITY,
  newsBar: 0,
  alert: NO_ALERT,
};

/** One comparison's judgement of a point. */
interface Judgement {
  readonly expected: number;
  readonly z: number;
  readonly surprise: number;
  readonly rarity: Rarity;
}

/** How strictly points are judged; none of it concerns what is learnt. */
export interface Judging {
  /** Decades by which the level of an alert is below that of a series watched alone. */
  readonly strictness: number;
  /** Whether tails fall off as power laws, or as those of square roots of counts do. */
  readonly law: 'power' | 'counts';
  /** Of the point: no deviation is taken to be less, however regular the series was. */
  readonly minDeviation: number;
}

const ALONE: Judging = { strictness: 0, law: 'power', minDeviation: 0 };

/** Takes a point in and judges it by what was known before (R1 to R4). O(1). */
export function stepRobust(
  state: RobustState,
  point: Point,
  judging: Judging = ALONE,
): { readonly state: RobustState; readonly verdict: Verdict } {
  const known = afterGap(state, point);
  const { value } = point;
  const recentCount = known.recentCount + 1;
  const recentStep = Math.max(1 / recentCount, 1 / RECENT_POINTS);
  const recentMean = known.recentMean + recentStep * (value - known.recentMean);
  const isFrozen = known.alert.isOpen;
  const { law, minDeviation, strictness } = judging;
  const jumpZ = zScore(known.jump, value, minDeviation);
  // What an exponential mean over n points keeps of the deviation of one (1 / (2n - 1) of its
  // square).
  const shiftZ = zScore(known.shift, recentMean, minDeviation / Math.sqrt(2 * RECENT_POINTS - 1));
  const jump = judge(known.jumpRarity, known.jump.mean, jumpZ, isFrozen, law);
  const shift = judge(known.shiftRarity, known.shift.mean, shiftZ, isFrozen, law);
  const season = judgeSeason(known, point, judging);
  const stillness = learnStillness(known.stillness, value);
  const most = [shift, season].reduce((a, b) => (b.surprise > a.surprise ? b : a), jump);
  const { news, bar } = takeNews(known.newsBar, most.surprise);
  const spacing = learnSpacing(known.spacing, point.t);
  const alert = nextAlert(
    known.alert,
    isFlatline(stillness) ? Number.POSITIVE_INFINITY : most.surprise,
    spacingMs(spacing),
    strictness,
  );
  const isFirst = known.jump.count === 0;
  return {
    state: {
      ...known,
      spacing,
      jump: learnMoments(known.jump, value, JUMP_MEMORY),
      recentCount,
      recentMean,
      shift: learnMoments(known.shift, recentMean, SHIFT_MEMORY),
      profile: learnProfile(known.profile, point.t, value),
      stillness,
      jumpRarity: jump.rarity,
      shiftRarity: shift.rarity,
      seasonRarity: season.rarity,
      newsBar: bar,
      alert,
    },
    verdict: {
      score: scoreOf(news),
      surprise: most.surprise,
      expected: isFirst ? value : most.expected,
      z: most.z,
      isAnomalous: alert.isOpen,
    },
  };
}

/** The same as if a gap lay before the next value: the level starts again at it (R4). O(1). */
export function restartLevel(state: RobustState, value: number): RobustState {
  return { ...state, jump: { ...state.jump, mean: value }, recentMean: state.shift.mean };
}

/** Whether the source has been silent for so long that it is an alert, at this event time. O(1). */
export function silenceOf(state: RobustState, nowMs: number): AlertState {
  return nextAlert(NO_ALERT, silenceSurprise(state.spacing, nowMs), spacingMs(state.spacing));
}

function judge(
  { tail, precedents }: Rarity,
  expected: number,
  z: number,
  isFrozen: boolean,
  law: Judging['law'],
): Judgement {
  const magnitude = Math.abs(z);
  const alone =
    law === 'power' ? surprise(tail, z) : exponentialSurprise(tail, z, 2, NORMAL_QUANTILE);
  const learnt = isFrozen ? { ...tail, count: tail.count + 1 } : learnTail(tail, z);
  return {
    expected,
    z,
    surprise: surpriseAfter(precedents, magnitude, learnt.count, alone),
    rarity: {
      tail: learnt,
      precedents: rememberPrecedent(precedents, magnitude, learnt.count, alone),
    },
  };
}

function judgeSeason(
  { profile, seasonRarity, alert }: RobustState,
  { t, value }: Point,
  { law, minDeviation }: Judging,
): Judgement {
  const expected = expectedAt(profile, t);
  const deviation = profileDeviation(profile);
  if (expected === undefined || deviation === undefined) {
    return { expected: value, z: 0, surprise: -1, rarity: seasonRarity };
  }
  const z = standardised(value - expected, Math.max(deviation, minDeviation));
  return judge(seasonRarity, expected, z, alert.isOpen, law);
}

/** R4: the noise stays known, the level starts again at what comes. */
function afterGap(state: RobustState, { t, value }: Point): RobustState {
  const usualMs = spacingMs(state.spacing);
  const { latestMs } = state.spacing;
  if (usualMs === undefined || latestMs === null || t - latestMs <= GAP_SPACINGS * usualMs) {
    return state;
  }
  return restartLevel(state, value);
}
