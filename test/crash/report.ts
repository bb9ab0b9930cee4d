/**
 * The outcome of a crash test for people.
 */
import { integer, money, printLine, printTable } from '../../runtime/cli/print.ts';
import { FAULT_KINDS } from './fault-plan.ts';
import type { CrashReport } from './harness.ts';

const MAX_WARNINGS_SHOWN = 12;

/** Prints figures, faults, budgets, warnings and problems. */
export function printReport(report: CrashReport): void {
  const { load, traffic, campaigns } = report;
  const spent = campaigns.reduce((sum, { spent_micros }) => sum + spent_micros, 0);
  const budget = campaigns.reduce((sum, { campaign }) => sum + campaign.budget_micros, 0);
  printLine();
  printTable(
    ['figure', 'value'],
    [
      ['events acknowledged', integer(report.acknowledged)],
      ['events accepted', integer(traffic.accepted ?? 0)],
      ['rate asked, a second', integer(report.rate)],
      ['rate achieved, a second', integer(Math.round(report.achievedRate))],
      ['not sent for lack of room', integer(load.shortfall)],
      ['sent twice on purpose', integer(load.doubled + load.lateDoubles)],
      ['sent again without answer', integer(load.resent)],
      ['duplicates found', integer(traffic.duplicates ?? 0)],
      ['decisions', integer(traffic.decisions ?? 0)],
      ['of which won', integer(traffic.wins ?? 0)],
      ['decisions heard', integer(report.decisionsHeard)],
      ['takeovers', integer(report.takeovers)],
      ['campaigns', integer(campaigns.length)],
      ['of which used up', integer(report.usedUp)],
      ['spent', money(spent)],
      ['of budgets', money(budget)],
      ['users audited', integer(report.audited.users)],
    ],
  );
  printLine();
  printFaults(report);
  printLine();
  const warnings = Object.entries(report.warnings).sort(([, a], [, b]) => b - a);
  if (warnings.length > 0) {
    const rows = warnings.slice(0, MAX_WARNINGS_SHOWN).map(([what, n]) => [integer(n), what]);
    printTable(['times', 'logged by the processes'], rows);
    printLine();
  }
  if (report.problems.length === 0) printLine('nothing lost, nothing doubled, nothing overspent');
  for (const problem of report.problems) printLine(`PROBLEM: ${problem}`);
}

/** Recovery: a partition's longest standstill; for coordinators, the time without a leader. */
function printFaults({ faults }: CrashReport): void {
  const rows = FAULT_KINDS.flatMap((kind) => {
    const of = faults.filter((fault) => fault.kind === kind);
    if (of.length === 0) return [];
    const times = (some: readonly FaultReport[]): number[] =>
      some.flatMap(({ recoveryMs }) => recoveryMs ?? []).sort((a, b) => a - b);
    const alone = times(of.filter((fault) => !isDisturbed(fault, faults)));
    const all = times(of);
    const ms = (value: number | undefined): string =>
      value === undefined ? '–' : integer(Math.round(value));
    return [
      [
        kind,
        String(of.length),
        String(alone.length),
        ms(alone.at(-1)),
        ms(all[Math.floor(all.length / 2)]),
        ms(all.at(-1)),
      ],
    ];
  });
  printTable(['fault', 'times', 'alone', 'alone, worst ms', 'median ms', 'worst ms'], rows);
}

type FaultReport = CrashReport['faults'][number];

/** Whether another fault came close enough to be in its recovery time. */
function isDisturbed(fault: FaultReport, faults: readonly FaultReport[]): boolean {
  return faults.some((other) => {
    if (other === fault) return false;
    const [first, second] = other.atMs < fault.atMs ? [other, fault] : [fault, other];
    return second.atMs < first.atMs + first.downMs + (first.recoveryMs ?? 0);
  });
}
