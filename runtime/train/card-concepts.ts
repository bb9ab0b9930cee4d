/**
 * The card's sections on what is inside: ablations, leakage, the concepts by themselves, the
 * conversion window and interests.
 */
import { CONCEPTS } from '../../protocols/user-snapshot.ts';
import {
  count,
  difference,
  fixed,
  paragraph,
  percent,
  table,
  withInterval,
} from './card-format.ts';
import type { CardInput } from './card-input.ts';
import { taskName } from './card-results.ts';
import { OTHERS } from './evaluate-tasks.ts';
import { WINDOW_MS } from './fit-intents.ts';
import type { TaskFigures } from './task-figures.ts';

const PROBABILITY_HEADING = [
  'ECE',
  'ECE, own base rate',
  'log loss, own base rate',
  'log loss, base rate',
];
const WINDOW_NAMES = ['30 minutes', 'a day', '7 days'] as const;

/** What parts of the model add, and whether intents live on more than the concepts' meaning. */
export function ablationSection(input: CardInput): string[] {
  const { tasks } = input;
  const cell = (figures: TaskFigures, name: string): string => {
    const other = figures.others.get(name);
    return other === undefined ? '–' : withInterval(other.auc);
  };
  return [
    '## Ablations and leakage',
    '',
    ...paragraph(
      'AUC of variants on the same test points. **Without fusion**: trained without the fused',
      'states and trends of the modalities; *adds* is the model less that, paired. **Shuffled**:',
      "each person gets another person's concepts, which must fall to 0.5, because intents see",
      'nothing else.',
    ),
    ...table(
      ['task', 'model', 'without fusion', 'fusion adds', 'concepts shuffled'],
      tasks.map((figures) => {
        const fusion = figures.others.get(OTHERS.withoutFusion);
        return [
          taskName(figures),
          withInterval(figures.own.auc),
          cell(figures, OTHERS.withoutFusion),
          fusion === undefined ? '–' : difference(fusion.difference),
          cell(figures, OTHERS.shuffledConcepts),
        ];
      }),
    ),
    ...fusionProse(tasks),
    ...paragraph(
      'A bottleneck leaks if the concepts carry to the intents more than they mean (Mahinpei et',
      'al. 2021). Two measures. **Yes or no**: each concept is cut to 0 or 1 where as many are a',
      'yes as its label was in training, and the intents are fitted anew; what is lost is carried',
      'by shades of the concepts, part of it rightly, because a chance of 0.9 means more than one',
      "of 0.6. **Meaningless concepts**: the concepts are taught other people's labels and the",
      'intents the true ones; such concepts mean nothing, so what is above 0.5 is leakage.',
    ),
    ...table(
      ['task', 'model', 'concepts yes or no', 'lost', 'meaningless concepts, gate open'],
      tasks.map((figures) => {
        const hard = figures.others.get(OTHERS.hardConcepts);
        return [
          taskName(figures),
          fixed(figures.own.auc.estimate),
          cell(figures, OTHERS.hardConcepts),
          hard === undefined ? '–' : difference(hard.difference),
          cell(figures, OTHERS.shuffledLabels),
        ];
      }),
    ),
    ...leakageProse(input),
  ];
}

function fusionProse(tasks: readonly TaskFigures[]): string[] {
  const gains = tasks.flatMap(({ others }) => {
    const fusion = others.get(OTHERS.withoutFusion);
    return fusion === undefined ? [] : [fusion.difference];
  });
  const sure = gains.filter(({ low }) => low > 0).length;
  const harm = gains.filter(({ high }) => high < 0).length;
  return paragraph(
    `Fusion raises the AUC beyond its interval in ${sure} of ${gains.length} tasks and lowers it`,
    `so in ${harm}. It is made of the same evidence as the other features; what it is for, is what`,
    'these data sets hardly have: modalities that contradict each other or are withheld.',
  );
}

function leakageProse({ tasks, meaningful, shuffledMeaningful }: CardInput): string[] {
  const leaking = tasks.flatMap((figures) => {
    const meaningless = figures.others.get(OTHERS.shuffledLabels);
    return meaningless !== undefined && meaningless.auc.low > 0.5
      ? [`${taskName(figures)} (${fixed(meaningless.auc.estimate)})`]
      : [];
  });
  const shut = CONCEPTS.filter((concept) => !meaningful.has(concept));
  return paragraph(
    leaking.length === 0
      ? 'With the gate open, no task has an AUC beyond 0.5 on meaningless concepts.'
      : `With the gate open, beyond 0.5 on meaningless concepts: ${leaking.join('; ')}.`,
    'Fitted to noise, a concept is still some function of the features, and eight of them pass on',
    'a part of what the features know. Therefore the gate: an intent reads a concept only if it',
    'says more of its own label, out of fold, than the base rate does. Of the eight meaningless',
    `concepts, ${shuffledMeaningful} would pass; of the model's, ${meaningful.size} do`,
    shut.length === 0 ? '(all).' : `(not ${shut.join(', ')}).`,
    'The gate keeps out concepts without meaning. It does not measure what a concept with a',
    'meaning carries besides; the concepts are fitted apart from the intents, so nothing pushes',
    'them to carry more.',
  );
}

/** Concepts against their own labels. */
export function conceptSection({ concepts }: CardInput): string[] {
  return [
    '## The concepts by themselves',
    '',
    ...paragraph(
      'Each concept against its own label on the test part. A data set that cannot tell a label is',
      'left out; base rates differ between shops, and the ECE shows by how much one model for all',
      'is off.',
    ),
    ...table(
      ['concept', 'data set', 'points', 'base rate', 'AUC', ...PROBABILITY_HEADING],
      CONCEPTS.flatMap((name) =>
        concepts
          .filter(({ concept }) => concept === name)
          .map((each) => [
            name,
            each.dataSet,
            count(each.rows),
            percent(each.positives / each.rows),
            withInterval(each.auc),
            fixed(each.ece),
            fixed(each.eceShifted),
            fixed(each.logLoss),
            fixed(each.logLossBase),
          ]),
      ),
    ),
  ];
}

/** The conversion window and the interests. */
export function windowSection(
  { windows, interests, model }: CardInput,
  pictures: string,
): string[] {
  return [
    '## Conversion window and interests',
    '',
    ...paragraph(
      'The window is the chance that the next order comes within 30 minutes, a day and 7 days.',
      'One model serves visits and customers, whose base rates differ by orders of magnitude, so',
      'its probabilities need the own base rate more than any others.',
    ),
    ...table(
      ['order within', 'data set', 'points', 'rate', 'AUC', ...PROBABILITY_HEADING],
      WINDOW_MS.flatMap((_, end) =>
        windows
          .filter((each) => each.end === end)
          .map((each) => [
            WINDOW_NAMES[end] as string,
            each.dataSet,
            count(each.rows),
            percent(each.positives / each.rows, 2),
            withInterval(each.auc),
            fixed(each.ece),
            fixed(each.eceShifted),
            fixed(each.logLoss),
            fixed(each.logLossBase),
          ]),
      ),
    ),
    ...paragraph(`![Reliability of an order within 7 days](${pictures}/window.svg)`),
    ...paragraph(
      `An interest's weight is its share of all mentions, as if ${model.interests.prior} mentions`,
      'had gone elsewhere; that number makes the mentions of the rees46 training users most',
      `likely. On ${count(interests.mentions)} mentions of test users (${interests.topics}`,
      'topics):',
    ),
    ...table(
      ['weights', 'log loss', 'ECE'],
      [
        ['with the prior', fixed(interests.logLoss), fixed(interests.ece)],
        ['counts alone', fixed(interests.logLossWithoutPrior), fixed(interests.eceWithoutPrior)],
        ['every topic alike', fixed(interests.logLossUniform), '–'],
      ],
    ),
  ];
}
