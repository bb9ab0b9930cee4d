/**
 * `microtarget attribute`: what each channel is credited with, from the running engine.
 */
import { RULE_MODELS } from '../../actors/channel/rule-models.ts';
import {
  type AttributionReport,
  type AttributionRequest,
  attributionReportSchema,
  MAX_LIVE_ORDER,
} from '../../protocols/services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { integer, money, printJson, printLine, printTable } from './print.ts';
import { ask, CommandFailed, connectAs } from './session.ts';

/** Below this many conversions an interval is too narrow: docs/attribution-truth.md. */
const FEW_CONVERSIONS = 100;
const EXIT_USAGE = 2;

export interface AttributeOptions {
  readonly from?: string;
  readonly to?: string;
  readonly transitions?: boolean;
  readonly order?: number;
  readonly intervals?: boolean;
  readonly chooseOrder?: boolean;
  readonly json?: boolean;
}

/** Shows live attribution over a range of cohorts. */
export async function attributeCommand(options: AttributeOptions): Promise<void> {
  const { json, chooseOrder, order, ...rest } = options;
  if (order !== undefined && order > MAX_LIVE_ORDER) {
    throw new CommandFailed(
      `--order: expected 1 to ${MAX_LIVE_ORDER} of the running engine, found ${order}`,
      { exitCode: EXIT_USAGE },
    );
  }
  const request: AttributionRequest = {
    ...rest,
    ...(order !== undefined && { order }),
    ...(chooseOrder === true && { choose_order: true }),
  };
  const nc = await connectAs('ops', 'attribute');
  try {
    const report = await ask(nc, SERVICES.inspectAttribution, request, attributionReportSchema);
    if (json === true) printJson(report);
    else printAttribution(report);
  } finally {
    await nc.close();
  }
}

function printAttribution(report: AttributionReport): void {
  const { paths, conversions, value_micros, p_conversion, currency, order } = report;
  if (paths === 0) {
    printLine('no path so far: send impression and click events with a channel');
    return;
  }
  printLine(
    `${integer(paths)} paths, ${integer(conversions)} conversions ` +
      `(${(p_conversion * 100).toFixed(2)} %), ${money(value_micros)} ${currency}`,
  );
  printOutside(report);
  printLine(
    `\nMarkov order ${order}, ${integer(report.states)} states: the share of conversions that ` +
      'its chain loses without the channel',
  );
  const byEffect = [...report.channels].sort((a, b) => b.removal_effect - a.removal_effect);
  printTable(
    ['channel', 'removal effect', 'conversions', `value ${currency}`, `cost ${currency}`, 'ROAS'],
    byEffect.map((channel) => [
      channel.channel,
      effectOf(channel),
      channel.conversions.toFixed(1),
      money(channel.value_micros),
      money(channel.cost_micros),
      channel.roas === null ? '–' : channel.roas.toFixed(2),
    ]),
  );
  const hasIntervals = byEffect.some(({ removal_effect_low }) => removal_effect_low !== undefined);
  if (hasIntervals && conversions < FEW_CONVERSIONS) {
    printLine(`fewer than ${FEW_CONVERSIONS} conversions: the intervals are too narrow`);
  }
  printLine('\nConversions by model: credit for what happened, not proof of what caused it');
  printModels(
    'channel',
    RULE_MODELS,
    byEffect.map(({ channel, models }) => ({ name: channel, models })),
  );
  if (report.campaigns.length > 0) {
    printLine();
    printModels(
      'campaign',
      ['markov', ...RULE_MODELS],
      report.campaigns.map(({ campaign, models }) => ({
        ...{ name: campaign, models },
      })),
    );
  }
  printOrderChoice(report);
  printTransitions(report);
}

function effectOf(channel: AttributionReport['channels'][number]): string {
  const { removal_effect, removal_effect_low, removal_effect_high } = channel;
  const effect = removal_effect.toFixed(4);
  if (removal_effect_low === undefined || removal_effect_high === undefined) return effect;
  return `${effect} (${removal_effect_low.toFixed(4)} – ${removal_effect_high.toFixed(4)})`;
}

function printOutside({ outside }: AttributionReport): void {
  const days = outside.lookback_ms / 86_400_000;
  printLine(
    `outside the lookback window of ${days.toFixed(days < 10 ? 1 : 0)} days: ` +
      `${integer(outside.touches)} touches, ${integer(outside.conversions)} conversions without ` +
      `a path; too late: ${integer(outside.touches_too_late)} touches, ` +
      `${integer(outside.conversions_too_late)} conversions`,
  );
}

function printModels(
  what: string,
  columns: readonly string[],
  rows: readonly {
    readonly name: string;
    readonly models: AttributionReport['channels'][number]['models'];
  }[],
): void {
  printTable(
    [what, ...columns],
    rows.map(({ name, models }) => [
      name,
      ...columns.map((model) => (models[model]?.conversions ?? 0).toFixed(1)),
    ]),
  );
}

function printOrderChoice({ order_choice }: AttributionReport): void {
  if (order_choice === undefined) return;
  printLine(`\nsuggested order: ${order_choice.suggested ?? 'none: no nulls or no conversions'}`);
  printTable(
    ['order', 'AUC', 'penalised AUC'],
    order_choice.scores.map(({ order, auc, penalized_auc }) => [
      ...[String(order), auc.toFixed(6), penalized_auc.toFixed(6)],
    ]),
  );
}

function printTransitions({ transitions }: AttributionReport): void {
  if (transitions === undefined) return;
  printLine();
  printTable(
    ['from', 'to', 'count'],
    transitions.map(({ from, to, count }) => [from, to, integer(count)]),
  );
}
