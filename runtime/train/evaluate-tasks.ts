/**
 * The tasks of the test part, and everything that they are scored by: the model, models without a
 * bottleneck, and models that lack something, which show what it adds.
 */
import { Scorer } from '../../actors/model/scorer.ts';
import { CONCEPTS, INTENTS, type Intent } from '../../protocols/user-snapshot.ts';
import { seededRandom } from '../simulate/random.ts';
import { type Baselines, taskKey } from './baselines.ts';
import { type ConceptLabel, sampledLabels } from './fit-concepts.ts';
import { fitHeads, type Heads, intentLabel, isTaught } from './fit-intents.ts';
import { type FittedModel, fitModel, headLogit, SETTINGS } from './fit-model.ts';
import type { Point } from './prediction-points.ts';
import { meanShift, type Task, type TaskFigures, taskFigures } from './task-figures.ts';
import type { TrainingSet } from './training-sets.ts';

const C = CONCEPTS.length;
const SEED = 7;
/** With fewer of either label, a figure says nothing. */
const LEAST_LABELS = 5;
const LEAST_ROWS = 100;

/** Names of what the model is compared with, as the card prints them. */
export const OTHERS = {
  logistic: 'logistic regression, raw features',
  trees: 'boosted trees, raw features',
  own: 'bottleneck, this data set alone',
  withoutFusion: 'without fusion features',
  shuffledConcepts: 'concepts shuffled among users',
  hardConcepts: 'concepts as yes or no',
  shuffledLabels: 'concepts taught shuffled labels',
} as const;

/** The tasks of the test parts, in the order of the card. */
export function testTasks(sets: readonly TrainingSet[], sampleUsers: ReadonlySet<string>): Task[] {
  return INTENTS.flatMap((intent) =>
    sets.flatMap((set) => {
      const known = set.test.filter((point) => !Number.isNaN(intentLabel(point, intent)));
      const sampled = known.filter(({ isSampled }) => isSampled);
      const taskOf = (part: string, points: readonly Point[]): Task => ({
        intent,
        dataSet: set.name,
        part,
        points,
        labels: Uint8Array.from(points, (point) => intentLabel(point, intent)),
      });
      const tasks = [taskOf('sampled', sampled)];
      if (intent === 'purchase_intent') {
        const finals = known.filter(({ isFinal }) => isFinal);
        tasks.push(taskOf('final', finals));
      }
      if (set.name === 'cdnow' && intent === 'churn_risk') {
        const isIn = ({ user }: Point): boolean => sampleUsers.has(user);
        tasks.splice(
          0,
          1,
          taskOf('1/10 sample', sampled.filter(isIn)),
          taskOf(
            'others',
            sampled.filter((point) => !isIn(point)),
          ),
        );
      }
      return tasks.filter(isTold);
    }),
  );
}

function isTold({ labels }: Task): boolean {
  const positives = labels.reduce((sum, label) => sum + label, 0);
  const least = Math.min(positives, labels.length - positives);
  return labels.length >= LEAST_ROWS && least >= LEAST_LABELS;
}

/** Models that lack something, fitted on the same points as the model. */
export interface Variants {
  readonly withoutFusion: Scorer;
  /** Its concepts are taught shuffled labels, and the gate is open. */
  readonly shuffledLabels: Scorer;
  /** How many of those concepts the gate would have let through. */
  readonly shuffledMeaningful: number;
  /** By data set: a model of the same kind that was fitted on it alone. */
  readonly own: ReadonlyMap<string, Scorer>;
  /** Heads over concepts that are yes or no, and from where on each is a yes. */
  readonly hard: { readonly heads: Heads; readonly thresholds: Float64Array };
}

/** Fits the variants. */
export function fitVariants(
  points: readonly Point[],
  fitted: FittedModel,
  onFitted: (title: string) => void,
): Variants {
  const options = { version: 1, name: 'variant', prior: fitted.model.interests.prior };
  const reads = (feature: string): boolean => !/^(fused|trend)_/.test(feature);
  const withoutFusion = new Scorer(fitModel(points, { ...options, reads }).model);
  onFitted('without fusion');
  const labelOf = shuffledLabels(points);
  const shuffled = fitModel(points, { ...options, labelOf, isGated: false });
  onFitted('with shuffled labels');
  const own = new Map<string, Scorer>();
  for (const name of new Set(points.map(({ dataSet }) => dataSet))) {
    const its = points.filter(({ dataSet }) => dataSet === name);
    own.set(name, new Scorer(fitModel(its, options).model));
  }
  onFitted('each data set alone');
  const thresholds = hardThresholds(points, fitted.said);
  const said = fitted.said.map((p, i) => (p > (thresholds[i % C] as number) ? 1 : 0));
  return {
    withoutFusion,
    shuffledLabels: new Scorer(shuffled.model),
    shuffledMeaningful: shuffled.meaningful.size,
    own,
    hard: { heads: fitHeads(points, said, SETTINGS.heads), thresholds },
  };
}

/** Labels of any other points, so that nothing is left of their meaning. */
export function shuffledLabels(points: readonly Point[]): ConceptLabel {
  const labelOf = sampledLabels(points);
  const random = seededRandom(SEED);
  const given = new Map<string, Float64Array>();
  for (const concept of CONCEPTS) {
    const labels = Float64Array.from(points, (_, row) => labelOf(row, concept));
    const known = [...points.keys()].filter((row) => !Number.isNaN(labels[row]));
    shuffle(labels, known, random);
    given.set(concept, labels);
  }
  return (row, concept) => given.get(concept)?.[row] as number;
}

/** Fisher & Yates among some rows. */
function shuffle(values: Float64Array, rows: readonly number[], random: () => number): void {
  for (let i = rows.length - 1; i > 0; i--) {
    const [a, b] = [rows[i] as number, rows[Math.floor(random() * (i + 1))] as number];
    const value = values[a] as number;
    values[a] = values[b] as number;
    values[b] = value;
  }
}

/** From where on a concept is a yes as often as its label was one in training. */
function hardThresholds(points: readonly Point[], said: Float64Array): Float64Array {
  const labelOf = sampledLabels(points);
  return Float64Array.from(CONCEPTS, (concept, c) => {
    const rows = [...points.keys()].filter((row) => !Number.isNaN(labelOf(row, concept)));
    const rate = rows.reduce((sum, row) => sum + labelOf(row, concept), 0) / rows.length;
    const sorted = Float64Array.from(rows, (row) => said[row * C + c] as number).sort();
    return sorted[Math.floor((1 - rate) * (sorted.length - 1))] as number;
  });
}

/** Everything that a task is scored by. */
export interface Contestants {
  readonly scorer: Scorer;
  readonly variants: Variants;
  readonly baselines: Baselines;
  /** The points that the model was fitted on. */
  readonly trained: readonly Point[];
}

/** Figures of one task. */
export function evaluateTask(task: Task, contestants: Contestants): TaskFigures {
  const { scorer, variants, baselines, trained } = contestants;
  const { intent, dataSet, points } = task;
  const by = (each: Scorer): Float64Array => logitsBy(each, intent, points);
  const others = new Map<string, Float64Array>();
  const baseline = baselines.get(taskKey(intent, dataSet));
  if (baseline !== undefined) {
    const { logistic, trees } = baseline;
    others.set(
      OTHERS.logistic,
      Float64Array.from(points, (point) => logistic.probability(point)),
    );
    others.set(
      OTHERS.trees,
      Float64Array.from(points, (point) => trees.probability(point)),
    );
  }
  const own = variants.own.get(dataSet);
  if (own !== undefined) others.set(OTHERS.own, by(own));
  others.set(OTHERS.withoutFusion, by(variants.withoutFusion));
  const said = saidBy(scorer, points);
  others.set(OTHERS.shuffledConcepts, headLogits(scorer.model, intent, shuffledRows(said)));
  const { heads, thresholds } = variants.hard;
  const hard = said.map((p, i) => (p > (thresholds[i % C] as number) ? 1 : 0));
  others.set(OTHERS.hardConcepts, headLogits(heads, intent, hard));
  others.set(OTHERS.shuffledLabels, by(variants.shuffledLabels));
  const its = trained.filter(
    (point) => point.dataSet === dataSet && isTaught(point, intent, false),
  );
  const shift = meanShift(
    logitsBy(scorer, intent, its),
    its.map((point) => intentLabel(point, intent)),
  );
  return taskFigures(task, { logits: by(scorer), shift, others });
}

/** An intent's logits by a model. */
export function logitsBy(scorer: Scorer, intent: Intent, points: readonly Point[]): Float64Array {
  return Float64Array.from(points, ({ features, absent }) =>
    scorer.intentLogit(intent, scorer.concepts(features, 0, absent)),
  );
}

/** What a model's concepts say: points x 8. */
function saidBy(scorer: Scorer, points: readonly Point[]): Float64Array {
  const said = new Float64Array(points.length * C);
  points.forEach(({ features, absent }, row) => {
    const concepts = scorer.concepts(features, 0, absent);
    CONCEPTS.forEach((concept, c) => {
      said[row * C + c] = concepts[concept];
    });
  });
  return said;
}

function headLogits({ intents }: Heads, intent: Intent, said: Float64Array): Float64Array {
  return Float64Array.from({ length: said.length / C }, (_, row) =>
    headLogit(intents[intent], said, row),
  );
}

/** All concepts of one row together become those of another. */
function shuffledRows(said: Float64Array): Float64Array {
  const random = seededRandom(SEED);
  const order = Float64Array.from({ length: said.length / C }, (_, row) => row);
  shuffle(order, [...order.keys()], random);
  const shuffled = new Float64Array(said.length);
  order.forEach((from, row) => {
    shuffled.set(said.subarray(from * C, (from + 1) * C), row * C);
  });
  return shuffled;
}
