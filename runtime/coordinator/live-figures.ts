/**
 * Live figures: RxJS pipelines from changed cells to pulse frames, several times a second, and from
 * the live actor to marketers' and operators' frames, each second.
 */
import {
  asyncScheduler,
  audit,
  defer,
  filter,
  from,
  interval,
  map,
  merge,
  type Observable,
  of,
  repeat,
  type SchedulerLike,
  startWith,
  tap,
  timer,
} from 'rxjs';
import type { LiveFrame, LiveReport, PulseFrame } from '../../protocols/live-figures.ts';
import type { Settings } from '../../protocols/settings.ts';
import type { Clock } from '../ports.ts';
import type { CellView } from './cell-view.ts';
import type { LiveFold } from './live-fold.ts';
import { isSummed, RunningSums } from './pulse-sums.ts';
import type { Watermark } from './watermark.ts';

/** The least time between two pulse frames while cells change. */
export const PULSE_EVERY_MS = 50;
/** The cells of one commit come within this time: a frame that waits has all of them or none. */
export const PULSE_SETTLE_MS = 10;
/** How often live frames are sent, and pulse frames where nothing changes. */
export const LIVE_EVERY_MS = 1_000;
/** Making figures takes at most one part of this many of the time: what takes longer waits. */
const SHARE = 10;

export interface PulseSources {
  readonly view: Pick<CellView, 'cells' | 'changedCell' | 'changes'>;
  readonly clock: Clock;
}

/** Sums since the beginning: soon after a change, and each second where nothing changes. */
export function livePulses(
  { view, clock }: PulseSources,
  scheduler: SchedulerLike = asyncScheduler,
): Observable<PulseFrame> {
  return defer(() => {
    const sums = new RunningSums(view);
    let tookMs = 0;
    let sentAtMs = Number.NEGATIVE_INFINITY;
    const changed = view.changes.pipe(
      filter(isSummed),
      tap((change) => sums.changed(change)),
    );
    // After a pause the first change is told almost at once; under load they come evenly.
    const waitMs = (): number => {
      const dueMs = sentAtMs + Math.max(PULSE_EVERY_MS, tookMs * SHARE) - scheduler.now();
      return Math.max(PULSE_SETTLE_MS, dueMs);
    };
    return merge(changed, interval(LIVE_EVERY_MS, scheduler)).pipe(
      startWith(undefined),
      audit(() => timer(waitMs(), scheduler)),
      map(() => {
        const startedMs = clock.nowMs();
        const frame = pulseFrame(sums, startedMs);
        tookMs = clock.nowMs() - startedMs;
        sentAtMs = scheduler.now();
        return frame;
      }),
    );
  });
}

function pulseFrame(running: RunningSums, atMs: number): PulseFrame {
  const sums = running.now();
  const spentMicros = sums.cost_micros + sums.spend_micros;
  const roas = spentMicros === 0 ? null : sums.value_micros / spentMicros;
  return { v: 1, at_ms: atMs, ...sums, roas };
}

export interface LiveSources {
  readonly live: Pick<LiveFold, 'actor' | 'advance' | 'folded'>;
  readonly watermark: Watermark;
  readonly settings: Settings;
  /** Groups with fewer users are put together for marketers. */
  readonly marketerMinUsers: number;
  readonly clock: Clock;
}

/** One moment for both kinds of people. */
export interface LiveFrames {
  readonly marketer: LiveFrame;
  readonly operator: LiveFrame;
}
export type Audience = keyof LiveFrames;

/**
 * Moves the live actor on and tells how things stand, each second, also when nothing changes. What
 * frames say of alerts is stored (L1 of live-fold.ts).
 */
export function liveFrames(
  sources: LiveSources,
  scheduler: SchedulerLike = asyncScheduler,
): Observable<LiveFrames> {
  const { live, watermark, clock } = sources;
  let tookMs = 0;
  const frames = (): LiveFrames => {
    return { marketer: frameOf(sources, 'marketer'), operator: frameOf(sources, 'operator') };
  };
  return defer(() => {
    const startedMs = clock.nowMs();
    const { watermarkMs } = watermark.at(startedMs, (partition) => live.folded(partition));
    const stored = watermarkMs === null ? undefined : live.advance(watermarkMs, startedMs);
    // Waiting for the store is not work, so it is not part of the time that this takes.
    const advancedMs = clock.nowMs() - startedMs;
    return (stored === undefined ? of(undefined) : from(stored)).pipe(
      map(() => {
        const framedMs = clock.nowMs();
        const both = frames();
        tookMs = advancedMs + clock.nowMs() - framedMs;
        return both;
      }),
    );
  }).pipe(repeat({ delay: () => timer(Math.max(LIVE_EVERY_MS, tookMs * SHARE), scheduler) }));
}

/** A frame and the last hour, for whoever begins to look. */
export function liveReport(sources: LiveSources, audience: Audience): LiveReport {
  return { frame: frameOf(sources, audience), history: sources.live.actor.history() };
}

function frameOf(
  { live, watermark, settings, marketerMinUsers, clock }: LiveSources,
  audience: Audience,
): LiveFrame {
  const atMs = clock.nowMs();
  const { heldBackBy } = watermark.at(atMs, (partition) => live.folded(partition));
  return live.actor.frame({
    atMs,
    currency: settings.currency,
    heldBackBy,
    ...(audience === 'marketer' && { minUsers: marketerMinUsers }),
  });
}
