/**
 * The operators' headline: throughput, lag, what was refused, failed commits.
 */
import { Figure } from '../components/figure.tsx';
import { formatCount, formatDuration, formatRate, UNKNOWN } from '../components/format.ts';
import { useLive } from '../live/live-store.ts';
import type { PartitionRow } from './partition-rows.ts';
import { ratesOfAll, type Samples } from './rates.ts';

/** A watermark that is older is worth a look. */
const LATE_MS = 10_000;

interface HeadlineProps {
  readonly rows: readonly PartitionRow[];
  readonly samples: Samples;
  readonly nowMs: number;
}

/** The figures that say at once whether the engine keeps up. */
export function Headline({ rows, samples, nowMs }: HeadlineProps) {
  const workers = useLive((state) => state.workers);
  const pulse = useLive((state) => state.pulse);
  const watermarkMs = useLive((state) => state.frame?.watermark_ms);
  const rates = ratesOfAll(samples);
  const frames = [...workers.values()];
  const total = (pick: (frame: (typeof frames)[number]) => number): number | undefined =>
    frames.length === 0 ? undefined : frames.reduce((sum, frame) => sum + pick(frame), 0);
  const isLagKnown = rows.some(({ lag }) => lag !== undefined);
  const lag = isLagKnown ? rows.reduce((sum, each) => sum + (each.lag ?? 0), 0) : undefined;
  const stopped = rows.filter(({ tone }) => tone === 'bad').length;
  const behindMs = watermarkMs == null ? undefined : Math.max(0, nowMs - watermarkMs);
  const failed = total(({ failed_commits }) => failed_commits);
  return (
    <section className="panel panel-wide" aria-label="Headline">
      <dl className="figures figures-eight">
        <Figure
          label="Throughput"
          value={formatRate(rates?.eventsPerS)}
          unit="events/s"
          note={`${formatRate(rates?.commitsPerS)} commits/s`}
          testId="events-per-s"
        />
        <Figure
          label="Lag"
          value={formatCount(lag)}
          unit={lag === 1 ? 'event' : 'events'}
          note="waiting in the logs"
          tone={lag !== undefined && lag > 0 && stopped > 0 ? 'bad' : 'plain'}
          testId="lag"
        />
        <Figure
          label="Figures are behind"
          value={behindMs === undefined ? UNKNOWN : formatDuration(behindMs)}
          note="age of the watermark"
          tone={behindMs !== undefined && behindMs > LATE_MS ? 'warn' : 'plain'}
        />
        <Figure
          label="Partitions running"
          value={`${rows.length - rows.filter(({ tone }) => tone !== 'good').length}`}
          unit={`of ${rows.length}`}
          tone={stopped > 0 ? 'bad' : 'plain'}
          note={stopped > 0 ? `${stopped} stand still` : `${frames.length} workers`}
          testId="partitions-running"
        />
        <Figure
          label="Duplicates"
          value={formatCount(pulse?.duplicates, true)}
          note={shareOf(pulse?.duplicates, pulse?.events)}
        />
        <Figure
          label="Rejected"
          value={formatCount(pulse?.rejected, true)}
          note={shareOf(pulse?.rejected, pulse?.events)}
        />
        <Figure
          label="Failed commits"
          value={formatCount(failed)}
          note="since workers started"
          tone={failed !== undefined && failed > 0 ? 'warn' : 'plain'}
        />
        <Figure
          label="Residents"
          value={formatCount(total(({ residents }) => residents))}
          note="users in memory"
        />
      </dl>
    </section>
  );
}

function shareOf(part: number | undefined, accepted: number | undefined): string {
  if (part === undefined || accepted === undefined) return 'since the engine began';
  const all = part + accepted;
  return all === 0 ? 'of no events' : `${((100 * part) / all).toFixed(2)} % of what came`;
}
