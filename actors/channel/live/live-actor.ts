/**
 * The live actor: folds pulses into event-time windows and totals, watches them, and opens and
 * resolves alerts (ADR 8). Here its parts are only put together.
 *
 * Invariants:
 *   L1 A pulse is folded once: one at or before its partition's position changes nothing.
 *   L2 Seconds are closed in order, each once, as the watermark passes them. What comes for a
 *      closed second is late: in all totals, in no window.
 *   L3 What follows depends on what is stored alone: an actor that was stored and read back goes on
 *      to the same figures and alerts.
 *   L4 No window is judged whose rows may be elsewhere: those that were too far ahead of the
 *      watermark for a second of their own, and those that a long jump of the watermark passes.
 */
import type { Alert } from '../../../protocols/alert.ts';
import type { LiveFrame, LiveHistory } from '../../../protocols/live-figures.ts';
import type {
  LiveGroups,
  LiveHead,
  LiveMoves,
  LiveSeries,
  LiveSnapshot,
} from '../../../protocols/live-snapshot.ts';
import { FUNNEL_STATES, type Pulse } from '../../../protocols/pulse.ts';
import { AlertBook } from './alert-book.ts';
import { EventTimeSums } from './event-time-sums.ts';
import {
  type FrameSources,
  shownAlerts,
  shownCampaigns,
  shownGroups,
  shownVelocity,
  standingOfAll,
} from './frame.ts';
import { Groups } from './groups.ts';
import { History } from './history.ts';
import { countOf, FIGURE, SHORT_WINDOW_S } from './metrics.ts';
import { Moves } from './moves.ts';
import { Watch } from './watch.ts';

/** Seconds that are kept open at most; what is further ahead counts in the last one of them. */
export const MAX_OPEN_SECONDS = 600;
/** A jump of the watermark beyond this is closed without a look at each second of it. */
export const MAX_JUMP_SECONDS = 7_200;
/** Minutes of which late events are counted. */
const LATE_MINUTES = 60;
const MS_PER_SECOND = 1_000;
const SECONDS_A_MINUTE = 60;

/** Parts that changed, by number, and days of moves: what is to be stored beside the head. */
export interface LiveChanges {
  readonly groups: readonly (readonly [part: number, body: LiveGroups])[];
  readonly series: readonly (readonly [part: number, body: LiveSeries])[];
  readonly moves: readonly (readonly [day: string, body: LiveMoves])[];
  readonly forgottenDays: readonly string[];
}

export interface FrameOptions {
  readonly atMs: number;
  readonly currency: string;
  /** Partitions whose backlog holds the watermark back. */
  readonly heldBackBy: readonly number[];
  /**
   * Groups with fewer users today and yesterday are put together, and alerts about them left out.
   */
  readonly minUsers?: number;
}

export class LiveActor {
  readonly #groups = new Groups();
  readonly #watch = new Watch();
  readonly #moves = new Moves();
  readonly #moveSums = new EventTimeSums(FUNNEL_STATES.length * FUNNEL_STATES.length);
  readonly #positions: Map<string, number>;
  readonly #history: History;
  readonly #book: AlertBook;
  /** Late events by minute of their coming. */
  readonly #late: Map<number, number>;
  #openSecond: number | undefined;
  #judgedFrom: number;

  /** From what was stored, parts in the order of their numbers; or from nothing. */
  constructor(stored?: LiveSnapshot) {
    const head = stored?.head;
    this.#positions = new Map(Object.entries(head?.positions ?? {}));
    this.#history = new History(head?.history);
    this.#late = new Map(head?.late);
    this.#openSecond = head?.open_second ?? undefined;
    this.#judgedFrom = head?.judged_from ?? 0;
    for (const part of stored?.groups ?? []) this.#groups.load(part);
    for (const part of stored?.series ?? []) this.#watch.load(part);
    for (const [day, body] of Object.entries(stored?.moves ?? {})) this.#moves.load(day, body);
    if (head !== undefined) this.#moveSums.absorb(head.moves);
    this.#groups.loaded(this.#openSecond === undefined ? undefined : this.#openSecond - 1);
    this.#book = new AlertBook(this.#watch, this.#watch.reasons, head?.alerts, head?.opened);
    this.#admitAll(undefined);
  }

  /**
   * Folds one pulse. O(rows).
   *
   * @returns whether it was new (L1).
   */
  fold(pulse: Pulse): boolean {
    const partition = String(pulse.partition);
    if (pulse.sequence <= (this.#positions.get(partition) ?? 0)) return false;
    this.#positions.set(partition, pulse.sequence);
    const { names } = pulse;
    for (const [second, source, region, ...figures] of pulse.rows) {
      const countedIn = this.#secondFor(second);
      const of = this.#groups.of(names[source] as string, names[region] as string);
      for (const group of of) group.add(second, countedIn, figures);
      this.#groups.touch(of[0]);
      if (countedIn === undefined) this.#addLate(figures[FIGURE.events] as number);
    }
    for (const [second, campaign, micros, wins] of pulse.spend) {
      const id = names[campaign] as string;
      this.#groups.campaign(id).add(this.#secondFor(second), [micros, wins]);
      this.#groups.touch(id);
    }
    for (const [second, from, to, tookMs] of pulse.moves) {
      this.#moves.add(second, from, to, tookMs);
      const figures = new Array<number>(this.#moveSums.total.length).fill(0);
      figures[from * FUNNEL_STATES.length + to] = 1;
      this.#moveSums.add(this.#secondFor(second), figures);
    }
    return true;
  }

  /**
   * Closes the seconds that the watermark has passed (L2) and judges what ends with them.
   *
   * @param watermarkMs event time up to which all is in; an earlier one than before closes nothing.
   * @param nowMs the clock, which the lag is measured by.
   * @returns alerts that opened, became worse or were resolved.
   */
  advance(watermarkMs: number, nowMs: number): readonly Alert[] {
    const end = Math.floor(watermarkMs / MS_PER_SECOND);
    const first = this.#openSecond ?? this.#earliestOpen() ?? end;
    const changed: Alert[] = [];
    if (end - first > MAX_JUMP_SECONDS) this.#jump(end);
    else for (let second = first; second < end; second++) changed.push(...this.#close(second));
    this.#openSecond = Math.max(end, first);
    this.#watch.judgeLag(watermarkMs, nowMs, this.#book.openedBefore(watermarkMs));
    changed.push(...this.#book.update(this.#openSecond * MS_PER_SECOND));
    return changed;
  }

  /** Somebody looks after an alert; undefined if it is not open. */
  acknowledge(id: string, by: string, atMs: number): Alert | undefined {
    return this.#book.acknowledge(id, by, atMs);
  }

  /** Alerts that are not resolved, the latest first. */
  get alerts(): readonly Alert[] {
    return this.#book.alerts;
  }

  /** The figures as of now. O(groups + bins of the day's sketches). */
  frame({ atMs, currency, heldBackBy, minUsers }: FrameOptions): LiveFrame {
    const of = this.#sources();
    const { groups, openSecond } = of;
    let openEvents = 0;
    for (const figures of groups.all.sums.open.values()) {
      openEvents += figures[FIGURE.events] as number;
    }
    return {
      v: 1,
      at_ms: atMs,
      currency,
      watermark_ms: openSecond === undefined ? null : openSecond * MS_PER_SECOND,
      held_back_by: [...heldBackBy],
      completeness: this.#completeness(),
      open_events: openEvents,
      all: standingOfAll(of),
      ...shownGroups(of, minUsers),
      campaigns: shownCampaigns(groups),
      velocity: shownVelocity(of),
      alerts: shownAlerts(this.alerts, of, minUsers),
    };
  }

  /**
   * Alerts that may be shown to those who see no group with fewer users, today and yesterday: not
   * those about such a group, or one that is put together with such ones. Campaigns are never
   * small.
   * O(groups log groups + alerts x groups).
   */
  shownTo(alerts: readonly Alert[], minUsers: number): Alert[] {
    return shownAlerts(alerts, this.#sources(), minUsers);
  }

  /** The closed windows of the last hour. */
  history(): LiveHistory {
    return this.#history.shown();
  }

  /** What there is only one of, and how far pulses are folded; stored with each change. */
  head(epoch: number): LiveHead {
    return {
      v: 1,
      epoch,
      positions: Object.fromEntries(this.#positions),
      open_second: this.#openSecond ?? null,
      judged_from: this.#judgedFrom,
      parts: { groups: this.#groups.parts, series: this.#watch.parts },
      days: this.#moves.days,
      moves: this.#moveSums.stored(),
      late: [...this.#late],
      history: this.#history.stored(),
      ...this.#book.stored(),
    };
  }

  /** The parts that changed since the last call. */
  takeChanges(): LiveChanges {
    const groups = this.#groups.takeChanges();
    return { groups, series: this.#watch.takeChanges(), ...this.#moves.takeChanges() };
  }

  #sources(): FrameSources {
    const [groups, watch, moves] = [this.#groups, this.#watch, this.#moves];
    return { groups, watch, moves, moveSums: this.#moveSums, openSecond: this.#openSecond };
  }

  /** The second that a row counts in; undefined if it is closed (L2, L4). */
  #secondFor(second: number): number | undefined {
    const open = this.#openSecond;
    if (open === undefined) return second;
    if (second < open) return undefined;
    const last = open + MAX_OPEN_SECONDS - 1;
    if (second <= last) return second;
    this.#judgedFrom = Math.max(this.#judgedFrom, second + 1);
    return last;
  }

  #close(second: number): Alert[] {
    const groups = this.#groups;
    groups.close(second);
    this.#moveSums.close(second);
    this.#admitAll(second);
    const endS = second + 1;
    const nowMs = endS * MS_PER_SECOND;
    const opened = this.#book.openedBefore(nowMs);
    if (endS % SHORT_WINDOW_S === 0) this.#history.add(endS, groups, this.#expected(endS));
    if (second < this.#judgedFrom) this.#watch.skip(second);
    else this.#watch.close(second, groups, this.#judgedFrom, opened);
    return this.#book.update(nowMs);
  }

  /** Closes only seconds that have something, and judges none of them (L4). */
  #jump(end: number): void {
    const seconds = [...this.#groups.all.sums.open.keys()].sort((a, b) => a - b);
    this.#judgedFrom = Math.max(this.#judgedFrom, end);
    for (const second of seconds) if (second < end - 1) this.#groups.close(second);
    this.#groups.close(end - 1);
    for (const second of [...this.#moveSums.open.keys()].sort((a, b) => a - b)) {
      if (second < end - 1) this.#moveSums.close(second);
    }
    this.#moveSums.close(end - 1);
    this.#watch.skip(end - 1);
    this.#admitAll(end - 1);
  }

  /** Watches those that came since; a parent before its parts. */
  #admitAll(second: number | undefined): void {
    const { all, sources, pairs, campaigns } = this.#groups;
    if (pairs.length > 0) this.#watch.admit(all, 'all', second);
    for (const pair of pairs) {
      const source = sources.get(pair.source);
      if (source !== undefined) this.#watch.admit(source, 'source', second, all);
      this.#watch.admit(pair, 'pair', second, source);
    }
    for (const [id, sums] of campaigns) this.#watch.admitCampaign(id, sums, second);
  }

  /** Events of the window before a second that were expected. */
  #expected(endS: number): number | null {
    const { key } = this.#groups.all;
    const series = this.#watch.find('event_rate', key);
    const expected = series?.expectedAt((endS - SHORT_WINDOW_S) * MS_PER_SECOND);
    return expected === undefined ? null : countOf(expected);
  }

  #earliestOpen(): number | undefined {
    let earliest: number | undefined;
    for (const second of this.#groups.all.sums.open.keys()) {
      earliest = Math.min(earliest ?? second, second);
    }
    return earliest;
  }

  #addLate(events: number): void {
    const minute = this.#minute();
    this.#late.set(minute, (this.#late.get(minute) ?? 0) + events);
    for (const each of this.#late.keys()) {
      if (each <= minute - LATE_MINUTES) this.#late.delete(each);
    }
  }

  #minute(): number {
    return Math.floor((this.#openSecond ?? 0) / SECONDS_A_MINUTE);
  }

  /** The share of the last hour's events that came in time; null without any. */
  #completeness(): number | null {
    let late = 0;
    for (const [minute, events] of this.#late) {
      if (minute > this.#minute() - LATE_MINUTES) late += events;
    }
    const inTime = this.#groups.all.sums.hour[FIGURE.events] as number;
    return inTime + late === 0 ? null : inTime / (inTime + late);
  }
}
