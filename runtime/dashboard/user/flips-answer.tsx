/**
 * What would have made another campaign win: asked on demand, because the engine replays the
 * partition's log up to the decision.
 */
import { useState } from 'react';
import type { DecisionExplanation } from '../../../protocols/live-services.ts';
import { Notice } from '../components/notice.tsx';
import { useNow } from '../components/now.ts';
import { useAsked } from '../live/ask.ts';
import { bidFlipText, conceptFlipText } from './receipt-words.ts';

interface FlipsAnswerProps {
  readonly decision: string;
  readonly currency: string;
}

/** A button, and what it brought. */
export function FlipsAnswer({ decision, currency }: FlipsAnswerProps) {
  const [isAsked, setIsAsked] = useState(false);
  const path = `/v1/inspect/decisions/${encodeURIComponent(decision)}/explanation`;
  const { status, value, problem, again } = useAsked<DecisionExplanation>(
    isAsked ? path : undefined,
  );
  if (!isAsked) {
    return (
      <button type="button" className="button" onClick={() => setIsAsked(true)}>
        What would flip it
      </button>
    );
  }
  if (value !== undefined) return <Flips explanation={value} currency={currency} />;
  if (status === 'loading') return <Replaying />;
  return (
    <Notice
      kind="error"
      title="It could not be made again here"
      text={
        <>
          {problem?.problem} {problem?.hint}{' '}
          <span>
            From a shell: <code>microtarget explain {decision}</code>
          </span>
        </>
      }
      action={{ label: 'Try again', run: again }}
    />
  );
}

function Replaying() {
  const [sinceMs] = useState(Date.now);
  const nowMs = useNow();
  const seconds = Math.max(0, Math.floor((nowMs - sinceMs) / 1_000));
  return (
    <div className="replaying" role="status">
      <span className="replaying-bar" aria-hidden="true" />
      Replaying the partition's log up to this decision
      <span aria-hidden="true">, {seconds} s</span>
    </div>
  );
}

interface FlipsProps {
  readonly explanation: DecisionExplanation;
  readonly currency: string;
}

function Flips({ explanation: { is_same, flips }, currency }: FlipsProps) {
  return (
    <section className="flips" aria-label="What would flip it">
      <p>
        <span className={`badge ${is_same ? 'badge-good' : 'badge-bad'}`}>
          {is_same ? 'proved' : 'differs'}
        </span>{' '}
        {is_same
          ? 'Made again from the log, the receipt is the same to the byte.'
          : 'Made again from the log, another receipt came out: tell whoever runs the engine.'}
      </p>
      <dl>
        <dt>Bid</dt>
        <dd>{bidFlipText(flips.bid, currency)}</dd>
        <dt>Concept</dt>
        <dd>{conceptFlipText(flips.concept)}</dd>
      </dl>
    </section>
  );
}
