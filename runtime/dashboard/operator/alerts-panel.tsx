/**
 * Alerts: those that are open, with who looks at them, and the latest that have passed.
 */
import { useState } from 'react';
import type { Alert } from '../../../protocols/alert.ts';
import { alertFigure, headlineOf, pressing, severityOf } from '../components/alert-words.ts';
import { formatAgo, formatClock } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { post } from '../live/ask.ts';
import { tell, useLive } from '../live/live-store.ts';

const SHOWN_RESOLVED = 10;

/** The panel of alerts, the worst first. */
export function AlertsPanel({ nowMs }: { readonly nowMs: number }) {
  const alerts = useLive((state) => state.alerts);
  const currency = useLive((state) => state.frame?.currency) ?? 'XXX';
  const open = pressing(alerts);
  const resolved = alerts
    .filter(({ status }) => status === 'resolved')
    .sort((a, b) => b.changed_ms - a.changed_ms)
    .slice(0, SHOWN_RESOLVED);
  return (
    <Panel
      title="Alerts"
      hint="What detectors and budgets' breakers found. To acknowledge says that you look at it."
    >
      {open.length === 0 ? (
        <Notice kind="empty" title="Nothing is wrong" text="No alert is open." />
      ) : (
        <ul className="alerts">
          {open.map((alert) => (
            <AlertRow key={alert.id} {...{ alert, currency, nowMs }} />
          ))}
        </ul>
      )}
      {resolved.length === 0 ? null : (
        <details className="resolved">
          <summary>Resolved lately: {resolved.length}</summary>
          <ul className="alerts">
            {resolved.map((alert) => (
              <AlertRow key={alert.id} {...{ alert, currency, nowMs }} />
            ))}
          </ul>
        </details>
      )}
    </Panel>
  );
}

interface AlertRowProps {
  readonly alert: Alert;
  readonly currency: string;
  readonly nowMs: number;
}

function AlertRow({ alert, currency, nowMs }: AlertRowProps) {
  const { status, since_ms, changed_ms, expected, found, unit, acknowledged, meaning } = alert;
  const isOpen = status === 'open';
  return (
    <li className={`alert alert-${status} alert-${severityOf(alert)}`} data-testid="alert">
      <div>
        <p className="alert-head">
          <b>{headlineOf(alert)}</b>{' '}
          <span className="soft" title={formatClock(since_ms)}>
            {status === 'resolved'
              ? `resolved ${formatAgo(changed_ms, nowMs)}`
              : `since ${formatAgo(since_ms, nowMs)}`}
          </span>
        </p>
        <p>
          found {alertFigure(found, unit, currency)}, expected{' '}
          {alertFigure(expected, unit, currency)}
        </p>
        <p className="soft">{meaning}</p>
        {acknowledged === null ? null : (
          <p className="soft">
            {acknowledged.by} looks at it, {formatAgo(acknowledged.at_ms, nowMs)}
          </p>
        )}
      </div>
      {isOpen ? <Acknowledge alert={alert} /> : null}
    </li>
  );
}

function Acknowledge({ alert }: { readonly alert: Alert }) {
  const [isSending, setIsSending] = useState(false);
  const [problem, setProblem] = useState<string>();
  const acknowledge = async () => {
    setIsSending(true);
    const path = `/v1/alerts/${encodeURIComponent(alert.id)}/acknowledge`;
    const answer = await post<Alert>(path, {});
    setIsSending(false);
    if (answer.isAnswered) tell({ feed: 'alert', value: answer.value });
    else setProblem(answer.problem.problem);
  };
  return (
    <div className="alert-action">
      <button type="button" className="button" disabled={isSending} onClick={acknowledge}>
        Acknowledge
      </button>
      {problem === undefined ? null : (
        <p role="alert" className="bad">
          {problem}
        </p>
      )}
    </div>
  );
}
