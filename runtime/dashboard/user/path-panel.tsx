/**
 * How a user came here: channel touches and conversions in order, and orders that have settled.
 */
import type { UserSnapshot } from '../../../protocols/user-snapshot.ts';
import { formatDuration, formatMoment, formatMoney } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { type PathStep, pathSteps } from './path-steps.ts';

/** Steps shown before somebody asks for all of them. */
const LATEST_STEPS = 10;

interface PathPanelProps {
  readonly state: UserSnapshot['state'];
  readonly currency: string;
  readonly nowMs: number;
}

/** The panel of the path. */
export function PathPanel({ state, currency, nowMs }: PathPanelProps) {
  const steps = pathSteps(state.path, state.pathSettledMs);
  const latest = steps.slice(-LATEST_STEPS);
  const earlier = steps.slice(0, -LATEST_STEPS);
  return (
    <Panel
      title="Path"
      hint="Channel touches and conversions by event time, as attribution counts them."
    >
      {steps.length === 0 ? (
        <Notice
          kind="empty"
          title="No channel touch is remembered"
          text="Touches are impressions and clicks that name a channel, a campaign or a referrer."
        />
      ) : (
        <>
          {earlier.length === 0 ? null : (
            <details className="earlier">
              <summary>{earlier.length} earlier steps</summary>
              <Steps steps={earlier} {...{ currency, nowMs }} />
            </details>
          )}
          <Steps steps={latest} {...{ currency, nowMs }} />
          <p className="soft">
            Lookback {formatDuration(state.pathLookbackMs)}
            {state.pathSettledMs > 0
              ? `; settled up to ${formatMoment(state.pathSettledMs, nowMs)}`
              : '; nothing has settled yet'}
            .
          </p>
        </>
      )}
      <SettledOrders state={state} {...{ currency, nowMs }} />
    </Panel>
  );
}

interface StepsProps {
  readonly steps: readonly PathStep[];
  readonly currency: string;
  readonly nowMs: number;
}

function Steps({ steps, currency, nowMs }: StepsProps) {
  return (
    <ol className="path">
      {steps.map((step) => (
        <li key={`${step.kind} ${step.id}`} className={`path-step is-${step.kind}`}>
          <span className="path-gap">
            {step.gapMs === undefined ? 'first' : `+${formatDuration(step.gapMs)}`}
          </span>
          <span className="path-what">
            {step.kind === 'conversion' ? (
              <>
                <b>{formatMoney(step.micros, currency)}</b> order {step.name}
              </>
            ) : (
              <b>{step.name}</b>
            )}
            {step.campaign === undefined ? null : <> · {step.campaign}</>}
            {step.isSettled ? <span className="badge">settled</span> : null}
          </span>
          <time dateTime={new Date(step.atMs).toISOString()}>{formatMoment(step.atMs, nowMs)}</time>
        </li>
      ))}
    </ol>
  );
}

function SettledOrders({ state, currency, nowMs }: PathPanelProps) {
  const { orders, purchases } = state;
  if (purchases.count === 0) return null;
  return (
    <section className="orders" aria-label="Orders">
      <h3>Orders</h3>
      <p className="soft">
        {purchases.count} so far, {formatMoney(purchases.micros, currency)} in all
      </p>
      <ul className="rows">
        {orders.map(({ order, t, micros, touches }) => (
          <li key={order}>
            <span>
              <b>{formatMoney(micros, currency)}</b> {order}
              <span className="soft">
                {' '}
                after {touches.map(({ channel }) => channel).join(' → ') || 'no touch'}
              </span>
            </span>
            <span className="soft">{formatMoment(t, nowMs)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
