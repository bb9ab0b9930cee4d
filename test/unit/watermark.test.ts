/** The watermark: when a second of event time may be closed, and which partitions hold it back. */
import { expect, test } from 'vitest';
import type { WorkerFrame } from '../../protocols/worker-frame.ts';
import {
  GRACE_MS,
  HOLD_BACK_AFTER_MS,
  LATENESS_MS,
  MAX_WAITING_FRAMES,
  Watermark,
} from '../../runtime/coordinator/watermark.ts';

const NOW_MS = Date.UTC(2026, 5, 1, 12);
/** All pulses are folded. */
const ALL = () => Number.POSITIVE_INFINITY;

type Said = Partial<WorkerFrame['partitions'][number]> & { readonly partition: number };

/** A worker's frame about some partitions, which are caught up to now unless told. */
function frame(...partitions: readonly Said[]): WorkerFrame {
  const running = { status: 'running', epoch: 1, sequence: 0, pulse_sequence: 0, queued: 0 };
  return {
    ...{ v: 1, worker: 'w1', at_ms: NOW_MS, residents: 0, latest_users: [], events: 0, commits: 0 },
    ...{ failed_commits: 0, sample_every: 1, stages: {} },
    partitions: partitions.map((said) => ({ ...running, caught_up_ms: NOW_MS, ...said })),
  };
}

test('is what the partition that is furthest behind is caught up to, less the lateness', () => {
  const watermark = new Watermark(2);
  watermark.hear(frame({ partition: 0, caught_up_ms: NOW_MS - 700 }), NOW_MS);
  expect(watermark.at(NOW_MS, ALL)).toEqual({ watermarkMs: null, heldBackBy: [1] });
  watermark.hear(frame({ partition: 1, caught_up_ms: 0, status: 'recovering' }), NOW_MS);
  expect(watermark.at(NOW_MS, ALL)).toEqual({ watermarkMs: null, heldBackBy: [1] });
  watermark.hear(frame({ partition: 1 }), NOW_MS);
  const watermarkMs = NOW_MS - 700 - LATENESS_MS;
  expect(watermark.at(NOW_MS, ALL)).toEqual({ watermarkMs, heldBackBy: [] });
});

test('waits for the pulses of what partitions say that they are caught up to', () => {
  const watermark = new Watermark(1);
  const at = (folded: number) => watermark.at(NOW_MS, () => folded).watermarkMs;
  watermark.hear(frame({ partition: 0, pulse_sequence: 10, caught_up_ms: NOW_MS - 2 }), NOW_MS);
  expect(at(9)).toBeNull();
  watermark.hear(frame({ partition: 0, pulse_sequence: 20, caught_up_ms: NOW_MS }), NOW_MS);
  expect(at(10)).toBe(NOW_MS - 2 - LATENESS_MS);
  expect(at(19)).toBe(NOW_MS - 2 - LATENESS_MS);
  expect(at(20)).toBe(NOW_MS - LATENESS_MS);
});

test('waits for the pulses of an earlier owner, of which the new one does not know', () => {
  const watermark = new Watermark(1);
  const at = (folded: number) => watermark.at(NOW_MS, () => folded).watermarkMs;
  const before = { partition: 0, epoch: 1, pulse_sequence: 10, caught_up_ms: NOW_MS - 50 };
  watermark.hear(frame(before), NOW_MS);
  watermark.hear(frame({ partition: 0, epoch: 2, pulse_sequence: 0 }), NOW_MS);
  expect(at(9)).toBeNull();
  expect(at(10)).toBe(NOW_MS - LATENESS_MS);
});

test('moves on while pulses are folded later than frames come, however many wait', () => {
  const watermark = new Watermark(1);
  const frames = MAX_WAITING_FRAMES * 3;
  for (let i = 1; i <= frames; i++) {
    const said = { partition: 0, pulse_sequence: i * 10, caught_up_ms: NOW_MS + i };
    watermark.hear(frame(said), NOW_MS + i);
  }
  expect(watermark.at(NOW_MS, () => 25).watermarkMs).toBe(NOW_MS + 2 - LATENESS_MS);
  expect(watermark.at(NOW_MS, ALL).watermarkMs).toBe(NOW_MS + frames - LATENESS_MS);
});

test('never goes back, not even below where the last leader had it', () => {
  const watermark = new Watermark(1, NOW_MS - 500);
  watermark.hear(frame({ partition: 0, caught_up_ms: NOW_MS }), NOW_MS);
  expect(watermark.at(NOW_MS, ALL).watermarkMs).toBe(NOW_MS - 500);
  watermark.hear(frame({ partition: 0, caught_up_ms: NOW_MS + 9_000 }), NOW_MS);
  watermark.hear(frame({ partition: 0, caught_up_ms: NOW_MS + 1_000 }), NOW_MS);
  expect(watermark.at(NOW_MS, ALL).watermarkMs).toBe(NOW_MS + 9_000 - LATENESS_MS);
});

test('is not known to a new leader before workers can have spoken', () => {
  const watermark = new Watermark(1, NOW_MS - 500);
  expect(watermark.at(NOW_MS, ALL)).toEqual({ watermarkMs: null, heldBackBy: [0] });
  expect(watermark.at(NOW_MS + GRACE_MS, ALL).watermarkMs).toBeNull();
  expect(watermark.at(NOW_MS + GRACE_MS + 1, ALL).watermarkMs).toBe(NOW_MS - 500);
});

test('stands still while nobody speaks for a partition, which is named', () => {
  const watermark = new Watermark(3);
  watermark.hear(frame({ partition: 0 }, { partition: 1 }, { partition: 2 }), NOW_MS);
  const { watermarkMs } = watermark.at(NOW_MS, ALL);
  const laterMs = NOW_MS + HOLD_BACK_AFTER_MS;
  watermark.hear(frame({ partition: 0, caught_up_ms: laterMs }), laterMs);
  // One is not heard of any more, the other one is but nobody runs it.
  watermark.hear(frame({ partition: 2, caught_up_ms: 0, status: 'claiming' }), laterMs);
  expect(watermark.at(laterMs, ALL)).toEqual({ watermarkMs, heldBackBy: [] });
  expect(watermark.at(laterMs + 1, ALL)).toEqual({ watermarkMs, heldBackBy: [1, 2] });
});

test('names a partition whose backlog is long, although its worker is there', () => {
  const watermark = new Watermark(2);
  const behindMs = NOW_MS - 60_000;
  watermark.hear(frame({ partition: 0 }, { partition: 1, caught_up_ms: behindMs }), NOW_MS);
  expect(watermark.at(NOW_MS, ALL)).toEqual({
    watermarkMs: behindMs - LATENESS_MS,
    heldBackBy: [1],
  });
});

test('does not believe a worker that lost the partition to another one', () => {
  const watermark = new Watermark(1);
  watermark.hear(frame({ partition: 0, epoch: 5, caught_up_ms: NOW_MS - 9_000 }), NOW_MS);
  watermark.hear(frame({ partition: 0, epoch: 6, caught_up_ms: 0 }), NOW_MS);
  watermark.hear(frame({ partition: 0, epoch: 5, caught_up_ms: NOW_MS }), NOW_MS);
  expect(watermark.at(NOW_MS, ALL).watermarkMs).toBe(NOW_MS - 9_000 - LATENESS_MS);
});

test('passes over partitions that there are not', () => {
  const watermark = new Watermark(1);
  watermark.hear(frame({ partition: 0 }, { partition: 7, caught_up_ms: 1 }), NOW_MS);
  expect(watermark.at(NOW_MS, ALL).watermarkMs).toBe(NOW_MS - LATENESS_MS);
});
