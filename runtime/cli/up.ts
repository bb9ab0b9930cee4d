/**
 * `microtarget up`: the whole engine in one process, in a nats-server of its own or a named one.
 */
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { campaignsReportSchema } from '../../protocols/campaign-services.ts';
import type { Decision } from '../../protocols/decision.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { type Config, loadConfig } from '../config.ts';
import { type Engine, type Role, startEngine } from '../engine.ts';
import { connectNats } from '../nats/connection.ts';
import { loadOrCreateCredentials } from '../nats-server/credentials.ts';
import { type EmbeddedNatsServer, startEmbeddedNatsServer } from '../nats-server/embedded.ts';
import { provisionNatsServer } from '../nats-server/provision.ts';
import { natsTarget } from '../nats-server/target.ts';
import { systemClock } from '../ports.ts';
import { projectRoot } from '../setup/project-root.ts';
import { DEMO_CAMPAIGNS } from '../simulate/demo-campaigns.ts';
import { ingestMessage, publishLive } from '../simulate/publish.ts';
import { Traffic } from '../simulate/traffic.ts';
import { pause } from '../timing.ts';
import { type DashboardAddress, dashboardAddress, plainAddress } from './dashboard.ts';
import { printLine } from './print.ts';
import { announceEndpoint, ask, CommandFailed, connectAs } from './session.ts';

const DEMO_VISITORS = 150;
/** How long campaigns may wait for a coordinator to lead. */
const LEAD_DEADLINE_MS = 15_000;
/** A stop that hangs is ended by a second signal, or by this. */
const STOP_DEADLINE_MS = 25_000;

export interface UpOptions {
  readonly demo: boolean;
  readonly rate: number;
  readonly natsPort?: number;
  readonly httpPort?: number;
  readonly storeDir?: string;
}

/** Runs until a signal or a broken server ends it. */
export async function up(options: UpOptions): Promise<void> {
  const config = withOptions(loadConfig(), options);
  const stopping = new AbortController();
  const server = await serverFor(config, options, stopping);
  const nc = await (server === undefined
    ? connectAs('engine', 'engine')
    : connectNats({
        url: server.url,
        name: 'microtarget engine',
        ...loadOrCreateCredentials().engine,
      }));
  stopOnSignal(stopping);
  const roles = ['worker', 'coordinator', 'gateway'] as const;
  const engine = await startOrLeave(nc, roles, config, server);
  const httpUrl = engine.gateway?.listeningOrigin ?? '';
  const natsUrl = server?.url ?? nc.getServer();
  const withdraw = announceEndpoint({ nats_url: natsUrl, http_url: httpUrl });
  if (options.demo) {
    await applyDemoCampaigns(nc);
    void demoTraffic(nc, options.rate, stopping.signal);
  }
  // The engine runs, whether or not there is a link.
  const dashboard = await dashboardAddress(httpUrl, 'ops').catch(() => plainAddress(httpUrl));
  printWelcome(natsUrl, httpUrl, dashboard, options);
  await untilAborted(stopping.signal);
  printLine('stopping: storing what is in flight …');
  withdraw();
  await stopAll(engine, nc, server);
}

/** Runs some roles against a server that is there already. */
export async function runRoles(roles: readonly Role[]): Promise<void> {
  const config = loadConfig();
  const stopping = new AbortController();
  const nc = await connectAs('engine', roles.join('+'));
  stopOnSignal(stopping);
  const engine = await startOrLeave(nc, roles, config, undefined);
  const at = engine.gateway === undefined ? '' : ` at ${engine.gateway.listeningOrigin}`;
  printLine(`${roles.join(' and ')} running${at}; stop with Ctrl-C`);
  await untilAborted(stopping.signal);
  await stopAll(engine, nc, undefined);
}

/** Starts the engine; if that fails, nothing is left that would keep the process alive. */
async function startOrLeave(
  nc: NatsConnection,
  roles: readonly Role[],
  config: Config,
  server: EmbeddedNatsServer | undefined,
): Promise<Engine> {
  try {
    return await startEngine(nc, new Set(roles), config);
  } catch (error) {
    await nc.close();
    await server?.stop();
    throw error;
  }
}

function withOptions(config: Config, options: UpOptions): Config {
  return {
    ...config,
    nats_port: options.natsPort ?? config.nats_port,
    http: { ...config.http, port: options.httpPort ?? config.http.port },
  };
}

async function serverFor(
  config: Config,
  options: UpOptions,
  stopping: AbortController,
): Promise<EmbeddedNatsServer | undefined> {
  if (natsTarget().kind === 'external') return undefined;
  const binary = await provisionNatsServer({ report: printLine });
  return startEmbeddedNatsServer({
    binary: binary.path,
    storeDir: options.storeDir ?? join(projectRoot(), '.microtarget', 'data'),
    port: config.nats_port,
    credentials: loadOrCreateCredentials(),
    onUnexpectedExit: (error) => {
      printLine(error.message);
      process.exitCode = 1;
      stopping.abort();
    },
  });
}

async function applyDemoCampaigns(nc: NatsConnection): Promise<void> {
  const deadlineMs = systemClock.nowMs() + LEAD_DEADLINE_MS;
  for (;;) {
    try {
      const { campaigns } = await ask(nc, SERVICES.inspectCampaigns, {}, campaignsReportSchema);
      const known = new Set(campaigns.map(({ campaign }) => campaign.id));
      const missing = DEMO_CAMPAIGNS.filter(({ id }) => !known.has(id));
      if (missing.length > 0) {
        await ask(
          nc,
          SERVICES.applyCampaigns,
          { campaigns: missing, by: 'demo' },
          campaignsReportSchema,
        );
      }
      return;
    } catch (error) {
      // Another process may lead still, or nobody yet.
      if (!(error instanceof CommandFailed) || systemClock.nowMs() > deadlineMs) throw error;
      await pause(200);
    }
  }
}

async function demoTraffic(nc: NatsConnection, rate: number, signal: AbortSignal): Promise<void> {
  const traffic = new Traffic({ seed: systemClock.nowMs() % 100_000, visitors: DEMO_VISITORS });
  nc.subscribe('decisions.*', {
    callback: (_error, message) => {
      const { decision_id, orchestration } = message.json<Decision>();
      if (orchestration.winner_campaign === null) return;
      const user = message.subject.slice('decisions.'.length);
      for (const outcome of traffic.outcomes(user, decision_id, systemClock.nowMs())) {
        const { subject, body } = ingestMessage(outcome);
        nc.publish(subject, body);
      }
    },
  });
  await publishLive(nc, (atMs) => traffic.next(atMs), rate, systemClock, signal);
}

function printWelcome(
  natsUrl: string,
  httpUrl: string,
  dashboard: DashboardAddress,
  options: UpOptions,
): void {
  printLine(`
microtarget is running${options.demo ? ` with ${options.rate} simulated events a second` : ''}
  Dashboard  ${dashboard.url}  ${dashboard.note}
  HTTP  ${httpUrl}   POST /v1/decide, POST /v1/events, GET /healthz, GET /readyz
  NATS  ${natsUrl}   passwords in .microtarget/local.env

Send an event of your own and get a decision:
  curl -s '${httpUrl}/v1/decide?user=ada' -d '{"event_id":"9f8c4b2a-1e3d-4f7c-8a2b-5d6e7f809102",\
"session_index":42,"user_mode":"authenticated","vectors":{"scroll_depth_hz":72.4,\
"tap_velocity_ms":120,"active_duration_s":48},"timestamp":1712613245000}'

Look at it, in another terminal:
  npx microtarget dashboard            another link to the dashboard; --viewer for marketers
  npx microtarget inspect user ada     the user's statechart, fused state, path and last decision
  npx microtarget attribute            every attribution model side by side, live
  npx microtarget campaigns list       budgets and what they bought
  npx microtarget audit                everything calculated again from the log, and compared

Ctrl-C stops it; what was stored stays.`);
}

/**
 * Aborts at the first SIGINT or SIGTERM. Called before the engine starts: a signal during the start
 * would end the process with its partitions still claimed.
 */
function stopOnSignal(stopping: AbortController): void {
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function stopAll(
  engine: Engine,
  nc: NatsConnection,
  server: EmbeddedNatsServer | undefined,
): Promise<void> {
  const giveUp = setTimeout(() => process.exit(1), STOP_DEADLINE_MS);
  giveUp.unref();
  await engine.stop();
  await nc.drain().catch(() => nc.close());
  await server?.stop();
  clearTimeout(giveUp);
}
