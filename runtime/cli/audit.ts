/**
 * `microtarget audit`: everything calculated again from the log, and compared with what is stored.
 */
import { auditEngine } from '../audit/audit.ts';
import { integer, printJson, printLine, printTable, progress } from './print.ts';
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
