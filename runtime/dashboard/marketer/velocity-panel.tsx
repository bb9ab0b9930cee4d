/**
 * Funnel velocity: how many users move on each minute, and how long they take.
 */
import { Fragment } from 'react';
import { formatCount, formatDuration } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { type Column, DataTable } from '../components/sortable-table.tsx';
import { useLive } from '../live/live-store.ts';
import { FUNNEL_WAY, type FunnelStep, funnelSteps, type Move } from './velocity.ts';

/** The way to a purchase from left to right, and every other move in a table. */
export function VelocityPanel() {
  const velocity = useLive((state) => state.frame?.velocity);
  return (
    <Panel
      title="Funnel velocity"
      hint="Users who moved on in the last minute; time they took, today (UTC): median and p90."
      wide={true}
    >
      {velocity === undefined ? (
        <Notice kind="loading" title="Loading funnel velocity" />
      ) : velocity.length === 0 ? (
        <Notice
          kind="empty"
          title="Nobody has moved along the funnel yet"
          text="Users begin as aware, and move on as they browse, return, and buy."
        />
      ) : (
        <Funnel velocity={velocity} />
      )}
    </Panel>
  );
}

function Funnel({ velocity }: { readonly velocity: readonly Move[] }) {
  const { way, others } = funnelSteps(velocity);
  return (
    <div className="stack">
      <ol className="funnel">
        {FUNNEL_WAY.map((state, index) => (
          <Fragment key={state}>
            <li className="funnel-state">{state}</li>
            {index < way.length ? <Step step={way[index] as FunnelStep} /> : null}
          </Fragment>
        ))}
      </ol>
      {others.length === 0 ? null : (
        <details className="more">
          <summary>Other moves ({others.length})</summary>
          <DataTable
            label="Other moves between funnel states"
            columns={COLUMNS}
            rows={others}
            rowKey={(move) => `${move.from}-${move.to}`}
          />
        </details>
      )}
    </div>
  );
}

function Step({ step: { from, to, move } }: { readonly step: FunnelStep }) {
  return (
    <li
      className="funnel-step"
      data-testid={`velocity-${from}-${to}`}
      data-p50-ms={move?.p50_ms ?? ''}
      data-p90-ms={move?.p90_ms ?? ''}
    >
      <span className="visually-hidden">
        from {from} to {to}:
      </span>
      <strong>
        {formatCount(move?.users_minute ?? 0)}
        <small> users/min</small>
      </strong>
      <span className="funnel-arrow" aria-hidden="true" />
      <span>
        <span className="soft">median</span> {formatDuration(move?.p50_ms)}
      </span>
      <span>
        <span className="soft">p90</span> {formatDuration(move?.p90_ms)}
      </span>
      <span className="soft">{formatCount(move?.users_today ?? 0)} today</span>
    </li>
  );
}

const COLUMNS: readonly Column<Move>[] = [
  {
    ...{ key: 'move', header: 'Move', sortBy: (move) => `${move.from} ${move.to}` },
    cell: (move) => (
      <span data-testid={`velocity-${move.from}-${move.to}`} data-p50-ms={move.p50_ms ?? ''}>
        {move.from} → {move.to}
      </span>
    ),
  },
  {
    ...{ key: 'minute', header: 'Users/min', align: 'right', sortBy: (move) => move.users_minute },
    cell: (move) => formatCount(move.users_minute),
  },
  {
    ...{ key: 'today', header: 'Today', align: 'right', sortBy: (move) => move.users_today },
    cell: (move) => formatCount(move.users_today),
  },
  {
    ...{ key: 'p50', header: 'Median', align: 'right', sortBy: (move) => move.p50_ms },
    cell: (move) => formatDuration(move.p50_ms),
  },
  {
    ...{ key: 'p90', header: 'p90', align: 'right', sortBy: (move) => move.p90_ms },
    cell: (move) => formatDuration(move.p90_ms),
  },
];
