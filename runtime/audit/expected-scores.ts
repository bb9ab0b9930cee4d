/**
 * Evidence, fusion, concepts and intents, from docs/semantics.md: the evidence is kept event by
 * event and summed when it is asked for; the fused state follows it in the order of the log.
 */
import {
  BEHAVIOR_EVIDENCE,
  CONCEPT_WEIGHTS,
  COUPLING,
  FUSION_MS,
  INTENT_WEIGHTS,
  SATURATION,
  SCALE_MS,
  TREND_WEIGHT,
  WINDOW_WEIGHTS,
} from '../../actors/user/model.ts';
import type { Signal } from '../../protocols/campaign.ts';
import type { Event } from '../../protocols/event.ts';
import {
  CONCEPTS,
  type Concept,
  type FusedState,
  MODALITIES,
  type Modality,
} from '../../protocols/user-snapshot.ts';

const SCALES = [0, 1, 2] as const;
const [VISIT, TODAY, FORTNIGHT] = SCALES;

type PerModality = Record<Modality, number>;
type Evidence = Record<Modality, [number, number, number]>;

/** What one event says about each modality: a row of the table on the page. */
export function rowOf(event: Event, opensSession: boolean): PerModality {
  const row: PerModality = {
    app: 1,
    temporal: opensSession ? 1 : 0,
    engagement: 0,
    purchase: 0,
    churn: 0,
    zero_party: 0,
  };
  if (event.type === 'behavior') {
    const { name = '', vectors = {} } = event;
    const named = Object.hasOwn(BEHAVIOR_EVIDENCE, name) ? BEHAVIOR_EVIDENCE[name] : undefined;
    row.engagement = named?.engagement ?? 0;
    row.engagement += share(vectors.active_duration_s, 30) + share(vectors.scroll_depth_hz, 60);
    row.purchase = named?.purchase ?? 0;
    row.churn = named?.churn ?? 0;
    row.churn += share(vectors.rage_taps, 2) + share(vectors.errors, 2);
    const tapMs = vectors.tap_velocity_ms ?? -1;
    if (tapMs >= 0 && tapMs < 80) row.churn += 0.2;
  }
  if (event.type === 'impression' || event.type === 'opportunity') row.engagement = 0.05;
  if (event.type === 'click') row.engagement = 0.3;
  if (event.type === 'click') row.purchase = 0.1;
  if (event.type === 'conversion') row.engagement = 0.5;
  if (event.type === 'conversion') row.purchase = 2;
  if (event.type === 'refund') row.churn = 0.8;
  if (event.type === 'preference') row.engagement = 0.2;
  if (event.type === 'preference') row.zero_party = 1;
  if (event.type === 'consent') row.zero_party = 0.2;
  if (event.type === 'outcome' && event.outcome === 'clicked') row.engagement = 0.5;
  if (event.type === 'outcome' && event.outcome === 'dismissed') row.churn = 0.3;
  return row;
}

/** The concept that stands out most, the first of equals, with its level in words. */
export function leadingConceptOf(concepts: Readonly<Record<Concept, number>>): string {
  const top = Math.max(...CONCEPTS.map((concept) => concepts[concept]));
  const leader = CONCEPTS.find((concept) => concepts[concept] === top) ?? CONCEPTS[0];
  if (top >= 0.66) return `high_${leader}`;
  return top >= 0.33 ? `moderate_${leader}` : `low_${leader}`;
}

export class ExpectedScores {
  /** Every event that counts, since the user last refused. */
  #rows: { readonly t: number; readonly row: PerModality }[] = [];
  /** The sums as of #nowMs, which the fused state needs at every event. */
  #sums = noEvidence();
  #nowMs = 0;
  #fused: PerModality | undefined;
  #concepts = conceptsOf(undefined, noEvidence());
  #intents = intentsOf(this.#concepts);

  /** Takes in one event at time `t`; `nowMs` is the user's clock after it. */
  take(nowMs: number, t: number, row: PerModality): void {
    const isFirst = this.#sums.app[FORTNIGHT] === 0;
    const elapsedMs = isFirst ? 0 : nowMs - this.#nowMs;
    this.#rows.push({ t, row });
    for (const k of SCALES) {
      const faded = Math.exp(-elapsedMs / SCALE_MS[k]);
      const weight = Math.exp(-(nowMs - t) / SCALE_MS[k]);
      for (const m of MODALITIES) this.#sums[m][k] = this.#sums[m][k] * faded + row[m] * weight;
    }
    this.#nowMs = nowMs;
    const drive = driveOf(this.#sums);
    const before = isFirst ? drive : (this.#fused ?? drive);
    const kept = Math.exp(-elapsedMs / FUSION_MS);
    this.#fused = perModality((m) => drive[m] + (before[m] - drive[m]) * kept);
    this.#concepts = conceptsOf(this.#fused, this.#sums);
    this.#intents = intentsOf(this.#concepts);
  }

  /** The user refused: nothing is known any more. */
  forget(): void {
    this.#rows = [];
    this.#sums = noEvidence();
    this.#fused = undefined;
    this.#concepts = conceptsOf(undefined, this.#sums);
    this.#intents = intentsOf(this.#concepts);
  }

  get intents(): FusedState['intents'] {
    return this.#intents;
  }

  get signals(): Record<Signal, number> {
    const { conversion_window: _, ...intents } = this.intents;
    return { ...intents, ...this.#concepts };
  }

  get fusion(): number[] {
    return MODALITIES.map((m) => this.#fused?.[m] ?? 0);
  }

  /** The sum over all events, as stored: modality by modality, three scales each. */
  evidence(): number[] {
    const sums = MODALITIES.flatMap(() => [0, 0, 0]);
    for (const { t, row } of this.#rows) {
      for (const k of SCALES) {
        const weight = Math.exp(-(this.#nowMs - t) / SCALE_MS[k]);
        MODALITIES.forEach((m, i) => {
          sums[3 * i + k] = (sums[3 * i + k] ?? 0) + row[m] * weight;
        });
      }
    }
    return sums;
  }
}

function noEvidence(): Evidence {
  return perModality(() => [0, 0, 0] as [number, number, number]);
}

function perModality<T>(make: (modality: Modality) => T): Record<Modality, T> {
  // Written out, not made from entries: this is called several times for every event.
  return {
    app: make('app'),
    temporal: make('temporal'),
    engagement: make('engagement'),
    purchase: make('purchase'),
    churn: make('churn'),
    zero_party: make('zero_party'),
  };
}

function share(x: number | undefined, half: number): number {
  return x !== undefined && x > 0 ? x / (x + half) : 0;
}

function levelOf(sums: Evidence, m: Modality, k: 0 | 1 | 2): number {
  return 1 - Math.exp(-sums[m][k] / SATURATION[m][k]);
}

function trendOf(sums: Evidence, m: Modality): number {
  return levelOf(sums, m, VISIT) - levelOf(sums, m, FORTNIGHT);
}

function driveOf(sums: Evidence): PerModality {
  const levels = perModality((m) => levelOf(sums, m, TODAY));
  return perModality((i) => {
    let drive = levels[i] + TREND_WEIGHT * trendOf(sums, i);
    for (const [j, coupling] of Object.entries(COUPLING[i] ?? {}) as [Modality, number][]) {
      const confidence = sums[j][FORTNIGHT] / (sums[j][FORTNIGHT] + 1);
      drive += coupling * confidence * (levels[j] - levels[i]);
    }
    return Math.min(1, Math.max(0, drive));
  });
}

function conceptsOf(fused: PerModality | undefined, sums: Evidence): FusedState['concepts'] {
  const concepts = CONCEPTS.map((concept) => {
    const { bias, state, trend } = CONCEPT_WEIGHTS[concept];
    let logit = bias;
    for (const m of MODALITIES) {
      logit += (state[m] ?? 0) * (fused?.[m] ?? 0) + (trend[m] ?? 0) * trendOf(sums, m);
    }
    return [concept, logistic(logit)];
  });
  return Object.fromEntries(concepts) as FusedState['concepts'];
}

function intentsOf(concepts: FusedState['concepts']): FusedState['intents'] {
  const intent = ({ bias, concepts: weights }: (typeof INTENT_WEIGHTS)['churn_risk']): number =>
    logistic(CONCEPTS.reduce((logit, c) => logit + (weights[c] ?? 0) * concepts[c], bias));
  const purchase_intent = intent(INTENT_WEIGHTS.purchase_intent);
  const odds = WINDOW_WEIGHTS.map(([bias, purchase, urgency]) =>
    Math.exp(bias + purchase * purchase_intent + urgency * concepts.urgency),
  );
  const [now = 0, today = 0, week = 0, later = 0] = odds;
  const all = now + today + week + later;
  return {
    engagement_intent: intent(INTENT_WEIGHTS.engagement_intent),
    purchase_intent,
    churn_risk: intent(INTENT_WEIGHTS.churn_risk),
    conversion_window: [now / all, today / all, week / all, later / all],
  };
}

function logistic(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
