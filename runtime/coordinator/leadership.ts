/**
 * Who leads: the coordinator's checkpoint names its owner, and moving its fence shuts out the last
 * one, however alive it still believes itself to be (B1).
 */
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Alert, alertSchema } from '../../protocols/alert.ts';
import {
  type CampaignActorState,
  type CoordinatorCheckpoint,
  coordinatorCheckpointSchema,
} from '../../protocols/campaign-actor.ts';
import { type Demand, demandSchema } from '../../protocols/demand.ts';
import type { StreamSequence } from '../../protocols/ids.ts';
import { type Model, modelSchema } from '../../protocols/model.ts';
import type { Settings } from '../../protocols/settings.ts';
import {
  ACTORS_STREAM,
  alertsOf,
  CAMPAIGN_ACTORS_ALL,
  COORDINATOR_CHECKPOINT,
  COORDINATOR_DEMAND,
  COORDINATOR_MODEL,
} from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import { linkOf } from '../nats/link.ts';
import type { ActorStore, Stored, StoreMessage } from '../ports.ts';
import type { DeskState } from './budget-desk.ts';

const NOBODY = '';

/** What a coordinator brings along. */
export interface OwnReference {
  /** As configured: they replace the stored ones. */
  readonly settings: Settings;
  /** The release's: it comes into force where no model ever was, and by itself nowhere else. */
  readonly model: Model;
}

/**
 * Takes the lead if nobody alive has it. Where no model is stored, the own one is, by the claim.
 *
 * @returns the stored campaigns and their alerts, the learnt demand, the model in force and the
 *   fence; undefined while somebody else leads.
 */
export async function claimLeadership(
  nc: NatsConnection,
  store: ActorStore,
  id: string,
  { settings, model: ownModel }: OwnReference,
  isAlive: (id: string) => boolean,
): Promise<DeskState | undefined> {
  const link = linkOf(nc);
  const last = await link.attempt(() => readCheckpoint(nc));
  const owner = last?.value.owner ?? NOBODY;
  if (owner !== NOBODY && owner !== id && isAlive(owner)) return undefined;
  // Read after the checkpoint: whoever puts another model in force moves the claim's fence.
  const stored = await link.attempt(() => readModel(nc));
  const isChanged =
    last === undefined || JSON.stringify(last.value.settings) !== JSON.stringify(settings);
  const checkpoint: CoordinatorCheckpoint = {
    v: 1,
    owner: id,
    epoch: (last?.value.epoch ?? 0) + 1,
    settings,
    settings_version: (last?.value.settings_version ?? 0) + (isChanged ? 1 : 0),
    grants_version: last?.value.grants_version ?? 0,
  };
  const fence = last?.sequence ?? (0 as StreamSequence);
  const model = stored ?? ownModel;
  const first: StoreMessage = { subject: COORDINATOR_MODEL, body: JSON.stringify(model) };
  const outcome = await store.commit([
    ...(stored === undefined ? [first] : []),
    { subject: COORDINATOR_CHECKPOINT, body: JSON.stringify(checkpoint), fence },
  ]);
  if (outcome.status !== 'stored') return undefined;
  const actors = await link.attempt(() => readActors(nc, outcome.lastSequence));
  return { checkpoint, fence: outcome.lastSequence, model, ...actors };
}

/** Lets the next coordinator lead at once. Harmless if somebody has taken over already. */
export async function releaseLeadership(
  store: ActorStore,
  id: string,
  nc: NatsConnection,
): Promise<void> {
  const last = await readCheckpoint(nc);
  if (last?.value.owner !== id) return;
  const body = JSON.stringify({ ...last.value, owner: NOBODY });
  await store.commit([{ subject: COORDINATOR_CHECKPOINT, body, fence: last.sequence }]);
}

async function readCheckpoint(
  nc: NatsConnection,
): Promise<Stored<CoordinatorCheckpoint> | undefined> {
  const jsm = await jetstreamManager(nc);
  const message = await jsm.streams.getMessage(ACTORS_STREAM, {
    last_by_subj: COORDINATOR_CHECKPOINT,
  });
  if (message === null) return undefined;
  const value = coordinatorCheckpointSchema.parse(message.json());
  return { sequence: message.seq as StreamSequence, value };
}

/** The model that was last put in force. */
export async function readModel(nc: NatsConnection): Promise<Model | undefined> {
  const jsm = await jetstreamManager(nc);
  const last_by_subj = COORDINATOR_MODEL;
  const message = await jsm.streams.getMessage(ACTORS_STREAM, { last_by_subj });
  return message === null ? undefined : modelSchema.parse(upcast('model', message.json()));
}

const RUNAWAY_ALERTS = alertsOf('runaway_spend');

/** All that the desk keeps; the claim comes last, so nothing stored before it can be missing. */
async function readActors(
  nc: NatsConnection,
  claim: StreamSequence,
): Promise<Pick<DeskState, 'campaigns' | 'demand' | 'alerts'>> {
  const consumer = await jetstream(nc).consumers.get(ACTORS_STREAM, {
    filter_subjects: [
      CAMPAIGN_ACTORS_ALL,
      COORDINATOR_DEMAND,
      RUNAWAY_ALERTS,
      COORDINATOR_CHECKPOINT,
    ],
    deliver_policy: DeliverPolicy.LastPerSubject,
  });
  const campaigns: CampaignActorState[] = [];
  const alerts: Alert[] = [];
  let demand: Demand | undefined;
  let isComplete = false;
  const messages = await consumer.consume({ expires: 3_000, idle_heartbeat: 750 });
  for await (const message of messages) {
    const { subject } = message;
    if (subject === COORDINATOR_DEMAND)
      demand = demandSchema.parse(upcast('demand', message.json()));
    else if (subject.startsWith('alerts.'))
      alerts.push(alertSchema.parse(upcast('alert', message.json())));
    else if (subject !== COORDINATOR_CHECKPOINT) {
      campaigns.push(upcast('campaignActor', message.json()) as unknown as CampaignActorState);
    }
    if (message.seq >= claim) {
      isComplete = true;
      break;
    }
  }
  // Without some campaigns their budgets would be granted a second time (I5).
  if (!isComplete) throw new Error('the campaigns could not be read whole');
  return { campaigns, demand, alerts };
}
