/**
 * The card's results on the test parts: what was to be reached, ranking and probabilities.
 */

import { type Baselines, taskKey } from './baselines.ts';
import {
  count,
  difference,
  fixed,
  paragraph,
  percent,
  table,
  type Verdict,
  verdict,
  withInterval,
} from './card-format.ts';
import type { CardInput } from './card-input.ts';
import { OTHERS } from './evaluate-tasks.ts';
import type { BootstrapInterval } from './intervals.ts';
import type { TaskFigures } from './task-figures.ts';

/** How far the bottleneck may be below an unconstrained model. */
const COST_MAX = 0.01;
/** What intents are called in tables. */
const INTENT_WORDS = {
  engagement_intent: 'engagement',
  purchase_intent: 'purchase',
  churn_risk: 'churn',
} as const;

/** What a task is called in tables. */
export function taskName({ task }: TaskFigures): string {
  return `${INTENT_WORDS[task.intent]}, ${task.dataSet}, ${task.part}`;
}

/** The goals, and for each task whether it is met. */
export function summarySection(input: CardInput): string[] {
  const cost = input.tasks.map((figures) => ({
    name: taskName(figures),
    verdict: costVerdict(figures, input.baselines),
  }));
  const reference = input.references.map(({ title, auc, reference: goal }) => ({
    name: title,
    verdict: verdict(auc, goal),
  }));
  return [
    '## In short',
    '',
    ...paragraph(
      'People are judged in two steps. From what they did, eight **concepts** are estimated, such',
      'as *urgency* or *loyalty*: chances from 0 to 1 of something that can be observed soon',
      'after. From the eight concepts alone, and from nothing else, come the **intents**: will the',
      'visit go on, will it end in a purchase, will the person stay away. So each score can be',
      'explained in eight numbers, and each number can only push in its documented direction.',
    ),
    ...verdictLines(
      `The bottleneck costs at most ${COST_MAX} ROC-AUC against the best unconstrained model`,
      cost,
    ),
    ...verdictLines("The reference figure of the data set's README is reached", reference),
    ...paragraph(
      '"Met" means that the figure itself reaches the goal, "within noise" that only its 95 %',
      'interval does, "missed" that not even that does. The sections below give all figures and,',
      'where a goal is not met, why. The data sets are samples, some with few buyers; look at the',
      'intervals.',
    ),
  ];
}

function verdictLines(
  goal: string,
  tasks: readonly { readonly name: string; readonly verdict: Verdict }[],
): string[] {
  const named = (which: Verdict): string[] =>
    tasks.filter((each) => each.verdict === which).map(({ name }) => name);
  const lines = (['met', 'within noise', 'missed'] as const).flatMap((which) => {
    const names = named(which);
    return names.length === 0
      ? []
      : [`- ${which}: ${names.length} of ${tasks.length} (${names.join('; ')})`];
  });
  return [`**${goal}:**`, '', ...lines, ''];
}

/** The model on raw features that is harder to match. */
interface Unconstrained {
  readonly name: string;
  readonly isPooled: boolean;
  readonly auc: BootstrapInterval;
  /** The model's ROC-AUC less its own. */
  readonly difference: BootstrapInterval;
}

/** The better of trees and logistic regression, by the training folds. */
function unconstrained({ task, others }: TaskFigures, baselines: Baselines): Unconstrained {
  const both = baselines.get(taskKey(task.intent, task.dataSet));
  if (both === undefined) throw new Error(`expected baselines of ${task.intent}, found none`);
  const isTrees = both.trees.trainingAuc >= both.logistic.trainingAuc;
  const name = isTrees ? OTHERS.trees : OTHERS.logistic;
  const figures = others.get(name);
  if (figures === undefined) throw new Error(`expected figures of ${name}, found none`);
  return { name, isPooled: (isTrees ? both.trees : both.logistic).isPooled, ...figures };
}

function costVerdict(figures: TaskFigures, baselines: Baselines): Verdict {
  return verdict(unconstrained(figures, baselines).difference, -COST_MAX);
}

/** How well each model ranks people, and what the bottleneck costs. */
export function rankingSection(input: CardInput): string[] {
  const rows = input.tasks.map((figures) => {
    const { task, positives, users, own, others } = figures;
    const harder = unconstrained(figures, input.baselines);
    const aucOf = (name: string): string => {
      const text = fixed(others.get(name)?.auc.estimate ?? Number.NaN);
      return name === harder.name ? `**${text}**` : text;
    };
    return [
      taskName(figures),
      `${count(task.labels.length)} / ${count(users)}`,
      percent(positives / task.labels.length),
      withInterval(own.auc),
      withInterval(own.precision),
      aucOf(OTHERS.logistic),
      aucOf(OTHERS.trees),
      difference(harder.difference),
      costVerdict(figures, input.baselines),
    ];
  });
  return [
    '## How well people are ranked',
    '',
    ...paragraph(
      'On people who were never trained on, at a later time. *Points* are moments of a visit at',
      'which the engine would have scored the person: the events number 1, 2, 3, 5, 8, 13, 21 and',
      '34 of a visit ("sampled"), or its last event, or the last one before an order ("final");',
      'for churn, one day for all. *Base rate* is the share of points at which the thing happens;',
      'always saying it has an AUC of 0.5 and an average precision (PR-AUC) equal to the base',
      'rate. The logistic regression and the boosted trees read all raw features and six flags of',
      'what is absent, without any bottleneck, and learnt from the same rows. Each was fitted on',
      'all data sets together and on the one alone, and the better was taken, by three folds of',
      '**training** users. The better of the two, by the same folds, is the unconstrained model',
      '(bold). The last columns are the price of the bottleneck: AUC of the model less that of the',
      'bold one, paired.',
    ),
    ...table(
      [
        'task',
        'points / users',
        'base rate',
        'AUC, model',
        'PR-AUC, model',
        'AUC, logistic',
        'AUC, trees',
        'model − bold',
        `costs ≤ ${COST_MAX}`,
      ],
      rows,
    ),
    ...costProse(input),
    ...ownTable(input),
  ];
}

/** Why the bottleneck costs what it does, from the figures. */
function costProse({ tasks, baselines }: CardInput): string[] {
  const missed = tasks.filter((figures) => costVerdict(figures, baselines) !== 'met');
  if (missed.length === 0) return [];
  const sentences = missed.map((figures) => {
    const harder = unconstrained(figures, baselines);
    const scope = harder.isPooled ? 'all data sets together' : 'this data set alone';
    const own = figures.others.get(OTHERS.own)?.auc.estimate ?? Number.NaN;
    const alone = own - harder.auc.estimate;
    return (
      `- ${taskName(figures)}: ${fixed(-harder.difference.estimate)} below ${harder.name}, which ` +
      `was fitted on ${scope}. A bottleneck fitted on this data set alone has ${fixed(own)}: ` +
      `${fixed(Math.abs(alone))} ${alone >= 0 ? 'above' : 'below'}.`
    );
  });
  return [
    ...paragraph('**Where the price is above the goal:**'),
    ...paragraph(...sentences),
    ...paragraph(
      'One model serves all shops here. Where a bottleneck fitted on the shop alone does as well',
      'as what reads everything, the price is that of one model for all, not that of the',
      'bottleneck, and training on own logs takes it away. What is left is what eight concepts',
      'cannot pass on, and chance: with few buyers the price itself has a wide interval.',
    ),
  ];
}

function ownTable(input: CardInput): string[] {
  return [
    ...paragraph(
      'One model for all data sets, against the same kind of model fitted on one alone:',
    ),
    ...table(
      ['task', 'one model for all', 'this data set alone', 'difference'],
      input.tasks.flatMap((figures) => {
        const own = figures.others.get(OTHERS.own);
        if (own === undefined) return [];
        return [
          [
            taskName(figures),
            fixed(figures.own.auc.estimate),
            fixed(own.auc.estimate),
            difference(own.difference),
          ],
        ];
      }),
    ),
  ];
}

/** Log loss and calibration, as the model is and with an application's own base rate. */
export function probabilitySection(input: CardInput, pictures: string): string[] {
  const rows = input.tasks.map((figures) => [
    taskName(figures),
    withInterval(figures.own.logLossBase),
    withInterval(figures.own.logLoss),
    withInterval(figures.own.logLossShifted),
    withInterval(figures.own.ece),
    withInterval(figures.own.eceShifted),
  ]);
  const better = input.tasks.filter(
    ({ own }) => own.logLossShifted.estimate < own.logLossBase.estimate,
  ).length;
  return [
    '## How far the probabilities can be believed',
    '',
    ...paragraph(
      'Log loss (nats; less is better) of the model against always saying the base rate of these',
      'very points, which is the best constant and one that nobody knows beforehand. ECE is the',
      'mean distance of what was said from what happened, over ten bins of equal count; resampling',
      'makes it larger, so its intervals lie high. The model knows no shop, so it says the base',
      'rate of all data sets together where shops differ. An application has a base rate of its',
      'own and should measure it: *own base rate* adds **one** constant to the logit, such that',
      "the mean of the data set's **training** part is met. Points of final events are chosen for",
      'what follows them, so no base rate of the sampled points fits them; their probabilities are',
      'not to be believed, their ranking is what is measured.',
    ),
    ...table(
      [
        'task',
        'log loss, base rate',
        'log loss, model',
        'log loss, own base rate',
        'ECE, model',
        'ECE, own base rate',
      ],
      rows,
    ),
    ...paragraph(
      `With the own base rate, ${better} of ${input.tasks.length} tasks have a log loss below that`,
      'of the base rate.',
    ),
    ...(['engagement-intent', 'purchase-intent', 'churn-risk'] as const).flatMap((name) =>
      paragraph(
        `![Reliability of ${name}](${pictures}/${name}.svg)`,
        `![Reliability of ${name}, own base rate](${pictures}/${name}-shifted.svg)`,
      ),
    ),
  ];
}
