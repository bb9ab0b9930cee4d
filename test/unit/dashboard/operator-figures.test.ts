/** What the operators' view calculates: throughput, latencies, partitions, calibration, drift. */
import { describe, expect, test } from 'vitest';
import type { ModelQuality } from '../../../protocols/model-quality.ts';
import { STAGE_BUDGET_MS, type WorkerFrame } from '../../../protocols/worker-frame.ts';
import { decodeExcerpt, readable } from '../../../runtime/dashboard/operator/excerpt.ts';
import { partitionRows } from '../../../runtime/dashboard/operator/partition-rows.ts';
import {
  NO_SAMPLES,
  ratesOf,
  ratesOfAll,
  type Samples,
  withFrames,
} from '../../../runtime/dashboard/operator/rates.ts';
import {
  featureDrifts,
  reliabilityPoints,
} from '../../../runtime/dashboard/operator/reliability.ts';
import {
  BUDGETS_MS,
  formatLatency,
  SCALE_MS,
  scaleShare,
  stageLatencies,
} from '../../../runtime/dashboard/operator/stages.ts';

const NOW_MS = 1_800_000_000_000;

function frame(worker: string, atMs: number, change: Partial<WorkerFrame> = {}): WorkerFrame {
  return {
    ...{
      v: 1,
      worker,
      at_ms: atMs,
      partitions: [],
      residents: 0,
      latest_users: [],
      events: 0,
      commits: 0,
    },
    ...{ failed_commits: 0, sample_every: 1, stages: {} },
    ...change,
  };
}

function partition(
  number: number,
  change: Partial<WorkerFrame['partitions'][number]> = {},
): WorkerFrame['partitions'][number] {
  return {
    ...{ partition: number, status: 'running', epoch: 1, sequence: 10, pulse_sequence: 10 },
    ...{ queued: 0, caught_up_ms: NOW_MS },
    ...change,
  };
}

function heard(samples: Samples, ...frames: readonly WorkerFrame[]): Samples {
  return withFrames(samples, new Map(frames.map((each) => [each.worker, each])));
}

describe('throughput', () => {
  test('is what came between frames, by the time of the frames', () => {
    let samples = heard(NO_SAMPLES, frame('a', NOW_MS, { events: 1_000, commits: 10 }));
    expect(ratesOfAll(samples)).toBeUndefined();
    samples = heard(samples, frame('a', NOW_MS + 2_000, { events: 1_500, commits: 14 }));
    expect(ratesOfAll(samples)).toEqual({ eventsPerS: 250, commitsPerS: 2 });
  });

  test('does not change by a frame that is heard twice', () => {
    const last = frame('a', NOW_MS + 1_000, { events: 60 });
    const once = heard(heard(NO_SAMPLES, frame('a', NOW_MS)), last);
    expect(heard(once, last)).toEqual(once);
  });

  test('begins anew with a worker that was started anew, and is never negative', () => {
    const before = heard(
      heard(NO_SAMPLES, frame('a', NOW_MS, { events: 900 })),
      frame('a', NOW_MS + 1_000, { events: 950 }),
    );
    const restarted = heard(before, frame('a', NOW_MS + 2_000, { events: 5 }));
    expect(ratesOf(restarted.get('a'))).toBeUndefined();
    const next = heard(restarted, frame('a', NOW_MS + 3_000, { events: 45 }));
    expect(ratesOf(next.get('a'))?.eventsPerS).toBe(40);
  });

  test('looks back five seconds, over workers that are still there', () => {
    let samples = NO_SAMPLES;
    for (let second = 0; second <= 10; second++) {
      // Ten events a second, and a hundred from the sixth second on.
      const events = second <= 5 ? second * 10 : 50 + (second - 5) * 100;
      const frames = [frame('a', NOW_MS + second * 1_000, { events })];
      if (second < 3) frames.push(frame('gone', NOW_MS + second * 1_000, { events: second }));
      samples = heard(samples, ...frames);
    }
    expect(ratesOfAll(samples)?.eventsPerS).toBe(100);
    expect([...samples.keys()]).toEqual(['a']);
  });
});

describe('stage latencies', () => {
  const measured = (p99_ms: number) => ({ count: 10, p50_ms: 1, p99_ms, max_ms: 2 * p99_ms });

  test('are held against the budgets that workers have', () => {
    expect(BUDGETS_MS).toEqual(STAGE_BUDGET_MS);
    const stages = { commit: measured(STAGE_BUDGET_MS.commit + 0.1), auction: measured(41) };
    const found = stageLatencies([frame('a', NOW_MS, { stages })]);
    const verdicts = Object.fromEntries(found.map(({ stage, verdict }) => [stage, verdict]));
    expect(verdicts).toMatchObject({ commit: 'over', auction: 'near', decision: 'unknown' });
    const within = frame('a', NOW_MS, { stages: { commit: measured(STAGE_BUDGET_MS.commit / 2) } });
    expect(stageLatencies([within]).find(({ stage }) => stage === 'commit')?.verdict).toBe(
      'within',
    );
  });

  test("of several workers are the slowest's, whichever comes first", () => {
    const frames = [
      frame('fast', NOW_MS, { stages: { commit: measured(3) } }),
      frame('slow', NOW_MS, { stages: { commit: measured(80) } }),
    ];
    for (const order of [frames, frames.toReversed()]) {
      const commit = stageLatencies(order).find(({ stage }) => stage === 'commit');
      expect(commit).toMatchObject({ slowest: 'slow', p99Ms: 80, maxMs: 160, count: 20 });
    }
  });

  test('stand on a logarithmic scale that holds any of them', () => {
    expect([SCALE_MS.least, 10, SCALE_MS.most].map(scaleShare)).toEqual([
      0,
      expect.closeTo(0.5),
      1,
    ]);
    expect([0, 1e9].map(scaleShare)).toEqual([0, 1]);
    expect([0.0314, 6.4, 71.4].map(formatLatency)).toEqual(['31 µs', '6.4 ms', '71 ms']);
  });
});

describe('partitions', () => {
  const report = (...owners: readonly string[]) => ({
    partitions: owners.map((owner, i) => {
      return { partition: i, owner, epoch: 1, sequence: 10, lag: 7 * i };
    }),
  });

  test('join what is stored with what workers say', () => {
    const frames = [
      frame('a', NOW_MS, { partitions: [partition(0), partition(1, { queued: 3 })] }),
    ];
    const rows = partitionRows(report('a', 'a'), frames, NOW_MS);
    expect(rows.map(({ partition: p, status, lag, queued }) => [p, status, lag, queued])).toEqual([
      [0, 'running', 0, 0],
      [1, 'running', 7, 3],
    ]);
  });

  test('are unowned where nobody has claimed them, and silent where the owner says nothing', () => {
    const old = frame('b', NOW_MS - 4_000, { partitions: [partition(2)] });
    const rows = partitionRows(report('', 'gone', 'b'), [old], NOW_MS);
    expect(rows.map(({ status, tone }) => [status, tone])).toEqual([
      ['unowned', 'bad'],
      ['silent', 'bad'],
      ['silent', 'bad'],
    ]);
  });

  test('are fenced or on their way as the worker with the higher epoch says', () => {
    const frames = [
      frame('b', NOW_MS, { partitions: [partition(0, { status: 'recovering', epoch: 5 })] }),
      frame('a', NOW_MS, { partitions: [partition(0, { status: 'fenced', epoch: 4 })] }),
    ];
    const [row] = partitionRows(report('a'), frames, NOW_MS);
    expect(row).toMatchObject({ status: 'recovering', tone: 'busy', owner: 'b', epoch: 5 });
    const [fenced] = partitionRows(report('a'), frames.slice(1), NOW_MS);
    expect(fenced).toMatchObject({ status: 'fenced', tone: 'bad' });
  });

  test('are shown before lag is known', () => {
    const frames = [frame('a', NOW_MS, { partitions: [partition(4)] })];
    expect(partitionRows(undefined, frames, NOW_MS)).toMatchObject([
      { partition: 4, status: 'running', lag: undefined },
    ]);
  });
});

describe('the excerpt of a dead letter', () => {
  const base64 = (bytes: Iterable<number>) =>
    Buffer.from(Uint8Array.from(bytes)).toString('base64');
  const ofText = (text: string) => base64(Buffer.from(text));

  test('is its text, also where it was cut within a character', () => {
    expect(decodeExcerpt(ofText('{"név":1}'))).toEqual({ text: '{"név":1}', isText: true });
    const cut = Buffer.from('né').subarray(0, 2);
    expect(decodeExcerpt(base64(cut))).toEqual({ text: 'n', isText: true });
  });

  test('shows what would be invisible or turn the text around, and says if it is no text', () => {
    expect(decodeExcerpt(ofText('a\u0000b\u202ec\nd')).text).toBe('a\\u{0}b\\u{202e}c\nd');
    expect(decodeExcerpt(base64([0xff, 65])).isText).toBe(false);
    expect(decodeExcerpt('not base64!')).toEqual({ text: 'not base64!', isText: false });
  });

  test('is set out over lines where it is whole JSON', () => {
    expect(readable('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(readable('{"a":1')).toBe('{"a":1');
  });
});

describe('model quality', () => {
  const bins = [
    { forecasts: 0, mean_forecast: null, rate: null },
    { forecasts: 400, mean_forecast: 0.3, rate: 0.5 },
  ];
  const intent = { forecasts: 400, mean_forecast: 0.3, rate: 0.5, ece: 0.2, bins };

  test('draws the bins that hold forecasts, with how sure their rates are', () => {
    const [point, ...others] = reliabilityPoints(intent);
    expect(others).toEqual([]);
    expect(point).toMatchObject({ forecast: 0.3, rate: 0.5, forecasts: 400 });
    expect(point?.margin).toBeCloseTo(0.049, 3);
  });

  test('lists the features that moved furthest first, those with few readings last', () => {
    const features = [
      { name: 'stable', readings: 500, psi: 0.05 },
      { name: 'few', readings: 99, psi: 3 },
      { name: 'far', readings: 500, psi: 0.25 },
      { name: 'moved', readings: 500, psi: 0.1 },
      { name: 'never', readings: 0, psi: null },
    ];
    const drifts = featureDrifts({ features } as unknown as ModelQuality);
    expect(drifts.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
      'far far',
      'moved moved',
      'stable stable',
      'few unknown',
      'never unknown',
    ]);
  });
});
