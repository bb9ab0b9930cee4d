/**
 * One watched series: its detector, the silence of its source, and the incident that it is in.
 *
 * An incident begins with a point whose surprise opens an alert. From there on points are measured
 * by what was known before, and not learnt.
 *
 * Invariants:
 *   I1 Nothing of an incident is learnt in its first ACCEPT_MS, zeros never: what was normal before
 *      is normal behind it. Only what lasts longer, and is not silence, is learnt as a new level.
 *   I2 An incident is over after CLOSE_POINTS points in a row that are calm, or nearer to the level
 *      before than half the way. The level then starts again at what came: a return is no jump.
 */
import type { StoredIncident, StoredSeries } from '../../../protocols/live-snapshot.ts';
import { CLOSE_POINTS, isCalm, NO_ALERT, openSurprise } from '../../detector/alert.ts';
import { expectedAt } from '../../detector/day-profile.ts';
import { MIN_POINTS } from '../../detector/moments.ts';
import type { Verdict } from '../../detector/point.ts';
import {
  NEW_ROBUST,
  type RobustState,
  restartLevel,
  stepRobust,
} from '../../detector/robust-detector.ts';
import {
  learnSpacing,
  NO_SPACING,
  type Spacing,
  silenceSurprise,
  spacingMs,
} from '../../detector/spacing.ts';
import type { Direction, Level, Metric, Reading } from './metrics.ts';

/** How long a level has to last before it is learnt. */
export const ACCEPT_MS = 900_000;
/** How much further an incident's worst moment has to be before it is news. */
const WORSE = 1.25;
const MS_PER_SECOND = 1_000;

export class Series {
  readonly metric: Metric;
  readonly level: Level;
  readonly key: string;
  /** Names it among all series. */
  readonly id: string;
  detector: RobustState = NEW_ROBUST;
  /** The spacing of seconds with events; null where silence is not watched. */
  silence: Spacing | null;
  incident: StoredIncident | null = null;
  endedMs = 0;
  judgedMs = 0;
  /** The last window judged, as the detector sees it, and what was expected of it. */
  latest: number | undefined;
  latestExpected: number | undefined;
  /** The window's figures, those of parts included. */
  latestWindow: readonly number[] | undefined;
  /** The same metric of the group that this one is part of, and of those that are part of it. */
  parent: Series | undefined;
  readonly children: Series[] = [];
  isDirty = true;

  constructor(metric: Metric, level: Level, key: string) {
    this.metric = metric;
    this.level = level;
    this.key = key;
    this.id = `${metric.name} ${key}`;
    const isWatched = metric.name === 'event_rate' && level !== 'pair';
    this.silence = isWatched ? NO_SPACING : null;
  }

  load(stored: StoredSeries): void {
    this.detector = stored.detector as unknown as RobustState;
    this.silence = stored.silence as unknown as Spacing | null;
    this.incident = stored.incident;
    this.endedMs = stored.ended_ms;
    this.judgedMs = stored.judged_ms;
    this.isDirty = false;
  }

  stored(): StoredSeries {
    const { metric, key, detector, silence, incident, endedMs, judgedMs } = this;
    return {
      metric: metric.name,
      key,
      detector: detector as unknown as StoredSeries['detector'],
      silence: silence as unknown as StoredSeries['silence'],
      incident,
      ended_ms: endedMs,
      judged_ms: judgedMs,
    };
  }

  /** How many tests it makes: of its windows, and of silence. */
  get tests(): number {
    return this.silence === null ? 1 : 2;
  }

  /** What is expected at a time, as the detector sees it; undefined while too little is known. */
  expectedAt(timeMs: number): number | undefined {
    if (this.incident !== null) return this.incident.before;
    const { jump, profile } = this.detector;
    if (jump.count < MIN_POINTS) return undefined;
    return expectedAt(profile, timeMs) ?? jump.mean;
  }

  /**
   * Takes in a window that is closed (I1, I2). O(1), about 7 µs.
   *
   * @param endMs the window's end
   * @param strictness decades, as openSurprise
   */
  judge(endMs: number, reading: Reading, strictness: number): void {
    const { metric, incident } = this;
    const { value, minDeviation } = reading;
    this.isDirty = true;
    this.judgedMs = endMs;
    this.latest = value;
    this.latestExpected = this.expectedAt(endMs - metric.windowS * MS_PER_SECOND);
    const open = openSurprise(metric.windowS * MS_PER_SECOND, strictness);
    const startMs = endMs - metric.windowS * MS_PER_SECOND;
    // While an alert is open the detector's tails do not learn, and its level does.
    const alert = incident === null ? NO_ALERT : { isOpen: true, calmPoints: 0 };
    const judging = { strictness, law: 'counts', minDeviation } as const;
    const { state, verdict } = stepRobust(
      { ...this.detector, alert },
      { t: startMs, value },
      judging,
    );
    const learnt = { ...state, alert: NO_ALERT };
    if (incident !== null) this.#during(incident, endMs, reading, { learnt, verdict, open });
    else if (verdict.surprise >= open && this.#isWatched(verdict.z))
      this.#begin(endMs, verdict, value);
    else this.detector = learnt;
  }

  /** A second with events, or one without: `isEmpty`. */
  hear(second: number, isEmpty: boolean, strictness: number): void {
    const { silence } = this;
    if (silence === null) return;
    this.isDirty = true;
    const endMs = (second + 1) * MS_PER_SECOND;
    if (!isEmpty) {
      const isUsual = this.incident === null;
      this.silence = isUsual ? learnSpacing(silence, endMs) : { ...silence, latestMs: endMs };
      return;
    }
    const usualMs = spacingMs(silence);
    if (this.incident !== null || usualMs === undefined) return;
    const surprise = silenceSurprise(silence, endMs, 'exponential');
    if (surprise < openSurprise(usualMs, strictness)) return;
    const before = this.expectedAt(endMs);
    if (before === undefined) return;
    const { value } = this.metric.read([0], []) as Reading;
    this.begin({ endMs, direction: 'low', before, value, z: value - before });
  }

  /** Begins an incident: here, or on the word of a series that it is part of. */
  begin(of: {
    readonly endMs: number;
    readonly direction: Direction;
    readonly before: number;
    readonly value: number;
    readonly z: number;
  }): void {
    const { endMs, direction, before, value, z } = of;
    this.isDirty = true;
    const since = { direction, since_ms: endMs, before, worst: value, z };
    this.incident = { ...since, calm: 0, follows: null };
  }

  /** Its incident follows from that of another series, or stands for itself (null). */
  follow(id: string | null): void {
    if (this.incident === null || this.incident.follows === id) return;
    this.incident = { ...this.incident, follows: id };
    this.isDirty = true;
  }

  /** Silence up to now says nothing. */
  forgiveSilence(nowMs: number): void {
    if (this.silence === null || this.silence.latestMs === null) return;
    this.silence = { ...this.silence, latestMs: nowMs };
    this.isDirty = true;
  }

  #isWatched(z: number): boolean {
    return this.metric.directions.includes(z < 0 ? 'low' : 'high');
  }

  #begin(endMs: number, { z, expected }: Verdict, value: number): void {
    this.begin({ endMs, direction: z < 0 ? 'low' : 'high', before: expected, value, z });
  }

  #during(
    incident: StoredIncident,
    endMs: number,
    { value, isZero }: Reading,
    judged: { readonly learnt: RobustState; readonly verdict: Verdict; readonly open: number },
  ): void {
    const { direction, before, worst, since_ms, z } = incident;
    const { learnt, verdict, open } = judged;
    const { recentCount, recentMean } = learnt;
    this.detector = { ...this.detector, recentCount, recentMean };
    const isSilent = isZero && direction === 'low';
    const isBack = Math.abs(value - before) <= Math.abs(worst - before) / 2;
    if (!isSilent && (isBack || isCalm(verdict.surprise, open))) {
      this.incident = { ...incident, calm: incident.calm + 1 };
      if (incident.calm + 1 < CLOSE_POINTS) return;
      this.incident = null;
      this.endedMs = endMs;
      this.detector = isBack ? restartLevel(this.detector, value) : this.detector;
      return;
    }
    const isFurther = direction === 'low' ? value < worst : value > worst;
    const isWorse = isFurther && Math.abs(verdict.z) > WORSE * Math.abs(z);
    const worse = isWorse ? { worst: value, z: verdict.z } : {};
    this.incident = { ...incident, ...worse, calm: 0 };
    if (endMs - since_ms >= ACCEPT_MS && !isSilent) this.detector = learnt;
  }
}
