/**
 * What else is remembered of a user: deadlines, consent, interests, wins that outcomes may follow,
 * and holdouts.
 */
import type { ReactNode } from 'react';
import type { UserReport } from '../../../protocols/services.ts';
import { formatDuration, formatMoment, formatMoney } from '../components/format.ts';
import { Panel } from '../components/panel.tsx';
import { type Deadline, deadlines } from './deadlines.ts';

/** Interests shown, the strongest; exposures shown, the latest. */
const SHOWN_INTERESTS = 8;
const SHOWN_EXPOSURES = 8;

interface MemoryPanelProps {
  readonly report: UserReport;
  readonly currency: string;
  readonly nowMs: number;
}

/** The panel of what is remembered. */
export function MemoryPanel({ report, currency, nowMs }: MemoryPanelProps) {
  const { state } = report.snapshot;
  return (
    <Panel
      wide
      title="Clock and memory"
      hint={
        <>
          The user's clock is the latest event time, {formatMoment(state.nowMs, nowMs)}
          {state.timeZone === null ? '' : `, in ${state.timeZone.name}`}.
        </>
      }
    >
      <div className="memory">
        <Part title="Deadlines">
          <ul className="deadlines">
            {deadlines(state, nowMs).map((each) => (
              <DeadlineRow key={each.name} deadline={each} nowMs={nowMs} />
            ))}
          </ul>
        </Part>
        <Consent consent={state.consent} nowMs={nowMs} />
        <Interests report={report} />
        <Exposures {...{ report, currency, nowMs }} />
        <Trials {...{ report, currency, nowMs }} />
      </div>
    </Panel>
  );
}

function Part({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function DeadlineRow({ deadline, nowMs }: { readonly deadline: Deadline; readonly nowMs: number }) {
  const { name, atMs, meaning, share, isPast, distanceMs } = deadline;
  return (
    <li className={isPast ? 'is-past' : undefined}>
      <span>
        {name}{' '}
        <b>{isPast ? `${formatDuration(distanceMs)} ago` : `in ${formatDuration(distanceMs)}`}</b>
      </span>
      <span className="soft">
        {formatMoment(atMs, nowMs)} · {meaning}
      </span>
      <span className="level" aria-hidden="true">
        <i style={{ width: `${share * 100}%` }} />
      </span>
    </li>
  );
}

interface ConsentProps {
  readonly consent: UserReport['snapshot']['state']['consent'];
  readonly nowMs: number;
}

function Consent({ consent, nowMs }: ConsentProps) {
  const { measurement, personalization, withheld, atMs } = consent;
  return (
    <Part title="Consent">
      <dl className="facts">
        <dt>measurement</dt>
        <dd>{measurement}</dd>
        <dt>personalization</dt>
        <dd>{personalization}</dd>
        <dt>withheld</dt>
        <dd>{withheld.join(', ') || 'nothing'}</dd>
        <dt>answered</dt>
        <dd>{atMs === 0 ? 'never' : formatMoment(atMs, nowMs)}</dd>
      </dl>
    </Part>
  );
}

function Interests({ report }: { readonly report: UserReport }) {
  const strongest = Object.entries(report.interests)
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN_INTERESTS);
  return (
    <Part title="Interests and preferences">
      {strongest.length === 0 ? (
        <p className="soft">None declared, none shown.</p>
      ) : (
        <ul className="levels">
          {strongest.map(([topic, weight]) => (
            <li key={topic}>
              <span>
                {topic}
                {report.snapshot.state.interests[topic]?.declared ? (
                  <span className="badge">declared</span>
                ) : null}
              </span>
              <span className="level" aria-hidden="true">
                <i style={{ width: `${weight * 100}%` }} />
              </span>
              <span className="line-value">{weight.toFixed(2)}</span>
            </li>
          ))}
        </ul>
      )}
    </Part>
  );
}

function Exposures({ report, currency, nowMs }: MemoryPanelProps) {
  const latest = report.snapshot.state.exposures.slice(-SHOWN_EXPOSURES).reverse();
  return (
    <Part title="Recent wins">
      {latest.length === 0 ? <p className="soft">No campaign has won this user lately.</p> : null}
      <ul className="rows">
        {latest.map(({ campaign, t, decision, seen, owes }) => (
          <li key={`${decision} ${campaign}`}>
            <span>
              <b>{campaign}</b>{' '}
              {seen.map((outcome) => (
                <span key={outcome} className="badge badge-good">
                  {outcome}
                </span>
              ))}
              {owes === null ? null : (
                <span className="soft">
                  {' '}
                  owes {formatMoney(owes.micros, currency)} if {owes.on}
                </span>
              )}
            </span>
            <span className="soft">{formatMoment(t, nowMs)}</span>
          </li>
        ))}
      </ul>
    </Part>
  );
}

const MICROS_PER_CENT = 10_000;
const PPM_PER_PERCENT = 10_000;

function Trials({ report, currency, nowMs }: MemoryPanelProps) {
  const { trials } = report.snapshot.state;
  return (
    <Part title="Holdouts">
      {trials.length === 0 ? <p className="soft">Takes part in none.</p> : null}
      <ul className="rows">
        {trials.map(({ campaign, isControl, ppm, t, conversions, cents }) => (
          <li key={campaign}>
            <span>
              <b>{campaign}</b>{' '}
              <span className={`badge ${isControl ? 'badge-warn' : 'badge-good'}`}>
                {isControl ? 'control' : 'treated'}
              </span>{' '}
              <span className="soft">
                {ppm / PPM_PER_PERCENT} % held out; {conversions} conversions,{' '}
                {formatMoney(cents * MICROS_PER_CENT, currency)} since
              </span>
            </span>
            <span className="soft">{formatMoment(t, nowMs)}</span>
          </li>
        ))}
      </ul>
    </Part>
  );
}
