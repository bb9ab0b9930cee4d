/** How long stages take, of the last minute. */
import { describe, expect, test } from 'vitest';
import { STAGE_WINDOW_S, type Stage } from '../../protocols/worker-frame.ts';
import { seededRandom } from '../../runtime/simulate/random.ts';
import { SAMPLE_EVERY, StageLatencies } from '../../runtime/worker/stage-latencies.ts';

/** Latencies on a clock that the test moves. */
function clocked() {
  let nowMs = 1_234_567;
  const latencies = new StageLatencies(() => nowMs);
  return {
    latencies,
    wait: (ms: number): void => {
      nowMs += ms;
    },
  };
}

describe('quantiles', () => {
  test('are within one part in a hundred of the exact ones, over several seconds', () => {
    const { latencies, wait } = clocked();
    const random = seededRandom(7);
    const times: number[] = [];
    for (let i = 0; i < 5_000; i++) {
      const ms = Math.exp(random() * 12 - 6);
      times.push(ms);
      latencies.add('decision', ms);
      wait(9);
    }
    times.sort((a, b) => a - b);
    const { decision } = latencies.summary();
    expect(decision?.count).toBe(5_000);
    const exact = (q: number): number => times[Math.floor(q * 4_999)] as number;
    for (const [found, expected] of [
      [decision?.p50_ms, exact(0.5)],
      [decision?.p99_ms, exact(0.99)],
    ] as const) {
      expect(Math.abs((found ?? 0) / expected - 1)).toBeLessThan(0.011);
    }
    expect(decision?.max_ms).toBe(times.at(-1));
  });

  test('are never beyond the greatest time', () => {
    for (let ms = 1; ms < 40; ms += 0.37) {
      const { latencies } = clocked();
      latencies.add('commit', ms, 100);
      const { commit } = latencies.summary();
      expect(commit?.max_ms).toBe(ms);
      expect(commit?.p99_ms, `${ms} ms`).toBeLessThanOrEqual(ms);
    }
  });

  test('count a commit once for each event in it that is measured', () => {
    const { latencies } = clocked();
    latencies.add('commit', 2, 30);
    latencies.add('commit', 50, 1);
    latencies.add('commit', 9_000, 0);
    const { commit } = latencies.summary();
    expect(commit?.count).toBe(31);
    expect(commit?.p50_ms).toBeCloseTo(2, 1);
    expect(commit?.max_ms).toBe(50);
  });
});

describe('the window', () => {
  test('forgets what is older than a minute, though nothing new comes', () => {
    const { latencies, wait } = clocked();
    latencies.add('auction', 400);
    wait(STAGE_WINDOW_S * 500);
    latencies.add('auction', 1);
    expect(latencies.summary().auction).toMatchObject({ count: 2, max_ms: 400 });
    wait(STAGE_WINDOW_S * 500 + 1);
    expect(latencies.summary().auction).toMatchObject({ count: 1, max_ms: 1 });
    wait(STAGE_WINDOW_S * 500);
    expect(latencies.summary()).toEqual({});
  });

  test('leaves stages out that nothing passed', () => {
    const { latencies } = clocked();
    latencies.add('ingest', 1);
    expect(Object.keys(latencies.summary())).toEqual(['ingest']);
  });
});

describe('an event', () => {
  test('is measured once in SAMPLE_EVERY, the first one at once', () => {
    const { latencies } = clocked();
    const sampled = Array.from({ length: SAMPLE_EVERY * 3 }, () => latencies.isNextSampled());
    expect(sampled.filter(Boolean)).toHaveLength(3);
    expect(sampled[0]).toBe(true);
  });

  test('has the time of its path and forecasts in no stage', () => {
    const { latencies, wait } = clocked();
    const mark = latencies.measure();
    wait(3);
    mark('features');
    wait(2);
    mark('scoring');
    wait(100);
    mark('journey');
    wait(7);
    mark('auction');
    const found = latencies.summary();
    const expected: Partial<Record<Stage, number>> = { features: 3, scoring: 2, auction: 7 };
    for (const [stage, ms] of Object.entries(expected)) {
      expect(found[stage as Stage]?.max_ms, stage).toBe(ms);
    }
    expect(Object.keys(found)).toHaveLength(3);
  });

  test('that the log stored by a clock ahead of the worker’s took no negative time', () => {
    const { latencies } = clocked();
    latencies.add('ingest', -12);
    expect(latencies.summary().ingest).toEqual({ count: 1, p50_ms: 0, p99_ms: 0, max_ms: 0 });
  });
});
