/**
 * The card's comparison with figures that others published or that the data sets' READMEs state.
 */

import {
  count,
  difference,
  fixed,
  paragraph,
  percent,
  table,
  verdict,
  withInterval,
} from './card-format.ts';
import type { CardInput } from './card-input.ts';
import { REFERENCE_FOLDS } from './reference-protocols.ts';

/** Reference figures by the READMEs' protocols, and the check of method. */
export function referenceSection({ references, shoppers }: CardInput): string[] {
  const rows = references.map((each) => [
    each.title,
    `${count(each.rows)} / ${percent(each.positives / each.rows)}`,
    withInterval(each.auc, 4),
    each.reference,
    verdict(each.auc, each.reference),
    withInterval(each.precision),
    each.referencePrecision ?? '–',
  ]);
  const beside = references.flatMap(({ title, comparisons }) =>
    comparisons.map(({ name, auc, difference: gap }) => [
      title,
      name,
      withInterval(auc),
      difference(gap),
    ]),
  );
  return [
    '## Against published figures',
    '',
    ...paragraph(
      'The READMEs of the data sets state figures by their own protocols, which split by session',
      `and not by time. So do these, for comparison only: ${REFERENCE_FOLDS} folds by user over`,
      'the whole of rees46 and diginetica, every visit judged at its last event before an order by',
      'a model that was fitted, concepts and intents alike, without the fold. The other folds of',
      'these two sets, with sampled and final points, and of the training parts of the other sets',
      'were trained on. For cdnow the label is an order within 39 weeks, the model is the released',
      'one, and no customer judged here was trained on; BG/NBD has the published parameters, which',
      "were fitted on the customers of the 1/10 sample up to the same day. The READMEs' own",
      'features include some that ours leave out on purpose, such as whether the last product was',
      'a smartphone (rees46) or the start offset of the first view (diginetica). A visit that',
      'begins with its order is no row here.',
    ),
    ...table(
      ['what', 'rows / base rate', 'AUC', 'reference', 'reached', 'PR-AUC', 'reference PR-AUC'],
      rows,
    ),
    ...paragraph('Beside others on the very same rows, paired:'),
    ...table(['what', 'compared with', 'its AUC', 'model − it'], beside),
    ...missedProse(references),
    ...paragraph(
      '**A check of the method** on Online Shoppers, a table of totals without events: the fit',
      'that concepts are made of, and the two that the model is compared with, out of fold (10',
      'folds; 5 for the trees). `PageValues` is calculated from past purchases and leaks the',
      'answer.',
    ),
    ...table(
      ['model', 'AUC', 'PR-AUC', 'ECE', 'reference AUC'],
      shoppers.map(({ name, auc, precision, ece, reference }) => [
        name,
        withInterval(auc),
        withInterval(precision),
        fixed(ece),
        reference,
      ]),
    ),
  ];
}

function missedProse(references: CardInput['references']): string[] {
  const short = references.filter(({ auc, reference }) => verdict(auc, reference) !== 'met');
  if (short.length === 0) return [];
  return paragraph(
    ...short.map(({ title, auc, reference, comparisons, positives }) => {
      const [first] = comparisons;
      const beside =
        first === undefined
          ? ''
          : ` On the same rows, ${first.name} has ${fixed(first.auc.estimate)}.`;
      return (
        `- ${title}: ${fixed(reference - auc.estimate, 4)} below the reference, with ` +
        `${count(positives)} positive rows and an interval of ± ` +
        `${fixed((auc.high - auc.low) / 2)}.${beside}`
      );
    }),
  );
}
