/**
 * The workers that have been heard lately.
 */
import type { WorkerFrame } from '../../../protocols/worker-frame.ts';
import { formatAgo, formatCount, formatRate } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { type Column, DataTable } from '../components/sortable-table.tsx';
import { useLive } from '../live/live-store.ts';
import { SILENT_AFTER_MS } from './partition-rows.ts';
import { ratesOf, type Samples } from './rates.ts';

interface WorkersPanelProps {
  readonly samples: Samples;
  readonly nowMs: number;
}

/** The panel of workers. */
export function WorkersPanel({ samples, nowMs }: WorkersPanelProps) {
  const workers = useLive((state) => state.workers);
  const rows = [...workers.values()].sort((a, b) => (a.worker < b.worker ? -1 : 1));
  return (
    <Panel title="Workers" hint="As each says every second; counts since it started.">
      {rows.length === 0 ? (
        <Notice
          kind="empty"
          title="No worker has been heard"
          text={
            <>
              Start one with <code>microtarget worker</code>, or look whether NATS answers.
            </>
          }
        />
      ) : (
        <DataTable
          label="Workers"
          columns={columnsOf(samples, nowMs)}
          rows={rows}
          rowKey={({ worker }) => worker}
        />
      )}
    </Panel>
  );
}

function columnsOf(samples: Samples, nowMs: number): readonly Column<WorkerFrame>[] {
  return [
    { key: 'worker', header: 'worker', cell: ({ worker }) => worker, sortBy: (row) => row.worker },
    {
      key: 'heard',
      header: 'heard',
      cell: ({ at_ms }) => (
        <span className={nowMs - at_ms > SILENT_AFTER_MS ? 'bad' : undefined}>
          {formatAgo(at_ms, nowMs)}
        </span>
      ),
      align: 'right',
    },
    {
      key: 'rate',
      header: 'events/s',
      cell: ({ worker }) => formatRate(ratesOf(samples.get(worker))?.eventsPerS),
      sortBy: ({ worker }) => ratesOf(samples.get(worker))?.eventsPerS ?? null,
      align: 'right',
    },
    {
      key: 'partitions',
      header: 'partitions',
      cell: ({ partitions }) => partitions.filter(({ status }) => status === 'running').length,
      sortBy: ({ partitions }) => partitions.length,
      align: 'right',
    },
    {
      key: 'residents',
      header: 'residents',
      cell: ({ residents }) => formatCount(residents),
      sortBy: ({ residents }) => residents,
      align: 'right',
    },
    {
      key: 'events',
      header: 'events',
      cell: ({ events }) => formatCount(events),
      sortBy: ({ events }) => events,
      align: 'right',
    },
    {
      key: 'failed',
      header: 'failed commits',
      cell: ({ commits, failed_commits }) => (
        <span className={failed_commits > 0 ? 'warn' : undefined}>
          {formatCount(failed_commits)} of {formatCount(commits)}
        </span>
      ),
      sortBy: ({ failed_commits }) => failed_commits,
      align: 'right',
    },
  ];
}
