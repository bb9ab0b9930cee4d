/**
 * Why a user's scores are what they are: the exact parts of an intent's logit by concept, and of a
 * concept's logit by feature.
 */
import { useState } from 'react';
import type { Explanation } from '../../../protocols/explanation.ts';
import type { UserReport } from '../../../protocols/services.ts';
import type { Concept, Intent } from '../../../protocols/user-snapshot.ts';
import { formatShare } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { type Contributions, contributions } from './contributions.ts';
import { CONCEPT_NAMES, INTENT_NAMES } from './time-lines.ts';

/** Features listed of a concept; the others are one sum. */
const LISTED_FEATURES = 8;

/** The panel of the explanation. */
export function WhyPanel({ report }: { readonly report: UserReport }) {
  const { explanation, model_version } = report;
  return (
    <Panel
      title="Why these scores"
      hint={`By model ${model_version}. Parts of a logit add up exactly; right of the line raises.`}
    >
      {explanation === null ? (
        <Notice
          kind="empty"
          title="No scores to explain"
          text={
            report.unscored ??
            'Nothing may be known of this user: personalization is refused, or no event counts yet.'
          }
        />
      ) : (
        <Why explanation={explanation} />
      )}
    </Panel>
  );
}

function Why({ explanation }: { readonly explanation: Explanation }) {
  const [intent, setIntent] = useState<Intent>('purchase_intent');
  const [concept, setConcept] = useState<Concept>();
  const ofIntent = explanation.intents[intent];
  const parts = contributions(ofIntent, ofIntent.concepts, 0, CONCEPT_NAMES.length);
  const chosen = concept ?? (parts.listed[0]?.name as Concept | undefined) ?? 'stickiness';
  const ofConcept = explanation.concepts[chosen];
  const features = contributions(ofConcept, ofConcept.features, ofConcept.other, LISTED_FEATURES);
  return (
    <>
      <label className="chooser">
        Intent{' '}
        <select value={intent} onChange={(event) => setIntent(event.target.value as Intent)}>
          {INTENT_NAMES.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <PartsList title={intent} parts={parts} of="concepts" />
      <label className="chooser">
        Concept{' '}
        <select value={chosen} onChange={(event) => setConcept(event.target.value as Concept)}>
          {CONCEPT_NAMES.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <PartsList title={chosen} parts={features} of="features" />
      {explanation.absent.length === 0 ? null : (
        <p className="soft">
          Without a part: {explanation.absent.join(', ')} (withheld, or not measured).
        </p>
      )}
    </>
  );
}

interface PartsListProps {
  /** What the logit is of. */
  readonly title: string;
  readonly parts: Contributions;
  /** What the parts are of. */
  readonly of: string;
}

/** Parts as bars on either side of a line, and their sum. */
export function PartsList({ title, parts, of }: PartsListProps) {
  const { listed, bias, rest, restCount, logit, probability } = parts;
  return (
    <div className="parts">
      <p className="parts-sum">
        <b>{title}</b> {formatShare(probability)}
        <span className="soft">
          {' '}
          logit {signed(logit)} = usual user {signed(bias)} and the {of} below
        </span>
      </p>
      <ul>
        {listed.map(({ name, part, share }) => (
          <li key={name}>
            <span className="parts-name">{name}</span>
            <span className="parts-track" aria-hidden="true">
              <i
                className={part > 0 ? 'parts-up' : 'parts-down'}
                style={{ width: `${share * 50}%` }}
              />
            </span>
            <span className="parts-value">{signed(part)}</span>
          </li>
        ))}
        {listed.length === 0 ? <li className="soft">no part of its own</li> : null}
        {restCount === 0 ? null : (
          <li className="soft">
            <span className="parts-name">all others together</span>
            <span className="parts-track" aria-hidden="true" />
            <span className="parts-value">{signed(rest)}</span>
          </li>
        )}
      </ul>
    </div>
  );
}

/** A part with its sign; a true minus, so that columns line up. */
export function signed(part: number): string {
  const text = Math.abs(part).toFixed(2);
  if (Number(text) === 0) return '0.00';
  return part < 0 ? `−${text}` : `+${text}`;
}
