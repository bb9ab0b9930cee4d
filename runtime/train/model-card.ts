/**
 * The model card as Markdown with its pictures, from the figures of a training run: every number
 * and every verdict in it is generated, so that it cannot be out of date with the model.
 */
import { INTENTS, type Intent } from '../../protocols/user-snapshot.ts';
import { ablationSection, conceptSection, windowSection } from './card-concepts.ts';
import type { CardInput } from './card-input.ts';
import { aboutSection, limitsSection, splitSection } from './card-prose.ts';
import { referenceSection } from './card-references.ts';
import { probabilitySection, rankingSection, summarySection } from './card-results.ts';
import { reliabilityPlot } from './reliability-plot.ts';

/** Where pictures are, relative to the card. */
const PICTURES = 'model-card';

/** What intents are called in titles. */
const TITLES: Readonly<Record<Intent, string>> = {
  engagement_intent: 'Engagement: the visit goes on',
  purchase_intent: 'Purchase within the visit',
  churn_risk: 'Churn: nothing for 91 days',
};

/** The card and its pictures: names relative to the card's folder, the card's own being "". */
export function cardFiles(input: CardInput): Map<string, string> {
  const files = new Map<string, string>([['', cardText(input)]]);
  for (const intent of INTENTS) {
    const series = input.tasks
      .filter(({ task }) => task.intent === intent && task.part !== 'final')
      .map(({ task, binsShifted, bins }) => ({
        name: task.part === 'sampled' ? task.dataSet : `${task.dataSet}, ${task.part}`,
        bins,
        binsShifted,
      }));
    if (series.length === 0) continue;
    files.set(`${PICTURES}/${fileName(intent)}.svg`, reliabilityPlot(TITLES[intent], series));
    files.set(
      `${PICTURES}/${fileName(intent)}-shifted.svg`,
      reliabilityPlot(
        TITLES[intent],
        series.map(({ name, binsShifted }) => ({
          name: `${name}, own base rate`,
          bins: binsShifted,
        })),
      ),
    );
  }
  const week = input.windows.filter(({ end }) => end === 2);
  if (week.length > 0) {
    const series = week.map(({ dataSet, bins }) => ({ name: `${dataSet}, own base rate`, bins }));
    files.set(`${PICTURES}/window.svg`, reliabilityPlot('Order within 7 days', series));
  }
  return files;
}

function fileName(intent: Intent): string {
  return intent.replaceAll('_', '-');
}

function cardText(input: CardInput): string {
  const { model, digest } = input;
  return [
    '# Model card',
    '',
    `Model **${model.name}**, version ${model.version}, file \`actors/model/released-model.json\``,
    `(SHA-256 begins with \`${digest}\`). Made by \`npm run train\`, which also writes this page;`,
    '`npm run train -- --check` makes both again and compares them byte by byte.',
    '',
    ...summarySection(input),
    ...aboutSection(input),
    ...splitSection(input),
    ...rankingSection(input),
    ...probabilitySection(input, PICTURES),
    ...referenceSection(input),
    ...ablationSection(input),
    ...conceptSection(input),
    ...windowSection(input, PICTURES),
    ...limitsSection(),
  ].join('\n');
}
