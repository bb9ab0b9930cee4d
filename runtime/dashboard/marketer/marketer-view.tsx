/**
 * The marketers' view: what is wrong first, then how much, then where it comes from.
 */
import './alerts.css';
import './campaigns.css';
import './marketer.css';
import type { AttributionReport } from '../../../protocols/services.ts';
import { useNow } from '../components/now.ts';
import { useAsked } from '../live/ask.ts';
import { freshnessOf } from '../live/freshness.ts';
import { useLive } from '../live/live-store.ts';
import { AlertBanner } from './alert-banner.tsx';
import { AlertsPanel } from './alerts-panel.tsx';
import { CampaignsPanel } from './campaigns-panel.tsx';
import { CreditPanel } from './credit-panel.tsx';
import { FillPanel } from './fill-panel.tsx';
import { FirstSteps } from './first-steps.tsx';
import { Headline } from './headline.tsx';
import { HourPanel } from './hour-panel.tsx';
import { RemovalPanel } from './removal-panel.tsx';
import { TransitionPanel } from './transition-panel.tsx';
import { VelocityPanel } from './velocity-panel.tsx';

/** Intervals and transitions are dear to calculate and change slowly. */
const PATHS_PATH = '/v1/inspect/attribution?transitions=true&intervals=true';
const PATHS_EVERY_MS = 15_000;

/** The whole view; panels take their own part of the live state. */
export function MarketerView() {
  const nowMs = useNow();
  const isStale = useLive((state) => freshnessOf(state, nowMs).isStale);
  const isEmpty = useLive((state) => state.frame?.all.total.events === 0);
  const paths = useAsked<AttributionReport>(PATHS_PATH, PATHS_EVERY_MS);
  return (
    <div className="stack">
      <AlertBanner />
      {isEmpty ? <FirstSteps /> : null}
      <div className={isStale ? 'grid is-stale' : 'grid'}>
        <Headline />
        <HourPanel />
        <FillPanel />
        <CreditPanel asked={paths} />
        <RemovalPanel asked={paths} />
        <TransitionPanel asked={paths} />
        <VelocityPanel />
        <CampaignsPanel />
        <AlertsPanel />
      </div>
    </div>
  );
}
