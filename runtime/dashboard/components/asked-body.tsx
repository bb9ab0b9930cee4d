/**
 * The inside of a panel whose figures are asked for: loading, failed, or the last good answer with
 * its age while newer ones fail.
 */
import type { ReactNode } from 'react';
import type { Asked } from '../live/ask.ts';
import { formatClock } from './format.ts';
import { Notice } from './notice.tsx';

interface AskedBodyProps<T> {
  /** What is asked for, e.g. `removal effects`. */
  readonly what: string;
  readonly asked: Asked<T>;
  children(value: T): ReactNode;
}

/** Renders `children` with the answer as soon as there is one. */
export function AskedBody<T>({ what, asked, children }: AskedBodyProps<T>) {
  const { status, value, problem, askedAtMs } = asked;
  if (value !== undefined) {
    return (
      <>
        {status === 'failed' ? (
          <p className="hint stale-note" role="status">
            From {formatClock(askedAtMs)}; newer ones could not be loaded: {problem?.problem}
          </p>
        ) : null}
        {children(value)}
      </>
    );
  }
  if (status !== 'failed') return <Notice kind="loading" title={`Loading ${what}`} />;
  return (
    <Notice
      kind="error"
      title={`Could not load ${what}`}
      text={[problem?.problem, problem?.hint].filter(Boolean).join(' ')}
      action={{ label: 'Try again', run: asked.again }}
    />
  );
}
