/**
 * Trains the model that a release brings, judges it and writes the model card: everything that
 * `microtarget train` makes, as texts by file name.
 *
 * Invariants:
 *   R1 The same data gives the same bytes: nothing here knows the time or chance.
 *   R2 The test parts are read for figures only; no choice depends on them.
 */
import { Scorer } from '../../actors/model/scorer.ts';
import { type Model, modelSchema } from '../../protocols/model.ts';
import { fitBaselines } from './baselines.ts';
import type { CardInput } from './card-input.ts';
import { readCdnow } from './data/cdnow.ts';
import { readRees46 } from './data/rees46.ts';
import { conceptFigures, windowFigures } from './evaluate-concepts.ts';
import { evaluateTask, fitVariants, testTasks } from './evaluate-tasks.ts';
import { type FittedModel, fitModel, SETTINGS } from './fit-model.ts';
import { fitInterestPrior, interestFigures } from './interest-prior.ts';
import { modelDigest, modelText } from './model-file.ts';
import { onlineShoppersFigures } from './online-shoppers-check.ts';
import type { Point } from './prediction-points.ts';
import { cdnowReferences, visitReferences } from './reference-protocols.ts';
import {
  readTrainingSets,
  splitOf,
  splitVisits,
  type TrainingSet,
  taughtPoints,
} from './training-sets.ts';

/** Grows with every model that is released. */
const MODEL_VERSION = 2;
const MODEL_NAME = 'public-2';

/** Says what was done last. */
export type OnStage = (title: string) => void;

/** A trained model with what it was trained and is to be judged on. */
export interface Trained {
  readonly text: string;
  readonly fitted: FittedModel;
  readonly sets: readonly TrainingSet[];
  readonly taught: readonly Point[];
  readonly points: readonly Point[];
}

/**
 * Trains the model; two minutes.
 *
 * @param folder the folder that holds the data sets.
 * @throws FileProblem if one is not there or not as expected.
 */
export function train(folder: string, onStage: OnStage): Trained {
  const sets = readTrainingSets(folder);
  const taught = taughtPoints(folder);
  const points = [...sets.flatMap((set) => set.train), ...taught];
  onStage(`read ${sets.length} data sets, ${points.length} points to train on`);
  const rees46 = readRees46(folder);
  const prior = fitInterestPrior(splitVisits(rees46, splitOf(rees46)).trained);
  const fitted = fitModel(points, { version: MODEL_VERSION, name: MODEL_NAME, prior });
  // As it will be read, so that what is judged is what is released.
  const text = modelText(fitted.model);
  const model: Model = modelSchema.parse(JSON.parse(text));
  onStage('fitted the model');
  return { text, fitted: { ...fitted, model }, sets, taught, points };
}

/** All figures of a trained model, for its card; some minutes. */
export function judge(folder: string, trained: Trained, onStage: OnStage): CardInput {
  const { fitted, sets, taught, points, text } = trained;
  const { model } = fitted;
  const scorer = new Scorer(model);
  const variants = fitVariants(points, fitted, onStage);
  const baselines = fitBaselines(points, SETTINGS.heads.hasFinals, onStage);
  const { master, sampleUsers } = readCdnow(folder);
  const sample = new Set(sampleUsers);
  const contestants = { scorer, variants, baselines, trained: points };
  const tasks = testTasks(sets, sample).map((task) => evaluateTask(task, contestants));
  onStage('judged on the test parts');
  const rees46 = readRees46(folder);
  const { trained: early, tested: late } = splitVisits(rees46, splitOf(rees46));
  const cdnow = sets.find(({ name }) => name === 'cdnow') as TrainingSet;
  const input: CardInput = {
    model,
    digest: modelDigest(text),
    sets,
    taughtPoints: taught.length,
    meaningful: fitted.meaningful,
    shuffledMeaningful: variants.shuffledMeaningful,
    tasks,
    baselines,
    concepts: conceptFigures(sets, scorer),
    windows: windowFigures(sets, scorer),
    interests: interestFigures(early, late, model.interests.prior),
    references: [
      ...visitReferences(sets, taught),
      ...cdnowReferences(cdnow, master, sample, scorer),
    ],
    shoppers: onlineShoppersFigures(folder),
  };
  onStage('compared with published figures');
  return input;
}
