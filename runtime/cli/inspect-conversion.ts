/**
 * `microtarget inspect conversion`: one order in the ledger, and who is credited with it.
 */
import { type ConversionReport, conversionReportSchema } from '../../protocols/services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { money, printJson, printLine, printTable } from './print.ts';
import { ask, connectAs } from './session.ts';

/** Shows what is credited for an order. */
export async function inspectConversionCommand(
  order: string,
  options: { json?: boolean },
): Promise<void> {
  const nc = await connectAs('ops', 'inspect');
  try {
    const report = await ask(nc, SERVICES.inspectConversion, { order }, conversionReportSchema);
    if (options.json === true) printJson(report);
    else for (const conversion of report.conversions) printConversion(report, conversion);
  } finally {
    await nc.close();
  }
}

function printConversion(
  { order, currency }: ConversionReport,
  conversion: ConversionReport['conversions'][number],
): void {
  const { user_id, t, value_micros, taken_back, touches, credits } = conversion;
  const at = new Date(t).toISOString();
  printLine(`order ${order} of user ${user_id}, ${at}, ${money(value_micros)} ${currency}`);
  if (taken_back) {
    printLine('refunded whole: it counts as if it had never been, and credits nobody');
    return;
  }
  if (touches.length === 0) {
    printLine('no touch was inside the lookback window: nobody is credited');
    return;
  }
  printLine();
  printTable(
    ['touch', 'channel', 'campaign'],
    touches.map(({ t: touchMs, channel, campaign }) => {
      return [new Date(touchMs).toISOString(), channel, campaign ?? '–'];
    }),
  );
  const models = Object.keys(credits);
  for (const kind of ['channels', 'campaigns'] as const) {
    const names = [...new Set(models.flatMap((m) => credits[m]?.[kind].map(({ name }) => name)))];
    if (names.length === 0) continue;
    printLine(`\nvalue in ${currency} by ${kind === 'channels' ? 'channel' : 'campaign'}`);
    printTable(
      [kind === 'channels' ? 'channel' : 'campaign', ...models],
      names.map((name) => [
        name ?? '',
        ...models.map((model) => {
          const credit = credits[model]?.[kind].find((each) => each.name === name);
          return money(credit?.value_micros ?? 0);
        }),
      ]),
    );
  }
}
