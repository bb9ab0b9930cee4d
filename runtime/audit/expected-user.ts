/**
 * One user as docs/semantics.md says it must be after the events of the log so far.
 */
import { BEHAVIOR_STEP } from '../../actors/user/steps.ts';
import { utcDay } from '../../protocols/cells.ts';
import { MAX_EXPOSURES } from '../../protocols/courtesy.ts';
import type { Receipt } from '../../protocols/decision.ts';
import type { Event } from '../../protocols/event.ts';
import { MAX_RECEIPT_FEATURES } from '../../protocols/explanation.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import type { WithLooks } from '../../protocols/looks.ts';
import type { Settings } from '../../protocols/settings.ts';
import type { StoredUser } from '../../protocols/user-record.ts';
import {
  type Chart,
  type FusedState,
  MODALITIES,
  type Modality,
} from '../../protocols/user-snapshot.ts';
import { type ExpectedWin, exposureOf } from './expected-delivery.ts';
import { ExpectedFeatures } from './expected-features.ts';
import { ExpectedForecasts, type ForecastTotals } from './expected-forecasts.ts';
import { ExpectedFunnel, type FunnelMove } from './expected-funnel.ts';
import { ExpectedInterests } from './expected-interests.ts';
import { ExpectedPath, type PathTotals } from './expected-path.ts';
import { type ExpectedModel, NO_SCORES, type Scores, signalsOf } from './expected-scores.ts';
import { ExpectedTrials, type TrialTotals } from './expected-trials.ts';
import type { Described } from './feature-values.ts';
import { SeenBefore } from './seen-before.ts';

const DAY_MS = 86_400_000;
const LAPSE_MS = 30 * DAY_MS;

type Purpose = 'measurement' | 'personalization';

/** What an event is judged by. */
export interface InForce {
  readonly settings: Settings;
  readonly model: ExpectedModel;
}

/** What users add to in their partition. */
export interface UserTotals {
  readonly paths: PathTotals;
  readonly forecasts: ForecastTotals;
  readonly trials: TrialTotals;
}

/** What an accepted event shows of its user that live figures count. */
export interface UserNews {
  /** How many more events of its series it shows to be missing; -1 where it was one of them. */
  readonly missing: number;
  readonly opensVisit: boolean;
  /** It is the user's first on a day of the user's clock. */
  readonly opensDay: boolean;
  readonly move: FunnelMove | undefined;
}

export class ExpectedUser {
  readonly token: string;
  readonly seen = new SeenBefore();
  readonly path: ExpectedPath;
  readonly forecasts = new ExpectedForecasts();
  readonly trials: ExpectedTrials;
  readonly #totals: ForecastTotals;
  #features = new ExpectedFeatures();
  #scores: Scores = NO_SCORES;
  /** The modalities that these had to do without. */
  #absent: readonly Modality[] = [];
  /** The last event that changed anything. */
  sequence = 0;
  events = 0;
  nowMs = 0;
  /** Those that are remembered, in the order in which they were decided. */
  wins: readonly ExpectedWin[] = [];
  /** The last decision that was sent out, which a later refusal does not call back. */
  sentDecision: Receipt['decision'] | undefined;
  #firstMs = 0;
  #consent: FusedState['consent'] = {
    measurement: 'unasked',
    personalization: 'unasked',
    withheld: [],
    atMs: 0,
  };
  readonly #session = { count: 0, startedAtMs: 0, endsAtMs: 0 };
  #lapsesAtMs = 0;
  #step: FusedState['step'] = 'none';
  #interests = new ExpectedInterests();
  #timeZone: FusedState['timeZone'] = null;
  #lastDecision: string | null = null;
  readonly #chart: Omit<Chart, 'funnel'> = {
    consent: 'unasked',
    session: 'idle',
    risk: 'steady',
  };
  readonly funnel = new ExpectedFunnel();

  constructor(token: string, { paths, forecasts, trials }: UserTotals) {
    this.token = token;
    this.path = new ExpectedPath(paths);
    this.trials = new ExpectedTrials(trials);
    this.#totals = forecasts;
  }

  allows(purpose: Purpose, settings: Settings): boolean {
    const answer = this.#consent[purpose];
    if (answer === 'unasked') return settings.consent_default === 'granted';
    return answer === 'granted';
  }

  get signals(): Receipt['signals'] {
    return signalsOf(this.#scores);
  }

  get chart(): Readonly<Chart> {
    return { ...this.#chart, funnel: this.funnel.state };
  }

  /** The zone of the user's clock. */
  zone(settings: Settings): string {
    return this.#timeZone?.name ?? settings.time_zone;
  }

  /** Interests as weights, those in some topics. */
  interestsIn(topics: ReadonlySet<string>, { model }: ExpectedModel): Record<string, number> {
    return this.#interests.weights(topics, this.nowMs, model.interests.prior);
  }

  /** What the scores after the last event are made of. */
  explanation(model: ExpectedModel): Receipt['explanation'] {
    return model.explanation(this.#described, this.#absent, this.#scores, MAX_RECEIPT_FEATURES);
  }

  /** Takes in an accepted event; its path and decision are the caller's. */
  take(event: Event, sequence: number, { settings, model }: InForce): UserNews {
    const t = event.timestamp;
    const beforeMs = this.nowMs;
    const isFirst = this.events === 0;
    const isOnTime = isFirst || t >= this.nowMs;
    if (isFirst) this.funnel.begin(t);
    else this.#passDeadlines(t);
    const missing = this.seen.admit(event);
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
    const isAnswered = event.type === 'consent' && t >= this.#consent.atMs;
    if (isAnswered) this.#consent = consentOf(event);
    if (this.allows('personalization', settings)) {
      const { nowMs } = this;
      const { withheld } = this.#consent;
      const withholds = isAnswered && withheld.length > 0;
      const clock = { isOnTime, opensSession, nowMs, beforeMs: isFirst ? nowMs : beforeMs };
      this.#features.take({ event, ...clock, withheld, withholds });
      this.#absent = inOrder([...withheld, ...settings.unmeasured]);
      this.#scores = model.scores(this.#described, this.#absent);
      if (isOnTime) this.#forecast(event, opensSession, model);
      this.#step = stepOf(event);
      this.#interests.take(event, withheld);
      const { time_zone: name } = event;
      const isLatest = t >= (this.#timeZone?.atMs ?? t);
      if (name !== undefined && isLatest) this.#timeZone = { name, atMs: t };
    } else this.#forget();
    this.#settleChart();
    const opensDay = isFirst || utcDay(beforeMs) !== utcDay(this.nowMs);
    const move = this.funnel.settle(this.#step, t);
    return { missing, opensVisit: opensSession, opensDay, move };
  }

  /** Remembers a decision that was sent out, and who won by it. */
  decided(decision: Receipt['decision'], wins: readonly ExpectedWin[]): void {
    this.sentDecision = decision;
    this.#lastDecision = decision.decision_id;
    this.wins = [...this.wins, ...wins].slice(-MAX_EXPOSURES);
  }

  /** As it has to be stored. */
  stored(): Omit<StoredUser, 'state'> & { state: WithLooks<StoredUser['state']> } {
    const { sequence, events, nowMs } = this;
    return {
      user: this.token as UserToken,
      sequence: sequence as StreamSequence,
      chart: this.chart,
      state: {
        events,
        firstMs: this.#firstMs,
        nowMs,
        consent: this.#consent,
        session: this.#session,
        lapsesAtMs: this.#lapsesAtMs,
        funnelSinceMs: this.funnel.sinceMs,
        duplicates: this.seen.stored(),
        ...this.#features.stored(),
        interests: this.#interests.stored(),
        forecasts: this.forecasts.stored(),
        step: this.#step,
        path: [...this.path.retained],
        pathSettledMs: this.path.settledMs,
        pathLookbackMs: this.path.lookbackMs,
        pathSamplePpm: this.path.samplePpm,
        orders: this.path.orders,
        refunds: this.path.refunds,
        timeZone: this.#timeZone,
        exposures: this.wins.map(exposureOf),
        trials: this.trials.stored(),
        lastDecision: this.#lastDecision,
      },
    };
  }

  get #described(): Described {
    return {
      firstMs: this.#firstMs,
      nowMs: this.nowMs,
      sessionStartedAtMs: this.#session.startedAtMs,
      remembered: this.#features.remembered,
    };
  }

  #forecast({ timestamp: t, type }: Event, opensVisit: boolean, model: ExpectedModel): void {
    const { version, reference } = model.model;
    const { intents } = this.#scores;
    const timely = { t, opensVisit, isOrder: type === 'conversion', model: version, intents };
    const week = this.forecasts.take(timely);
    if (week === undefined) return;
    const counts = reference.features.map(({ edges }) => edges.length + 1);
    this.#totals.read(version, week, model.bins(this.#described, this.#absent), counts);
  }

  #forget(): void {
    this.forecasts.forget();
    this.#features = new ExpectedFeatures();
    this.#scores = NO_SCORES;
    this.#step = 'none';
    this.#interests = new ExpectedInterests();
    this.#timeZone = null;
    this.wins = [];
    this.trials.forget();
    this.#lastDecision = null;
  }

  #passDeadlines(t: number): void {
    const chart = this.#chart;
    if (t > this.#session.endsAtMs) chart.session = 'idle';
    if (t > this.#lapsesAtMs) {
      this.funnel.lapse(this.#lapsesAtMs);
      chart.risk = 'churned';
    }
  }

  #settleChart(): void {
    const chart = this.#chart;
    const { measurement, personalization } = this.#consent;
    if (measurement !== personalization) chart.consent = 'limited';
    else if (measurement !== 'unasked') chart.consent = measurement;
    if (this.nowMs <= this.#session.endsAtMs) chart.session = 'active';
    chart.risk = riskAfter(chart.risk, this.#scores.intents.churn_risk);
  }
}

function consentOf(event: Extract<Event, { type: 'consent' }>): FusedState['consent'] {
  return {
    measurement: event.measurement ? 'granted' : 'refused',
    personalization: event.personalization ? 'granted' : 'refused',
    withheld: inOrder(event.withheld ?? []),
    atMs: event.timestamp,
  };
}

/** Each modality once, in the order in which they are listed. */
function inOrder(modalities: readonly Modality[]): Modality[] {
  if (modalities.length === 0) return [];
  return MODALITIES.filter((modality) => modalities.includes(modality));
}

function stepOf(event: Event): FusedState['step'] {
  if (event.type === 'conversion') return 'customer';
  if (event.type === 'click') return 'exploring';
  const name = event.type === 'behavior' ? event.name : undefined;
  if (name === undefined || !Object.hasOwn(BEHAVIOR_STEP, name)) return 'none';
  return BEHAVIOR_STEP[name] ?? 'none';
}

function riskAfter(from: Chart['risk'], churnRisk: number): Chart['risk'] {
  if (from === 'churned') return 'drifting';
  if (from === 'atRisk') {
    if (churnRisk < 0.6) return 'steady';
    return churnRisk < 0.75 ? 'drifting' : 'atRisk';
  }
  if (churnRisk >= 0.85) return 'atRisk';
  if (from === 'steady') return churnRisk >= 0.7 ? 'drifting' : 'steady';
  return churnRisk < 0.6 ? 'steady' : 'drifting';
}
