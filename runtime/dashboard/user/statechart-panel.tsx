/**
 * A user's statechart: four parallel regions, where each stands and since when, and what its guards
 * read; the same in words for those who do not see the drawing.
 */
import { useEffect, useRef, useState } from 'react';
import type { UserHistory } from '../../../protocols/live-services.ts';
import type { Chart, UserSnapshot } from '../../../protocols/user-snapshot.ts';
import { formatDuration, formatMoment, formatShare } from '../components/format.ts';
import { Panel } from '../components/panel.tsx';
import { deadlines } from './deadlines.ts';
import { type LastMove, lastMoves } from './last-moves.ts';
import { meaningOf, RegionDrawing } from './region-drawing.tsx';
import {
  type Region,
  RISK_LEVELS,
  STATECHART,
  type TakenMove,
  takenBetween,
} from './statechart.ts';

/** How long a transition that was just taken stays marked. */
const FLASH_MS = 1_800;

interface StatechartPanelProps {
  readonly snapshot: UserSnapshot;
  readonly history: UserHistory | undefined;
  readonly nowMs: number;
}

/** The statechart's panel. */
export function StatechartPanel({ snapshot, history, nowMs }: StatechartPanelProps) {
  const { chart, state } = snapshot;
  const taken = useTaken(snapshot.user, chart);
  const moves = lastMoves(history?.points ?? [], chart);
  return (
    <Panel
      title="Statechart"
      hint="Four regions at once. Each accepted event is folded, then every region settles."
      wide
    >
      <div className="regions">
        {STATECHART.map((region) => (
          <RegionDrawing
            key={region.region}
            region={region}
            current={chart[region.region]}
            taken={taken.find((each) => each.region === region.region)}
            since={
              <Since
                move={moves[region.region]}
                atMs={region.region === 'funnel' ? state.funnelSinceMs : -1}
                nowMs={nowMs}
              />
            }
          >
            <RegionFacts region={region.region} state={state} nowMs={nowMs} />
          </RegionDrawing>
        ))}
      </div>
      <StatechartInWords chart={chart} />
    </Panel>
  );
}

/** The moves that the last look showed; none a moment later, or once another user is looked at. */
function useTaken(user: string, chart: Chart): readonly TakenMove[] {
  const last = useRef({ user, chart });
  const [taken, setTaken] = useState<readonly TakenMove[]>([]);
  useEffect(() => {
    const before = last.current;
    last.current = { user, chart };
    const moves = before.user === user ? takenBetween(before.chart, chart) : [];
    if (moves.length > 0) setTaken(moves);
  }, [user, chart]);
  useEffect(() => {
    if (taken.length === 0) return;
    const timer = setTimeout(() => setTaken([]), FLASH_MS);
    return () => clearTimeout(timer);
  }, [taken]);
  return taken;
}

interface SinceProps {
  readonly move: LastMove | undefined;
  /** Where no event shows the move: since when it is so; -1 where that is not known either. */
  readonly atMs: number;
  readonly nowMs: number;
}

function Since({ move, atMs, nowMs }: SinceProps) {
  if (move === undefined) return atMs < 0 ? null : <>since {formatMoment(atMs, nowMs)}</>;
  return (
    <>
      since {formatMoment(move.atMs, nowMs)}, by <b>{move.by}</b>
    </>
  );
}

interface RegionFactsProps {
  readonly region: Region;
  readonly state: UserSnapshot['state'];
  readonly nowMs: number;
}

function RegionFacts({ region, state, nowMs }: RegionFactsProps) {
  const [session, lapse] = deadlines(state, nowMs);
  switch (region) {
    case 'consent':
      return (
        <dl className="facts">
          <dt>measurement</dt>
          <dd>{state.consent.measurement}</dd>
          <dt>personalization</dt>
          <dd>{state.consent.personalization}</dd>
        </dl>
      );
    case 'session':
      return (
        <dl className="facts">
          <dt>sessions</dt>
          <dd>{state.session.count}</dd>
          <dt>{session?.isPast ? 'ended' : 'ends in'}</dt>
          <dd>
            {formatDuration(session?.distanceMs)}
            {session?.isPast ? ' ago' : ''}
          </dd>
        </dl>
      );
    case 'funnel':
      return (
        <dl className="facts">
          <dt>last event's step</dt>
          <dd>{state.step}</dd>
          <dt>{lapse?.isPast ? 'lapsed' : 'lapses in'}</dt>
          <dd>
            {formatDuration(lapse?.distanceMs)}
            {lapse?.isPast ? ' ago' : ''}
          </dd>
        </dl>
      );
    case 'risk':
      return <RiskGauge risk={state.intents.churn_risk} />;
  }
}

const RISK_TICKS = [
  { level: RISK_LEVELS.down.steady, name: '↓ steady' },
  { level: RISK_LEVELS.up.drifting, name: '↑ drifting' },
  { level: RISK_LEVELS.down.drifting, name: '↓ drifting' },
  { level: RISK_LEVELS.up.atRisk, name: '↑ atRisk' },
] as const;

function RiskGauge({ risk }: { readonly risk: number }) {
  return (
    <>
      <dl className="facts">
        <dt>churn risk</dt>
        <dd>{formatShare(risk)}</dd>
      </dl>
      <div className="risk-gauge" aria-hidden="true">
        <div className="risk-gauge-bar" style={{ width: `${risk * 100}%` }} />
        {RISK_TICKS.map(({ level, name }) => (
          <i key={name} style={{ left: `${level * 100}%` }} title={`${name} at ${level}`} />
        ))}
      </div>
      <p className="risk-levels">
        up at {RISK_LEVELS.up.drifting} and {RISK_LEVELS.up.atRisk}, back below{' '}
        {RISK_LEVELS.down.drifting} and {RISK_LEVELS.down.steady}
      </p>
    </>
  );
}

function StatechartInWords({ chart }: { readonly chart: Chart }) {
  return (
    <details className="in-words">
      <summary>The statechart in words</summary>
      <p>Now: {STATECHART.map(({ region }) => `${region} is ${chart[region]}`).join(', ')}.</p>
      <div className="table-scroll">
        <table>
          <caption className="visually-hidden">All transitions</caption>
          <thead>
            <tr>
              {['region', 'from', 'to', 'event', 'guard', 'when'].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {STATECHART.flatMap(({ region, transitions }) =>
              transitions.map((each) => (
                <tr key={`${region} ${each.from} ${each.to} ${each.event}`}>
                  <td>{region}</td>
                  <td>{each.from}</td>
                  <td>{each.to}</td>
                  <td>{each.event}</td>
                  <td>{each.guard ?? ''}</td>
                  <td>{meaningOf(each)}</td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </div>
    </details>
  );
}
