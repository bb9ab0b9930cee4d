/**
 * Where time goes on an event's way: each stage against what 99 of 100 events may take.
 */
import { formatCount } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { useLive } from '../live/live-store.ts';
import {
  formatLatency,
  SCALE_MS,
  STAGE_MEANINGS,
  type StageLatency,
  scaleShare,
  stageLatencies,
} from './stages.ts';

const VERDICT_WORDS = {
  unknown: 'not passed lately',
  within: 'within budget',
  near: 'near its budget',
  over: 'over budget',
} as const;

/** The panel of stage latencies. */
export function StagesPanel() {
  const workers = useLive((state) => state.workers);
  const frames = [...workers.values()];
  const sampleEvery = Math.max(0, ...frames.map(({ sample_every }) => sample_every));
  const measured =
    sampleEvery <= 1 ? 'every event' : `1 event in ${formatCount(sampleEvery)}, sampled`;
  return (
    <Panel
      title="Stage latencies"
      hint={`Of the last minute, ${measured}. The mark is p99's budget; the scale is logarithmic.`}
    >
      {frames.length === 0 ? (
        <Notice
          kind="empty"
          title="No worker has been heard"
          text="Workers say each second how they do. Is one running, and connected to NATS?"
        />
      ) : (
        <>
          <ul className="stages">
            {stageLatencies(frames).map((stage) => (
              <StageRow key={stage.stage} latency={stage} isOneOf={frames.length > 1} />
            ))}
          </ul>
          <StageScale />
        </>
      )}
    </Panel>
  );
}

interface StageRowProps {
  readonly latency: StageLatency;
  /** Whether there are several workers, so that it matters whose figures these are. */
  readonly isOneOf: boolean;
}

function StageRow({ latency, isOneOf }: StageRowProps) {
  const { stage, budgetMs, count, p50Ms, p99Ms, maxMs, slowest, verdict } = latency;
  const isMeasured = count > 0;
  const p99 = formatLatency(p99Ms);
  return (
    <li className={`stage stage-${verdict}`} data-testid={`stage-${stage}`} data-verdict={verdict}>
      <span className="stage-name">
        <b>{stage}</b> <span className="soft">{STAGE_MEANINGS[stage]}</span>
      </span>
      <span className="stage-figures">
        {isMeasured ? (
          <>
            <span className="soft">p50</span> {formatLatency(p50Ms)}{' '}
            <span className="soft">p99</span> <b className="stage-p99">{p99}</b>{' '}
            <span className="soft">max</span> {formatLatency(maxMs)}
          </>
        ) : null}
      </span>
      <span className="stage-track" aria-hidden="true">
        {isMeasured ? (
          <>
            <i className="stage-max" style={{ width: percent(maxMs) }} />
            <i className="stage-bar" style={{ width: percent(p99Ms) }} />
            <i className="stage-median" style={{ left: percent(p50Ms) }} />
          </>
        ) : null}
        <i className="stage-budget" style={{ left: percent(budgetMs) }} />
      </span>
      <span className="stage-verdict">
        {VERDICT_WORDS[verdict]}, {budgetMs} ms
        {isMeasured ? `; ${formatCount(count)} measured` : ''}
        {isMeasured && isOneOf ? `; slowest: ${slowest}` : ''}
      </span>
    </li>
  );
}

const SCALE_LABELS_MS = [0.1, 1, 10, 100, 1_000];

function StageScale() {
  return (
    <div className="stage-scale" aria-hidden="true">
      {SCALE_LABELS_MS.map((ms) => (
        <span key={ms} style={{ left: percent(ms) }}>
          {ms >= 1_000 ? `${ms / 1_000} s` : `${ms} ms`}
        </span>
      ))}
      <span className="visually-hidden">
        from {SCALE_MS.least} to {SCALE_MS.most} ms
      </span>
    </div>
  );
}

function percent(ms: number): string {
  return `${scaleShare(ms) * 100}%`;
}
