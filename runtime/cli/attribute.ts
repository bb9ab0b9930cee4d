/**
 * `microtarget attribute`: what each channel causes, from the running engine.
 */
import { type AttributionReport, attributionReportSchema } from '../../protocols/services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { integer, money, printJson, printLine, printTable } from './print.ts';
import { ask, connectAs } from './session.ts';

export interface AttributeOptions {
  readonly from?: string;
  readonly to?: string;
  readonly transitions?: boolean;
  readonly json?: boolean;
}

/** Shows live Markov attribution over a range of cohorts. */
export async function attributeCommand({ json, ...request }: AttributeOptions): Promise<void> {
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
  const { paths, conversions, value_micros, p_conversion, currency, transitions } = report;
  if (paths === 0) {
    printLine('no path so far: send impression and click events with a channel');
    return;
  }
  printLine(
    `${integer(paths)} paths, ${integer(conversions)} conversions ` +
      `(${(p_conversion * 100).toFixed(2)} %), ${money(value_micros)} ${currency}`,
  );
  printLine('Markov order 1: the share of conversions that would be lost without the channel\n');
  const byEffect = [...report.channels].sort((a, b) => b.removal_effect - a.removal_effect);
  printTable(
    ['channel', 'removal effect', 'conversions', `value ${currency}`, `cost ${currency}`, 'ROAS'],
    byEffect.map((channel) => [
      channel.channel,
      channel.removal_effect.toFixed(4),
      channel.conversions.toFixed(1),
      money(channel.value_micros),
      money(channel.cost_micros),
      channel.roas === null ? '–' : channel.roas.toFixed(2),
    ]),
  );
  if (transitions === undefined) return;
  printLine();
  printTable(
    ['from', 'to', 'count'],
    transitions.map(({ from, to, count }) => [from, to, integer(count)]),
  );
}
