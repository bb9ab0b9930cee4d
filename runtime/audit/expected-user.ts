/**
 * One user as docs/semantics.md says it must be after the events of the log so far.
 */
import { BEHAVIOR_STEP } from '../../actors/user/steps.ts';
import type { Settings } from '../../protocols/campaign.ts';
import type { Receipt } from '../../protocols/decision.ts';
import type { Event } from '../../protocols/event.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import type { StoredUser } from '../../protocols/user-record.ts';
import type { Chart, FusedState } from '../../protocols/user-snapshot.ts';
import { MAX_EXPOSURES } from './expected-auction.ts';
import { ExpectedPath, type PathTotals } from './expected-path.ts';
import { ExpectedScores, rowOf } from './expected-scores.ts';
import { SeenBefore } from './seen-before.ts';

const DAY_MS = 86_400_000;
const LAPSE_MS = 30 * DAY_MS;
const MAX_INTERESTS = 32;
const INTEREST_MS = 14 * DAY_MS;
const INTEREST_GAIN = 0.2;

type Purpose = 'measurement' | 'personalization';
type Interest = FusedState['interests'][string];

export class ExpectedUser {
  readonly token: string;
  readonly seen = new SeenBefore();
  readonly path: ExpectedPath;
  readonly #scores = new ExpectedScores();
  /** The last event that changed anything. */
  sequence = 0;
  events = 0;
  nowMs = 0;
  exposures: FusedState['exposures'] = [];
  /** The last decision that was sent out, which a later refusal does not call back. */
  sentDecision: Receipt['decision'] | undefined;
  #firstMs = 0;
  #consent: FusedState['consent'] = {
    measurement: 'unasked',
    personalization: 'unasked',
    atMs: 0,
  };
  readonly #session = { count: 0, startedAtMs: 0, endsAtMs: 0 };
  #lapsesAtMs = 0;
  #step: FusedState['step'] = 'none';
  #interests = new Map<string, Interest>();
  #lastDecision: string | null = null;
  readonly #chart: Chart = {
    consent: 'unasked',
    session: 'idle',
    funnel: 'aware',
    risk: 'steady',
  };

  constructor(token: string, totals: PathTotals) {
    this.token = token;
    this.path = new ExpectedPath(totals);
  }

  allows(purpose: Purpose, settings: Settings): boolean {
    const answer = this.#consent[purpose];
    if (answer === 'unasked') return settings.consent_default === 'granted';
    return answer === 'granted';
  }

  get signals(): Receipt['signals'] {
    return this.#scores.signals;
  }

  /** Takes in an accepted event; its path and decision are the caller's. */
  take(event: Event, sequence: number, settings: Settings): void {
    const t = event.timestamp;
    const isFirst = this.events === 0;
    const isOnTime = isFirst || t >= this.nowMs;
    if (!isFirst) this.#passDeadlines(t);
    this.seen.admit(event);
    this.sequence = sequence;
    this.events++;
    this.#firstMs = isFirst ? t : Math.min(this.#firstMs, t);
    this.nowMs = isFirst ? t : Math.max(this.nowMs, t);
    this.#lapsesAtMs = this.nowMs + LAPSE_MS;
    const opensSession = isOnTime && t > this.#session.endsAtMs;
    if (opensSession) {
      this.#session.count++;
      this.#session.startedAtMs = t;
    }
    if (isOnTime) this.#session.endsAtMs = t + settings.session_idle_ms;
    if (event.type === 'consent' && t >= this.#consent.atMs) {
      const measurement = event.measurement ? 'granted' : 'refused';
      const personalization = event.personalization ? 'granted' : 'refused';
      this.#consent = { measurement, personalization, atMs: t };
    }
    if (this.allows('personalization', settings)) {
      this.#scores.take(this.nowMs, t, rowOf(event, opensSession));
      this.#step = stepOf(event);
      this.#takeInterests(event);
    } else this.#forget();
    this.#settleChart();
  }

  /** Remembers a decision and, if somebody won, the win. */
  decided(decision: Receipt['decision'], t: number): void {
    this.sentDecision = decision;
    this.#lastDecision = decision.decision_id;
    const campaign = decision.orchestration.winner_campaign;
    if (campaign === null) return;
    const exposures = [...this.exposures, { campaign, t, decision: decision.decision_id }];
    this.exposures = exposures.slice(-MAX_EXPOSURES);
  }

  /** As it has to be stored. */
  stored(): StoredUser {
    const { sequence, events, nowMs, exposures } = this;
    return {
      user: this.token as UserToken,
      sequence: sequence as StreamSequence,
      chart: this.#chart,
      state: {
        events,
        firstMs: this.#firstMs,
        nowMs,
        consent: this.#consent,
        session: this.#session,
        lapsesAtMs: this.#lapsesAtMs,
        duplicates: this.seen.stored(),
        evidence: this.#scores.evidence(),
        fusion: this.#scores.fusion,
        interests: Object.fromEntries(this.#interests),
        step: this.#step,
        path: [...this.path.retained],
        pathSettledMs: this.path.settledMs,
        pathLookbackMs: this.path.lookbackMs,
        pathSamplePpm: this.path.samplePpm,
        orders: this.path.orders,
        refunds: this.path.refunds,
        exposures,
        lastDecision: this.#lastDecision,
      },
    };
  }

  #forget(): void {
    this.#scores.forget();
    this.#step = 'none';
    this.#interests = new Map();
    this.exposures = [];
    this.#lastDecision = null;
  }

  #takeInterests(event: Event): void {
    const interests = this.#interests;
    const { timestamp: t } = event;
    if (event.type === 'preference') {
      for (const [topic, weight] of Object.entries(event.interests ?? {})) {
        interests.set(topic, { weight, atMs: t, declared: true });
      }
    }
    for (const topic of event.type === 'behavior' ? (event.topics ?? []) : []) {
      const known = interests.get(topic) ?? { weight: 0, atMs: t, declared: false };
      if (known.declared) continue;
      const faded = known.weight * Math.exp(-Math.max(0, t - known.atMs) / INTEREST_MS);
      const weight = faded + INTEREST_GAIN * (1 - faded);
      interests.set(topic, { weight, atMs: Math.max(known.atMs, t), declared: false });
    }
    if (interests.size <= MAX_INTERESTS) return;
    const ranked = [...interests].sort(byInterest);
    this.#interests = new Map(ranked.slice(0, MAX_INTERESTS));
  }

  #passDeadlines(t: number): void {
    const chart = this.#chart;
    if (t > this.#session.endsAtMs) chart.session = 'idle';
    if (t > this.#lapsesAtMs) {
      chart.funnel = 'lapsed';
      chart.risk = 'churned';
    }
  }

  #settleChart(): void {
    const chart = this.#chart;
    const { measurement, personalization } = this.#consent;
    if (measurement !== personalization) chart.consent = 'limited';
    else if (measurement !== 'unasked') chart.consent = measurement;
    if (this.nowMs <= this.#session.endsAtMs) chart.session = 'active';
    if (this.#step !== 'none' && canMove(chart.funnel, this.#step)) chart.funnel = this.#step;
    chart.risk = riskAfter(chart.risk, this.#scores.intents.churn_risk);
  }
}

function byInterest([a, x]: [string, Interest], [b, y]: [string, Interest]): number {
  return Number(y.declared) - Number(x.declared) || y.weight - x.weight || (a < b ? -1 : 1);
}

function stepOf(event: Event): FusedState['step'] {
  if (event.type === 'conversion') return 'customer';
  if (event.type === 'click') return 'exploring';
  const name = event.type === 'behavior' ? event.name : undefined;
  if (name === undefined || !Object.hasOwn(BEHAVIOR_STEP, name)) return 'none';
  return BEHAVIOR_STEP[name] ?? 'none';
}

function canMove(from: Chart['funnel'], to: Exclude<FusedState['step'], 'none'>): boolean {
  if (from === 'aware' || from === 'lapsed') return true;
  if (from === 'exploring') return to !== 'exploring';
  if (from === 'considering') return to === 'buying' || to === 'customer';
  if (from === 'buying') return to === 'customer';
  return to === 'buying' || to === 'considering';
}

function riskAfter(from: Chart['risk'], churnRisk: number): Chart['risk'] {
  if (from === 'churned') return 'drifting';
  if (from === 'atRisk') {
    if (churnRisk < 0.25) return 'steady';
    return churnRisk < 0.5 ? 'drifting' : 'atRisk';
  }
  if (churnRisk >= 0.6) return 'atRisk';
  if (from === 'steady') return churnRisk >= 0.35 ? 'drifting' : 'steady';
  return churnRisk < 0.25 ? 'steady' : 'drifting';
}
