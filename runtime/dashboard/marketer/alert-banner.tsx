/**
 * Open alerts, at the very top: the worst in full, the others one line each.
 */
import { useState } from 'react';
import type { Alert } from '../../../protocols/alert.ts';
import { alertFigure, headlineOf, pressing, severityOf } from '../components/alert-words.ts';
import { formatDuration, formatMoment } from '../components/format.ts';
import { useEngineNow } from '../components/now.ts';
import { post } from '../live/ask.ts';
import { tell, useLive } from '../live/live-store.ts';
import { useIsOperator } from '../live/session.ts';

/** Shown in full below the worst alert before a line says how many more there are. */
const MAX_LISTED = 5;

/** Nothing while there is no alert. */
export function AlertBanner() {
  const alerts = useLive((state) => state.alerts);
  const [worst, ...others] = pressing(alerts);
  if (worst === undefined) return null;
  const more = others.length - MAX_LISTED;
  return (
    <section className="alerts-now" aria-label="Open alerts">
      <WorstAlert alert={worst} />
      {others.length === 0 ? null : (
        <ul className="alerts-others">
          {others.slice(0, MAX_LISTED).map((alert) => (
            <OtherAlert key={alert.id} alert={alert} />
          ))}
          {more > 0 ? <li className="soft">and {more} more in the list below</li> : null}
        </ul>
      )}
    </section>
  );
}

function WorstAlert({ alert }: { readonly alert: Alert }) {
  const nowMs = useEngineNow();
  const currency = useLive((state) => state.frame?.currency ?? 'EUR');
  const figure = (value: number) => alertFigure(value, alert.unit, currency);
  return (
    <article className={`pressing pressing-${severityOf(alert)} pressing-${alert.status}`}>
      <div className="pressing-text" role="alert" data-testid="alert-headline">
        <h2>{headlineOf(alert)}</h2>
        <p className="pressing-meaning">{alert.meaning}</p>
      </div>
      <dl className="pressing-facts">
        <div>
          <dt>Since</dt>
          <dd>
            {formatMoment(alert.since_ms, nowMs)}
            <small>for {formatDuration(wholeSeconds(nowMs - alert.since_ms))}</small>
          </dd>
        </div>
        <div>
          <dt>Expected</dt>
          <dd>{figure(alert.expected)}</dd>
        </div>
        <div>
          <dt>Found</dt>
          <dd>
            <strong>{figure(alert.found)}</strong>
          </dd>
        </div>
      </dl>
      <Acknowledge alert={alert} />
    </article>
  );
}

function OtherAlert({ alert }: { readonly alert: Alert }) {
  const nowMs = useEngineNow();
  const currency = useLive((state) => state.frame?.currency ?? 'EUR');
  const figure = (value: number) => alertFigure(value, alert.unit, currency);
  return (
    <li className={`pressing-${severityOf(alert)}`}>
      <span className="pressing-mark" aria-hidden="true" />
      <span className="pressing-line">
        <strong>{headlineOf(alert)}</strong>{' '}
        <span className="soft">
          since {formatMoment(alert.since_ms, nowMs)}, expected {figure(alert.expected)}, found{' '}
          {figure(alert.found)}
        </span>
      </span>
      <Acknowledge alert={alert} />
    </li>
  );
}

/** Operators say that they have seen an alert; everybody sees who did. */
function Acknowledge({ alert }: { readonly alert: Alert }) {
  const isOperator = useIsOperator();
  const [problem, setProblem] = useState<string>();
  const [isAsking, setIsAsking] = useState(false);
  if (alert.acknowledged !== null) {
    return <p className="pressing-ack">Acknowledged by {alert.acknowledged.by}</p>;
  }
  if (!isOperator) return null;
  const acknowledge = async () => {
    setIsAsking(true);
    const answer = await post<Alert>(`/v1/alerts/${encodeURIComponent(alert.id)}/acknowledge`, {});
    setIsAsking(false);
    if (answer.isAnswered) tell({ feed: 'alert', value: answer.value });
    setProblem(answer.isAnswered ? undefined : answer.problem.problem);
  };
  return (
    <div className="pressing-ack">
      <button type="button" className="button" disabled={isAsking} onClick={acknowledge}>
        Acknowledge<span className="visually-hidden">: {headlineOf(alert)}</span>
      </button>
      {problem === undefined ? null : <small role="alert">{problem}</small>}
    </div>
  );
}

function wholeSeconds(ms: number): number {
  return Math.max(0, Math.floor(ms / 1000) * 1000);
}
