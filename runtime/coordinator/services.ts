/**
 * What operators may ask, as NATS services: discoverable under `$SRV`, one endpoint per subject.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import { type Service, Svcm } from '@nats-io/services';
import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import {
  applyCampaignsRequest,
  inspectCampaignRequest,
  setCampaignBudgetRequest,
  setCampaignStatusRequest,
} from '../../protocols/campaign-services.ts';
import type { Partition } from '../../protocols/ids.ts';
import {
  applyModelRequest,
  inspectAttributionRequest,
  inspectConversionRequest,
  inspectUserRequest,
  type PartitionsReport,
} from '../../protocols/services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { natsActorStore } from '../nats/actor-store.ts';
import { partitionLag } from '../nats/lag.ts';
import type { NetworkFolder } from '../onnx/network-folder.ts';
import { type AttributionSources, attributionReport } from './attribution.ts';
import type { BudgetDesk } from './budget-desk.ts';
import {
  applyCampaigns,
  type CampaignSources,
  inspectCampaign,
  inspectCampaigns,
  setCampaignBudget,
  setCampaignStatus,
} from './campaign-services.ts';
import { endpoint } from './endpoint.ts';
import { inspectConversion } from './inspect-conversion.ts';
import { inspectUser } from './inspect-user.ts';
import { type LiveServiceSources, serveLive } from './live-services.ts';
import { type QualitySources, qualityReport } from './model-quality.ts';
import { serveUserInspections } from './user-services.ts';

/** Campaigns come by id, as many as a message holds; then those after the last of them. */
const inspectCampaignsRequest = z.object({ after: z.string().optional() });

export interface ServiceSources {
  readonly attribution: AttributionSources;
  readonly quality: QualitySources;
  readonly campaigns: CampaignSources & { readonly desk: BudgetDesk };
  readonly live: LiveServiceSources;
  readonly networks: NetworkFolder;
  readonly partitions: number;
}

/** Starts to answer; stop the service to end it. */
export async function serveOperators(
  nc: NatsConnection,
  { attribution, quality, campaigns, live, networks, partitions }: ServiceSources,
): Promise<Service> {
  const { desk } = campaigns;
  const service = await new Svcm(nc).add({
    name: 'microtarget',
    version: '0.1.0',
    description: 'Inspects actors, attribution and partitions; manages campaigns and the model',
  });
  const store = await natsActorStore(nc);
  endpoint(service, SERVICES.inspectUser, inspectUserRequest, ({ user }) =>
    inspectUser(nc, store, user, partitions, { ...attribution, networks }),
  );
  endpoint(service, SERVICES.inspectAttribution, inspectAttributionRequest, async (request) =>
    attributionReport(attribution, request),
  );
  endpoint(service, SERVICES.inspectConversion, inspectConversionRequest, ({ order }) =>
    inspectConversion(nc, order, attributionReport(attribution, {})),
  );
  endpoint(service, SERVICES.inspectPartitions, undefined, () =>
    partitionsReport(nc, store, partitions),
  );
  endpoint(service, SERVICES.inspectModelQuality, undefined, async () => qualityReport(quality));
  endpoint(service, SERVICES.inspectModel, undefined, async () => desk.modelReport());
  endpoint(service, SERVICES.applyModel, applyModelRequest, async ({ model }) => {
    const problem = await desk.applyModel(model);
    return problem === undefined ? desk.modelReport() : { problem };
  });
  serveCampaigns(nc, service, campaigns, attribution);
  serveLive(service, live);
  serveUserInspections(nc, service, { view: attribution.view, networks, partitions });
  return service;
}

function serveCampaigns(
  nc: NatsConnection,
  service: Service,
  sources: ServiceSources['campaigns'],
  attribution: AttributionSources,
): void {
  endpoint(service, SERVICES.inspectCampaigns, inspectCampaignsRequest, async ({ after }) =>
    inspectCampaigns(sources, after),
  );
  endpoint(service, SERVICES.inspectCampaign, inspectCampaignRequest, ({ campaign }) =>
    inspectCampaign(nc, sources, attribution, campaign),
  );
  endpoint(service, SERVICES.applyCampaigns, applyCampaignsRequest, (request) =>
    applyCampaigns(sources, request),
  );
  endpoint(service, SERVICES.setCampaignStatus, setCampaignStatusRequest, (request) =>
    setCampaignStatus(sources, request),
  );
  endpoint(service, SERVICES.setCampaignBudget, setCampaignBudgetRequest, (request) =>
    setCampaignBudget(sources, request),
  );
}

async function partitionsReport(
  nc: NatsConnection,
  store: Awaited<ReturnType<typeof natsActorStore>>,
  partitions: number,
): Promise<PartitionsReport> {
  const jsm = await jetstreamManager(nc);
  const reports = Array.from({ length: partitions }, async (_, number) => {
    const partition = number as Partition;
    const checkpoint = (await store.readCheckpoint(partition))?.value;
    const sequence = checkpoint?.sequence ?? 0;
    return {
      partition: number,
      owner: checkpoint?.owner ?? '',
      epoch: checkpoint?.epoch ?? 0,
      sequence,
      lag: await partitionLag(jsm, partition, sequence),
    };
  });
  return { partitions: await Promise.all(reports) };
}
