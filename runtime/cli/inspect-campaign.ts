/**
 * `microtarget inspect campaign`: one campaign with all that is known of it.
 */
import { type CampaignDetail, campaignDetailSchema } from '../../protocols/campaign-services.ts';
import { FOREVER_MS, type Grant } from '../../protocols/grant.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { printChanges } from './campaigns.ts';
import { liftText, percent } from './lift-text.ts';
import { integer, money, printJson, printLine, printTable } from './print.ts';
import { ask, connectAs } from './session.ts';

/** Shows one campaign. */
export async function inspectCampaignCommand(
  campaign: string,
  options: { json?: boolean },
): Promise<void> {
  const nc = await connectAs('ops', 'inspect');
  try {
    const detail = await ask(nc, SERVICES.inspectCampaign, { campaign }, campaignDetailSchema);
    if (options.json === true) printJson(detail);
    else printCampaign(detail);
  } finally {
    await nc.close();
  }
}

function printCampaign(detail: CampaignDetail): void {
  const { campaign, status, revision, changes } = detail;
  printLine(`campaign ${campaign.id}   ${status}, revision ${revision}`);
  printLine(campaign.name);
  printDefinition(detail);
  printBudgets(detail);
  printDelivery(detail);
  printEffect(detail);
  printPartitions(detail);
  printLine('\nlatest changes');
  printChanges(changes);
}

function printDefinition({ campaign }: CampaignDetail): void {
  const { trigger_type, triggers, placements, bid_micros, pay_per, house, priority } = campaign;
  const price = house ? 'house campaign: pays nothing' : `bids ${money(bid_micros)} per ${pay_per}`;
  const where = placements.length === 0 ? 'all placements' : placements.join(', ');
  printLine('\ndefinition');
  printLine(`  ${price}, priority ${priority}; shows ${trigger_type}`);
  printLine(`  on ${triggers.join(', ') || 'requests for a decision only'}; ${where}`);
  if (campaign.rule !== undefined) printLine(`  for whom: ${campaign.rule.replace(/\s+/g, ' ')}`);
  for (const [signal, { min, max }] of Object.entries(campaign.targeting)) {
    printLine(`  with ${signal} from ${min} to ${max}`);
  }
  for (const { when, factor } of campaign.multipliers) {
    printLine(`  quality × ${factor} when ${when.replace(/\s+/g, ' ')}`);
  }
}

function printBudgets(detail: CampaignDetail): void {
  const { campaign, spent_micros, granted_micros, unbilled_micros } = detail;
  printLine('\nbudgets');
  printLine(`  total   ${spentOf(spent_micros, campaign.budget_micros)}`);
  if (campaign.daily_micros !== undefined) {
    printLine(`  today   ${spentOf(detail.spent_today_micros ?? 0, campaign.daily_micros)}`);
  }
  if (campaign.hourly_micros !== undefined) {
    printLine(`  hour    ${spentOf(detail.spent_this_hour_micros ?? 0, campaign.hourly_micros)}`);
  }
  printLine(`  spent or granted to partitions ${money(granted_micros)}`);
  if (unbilled_micros > 0) printLine(`  due when no grant was left ${money(unbilled_micros)}`);
  printLine(`  pacing ${campaign.pacing}, by the clock of ${campaign.time_zone}`);
  if (campaign.breaker !== undefined) {
    const { spend_micros, within_s } = campaign.breaker;
    printLine(`  throttled when it spends more than ${money(spend_micros)} within ${within_s} s`);
  }
}

function spentOf(spent: number, budget: number): string {
  return `${money(spent)} of ${money(budget)} (${percent(budget === 0 ? 0 : spent / budget)})`;
}

function printDelivery(detail: CampaignDetail): void {
  const { wins, shown, clicked, dismissed, converted, value_micros, roas, suppressed } = detail;
  printLine('\ndelivery');
  printLine(
    `  ${integer(wins)} wins, ${integer(shown)} shown, ${integer(clicked)} clicked, ` +
      `${integer(dismissed)} dismissed`,
  );
  const ratio = roas === null ? '' : `, ROAS ${roas.toFixed(2)}`;
  printLine(`  ${integer(converted)} conversions worth ${money(value_micros)}${ratio}`);
  const reasons = Object.entries(suppressed).sort(([, a], [, b]) => b - a);
  if (reasons.length === 0) return;
  printLine('\nkept back though it would have fitted');
  for (const [reason, times] of reasons) printLine(`  ${reason.padEnd(22)} ${integer(times)}`);
}

function printEffect({ lift, credit }: CampaignDetail): void {
  printLine('\neffect');
  if (lift === null) {
    printLine('  no holdout: set holdout_ppm to measure what it causes');
  } else {
    for (const arm of ['treated', 'control'] as const) {
      const { users, converted, conversion_rate, revenue_micros } = lift[arm];
      const rate = conversion_rate === null ? '' : ` (${percent(conversion_rate)})`;
      printLine(
        `  ${arm}  ${integer(users)} users, ${integer(converted)} converted${rate}, ` +
          `revenue ${money(revenue_micros)}`,
      );
    }
    printLine(`  lift of conversions: ${liftText(lift)}`);
    const more = lift.revenue_micros_per_user;
    if (more !== null) {
      const [estimate, low, high] = [more.estimate, more.low, more.high].map(money);
      printLine(`  revenue per user more by ${estimate} (${low} … ${high})`);
    }
  }
  const models = Object.entries(credit);
  if (models.length > 0) {
    printLine();
    printTable(
      ['credit by model', 'conversions', 'value'],
      models.map(([model, { conversions, value_micros }]) => [
        ...[model, conversions.toFixed(2), money(value_micros)],
      ]),
    );
  }
  printLine('\n  Credit is association: whose touches went before. Lift is cause: what would not');
  printLine('  have happened without.');
}

function printPartitions({ partitions }: CampaignDetail): void {
  printLine('\npartitions');
  printTable(
    ['partition', 'spent', 'allowed', 'window', 'limited by'],
    partitions.map(({ partition, grant, spent_micros }) => [
      String(partition),
      money(spent_micros),
      grant === null ? '–' : money(grant.allow_micros),
      grant === null ? '–' : windowText(grant),
      grant?.limited_by ?? '–',
    ]),
  );
}

function windowText({ from_ms, until_ms }: Grant): string {
  if (until_ms >= FOREVER_MS) return 'for ever';
  const minute = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
  return `${minute(from_ms)} to ${minute(until_ms)} UTC`;
}
