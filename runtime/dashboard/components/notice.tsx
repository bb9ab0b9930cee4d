/**
 * What a panel says while it has nothing to show: still empty, still loading, or failed.
 */
import type { ReactNode } from 'react';

interface NoticeProps {
  readonly kind: 'empty' | 'loading' | 'error';
  readonly title: string;
  /** What to do about it. */
  readonly text?: ReactNode;
  readonly action?: { readonly label: string; run(): void };
}

const SKELETON_LINES = ['a', 'b', 'c'];

/** A notice in place of a panel's figures. While loading, lines stand for what will come. */
export function Notice({ kind, title, text, action }: NoticeProps) {
  if (kind === 'loading') {
    return (
      <div className="notice notice-loading" role="status">
        <span className="visually-hidden">{title}</span>
        {SKELETON_LINES.map((line) => (
          <div key={line} className="skeleton" aria-hidden="true" />
        ))}
      </div>
    );
  }
  return (
    <div className={`notice notice-${kind}`} role={kind === 'error' ? 'alert' : undefined}>
      <p className="notice-title">{title}</p>
      {text === undefined ? null : <div className="notice-text">{text}</div>}
      {action === undefined ? null : (
        <button type="button" className="button" onClick={action.run}>
          {action.label}
        </button>
      )}
    </div>
  );
}
