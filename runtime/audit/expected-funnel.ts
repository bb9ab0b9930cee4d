/**
 * A user's way along the funnel, from docs/semantics.md ("Statechart", "Live figures"): where the
 * user stands, since when, and each move from one state to another.
 */
import type { FunnelState } from '../../protocols/pulse.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';

/** A change of the funnel region by an event. */
export interface FunnelMove {
  readonly from: FunnelState;
  readonly to: FunnelState;
  /** How long the user was in `from`, by event time. */
  readonly ms: number;
}

export class ExpectedFunnel {
  state: FunnelState = 'aware';
  sinceMs = -1;

  /** The user's first event. */
  begin(t: number): void {
    this.sinceMs = t;
  }

  /** The deadline of absence has passed. */
  lapse(deadlineMs: number): void {
    if (this.state === 'lapsed') return;
    this.state = 'lapsed';
    this.sinceMs = deadlineMs;
  }

  /** Moves to what an event shows, if there is a way; undefined if not. */
  settle(step: FusedState['step'], t: number): FunnelMove | undefined {
    if (step === 'none' || !canMove(this.state, step)) return undefined;
    const from = this.state;
    const ms = Math.max(0, t - this.sinceMs);
    this.state = step;
    // A late event brings nobody to a state before the one that was left.
    this.sinceMs = Math.max(t, this.sinceMs);
    return { from, to: step, ms };
  }
}

function canMove(from: FunnelState, to: Exclude<FusedState['step'], 'none'>): boolean {
  if (from === 'aware' || from === 'lapsed') return true;
  if (from === 'exploring') return to !== 'exploring';
  if (from === 'considering') return to === 'buying' || to === 'customer';
  if (from === 'buying') return to === 'customer';
  return to === 'buying' || to === 'considering';
}
