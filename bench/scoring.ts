/**
 * What a user's scores cost: features an event, scoring a user in micro-batches, an explanation;
 * and how long each stage takes for one event of realistic traffic, in its own time.
 */
import { DEFAULT_REFERENCE } from '../actors/model/default-reference.ts';
import { explainScores } from '../actors/model/explain.ts';
import { FEATURE_COUNT, fillNow } from '../actors/user/feature-vector.ts';
import { type FeatureState, foldFeatures } from '../actors/user/features.ts';
import { evolveFusion, fusionNodes, newNodes } from '../actors/user/fusion.ts';
import { NEW_USER } from '../actors/user/state.ts';
import type { Event } from '../protocols/event.ts';
import { MAX_RECEIPT_FEATURES } from '../protocols/explanation.ts';
import { CONCEPTS, INTENTS } from '../protocols/user-snapshot.ts';
import { Traffic } from '../runtime/simulate/traffic.ts';
import { percentile, spread } from './setting.ts';

export const BATCH = 256;
const EVENTS = 40_000;
const EXPLANATIONS = 5_000;
const VISITORS = 2_000;
const BASE_MS = 1_712_613_245_000;
const EVENT_EVERY_MS = 50;

export interface ScoringResult {
  readonly featureMicros: ReturnType<typeof spread>;
  readonly scoreMicros: ReturnType<typeof spread>;
  readonly explainMicros: ReturnType<typeof spread>;
  readonly stages: readonly StageFigures[];
}

/** One stage's own time for an event. */
export interface StageFigures {
  readonly name: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export function benchScoring(rounds: number): ScoringResult {
  const steps = browse();
  const vectors = new Float64Array(steps.length * FEATURE_COUNT);
  const users = newUsers();
  steps.forEach((step, n) => {
    const at = n * FEATURE_COUNT;
    takeFeatures(users, step, vectors.subarray(at, at + FEATURE_COUNT));
  });
  const vector = new Float64Array(FEATURE_COUNT);
  // The first round compiles the code and is not counted.
  const timed = (time: () => number): ReturnType<typeof spread> =>
    spread(Array.from({ length: rounds + 1 }, time).slice(1));
  return {
    featureMicros: timed(() => timePerFeatures(steps, vector)),
    scoreMicros: timed(() => timePerScore(vectors)),
    explainMicros: timed(() => timePerExplanation(vectors)),
    stages: stageTimes(steps, vectors),
  };
}

/** An event and the number of its user. */
interface Step {
  readonly user: number;
  readonly event: Event;
}

/** One scratch for all users, as in the fold. */
const scratchNodes = newNodes();

/** What features follow from, of one user. */
type Remembered = FeatureState & Parameters<typeof fillNow>[0];

/** Simulated shoppers' events. */
function browse(): Step[] {
  const traffic = new Traffic({ seed: 7, visitors: VISITORS });
  const numbers = new Map<string, number>();
  return Array.from({ length: EVENTS }, (_, n) => {
    const { user, event } = traffic.next(BASE_MS + n * EVENT_EVERY_MS);
    const number = numbers.get(user) ?? numbers.size;
    numbers.set(user, number);
    return { user: number, event };
  });
}

function newUsers(): Remembered[] {
  return Array.from({ length: EVENTS }, () => NEW_USER);
}

/** Folding an event's features and writing the vector, microseconds. */
function timePerFeatures(steps: readonly Step[], vector: Float64Array): number {
  const users = newUsers();
  const startedMs = performance.now();
  for (const step of steps) takeFeatures(users, step, vector);
  return ((performance.now() - startedMs) * 1_000) / steps.length;
}

function takeFeatures(users: Remembered[], { user, event }: Step, vector: Float64Array): void {
  const before = users[user] as Remembered;
  const toMs = Math.max(before.nowMs, event.timestamp);
  const isFirst = before.counted === 0;
  const fromMs = isFirst ? toMs : before.nowMs;
  const features = foldFeatures(before, fromMs, toMs, event, isFirst, []);
  const nodes = fusionNodes(features.evidence, scratchNodes);
  const fusion = evolveFusion(isFirst ? undefined : before.fusion, nodes, toMs - fromMs);
  // Field by field, as the fold does it: spreading the state would cost more than the features.
  const after = {
    counted: features.counted,
    signedIn: features.signedIn,
    previousMs: features.previousMs,
    evidence: features.evidence,
    habit: features.habit,
    looks: features.looks,
    purchases: features.purchases,
    fusion,
    firstMs: isFirst ? toMs : before.firstMs,
    nowMs: toMs,
    session: isFirst ? { count: 1, startedAtMs: toMs, endsAtMs: toMs } : before.session,
  };
  users[user] = after;
  fillNow(after, nodes, vector, 0);
}

/** Scoring one user in batches of BATCH, microseconds. */
function timePerScore(vectors: Float64Array): number {
  const { scorer } = DEFAULT_REFERENCE;
  const absent = new Uint8Array(BATCH);
  const out = new Float64Array(BATCH * (CONCEPTS.length + INTENTS.length));
  const users = vectors.length / FEATURE_COUNT;
  const startedMs = performance.now();
  for (let from = 0; from + BATCH <= users; from += BATCH) {
    const batch = vectors.subarray(from * FEATURE_COUNT, (from + BATCH) * FEATURE_COUNT);
    scorer.scoreBatch(batch, absent, BATCH, out);
  }
  const scored = Math.floor(users / BATCH) * BATCH;
  return ((performance.now() - startedMs) * 1_000) / scored;
}

/** The exact explanation of a receipt, microseconds. */
function timePerExplanation(vectors: Float64Array): number {
  const { scorer } = DEFAULT_REFERENCE;
  const startedMs = performance.now();
  for (let n = 0; n < EXPLANATIONS; n++) {
    const vector = vectors.subarray(n * FEATURE_COUNT, (n + 1) * FEATURE_COUNT);
    const concepts = scorer.concepts(vector, 0, 0);
    explainScores(scorer.model, vector, 0, concepts, MAX_RECEIPT_FEATURES);
  }
  return ((performance.now() - startedMs) * 1_000) / EXPLANATIONS;
}

/** Each stage's own time for one event at a time. */
function stageTimes(steps: readonly Step[], vectors: Float64Array): ScoringResult['stages'] {
  const { scorer } = DEFAULT_REFERENCE;
  const vector = new Float64Array(FEATURE_COUNT);
  const users = newUsers();
  const stages = {
    features: (n: number) => takeFeatures(users, steps[n] as Step, vector),
    scoring: (n: number) => void scorer.intents(scorer.concepts(vectors, n * FEATURE_COUNT, 0)),
  };
  return Object.entries(stages).map(([name, run]) => {
    const times = steps.map((_, n) => {
      const startedMs = performance.now();
      run(n);
      return performance.now() - startedMs;
    });
    times.sort((a, b) => a - b);
    return {
      name,
      p50Ms: percentile(times, 0.5),
      p99Ms: percentile(times, 0.99),
      maxMs: times[times.length - 1] as number,
    };
  });
}
