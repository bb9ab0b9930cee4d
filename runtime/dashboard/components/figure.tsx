/**
 * One headline figure: what it is, how much, in what unit, and a note on how sure it is.
 */
import type { ReactNode } from 'react';

interface FigureProps {
  readonly label: string;
  /** As formatted; tabular, so that it does not dance as it changes. */
  readonly value: string;
  readonly unit?: string;
  readonly note?: ReactNode;
  readonly tone?: 'plain' | 'good' | 'warn' | 'bad';
  /** For tests: marks the element that holds the value alone. */
  readonly testId?: string;
}

/** A figure as a pair of term and description; belongs into a `<dl className="figures">`. */
export function Figure({ label, value, unit, note, tone = 'plain', testId }: FigureProps) {
  return (
    <div className={`figure tone-${tone}`}>
      <dt>{label}</dt>
      <dd>
        <span className="figure-value" data-testid={testId}>
          {value}
        </span>
        {unit === undefined ? null : <span className="figure-unit"> {unit}</span>}
        {note === undefined ? null : <span className="figure-note">{note}</span>}
      </dd>
    </div>
  );
}
