/**
 * The partitions: who works on each, how far it is, and which of them need somebody.
 */
import type { PartitionsReport } from '../../../protocols/services.ts';
import { formatAgo, formatCount, UNKNOWN } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { type Column, DataTable } from '../components/sortable-table.tsx';
import type { Asked } from '../live/ask.ts';
import { type PartitionRow, STATUS_MEANINGS } from './partition-rows.ts';

const TABLE_HEIGHT = 420;

interface PartitionsPanelProps {
  readonly rows: readonly PartitionRow[];
  readonly asked: Asked<PartitionsReport>;
  readonly nowMs: number;
}

/** The panel of partitions: a map of all of them, and a table. */
export function PartitionsPanel({ rows, asked, nowMs }: PartitionsPanelProps) {
  const broken = rows.filter(({ tone }) => tone === 'bad');
  return (
    <Panel
      title="Partitions"
      hint="As workers say each second; lag and checkpoints are read every five seconds."
      wide
    >
      {broken.length === 0 ? null : <Broken rows={broken} />}
      {asked.status === 'failed' ? (
        <Notice
          kind="error"
          title="Lag could not be read"
          text={`${asked.problem?.problem ?? ''} ${asked.problem?.hint ?? ''}`.trim()}
          action={{ label: 'Try again', run: asked.again }}
        />
      ) : null}
      {rows.length === 0 ? (
        <NoPartitions isLoading={asked.status === 'loading'} />
      ) : (
        <>
          <ul className="partition-map" aria-label="All partitions">
            {rows.map(({ partition, status, tone, owner }) => (
              <li
                key={partition}
                className={`partition-cell is-${tone}`}
                data-testid={`partition-${partition}`}
                data-status={status}
                title={`partition ${partition}: ${status}${owner === '' ? '' : `, ${owner}`}`}
              >
                <span className="visually-hidden">partition </span>
                {partition}
                {tone === 'good' ? null : <small>{status}</small>}
                <span className="visually-hidden">{tone === 'good' ? ` ${status}` : ''}</span>
              </li>
            ))}
          </ul>
          <DataTable
            label="Partitions"
            columns={columnsAt(nowMs)}
            rows={rows}
            rowKey={({ partition }) => String(partition)}
            maxHeight={TABLE_HEIGHT}
          />
        </>
      )}
    </Panel>
  );
}

function NoPartitions({ isLoading }: { readonly isLoading: boolean }) {
  return isLoading ? (
    <Notice kind="loading" title="Reading partitions" />
  ) : (
    <Notice
      kind="empty"
      title="No partition is known"
      text="No worker has been heard, and the coordinator has not answered."
    />
  );
}

function Broken({ rows }: { readonly rows: readonly PartitionRow[] }) {
  const statuses = [...new Set(rows.map(({ status }) => status))];
  return (
    <div className="partition-broken" role="alert">
      {statuses.map((status) => {
        const names = rows.filter((row) => row.status === status).map((row) => row.partition);
        return (
          <p key={status}>
            <b>
              {status}: {names.join(', ')}
            </b>{' '}
            {STATUS_MEANINGS[status] ?? ''}
          </p>
        );
      })}
    </div>
  );
}

function columnsAt(nowMs: number): readonly Column<PartitionRow>[] {
  return [
    {
      key: 'partition',
      header: 'partition',
      cell: ({ partition }) => partition,
      sortBy: ({ partition }) => partition,
    },
    {
      key: 'status',
      header: 'status',
      cell: ({ status, tone }) => (
        <span className={`badge ${BADGES[tone]}`} title={STATUS_MEANINGS[status]}>
          {status}
        </span>
      ),
      sortBy: ({ status }) => status,
    },
    {
      key: 'owner',
      header: 'owner',
      cell: ({ owner }) => (owner === '' ? <b className="bad">nobody</b> : owner),
      sortBy: ({ owner }) => owner,
    },
    {
      key: 'epoch',
      header: 'epoch',
      cell: ({ epoch }) => formatCount(epoch),
      sortBy: ({ epoch }) => epoch,
      align: 'right',
    },
    {
      key: 'sequence',
      header: 'stored up to',
      cell: ({ sequence }) => formatCount(sequence),
      sortBy: ({ sequence }) => sequence,
      align: 'right',
    },
    {
      key: 'lag',
      header: 'lag',
      cell: ({ lag }) => (lag === undefined ? UNKNOWN : formatCount(lag)),
      sortBy: ({ lag }) => lag ?? null,
      align: 'right',
    },
    {
      key: 'queued',
      header: 'queued',
      cell: ({ queued }) => formatCount(queued),
      sortBy: ({ queued }) => queued,
      align: 'right',
    },
    {
      key: 'caught-up',
      header: 'caught up to',
      cell: ({ caughtUpMs }) => (caughtUpMs === 0 ? UNKNOWN : formatAgo(caughtUpMs, nowMs)),
      sortBy: ({ caughtUpMs }) => caughtUpMs,
      align: 'right',
    },
  ];
}

const BADGES = { good: 'badge-good', busy: 'badge-warn', bad: 'badge-bad' } as const;
