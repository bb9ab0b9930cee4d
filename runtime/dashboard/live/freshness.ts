/**
 * How fresh the figures are, in words: what the header says of the feed.
 *
 * F1 The worst is said first: no gateway, no engine, no coordinator, then how far figures go.
 * F2 Pure; times of the browser and times of the engine are never subtracted from each other.
 */
import { formatClock, formatDuration, formatShare } from '../components/format.ts';
import { type LiveState, SILENCE_MS } from './live-state.ts';

export interface Freshness {
  readonly tone: 'good' | 'warn' | 'bad' | 'plain';
  /** One word or two for a badge. */
  readonly status: string;
  /** How far the figures go. */
  readonly detail: string;
  /** Whether the figures on the page are out of date, so that they are dimmed. */
  readonly isStale: boolean;
  /** Of the last hour's events, `99.2 % on time`; undefined if all were. */
  readonly completeness?: string;
}

/** Behind by more than this, figures are late. */
const LATE_MS = 10_000;

/** What to say at `nowMs` of the browser's clock. */
export function freshnessOf(state: LiveState, nowMs: number): Freshness {
  const { frame } = state;
  const asOf = frame === undefined ? 'no figures yet' : `figures from ${formatClock(frame.at_ms)}`;
  const stale = (status: string, detail: string, tone: Freshness['tone'] = 'bad'): Freshness => ({
    ...{ tone, status, detail, isStale: true },
    ...completenessOf(state),
  });
  if (state.connection === 'connecting') {
    return { tone: 'plain', status: 'connecting', detail: '', isStale: false };
  }
  if (state.connection === 'reconnecting') {
    const silence = formatDuration(Math.floor((nowMs - state.heardAtMs) / 1000) * 1000);
    return stale('reconnecting', `nothing heard for ${silence} · ${asOf}`);
  }
  if (!state.isEngineConnected)
    return stale('engine unreachable', `NATS does not answer · ${asOf}`);
  const frameAgeMs = nowMs - state.frameHeardAtMs;
  if (frame === undefined) {
    return { tone: 'plain', status: 'waiting', detail: 'no frame yet', isStale: false };
  }
  if (frameAgeMs > SILENCE_MS) return stale('standing still', `no coordinator answers: ${asOf}`);
  if (frame.watermark_ms === null) {
    return { tone: 'plain', status: 'live', detail: 'no events yet', isStale: false };
  }
  const behindMs = Math.max(0, frame.at_ms - frame.watermark_ms);
  const heldBack = frame.held_back_by.length;
  const reason = behindMs > LATE_MS && heldBack > 0 ? ` · ${partitions(heldBack)} behind` : '';
  return {
    tone: behindMs > LATE_MS ? 'warn' : 'good',
    status: behindMs > LATE_MS ? 'late' : 'live',
    detail:
      `complete to ${formatClock(frame.watermark_ms)} · ` +
      `${formatDuration(behindMs)} behind${reason}`,
    isStale: false,
    ...completenessOf(state),
  };
}

function completenessOf({ frame }: LiveState): { readonly completeness?: string } {
  const share = frame?.completeness ?? 1;
  return share >= 1 ? {} : { completeness: `${formatShare(share)} of events on time` };
}

function partitions(count: number): string {
  return count === 1 ? '1 partition' : `${count} partitions`;
}
