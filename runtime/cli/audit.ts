/**
 * `microtarget audit`: everything calculated again from the log, and compared with what is stored.
 */
import { auditEngine } from '../audit/audit.ts';
import type { AuditFigures } from '../audit/live-figures.ts';
import { integer, money, printJson, printLine, printTable, progress } from './print.ts';
import { connectAs } from './session.ts';

/** Exits with 1 if anything differs. */
export async function auditCommand(options: { json?: boolean }): Promise<void> {
  const nc = await connectAs('engine', 'audit');
  try {
    const bar = progress('replaying the log', 1);
    const report = await auditEngine(nc, { onProgress: (done, total) => bar.update(done, total) });
    bar.stop();
    if (report.differencesTotal > 0) process.exitCode = 1;
    if (options.json === true) {
      printJson(report);
      return;
    }
    printLine(
      `${integer(report.events)} events, ${integer(report.users)} users, ` +
        `${integer(report.decisions)} decisions, ${integer(report.deadLetters)} dead letters ` +
        `in ${report.partitions} partitions, ${Math.round(report.elapsedMs)} ms`,
    );
    printFigures(report.figures);
    for (const note of report.notes) printLine(`note: ${note}`);
    if (report.differencesTotal === 0) {
      printLine('no difference: what is stored is what the log says');
      return;
    }
    printLine(`${integer(report.differencesTotal)} differences:`);
    printTable(
      ['where', 'expected', 'found'],
      report.differences.map(({ where, expected, found }) => [
        where,
        JSON.stringify(expected),
        JSON.stringify(found),
      ]),
    );
  } finally {
    await nc.close();
  }
}

/** What a live page has to show, by the log alone: sums, and the velocity of the last day. */
function printFigures(figures: AuditFigures): void {
  const { events, missing, visits, conversions, velocity } = figures;
  printLine();
  printTable(
    ['by the log', 'figure', 'of'],
    [
      ['fill rate', share(figures.fill_rate), `${integer(missing)} missing`],
      ['accepted events', integer(events), ''],
      ['conversion rate', share(figures.conversion_rate), `${integer(visits)} visits`],
      ['conversions', integer(conversions), ''],
      ['ROAS', ratio(figures.roas), 'what is left of the value / cost and spend'],
      ['value', money(figures.value_micros), `${money(figures.refunded_micros)} refunded`],
      ['cost of touches', money(figures.cost_micros), ''],
      ['spend of campaigns', money(figures.spend_micros), ''],
    ],
  );
  const day = velocity.at(-1)?.day;
  if (day !== undefined) {
    printLine();
    printTable(
      [`moves on ${day}`, 'users', 'p50 s', 'p90 s', 'p99 s'],
      velocity
        .filter((each) => each.day === day)
        .map(({ from, to, users, p50_ms, p90_ms, p99_ms }) => [
          `${from} > ${to}`,
          ...[integer(users), seconds(p50_ms), seconds(p90_ms), seconds(p99_ms)],
        ]),
    );
  }
  printLine();
}

function share(value: number | null): string {
  return value === null ? '–' : `${(value * 100).toFixed(2)}%`;
}

function ratio(value: number | null): string {
  return value === null ? '–' : value.toFixed(4);
}

function seconds(ms: number): string {
  return (ms / 1_000).toLocaleString('en-US', { maximumFractionDigits: 3 });
}
