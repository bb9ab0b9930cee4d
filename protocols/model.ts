/**
 * The scoring model: features -> concepts in [0,1] -> intents. It travels in the partitions' logs
 * like all reference data, so a decision names the version that it was made with.
 *
 * A concept's logit is a sum of one function per feature, piecewise linear between knots, so every
 * feature's part in it is exact. An intent's logit is a sum of one function per concept, likewise,
 * and each may only go in its documented direction: the intents read nothing but the concepts.
 *
 * A model may take its concepts from a network of one's own instead, an ONNX file that it names by
 * its digest (docs/own-model.md): its curves are flat then. Intents still follow concepts alone.
 *
 * Invariants:
 *   M1 Each concept moves an intent only as DIRECTIONS says, at every value.
 *   M2 A modality that is absent has no part in any concept but its own constant.
 */
import { z } from 'zod';
import { CONCEPTS, type Concept, type Intent, MODALITIES } from './user-snapshot.ts';

export const MAX_MODEL_FEATURES = 256;
export const MAX_KNOTS = 12;
/** A model has to fit into a message of a partition's log and into its cells. */
export const MAX_MODEL_BYTES = 512 * 1024;

/** What a concept may do to an intent: raise it (1) or lower it (-1); others have no part in it. */
export const DIRECTIONS: Readonly<Record<Intent, Partial<Record<Concept, 1 | -1>>>> = {
  engagement_intent: { frustration: -1, stickiness: 1, drop_off: -1, curiosity: 1, loyalty: 1 },
  purchase_intent: {
    frustration: -1,
    stickiness: 1,
    drop_off: -1,
    hesitation: 1,
    urgency: 1,
    curiosity: -1,
    price_sensitivity: -1,
    loyalty: 1,
  },
  churn_risk: { frustration: 1, stickiness: -1, drop_off: 1, urgency: -1, loyalty: -1 },
};
/** The same for how near the next order is. */
export const WINDOW_DIRECTIONS: Readonly<Partial<Record<Concept, 1 | -1>>> =
  DIRECTIONS.purchase_intent;

const finite = z.number();
const knots = z
  .array(finite)
  .min(1)
  .max(MAX_KNOTS)
  .refine(
    (xs) => xs.every((x, i) => i === 0 || x > (xs[i - 1] as number)),
    'knots must rise strictly',
  );

/** A function of one number: linear between knots, constant outside. */
const curveSchema = z
  .strictObject({ knots, values: z.array(finite).min(1).max(MAX_KNOTS) })
  .refine((c) => c.knots.length === c.values.length, 'as many values as knots');
export type Curve = z.infer<typeof curveSchema>;

const conceptCurves = z.partialRecord(z.enum(CONCEPTS), curveSchema);

/** A sum of curves of concepts, held to documented directions. */
const sumOver = (directions: Readonly<Partial<Record<Concept, 1 | -1>>>) =>
  conceptCurves.superRefine((curves, context) => {
    for (const [concept, curve] of Object.entries(curves) as [Concept, Curve][]) {
      const direction = directions[concept];
      const problem =
        direction === undefined
          ? 'this intent does not read the concept'
          : firstAgainst(curve.values, direction);
      if (problem !== undefined) {
        context.addIssue({ code: 'custom', path: [concept], message: problem });
      }
    }
  });

function firstAgainst(values: readonly number[], direction: 1 | -1): string | undefined {
  const at = values.findIndex((v, i) => i > 0 && direction * (v - (values[i - 1] as number)) < 0);
  if (at < 0) return undefined;
  const way = direction === 1 ? 'rise' : 'fall';
  return `values may only ${way} with the concept (M1), but value ${at} does not`;
}

const intent = (name: Intent) =>
  z.strictObject({ bias: finite, concepts: sumOver(DIRECTIONS[name]) });

const conceptSchema = z.strictObject({
  bias: finite,
  /** What stands in for each modality that is absent, in the order of MODALITIES. */
  absent: z.array(finite).length(MODALITIES.length),
  /** Per feature of the model, the value at each of its knots. */
  values: z.array(z.array(finite).max(MAX_KNOTS)).max(MAX_MODEL_FEATURES),
});

/** Live figures are compared with these: how features and scores were spread in training. */
const referenceSchema = z.strictObject({
  /** Per feature of the model, the rising bounds between bins, and each bin's share. */
  features: z
    .array(z.strictObject({ edges: z.array(finite).max(9), shares: z.array(finite).max(10) }))
    .max(MAX_MODEL_FEATURES),
});

/** A network that calculates the concepts, named by the bytes of its ONNX file. */
const networkSchema = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected the SHA-256 of the ONNX file, in hex'),
});

export const modelSchema = z
  .strictObject({
    v: z.literal(1),
    /** Grows with every model that is applied; a lower one is not taken. */
    version: z.int().min(1),
    name: z.string().min(1).max(128),
    /** What it reads, by name (see docs/features.md), with the knots of its curves. */
    features: z
      .array(z.strictObject({ name: z.string().min(1).max(64), knots }))
      .max(MAX_MODEL_FEATURES),
    concepts: z.record(z.enum(CONCEPTS), conceptSchema),
    /** Calculates the concepts from the features instead of the curves. */
    network: networkSchema.optional(),
    intents: z.strictObject({
      engagement_intent: intent('engagement_intent'),
      purchase_intent: intent('purchase_intent'),
      churn_risk: intent('churn_risk'),
    }),
    /** P(next order within 30 minutes, a day, a week): logistic in threshold + curves, rising. */
    window: z.strictObject({
      thresholds: z.tuple([finite, finite, finite]),
      concepts: sumOver(WINDOW_DIRECTIONS),
    }),
    /** An interest is its share of all mentions, as if `prior` mentions had gone elsewhere. */
    interests: z.strictObject({ prior: z.number().min(0) }),
    reference: referenceSchema,
  })
  .superRefine((model, context) => {
    const { features, concepts, window, reference } = model;
    for (const concept of CONCEPTS) {
      const { values } = concepts[concept];
      const wrong = features.findIndex(({ knots: k }, i) => values[i]?.length !== k.length);
      if (wrong < 0 && values.length === features.length) continue;
      const message = `expected ${features.length} features with as many values as knots each`;
      context.addIssue({ code: 'custom', path: ['concepts', concept, 'values'], message });
    }
    const twice = features.findIndex(({ name }, i) =>
      features.some((other, j) => j < i && other.name === name),
    );
    if (twice >= 0) {
      const message = 'is read twice: give each feature one curve';
      context.addIssue({ code: 'custom', path: ['features', twice, 'name'], message });
    }
    if (reference.features.length !== features.length) {
      const message = `expected ${features.length} features, as the model reads`;
      context.addIssue({ code: 'custom', path: ['reference', 'features'], message });
    }
    if (model.network !== undefined) {
      for (const concept of CONCEPTS) {
        const path = unevenPart(concepts[concept]);
        if (path === undefined) continue;
        const message = 'expected only 0: the concepts are those of the network';
        context.addIssue({ code: 'custom', path: ['concepts', concept, path], message });
      }
    }
    const [now, today, week] = window.thresholds;
    if (now > today || today > week) {
      const message = 'must not fall: what is likely now is as likely within a day';
      context.addIssue({ code: 'custom', path: ['window', 'thresholds'], message });
    }
  });
export type Model = z.infer<typeof modelSchema>;

/** What of a concept's curves says anything; undefined if they are all flat at 0. */
function unevenPart({ absent, values }: z.infer<typeof conceptSchema>): string | undefined {
  if (absent.some((value) => value !== 0)) return 'absent';
  return values.some((curve) => curve.some((value) => value !== 0)) ? 'values' : undefined;
}
