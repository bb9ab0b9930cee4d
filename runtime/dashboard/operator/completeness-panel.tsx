/**
 * How far figures go and how much of what happened is in them: watermark and completeness.
 */
import { Figure } from '../components/figure.tsx';
import { formatClock, formatCount, formatDuration, formatShare } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { useLive } from '../live/live-store.ts';

/** Below this, so many events came late that windows say too little. */
const LOW_COMPLETENESS = 0.99;

/** The panel of the watermark. */
export function CompletenessPanel({ nowMs }: { readonly nowMs: number }) {
  const frame = useLive((state) => state.frame);
  return (
    <Panel
      title="Watermark and completeness"
      hint="A second of event time is closed once every partition has stored what came up to it."
    >
      {frame === undefined ? (
        <Notice
          kind="loading"
          title="Waiting for the first frame"
          text="The coordinator sends one each second."
        />
      ) : (
        <>
          <dl className="figures">
            <Figure
              label="Closed up to"
              value={formatClock(frame.watermark_ms)}
              note={
                frame.watermark_ms === null
                  ? 'no event so far'
                  : `${formatDuration(Math.max(0, nowMs - frame.watermark_ms))} behind`
              }
            />
            <Figure
              label="Completeness"
              value={formatShare(frame.completeness, 2)}
              note="of the last hour came in time"
              tone={(frame.completeness ?? 1) < LOW_COMPLETENESS ? 'warn' : 'plain'}
            />
            <Figure
              label="Still open"
              value={formatCount(frame.open_events)}
              unit="events"
              note="in seconds not closed yet"
            />
          </dl>
          <HeldBack partitions={frame.held_back_by} />
        </>
      )}
    </Panel>
  );
}

function HeldBack({ partitions }: { readonly partitions: readonly number[] }) {
  if (partitions.length === 0) {
    return <p className="soft held-back">No partition holds the watermark back.</p>;
  }
  return (
    <p className="held-back" data-testid="held-back">
      Held back by{' '}
      {partitions.map((partition) => (
        <span key={partition} className="badge badge-warn">
          partition {partition}
        </span>
      ))}{' '}
      <span className="soft">a backlog, or nobody at work on it: see partitions.</span>
    </p>
  );
}
