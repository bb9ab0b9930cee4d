/**
 * How far what the model reads has moved from what it was trained on.
 */
import { useState } from 'react';
import { formatCount } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import {
  type FeatureDrift,
  featureDrifts,
  MIN_READINGS,
  PSI_FAR,
  PSI_MOVED,
} from './reliability.ts';
import { useModelQuality } from './use-model-quality.tsx';

const SHOWN_FEATURES = 12;
/** The scale of bars ends here; what is further fills them. */
const SCALE_PSI = 0.5;

const WORDS = { stable: 'stable', moved: 'moved', far: 'far off', unknown: 'too few' } as const;
const BADGES = {
  stable: 'badge-good',
  moved: 'badge-warn',
  far: 'badge-bad',
  unknown: '',
} as const;

/** The panel of drift, the features that moved furthest first. */
export function DriftPanel() {
  const [isWhole, setIsWhole] = useState(false);
  const { quality, notice } = useModelQuality();
  if (quality === undefined) {
    return (
      <Panel title="Feature drift" wide>
        {notice}
      </Panel>
    );
  }
  const drifts = featureDrifts(quality);
  const far = drifts.filter(({ verdict }) => verdict === 'far').length;
  const read = drifts.filter(({ readings }) => readings > 0).length;
  const shown = isWhole ? drifts : drifts.slice(0, SHOWN_FEATURES);
  return (
    <Panel
      title="Feature drift"
      hint={
        `Population stability index against training: below ${PSI_MOVED} stable, ` +
        `from ${PSI_FAR} on far off; from ${MIN_READINGS} readings.`
      }
      wide
      actions={
        <span className={`badge ${far > 0 ? 'badge-bad' : ''}`}>
          {far} of {read} far off
        </span>
      }
    >
      {read === 0 ? (
        <Notice
          kind="empty"
          title="Nothing was read yet"
          text="Features are counted as forecasts are made."
        />
      ) : (
        <>
          <ul className="drifts">
            {shown.map((each) => (
              <Drift key={each.name} drift={each} />
            ))}
          </ul>
          {drifts.length > SHOWN_FEATURES ? (
            <button type="button" className="button" onClick={() => setIsWhole(!isWhole)}>
              {isWhole ? 'Show the furthest only' : `Show all ${drifts.length}`}
            </button>
          ) : null}
        </>
      )}
    </Panel>
  );
}

function Drift({ drift: { name, readings, psi, verdict } }: { readonly drift: FeatureDrift }) {
  return (
    <li className={`drift drift-${verdict}`}>
      <span className="drift-name" title={`${formatCount(readings)} readings`}>
        {name}
      </span>
      <span className="drift-track" aria-hidden="true">
        <i style={{ width: `${Math.min(1, (psi ?? 0) / SCALE_PSI) * 100}%` }} />
        <b style={{ left: `${(PSI_MOVED / SCALE_PSI) * 100}%` }} />
        <b style={{ left: `${(PSI_FAR / SCALE_PSI) * 100}%` }} />
      </span>
      <span className="drift-value">{psi === undefined ? '–' : psi.toFixed(3)}</span>
      <span className={`badge ${BADGES[verdict]}`}>{WORDS[verdict]}</span>
    </li>
  );
}
