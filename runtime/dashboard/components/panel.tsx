/**
 * A room of the page: a section with a heading, an optional explanation, and its own actions.
 */
import { type ReactNode, useId } from 'react';

interface PanelProps {
  readonly title: string;
  /** One sentence under the title: what the figures mean. */
  readonly hint?: ReactNode;
  /** Controls of the panel, at the right of its title. */
  readonly actions?: ReactNode;
  /** Takes the whole width of the grid. */
  readonly wide?: boolean;
  readonly id?: string;
  readonly children: ReactNode;
}

/** A panel with its title as the section's accessible name. */
export function Panel({ title, hint, actions, wide = false, id, children }: PanelProps) {
  const titleId = useId();
  return (
    <section className={wide ? 'panel panel-wide' : 'panel'} id={id} aria-labelledby={titleId}>
      <header className="panel-head">
        <div>
          <h2 id={titleId}>{title}</h2>
          {hint === undefined ? null : <p className="hint">{hint}</p>}
        </div>
        {actions === undefined ? null : <div className="panel-actions">{actions}</div>}
      </header>
      <div className="panel-body">{children}</div>
    </section>
  );
}
