/** Live figures as pipelines: what frames sum, how often they come, what they wait for. */
import { Subject, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { CellByKind, CellKind } from '../../protocols/cells.ts';
import type { LiveFrame, PulseFrame } from '../../protocols/live-figures.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import type { CellChange } from '../../runtime/coordinator/cell-view.ts';
import {
  LIVE_EVERY_MS,
  type LiveFrames,
  type LiveSources,
  liveFrames,
  livePulses,
  liveReport,
  PULSE_EVERY_MS,
  PULSE_SETTLE_MS,
} from '../../runtime/coordinator/live-figures.ts';
import { LATENESS_MS, Watermark } from '../../runtime/coordinator/watermark.ts';

const NOW_MS = Date.UTC(2026, 5, 1, 12);
const clock = { nowMs: () => NOW_MS };

type Cell = { readonly [K in CellKind]: Partial<CellByKind[K]> }[CellKind];

/** Cells as the coordinator's view gives them, and how often one was read. */
class TestView {
  readonly changes = new Subject<CellChange>();
  reads = 0;
  readonly #cells = new Map<string, readonly [CellChange, Cell]>();

  put(partition: number, kind: CellKind, key: string, cell: Cell): void {
    const change = { partition, kind, key };
    this.#cells.set(JSON.stringify(change), [change, cell]);
    this.changes.next(change);
  }

  *cells<K extends CellKind>(kind: K): Generator<readonly [number, string, CellByKind[K]]> {
    for (const [change, cell] of this.#cells.values()) {
      const { partition, key } = change;
      if (change.kind === kind) yield [partition, key, cell as CellByKind[K]];
    }
  }

  changedCell<K extends CellKind>({ partition, kind, key }: CellChange & { readonly kind: K }) {
    this.reads++;
    const found = this.#cells.get(JSON.stringify({ partition, kind, key }));
    return found?.[1] as CellByKind[K] | undefined;
  }
}

function traffic(accepted: number, rest: Partial<CellByKind['traffic']> = {}): Cell {
  const none = { duplicates: 0, rejected: 0, conversions: 0, decisions: 0, wins: 0 };
  return { accepted, ...none, value_micros: 0, refunded_micros: 0, ...rest };
}

const cost = (cost_micros: number) => ({ impressions: 1, clicks: 0, cost_micros });

/** Listens for a time of the scheduler's; `act` plans what happens meanwhile. */
function pulsesOf(view: TestView, untilMs: number, act: (at: At) => void) {
  const scheduler = new VirtualTimeScheduler(undefined, untilMs);
  const heard: [atMs: number, frame: PulseFrame][] = [];
  const subscription = livePulses({ view, clock }, scheduler).subscribe((frame) => {
    heard.push([scheduler.now(), frame]);
  });
  act((atMs, task) => void scheduler.schedule(task, atMs));
  scheduler.flush();
  subscription.unsubscribe();
  return heard;
}
type At = (atMs: number, task: () => void) => void;

describe('pulse frames', () => {
  test('sum all partitions, days and campaigns, and what changes of them', () => {
    const view = new TestView();
    const some = { duplicates: 3, rejected: 2, conversions: 4, decisions: 5, wins: 1 };
    view.put(0, 'traffic', '', traffic(10, { ...some, value_micros: 900, refunded_micros: 100 }));
    view.put(1, 'traffic', '', traffic(20));
    view.put(0, 'channels', '20260601', { channels: { email: cost(100), search: cost(50) } });
    view.put(1, 'channels', '20260531', { channels: { email: cost(7) } });
    view.put(0, 'delivery', 'A', { spent_micros: 40 });
    view.put(1, 'delivery', 'A', { spent_micros: 2 });
    view.put(1, 'delivery', 'B', { spent_micros: 1 });
    const heard = pulsesOf(view, 500, (at) => {
      at(200, () => {
        view.put(1, 'traffic', '', traffic(25, { refunded_micros: 300 }));
        view.put(0, 'channels', '20260601', { channels: { email: cost(100), search: cost(150) } });
        view.put(0, 'delivery', 'A', { spent_micros: 90 });
      });
    });
    const first = { events: 30, ...some, value_micros: 800, cost_micros: 157, spend_micros: 43 };
    expect(heard[0]?.[1]).toEqual({ v: 1, at_ms: NOW_MS, ...first, roas: 4 });
    const after = { events: 35, value_micros: 500, cost_micros: 257, spend_micros: 93 };
    expect(heard[1]?.[1]).toEqual({ v: 1, at_ms: NOW_MS, ...first, ...after, roas: 500 / 350 });
  });

  test('have no ROAS where nothing was spent', () => {
    const view = new TestView();
    view.put(0, 'traffic', '', traffic(1, { value_micros: 5 }));
    const [first] = pulsesOf(view, 50, () => {});
    expect(first?.[1].roas).toBeNull();
  });

  test('come soon after a change, at most 20 times a second, and each second in any case', () => {
    const view = new TestView();
    const heard = pulsesOf(view, 3_500, (at) => {
      for (let atMs = 500; atMs < 800; atMs += 20) {
        at(atMs, () => view.put(0, 'traffic', '', traffic(atMs)));
      }
      // Nothing that is summed.
      at(1_500, () => view.put(0, 'suppressed', '', { campaigns: {} }));
    });
    const changedAtMs = 500 + PULSE_SETTLE_MS;
    expect(heard.map(([atMs]) => atMs)).toEqual([
      PULSE_SETTLE_MS,
      ...[0, 1, 2, 3, 4, 5, 6].map((n) => changedAtMs + n * PULSE_EVERY_MS),
      ...[1, 2, 3].map((n) => n * LIVE_EVERY_MS + PULSE_SETTLE_MS),
    ]);
    const seen = heard.map(([, { events }]) => events).slice(0, 8);
    expect(seen).toEqual([0, 500, 560, 600, 660, 700, 760, 780]);
  });

  test('cost what changed, not what there is', () => {
    const view = new TestView();
    for (let i = 0; i < 10_000; i++) view.put(0, 'delivery', `C${i}`, { spent_micros: 1 });
    const reads: number[] = [];
    const heard = pulsesOf(view, 900, (at) => {
      at(100, () => reads.push(view.reads));
      at(500, () => {
        for (let i = 0; i < 5; i++) view.put(0, 'delivery', 'C7', { spent_micros: 2 });
      });
      at(800, () => reads.push(view.reads));
    });
    expect(heard.at(-1)?.[1].spend_micros).toBe(10_001);
    expect(reads).toEqual([10_000, 10_001]);
  });
});

/** A live actor that notes what it is asked, and says what it was told. */
function liveSources(stored?: Promise<void>) {
  const advanced: [watermarkMs: number, nowMs: number][] = [];
  const actor = {
    frame: (options: object) => options as unknown as LiveFrame,
    history: () => ({ window_ms: 5_000, windows: [] }),
  };
  const watermark = new Watermark(1);
  const sources = {
    live: {
      actor: actor as unknown as LiveSources['live']['actor'],
      folded: () => 0,
      advance(watermarkMs: number, nowMs: number) {
        advanced.push([watermarkMs, nowMs]);
        return stored;
      },
    },
    watermark,
    settings: { ...DEFAULT_SETTINGS, currency: 'EUR' },
    marketerMinUsers: 20,
    clock,
  };
  const isHeard = (): void => {
    const partition = { partition: 0, status: 'running', epoch: 1, sequence: 0, queued: 0 };
    const worker = {
      v: 1 as const,
      worker: 'w',
      at_ms: NOW_MS,
      residents: 0,
      latest_users: [],
      events: 0,
    };
    const none = { commits: 0, failed_commits: 0, sample_every: 1, stages: {} };
    const partitions = [{ ...partition, pulse_sequence: 0, caught_up_ms: NOW_MS }];
    watermark.hear({ ...worker, ...none, partitions }, NOW_MS);
  };
  return { sources, advanced, isHeard };
}

describe('live frames', () => {
  test('come each second, also when nothing changes, for marketers and for operators', () => {
    const { sources, advanced, isHeard } = liveSources();
    const scheduler = new VirtualTimeScheduler(undefined, 2_500);
    const heard: [atMs: number, frames: LiveFrames][] = [];
    const subscription = liveFrames(sources, scheduler).subscribe((frames) => {
      heard.push([scheduler.now(), frames]);
    });
    scheduler.schedule(isHeard, 500);
    scheduler.flush();
    subscription.unsubscribe();
    expect(heard.map(([atMs]) => atMs)).toEqual([0, LIVE_EVERY_MS, 2 * LIVE_EVERY_MS]);
    const operator = { atMs: NOW_MS, currency: 'EUR', heldBackBy: [] };
    expect(heard[0]?.[1].operator).toEqual({ ...operator, heldBackBy: [0] });
    expect(heard[1]?.[1]).toEqual({ operator, marketer: { ...operator, minUsers: 20 } });
    // Before the watermark was known there was nothing to close.
    expect(advanced).toEqual([1, 2].map(() => [NOW_MS - LATENESS_MS, NOW_MS]));
    expect(liveReport(sources, 'marketer').frame).toEqual({ ...operator, minUsers: 20 });
    expect(liveReport(sources, 'operator').frame).toEqual(operator);
  });

  test('say nothing of alerts that are not stored, and end if they cannot be', async () => {
    let fail = (_error: Error): void => {};
    const stored = new Promise<void>((_resolve, reject) => {
      fail = reject;
    });
    const { sources, isHeard } = liveSources(stored);
    isHeard();
    const heard: LiveFrames[] = [];
    const ended = new Promise((resolve) => {
      liveFrames(sources).subscribe({ next: (frames) => heard.push(frames), error: resolve });
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual([]);
    fail(new Error('not stored'));
    expect(String(await ended)).toContain('not stored');
    expect(heard).toEqual([]);
  });
});
