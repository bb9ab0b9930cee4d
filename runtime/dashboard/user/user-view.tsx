/**
 * The view of any single user: where the statechart stands, the fused state and its past, why the
 * scores are what they are, the path here, and the decisions.
 *
 * Owns what is asked of one user: the snapshot each second while the feed is live, the past and the
 * decisions when the snapshot has moved.
 */
import { useEffect, useState } from 'react';
import type { DecisionsReport, UserHistory } from '../../../protocols/live-services.ts';
import type { UserReport } from '../../../protocols/services.ts';
import { Figure } from '../components/figure.tsx';
import { formatAgo, formatCount } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { useNow } from '../components/now.ts';
import { type Asked, useAsked } from '../live/ask.ts';
import { useLive } from '../live/live-store.ts';
import { useIsOperator } from '../live/session.ts';
import '../styles/user.css';
import '../styles/statechart.css';
import '../styles/user-lines.css';
import '../styles/user-records.css';
import { useAgainAfter } from './again-after.ts';
import { DecisionsPanel } from './decisions-panel.tsx';
import { FusedState } from './fused-state.tsx';
import { MemoryPanel } from './memory-panel.tsx';
import { PathPanel } from './path-panel.tsx';
import { StatechartPanel } from './statechart-panel.tsx';
import { UserSearch } from './user-search.tsx';
import { WhyPanel } from './why-panel.tsx';

const LOOK_EVERY_MS = 1_000;
/** A user who is not there may come: looked for less often. */
const LOOK_AGAIN_EVERY_MS = 5_000;
/** What money is shown in before the first frame has named the currency: none. */
const NO_CURRENCY = 'XXX';

/** @param user the id to show; without one, only the search. */
export function UserView({ user }: { readonly user?: string }) {
  const isOperator = useIsOperator();
  if (!isOperator) {
    return (
      <div className="panel">
        <Notice
          kind="empty"
          title="Single users are for operators"
          text="You are logged in as a viewer, who sees groups only. Log in as an operator."
        />
      </div>
    );
  }
  return (
    <div className="grid user-view">
      <UserSearch user={user} />
      {user === undefined ? (
        <div className="panel panel-wide">
          <Notice
            kind="empty"
            title="Which user?"
            text="Type the id that your application sends with events, and press Enter."
          />
        </div>
      ) : (
        <LookedAtUser key={user} user={user} />
      )}
    </div>
  );
}

function LookedAtUser({ user }: { readonly user: string }) {
  const connection = useLive((state) => state.connection);
  const currency = useLive((state) => state.frame?.currency) ?? NO_CURRENCY;
  const path = `/v1/inspect/users/${encodeURIComponent(user)}`;
  const [everyMs, setEveryMs] = useState(LOOK_EVERY_MS);
  const report = useAsked<UserReport>(path, connection === 'live' ? everyMs : undefined);
  const isFound = report.status !== 'failed' || report.value !== undefined;
  useEffect(() => setEveryMs(isFound ? LOOK_EVERY_MS : LOOK_AGAIN_EVERY_MS), [isFound]);
  const sequence = report.value?.snapshot.sequence;
  const isKnown = sequence !== undefined;
  const history = useAsked<UserHistory>(isKnown ? `${path}/history` : undefined);
  const decisions = useAsked<DecisionsReport>(isKnown ? `${path}/decisions` : undefined);
  useAgainAfter(sequence, history);
  useAgainAfter(sequence, decisions);
  const browserNowMs = useNow();

  if (report.value === undefined) return <NoReport user={user} report={report} />;
  const { value, askedAtMs = browserNowMs } = report;
  // The engine's time as it answered, and what has passed since by the browser's own clock.
  const nowMs = value.as_of_ms + Math.max(0, browserNowMs - askedAtMs);
  const shown = { currency, nowMs };
  return (
    <>
      <Identity report={value} isFailing={report.status === 'failed'} nowMs={nowMs} />
      <StatechartPanel snapshot={value.snapshot} history={history.value} nowMs={nowMs} />
      <FusedState report={value} history={history} />
      <WhyPanel report={value} />
      <PathPanel state={value.snapshot.state} {...shown} />
      <MemoryPanel report={value} {...shown} />
      <DecisionsPanel decisions={decisions} {...shown} />
    </>
  );
}

interface NoReportProps {
  readonly user: string;
  readonly report: Asked<UserReport>;
}

function NoReport({ user, report: { status, problem, again } }: NoReportProps) {
  if (status === 'loading') {
    return (
      <div className="panel panel-wide">
        <Notice kind="loading" title={`Looking for ${user}`} />
      </div>
    );
  }
  if (problem?.status === 403) {
    return (
      <div className="panel panel-wide">
        <Notice
          kind="error"
          title="Single users are for operators"
          text={`${problem.problem}. ${problem.hint ?? ''}`}
        />
      </div>
    );
  }
  const isUnknown = problem?.status === 404 || problem?.problem.startsWith('no user') === true;
  return (
    <div className="panel panel-wide">
      {isUnknown ? (
        <Notice
          kind="empty"
          title={`No user “${user}”`}
          text={<WhatToCheck />}
          action={{ label: 'Look again', run: again }}
        />
      ) : (
        <Notice
          kind="error"
          title={`${user} could not be read`}
          text={`${problem?.problem ?? ''} ${problem?.hint ?? ''}`.trim()}
          action={{ label: 'Try again', run: again }}
        />
      )}
    </div>
  );
}

function WhatToCheck() {
  return (
    <>
      <p>No events of this user were accepted so far. Worth a look, whether</p>
      <ul className="checks">
        <li>the id is the one that events carry, letter for letter, capitals included;</li>
        <li>
          events were not refused: see dead letters under <a href="#/operations">Operations</a>
        </li>
        <li>nothing lags there, so that all events have been applied;</li>
        <li>the user was not erased.</li>
      </ul>
    </>
  );
}

interface IdentityProps {
  readonly report: UserReport;
  /** Whether the last question failed, so that what is shown is from before. */
  readonly isFailing: boolean;
  readonly nowMs: number;
}

function Identity({ report, isFailing, nowMs }: IdentityProps) {
  const { snapshot, partition, model_version } = report;
  const { state } = snapshot;
  return (
    <section className="panel panel-wide identity" aria-label="The user">
      <h2>
        {report.user_id}
        {isFailing ? <span className="badge badge-warn">not answering; as of before</span> : null}
      </h2>
      <dl className="figures">
        <Figure
          label="Last event"
          value={formatAgo(state.nowMs, nowMs)}
          note={`message ${formatCount(snapshot.sequence)} of partition ${partition}`}
        />
        <Figure
          label="Events"
          value={formatCount(state.events)}
          note={`${formatCount(state.counted)} count for scores`}
        />
        <Figure label="Visits" value={formatCount(state.session.count)} />
        <Figure label="Orders" value={formatCount(state.purchases.count)} />
        <Figure
          label="Purchase intent"
          value={state.intents.purchase_intent.toFixed(2)}
          note={`model ${model_version}`}
        />
        <Figure label="Churn risk" value={state.intents.churn_risk.toFixed(2)} />
      </dl>
    </section>
  );
}
