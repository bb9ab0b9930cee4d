/**
 * The operators' view: whether the engine keeps up, where it does not, and what to do about it.
 *
 * Owns the samples that throughput is made of, and the question for partitions.
 */
import { useRef } from 'react';
import type { PartitionsReport } from '../../../protocols/services.ts';
import { Notice } from '../components/notice.tsx';
import { useEngineNow } from '../components/now.ts';
import { useAsked } from '../live/ask.ts';
import { useLive } from '../live/live-store.ts';
import { useIsOperator } from '../live/session.ts';
import '../styles/operator.css';
import { AlertsPanel } from './alerts-panel.tsx';
import { CalibrationPanel } from './calibration-panel.tsx';
import { CompletenessPanel } from './completeness-panel.tsx';
import { DeadLettersPanel } from './dead-letters-panel.tsx';
import { DriftPanel } from './drift-panel.tsx';
import { Headline } from './headline.tsx';
import { partitionRows } from './partition-rows.ts';
import { PartitionsPanel } from './partitions-panel.tsx';
import { NO_SAMPLES, type Samples, withFrames } from './rates.ts';
import { StagesPanel } from './stages-panel.tsx';
import { WorkersPanel } from './workers-panel.tsx';

const PARTITIONS_EVERY_MS = 5_000;

/** The view; viewers are told who may see it. */
export function OperatorView() {
  if (useIsOperator()) return <Operations />;
  return (
    <div className="panel">
      <Notice
        kind="empty"
        title="Operations are for operators"
        text="You are logged in as a viewer. Log in as an operator to see partitions and workers."
      />
    </div>
  );
}

function Operations() {
  const workers = useLive((state) => state.workers);
  const samples = useSamples();
  const asked = useAsked<PartitionsReport>('/v1/inspect/partitions', PARTITIONS_EVERY_MS);
  const nowMs = useEngineNow();
  const rows = partitionRows(asked.value, workers.values(), nowMs);
  return (
    <div className="grid operator-view">
      <Headline rows={rows} samples={samples} nowMs={nowMs} />
      <AlertsPanel nowMs={nowMs} />
      <StagesPanel />
      <PartitionsPanel rows={rows} asked={asked} nowMs={nowMs} />
      <WorkersPanel samples={samples} nowMs={nowMs} />
      <CompletenessPanel nowMs={nowMs} />
      <DeadLettersPanel />
      <CalibrationPanel />
      <DriftPanel />
    </div>
  );
}

/** The workers' last frames, carried on as frames come. */
function useSamples(): Samples {
  const workers = useLive((state) => state.workers);
  const known = useRef({ workers, samples: NO_SAMPLES });
  if (known.current.workers !== workers || known.current.samples === NO_SAMPLES) {
    known.current = { workers, samples: withFrames(known.current.samples, workers) };
  }
  return known.current.samples;
}
