/**
 * Features: evidence for six modalities at three time scales. Evidence is a sum over events that
 * decays with elapsed event time, S(T) = sum of m(e) exp(-(T - t(e)) / tau), so that uneven gaps
 * are exact and an event that comes late counts as if it had come in time.
 */
import type { Event } from '../../protocols/event.ts';
import { MODALITIES, type Modality } from '../../protocols/user-snapshot.ts';
import { BEHAVIOR_EVIDENCE, SATURATION, SCALE_MS } from './model.ts';

export const SCALES = SCALE_MS.length;
export const EVIDENCE_LENGTH = MODALITIES.length * SCALES;

/** No evidence at all: 6 x 3 zeros, row-major by modality. */
export const NO_EVIDENCE: readonly number[] = new Array(EVIDENCE_LENGTH).fill(0);

/** What one event says about each modality, in the order of MODALITIES; entries are >= 0. */
export function evidenceOf(event: Event, opensSession: boolean): readonly number[] {
  const app = 1;
  const temporal = opensSession ? 1 : 0;
  switch (event.type) {
    case 'behavior': {
      const named = event.name === undefined ? undefined : BEHAVIOR_EVIDENCE[event.name];
      const vectors = event.vectors ?? {};
      const engagement =
        (named?.engagement ?? 0) +
        share(vectors.active_duration_s, 30) +
        share(vectors.scroll_depth_hz, 60);
      const churn =
        (named?.churn ?? 0) +
        share(vectors.rage_taps, 2) +
        share(vectors.errors, 2) +
        (isHasty(vectors.tap_velocity_ms) ? 0.2 : 0);
      return [app, temporal, engagement, named?.purchase ?? 0, churn, 0];
    }
    case 'impression':
      return [app, temporal, 0.05, 0, 0, 0];
    case 'click':
      return [app, temporal, 0.3, 0.1, 0, 0];
    case 'conversion':
      return [app, temporal, 0.5, 2, 0, 0];
    case 'refund':
      return [app, temporal, 0, 0, 0.8, 0];
    case 'preference':
      return [app, temporal, 0.2, 0, 0, 1];
    case 'consent':
      return [app, temporal, 0, 0, 0, 0.2];
    case 'opportunity':
      return [app, temporal, 0.05, 0, 0, 0];
    case 'outcome': {
      const clicked = event.outcome === 'clicked' ? 0.5 : 0;
      const dismissed = event.outcome === 'dismissed' ? 0.3 : 0;
      return [app, temporal, clicked, 0, dismissed, 0];
    }
    default:
      return event satisfies never;
  }
}

/**
 * Adds an event's evidence and moves the sums to a new time.
 *
 * @param evidence 6 x 3 sums, decayed to `fromMs`.
 * @param toMs the user's clock after the event, >= fromMs.
 * @param atMs the event's own time, <= toMs; earlier means it came late and has decayed since.
 */
export function addEvidence(
  evidence: readonly number[],
  fromMs: number,
  toMs: number,
  atMs: number,
  event: readonly number[],
): number[] {
  const next = new Array<number>(EVIDENCE_LENGTH);
  for (let k = 0; k < SCALES; k++) {
    const tau = SCALE_MS[k] as number;
    const kept = toMs === fromMs ? 1 : Math.exp((fromMs - toMs) / tau);
    const fresh = toMs === atMs ? 1 : Math.exp((atMs - toMs) / tau);
    for (let i = 0; i < MODALITIES.length; i++) {
      const cell = i * SCALES + k;
      next[cell] = (evidence[cell] as number) * kept + (event[i] as number) * fresh;
    }
  }
  return next;
}

/** The level of a modality at a time scale, 0 to 1: 1 - exp(-S / saturation). */
export function level(evidence: readonly number[], modality: number, scale: number): number {
  const saturation = SATURATION[MODALITIES[modality] as Modality][scale] as number;
  return 1 - Math.exp(-(evidence[modality * SCALES + scale] as number) / saturation);
}

function share(value: number | undefined, half: number): number {
  return value === undefined || value <= 0 ? 0 : value / (value + half);
}

/** Taps less than 80 ms apart are faster than reading: a sign of impatience. */
function isHasty(tapVelocityMs: number | undefined): boolean {
  return tapVelocityMs !== undefined && tapVelocityMs >= 0 && tapVelocityMs < 80;
}
