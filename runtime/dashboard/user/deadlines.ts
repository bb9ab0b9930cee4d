/**
 * What a user's clock waits for: deadlines in event time, and how far off they are.
 */
import type { UserSnapshot } from '../../../protocols/user-snapshot.ts';

type State = UserSnapshot['state'];

export interface Deadline {
  readonly name: string;
  readonly atMs: number;
  /** What happens then. */
  readonly meaning: string;
  /** The part of the wait that is over, 0 to 1. */
  readonly share: number;
  readonly isPast: boolean;
  /** To the deadline, or since it; at least 0. */
  readonly distanceMs: number;
}

/**
 * The deadlines of a user, seen at `nowMs`; both begin anew with every event.
 *
 * @param nowMs the time on the user's own scale: that of events.
 */
export function deadlines(state: State, nowMs: number): readonly Deadline[] {
  if (state.events === 0) return [];
  const begin = state.nowMs;
  return [
    deadline('Session ends', begin, state.session.endsAtMs, nowMs, 'session → idle'),
    deadline('Lapses', begin, state.lapsesAtMs, nowMs, 'funnel → lapsed, risk → churned'),
  ];
}

function deadline(
  name: string,
  beginMs: number,
  atMs: number,
  nowMs: number,
  meaning: string,
): Deadline {
  const whole = atMs - beginMs;
  const share = whole <= 0 ? 1 : Math.min(1, Math.max(0, (nowMs - beginMs) / whole));
  // The actor's own comparison: a deadline passes after its moment, not at it.
  const isPast = nowMs > atMs;
  return { name, atMs, meaning, share, isPast, distanceMs: Math.abs(atMs - nowMs) };
}
