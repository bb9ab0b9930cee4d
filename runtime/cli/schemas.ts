/**
 * The JSON Schemas of everything that travels, made from the zod schemas that the engine checks
 * with: for applications in any language, and for the API descriptions.
 *
 * Owns the content of docs/schemas/; `test/golden/schemas.test.ts` keeps that folder current.
 */

import { z } from 'zod';
import { alertSchema } from '../../protocols/alert.ts';
import { campaignSchema } from '../../protocols/campaign.ts';
import {
  campaignActorSchema,
  coordinatorCheckpointSchema,
} from '../../protocols/campaign-actor.ts';
import {
  campaignChangeSchema,
  campaignDetailSchema,
  campaignsReportSchema,
} from '../../protocols/campaign-services.ts';
import {
  calibrationCellSchema,
  campaignCellSchema,
  channelsCellSchema,
  deliveryCellSchema,
  driftCellSchema,
  modelCellSchema,
  referenceCellSchema,
  suppressedCellSchema,
  trafficCellSchema,
  trialCellSchema,
} from '../../protocols/cells.ts';
import {
  channelsHeadSchema,
  dayCreditsSchema,
  pathChunkSchema,
} from '../../protocols/channel-actor.ts';
import { channelRulesSchema } from '../../protocols/channel-rules.ts';
import { checkpointSchema } from '../../protocols/checkpoint.ts';
import { controlSchema } from '../../protocols/control.ts';
import { erasureSchema, ledgerEntrySchema } from '../../protocols/conversion-ledger.ts';
import { deadLetterSchema } from '../../protocols/dead-letter.ts';
import { decisionSchema, receiptSchema } from '../../protocols/decision.ts';
import { eventSchema } from '../../protocols/event.ts';
import {
  liveFrameSchema,
  liveReportSchema,
  pulseFrameSchema,
} from '../../protocols/live-figures.ts';
import {
  alertsReportSchema,
  deadLettersReportSchema,
  decisionExplanationSchema,
  decisionsReportSchema,
  userHistorySchema,
} from '../../protocols/live-services.ts';
import {
  liveGroupsSchema,
  liveHeadSchema,
  liveMovesSchema,
  liveSeriesSchema,
} from '../../protocols/live-snapshot.ts';
import { modelSchema } from '../../protocols/model.ts';
import { modelQualitySchema } from '../../protocols/model-quality.ts';
import { pathJournalSchema } from '../../protocols/path-journal.ts';
import { pulseSchema } from '../../protocols/pulse.ts';
import {
  attributionReportSchema,
  conversionReportSchema,
  modelReportSchema,
  partitionsReportSchema,
  userReportSchema,
} from '../../protocols/services.ts';
import { settingsSchema } from '../../protocols/settings.ts';
import { userRecordSchema } from '../../protocols/user-record.ts';
import { verdictSchema } from '../../protocols/verdict.ts';
import { workerFrameSchema } from '../../protocols/worker-frame.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Each document's name, what it describes, and the schema that it is made from. */
const DOCUMENTS: readonly (readonly [name: string, title: string, schema: z.ZodType])[] = [
  ['event', 'An event, as applications publish it to ingest.<user>', eventSchema],
  ['decision', 'A decision, as applications hear it on decisions.<user>', decisionSchema],
  ['receipt', 'A decision with the full reason why', receiptSchema],
  ['verdict', 'What became of one event', verdictSchema],
  ['campaign', 'A campaign, as operators define it', campaignSchema],
  ['channel-rules', 'The rules that derive a touch’s channel', channelRulesSchema],
  ['settings', 'What all partitions share', settingsSchema],
  ['model', 'What users are scored by', modelSchema],
  ['control', 'Reference data in a partition’s log', controlSchema],
  ['dead-letter', 'An event that could not be taken', deadLetterSchema],
  ['user', 'A user actor, as stored', userRecordSchema],
  ['checkpoint', 'A partition’s position in its log', checkpointSchema],
  ['path-journal', 'What a commit changed about paths', pathJournalSchema],
  ['pulse', 'What a commit adds to the live figures', pulseSchema],
  ['ledger-entry', 'A conversion with its path', ledgerEntrySchema],
  ['erasure', 'A task to forget a user’s conversions', erasureSchema],
  ['channels-head', 'How far the path journals are folded', channelsHeadSchema],
  ['path-chunk', 'Some of the paths that began on a day', pathChunkSchema],
  ['live-head', 'How far the pulses are folded, and open alerts', liveHeadSchema],
  ['live-groups', 'Live sums of some groups and campaigns', liveGroupsSchema],
  ['live-series', 'Some watched series with their detectors', liveSeriesSchema],
  ['live-moves', 'Who moved along the funnel on a day', liveMovesSchema],
  ['day-credits', 'What rule-based models credit for one day', dayCreditsSchema],
  ['channels-cell', 'Touches and cost of one day', channelsCellSchema],
  ['traffic-cell', 'What passed through a partition', trafficCellSchema],
  ['campaign-cell', 'A campaign as a partition knows it', campaignCellSchema],
  ['delivery-cell', 'A campaign’s delivery in a partition', deliveryCellSchema],
  ['reference-cell', 'The settings that a partition knows', referenceCellSchema],
  ['model-cell', 'The model that a partition knows', modelCellSchema],
  ['suppressed-cell', 'How often campaigns were kept back', suppressedCellSchema],
  ['trial-cell', 'A holdout’s users by arm', trialCellSchema],
  ['campaign-actor', 'A campaign actor, as stored', campaignActorSchema],
  ['campaign-change', 'Who changed a campaign, and how', campaignChangeSchema],
  ['alert', 'Something that people should look at', alertSchema],
  ['coordinator-checkpoint', 'The coordinator’s fence', coordinatorCheckpointSchema],
  ['user-report', 'The answer of inspect.user', userReportSchema],
  ['attribution-report', 'The answer of inspect.attribution', attributionReportSchema],
  ['conversion-report', 'The answer of inspect.conversion', conversionReportSchema],
  ['campaigns-report', 'The answer of inspect.campaigns', campaignsReportSchema],
  ['campaign-detail', 'The answer of inspect.campaign', campaignDetailSchema],
  ['model-quality', 'How well the model in force holds', modelQualitySchema],
  ['calibration-cell', 'What a model forecast in a week, and what came', calibrationCellSchema],
  ['drift-cell', 'How the features were spread in a week', driftCellSchema],
  ['model-report', 'The answer of inspect.model', modelReportSchema],
  ['partitions-report', 'The answer of inspect.partitions', partitionsReportSchema],
  ['worker-frame', 'What a worker says of itself each second', workerFrameSchema],
  ['pulse-frame', 'Sums since the beginning, several times a second', pulseFrameSchema],
  ['live-frame', 'Live figures once a second', liveFrameSchema],
  ['live-report', 'The answer of inspect.live.*', liveReportSchema],
  ['alerts-report', 'The answer of inspect.alerts', alertsReportSchema],
  ['user-history', 'The answer of inspect.history', userHistorySchema],
  ['decisions-report', 'The answer of inspect.decisions', decisionsReportSchema],
  ['decision-explanation', 'The answer of inspect.explanation', decisionExplanationSchema],
  ['dead-letters-report', 'The answer of inspect.dead-letters', deadLettersReportSchema],
];

/** All documents: file name in docs/schemas to content, the same bytes at every call. */
export function schemaDocuments(): Record<string, string> {
  const documents: Record<string, string> = {};
  for (const [name, title, schema] of DOCUMENTS) {
    // What is accepted: fields with a default are optional, unknown ones are not forbidden.
    const { $schema, ...body } = z.toJSONSchema(schema, { io: 'input' });
    const described = name === 'event' ? withDefaultType(body) : body;
    documents[`${name}.json`] = `${JSON.stringify({ $schema, title, ...described }, null, 2)}\n`;
  }
  return documents;
}

/** An event without `type` is a behavior, which a zod union on `type` does not say. */
function withDefaultType(union: JsonSchema): JsonSchema {
  const oneOf = union.oneOf?.map((option) => {
    const { type, ...properties } = option.properties ?? {};
    if (typeof type !== 'object' || type.const !== 'behavior') return option;
    const required = option.required?.filter((field) => field !== 'type') ?? [];
    const withDefault = { ...type, default: 'behavior' };
    return { ...option, properties: { type: withDefault, ...properties }, required };
  });
  return oneOf === undefined ? union : { ...union, oneOf };
}
