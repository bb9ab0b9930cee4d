/**
 * What `microtarget campaigns` and `microtarget inspect campaign` are called with.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { printCampaignTemplate } from './campaign-template.ts';
import {
  amountInMicros,
  applyCampaigns,
  capInMicros,
  listCampaigns,
  type RevisionOptions,
  setCampaignBudget,
  setCampaignStatus,
  showCampaignTrail,
} from './campaigns.ts';
import { inspectCampaignCommand } from './inspect-campaign.ts';

const JSON_OPTION = ['--json', 'print JSON'] as const;
const BY_OPTION = ['--by <name>', 'who makes the change, for the trail; you unless told'] as const;
const REVISION_OPTION = [
  '--if-revision <n>',
  'only if this is the revision in force: nobody made a change in between',
] as const;

const STATUS_ACTIONS = {
  pause: 'keep a campaign out of auctions until it is resumed',
  resume: 'let a paused or throttled campaign take part again',
  end: 'end a campaign for good',
} as const;

/** Adds `campaigns` with its commands. */
export function addCampaignCommands(program: Command): void {
  const campaigns = program.command('campaigns').description('manage campaigns: docs/campaigns.md');
  campaigns
    .command('list')
    .description('all campaigns with budgets, results and lift')
    .option(...JSON_OPTION)
    .action(listCampaigns);
  campaigns
    .command('template')
    .description('print a campaign with every field, to be edited')
    .action(printCampaignTemplate);
  campaigns
    .command('apply')
    .description('define or change campaigns: all of a file, or none')
    .argument('<file>', 'YAML or JSON: a campaign, a list, or campaigns: with a list')
    .option(...BY_OPTION)
    .option(...JSON_OPTION)
    .action(applyCampaigns);
  for (const action of Object.keys(STATUS_ACTIONS) as (keyof typeof STATUS_ACTIONS)[]) {
    campaigns
      .command(action)
      .description(STATUS_ACTIONS[action])
      .argument('<id>')
      .option(...REVISION_OPTION, revision)
      .option(...BY_OPTION)
      .option(...JSON_OPTION)
      .action((id: string, options: RevisionOptions) => setCampaignStatus(action, id, options));
  }
  campaigns
    .command('budget')
    .description('change budgets, in units of the currency such as 1250 or 0.75')
    .argument('<id>')
    .option('--total <amount>', 'the most it may spend in all', amountInMicros)
    .option('--daily <amount>', 'the most on a day, or none', capInMicros)
    .option('--hourly <amount>', 'the most in an hour, or none', capInMicros)
    .option(...REVISION_OPTION, revision)
    .option(...BY_OPTION)
    .option(...JSON_OPTION)
    .action(setCampaignBudget);
  campaigns
    .command('trail')
    .description('who changed a campaign, when and how: the latest changes')
    .argument('<id>')
    .option(...JSON_OPTION)
    .action(showCampaignTrail);
}

/** Adds `campaign` to `inspect`. */
export function addInspectCampaign(inspect: Command): void {
  inspect
    .command('campaign')
    .description('budgets, delivery, what it causes, and who changed it')
    .argument('<id>')
    .option(...JSON_OPTION)
    .action(inspectCampaignCommand);
}

function revision(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a revision: a whole number from 1 on');
}
