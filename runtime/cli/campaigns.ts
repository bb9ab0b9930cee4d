/**
 * `microtarget campaigns`: define, list, pause, resume and end campaigns.
 */
import { z } from 'zod';
import { campaignSchema } from '../../protocols/campaign.ts';
import { type CampaignsReport, campaignsReportSchema } from '../../protocols/services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { readJsonFile } from './json-file.ts';
import { integer, money, printJson, printLine, printTable } from './print.ts';
import { ask, CommandFailed, connectAs } from './session.ts';

interface JsonOption {
  readonly json?: boolean;
}

/** Lists all campaigns with their budgets and results. */
export async function listCampaigns(options: JsonOption): Promise<void> {
  await show(SERVICES.inspectCampaigns, {}, options);
}

/** Defines or changes the campaigns of a JSON file: one campaign, or a list of them. */
export async function applyCampaigns(file: string, options: JsonOption): Promise<void> {
  const json = readJsonFile(file);
  const parsed = z.array(campaignSchema).safeParse(Array.isArray(json) ? json : [json]);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path: [index, ...path], message }) =>
        `  campaign ${Number(index ?? 0) + 1}, ${path.join('.') || 'itself'}: ${message}`,
    );
    throw new CommandFailed(`${file}:\n${problems.join('\n')}`);
  }
  await show(SERVICES.applyCampaigns, { campaigns: parsed.data }, options);
}

/** Pauses, resumes or ends one campaign. */
export async function setCampaignStatus(
  action: 'pause' | 'resume' | 'end',
  campaign: string,
  options: JsonOption,
): Promise<void> {
  await show(SERVICES.setCampaignStatus, { campaign, action }, options);
}

async function show(subject: string, request: object, options: JsonOption): Promise<void> {
  const nc = await connectAs('ops', 'campaigns');
  try {
    const report = await ask(nc, subject, request, campaignsReportSchema);
    if (options.json === true) printJson(report);
    else printCampaigns(report);
  } finally {
    await nc.close();
  }
}

function printCampaigns({ campaigns }: CampaignsReport): void {
  if (campaigns.length === 0) {
    printLine('no campaign so far: microtarget campaigns apply <file.json>');
    return;
  }
  printTable(
    ['campaign', 'status', 'bid', 'budget', 'granted', 'spent', 'wins', 'shown', 'clicked'],
    campaigns.map((each) => [
      each.campaign.id,
      each.status,
      money(each.campaign.bid_micros),
      money(each.campaign.budget_micros),
      money(each.granted_micros),
      money(each.spent_micros),
      integer(each.wins),
      integer(each.shown),
      integer(each.clicked),
    ]),
  );
}
