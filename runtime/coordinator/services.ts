/**
 * What operators may ask, as NATS services: discoverable under `$SRV`, one endpoint per subject.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import { type Service, type ServiceMsg, Svcm } from '@nats-io/services';
import type { NatsConnection } from '@nats-io/transport-node';
import type { z } from 'zod';
import type { Partition } from '../../protocols/ids.ts';
import {
  applyCampaignsRequest,
  applyModelRequest,
  inspectAttributionRequest,
  inspectConversionRequest,
  inspectUserRequest,
  type PartitionsReport,
  type Problem,
  setCampaignStatusRequest,
} from '../../protocols/services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { natsActorStore } from '../nats/actor-store.ts';
import { partitionLag } from '../nats/lag.ts';
import type { NetworkFolder } from '../onnx/network-folder.ts';
import { type AttributionSources, attributionReport } from './attribution.ts';
import type { BudgetDesk } from './budget-desk.ts';
import { inspectConversion } from './inspect-conversion.ts';
import { inspectUser } from './inspect-user.ts';
import { type QualitySources, qualityReport } from './model-quality.ts';

const MAX_REQUEST_BYTES = 1024 * 1024;

export interface ServiceSources {
  readonly attribution: AttributionSources;
  readonly quality: QualitySources;
  readonly desk: BudgetDesk;
  readonly networks: NetworkFolder;
  readonly partitions: number;
}

const STATUS_EVENTS = {
  pause: 'campaign.paused',
  resume: 'campaign.resumed',
  end: 'campaign.ended',
} as const;

/** Starts to answer; stop the service to end it. */
export async function serveOperators(
  nc: NatsConnection,
  { attribution, quality, desk, networks, partitions }: ServiceSources,
): Promise<Service> {
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
  endpoint(service, SERVICES.inspectCampaigns, undefined, async () => ({
    campaigns: desk.report(),
  }));
  endpoint(service, SERVICES.inspectPartitions, undefined, () =>
    partitionsReport(nc, store, partitions),
  );
  endpoint(service, SERVICES.inspectModelQuality, undefined, async () => qualityReport(quality));
  endpoint(service, SERVICES.inspectModel, undefined, async () => desk.modelReport());
  endpoint(service, SERVICES.applyModel, applyModelRequest, async ({ model }) => {
    const problem = await desk.applyModel(model);
    return problem === undefined ? desk.modelReport() : { problem };
  });
  endpoint(service, SERVICES.applyCampaigns, applyCampaignsRequest, async ({ campaigns }) => {
    const problem = await desk.apply(campaigns);
    return problem === undefined ? { campaigns: desk.report() } : { problem };
  });
  endpoint(service, SERVICES.setCampaignStatus, setCampaignStatusRequest, async (request) => {
    const problem = await desk.move(request.campaign, { type: STATUS_EVENTS[request.action] });
    return problem === undefined ? { campaigns: desk.report() } : { problem };
  });
  return service;
}

/** Adds an endpoint that parses its request; without a schema the request's body is ignored. */
function endpoint<S extends z.ZodType>(
  service: Service,
  subject: string,
  schema: S | undefined,
  answer: (request: z.infer<S>) => Promise<object | Problem>,
): void {
  const respond = async (message: ServiceMsg): Promise<void> => {
    let reply: object;
    try {
      const request = schema === undefined ? undefined : parseRequest(schema, message.data);
      reply =
        request !== undefined && 'problem' in request
          ? request
          : await answer(request?.value as z.infer<S>);
    } catch (error) {
      reply = { problem: error instanceof Error ? error.message : String(error) };
    }
    message.respond(JSON.stringify(reply));
  };
  service.addEndpoint(subject.replace('.', '-'), {
    subject,
    handler: (error, message) => {
      if (error === null) void respond(message);
    },
  });
}

function parseRequest<S extends z.ZodType>(
  schema: S,
  body: Uint8Array,
): { readonly value: z.infer<S> } | Problem {
  if (body.length > MAX_REQUEST_BYTES) {
    return { problem: `expected at most ${MAX_REQUEST_BYTES} bytes, found ${body.length}` };
  }
  let json: unknown;
  try {
    json = body.length === 0 ? {} : JSON.parse(new TextDecoder().decode(body));
  } catch (error) {
    return { problem: `expected JSON: ${String(error)}` };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { value: parsed.data };
  const issues = parsed.error.issues.map(
    ({ path, message }) => `${path.map(String).join('.') || 'request'}: ${message}`,
  );
  return { problem: issues.join('; ') };
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
