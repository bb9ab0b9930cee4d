/**
 * All series that are watched: which there are, and what is put before their detectors as seconds
 * close.
 *
 * Invariants:
 *   S1 At most MAX_SERIES have a detector, in the order of their coming; a parent comes before its
 *      children.
 *   S2 A window is judged once, when its last second is closed, and only if the series is as old.
 */
import {
  type LiveSeries,
  SERIES_PER_PART,
  type StoredSeries,
} from '../../../protocols/live-snapshot.ts';
import { ALL_NAMES } from '../../../protocols/pulse.ts';
import type { EventTimeSums } from './event-time-sums.ts';
import type { Group, Groups } from './groups.ts';
import {
  FIGURE,
  GROUP_METRICS,
  LAG,
  type Level,
  lagReading,
  type Metric,
  SHORT_WINDOW_S,
  SPEND_RATE,
} from './metrics.ts';
import { madeUp, Reasons } from './reasons.ts';
import { Series } from './series.ts';
import { strictnessOf, weightOf } from './strictness.ts';

export const MAX_SERIES = 512;
const MS_PER_SECOND = 1_000;
const METRICS: readonly Metric[] = [...GROUP_METRICS, SPEND_RATE, LAG];
const ALL_KEY = `${ALL_NAMES}/${ALL_NAMES}`;

/** What a group or a campaign is watched by. */
interface Watched {
  readonly sums: EventTimeSums;
  readonly series: readonly Series[];
}

export class Watch {
  /** In the order of their coming (S1). */
  readonly series: Series[] = [];
  readonly byId = new Map<string, Series>();
  readonly reasons = new Reasons(this.byId);
  readonly #watched = new Map<Group | string, Watched>();
  #lag: Series | undefined;
  /** Of all tests together. */
  #weights = 0;

  /** Takes in a part, in the order of parts; groups are admitted next. */
  load({ series }: LiveSeries): void {
    for (const stored of series) {
      const metric = METRICS.find(({ name }) => name === stored.metric);
      if (metric === undefined) throw new Error(`no metric ${stored.metric}`);
      const loaded = this.#create(metric, levelOf(stored), stored.key);
      loaded?.load(stored);
    }
  }

  /**
   * Watches a group, new series from the window on that begins after this second; without one only
   * the series that were loaded.
   */
  admit(group: Group, level: Level, second: number | undefined, parent?: Group): void {
    if (this.#watched.has(group)) return;
    const metrics = GROUP_METRICS.filter(({ levels }) => levels.includes(level));
    const above = parent === undefined ? [] : (this.#watched.get(parent)?.series ?? []);
    const series = metrics.flatMap((metric) => {
      const own = this.#of(metric, level, group.key, second);
      if (own === undefined) return [];
      own.parent = above.find((each) => each.metric === metric);
      own.parent?.children.push(own);
      return [own];
    });
    if (second !== undefined || series.length > 0) {
      this.#watched.set(group, { sums: group.sums, series });
    }
    if (level === 'all') this.#lag = this.#of(LAG, 'all', ALL_KEY, second);
  }

  /** The same of a campaign. */
  admitCampaign(id: string, sums: EventTimeSums, second: number | undefined): void {
    if (this.#watched.has(id)) return;
    const series = this.#of(SPEND_RATE, 'campaign', id, second);
    if (series === undefined && second === undefined) return;
    this.#watched.set(id, { sums, series: series === undefined ? [] : [series] });
  }

  /** The series of a metric and a key. */
  find(name: string, key: string): Series | undefined {
    return this.byId.get(`${name} ${key}`);
  }

  /**
   * Judges what ends with a second that is closed everywhere (S2). O(1) a series whose window ends.
   *
   * @param judgedFrom the second before which no window that is judged begins
   * @param opened alerts of the trailing day
   */
  close(second: number, groups: Groups, judgedFrom: number, opened: number): void {
    for (const group of [groups.all, ...groups.sources.values()]) {
      const { sums, series } = this.#watched.get(group) ?? NOT_WATCHED;
      const isEmpty = sums?.since(second)[FIGURE.events] === 0;
      for (const each of series) {
        if (each.silence !== null) each.hear(second, isEmpty, this.#strictness(each, opened));
      }
    }
    const endS = second + 1;
    if (endS % SHORT_WINDOW_S !== 0) return;
    // Parts first: what is known to be wrong with them is made up for in the whole.
    for (const { sums, series } of [...this.#watched.values()].reverse()) {
      let windowS = 0;
      let window: readonly number[] = [];
      for (const each of series) {
        const { metric } = each;
        if (endS % metric.windowS !== 0 || endS - metric.windowS < judgedFrom) continue;
        if (metric.windowS !== windowS) window = sums.since(endS - metric.windowS);
        windowS = metric.windowS;
        this.#judge(each, endS, window, sums.total, opened);
      }
    }
  }

  /** A second that says nothing, because some of its rows are elsewhere. */
  skip(second: number): void {
    const latestMs = (second + 1) * MS_PER_SECOND;
    for (const each of this.series) each.forgiveSilence(latestMs);
  }

  /** Judges how far event time is behind, once a window of the clock. */
  judgeLag(watermarkMs: number, nowMs: number, opened: number): void {
    const windowMs = LAG.windowS * MS_PER_SECOND;
    const endMs = Math.floor(nowMs / windowMs) * windowMs;
    const lag = this.#lag;
    if (lag === undefined || endMs <= lag.judgedMs) return;
    lag.judge(endMs, lagReading(nowMs - watermarkMs), this.#strictness(lag, opened));
  }

  /** How many parts hold them. */
  get parts(): number {
    return Math.ceil(this.series.length / SERIES_PER_PART);
  }

  /** The parts that changed since the last call. */
  takeChanges(): (readonly [part: number, body: LiveSeries])[] {
    const changes: (readonly [number, LiveSeries])[] = [];
    for (let part = 0; part < this.parts; part++) {
      const from = part * SERIES_PER_PART;
      const those = this.series.slice(from, from + SERIES_PER_PART);
      if (!those.some(({ isDirty }) => isDirty)) continue;
      changes.push([part, { v: 1, series: those.map((each) => each.stored()) }]);
      for (const each of those) each.isDirty = false;
    }
    return changes;
  }

  #judge(
    series: Series,
    endS: number,
    window: readonly number[],
    total: readonly number[],
    opened: number,
  ): void {
    if ((endS - series.metric.windowS) * MS_PER_SECOND < series.judgedMs) return;
    const endMs = endS * MS_PER_SECOND;
    if (series.incident === null && this.reasons.isMoved(series, endMs)) return;
    series.latestWindow = window;
    const reading = series.metric.read(madeUp(series, window, total, endMs), total);
    if (reading === undefined) return;
    series.judge(endMs, reading, this.#strictness(series, opened));
  }

  #strictness(series: Series, opened: number): number {
    return strictnessOf(series, this.#weights, opened);
  }

  #of(metric: Metric, level: Level, key: string, second: number | undefined): Series | undefined {
    const known = this.find(metric.name, key);
    if (known !== undefined || second === undefined) return known;
    const series = this.#create(metric, level, key);
    // The window that is under way began without it.
    const windowEndS = (Math.floor(second / metric.windowS) + 1) * metric.windowS;
    if (series !== undefined) series.judgedMs = windowEndS * MS_PER_SECOND;
    return series;
  }

  #create(metric: Metric, level: Level, key: string): Series | undefined {
    if (this.series.length >= MAX_SERIES) return undefined;
    const series = new Series(metric, level, key);
    this.series.push(series);
    this.byId.set(series.id, series);
    this.#weights += weightOf(series) * series.tests;
    return series;
  }
}

const NOT_WATCHED: { readonly sums: undefined; readonly series: readonly Series[] } = {
  sums: undefined,
  series: [],
};

function levelOf({ metric, key }: StoredSeries): Level {
  if (metric === SPEND_RATE.name) return 'campaign';
  if (key === ALL_KEY) return 'all';
  return key.endsWith(`/${ALL_NAMES}`) ? 'source' : 'pair';
}
