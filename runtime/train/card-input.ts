/**
 * What the model card is made of.
 */
import type { Model } from '../../protocols/model.ts';
import type { Concept } from '../../protocols/user-snapshot.ts';
import type { Baselines } from './baselines.ts';
import type { ConceptFigures, WindowFigures } from './evaluate-concepts.ts';
import type { InterestFigures } from './interest-prior.ts';
import type { ShopperFigures } from './online-shoppers-check.ts';
import type { ReferenceFigures } from './reference-protocols.ts';
import type { TaskFigures } from './task-figures.ts';
import type { TrainingSet } from './training-sets.ts';

/** All that a card says. */
export interface CardInput {
  readonly model: Model;
  /** Of the model file's text. */
  readonly digest: string;
  readonly sets: readonly TrainingSet[];
  readonly taughtPoints: number;
  /** Concepts that passed the gate, and how many passed that were taught shuffled labels. */
  readonly meaningful: ReadonlySet<Concept>;
  readonly shuffledMeaningful: number;
  readonly tasks: readonly TaskFigures[];
  readonly baselines: Baselines;
  readonly concepts: readonly ConceptFigures[];
  readonly windows: readonly WindowFigures[];
  readonly interests: InterestFigures;
  readonly references: readonly ReferenceFigures[];
  readonly shoppers: readonly ShopperFigures[];
}
