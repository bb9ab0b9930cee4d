/**
 * `microtarget alerts`: what the engine found unusual, and who looks after it.
 */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { type Alert, alertSchema } from '../../protocols/alert.ts';
import { alertsReportSchema } from '../../protocols/live-services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { integer, money, printJson, printLine, printTable } from './print.ts';
import { ask, connectAs } from './session.ts';

const MAX_NAME_CHARS = 64;
/** Figures below are shown with more places: rates and shares. */
const SMALL_FIGURE = 100;

export interface ListOptions {
  /** Resolved ones too. */
  readonly all?: boolean;
  readonly json?: boolean;
}

export interface AcknowledgeOptions {
  /** The user of the operating system if not given. */
  readonly by?: string;
  readonly json?: boolean;
}

/** Adds `alerts` with its commands; without one it lists. */
export function addAlertCommands(program: Command): void {
  const alerts = program.command('alerts').description('what is unusual: docs/alerts.md');
  alerts
    .command('list', { isDefault: true })
    .description('alerts that are not resolved, the newest first')
    .option('--all', 'resolved ones too')
    .option('--json', 'print JSON')
    .action(listAlerts);
  alerts
    .command('acknowledge')
    .description('say that you look after an alert')
    .argument('<id>')
    .option('--by <name>', 'who looks after it; you unless told')
    .option('--json', 'print JSON')
    .action(acknowledgeAlert);
}

/** Lists alerts, and says what each may mean. */
async function listAlerts({ all = false, json = false }: ListOptions): Promise<void> {
  const nc = await connectAs('ops', 'alerts');
  try {
    const report = await ask(nc, SERVICES.inspectAlerts, {}, alertsReportSchema);
    const alerts = report.alerts.filter(({ status }) => all || status !== 'resolved');
    if (json) printJson({ alerts });
    else printAlerts(alerts, all);
  } finally {
    await nc.close();
  }
}

async function acknowledgeAlert(
  id: string,
  { by = userInfo().username, json = false }: AcknowledgeOptions,
): Promise<void> {
  const nc = await connectAs('ops', 'alerts');
  try {
    const request = { id, by: by.slice(0, MAX_NAME_CHARS) };
    const alert = await ask(nc, SERVICES.acknowledgeAlert, request, alertSchema);
    if (json) printJson(alert);
    else printAlerts([alert], true);
  } finally {
    await nc.close();
  }
}

function printAlerts(alerts: readonly Alert[], isAll: boolean): void {
  if (alerts.length === 0) {
    printLine(isAll ? 'no alert is on record' : 'nothing is unusual; --all shows what was');
    return;
  }
  printTable(
    ['status', 'kind', 'where', 'since', 'expected → found'],
    alerts.map((alert) => [
      statusText(alert),
      alert.kind,
      alert.key,
      timeText(alert.since_ms),
      `${figureText(alert.expected, alert.unit)} → ${figureText(alert.found, alert.unit)}`,
    ]),
  );
  for (const { id, meaning } of alerts) {
    printLine();
    printLine(id);
    printLine(`  ${meaning}`);
  }
}

function statusText({ status, acknowledged }: Alert): string {
  return acknowledged === null ? status : `${status} (${acknowledged.by})`;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 19);
}

/** Money as units of the currency; small figures with two places that count. */
function figureText(figure: number, unit: string): string {
  if (unit === 'micros') return money(figure);
  const text =
    Math.abs(figure) >= SMALL_FIGURE || Number.isInteger(figure)
      ? integer(Math.round(figure))
      : String(Number(figure.toPrecision(2)));
  return `${text} ${unit}`;
}
