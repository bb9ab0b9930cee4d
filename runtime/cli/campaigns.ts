/**
 * `microtarget campaigns`: define, list, pause, resume and end campaigns, change their budgets, and
 * see who changed what.
 */
import { userInfo } from 'node:os';
import { InvalidArgumentError } from 'commander';
import {
  type CampaignChange,
  type CampaignReport,
  type CampaignsReport,
  campaignDetailSchema,
  campaignsReportSchema,
} from '../../protocols/campaign-services.ts';
import { MAX_AMOUNT_UNITS, MICROS_PER_UNIT, type Micros } from '../../protocols/money.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { allCampaigns } from '../campaign-pages.ts';
import { readCampaignFile } from './campaign-file.ts';
import { liftText } from './lift-text.ts';
import { integer, money, printJson, printLine, printTable } from './print.ts';
import { ask, CommandFailed, connectAs } from './session.ts';

const EXIT_USAGE = 2;
const MAX_NAME_CHARS = 64;

interface JsonOption {
  readonly json?: boolean;
}

/** Options of whatever changes a campaign. */
export interface ChangeOptions extends JsonOption {
  /** Shown in the trail; the user of the operating system if not given. */
  readonly by?: string;
}

/** Changes that are made only if nobody made another one in between. */
export interface RevisionOptions extends ChangeOptions {
  readonly ifRevision?: number;
}

/** Amounts in micros; null takes a cap away. */
export interface BudgetOptions extends RevisionOptions {
  readonly total?: Micros;
  readonly daily?: Micros | null;
  readonly hourly?: Micros | null;
}

/** Lists all campaigns with their budgets and results. */
export async function listCampaigns(options: JsonOption): Promise<void> {
  const nc = await connectAs('ops', 'campaigns');
  try {
    show(await allCampaigns((...question) => ask(nc, ...question)), options);
  } finally {
    await nc.close();
  }
}

/** Defines or changes the campaigns of a YAML or JSON file, all of them or none. */
export async function applyCampaigns(file: string, options: ChangeOptions): Promise<void> {
  const { campaigns, revisions } = readCampaignFile(file);
  await change(SERVICES.applyCampaigns, { campaigns, revisions }, options);
}

/** Pauses, resumes or ends one campaign. */
export async function setCampaignStatus(
  action: 'pause' | 'resume' | 'end',
  campaign: string,
  { ifRevision, ...options }: RevisionOptions,
): Promise<void> {
  await change(SERVICES.setCampaignStatus, { campaign, action, revision: ifRevision }, options);
}

/** Changes budgets of one campaign; those that are not named stay. */
export async function setCampaignBudget(
  campaign: string,
  { total, daily, hourly, ifRevision, ...options }: BudgetOptions,
): Promise<void> {
  if (total === undefined && daily === undefined && hourly === undefined) {
    const message = 'expected --total, --daily or --hourly; found none of them';
    throw new CommandFailed(message, { exitCode: EXIT_USAGE });
  }
  const budgets = { budget_micros: total, daily_micros: daily, hourly_micros: hourly };
  const request = { campaign, ...budgets, revision: ifRevision };
  await change(SERVICES.setCampaignBudget, request, options);
}

/** Shows who changed a campaign, when and how: the latest changes, the newest first. */
export async function showCampaignTrail(campaign: string, options: JsonOption): Promise<void> {
  const nc = await connectAs('ops', 'campaigns');
  try {
    const detail = await ask(nc, SERVICES.inspectCampaign, { campaign }, campaignDetailSchema);
    if (options.json === true) printJson({ campaign, changes: detail.changes });
    else printChanges(detail.changes);
  } finally {
    await nc.close();
  }
}

/** Prints changes, with what differs in each. */
export function printChanges(changes: readonly CampaignChange[]): void {
  if (changes.length === 0) printLine('no change is on record');
  for (const { revision, at_ms, by, action, changed } of changes) {
    const at = new Date(at_ms).toISOString().replace('T', ' ').slice(0, 19);
    printLine(`revision ${revision}  ${at}  ${action} by ${by}`);
    if (action === 'create') continue;
    for (const { field, from, to } of changed) {
      printLine(`  ${field}: ${valueText(field, from)} → ${valueText(field, to)}`);
    }
  }
}

/**
 * An amount in units of the currency as micros, exactly.
 *
 * @throws InvalidArgumentError for anything but a decimal of at most six places.
 */
export function amountInMicros(text: string): Micros {
  const [, units, places = ''] = /^(\d{1,10})(?:\.(\d{1,6}))?$/.exec(text) ?? [];
  const micros = Number(units) * MICROS_PER_UNIT + Number(places.padEnd(6, '0'));
  // Both parts are integers, and so is their sum: nothing is rounded.
  if (units !== undefined && micros <= MAX_AMOUNT_UNITS * MICROS_PER_UNIT) return micros;
  throw new InvalidArgumentError(
    `expected units of the currency such as 1250 or 0.75, with at most 6 decimals and at most ` +
      `${MAX_AMOUNT_UNITS}; found ${JSON.stringify(text)}`,
  );
}

/** The same, or null for `none`. */
export function capInMicros(text: string): Micros | null {
  return text === 'none' ? null : amountInMicros(text);
}

/** The name that the operating system knows the user by. */
export function systemUser(): string {
  try {
    return userInfo().username.slice(0, MAX_NAME_CHARS) || 'unknown';
  } catch {
    // A container may run under an id that nobody gave a name.
    return 'unknown';
  }
}

async function change(subject: string, request: object, options: ChangeOptions): Promise<void> {
  const { by = systemUser(), ...output } = options;
  const nc = await connectAs('ops', 'campaigns');
  try {
    show(await ask(nc, subject, { ...request, by }, campaignsReportSchema), output);
  } finally {
    await nc.close();
  }
}

function show(report: CampaignsReport, options: JsonOption): void {
  if (options.json === true) printJson(report);
  else printCampaigns(report);
}

function printCampaigns({ campaigns, lift }: CampaignsReport): void {
  if (campaigns.length === 0) {
    printLine('no campaign so far: microtarget campaigns template > campaign.yaml');
    return;
  }
  printTable(
    [
      ...['campaign', 'status', 'revision', 'spent/budget', 'today', 'wins', 'shown', 'clicked'],
      ...['converted', 'ROAS', 'lift'],
    ],
    campaigns.map(row),
  );
  if (lift !== null) printLine(`\nall campaigns together, by their holdout: ${liftText(lift)}`);
}

function row(report: CampaignReport): string[] {
  const { campaign, status, spent_today_micros, roas } = report;
  const today = spent_today_micros === null ? '–' : money(spent_today_micros);
  const daily = campaign.daily_micros === undefined ? '' : `/${money(campaign.daily_micros)}`;
  return [
    campaign.id,
    status,
    integer(report.revision),
    `${money(report.spent_micros)}/${money(campaign.budget_micros)}`,
    `${today}${daily}`,
    integer(report.wins),
    integer(report.shown),
    integer(report.clicked),
    integer(report.converted),
    roas === null ? '–' : roas.toFixed(2),
    liftText(report.lift),
  ];
}

function valueText(field: string, value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'number' && field.endsWith('_micros')) return money(value);
  return JSON.stringify(value);
}
