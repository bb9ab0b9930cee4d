/**
 * The card's sections in words: what the model is, what it was trained on, where it falls short.
 */
import { DIRECTIONS } from '../../protocols/model.ts';
import { CONCEPTS, INTENTS } from '../../protocols/user-snapshot.ts';
import { count, paragraph, table, utcTime } from './card-format.ts';
import type { CardInput } from './card-input.ts';
import { CONCEPT_DEFINITIONS } from './concept-labels.ts';
import { intentLabel } from './fit-intents.ts';
import { SETTINGS } from './fit-model.ts';
import type { Point } from './prediction-points.ts';

/** What the model is, what its words mean, and which way each concept may push. */
export function aboutSection({ model }: CardInput): string[] {
  const arrow = { 1: '↑', '-1': '↓' } as const;
  return [
    '## What it is',
    '',
    ...paragraph(
      `The model reads ${model.features.length} features of a person, calculated by the same code`,
      'that the engine runs: counts of events that fade over four time scales, the clock, looks at',
      'items, orders, and the fused state of each modality. A concept is a logistic function of a',
      'sum of one curve per feature (piecewise linear, smoothed). An intent is a logistic function',
      'of a sum of one curve per concept, and each curve may only rise or only fall. A modality',
      'that a person withholds or that a shop does not measure has no part but a constant that',
      'stands for "not known".',
    ),
    ...paragraph(
      'Concepts are learnt first, each on its own label, and never see the intents. Intents are',
      'learnt on what the concepts say of people whom they were not fitted on, and read a concept',
      'only if it says more of its own label, out of fold, than the base rate does.',
    ),
    ...table(
      ['concept', 'the chance that …', ...INTENTS],
      CONCEPTS.map((concept) => [
        concept,
        CONCEPT_DEFINITIONS[concept],
        ...INTENTS.map((intent) => {
          const direction = DIRECTIONS[intent][concept];
          return direction === undefined ? '–' : arrow[direction];
        }),
      ]),
    ),
    ...table(
      ['intent', 'the chance that …'],
      [
        ['engagement_intent', 'at least one more event follows in this visit'],
        ['purchase_intent', 'an order follows in this visit'],
        ['churn_risk', 'no event (where only orders are known: no order) follows for 91 days'],
        ['conversion_window', 'the next order comes within 30 minutes, a day, 7 days, or later'],
      ],
    ),
  ];
}

/** Data, split and what was chosen how. */
export function splitSection({ sets, taughtPoints }: CardInput): string[] {
  const of = (points: readonly Point[], isCounted: (point: Point) => boolean): string =>
    count(points.filter(isCounted).length);
  const usersOf = (points: readonly Point[]): string =>
    count(new Set(points.map(({ user }) => user)).size);
  return [
    '## Data and split',
    '',
    ...paragraph(
      'Public data sets only; their READMEs name sources and licences. The split is **by user and',
      'by time**: nobody who is tested was trained on, everything that a training point saw or was',
      'labelled with came before the split, and everything tested came after it. For visits, the',
      'people who appear last (40 %) are tested, and of the others only visits that were over',
      'before the split are trained on. For yoochoose the split is that of its files. For orders,',
      'half of the customers (all of the cdnow 1/10 sample among them) are tested as of the split,',
      'the others are trained as of three earlier days, at most 6,000 of them. One training user',
      'in three is followed a second time as one who withholds some modalities, so that the model',
      'knows what to do without them.',
    ),
    ...table(
      ['data set', 'split', 'training users', 'training points', 'test users', 'test points'],
      sets.map(({ name, splitMs, train, test }) => [
        name,
        utcTime(splitMs),
        usersOf(train),
        of(train, ({ isSampled }) => isSampled),
        usersOf(test),
        of(test, ({ isSampled }) => isSampled),
      ]),
    ),
    ...table(
      ['data set', ...INTENTS.map((intent) => `${intent}: 1 / 0 in training`)],
      sets.map(({ name, train }) => [
        name,
        ...INTENTS.map((intent) => {
          const known = train.filter(
            (point) => point.isSampled && !Number.isNaN(intentLabel(point, intent)),
          );
          const positives = known.filter((point) => intentLabel(point, intent) === 1).length;
          return known.length === 0
            ? '–'
            : `${count(positives)} / ${count(known.length - positives)}`;
        }),
      ]),
    ),
    ...paragraph(
      'yoochoose was prepared without visits of one click. Its first clicks therefore say that',
      'more follows, whoever clicks; they are neither trained nor tested on. Counted in,',
      'engagement on yoochoose would look like an AUC of about 0.77.',
    ),
    ...paragraph(
      `Frustration has ${count(taughtPoints)} more points, on yoochoose clicks into which rage`,
      'taps and errors were put by chance: no public data set has them. The concept is *taught*',
      'what they mean; no figure here says how people behave who really meet trouble.',
    ),
    ...choices(),
  ];
}

/** What was chosen, how, and what was seen before. */
function choices(): string[] {
  const { concepts, heads } = SETTINGS;
  return paragraph(
    `**What was chosen.** Smoothing (${concepts.smooth}) and ridge (${concepts.ridge}) of the`,
    `concepts, ridge of the intents (${heads.ridge}, per logit of a concept), whether data sets`,
    'have constants of their own while fitting (yes; they do not enter the model), and whether',
    'final points teach purchases (no) were chosen by four or five folds of users of the training',
    'parts, among some twenty settings. The general form, additive concepts and data-set constants',
    'in the intents, was set while looking a few times at test figures of earlier versions, and so',
    'was the decision to leave out the first clicks of yoochoose. The ridge per logit and the gate',
    'before the intents came after leakage had been measured on the test part. The figures below',
    'are therefore a little kinder than those of a test that nobody had seen. Nothing is drawn by',
    'chance without a seed: the same data give the same file.',
  );
}

/** Where it falls short, and what it is not for. */
export function limitsSection(): string[] {
  return [
    '## Limits',
    '',
    ...paragraph(
      '- **No data for some things.** Rage taps, errors and dismissals are taught, not observed.',
      '  Scroll depth, dwell time and other telemetry of the page is in none of these sets.',
      '  Declared preferences (zero-party) are in none either, so that modality is always absent',
      '  in training, and the model gives it no part.',
      '- **Small samples.** rees46 is 2 hours and 50 minutes of one night; retailrocket has 39',
      '  buyers, diginetica 138. An interval of ± 0.05 is usual, and differences inside it mean',
      '  nothing.',
      '- **Base rates are those of these shops.** Set your own: measure the rate of your own',
      '  visits and shift the logit, or train on your own logs. Targeting by rank needs no base',
      '  rate, bidding by probability does.',
      '- **Concepts are correlates, not causes.** A high *urgency* says that people in that state',
      '  soon took a step towards buying. It does not say that making somebody feel urgency will',
      '  sell anything; use a holdout to learn that.',
      '- **Words are narrower than they sound.** *Price sensitivity* is "the next look is at',
      '  something cheaper", *loyalty* is "back within 28 days". The table above is the meaning,',
      '  the name is a label.',
      '- **Anonymous ids.** retailrocket knows a visitor by a cookie and yoochoose only a session,',
      '  so churn is measured where customers are known: cdnow and online-retail.',
    ),
    '## Sources',
    '',
    ...paragraph(
      '- Concept bottlenecks: Koh et al. 2020; their leakage: Mahinpei et al. 2021',
      '- Additive models: Hastie & Tibshirani 1990; smoothing: Eilers & Marx 1996',
      '- Proportional odds: McCullagh 1980; calibration error: Naeini, Cooper & Hauskrecht 2015',
      '- BG/NBD: Fader, Hardie & Lee 2005; boosted trees: Friedman 2001, Chen & Guestrin 2016',
      '- Intervals: bootstrap over users, 500 resamples (Efron & Tibshirani 1993)',
    ).slice(0, -1),
    '',
  ];
}
