/**
 * Random journeys with all that scores are made of: looks at items with prices, topics, modalities
 * withheld or not measured, and models that change on the way. The same seed gives the same log.
 */
import fc from 'fast-check';
import { DEFAULT_REFERENCE } from '../actors/model/default-reference.ts';
import type { Partition } from '../protocols/ids.ts';
import type { Model } from '../protocols/model.ts';
import { controlSubject } from '../protocols/subjects.ts';
import { CONCEPTS, MODALITIES, type Modality } from '../protocols/user-snapshot.ts';
import { type JourneyOptions, journeyLog, type Published, seededRandom } from './journeys.ts';
import { models } from './models.ts';

/** How many models there are to choose from, and of how many drawn ones each is made. */
const MODELS = 8;
const PARTS = 6;

type Random = () => number;
type Body = Record<string, unknown>;

/** Journeys as journeyLog makes them, and more in them. O(messages). */
export function scoredJourneyLog(options: JourneyOptions): Published[] {
  const random = seededRandom(options.seed + 1_000_003);
  const parts = fc.sample(models(), { seed: options.seed, numRuns: MODELS * PARTS });
  const drawn = Array.from({ length: MODELS }, (_, i) =>
    wideModel(random, parts.slice(i * PARTS, (i + 1) * PARTS)),
  );
  const released = DEFAULT_REFERENCE.scorer.model.version;
  let version = released;
  return journeyLog(options).flatMap(({ subject, body }) => {
    const message = { subject, body: enriched(random, subject, body) };
    if (random() > 0.006) return [message];
    // Sometimes an old version comes again.
    version = Math.max(released + 1, version + (random() < 0.2 ? -1 : 1));
    const { features, ...model } = oneOf(random, drawn);
    const isUnknown = random() < 0.1;
    const put = {
      v: 1,
      type: 'model.put',
      version,
      model: {
        ...model,
        version,
        features: isUnknown ? features.map((each) => ({ ...each, name: 'unheard_of' })) : features,
      },
    };
    const toAll = Array.from({ length: options.partitions }, (_, p) => ({
      subject: controlSubject(p as Partition),
      body: JSON.stringify(put),
    }));
    return [message, ...toAll];
  });
}

/** A model that reads all that some models read, as the first that reads it does. */
function wideModel(random: Random, parts: readonly Model[]): Model {
  const [first] = parts;
  if (first === undefined) throw new Error('expected a model to begin with');
  const names = new Set(parts.flatMap(({ features }) => features.map(({ name }) => name)));
  const reads = [...names].map((name) => {
    const part = parts.find(({ features }) => features.some((each) => each.name === name));
    const at = part?.features.findIndex((each) => each.name === name) ?? -1;
    return { name, part: part ?? first, at };
  });
  const concepts = CONCEPTS.map((concept) => [
    concept,
    {
      ...first.concepts[concept],
      values: reads.map(({ part, at }) => part.concepts[concept].values[at] ?? []),
    },
  ]);
  return {
    ...first,
    features: reads.map(({ name, part, at }) => ({ name, knots: part.features[at]?.knots ?? [] })),
    concepts: Object.fromEntries(concepts),
    reference: { features: reads.map(() => ({ edges: edgesFrom(random), shares: [] })) },
  };
}

/** Bounds between bins; some of them are numbers that features often are. */
function edgesFrom(random: Random): number[] {
  return [0, 0.5, Math.log1p(1), 1, Math.log1p(2), 2.5].filter(() => random() < 0.6);
}

function enriched(random: Random, subject: string, body: string): string {
  let message: unknown;
  try {
    message = JSON.parse(body);
  } catch {
    return body;
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return body;
  const { type = 'behavior' } = message as Body;
  if (type === 'settings.put') return JSON.stringify(unmeasuredIn(random, message as Body));
  if (!subject.startsWith('ingest.')) return body;
  if (type === 'behavior') return JSON.stringify(lookIn(random, message as Body));
  const asks = type === 'consent' || (type === 'preference' && random() < 0.4);
  return asks && random() < 0.7 ? JSON.stringify(answerIn(random, message as Body)) : body;
}

/** Consent that withholds something, and now and then everything. */
function answerIn(random: Random, { interests: _, ...event }: Body): Body {
  const { measurement = true, personalization = random() < 0.9 } = event;
  const withheld = random() < 0.3 ? {} : { withheld: someOf(random, MODALITIES) };
  return { ...event, type: 'consent', measurement, personalization, ...withheld };
}

function unmeasuredIn(random: Random, put: Body): Body {
  const unmeasured = random() < 0.5 ? [] : someOf(random, MODALITIES);
  return { ...put, settings: { ...(put.settings as object), unmeasured } };
}

/** A behavior that is often a look at one of a few items, to which users come back. */
function lookIn(random: Random, event: Body): Body {
  const { vectors, topics, ...rest } = event;
  const mentioned = Array.isArray(topics) ? [...topics] : [];
  if (random() < 0.05) mentioned.unshift('constructor');
  const item = random() < 0.6 ? { item: `item ${Math.floor(random() * 6)} é` } : {};
  const name = random() < 0.5 ? 'view_item' : event.name;
  const price = [0, -3, 1e-9, 12.345678, Math.round(random() * 9_000) / 100, 7e12];
  const measured = vectors === undefined ? {} : { ...(vectors as object) };
  return {
    ...rest,
    ...item,
    ...(random() < 0.2 || name === undefined ? {} : { name }),
    ...(mentioned.length === 0 ? {} : { topics: mentioned }),
    vectors: random() < 0.5 ? measured : { ...measured, price: oneOf(random, price) },
  };
}

function oneOf<T>(random: Random, of: readonly T[]): T {
  return of[Math.floor(random() * of.length)] as T;
}

function someOf(random: Random, of: readonly Modality[]): Modality[] {
  const some = of.filter(() => random() < 0.3);
  return random() < 0.2 ? [...some, ...some].slice(0, of.length).reverse() : some;
}
